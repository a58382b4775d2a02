//! What the state of a container says of memory, against what the kernel's log says.

use pycoroner_findings::{Basis, Confidence, Event, Evidence, Finding, Severity, UtcTime};

use super::MOST_EACH;
use crate::Incident;
use crate::sections::ContainerEnd;

/// 128 and SIGKILL, as runtimes report it.
const KILLED: i64 = 137;
/// Clocks of a node and of its kernel agree this well.
const NEAR_NANOS: i64 = 60_000_000_000;

pub(super) fn findings(incident: &Incident) -> Vec<Finding> {
    let containers = incident.telemetry.iter().flat_map(|telemetry| &telemetry.containers);
    containers.take(MOST_EACH).filter_map(|end| contradicted(incident, end)).collect()
}

/// The flag and the kernel's log do not agree.
fn contradicted(incident: &Incident, end: &ContainerEnd) -> Option<Finding> {
    let says_oom = end.oom_killed == Some(true) || end.reason.as_deref() == Some("OOMKilled");
    let near = kernel_ooms(incident, end.finished);
    let (title, event, refuted_if) = if says_oom {
        // A log that was given for that time and tells of another kill has not just been cut.
        let other =
            incident.timeline.iter().find(|event| event.kind == "oom-kill" && !near.contains(event))?;
        let title = "The container's state says that memory ran out, and the kernel's log names no such kill within a minute of its end";
        let refuted_if = "the clocks of the two differ, or the kernel's log is of another machine";
        (title, Some(other).filter(|_| near.is_empty())?, refuted_if)
    } else {
        let title = "The container's state does not say that memory ran out, and the kernel's log of the same minute does";
        let event = near.first().filter(|_| end.exit_code == Some(KILLED))?;
        (title, *event, "the process that the kernel names was not in this container")
    };
    Some(
        Finding::new("oom-flag-contradicted", Severity::Warning, Confidence::Moderate, title)
            .about(format!("container {}", end.name))
            .with_evidence(Evidence::new(Basis::Observed, stated(end)).cite(end.citation.clone()))
            .with_evidence(observed(event))
            .refuted_if(refuted_if),
    )
}

fn observed(event: &Event) -> Evidence {
    Evidence::new(Basis::Observed, event.message.clone()).cite(event.citation.clone())
}

/// Kills for want of memory that the kernel logged near a time; all that have none, when no time is known.
fn kernel_ooms(incident: &Incident, at: Option<UtcTime>) -> Vec<&Event> {
    let is_near = |event: &&Event| match (event.at, at) {
        (Some(event), Some(at)) => event.time.0.abs_diff(at.0) <= NEAR_NANOS as u64,
        (_, None) => true,
        (None, Some(_)) => false,
    };
    incident.timeline.iter().filter(|event| event.kind == "oom-kill").filter(is_near).collect()
}

fn stated(end: &ContainerEnd) -> String {
    let code = end.exit_code.map(|code| format!("exit code {code}"));
    let signal = end.signal.map(|signal| format!("signal {signal}"));
    let reason = end.reason.as_ref().map(|reason| format!("reason {reason}"));
    let flag = end.oom_killed.map(|flag| format!("OOMKilled {flag}"));
    let parts: Vec<String> = [code, signal, reason, flag].into_iter().flatten().collect();
    format!("container {} ended: {}", end.name, parts.join(", "))
}
