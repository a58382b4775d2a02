//! Citations are hashed, shown again, and a change of the evidence is noticed.

use std::fs;
use std::path::{Path, PathBuf};

use pycoroner_fixtures::incident;

use crate::program::{args, run};

/// The evidence of the incident and its report, all in one folder.
struct Written {
    _folder: tempfile::TempDir,
    log: PathBuf,
    report: PathBuf,
    document: PathBuf,
}

fn written() -> Written {
    let folder = tempfile::tempdir().unwrap();
    let fixture = incident("checkout-segfault");
    let (core, log) = (folder.path().join("core.zst"), folder.path().join("app.log"));
    fs::copy(&fixture.core, &core).unwrap();
    fs::copy(fixture.file("app.log"), &log).unwrap();
    let (report, document) = (folder.path().join("incident.md"), folder.path().join("incident.json"));
    run(args!["analyze", core, log, "-o", document]).exits(0);
    run(args!["report", document, "-o", report]).exits(0);
    Written { _folder: folder, log, report, document }
}

/// The first citation of a report of a kind, and its digest.
fn cited<'t>(report: &'t str, kind: &str) -> (&'t str, &'t str) {
    let start = report
        .match_indices(&format!("`[E{kind}"))
        .map(|(at, _)| &report[at + 1..])
        .find(|rest| rest.split('`').next().is_some_and(|cited| cited.contains("] ")))
        .unwrap_or_else(|| panic!("no hashed citation {kind} in\n{report}"));
    start.split('`').next().unwrap().split_once(' ').unwrap()
}

#[test]
fn a_report_can_be_checked() {
    let written = written();
    let report = fs::read_to_string(&written.report).unwrap();
    for file in [&written.report, &written.document] {
        let verified = run(args!["verify", file]).exits(0);
        assert!(verified.stdout.contains("2 of 2 files and "), "{}", verified.stdout);
        assert!(verified.stdout.contains(": all as stated"), "{}", verified.stdout);
    }
    // Of the core, bytes that are no text; of the log, the line itself.
    let (bytes, _) = cited(&report, "1@");
    let shown = run(args!["show", bytes, written.report]).exits(0);
    assert!(shown.stdout.starts_with("0x") && shown.stdout.contains('|'), "{}", shown.stdout);
    assert!(shown.stderr.contains("as the report states"), "{}", shown.stderr);
    let (lines, _) = cited(&report, "2:L");
    for file in [&written.report, &written.document] {
        let shown = run(args!["show", lines, file]).exits(0);
        let first: usize = lines.split(['L', '-', ']']).nth(1).unwrap().parse().unwrap();
        let log = fs::read_to_string(&written.log).unwrap();
        let line = log.lines().nth(first - 1).unwrap();
        assert!(shown.stdout.starts_with(line.split_once(' ').unwrap().0), "{}", shown.stdout);
    }
}

#[test]
fn a_change_is_named() {
    let written = written();
    let log = fs::read_to_string(&written.log).unwrap();
    let report = fs::read_to_string(&written.report).unwrap();
    let (lines, _) = cited(&report, "2:L");
    let first: usize = lines.split(['L', '-', ']']).nth(1).unwrap().parse().unwrap();
    // One letter of a line that is cited.
    let offset: usize = log.split_inclusive('\n').take(first - 1).map(str::len).sum();
    let mut changed = log.clone().into_bytes();
    changed[offset] ^= 1;
    fs::write(&written.log, &changed).unwrap();
    for file in [&written.report, &written.document] {
        let verified = run(args!["verify", file]).exits(1);
        assert!(verified.stdout.contains(&format!("changed: {lines} is stated as")), "{}", verified.stdout);
        assert!(verified.stdout.contains("changed: E2 "), "{}", verified.stdout);
        assert!(!verified.stdout.contains("[E1@"), "{}", verified.stdout);
        run(args!["show", lines, file]).exits(1);
    }
    // Cut short: the line is no longer there.
    fs::write(&written.log, &log[..offset]).unwrap();
    let verified = run(args!["verify", written.report]).exits(1);
    assert!(verified.stdout.contains("no longer there"), "{}", verified.stdout);
    fs::remove_file(&written.log).unwrap();
    let verified = run(args!["verify", written.report]).exits(1);
    assert!(verified.stdout.contains("missing: E2 "), "{}", verified.stdout);
}

#[test]
fn evidence_may_have_moved() {
    let written = written();
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = written.report.parent().unwrap();
    for name in ["core.zst", "app.log"] {
        fs::copy(folder.join(name), elsewhere.path().join(name)).unwrap();
    }
    fs::write(&written.log, "changed").unwrap();
    run(args!["verify", written.report]).exits(1);
    run(args!["verify", written.report, "--evidence-dir", elsewhere.path()]).exits(0);
    run(args!["verify", written.report, "--evidence-dir", Path::new("/nowhere")]).exits(1);
}

#[test]
fn reports_are_written_anew_without_evidence() {
    let written = written();
    let report = fs::read_to_string(&written.report).unwrap();
    fs::remove_file(&written.log).unwrap();
    assert_eq!(run(args!["report", written.document]).exits(0).stdout, report);
    let document = fs::read_to_string(&written.document).unwrap();
    assert_eq!(run(args!["report", written.document, "--format", "json"]).exits(0).stdout, document);
    assert!(run(args!["report", written.document, "--stamp"]).exits(0).stdout.contains("Written at 2"));
    let template = written.document.with_file_name("own.md.jinja");
    fs::write(&template, "# Ours\n{{ parts.title }}; {{ incident.core.process.pid }}\n").unwrap();
    let own = run(args!["report", written.document, "--template", template]).exits(0).stdout;
    assert!(own.starts_with("# Ours\nIncident report: SIGSEGV"), "{own}");
    fs::write(&template, "{{ x").unwrap();
    run(args!["report", written.document, "--template", template]).exits(2);
    run(args!["report", written.report]).exits(2);
    run(args!["verify", template]).exits(2);
    run(args!["show", "[E9:L1]", written.document]).exits(2);
    run(args!["show", "nonsense", written.document]).exits(2);
}

/// The supervisor's own words, through the whole program: no lack of memory, no crash.
#[test]
fn what_supervisors_say_is_not_taken_too_far() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, log: &str, expected: &str| {
        let file = folder.path().join(name);
        fs::write(&file, log).unwrap();
        let incident = run(args!["analyze", file, "--format", "json"]).exits(0).json();
        let causes = incident["causes"].as_array().unwrap();
        assert_eq!(causes[0]["id"], expected, "{name}: {causes:#?}");
        assert!(
            causes.iter().all(|cause| !cause["id"].as_str().unwrap().starts_with("oom")),
            "{name}: {causes:#?}"
        );
    };
    check(
        "gunicorn.log",
        "[2026-11-22 11:31:02 +0000] [4101] [INFO] Booting worker with pid: 4101\n\
         [2026-11-22 11:31:44 +0000] [4097] [ERROR] Worker (pid:4101) was sent SIGKILL! Perhaps out of memory?\n\
         [2026-11-22 11:31:44 +0000] [4120] [INFO] Booting worker with pid: 4120\n",
        "external-kill",
    );
    check(
        "timeout.log",
        "[2026-11-22 11:31:02 +0000] [4101] [INFO] Booting worker with pid: 4101\n\
         [2026-11-22 11:31:43 +0000] [4097] [CRITICAL] WORKER TIMEOUT (pid:4101)\n\
         [2026-11-22 11:31:44 +0000] [4097] [ERROR] Worker (pid:4101) was sent SIGKILL! Perhaps out of memory?\n",
        "worker-timeout",
    );
}
