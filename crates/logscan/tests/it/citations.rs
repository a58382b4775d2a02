//! Every place that a scan names holds, byte for byte, the lines that it says, and the text that was found there.

use std::fs;
use std::path::{Path, PathBuf};

use pycoroner_findings::{Citation, SourceId, Span};
use pycoroner_logscan::{Anchor, Input, Options, Place, Scan, scan};

use crate::shown::time;

/// A log with everything that has a place.
const LOG: &str = "\u{feff}2024-05-01 11:00:00,000 INFO [w-1] shop: req-00000001 started\r\n\
2024-05-01 11:58:00,000 ERROR [w-1] shop: req-00000002 failed\n\
Traceback (most recent call last):\n\
\x20 File \"/srv/shop/pay.py\", line 7, in charge\n\
\x20   raise KeyError(7)\n\
KeyError: 7\n\
2024-05-01 11:58:01,000 WARNING [w-1] shop: größe 7 übrig\n\
and a second line\n\
[2024-05-01 11:59:00 +0000] [1] [CRITICAL] WORKER TIMEOUT (pid:31)\n\
{\"timestamp\": \"2024-05-01T11:59:01Z\", \"level\": \"error\", \"message\": \"no card\", \"exception\": \"Traceback (most recent call last):\\n  File \\\"a.py\\\", line 1, in f\\nValueError: no card\"}\n\
Fatal Python error: Segmentation fault\n\
\n\
Current thread 0x00007f02a8a4d740 (most recent call first):\n\
\x20 File \"/srv/shop/native.py\", line 9 in crash\n\
\n\
2024-05-01 12:00:00,500 ERROR [w-2] shop: req-00000003 lost";

fn scanned(path: &str, mut text: &[u8]) -> Scan {
    let options = Options { anchor: Some(Anchor::at(time("2024-05-01T12:00:00Z"))), ..Options::default() };
    scan([Input::new(SourceId(7), path, &mut text)], &options)
}

/// The bytes of a place, which must be the whole lines that it names.
#[track_caller]
fn bytes(text: &[u8], place: Place, what: &str) -> String {
    let (start, end) = (place.offset as usize, (place.offset + place.bytes) as usize);
    let held = text.get(start..end).unwrap_or_else(|| panic!("{what} lies outside: {place:?}"));
    let line = 1 + memchr::memchr_iter(b'\n', &text[..start]).count() as u64;
    assert_eq!(line, place.line, "first line of {what}");
    let newlines = memchr::memchr_iter(b'\n', held).count() as u64;
    let is_open = !held.ends_with(b"\n");
    assert_eq!(place.last_line, place.line + newlines + u64::from(is_open) - 1, "last line of {what}");
    assert!(start == 0 || text[start - 1] == b'\n' || text[..start] == *b"\xef\xbb\xbf", "start of {what}");
    assert!(end == text.len() || held.ends_with(b"\n"), "end of {what}");
    String::from_utf8_lossy(held).into_owned()
}

/// Looks for a text where it is said to be, as it is or escaped.
#[track_caller]
fn holds(text: &[u8], place: Place, expected: &str) {
    let held = bytes(text, place, expected);
    let expected = expected.lines().next().unwrap_or_default().trim_end_matches('…');
    let escaped = serde_json::Value::from(expected).to_string();
    assert!(
        held.contains(expected) || held.contains(escaped.trim_matches('"')),
        "{expected:?} is not in {held:?}"
    );
}

fn cited(text: &[u8], citation: &Citation) {
    assert_eq!(citation.source, SourceId(7));
    let Span::Lines { first, last, offset, len } = citation.span else { panic!("{citation} is no lines") };
    // A gap of a whole source cites its lines without bytes.
    if len > 0 {
        bytes(text, Place { source: 0, line: first, last_line: last, offset, bytes: len }, "a citation");
    }
}

/// Checks all places of a scan; how many there were.
fn check(path: &str, text: &[u8]) -> usize {
    let scan = scanned(path, text);
    let mut places = 0;
    let mut one = |place: Place, expected: &str| {
        holds(text, place, expected);
        places += 1;
    };
    for entry in &scan.tracebacks {
        one(entry.place, entry.frames.first().map_or(entry.message.as_str(), |frame| &frame.file));
        if let Some(latest) = entry.latest {
            one(latest, "");
        }
    }
    scan.events.iter().for_each(|event| one(event.place, &event.message));
    for record in &scan.warnings {
        one(record.place, &record.message);
    }
    for template in &scan.templates {
        // The words in front of the first wildcard.
        let start = template.template.split('<').next().unwrap_or_default();
        one(template.place, start);
        template.place_in_window.iter().for_each(|place| one(*place, start));
    }
    for thread in scan.requests.iter().flat_map(|requests| &requests.threads) {
        thread.entries.iter().for_each(|entry| one(entry.place, &thread.id));
    }
    if let Some(process) = &scan.process {
        process.last_records.iter().for_each(|record| one(record.place, &record.message));
    }
    let findings = scan.findings();
    let of_findings = findings.iter().flat_map(|finding| finding.evidence.iter().chain(&finding.against));
    let citations = of_findings.flat_map(|evidence| &evidence.citations);
    let rows = scan.timeline();
    let of_rows = rows.iter().filter_map(|row| row.citation.as_ref());
    for citation in citations.chain(of_rows).chain(scan.gaps.iter().filter_map(|gap| gap.citation.as_ref())) {
        cited(text, citation);
        places += 1;
    }
    places
}

#[test]
fn of_all_kinds_of_places() {
    assert!(check("app.log", LOG.as_bytes()) > 30);
    assert!(check("app.log", LOG.replace('\n', "\r\n").as_bytes()) > 30);
}

/// All logs that are committed.
#[test]
fn of_all_fixtures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/incidents");
    let mut left: Vec<PathBuf> = vec![root];
    let mut places = 0;
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "log") {
            places += check("app.log", &fs::read(&path).unwrap());
        }
    }
    assert!(places > 100, "{places}");
}
