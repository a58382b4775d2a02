//! A log that is large enough to be read in part: said in all outputs, and its citations still hold.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Seek, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use pycoroner_fixtures::incident;

use crate::program::{args, run};

/// More than 256 MiB of log in order, a long line each second; an error at 12:00.
fn write_log(path: &Path) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let filler = "x".repeat(3_100);
    for minute in 0..1440 {
        let clock = format!("2024-05-01 {:02}:{:02}", minute / 60, minute % 60);
        let mut short = String::new();
        for second in 0..60 {
            let _ = writeln!(short, "{clock}:{second:02},000 INFO shop: order {second} placed: {filler}");
        }
        if minute == 720 {
            let _ = writeln!(
                short,
                "{clock}:59,500 ERROR shop: charge failed\nTraceback (most recent call last):\n  File \"/srv/shop/app.py\", line 34, in charge\n    raise KeyError(order)\nKeyError: 7"
            );
        }
        file.write_all(short.as_bytes()).unwrap();
    }
}

#[test]
fn a_large_log_is_read_in_part_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (log, report) = (folder.path().join("app.log"), folder.path().join("incident.json"));
    write_log(&log);
    let options = ["--around", "2024-05-01 12:01:00", "--window", "2m"];
    let text = run([&args!["logs", log][..], &options.map(Into::into)[..]].concat()).exits(0).stdout;
    for expected in
        ["MiB were read", "--whole-logs reads all", "app.log@0x", "in order at 65 places", "KeyError: 7"]
    {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
    let document = run([&args!["logs", log, "--format", "json"][..], &options.map(Into::into)[..]].concat());
    let document = document.exits(0).json();
    let part = &document["sources"][0]["part"];
    let (from, to) = (part["from"].as_u64().unwrap(), part["to"].as_u64().unwrap());
    assert_eq!(part["of"].as_u64(), Some(fs::metadata(&log).unwrap().len()));
    assert_eq!(document["sources"][0]["bytes"].as_u64(), Some(to - from));
    // What is cited is there.
    let source = serde_json::json!({"id": document["sources"][0]["id"], "path": "app.log", "kind": "log", "bytes": part["of"], "sha256": null});
    let stated = serde_json::json!({"sources": [source], "findings": document["findings"]});
    fs::write(&report, stated.to_string()).unwrap();
    let place = text.split_inclusive(']').find_map(|part| Some(&part[part.find("[E1@0x")?..])).unwrap();
    let shown = run(args!["show", place, report]).exits(0).stdout;
    assert!(shown.contains("Traceback (most recent call last)"), "{shown}\n{place}");
    let whole =
        run([&args!["logs", log, "--whole-logs", "--format", "json"][..], &options.map(Into::into)[..]]
            .concat());
    assert_eq!(whole.exits(0).json()["sources"][0]["part"], serde_json::Value::Null);
    check_report(&log, folder.path());
}

/// A report of a death at 12:01 holds, until a byte changes that it cites.
fn check_report(log: &Path, folder: &Path) {
    let core = folder.join("core.zst");
    fs::copy(incident("checkout-segfault").core, &core).unwrap();
    let death = UNIX_EPOCH + Duration::from_mins(28_576_081);
    File::options().write(true).open(&core).unwrap().set_modified(death).unwrap();
    let report = folder.join("report.md");
    run(args!["analyze", core, log, "-o", report]).exits(0);
    let text = fs::read_to_string(&report).unwrap();
    assert!(text.contains("MiB were read, from byte"), "{text}");
    let place = text.split_inclusive(']').find_map(|part| Some(&part[part.find("[E2@0x")?..])).unwrap();
    run(args!["verify", report]).exits(0);
    run(args!["show", place, report]).exits(0);
    let offset = u64::from_str_radix(place["[E2@0x".len()..].split('+').next().unwrap(), 16).unwrap();
    let mut file = File::options().write(true).open(log).unwrap();
    file.seek(SeekFrom::Start(offset + 3)).unwrap();
    file.write_all(b"#").unwrap();
    let verified = run(args!["verify", report]).exits(1).stdout;
    assert!(verified.contains(&format!("changed: {place} is stated as")), "{verified}");
    run(args!["show", place, report]).exits(1);
}
