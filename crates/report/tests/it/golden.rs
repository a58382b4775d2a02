use std::path::Path;

use pycoroner_findings::{Basis, Citation, Confidence, Evidence, Finding, Severity, SourceId, Span};
use pycoroner_report::{Incident, Material, render_markdown};

use crate::material::{deadlock, incident, leak, segfault};

/// Compares with a committed file; with `UPDATE_GOLDEN` set, writes it, to be reviewed.
#[track_caller]
pub(crate) fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (is, should)) in text.lines().zip(expected.lines()).enumerate() {
        assert_eq!(is, should, "{name}, line {}", number + 1);
    }
    assert_eq!(text.len(), expected.len(), "{name} has another length");
}

#[test]
fn a_whole_incident() {
    check("segfault.md", &render_markdown(&incident(segfault())));
}

#[test]
fn a_leak_without_a_core() {
    check("leak.md", &render_markdown(&incident(leak())));
}

#[test]
fn nothing_at_all() {
    check("empty.md", &render_markdown(&incident(Material::default())));
}

#[test]
fn the_document_renders_the_same_again() {
    for material in [segfault(), leak()] {
        let incident = incident(material);
        let json = serde_json::to_string(&incident).unwrap();
        let again: Incident = serde_json::from_str(&json).unwrap();
        assert_eq!(again, incident);
        assert_eq!(render_markdown(&again), render_markdown(&incident));
    }
}

#[test]
fn no_secret_is_left() {
    let incident = incident(segfault());
    let json = serde_json::to_string(&incident).unwrap() + &render_markdown(&incident);
    for secret in ["t-123", "k-456", "x-789", "u:p@", "p-321", "s-654"] {
        assert!(!json.contains(secret), "{secret}");
    }
    let rules: Vec<_> =
        incident.redactions.iter().map(|redaction| (redaction.rule.as_str(), redaction.count)).collect();
    assert_eq!(rules, [("api-key", 1), ("environment", 1), ("password", 1), ("session-id", 1), ("token", 2)]);
}

#[test]
fn a_library_frame_names_its_caller() {
    let core = serde_json::json!({"schema": "pycoroner.core/1", "threads": [{"tid": 7, "crashed": true, "python_frames": [
        {"function": "string_at", "file": "/usr/lib/python3.12/ctypes/__init__.py", "line": 525},
        {"function": "lookup", "file": "/app/shop/legacy.py", "line": 27}]}]});
    let report = render_markdown(&incident(Material { documents: vec![core], ..Material::default() }));
    let place = "| **Where** | `string_at` at `/usr/lib/python3.12/ctypes/__init__.py:525`, called from `lookup` at \
        `/app/shop/legacy.py:27`, thread 7";
    assert!(report.contains(place), "{report}");
}

#[test]
fn a_wait_that_a_signal_interrupted() {
    let core = serde_json::json!({"schema": "pycoroner.core/1", "crash": {"signal_name": "SIGABRT"}, "threads": [{"tid": 7, "crashed": true,
        "waiting_on": {"kind": "lock", "path": "shop.LEDGER", "interrupted": true}, "python_frames": [
            {"function": "on_abort", "file": "/app/conf.py", "line": 31},
            {"function": "handle", "file": "/usr/lib/python3/site-packages/server.py", "line": 199},
            {"function": "charge", "file": "/app/shop/ledger.py", "line": 18, "c_call": {"kind": "method", "name": "_thread.lock.__enter__"}}]}]});
    let report = render_markdown(&incident(Material { documents: vec![core], ..Material::default() }));
    assert!(report.starts_with("# Incident report: SIGABRT in `charge`"), "{report}");
    let place = "| **Where** | `charge` at `/app/shop/ledger.py:18`, interrupted by a signal, for which it runs `on_abort` at \
        `/app/conf.py:31`, thread 7";
    assert!(report.contains(place), "{report}");
}

#[test]
fn a_deadlock() {
    let report = render_markdown(&incident(deadlock()));
    check("deadlock.md", &report);
    assert!(
        report.contains("Incident report: nothing crashed, but 2 threads wait in a circle in process 77")
    );
    assert!(report.contains("| 77 MainThread | `pay` at `/app/shop.py:12` | `shop.STOCK` | 78 worker |"));
}

/// The dead process was one of several that died of the same: that is told at once, and what it said itself last.
#[test]
fn deaths_alike_are_told_first() {
    let title =
        "6 workers were ended by SIGSEGV, 2024-05-01 11:59:49 to 12:00:03 UTC; process 412 was the last";
    let said = Evidence::new(Basis::Observed, "Worker (pid:412) was sent SIGSEGV!")
        .cite(Citation::new(SourceId(2), Span::Lines { first: 1042, last: 1042, offset: 83_360, len: 20 }));
    let report = |subject: Option<&str>| {
        let mut material = segfault();
        let mut finding = Finding::new("worker-killed-repeated", Severity::Error, Confidence::Certain, title)
            .with_evidence(said.clone());
        finding.subject = subject.map(str::to_owned);
        material.findings.push(finding);
        let own = |second: u64| {
            let time = format!("2024-05-01T12:00:0{second}Z");
            serde_json::json!({"time": time, "level": "INFO", "message": format!("own {second}"), "source": 0, "line": 1000 + second})
        };
        material.documents[2]["process"] = serde_json::json!({"last_records": [own(1), own(2)]});
        render_markdown(&incident(material))
    };
    let told = report(Some("process 412 and others"));
    let brief = told.lines().find(|line| line.starts_with("**In short:**")).unwrap();
    assert!(brief.contains(&format!("**. It was not the only one: {title}.")), "{brief}");
    let impact = told.split_once("## Impact").unwrap().1;
    assert!(impact.trim_start().starts_with(&format!("- {title} `[E2:L1042]`")), "{impact}");
    let last = told.lines().find(|line| line.starts_with("| **Last log line**")).unwrap();
    assert!(last.contains("`own 2`") && !last.contains("warning or above"), "{last}");
    // Others that died, and this process not among them.
    assert!(!report(None).contains("It was not the only one"));
}
