//! What a core's facts add up to: the verdict on its end, and findings. The only place that judges.
//!
//! One file for each judgement.

mod binaries;
mod crash;
mod exception_in_flight;
mod extension;
mod foreign_modules;
mod recursion;
mod tasks;
mod unhandled_exception;
mod verdict;
mod waits;

use pycoroner_findings::Finding;

use crate::snapshot::document::{FrameSection, ProcessSnapshot};

pub(crate) use verdict::verdict;

/// Findings of a snapshot, the weightiest first.
pub(crate) fn of_snapshot(snapshot: &ProcessSnapshot) -> Vec<Finding> {
    let crashed = snapshot.threads.iter().find(|thread| thread.crashed);
    let mut findings: Vec<Finding> = crash::finding(snapshot, crashed).into_iter().collect();
    findings.extend(crash::fatal_error(snapshot));
    findings.extend(crash::abort_called(snapshot, crashed));
    findings.extend(waits::findings(snapshot));
    findings.extend(extension::finding(snapshot));
    findings.extend(tasks::findings(snapshot));
    let deep = crashed.and_then(recursion::finding);
    let native = crashed.and_then(recursion::native);
    // Python code that calls itself through C has native code do the same.
    let native = native.or_else(|| recursion::by_words(&snapshot.crash, crashed).filter(|_| deep.is_none()));
    findings.extend(deep.into_iter().chain(native));
    findings.extend(crashed.and_then(exception_in_flight::finding));
    findings.extend(unhandled_exception::finding(snapshot));
    findings.extend(binaries::finding(snapshot));
    findings.extend(foreign_modules::findings(snapshot));
    if findings.iter().all(|finding| !matches!(&*finding.id, "deadlock" | "lock-abandoned" | "await-circle"))
    {
        findings.extend(waits::all_idle(snapshot));
    }
    findings
}

/// Whether nothing in the process failed: it was alive, or a signal from outside ended it.
fn nothing_failed(snapshot: &ProcessSnapshot) -> bool {
    let verdict = snapshot.crash.verdict.as_ref().map(|verdict| verdict.id);
    matches!(verdict, None | Some("no-crash" | "external-signal"))
}

/// A frame in words.
fn place(frame: &FrameSection) -> String {
    let name = frame.qualname.as_deref().unwrap_or(&frame.function);
    match frame.line {
        Some(line) => format!("{name} at {}:{line}", frame.file),
        None => format!("{name} in {}", frame.file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::document::{CrashSection, ProcessSection};

    /// A snapshot without threads.
    pub(super) fn nothing() -> ProcessSnapshot {
        ProcessSnapshot {
            schema: "pycoroner.core/1",
            process: ProcessSection::default(),
            crash: CrashSection::default(),
            threads: Vec::new(),
            locks: Vec::new(),
            deadlocks: Vec::new(),
            asyncio: None,
            suspended: Vec::new(),
            memory_logs: Vec::new(),
            recovered_exceptions: Vec::new(),
            findings: Vec::new(),
            gaps: Vec::new(),
        }
    }
}
