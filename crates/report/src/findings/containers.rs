//! How containers ended, against what the kernel says.

use pycoroner_findings::{Basis, Confidence, Event, Evidence, Finding, Severity, UtcTime};

use super::MOST_EACH;
use crate::Incident;
use crate::sections::ContainerEnd;

const SIGKILL: i64 = 9;
const SIGSEGV: i64 = 11;
const SIGABRT: i64 = 6;
/// Clocks of a node and of its kernel agree this well.
const NEAR_NANOS: i64 = 60_000_000_000;

pub(super) fn findings(incident: &Incident) -> Vec<Finding> {
    let containers = incident.telemetry.iter().flat_map(|telemetry| &telemetry.containers);
    containers.take(MOST_EACH).flat_map(|end| of(incident, end)).collect()
}

fn of(incident: &Incident, end: &ContainerEnd) -> Vec<Finding> {
    let stated = Evidence::new(Basis::Observed, stated(end)).cite(end.citation.clone());
    let signal =
        end.signal.map(i64::from).or(end.exit_code.filter(|code| *code > 128).map(|code| code - 128));
    let says_oom = end.oom_killed == Some(true) || end.reason.as_deref() == Some("OOMKilled");
    let kernel = kernel_ooms(incident, end.finished);
    let mut found = Vec::new();
    if says_oom {
        let mut finding = new(
            "container-oom-killed",
            Severity::Critical,
            Confidence::Strong,
            "The container's runtime says that it ran out of memory",
            end,
        )
        .with_evidence(stated.clone())
        .refuted_if("the kernel's log of that time shows no kill for want of memory in its control group");
        for event in kernel.iter().take(2) {
            finding = finding.with_evidence(observed(event));
        }
        if signal != Some(SIGKILL) {
            let statement =
                "its exit code is not that of SIGKILL: a child was killed, or the flag is of another end";
            finding = finding.with_against(Evidence::new(Basis::Derived, statement));
            finding.confidence = Confidence::Moderate;
        }
        found.push(finding);
        found.extend(contradicted_by_silence(incident, end, &stated, &kernel));
    } else if signal == Some(SIGKILL) {
        found.push(killed(end, stated.clone()));
        if let Some(event) = kernel.first() {
            found.push(
                new(
                    "oom-flag-contradicted",
                    Severity::Warning,
                    Confidence::Moderate,
                    "The container's state does not say that memory ran out, and the kernel's log of the same minute does",
                    end,
                )
                .with_evidence(stated)
                .with_evidence(observed(event))
                .refuted_if("the process that the kernel names was not in this container"),
            );
        }
    } else if let Some(signal @ (SIGSEGV | SIGABRT)) = signal {
        let (id, name) =
            if signal == SIGSEGV { ("exit-code-139", "SIGSEGV") } else { ("exit-code-134", "SIGABRT") };
        let title = format!("The container's main process ended by {name}");
        found.push(new(id, Severity::Error, Confidence::Strong, &title, end).with_evidence(stated));
    }
    found
}

fn killed(end: &ContainerEnd, stated: Evidence) -> Finding {
    let (title, confidence) = if end.oom_killed == Some(false) {
        (
            "The container was killed by SIGKILL, and its runtime says that memory had not run out",
            Confidence::Strong,
        )
    } else {
        ("The container was killed by SIGKILL; its state does not say by whom", Confidence::Moderate)
    };
    new("exit-code-137", Severity::Error, confidence, title, end)
        .with_evidence(stated)
        .with_against(Evidence::new(
            Basis::Derived,
            "exit code 137 is 128 + 9: whoever sends SIGKILL leaves it, lack of memory is one of several reasons",
        ))
        .refuted_if("the kernel's log names this process as killed for want of memory")
}

/// The flag says that memory ran out, and a kernel's log that was given for that time says nothing of it.
fn contradicted_by_silence(
    incident: &Incident,
    end: &ContainerEnd,
    stated: &Evidence,
    kernel: &[&Event],
) -> Option<Finding> {
    let others: Vec<&Event> = incident
        .timeline
        .iter()
        .filter(|event| event.kind == "oom-kill" && !kernel.contains(event))
        .collect();
    let other = others.first().filter(|_| kernel.is_empty())?;
    let finding = new(
        "oom-flag-contradicted",
        Severity::Warning,
        Confidence::Moderate,
        "The container's state says that memory ran out, and the kernel's log names no such kill within a minute of its end",
        end,
    );
    Some(
        finding
            .with_evidence(stated.clone())
            .with_evidence(observed(other))
            .refuted_if("the clocks of the two differ, or the kernel's log is of another machine"),
    )
}

fn new(
    id: &'static str,
    severity: Severity,
    confidence: Confidence,
    title: &str,
    end: &ContainerEnd,
) -> Finding {
    Finding::new(id, severity, confidence, title).about(format!("container {}", end.name))
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
