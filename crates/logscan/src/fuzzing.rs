//! What is fuzzed: a function that takes any bytes and must come back, soon, without a panic.
//!
//! `fuzz/` calls it with libFuzzer, and the test `mutated` with a seeded sequence of changes to real logs. It is no
//! part of the interface.

use std::io::{self, Read};

use pycoroner_findings::{GapKind, SourceId};

use crate::document::{Place, TracebackKind};
use crate::input::Input;
use crate::pipeline::Way;
use crate::records::Records;
use crate::scan::{Options, Scan, scan_in};
use crate::sniff::looks_like_log;

/// Scans the bytes in two ways that must agree, and holds the result to what every scan promises.
pub fn logs(bytes: &[u8]) {
    let whole = scan_in_pieces(bytes, usize::MAX, Way::default());
    let step = bytes.first().map_or(1, |byte| usize::from(*byte) + 1);
    let in_pieces = scan_in_pieces(bytes, step, Way { sums_up: false, ..Way::default() });
    assert!(
        whole == in_pieces,
        "what a scan finds depends on how its input arrives, or on what is summed up"
    );
    check(&whole, bytes.len() as u64);
    check_records(bytes, step, &whole);
    let _ = (whole.document(), whole.timeline(), looks_like_log(bytes));
}

fn scan_in_pieces(bytes: &[u8], step: usize, way: Way) -> Scan {
    let mut reader = Pieces { rest: bytes, step };
    let input = Input::new(SourceId(1), "log", &mut reader);
    let options = Options { explain: true, ..Options::default() };
    scan_in(way, [input], &options)
}

/// Reads the records one by one, which must be those that the scan counted.
fn check_records(bytes: &[u8], step: usize, scan: &Scan) {
    let mut reader = Pieces { rest: bytes, step };
    let options = Options::default();
    let mut records = Records::new([Input::new(SourceId(1), "log", &mut reader)], &options);
    let (mut heads, mut trees, mut threads) = (0, 0, 0);
    for record in records.by_ref() {
        let record = record.expect("bytes in memory can be read");
        heads += u64::from(record.format.is_some());
        trees += record.exceptions().count() as u64;
        let entries = record.tracebacks.iter().flatten();
        threads += entries.filter(|entry| entry.kind == TracebackKind::Faulthandler).count() as u64;
        let span = record.span();
        let ends_inside = span.offset.checked_add(span.bytes).is_some_and(|end| end <= bytes.len() as u64);
        assert!(span.line <= span.last_line && ends_inside, "a record lies outside: {span:?}");
    }
    assert!(heads == scan.sources.iter().map(|source| source.records).sum::<u64>(), "records are lost");
    assert!(records.sources().iter().all(|source| source.records == heads), "records are not counted alike");
    if scan.gaps.iter().any(|gap| gap.kind == GapKind::Limit) {
        return;
    }
    let of_kind = |kind| scan.tracebacks.iter().filter(move |entry| entry.kind == kind);
    let roots = of_kind(TracebackKind::Traceback).filter(|entry| entry.parent.is_none());
    assert!(trees == roots.map(|entry| entry.count).sum::<u64>(), "tracebacks are lost");
    assert!(threads == of_kind(TracebackKind::Faulthandler).count() as u64, "threads of dumps are lost");
}

fn check(scan: &Scan, len: u64) {
    let lines = scan.sources.first().map_or(0, |source| source.lines);
    let holds = |place: &Place| {
        let ends_inside = place.offset.checked_add(place.bytes).is_some_and(|end| end <= len);
        place.source == 0 && place.line <= place.last_line && place.last_line <= lines.max(1) && ends_inside
    };
    for (index, entry) in scan.tracebacks.iter().enumerate() {
        assert!(holds(&entry.place), "a traceback lies outside: {:?} of {len}", entry.place);
        assert!(entry.parent.is_none_or(|parent| parent != index), "an exception is its own parent");
        assert!(entry.parent.is_none() == entry.relation.is_none(), "a relation without a parent");
        // Parents lead to a root.
        let mut at = entry;
        for _ in 0..=scan.tracebacks.len() {
            let Some(parent) = at.parent else { break };
            at = scan.tracebacks.get(parent).expect("a parent that is not there");
        }
        assert!(at.parent.is_none(), "exceptions that belong to each other in a circle");
    }
    for event in &scan.events {
        assert!(holds(&event.place), "an event lies outside: {:?} of {len}", event.place);
    }
    for warning in &scan.warnings {
        assert!(holds(&warning.place), "a record lies outside: {:?} of {len}", warning.place);
    }
}

/// Gives a few bytes at a time.
struct Pieces<'a> {
    rest: &'a [u8],
    step: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.step.min(self.rest.len()).min(buffer.len());
        let (now, later) = self.rest.split_at(len);
        if let Some(place) = buffer.get_mut(..len) {
            place.copy_from_slice(now);
        }
        self.rest = later;
        Ok(len)
    }
}
