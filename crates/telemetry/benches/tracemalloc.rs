//! CPU time of reading a snapshot of a million traces, against `tracemalloc.Snapshot.load` of the same file.
//!
//! Run with `cargo bench -p pycoroner-telemetry`; `PYTHON` names the interpreter to compare with (`python3`).
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use pycoroner_findings::SourceId;
use pycoroner_telemetry::{ExportFormat, read};

const TRACES: u32 = 1_000_000;
const ROUNDS: usize = 5;

/// Writes pickles as CPython does: what comes again is taken from the memo.
struct Writer {
    pickle: Vec<u8>,
    memo: u32,
    name: Option<u32>,
}

impl Writer {
    /// Notes what was written last; gives its place in the memo.
    fn memoize(&mut self) -> u32 {
        self.pickle.push(0x94);
        self.memo += 1;
        self.memo - 1
    }

    fn get(&mut self, place: u32) {
        if let Ok(place) = u8::try_from(place) {
            self.pickle.extend([b'h', place]);
        } else {
            self.pickle.push(b'j');
            self.pickle.extend(place.to_le_bytes());
        }
    }

    /// A tuple of 8 frames.
    fn frames(&mut self, line: u32) -> u32 {
        self.pickle.push(b'(');
        for depth in 0..8_u32 {
            if let Some(place) = self.name {
                self.get(place);
            } else {
                self.pickle.extend(b"\x8c\x10/srv/shop/app.py");
                self.name = Some(self.memoize());
            }
            self.pickle.push(b'J');
            self.pickle.extend((line + depth).to_le_bytes());
            self.pickle.push(0x86);
            self.memoize();
        }
        self.pickle.push(b't');
        self.memoize()
    }
}

/// A snapshot as CPython 3.12 pickles it: each trace with its size, of so many different tracebacks.
fn snapshot(tracebacks: u32) -> Vec<u8> {
    const BEGIN: &[u8] = b"\x80\x05\x8c\x0btracemalloc\x94\x8c\x08Snapshot\x94\x93\x94)\x81\x94}\x94(\x8c\x06traces\x94h\x00\x8c\x07_Traces\x94\x93\x94)\x81\x94}\x94\x8c\x07_traces\x94]\x94(";
    let memo = BEGIN.iter().map(|byte| u32::from(*byte == 0x94)).sum();
    let mut writer = Writer { pickle: BEGIN.to_vec(), memo, name: None };
    let mut places = Vec::new();
    for trace in 0..TRACES {
        writer.pickle.extend(b"(K\0J");
        writer.pickle.extend((32 + trace % 4000).to_le_bytes());
        if let Some(place) = places.get((trace % tracebacks) as usize) {
            writer.get(*place);
        } else {
            places.push(writer.frames(trace / 7));
        }
        writer.pickle.extend(b"K\x08t");
        writer.memoize();
        if trace % 1000 == 999 {
            writer.pickle.extend(b"e(");
        }
    }
    writer.pickle.extend(b"esb\x8c\x0ftraceback_limit\x94K\x08ub.");
    writer.pickle
}

/// CPU time of this thread so far; wall-clock time where the kernel does not say.
fn cpu_time(begun: Instant) -> Duration {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = schedstat.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| begun.elapsed(), Duration::from_nanos)
}

fn ours(pickle: &[u8]) -> Duration {
    let begun = Instant::now();
    let once = || {
        let before = cpu_time(begun);
        let telemetry = black_box(read(ExportFormat::Tracemalloc, black_box(pickle), SourceId(1)));
        assert_eq!(telemetry.profiles.first().and_then(|profile| profile.blocks), Some(u64::from(TRACES)));
        cpu_time(begun).saturating_sub(before)
    };
    (0..ROUNDS).map(|_| once()).min().unwrap_or_default()
}

/// CPU seconds that Python itself takes to load the file and to group it by lines.
fn pythons(pickle: &[u8]) -> Option<f64> {
    let path = std::env::temp_dir().join("pycoroner-bench.snapshot");
    std::fs::write(&path, pickle).ok()?;
    let program = "import sys,time,tracemalloc\nb=time.process_time()\ns=tracemalloc.Snapshot.load(sys.argv[1])\ns.statistics('lineno')\nprint(time.process_time()-b)";
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(python).args(["-c", program]).arg(&path).output().ok();
    std::fs::remove_file(&path).ok()?;
    String::from_utf8(output?.stdout).ok()?.trim().parse().ok()
}

fn main() {
    for tracebacks in [1_000, 250_000] {
        let pickle = snapshot(tracebacks);
        let ours = ours(&pickle).as_secs_f64();
        let mib = pickle.len() >> 20;
        let ratio = pythons(&pickle).map_or("no Python to compare with".to_owned(), |pythons| {
            format!("Python {pythons:.2} s, {:.1} times as long", pythons / ours)
        });
        println!("{TRACES} traces, {tracebacks} tracebacks, {mib} MiB: {ours:.3} s; {ratio}");
    }
}
