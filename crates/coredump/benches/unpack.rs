//! CPU time of unpacking against the tools that people use, in one run over the same files.
//!
//! Run with `cargo bench -p pycoroner-coredump --bench unpack`; a word picks one of the tools. The content is a
//! synthetic log, made from a fixed seed and packed by the tool itself; a tool that is not installed is passed over.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use pycoroner_coredump::{Compression, Unpacker};
use pycoroner_fixtures::{Sequence, cpu_time};

const SIZE: usize = 64 << 20;
const ROUNDS: usize = 5;
/// So often a tool unpacks a file, because the time of children is told in hundredths of a second.
const TIMES: u32 = 4;

const TOOLS: [(&str, Compression); 5] = [
    ("gzip", Compression::Gzip),
    ("zstd", Compression::Zstd),
    ("lz4", Compression::Lz4),
    ("xz", Compression::Xz),
    ("bzip2", Compression::Bzip2),
];

/// A log of a service: as regular, and as irregular, as such logs are.
fn log() -> Vec<u8> {
    let mut sequence = Sequence::new(0x2545_f491_4f6c_dd1d);
    let mut number = |below: usize| sequence.below(below);
    let mut text = String::with_capacity(SIZE + 1024);
    let mut millis = 0;
    while text.len() < SIZE {
        millis += number(40);
        let (minute, second) = (millis / 60_000 % 60, millis / 1000 % 60);
        let level = ["DEBUG", "INFO", "INFO", "WARNING"][number(4)];
        let (order, took, place) = (number(1_000_000), number(5000), number(250));
        let _ = writeln!(
            text,
            "2024-05-01 12:{minute:02}:{second:02},{:03} {level} [worker-{}] shop.orders: order {order} from 10.0.0.{place} took {took}ms",
            millis % 1000,
            number(8)
        );
    }
    text.into_bytes()
}

fn pack(tool: &str, content: &[u8], packed: &Path) -> Option<()> {
    let output = File::create(packed).expect("a temporary file");
    let mut child = Command::new(tool).arg("-c").stdin(Stdio::piped()).stdout(output).spawn().ok()?;
    child.stdin.take()?.write_all(content).ok()?;
    child.wait().ok()?.success().then_some(())
}

fn unpack(packed: &Path, compression: Compression) -> u64 {
    let file = File::open(packed).expect("the packed file");
    let mut content = Unpacker::new(BufReader::with_capacity(1 << 16, file), compression);
    let mut buffer = vec![0; 1 << 16];
    let mut sum = 0;
    loop {
        match content.read(&mut buffer).expect("an intact file") {
            0 => return sum,
            count => sum += count as u64,
        }
    }
}

fn main() {
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let content = log();
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (tool, compression) in TOOLS {
        if wanted.as_ref().is_some_and(|wanted| wanted != tool) {
            continue;
        }
        let packed = folder.path().join(tool);
        if pack(tool, &content, &packed).is_none() {
            println!("{tool}: not installed");
            continue;
        }
        measure(tool, compression, &packed);
    }
}

/// The least of some rounds of each; they take turns.
fn measure(tool: &str, compression: Compression, packed: &Path) {
    let [mut ours, mut theirs] = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        let before = cpu_time::of_thread();
        assert!(unpack(packed, compression) >= SIZE as u64, "all of it");
        ours = ours.min(cpu_time::of_thread().saturating_sub(before));
        let before = cpu_time::of_children();
        for _ in 0..TIMES {
            let file = File::open(packed).expect("the packed file");
            let status = Command::new(tool).arg("-dc").stdin(file).stdout(Stdio::null()).status();
            assert!(status.expect("the tool").success(), "{tool} unpacks");
        }
        theirs = theirs.min(cpu_time::of_children().saturating_sub(before) / TIMES);
    }
    let per_gib = |time: Duration| time.as_secs_f64() * f64::from(1 << 30) / SIZE as f64;
    println!(
        "{tool}: s/GiB: {:.2} unpacker, {:.2} {tool} -dc; times {tool} -dc: {:.2}",
        per_gib(ours),
        per_gib(theirs),
        ours.as_secs_f64() / theirs.as_secs_f64()
    );
}
