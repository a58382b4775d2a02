//! Threads that wait: in a circle, for a GIL that nobody gives away, or all of them.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::snapshot::document::{DeadlockSection, LockSection, ProcessSnapshot, ThreadSection};

/// Threads that wait for each other, and threads that wait for the GIL.
pub(super) fn findings(snapshot: &ProcessSnapshot) -> Vec<Finding> {
    let deadlocks = snapshot.deadlocks.iter().filter_map(|circle| deadlock(snapshot, circle));
    deadlocks.chain(gil_starvation(snapshot)).chain(abandoned(snapshot)).collect()
}

fn deadlock(snapshot: &ProcessSnapshot, circle: &DeadlockSection) -> Option<Finding> {
    let names: Vec<_> = circle.tids.iter().map(|&tid| label_of(snapshot, tid)).collect();
    let title = match names.as_slice() {
        [] => return None,
        [one] => format!(
            "Thread {one} waits for {}, which it holds itself",
            circle.locks.first().map_or("a lock", String::as_str)
        ),
        _ => format!(
            "{} threads wait for each other in a circle: {}",
            names.len(),
            names
                .iter()
                .zip(&circle.locks)
                .map(|(name, lock)| format!("{name} for {lock}"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    };
    let mut finding = Finding::new("deadlock", Severity::Critical, Confidence::Strong, title)
        .about(circle.locks.join(", "));
    for (index, (tid, lock)) in circle.tids.iter().zip(&circle.locks).enumerate() {
        let owner = circle.tids.get((index + 1) % circle.tids.len().max(1)).copied().unwrap_or(*tid);
        let thread = thread_of(snapshot, *tid);
        let row = thread.and_then(|thread| row_of(snapshot, thread));
        let by_block = row.is_some_and(|row| row.owner_found_by == Some("with-statement"));
        let how = if by_block { "which is in a `with` block of it" } else { "as it states itself" };
        let statement = format!(
            "thread {} was blocked waiting for {lock}, held by thread {} ({how})",
            label_of(snapshot, *tid),
            label_of(snapshot, owner)
        );
        let basis = if by_block { Basis::Inferred } else { Basis::Derived };
        let citation = thread.and_then(|thread| thread.citation.clone());
        finding = finding.with_evidence(Evidence::new(basis, statement).cite(citation));
        if by_block {
            finding.confidence = Confidence::Moderate;
        }
    }
    Some(finding.refuted_if("one of the waits has a time limit that ends it"))
}

/// So many threads that wait for the GIL at once are more than threads that take turns.
const MANY: usize = 3;

/// A GIL holder that sits in a system call keeps all others from running.
fn gil_starvation(snapshot: &ProcessSnapshot) -> Option<Finding> {
    let holder = snapshot.threads.iter().find(|thread| thread.holds_gil == Some(true))?;
    let waits_for_gil = |thread: &&ThreadSection| {
        let wait = thread.waiting_on.as_ref();
        wait.is_some_and(|wait| wait.kind == "gil" && wait.owner_tid == holder.tid)
    };
    let waiting = snapshot.threads.iter().filter(waits_for_gil).count();
    let blocked = holder.waiting_on.is_some();
    if holder.crashed || waiting == 0 || (!blocked && waiting < MANY) {
        return None;
    }
    let who = label(holder);
    let threads = if waiting == 1 { "1 thread waits".to_owned() } else { format!("{waiting} threads wait") };
    let title = match holder.state.as_deref().filter(|_| blocked) {
        Some(state) => format!("{threads} for the GIL while its holder, thread {who}, is {state}"),
        None => format!("{threads} for the GIL, held by thread {who}"),
    };
    let confidence = if blocked { Confidence::Strong } else { Confidence::Weak };
    let severity = if blocked { Severity::Error } else { Severity::Warning };
    let mut finding = Finding::new("gil-starvation", severity, confidence, title).about(who).with_evidence(
        Evidence::new(Basis::Derived, format!("{threads} at the condition variable of the GIL"))
            .cite(holder.citation.clone()),
    );
    if let Some(frame) = holder.python_frames.first() {
        finding = finding.with_evidence(
            Evidence::new(
                Basis::Observed,
                format!("the holder's innermost Python frame was {}", super::place(frame)),
            )
            .cite(frame.citation.clone()),
        );
    }
    Some(finding.refuted_if("the holder lets go of the GIL within milliseconds"))
}

/// Locks that are waited for and whose owner has ended.
fn abandoned(snapshot: &ProcessSnapshot) -> impl Iterator<Item = Finding> + '_ {
    let rows = snapshot.locks.iter().filter(|row| {
        !row.waiters.is_empty() && row.owner_found_by == Some("owner-field") && row.owner_tid.is_none()
    });
    rows.map(|row| {
        let lock = row.path.clone().unwrap_or_else(|| format!("the {} at {}", row.kind, row.address));
        let title = format!("{lock} is held by a thread that has ended, and is waited for");
        Finding::new("lock-abandoned", Severity::Error, Confidence::Moderate, title)
            .about(lock)
            .with_evidence(Evidence::new(
                Basis::Derived,
                "no thread of the process has the ident that the lock names as its owner",
            ))
    })
}

fn row_of<'s>(snapshot: &'s ProcessSnapshot, thread: &ThreadSection) -> Option<&'s LockSection> {
    let object = thread.waiting_on.as_ref()?.object?;
    snapshot.locks.iter().find(|row| row.address == object)
}

fn thread_of(snapshot: &ProcessSnapshot, tid: u64) -> Option<&ThreadSection> {
    snapshot.threads.iter().find(|thread| thread.tid == Some(tid))
}

fn label_of(snapshot: &ProcessSnapshot, tid: u64) -> String {
    thread_of(snapshot, tid).map_or_else(|| tid.to_string(), label)
}

fn label(thread: &ThreadSection) -> String {
    let id = thread.tid.map(|tid| tid.to_string());
    let parts: Vec<_> = id.into_iter().chain(thread.name.clone()).collect();
    if parts.is_empty() { "of unknown id".to_owned() } else { parts.join(" ") }
}
