//! Earlier stacks of the dead process: those of profilers, and those that `faulthandler` wrote into the logs.

use std::collections::BTreeMap;

use pycoroner_coredump::ProcessSnapshot;
use pycoroner_findings::{Finding, TimeBasis, Timestamp};
use pycoroner_logscan::{Scan, TracebackKind};
use pycoroner_telemetry::{StackDump, StackFrame, Telemetry, ThreadStack, compare_stacks};

/// Compares all earlier stacks with those of the core.
pub(super) fn compare(
    snapshot: &ProcessSnapshot,
    died_at: Option<Timestamp>,
    telemetry: &Telemetry,
    scan: Option<&Scan>,
) -> Vec<Finding> {
    let Some(at_end) = of_core(snapshot, died_at) else { return Vec::new() };
    let mut earlier = telemetry.stacks.clone();
    earlier.extend(scan.into_iter().flat_map(of_logs));
    compare_stacks(&earlier, &at_end)
}

/// The Python stacks of the core.
fn of_core(snapshot: &ProcessSnapshot, at: Option<Timestamp>) -> Option<StackDump> {
    let threads = snapshot.threads.iter().filter(|thread| !thread.gone).map(|thread| ThreadStack {
        id: thread.tid.map(|tid| tid.to_string()),
        ident: thread.ident.map(|ident| ident.to_string()),
        name: thread.name.clone(),
        samples: 1,
        frames: thread
            .python_frames
            .iter()
            .map(|frame| StackFrame {
                function: frame.function.clone(),
                file: Some(frame.file.clone()),
                line: frame.line.map(u64::from),
            })
            .collect(),
        ..ThreadStack::default()
    });
    let citations = snapshot.threads.iter().filter_map(|thread| thread.citation.clone());
    Some(StackDump {
        at,
        pid: snapshot.process.pid,
        command: None,
        threads: threads.collect(),
        citation: citations.chain(snapshot.crash.citations.iter().cloned()).next()?,
    })
}

/// The dumps of `faulthandler` that are not of a fatal error: those were written at the end itself.
fn of_logs(scan: &Scan) -> Vec<StackDump> {
    let mut dumps: BTreeMap<usize, StackDump> = BTreeMap::new();
    for (index, entry) in scan.tracebacks.iter().enumerate() {
        let is_end = entry.type_name.as_deref().is_some_and(|name| name != "Timeout");
        if entry.kind != TracebackKind::Faulthandler || is_end {
            continue;
        }
        // Equal dumps are one entry: the last of them is the nearest to the end.
        let place = entry.latest.as_ref().unwrap_or(&entry.place);
        let Some(citation) = place.citation(&scan.sources) else { continue };
        let at = entry.last.or(entry.first).map(|time| Timestamp {
            time,
            basis: entry.time_basis.unwrap_or(TimeBasis::InferredNeighbour),
            uncertainty_ms: entry.time_uncertainty_ms,
        });
        let dump = dumps.entry(entry.parent.unwrap_or(index)).or_insert_with(|| StackDump {
            at,
            pid: entry.pid,
            command: None,
            threads: Vec::new(),
            citation,
        });
        dump.threads.push(ThreadStack {
            id: entry.thread.clone(),
            name: entry.thread_name.clone(),
            samples: 1,
            frames: entry
                .frames
                .iter()
                .map(|frame| StackFrame {
                    function: frame.function.clone().unwrap_or_default(),
                    file: Some(frame.file.clone()),
                    line: frame.line,
                })
                .collect(),
            ..ThreadStack::default()
        });
    }
    dumps.into_values().collect()
}
