//! Exit codes, hints, and where output goes.

use std::fs;

use pycoroner_fixtures::incident;

use crate::program::{args, run};

#[test]
fn what_cannot_be_read_ends_with_2_and_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let check = |args: &[&str], path: &std::path::Path, hint: &str| {
        let run = run(args.iter().map(std::ffi::OsStr::new).chain([path.as_os_str()])).exits(2);
        assert!(run.stderr.contains(hint), "{args:?} {}: {}", path.display(), run.stderr);
        assert_eq!(run.stdout, "");
    };
    let (junk, empty) = (file("junk", &[0x5a, 0, 1, 2, 3]), file("empty", b""));
    let log = incident("checkout-segfault").file("app.log");
    for command in ["core", "heap"] {
        check(&[command], &junk, "is no core file");
        check(&[command], &empty, "it is empty");
        check(&[command], &log, "try: pycoroner logs");
        check(&[command], &folder.path().join("missing"), "check the path");
    }
    check(&["analyze"], &junk, "give a core file or a log");
    check(&["analyze"], &folder.path().join("missing"), "check the path");
    check(&["logs"], &incident("checkout-segfault").core, "try: pycoroner core");
    check(&["logs"], &junk, "none of the files is a log");
    let alerts = file("alerts.json", br#"{"status":"success","data":{"alerts":[]}}"#);
    check(&["logs"], &alerts, "alerts.json is alerts, try: pycoroner analyze");
    let cores = file(
        "cores.txt",
        b"TIME                        PID UID GID SIG     COREFILE EXE                SIZE\nSun 2026-11-22 11:31:52 UTC  77   0   0 SIGSEGV present  /usr/bin/python3.11 1.1M\n",
    );
    check(&["logs"], &cores, "cores.txt is coredumpctl-list, try: pycoroner analyze");
    let core = b"           PID: 77 (python)\n           UID: 0 (root)\n        Signal: 11 (SEGV)\n     Timestamp: Sun 2026-11-22 11:31:51 UTC (5s ago)\n";
    let core = file("core.txt", core);
    check(&["logs"], &core, "core.txt is coredumpctl-info, try: pycoroner analyze");
    // Among logs, it is a gap.
    let document = run(args!["logs", log, core, "--format", "json"]).exits(0).json();
    let gap = &document["gaps"][0];
    assert!(gap["what"].as_str().unwrap().ends_with("core.txt says"), "{gap}");
    assert!(gap["remedy"].as_str().unwrap().contains("pycoroner analyze"), "{gap}");
    check(&["logs", "--window", "5m"], &log, "--around or --core");
    check(&["logs", "--since", "yesterday"], &log, "is no time");
    check(&["logs", "--tz", "Mars/Base"], &log, "is no known zone");
    check(&["layout"], &log, "DWARF");
    let cut_header = file("header", b"\x7fELF\x02\x01\x01");
    check(&["core"], &cut_header, "was it copied whole");
}

#[test]
fn wrong_usage_ends_with_2() {
    for args in
        [&["analyze"][..], &["core", "a", "b"], &["unknown"], &["heap", "core", "--format", "md"], &[]]
    {
        assert!(!run(args).exits(2).stderr.is_empty(), "{args:?}");
    }
    assert!(run(["--version"]).exits(0).stdout.starts_with("pycoroner "));
    assert!(run(["analyze", "--help"]).exits(0).stdout.contains("Examples:"));
}

#[test]
fn options_of_all_commands_may_stand_anywhere() {
    let core = incident("checkout-segfault").core;
    let plain = run(args!["heap", core, "types"]).exits(0).stdout;
    for args in [args!["--no-progress", "heap", core, "types"], args!["heap", core, "types", "--no-progress"]]
    {
        assert_eq!(run(args).exits(0).stdout, plain);
    }
}

#[test]
fn evidence_that_is_not_understood_makes_the_answer_incomplete() {
    let folder = tempfile::tempdir().unwrap();
    let junk = folder.path().join("junk.bin");
    fs::write(&junk, [0; 64]).unwrap();
    let report = run(args!["analyze", incident("checkout-segfault").file("app.log"), junk]).exits(3).stdout;
    assert!(report.contains("junk.bin"), "{report}");
}

#[test]
fn outputs_are_private_and_never_replace_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = incident("checkout-segfault");
    let log = folder.path().join("app.log");
    fs::copy(fixture.file("app.log"), &log).unwrap();
    let before = fs::read(&log).unwrap();
    let link = folder.path().join("link.md");
    fs::hard_link(&log, &link).unwrap();
    for output in [&log, &link] {
        for command in ["analyze", "logs"] {
            let refused = run(args![command, log, "-o", output]).exits(2);
            assert!(refused.stderr.contains("is an input"), "{}", refused.stderr);
        }
    }
    assert_eq!(fs::read(&log).unwrap(), before);

    let output = folder.path().join("logs.json");
    run(args!["logs", log, "-o", output]).exits(0);
    assert!(fs::read_to_string(&output).unwrap().starts_with('{'), "the ending chooses the form");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let nowhere = folder.path().join("missing").join("report.md");
    assert!(run(args!["logs", log, "-o", nowhere]).exits(2).stderr.contains("is the folder there"));
}

#[test]
fn colors_come_when_asked_for() {
    let log = incident("checkout-segfault").file("app.log");
    assert!(run(args!["logs", log, "--color", "always"]).exits(0).stdout.contains('\x1b'));
    assert!(!run(args!["logs", log]).exits(0).stdout.contains('\x1b'));
}
