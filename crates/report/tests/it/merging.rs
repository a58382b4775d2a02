use pycoroner_findings::{Event, GapKind, Severity};
use pycoroner_redact::{Policy, Redactor};
use pycoroner_report::{Material, assemble};
use serde_json::json;

use crate::material::{at, event, incident, segfault};

#[test]
fn what_is_said_twice_counts_once() {
    let incident = incident(segfault());
    let ids: Vec<_> = incident.findings.iter().map(|finding| finding.id.as_ref()).collect();
    assert_eq!(ids, ["crash-null-dereference", "exception-in-flight"]);
    assert_eq!(incident.timeline.iter().filter(|event| event.kind == "fatal-error").count(), 1);
    assert_eq!(incident.died_at, Some(at(0)));
}

#[test]
fn the_order_of_material_does_not_matter() {
    let mut reversed = segfault();
    reversed.events.reverse();
    reversed.findings.reverse();
    reversed.gaps.reverse();
    assert_eq!(incident(reversed), incident(segfault()));
}

#[test]
fn the_death_is_an_event() {
    let core = json!({"schema": "pycoroner.core/1", "process": {"pid": 7}, "crash": {"signal": 6, "signal_name": "SIGABRT"}});
    let incident = incident(Material { documents: vec![core], died_at: Some(at(0)), ..Material::default() });
    let death = &incident.timeline[0];
    assert_eq!((death.kind.as_ref(), death.at, death.pid), ("process-died", Some(at(0)), Some(7)));
}

#[test]
fn another_process_did_not_die_here() {
    let core = json!({"schema": "pycoroner.core/1", "process": {"pid": 7}});
    let other = Event { pid: Some(8), ..event(5, "oom-kill", Severity::Critical, "killed 8", 1) };
    let incident = incident(Material { documents: vec![core], events: vec![other], ..Material::default() });
    assert_eq!(incident.died_at, None);
}

#[test]
fn documents_that_cannot_be_read_are_gaps() {
    let check = |document, what: &str| {
        let incident = incident(Material { documents: vec![document], ..Material::default() });
        let gaps: Vec<_> = incident.gaps.iter().map(|gap| (gap.kind, gap.what.as_str())).collect();
        assert_eq!(gaps, [(GapKind::Unknown, what)]);
    };
    check(json!({"schema": "pycoroner.core/1", "threads": 7}), "the document pycoroner.core/1");
    check(
        json!({"schema": "pycoroner.logs/1", "levels": {"ERROR": "many"}}),
        "the document pycoroner.logs/1",
    );
    check(
        json!({"schema": "pycoroner.heap/1", "findings": [{"id": 1}]}),
        "1 of the findings of pycoroner.heap/1",
    );
    check(json!({"schema": "other/1"}), "a document");
    check(json!([1, 2]), "a document");
}

#[test]
fn redaction_can_be_off() {
    let incident = assemble(segfault(), &Redactor::new(Policy::Off));
    assert!(incident.redactions.is_empty());
    assert!(serde_json::to_string(&incident).unwrap().contains("x-789"));
}
