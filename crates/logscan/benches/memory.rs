//! The most memory that scans of hostile inputs take, each in a process of its own.
//!
//! Run with `cargo bench -p pycoroner-logscan --bench memory`. Inputs are made while they are read. The figure is what
//! was resident at most (`VmHWM`), the program's own pages included; at most 64 MiB of it may be private.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::fmt::Write as _;
use std::io::{self, Read};
use std::process::Command;
use std::{env, fs};

use pycoroner_findings::SourceId;
use pycoroner_logscan::{Input, Options, Records, scan};

const MIB: u64 = 1 << 20;

type Line = fn(u64, &mut String);

/// Name, bytes, and what the lines are.
const INPUTS: &[(&str, u64, Line)] = &[
    ("one-line", 100 * MIB, |_, text| text.push_str("x y 7 ")),
    ("empty-lines", 64 * MIB, |_, text| text.push('\n')),
    ("templates", 600 * MIB, |number, text| {
        let _ = writeln!(text, "{} INFO shop: {} was done", time(number), word(number));
    }),
    ("heads", 300 * MIB, |number, text| {
        let _ = writeln!(text, "{} INFO shop.{}: done", time(number), word(number));
    }),
    ("producers", 100 * MIB, |number, text| {
        let _ = writeln!(text, "web-{number}  | {} ERROR shop: failed", time(number));
    }),
    ("requests", 200 * MIB, |number, text| {
        let _ = writeln!(
            text,
            "{} INFO shop: request_id={number:032x} started and said a lot more",
            time(number)
        );
    }),
    ("json-requests", 200 * MIB, |number, text| {
        let _ = writeln!(
            text,
            "{{\"time\": \"{}\", \"level\": \"INFO\", \"message\": \"{}\", \"trace_id\": \"{number:032x}\"}}",
            time(number),
            word(number)
        );
    }),
    ("tracebacks", 300 * MIB, |number, text| {
        let _ = writeln!(
            text,
            "{} ERROR shop: {}\nTraceback (most recent call last):\n  File \"/srv/{}.py\", line {number}, in run\n    go()\n{}Error: {}",
            time(number),
            word(number),
            word(number),
            word(number),
            word(number).repeat(40)
        );
    }),
    ("headers", 100 * MIB, |number, text| {
        let _ = writeln!(text, "[rank{number}]: Traceback (most recent call last):");
    }),
    ("further-lines", 200 * MIB, |number, text| {
        let _ = writeln!(text, "web-{}  |   further line {number}", number % 3_000);
        if number < 10_000 {
            let _ = writeln!(text, "web-{}  | {} ERROR shop: failed", number % 3_000, time(number));
        }
    }),
    ("plain", 2048 * MIB, |number, text| {
        let _ = writeln!(
            text,
            "{} INFO [MainThread] shop.orders: order {number} placed in {}ms",
            time(number),
            number % 97
        );
    }),
];

fn time(number: u64) -> String {
    let second = number / 50;
    format!(
        "2024-05-{:02} {:02}:{:02}:{:02},{:03}",
        1 + second / 86_400 % 28,
        second / 3600 % 24,
        second / 60 % 60,
        second % 60,
        number % 50 * 20
    )
}

/// A number in letters.
fn word(number: u64) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

/// Makes lines while it is read.
struct Lines {
    line: Line,
    number: u64,
    left: u64,
    text: String,
    at: usize,
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.text.len() {
            self.text.clear();
            self.at = 0;
            while self.text.len() < 1 << 15 {
                (self.line)(self.number, &mut self.text);
                self.number += 1;
            }
        }
        let ready = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let len = ready.len().min(buffer.len()).min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if let (Some(slot), Some(bytes)) = (buffer.get_mut(..len), ready.get(..len)) {
            slot.copy_from_slice(bytes);
        }
        self.at += len;
        self.left -= len as u64;
        Ok(len)
    }
}

fn main() {
    let words: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let [name, way] = words.as_slice() {
        return read_one(name, way);
    }
    let program = env::current_exe().expect("the path of this program");
    for (name, bytes, _) in INPUTS.iter().filter(|(name, ..)| words.first().is_none_or(|word| word == name)) {
        for way in ["1 thread", "2 threads", "records"] {
            let output = Command::new(&program).args([name, way]).output().expect("this program runs");
            println!(
                "{name} ({} MiB), {way}: {}",
                bytes / MIB,
                String::from_utf8_lossy(&output.stdout).trim()
            );
        }
    }
}

/// Scans an input, or reads its records one by one.
fn read_one(name: &str, way: &str) {
    let Some((_, bytes, line)) = INPUTS.iter().find(|(known, ..)| known == &name) else { return };
    let mut reader = Lines { line: *line, number: 0, left: *bytes, text: String::new(), at: 0 };
    let input = Input::new(SourceId(1), "log", &mut reader);
    let lines = if way == "records" {
        let options = Options::default();
        let mut records = Records::new([input], &options);
        records.by_ref().for_each(drop);
        records.sources().first().map(|source| source.lines)
    } else {
        let jobs = if way.starts_with('2') { 2 } else { 1 };
        scan([input], &Options { jobs, ..Options::default() }).sources.first().map(|source| source.lines)
    };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_ascii_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
    };
    println!("{} MiB at most, {} MiB of them of files, {lines:?} lines", field("VmHWM"), field("RssFile"));
}
