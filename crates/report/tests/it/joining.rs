//! Findings that two sources make together.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};
use pycoroner_report::Material;
use serde_json::json;

use crate::material::{bytes, incident};

/// What is said of the place that holds most of the heap, when a profiler saw so many MiB at a line.
#[test]
fn allocations_meet_the_largest_owner() {
    let check = |path: &str, sites: &[(&str, u64, Option<u64>, &str)], expected: &[&str]| {
        let sites: Vec<_> = sites
            .iter()
            .zip(0..)
            .map(|((file, mebibytes, growth, counted), index)| {
                json!({"frames": [{"function": "", "file": "/usr/lib/python3.12/json/decoder.py", "line": 353},
                        {"function": "", "file": file, "line": 12}], "bytes": mebibytes << 20, "growth_bytes": growth.map(|growth| growth << 20),
                    "counted": counted, "citation": {"source": 2, "span": {"kind": "pointer", "pointer": format!("/{index}")}}})
            })
            .collect();
        let heap = json!({"schema": "pycoroner.heap/1", "owners": [
            {"path": "small.X", "retained_bytes": 1000}, {"path": path, "retained_bytes": 100 << 20}]});
        let suspect = Finding::new("heap-leak-suspect", Severity::Warning, Confidence::Strong, "suspect")
            .about(path)
            .with_evidence(Evidence::new(Basis::Derived, "it holds much").cite(bytes(64, 8)));
        let core = json!({"schema": "pycoroner.core/1", "threads": [{"python_frames": [
            {"function": "serve", "file": "/srv/app/main.py", "line": 3}]}]});
        let incident = incident(Material {
            documents: vec![core, heap, json!({"schema": "pycoroner.telemetry/1", "allocations": sites})],
            findings: vec![suspect],
            ..Material::default()
        });
        let found: Vec<String> = incident
            .findings
            .iter()
            .filter(|finding| finding.id == "allocation-site-of-owner")
            .map(|finding| {
                let cited = finding.evidence.iter().flat_map(|one| &one.citations).map(ToString::to_string);
                format!("{} {}", finding.title, cited.collect::<Vec<_>>().join(" "))
            })
            .collect();
        assert_eq!(found, expected, "{path}");
    };
    let sessions = "shop.sessions.SESSIONS";
    let here = "The memory that shop.sessions.SESSIONS keeps alive was allocated at /srv/app/shop/sessions.py:12, in the module that holds it [E2#/0] [E1@0x40+8]";
    check(sessions, &[("/srv/app/shop/sessions.py", 80, None, "live")], &[here]);
    check(
        sessions,
        &[("/srv/app/shop/sessions.py", 80, None, "live"), ("/srv/app/other.py", 90, None, "live")],
        &[],
    );
    check(
        sessions,
        &[("/srv/app/shop/sessions.py", 80, Some(70), "live"), ("/srv/app/other.py", 90, Some(1), "live")],
        &[here],
    );
    check(sessions, &[("/srv/app/shop/sessions.py", 10, None, "live")], &[]);
    check(sessions, &[("/srv/app/shop/sessions.py", 80, None, "allocated")], &[]);
    check(sessions, &[("/srv/app/shop/session.py", 80, None, "live")], &[]);
    check(sessions, &[], &[]);
    check(
        "<thread 'MainThread'>.<frame serve>.rows",
        &[("/srv/app/main.py", 80, None, "live")],
        &[
            "The memory that <thread 'MainThread'>.<frame serve>.rows keeps alive was allocated at /srv/app/main.py:12, in the file of the function that holds it [E2#/0] [E1@0x40+8]",
        ],
    );
    check("<thread 'MainThread'>.<frame other>.rows", &[("/srv/app/main.py", 80, None, "live")], &[]);
}
