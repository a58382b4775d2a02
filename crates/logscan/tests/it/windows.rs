//! The crash window, and the documents a scan gives.

use std::fmt::Write as _;

use pycoroner_logscan::{Anchor, Document, Options, Window};

use crate::shown::{scan_text, time};

/// An hour of quiet records, then a death at 13:00.
fn log() -> String {
    let mut log = String::new();
    for minute in 0..60 {
        writeln!(log, "2024-05-01 12:{minute:02}:00,000 INFO shop: request {minute} done").unwrap();
    }
    for second in 0..6 {
        writeln!(log, "2024-05-01 12:59:{:02},000 ERROR shop: pool is empty ({second})", 50 + second)
            .unwrap();
    }
    log.push_str("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 1\n");
    log
}

fn around_death() -> Options {
    Options {
        anchor: Some(Anchor { pid: Some(7), ..Anchor::at(time("2024-05-01T13:00:00Z")) }),
        ..Options::default()
    }
}

#[test]
fn what_is_new_in_the_window() {
    let scan = scan_text(&log(), &around_death());
    let window = scan.window.as_ref().unwrap();
    assert_eq!((window.records, window.records_before), (11, 55));
    let new: Vec<_> =
        scan.templates.iter().map(|template| (template.template.as_str(), template.new_in_window)).collect();
    assert_eq!(new, [("pool is empty (<n>)", Some(true)), ("request <n> done", Some(false))]);
    assert_eq!(scan.tracebacks[0].in_window, 1);
    assert_eq!(scan.warnings.len(), 6);
    let findings = scan.findings();
    let ids: Vec<_> = findings.iter().map(|finding| finding.id.as_ref()).collect();
    for id in ["error-burst", "new-message-in-window", "silence-before-death", "exception-logged"] {
        assert!(ids.contains(&id), "{id} in {ids:?}");
    }
    assert!(findings.iter().all(|finding| !finding.evidence.is_empty()));
}

#[test]
fn too_little_before_is_said() {
    let scan = scan_text("2024-05-01 12:59:00 ERROR shop: m\n", &around_death());
    assert_eq!(scan.templates[0].new_in_window, None);
    assert!(scan.gaps.iter().any(|gap| gap.what.contains("new in the window")));
}

#[test]
fn explicit_windows() {
    let window =
        Window { since: Some(time("2024-05-01T12:10:00Z")), until: Some(time("2024-05-01T12:11:30Z")) };
    let scan = scan_text(&log(), &Options { window: Some(window), ..Options::default() });
    assert_eq!(scan.window.as_ref().unwrap().records, 2);
    assert_eq!((scan.warnings.len(), scan.timeline().len()), (0, 0));
}

#[test]
fn documents_can_be_read_again() {
    let segv = "[2024-05-01 12:59:59 +0000] [1] [ERROR] Worker (pid:7) was sent SIGSEGV!\n";
    let scan = scan_text(&format!("{}{segv}", log()), &around_death());
    let document = scan.document();
    let json = serde_json::to_string(&document).unwrap();
    assert_eq!(serde_json::from_str::<Document>(&json).unwrap(), document);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["schema"], "pycoroner.logs/1");
    assert_eq!(value["tracebacks"][0]["type"], "KeyError");
    assert_eq!(value["tracebacks"][0]["line"], 67);
    assert_eq!(value["tracebacks"][0]["parent"], serde_json::Value::Null);
    assert_eq!(value["events"][0]["time"], "2024-05-01T12:59:59Z");
    assert_eq!(value["events"][0]["same_process"], true);
    let rows = scan.timeline();
    assert!(rows.windows(2).all(|pair| pair[0].at.map(|at| at.time) <= pair[1].at.map(|at| at.time)));
    assert!(rows.iter().any(|row| row.kind == "traceback") && rows.iter().all(|row| row.citation.is_some()));
}
