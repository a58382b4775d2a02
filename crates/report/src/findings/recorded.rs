//! A fault that somebody recorded who saw the process end, where there is no core to tell of it.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::Incident;
use crate::sections::ProcessRecord;

/// Signals that the processor raises for what an instruction did, as Linux numbers them on most machines (`man 7 signal`).
const FAULTS: [(u32, &str); 4] = [(4, "SIGILL"), (7, "SIGBUS"), (8, "SIGFPE"), (11, "SIGSEGV")];

/// One finding for each process; several files may record it.
pub(super) fn findings(incident: &Incident) -> Vec<Finding> {
    if incident.core.is_some() {
        return Vec::new();
    }
    let mut found: Vec<Finding> = Vec::new();
    for record in incident.telemetry.iter().flat_map(|telemetry| &telemetry.processes) {
        let Some((pid, name)) = fault(record) else { continue };
        let subject = format!("process {pid}");
        let executable = record.executable.as_deref().unwrap_or("its executable is not named");
        let evidence = Evidence::new(Basis::Observed, format!("{subject} ({executable}) died of {name}"))
            .cite(record.citation.clone());
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
    let name = FAULTS.iter().find(|(number, _)| Some(*number) == record.signal)?.1;
    // A record without a core is one of a process that lived.
    record.core_file.as_ref()?;
    Some((record.pid?, name))
}
