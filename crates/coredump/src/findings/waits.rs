//! Threads that wait: in a circle, for a GIL that nobody gives away, or all of them.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::snapshot::document::{DeadlockSection, FrameSection, LockSection, ProcessSnapshot, ThreadSection};

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
        let found_by = row.and_then(|row| row.owner_found_by);
        let by_block = matches!(found_by, Some("with-statement" | "exit-stack" | "acquire-call"));
        let how = match found_by {
            Some("with-statement") => "which is inside a with statement on it",
            Some("exit-stack") => "which has an exit stack that entered it",
            Some("acquire-call") => "which has called its acquire(), and no release() since",
            _ => "as it states itself",
        };
        let frame = thread.and_then(waiting_frame);
        let at = frame.map(|frame| format!(" in {}", super::place(frame))).unwrap_or_default();
        let statement = format!(
            "thread {} was blocked waiting for {lock}{at}, held by thread {} ({how})",
            label_of(snapshot, *tid),
            label_of(snapshot, owner)
        );
        let basis = if by_block { Basis::Inferred } else { Basis::Derived };
        // Registers show the wait where no handler of a signal runs in the midst of it; else the frame that waits does.
        let is_interrupted =
            thread.and_then(|thread| thread.waiting_on.as_ref()).is_some_and(|wait| wait.interrupted);
        let registers = thread.and_then(|thread| thread.citation.clone()).filter(|_| !is_interrupted);
        finding = finding.with_evidence(
            Evidence::new(basis, statement)
                .cite(frame.and_then(|frame| frame.citation.clone()))
                .cite(registers)
                .cite(row.and_then(|row| row.citation.clone())),
        );
        if by_block {
            finding.confidence = Confidence::Moderate;
        }
    }
    finding.evidence.extend(order_of_locks(snapshot, circle));
    Some(finding.refuted_if("one of the waits has a time limit that ends it"))
}

/// In which order each function takes its locks, where it is known of all of them.
fn order_of_locks(snapshot: &ProcessSnapshot, circle: &DeadlockSection) -> Option<Evidence> {
    let count = circle.tids.len();
    let told = circle.tids.iter().zip(&circle.taken).enumerate().map(|(index, (tid, taken))| {
        let taken = taken.as_ref()?;
        let [held, wanted] = [index + count - 1, index].map(|at| circle.locks.get(at % count));
        let wants = waiting_frame(thread_of(snapshot, *tid)?).map(|frame| {
            let function = frame.qualname.as_ref().unwrap_or(&frame.function);
            let is_same = *function == taken.function && frame.file == taken.file;
            let by = if is_same { String::new() } else { format!(" by {function}") };
            format!("{by}{}", on_line(frame.line))
        });
        Some(format!(
            "{} has taken {}{} and waits{} for {}",
            taken.function,
            held?,
            on_line(taken.line),
            wants.unwrap_or_default(),
            wanted?,
        ))
    });
    let told = told.collect::<Option<Vec<String>>>()?;
    let waiting = circle.tids.iter().filter_map(|tid| waiting_frame(thread_of(snapshot, *tid)?));
    let evidence = Evidence::new(Basis::Inferred, told.join("; "));
    Some(waiting.fold(evidence, |evidence, frame| evidence.cite(frame.citation.clone())))
}

fn on_line(line: Option<u32>) -> String {
    line.map_or_else(String::new, |line| format!(" on line {line}"))
}

/// The frame that waits: the innermost one, or, where a signal's handler runs in the midst of the wait, the one below it.
fn waiting_frame(thread: &ThreadSection) -> Option<&FrameSection> {
    let frames = &thread.python_frames;
    let interrupted = thread.waiting_on.as_ref().is_some_and(|wait| wait.interrupted);
    let handler = frames.iter().position(|frame| frame.handles_signal.is_some()).filter(|_| interrupted);
    // The wait itself is a call of a lock's or condition's method.
    let is_wait =
        |frame: &FrameSection| frame.c_call.as_ref().is_some_and(|call| call.name.starts_with("_thread."));
    match handler {
        Some(handler) => frames.get(handler + 1),
        None if interrupted => frames.iter().find(|frame| is_wait(frame)),
        None => frames.first(),
    }
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
    // A thread that failed keeps the GIL for as long as the core takes to be written; all others wait for it then.
    let failed = holder.crashed && !super::nothing_failed(snapshot);
    if failed || waiting == 0 || (!blocked && waiting < MANY) {
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
            .with_evidence(
                Evidence::new(
                    Basis::Derived,
                    "no thread of the process has the ident that the lock names as its owner",
                )
                .cite(row.citation.clone()),
            )
    })
}

/// What threads wait for that nothing in the process keeps from them: events, messages, input, time.
const IDLE: &[&str] =
    &["poll", "accept", "queue", "condition", "event", "sleep", "signal", "read", "receive", "process"];
/// Threads whose states are listed.
const MOST_IDLE: usize = 10;

/// Every thread waits for something to do, and nothing failed.
pub(super) fn all_idle(snapshot: &ProcessSnapshot) -> Option<Finding> {
    let threads = &snapshot.threads;
    let is_idle = |thread: &ThreadSection| match &thread.waiting_on {
        Some(wait) => IDLE.contains(&wait.kind) || wait.kind == "join",
        // A thread of native code: that it is in a system call that waits is all that is known.
        None => thread.python_frames.is_empty() && thread.ident.is_none() && thread.state.is_some(),
    };
    let waits_for_work =
        |thread: &ThreadSection| thread.waiting_on.as_ref().is_some_and(|wait| IDLE.contains(&wait.kind));
    if !super::nothing_failed(snapshot) || !threads.iter().all(is_idle) || !threads.iter().any(waits_for_work)
    {
        return None;
    }
    let title = match threads.len() {
        1 => "The only thread was waiting for events, input or time; nothing had failed".to_owned(),
        count => {
            format!(
                "All {count} threads were waiting for events, messages, input or time; nothing had failed"
            )
        }
    };
    let mut finding = Finding::new("all-idle", Severity::Info, Confidence::Strong, title);
    for thread in threads.iter().take(MOST_IDLE) {
        let state = thread.state.as_deref().unwrap_or("waiting");
        let statement = format!("thread {} was {state}", label(thread));
        finding =
            finding.with_evidence(Evidence::new(Basis::Derived, statement).cite(thread.citation.clone()));
    }
    Some(finding.refuted_if("what they wait for was due long ago: an answer that never came, a lost wake-up"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::findings::of_snapshot;
    use crate::snapshot::document::{CrashSection, Verdict, WaitSection, WaiterSection};

    const HOLDER: u64 = 1;

    fn thread(tid: u64, kind: Option<&'static str>, owner_tid: Option<u64>) -> ThreadSection {
        let waiting_on =
            kind.map(|kind| WaitSection { kind, object: None, path: None, owner_tid, interrupted: false });
        let state = Some("somewhere".to_owned());
        ThreadSection {
            tid: Some(tid),
            ident: Some(Address(tid)),
            waiting_on,
            state,
            ..ThreadSection::default()
        }
    }

    fn snapshot(verdict: &'static str, threads: Vec<ThreadSection>) -> ProcessSnapshot {
        let (because, against) = (vec!["because".to_owned()], Vec::new());
        let summary = String::new();
        let verdict = Verdict { id: verdict, confidence: Confidence::Strong, summary, because, against };
        let crash = CrashSection { verdict: Some(verdict), ..CrashSection::default() };
        ProcessSnapshot { crash, threads, ..super::super::tests::nothing() }
    }

    fn confidence_of(snapshot: &ProcessSnapshot, id: &str) -> Option<Confidence> {
        let finding = of_snapshot(snapshot).into_iter().find(|finding| finding.id == id)?;
        assert!(!finding.evidence.is_empty(), "{id} rests on nothing");
        Some(finding.confidence)
    }

    #[test]
    fn threads_that_wait_for_the_gil() {
        use Confidence::{Strong, Weak};
        let check = |verdict, crashed, blocked: Option<&'static str>, waiting, expected| {
            let mut holder = thread(HOLDER, blocked, None);
            (holder.holds_gil, holder.crashed) = (Some(true), crashed);
            let mut threads = vec![holder];
            threads.extend((0..waiting).map(|tid| thread(tid + 2, Some("gil"), Some(HOLDER))));
            let found = confidence_of(&snapshot(verdict, threads), "gil-starvation");
            assert_eq!(found, expected, "{verdict}, crashed {crashed}, {blocked:?}, {waiting} waiting");
        };
        check("no-crash", false, Some("sleep"), 1, Some(Strong));
        check("no-crash", false, Some("sleep"), 0, None);
        check("no-crash", false, None, 3, Some(Weak));
        check("no-crash", false, None, 2, None);
        // A watchdog's or a person's signal hits the holder as well as any other thread.
        check("external-signal", true, Some("sleep"), 1, Some(Strong));
        check("external-signal", true, None, 3, Some(Weak));
        // One that fails keeps the GIL while the core is written.
        check("null-dereference", true, None, 3, None);
        check("abort", true, Some("sleep"), 3, None);
        check("null-dereference", false, Some("sleep"), 1, Some(Strong));
    }

    #[test]
    fn locks_whose_owner_has_ended() {
        let check = |found_by, owner_tid, waiters: &[u64], expected| {
            let waiters = waiters.iter().map(|&tid| WaiterSection { tid: Some(tid), name: None }).collect();
            let row = LockSection {
                path: Some("app.LOCK".to_owned()),
                address: Address(0x1000),
                kind: "rlock",
                count: Some(1),
                owner_tid,
                owner_name: None,
                owner_found_by: found_by,
                waiters,
                taken_in: None,
                citation: None,
            };
            let mut snapshot = snapshot("no-crash", vec![thread(2, Some("rlock"), None)]);
            snapshot.locks.push(row);
            assert_eq!(confidence_of(&snapshot, "lock-abandoned"), expected);
        };
        check(Some("owner-field"), None, &[2], Some(Confidence::Moderate));
        check(Some("owner-field"), Some(3), &[2], None);
        check(Some("owner-field"), None, &[], None);
        check(None, None, &[2], None);
    }

    #[test]
    fn threads_that_all_wait_for_work() {
        let check = |verdict, kinds: &[Option<&'static str>], expected| {
            let threads = kinds.iter().zip(1..).map(|(&kind, tid)| thread(tid, kind, None)).collect();
            let found = confidence_of(&snapshot(verdict, threads), "all-idle");
            assert_eq!(found, expected, "{verdict} {kinds:?}");
        };
        let strong = Some(Confidence::Strong);
        check("no-crash", &[Some("poll")], strong);
        check("no-crash", &[Some("join"), Some("queue"), Some("accept")], strong);
        check("external-signal", &[Some("poll"), Some("queue")], strong);
        check("no-crash", &[Some("join")], None);
        check("no-crash", &[Some("poll"), Some("lock")], None);
        check("no-crash", &[Some("poll"), Some("gil")], None);
        check("no-crash", &[Some("poll"), None], None);
        check("no-crash", &[], None);
        check("null-dereference", &[Some("poll")], None);
        let native = ThreadSection { state: Some("waiting".to_owned()), ..ThreadSection::default() };
        let threads = vec![thread(1, Some("poll"), None), native.clone()];
        assert_eq!(confidence_of(&snapshot("no-crash", threads), "all-idle"), strong);
        let running = ThreadSection { state: None, ..native };
        let threads = vec![thread(1, Some("poll"), None), running];
        assert_eq!(confidence_of(&snapshot("no-crash", threads), "all-idle"), None);
    }
}
