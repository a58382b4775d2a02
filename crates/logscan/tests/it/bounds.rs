//! Any bytes, in any pieces, in bounded memory.

use std::fmt::Write as _;
use std::io::{self, Read};

use proptest::prelude::*;
use pycoroner_findings::{GapKind, SourceId};
use pycoroner_logscan::{Input, Options, Scan, looks_like_log, scan};

use crate::shown::scan_text;

/// Gives a few bytes at a time.
struct Dribble<'a> {
    rest: &'a [u8],
    step: usize,
}

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.step.min(self.rest.len()).min(buffer.len());
        let (now, later) = self.rest.split_at(len);
        buffer[..len].copy_from_slice(now);
        self.rest = later;
        Ok(len)
    }
}

fn scan_bytes(bytes: &[u8], step: usize) -> Scan {
    let mut reader = Dribble { rest: bytes, step };
    scan([Input::new(SourceId(1), "x", &mut reader)], &Options::default())
}

/// Lines that mean something, so that random orders of them reach deep.
pub(crate) const LINES: &[&str] = &[
    "2024-05-01 12:00:00,123 ERROR shop: m",
    "[2024-05-01 12:00:00 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:8)",
    "Traceback (most recent call last):",
    "  File \"a.py\", line 1, in f",
    "    x",
    "    ^^^",
    "KeyError: 1",
    "",
    "The above exception was the direct cause of the following exception:",
    "  + Exception Group Traceback (most recent call last):",
    "  |   File \"a.py\", line 1, in f",
    "  | ExceptionGroup: m (1 sub-exception)",
    "  +-+---------------- 1 ----------------",
    "    | ValueError: a",
    "    +---------------- 2 ----------------",
    "      | OSError: x",
    "    +------------------------------------",
    "Fatal Python error: Aborted",
    "Current thread 0x00007f (most recent call first):",
    "  File \"a.py\", line 1 in f",
    "Extension modules: a (total: 1)",
    "\"\"\"",
    "Call stack:",
    "Original Traceback (most recent call last):",
    "{\"level\":\"error\",\"message\":\"m\",\"exc_info\":\"Traceback (most recent call last):\\n  File \\\"a\\\", line 1, in f\\nE: m\"}",
    "{\"log\":\"Traceback (most recent call last):\\n\",\"stream\":\"stderr\"}",
    "web_1  | Traceback (most recent call last):",
    "2024-05-01T12:00:00.123456789Z stderr P   File \"a.py\", line 1, in f",
    "\u{1b}[31mKeyError\u{1b}[0m: x",
    "--- Logging error ---",
];

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..4096), step in 1_usize..200) {
        prop_assert_eq!(scan_bytes(&bytes, step), scan_bytes(&bytes, usize::MAX));
        let _ = looks_like_log(&bytes);
    }

    #[test]
    fn lines_in_any_order(picks in proptest::collection::vec((0..LINES.len(), any::<bool>()), 0..80), step in 1_usize..200) {
        let mut text = String::new();
        for (pick, cut) in picks {
            let line = LINES[pick];
            text.push_str(if cut { &line[..line.len() / 2] } else { line });
            text.push('\n');
        }
        let scan = scan_bytes(text.as_bytes(), step);
        prop_assert_eq!(&scan, &scan_bytes(text.as_bytes(), usize::MAX));
        for (index, entry) in scan.tracebacks.iter().enumerate() {
            prop_assert!(entry.parent.is_none_or(|parent| parent < scan.tracebacks.len() && parent != index));
            prop_assert!(entry.place.line <= entry.place.last_line && entry.place.last_line <= scan.sources[0].lines);
            prop_assert!(entry.place.offset + entry.place.bytes <= text.len() as u64);
        }
        let _ = (scan.document(), scan.timeline());
    }
}

#[test]
fn a_line_that_does_not_fit_is_a_gap() {
    let mut text = "2024-05-01 12:00:00 INFO shop: ".to_owned();
    text.push_str(&"x".repeat(3 << 20));
    text.push_str("\n2024-05-01 12:00:01 ERROR shop: after\n");
    let scan = scan_text(&text, &Options::default());
    assert_eq!((scan.sources[0].records, scan.sources[0].lines), (2, 2));
    assert!(scan.gaps.iter().any(|gap| gap.what.contains("of line 1")), "{:?}", scan.gaps);
    assert_eq!(scan.warnings[0].place.line, 2);
}

#[test]
fn many_different_tracebacks_are_bounded() {
    let mut text = String::new();
    for number in 0..3_000 {
        text.push_str("2024-05-01 12:00:00 ERROR shop: m\nTraceback (most recent call last):\n");
        writeln!(text, "  File \"a.py\", line 1, in f{number}\nKeyError: 1").unwrap();
    }
    let scan = scan_text(&text, &Options::default());
    assert_eq!(scan.tracebacks.len(), 2_000);
    assert!(scan.gaps.iter().any(|gap| gap.what == "1000 different tracebacks and dumps"), "{:?}", scan.gaps);
}

#[test]
fn deep_stacks_keep_both_ends() {
    let mut text = "Traceback (most recent call last):\n".to_owned();
    for number in 0..5_000 {
        writeln!(text, "  File \"a.py\", line {number}, in f{number}").unwrap();
    }
    text.push_str("RecursionError: deep\n");
    let scan = scan_text(&text, &Options::default());
    let entry = &scan.tracebacks[0];
    assert_eq!((entry.frames.len(), entry.omitted_frames), (400, 4_600));
    assert_eq!(entry.frames.last().unwrap().line, Some(4_999));
    assert_eq!(entry.frames[0].line, Some(0));
}

#[test]
fn reading_that_fails_is_a_gap() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("disk is gone"))
        }
    }
    let mut reader = b"2024-05-01 12:00:00 INFO shop: m\n".chain(Broken);
    let scan = scan([Input::new(SourceId(1), "x", &mut reader)], &Options::default());
    assert_eq!(scan.sources[0].records, 1);
    assert!(scan.gaps[0].why.contains("disk is gone"));
}

#[test]
fn nesting_is_walked_without_recursion() {
    let depth = 200_000;
    for text in [
        "<1>".repeat(depth),
        "kern:warn:".repeat(depth),
        "[".repeat(depth),
        "{\"record\":".repeat(depth / 4),
        format!("[\n{}", "{\"a\":[".repeat(depth / 4)),
        "(".repeat(depth),
        "{\"line\":\"{\\\"line\\\":\"".repeat(depth / 16),
    ] {
        let scan = scan_text(&text, &Options::default());
        assert!(scan.tracebacks.is_empty());
    }
}

#[test]
fn many_open_tracebacks_are_bounded() {
    let mut text = String::new();
    for line in 0..40 {
        for producer in 0..400 {
            write!(text, "web_{producer}  | ").unwrap();
            if line == 0 {
                text.push_str("Traceback (most recent call last):\n");
            } else {
                writeln!(text, "  File \"{}.py\", line {line}, in {}", "d/".repeat(500), "f".repeat(500))
                    .unwrap();
            }
        }
    }
    let scan = scan_text(&text, &Options::default());
    assert!(
        scan.gaps.iter().any(|gap| gap.kind == GapKind::Limit && gap.what == "the rest of a traceback"),
        "{:?}",
        scan.gaps.first()
    );
    assert!(scan.tracebacks.iter().all(|entry| entry.truncated));
}
