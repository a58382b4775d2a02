//! A fault that somebody recorded who saw the process end, where there is no core to tell of it.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity, signals};

use crate::Incident;
use crate::sections::ProcessRecord;

/// One finding for each process; several files may record it.
pub(super) fn findings(incident: &Incident) -> Vec<Finding> {
    if incident.core.is_some() {
        return Vec::new();
    }
    let processes = incident.telemetry.iter().flat_map(|telemetry| &telemetry.processes);
    let recorded = processes.filter_map(|record| {
        let (pid, name) = fault(record)?;
        let executable = record.executable.as_deref().unwrap_or("its executable is not named");
        let statement = format!("process {pid} ({executable}) died of {name}");
        Some((pid, name, Evidence::new(Basis::Observed, statement).cite(record.citation.clone())))
    });
    // The same as systemd's journal has it.
    let dumps = incident.timeline.iter().filter(|event| event.kind == "core-dumped");
    let logged = dumps.filter_map(|event| {
        let (pid, signal) = event.pid.zip(event.signal.filter(|signal| signals::is_fault(*signal)))?;
        let name = signals::name(signal)?;
        let statement = format!("process {pid} dumped core on {name}");
        Some((pid, name, Evidence::new(Basis::Observed, statement).cite(event.citation.clone())))
    });
    let mut found: Vec<Finding> = Vec::new();
    for (pid, name, evidence) in recorded.chain(logged) {
        let subject = format!("process {pid}");
        if let Some(known) = found.iter_mut().find(|finding| finding.subject.as_deref() == Some(&*subject)) {
            known.evidence.push(evidence);
            continue;
        }
        let title = format!("{name} ended process {pid}, as its core's record says");
        let finding = Finding::new("recorded-fault", Severity::Critical, Confidence::Certain, title);
        found.push(finding.about(subject).with_evidence(evidence));
    }
    found.truncate(super::MOST_EACH);
    found
}

fn fault(record: &ProcessRecord) -> Option<(u64, &'static str)> {
    let name = signals::name(record.signal.filter(|signal| signals::is_fault(*signal))?)?;
    // A record without a core is one of a process that lived.
    record.core_file.as_ref()?;
    Some((record.pid?, name))
}
