//! What a core's facts add up to: the verdict on its end, and findings. The only place that judges.
//!
//! One file for each judgement.

mod binaries;
mod crash;
mod exception_in_flight;
mod extension;
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
    findings.extend(waits::findings(snapshot));
    findings.extend(extension::finding(snapshot));
    findings.extend(tasks::findings(snapshot));
    findings.extend(crashed.and_then(recursion::finding));
    findings.extend(crashed.and_then(exception_in_flight::finding));
    findings.extend(unhandled_exception::finding(snapshot));
    findings.extend(binaries::finding(snapshot));
    findings
}

/// A frame in words.
fn place(frame: &FrameSection) -> String {
    let name = frame.qualname.as_deref().unwrap_or(&frame.function);
    match frame.line {
        Some(line) => format!("{name} at {}:{line}", frame.file),
        None => format!("{name} in {}", frame.file),
    }
}
