//! CPU time of scans against counting lines and against ripgrep, in one run over the same synthetic bytes.
//!
//! Run with `cargo bench -p pycoroner-logscan --bench scan`; a word picks one of the logs, and a second one (`scan`,
//! `templates`, `records`, `window`) the only work, for a profiler. The logs are made from a fixed seed. CPU time and not time of day, so
//! that a busy machine changes little; time of day only where two threads are compared with one.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

mod logs;

use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use logs::Kind;
use pycoroner_findings::{SourceId, UtcTime};
use pycoroner_fixtures::cpu_time;
use pycoroner_logscan::{Anchor, Input, Options, Records, scan};

const GIB: f64 = (1_u64 << 30) as f64;
const SIZE: usize = 64 << 20;
const ROUNDS: usize = 7;
const PATTERN: &str = "ERROR|CRITICAL|WARNING|Traceback";

/// Seconds per GiB that `rg -c` takes; `None` when there is none. The file is named often enough to be measurable.
fn ripgrep(file: &Path) -> Option<f64> {
    const TIMES: usize = 16;
    let before = cpu_time::of_children();
    let mut command = Command::new("rg");
    command.args(["--no-config", "-j1", "-c", PATTERN]).args(std::iter::repeat_n(file, TIMES));
    command.stdout(Stdio::null()).status().ok()?;
    let spent = cpu_time::of_children().saturating_sub(before);
    Some(spent.as_secs_f64() * GIB / (SIZE * TIMES) as f64)
}

fn scan_once(bytes: &[u8], templates: bool, jobs: usize) {
    scan_with(bytes, &Options { templates, jobs, ..Options::default() });
}

/// With templates, around the death of a process that wrote the log up to its end.
fn scan_around(bytes: &[u8], death: UtcTime) {
    let anchor = Anchor { pid: Some(77), ..Anchor::at(death) };
    scan_with(bytes, &Options { anchor: Some(anchor), ..Options::default() });
}

/// When the last record of a log was written.
fn last_time(mut bytes: &[u8]) -> UtcTime {
    let input = Input::new(SourceId(1), "bench", &mut bytes);
    let found = scan([input], &Options { templates: false, ..Options::default() });
    found.sources.first().and_then(|source| source.last).expect("a time")
}

fn scan_with(mut bytes: &[u8], options: &Options) {
    let input = Input::new(SourceId(1), "bench", &mut bytes);
    black_box(scan([input], options));
}

fn read_records(mut bytes: &[u8]) {
    let options = Options::default();
    let records = Records::new([Input::new(SourceId(1), "bench", &mut bytes)], &options);
    black_box(
        records.map(|record| record.map_or(0, |record| record.message.as_bytes().len())).sum::<usize>(),
    );
}

/// Seconds per GiB of some work on this thread.
fn timed(bytes: &[u8], work: impl FnOnce(&[u8])) -> f64 {
    let before = cpu_time::of_thread();
    work(bytes);
    cpu_time::of_thread().saturating_sub(before).as_secs_f64() * GIB / bytes.len() as f64
}

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-'));
    let (wanted, work) = (words.next(), words.next());
    for kind in Kind::ALL {
        if wanted.as_ref().is_none_or(|name| name == kind.name()) {
            let bytes = logs::log(kind, SIZE);
            let death = last_time(&bytes);
            match work.as_deref() {
                Some("records") => repeat(&bytes, read_records),
                Some("window") => repeat(&bytes, |bytes| scan_around(bytes, death)),
                Some(work) => repeat(&bytes, |bytes| scan_once(bytes, work == "templates", 1)),
                None => measure(kind.name(), &bytes, death),
            }
        }
    }
}

/// One work alone.
fn repeat(bytes: &[u8], work: impl Fn(&[u8])) {
    let best = (0..ROUNDS).map(|_| timed(bytes, &work)).fold(f64::MAX, f64::min);
    println!("{best:.3} s/GiB");
}

/// The least of some rounds of each work; the works take turns.
fn measure(name: &str, bytes: &[u8], death: UtcTime) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("room for the log");
    let mut best = [f64::MAX; 10];
    let mut keep = |index: usize, seconds: f64| {
        if let Some(slot) = best.get_mut(index) {
            *slot = slot.min(seconds);
        }
    };
    for _ in 0..ROUNDS {
        keep(
            0,
            timed(bytes, |bytes| {
                black_box(memchr::memchr_iter(b'\n', bytes).count());
            }),
        );
        keep(1, ripgrep(file.path()).unwrap_or(f64::MAX));
        keep(2, timed(bytes, |bytes| scan_once(bytes, false, 1)));
        keep(3, timed(bytes, |bytes| scan_once(bytes, true, 1)));
        keep(9, timed(bytes, |bytes| scan_around(bytes, death)));
        for (index, (templates, jobs)) in
            [(false, 1), (false, 2), (true, 1), (true, 2)].into_iter().enumerate()
        {
            let start = Instant::now();
            scan_once(bytes, templates, jobs);
            keep(4 + index, start.elapsed().as_secs_f64());
        }
        keep(8, timed(bytes, read_records));
    }
    let [lines, ripgrep, scan, templates, one, two, one_mining, two_mining, records, window] = best;
    println!(
        "{name}: s/GiB: {lines:.3} newlines, {scan:.3} scan, {templates:.3} with templates ({:.2} and {:.2} GB/s), {records:.3} records one by one",
        1.0737 / scan,
        1.0737 / templates
    );
    println!("{name}: around a death: {window:.3} s/GiB, {:.2} times without one", window / templates);
    println!(
        "{name}: times counting newlines: {:.1} scan, {:.1} with templates",
        scan / lines,
        templates / lines
    );
    println!(
        "{name}: two threads are faster by {:.2} scan, {:.2} with templates",
        one / two,
        one_mining / two_mining
    );
    if ripgrep < f64::MAX {
        println!(
            "{name}: times rg -c ({ripgrep:.3} s/GiB): {:.2} scan, {:.2} with templates",
            scan / ripgrep,
            templates / ripgrep
        );
    }
}
