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
        "**process died**",
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
        // What states the time is cited for it: the line of the log, else the core.
        let cited = if basis == "stated" { "lines" } else { "bytes" };
        assert_eq!(event["citation"]["span"]["kind"], cited, "{event}");
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

/// The heap of an older core is compared; its citations can be verified, and it is no core of the report.
#[test]
fn an_older_core_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    let (core, log) = evidence(folder.path(), CRASH);
    let older = folder.path().join("older.zst");
    fs::copy(&core, &older).unwrap();
    let file = folder.path().join("incident.json");
    run(args!["analyze", core, log, "--older", older, "-o", file]).exits(0);
    let report: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let list = |name: &str| report[name].as_array().unwrap().clone();
    let kinds: Vec<_> = list("sources").iter().map(|source| source["kind"].clone()).collect();
    assert_eq!(kinds, ["core", "log", "older core"]);
    let finding = list("findings").into_iter().find(|finding| finding["id"] == "heap-level");
    assert!(finding.is_some(), "{:#?}", list("findings"));
    run(args!["verify", file]).exits(0);
    // In a folder that is given whole it is the older one all the same.
    let again = run(args!["analyze", folder.path(), "--older", older, "--format", "json"]);
    assert!(again.stdout.contains("\"heap-level\""), "{}", again.stderr);
    let alone = run(args!["analyze", older, "--older", older]).exits(2);
    assert!(alone.stderr.contains("has no newer core"), "{}", alone.stderr);
    let none = run(args!["analyze", core, "--older", log]).exits(2);
    assert!(none.stderr.contains("is a log and no core file"), "{}", none.stderr);
}

/// The entries of a journal have both clocks; of two boots, the one that was logged around the death counts.
#[test]
fn seconds_since_boot_by_a_journal() {
    let pid = incident("checkout-segfault").truth.pid;
    let booted = u64::try_from(CRASH.as_micros()).unwrap() - 682_000_000;
    let entry = |boot: &str, uptime: u64, shift: u64| {
        (boot.repeat(32), (booted + shift + uptime).to_string(), uptime.to_string())
    };
    let json = |entries: &[(String, String, String)]| {
        let lines = entries.iter().map(|(boot, realtime, monotonic)| {
            format!(
                "{{\"_BOOT_ID\":\"{boot}\",\"__REALTIME_TIMESTAMP\":\"{realtime}\",\"__MONOTONIC_TIMESTAMP\":\"{monotonic}\",\"PRIORITY\":\"6\",\"SYSLOG_IDENTIFIER\":\"cron\",\"_PID\":\"7\",\"MESSAGE\":\"up\"}}\n"
            )
        });
        lines.collect::<String>()
    };
    let export = |entries: &[(String, String, String)]| {
        let lines = entries.iter().map(|(boot, realtime, monotonic)| {
            format!(
                "__CURSOR=s=1\n__REALTIME_TIMESTAMP={realtime}\n__MONOTONIC_TIMESTAMP={monotonic}\n_BOOT_ID={boot}\nPRIORITY=6\nSYSLOG_IDENTIFIER=cron\n_PID=7\nMESSAGE=up\n\n"
            )
        });
        lines.collect::<String>()
    };
    // As dmesg prints it, and as `journalctl -k -o short-monotonic` does.
    let check = |host: &str, journal: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let (core, _) = evidence(folder.path(), CRASH + Duration::from_hours(2));
        let (kernel, entries) = (folder.path().join("dmesg.txt"), folder.path().join("journal"));
        let died = "segfault at 0 ip 00007f2348d065ad sp 00007f2348907fe0 error 4 in libc.so.6[975ad,7f2348c95000+156000]";
        let text =
            format!("[  682.136503] {host}python3[{pid}]: {died}\n[  700.136503] {host}usb 1-1: new\n");
        fs::write(&kernel, text).unwrap();
        File::options().write(true).open(&kernel).unwrap().set_modified(UNIX_EPOCH + CRASH).unwrap();
        fs::write(&entries, journal).unwrap();
        let report = run(args!["analyze", core, kernel, entries, "--format", "json"]).json();
        let at = &report["died_at"];
        let found = format!("{} {} {}", at["time"], at["time_basis"], at["time_uncertainty_ms"]);
        assert_eq!(found.replace('"', ""), expected, "{journal}");
    };
    let exact = "2026-11-23T09:25:57.136503Z inferred-neighbour 10000";
    // Its clock was set by 3 s since the first entry.
    let (early, late) = (entry("a", 1_000_000, 3_000_000), entry("a", 690_000_000, 0));
    check("", &json(&[early.clone(), late.clone()]), exact);
    check("", &json(&[late.clone(), early.clone(), entry("b", 5_000_000, 900_000_000)]), exact);
    check("host kernel: ", &export(&[early.clone(), late.clone()]), exact);
    // Either boot may be the one.
    let other = [entry("b", 1_000_000, 900_000_000), entry("b", 800_000_000, 900_000_000)];
    let ambiguous = json(&[&[early, late][..], &other].concat());
    let report = "2026-11-23T09:25:39Z file-modified 86400000";
    check("", &ambiguous, report);
}

/// A kernel's log in seconds since boot names the death; when it was kept is not when that was.
#[test]
fn seconds_since_boot_are_no_time_of_death() {
    let pid = incident("checkout-segfault").truth.pid;
    let check = |kept: Duration, modified: Duration, boot: Option<u64>, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let (core, _) = evidence(folder.path(), modified);
        let kernel = folder.path().join("dmesg.txt");
        let text = format!(
            "[  682.136503] python3[{pid}]: segfault at 0 ip 00007f2348d065ad sp 00007f2348907fe0 error 4 in libc.so.6[975ad,7f2348c95000+156000]\n\
             [  700.136503] usb 1-1: new device\n"
        );
        fs::write(&kernel, text).unwrap();
        File::options().write(true).open(&kernel).unwrap().set_modified(UNIX_EPOCH + kept).unwrap();
        let metrics = folder.path().join("metrics.prom");
        let boot = boot.map_or(String::new(), |boot| format!("node_boot_time_seconds {boot}\n"));
        let type_line =
            "# HELP node_boot_time_seconds Unix time of boot.\n# TYPE node_boot_time_seconds gauge\n";
        fs::write(&metrics, format!("{type_line}{boot}up 1\n")).unwrap();
        let report = run(args!["analyze", core, kernel, metrics, "--format", "json"]).json();
        let at = &report["died_at"];
        let found = format!("{} {} {}", at["time"], at["time_basis"], at["time_uncertainty_ms"]);
        assert_eq!(found.replace('"', ""), expected);
    };
    let hour = Duration::from_hours(1);
    // The core was written before the log was kept.
    check(CRASH + hour, CRASH, None, "2026-11-23T09:25:57Z file-modified 60000");
    // It was copied later: the death was 18 s or more before the log was kept.
    check(CRASH + hour, CRASH + 2 * hour, None, "2026-11-23T10:25:39Z file-modified 86400000");
    // 2026-11-23T09:14:35Z and 682.136503 s.
    let booted = CRASH.as_secs() - 682;
    check(
        CRASH + hour,
        CRASH + 2 * hour,
        Some(booted),
        "2026-11-23T09:25:57.136503Z inferred-neighbour 10000",
    );
}
