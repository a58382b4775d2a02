use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity, signals};

use crate::document::{ContainerEnd, Telemetry};

/// 128 plus the number of the signal, as shells and container runtimes report it.
const SIGNALLED: i64 = 128;
const SIGKILL: i64 = SIGNALLED + 9;

/// Judges how containers ended, where the exit code or the reason says more than that they did.
pub(super) fn judge(telemetry: &mut Telemetry) {
    let findings: Vec<Finding> = telemetry.containers.iter().filter_map(judge_end).collect();
    telemetry.findings.extend(findings);
}

fn judge_end(end: &ContainerEnd) -> Option<Finding> {
    if end.oom_killed == Some(true) {
        return Some(oom_killed(end));
    }
    let code = end.exit_code?;
    let (id, severity) = match code {
        SIGKILL => ("exit-code-137", Severity::Error),
        139 => ("exit-code-139", Severity::Critical),
        134 => ("exit-code-134", Severity::Critical),
        135 => ("exit-code-135", Severity::Critical),
        132 => ("exit-code-132", Severity::Critical),
        136 => ("exit-code-136", Severity::Critical),
        143 => ("exit-code-143", Severity::Info),
        _ => return None,
    };
    let what = signals::name(u32::try_from(code - SIGNALLED).ok()?)?;
    let no_memory = if code == SIGKILL { "; that memory ran out is not shown by it" } else { "" };
    let title = format!("Container {} ended with exit code {code}, as by {what}{no_memory}", end.name);
    let statement = format!("exit code {code} is 128 plus {}, the number of {what}", code - SIGNALLED);
    // Without a word on memory, a kill for want of it is not ruled out.
    let is_open = code == SIGKILL && end.oom_killed.is_none();
    let confidence = if is_open { Confidence::Moderate } else { Confidence::Strong };
    let mut finding = Finding::new(id, severity, confidence, title)
        .about(end.name.clone())
        .with_evidence(ended(end))
        .with_evidence(Evidence::new(Basis::Derived, statement).cite(end.citation.clone()));
    if code == SIGKILL {
        finding = finding.with_evidence(match (end.oom_killed, end.reason.as_deref()) {
            (Some(_), _) => observed(end, "OOMKilled is false: the runtime saw no lack of memory"),
            (None, Some(reason)) => observed(end, &format!("the reason is {reason:?} and not \"OOMKilled\"")),
            (None, None) => observed(end, "no reason is given"),
        });
        let against = "whoever sends SIGKILL leaves this code: lack of memory is one of several reasons";
        finding = finding.with_against(Evidence::new(Basis::Derived, against));
        return Some(finding.refuted_if(
            "the kernel's log of that time names a process of this container as killed for lack of memory",
        ));
    }
    Some(finding.refuted_if("the program returned this code by itself, without a signal"))
}

fn oom_killed(end: &ContainerEnd) -> Finding {
    let limit = end.memory_limit.map_or_else(String::new, |limit| format!(" (limit {} MiB)", limit >> 20));
    let title = format!("Memory of container {} ran out{limit}", end.name);
    let finding = Finding::new("container-oom-killed", Severity::Critical, Confidence::Strong, title)
        .about(end.name.clone())
        .with_evidence(ended(end))
        .refuted_if(
            "the kernel's log of that time names no process of this container as killed for lack of memory",
        );
    let contradiction = match end.exit_code {
        Some(SIGKILL) => return finding,
        Some(0) => "the exit code is 0: the container's first process was not killed; if anything was, it was one of its children".to_owned(),
        Some(code) => format!("the exit code is {code} and not 137 (SIGKILL): the container's first process ended in another way"),
        None => "no exit code is given".to_owned(),
    };
    let mut finding = finding.with_against(observed(end, &contradiction));
    finding.confidence = Confidence::Moderate;
    finding.title = format!(
        "Memory of container {} is said to have run out{limit}, and its exit code contradicts that",
        end.name
    );
    finding
}

/// What stands there of the end.
fn ended(end: &ContainerEnd) -> Evidence {
    let mut parts = Vec::new();
    parts.extend(end.exit_code.map(|code| format!("exit code {code}")));
    parts.extend(end.reason.as_ref().map(|reason| format!("reason {reason:?}")));
    parts.extend(end.oom_killed.map(|killed| format!("OOMKilled {killed}")));
    parts.extend(end.finished.map(|time| format!("finished {time}")));
    parts.extend(end.started.map(|time| format!("started {time}")));
    parts.extend(
        end.restarts
            .filter(|count| *count > 0)
            .map(|count| format!("restarted {count} times; this is the last end")),
    );
    observed(end, &parts.join(", "))
}

fn observed(end: &ContainerEnd, statement: &str) -> Evidence {
    Evidence::new(Basis::Observed, statement).cite(end.citation.clone())
}
