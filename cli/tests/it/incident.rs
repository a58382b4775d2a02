//! `pycoroner analyze` on the incident: the whole way from core and log to the report.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use pycoroner_fixtures::incident;
use serde_json::Value;

use crate::program::{args, run};

/// 2026-11-23T09:25:57Z, a second after the last record of the log.
const CRASH: Duration = Duration::from_secs(1_795_425_957);

/// Copies the evidence into a folder; the core was last changed at the time given.
fn evidence(folder: &Path, modified: Duration) -> (PathBuf, PathBuf) {
    let fixture = incident("checkout-segfault");
    let (core, log) = (folder.join("core.zst"), folder.join("app.log"));
    fs::copy(&fixture.core, &core).unwrap();
    fs::copy(fixture.file("app.log"), &log).unwrap();
    File::options().write(true).open(&core).unwrap().set_modified(UNIX_EPOCH + modified).unwrap();
    (core, log)
}

#[test]
fn the_report_tells_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let (core, log) = evidence(folder.path(), CRASH);
    let file = folder.path().join("incident.md");
    let written = run(args!["analyze", core, log, "-o", file]).exits(0);
    assert_eq!(written.stdout, "");
    let report = fs::read_to_string(&file).unwrap();
    let truth = incident("checkout-segfault").truth;
    let crashed = truth.crashed_thread().unwrap();
    let innermost = &crashed.frames[0];
    let place = format!("{}:{}", innermost.file, innermost.line.unwrap());
    let exception = &crashed.exceptions[0];
    for expected in [
        "# Incident report: SIGSEGV",
        &place,
        &innermost.function,
        &exception.type_name,
        &exception.message,
        "`0x0`",
        "SEGV_MAPERR",
        "Python 3.12.1",
        // Of the log: the root of the traceback, what caused it, and its frames.
        "shop.payments.PaymentError: charge of order 1014 was refused by the gateway",
        "ConnectionResetError",
        "line 41, in charge",
        // Of the heap.
        "shop.models.Session",
        "process-died",
        "2026-11-23 09:25:57",
    ] {
        assert!(report.contains(expected), "{expected} is missing in\n{report}");
    }
    for frame in &crashed.frames {
        let place = format!("{}:{}", frame.file, frame.line.unwrap());
        assert!(report.contains(&place), "{place} is missing");
    }
    assert!(!report.contains("tok_live"), "the secret is in the report");
    assert!(!report.contains('\x1b'));
}

#[test]
fn the_document_masks_the_secret_and_keeps_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let (core, log) = evidence(folder.path(), CRASH);
    let run = run(args!["analyze", core, log, "--format", "json"]).exits(0);
    let incident = run.json();
    assert_eq!(incident["schema"], "pycoroner.incident/1");
    assert!(!run.stdout.contains("tok_live"));
    let frames = incident["core"]["threads"][0]["python_frames"].as_array().unwrap();
    let locals = frames.iter().flat_map(|frame| frame["locals"].as_array().into_iter().flatten());
    let token: Vec<&Value> = locals.filter(|local| local["name"] == "api_token").collect();
    assert!(!token.is_empty());
    assert!(token.iter().all(|local| local["repr"].as_str().unwrap().contains("<redacted>")), "{token:?}");
    let sources = incident["sources"].as_array().unwrap();
    assert_eq!(
        sources.iter().map(|source| source["kind"].as_str().unwrap()).collect::<Vec<_>>(),
        ["core", "log"]
    );
    assert!(sources.iter().all(|source| source["sha256"].as_str().unwrap().len() == 64));
    assert!(
        incident["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|finding| finding["id"] == "crash-null-dereference")
    );
}

#[test]
fn the_time_of_death_says_how_it_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let check = |modified: Duration, more: &str, basis: &str, time: &str| {
        let (core, log) = evidence(folder.path(), modified);
        let mut text = fs::read_to_string(&log).unwrap();
        text.push_str(more);
        fs::write(&log, text).unwrap();
        let incident = run(args!["analyze", core, log, "--format", "json"]).exits(0).json();
        let died = &incident["died_at"];
        assert_eq!((died["time_basis"].as_str(), died["time"].as_str()), (Some(basis), Some(time)), "{died}");
        let is_death = |event: &&Value| event["kind"] == "process-died";
        let event =
            incident["timeline"].as_array().unwrap().iter().find(is_death).expect("a row for the death");
        assert_eq!(event["time_uncertainty_ms"], died["time_uncertainty_ms"]);
    };
    check(CRASH, "", "file-modified", "2026-11-23T09:25:57Z");
    // A core that was copied a month later: its time says nothing.
    let later = CRASH + Duration::from_hours(720);
    check(later, "", "inferred-neighbour", "2026-11-23T09:25:56.207Z");
    let pid = incident("checkout-segfault").truth.pid;
    let kernel = format!(
        "2026-11-23T09:25:56.400000+00:00 shop-1 kernel: checkout-3[{pid}]: segfault at 0 ip 00007f6010b1c2aa sp 00007f600e7fb0e8 error 4 in libc.so.6[7f6010a28000+155000]\n"
    );
    check(later, &kernel, "stated", "2026-11-23T09:25:56.400Z");
}

#[test]
fn logs_alone_are_enough_for_a_report() {
    let report = run(args!["analyze", incident("checkout-segfault").file("app.log")]).exits(0).stdout;
    assert!(report.contains("PaymentError"), "{report}");
}
