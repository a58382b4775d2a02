//! Every fact that a dying program stated about its threads, variables and exceptions.

use pycoroner_coredump::{ExceptionSection, FrameSection, Phase, ProcessSnapshot, ThreadSection};
use pycoroner_fixtures::{Fixture, Truth, TruthException, TruthFrame, TruthThread, cores, incident};

use crate::snapshot;

#[test]
fn committed_cores_say_what_their_processes_said() {
    let fixtures: Vec<Fixture> = cores().into_iter().chain([incident("checkout-segfault")]).collect();
    assert!(fixtures.len() >= 10);
    for fixture in &fixtures {
        check(&fixture.name, &snapshot(&fixture.core_bytes()), &fixture.truth);
    }
}

/// Compares all that the truth states; what only running code could tell is left out.
pub(crate) fn check(name: &str, found: &ProcessSnapshot, truth: &Truth) {
    let python = found.process.python.as_ref().unwrap_or_else(|| panic!("{name}: {:?}", found.gaps));
    assert!(truth.python.version.starts_with(&python.version), "{name}: {}", python.version);
    assert_eq!(found.process.pid, Some(u64::from(truth.pid)), "{name}");
    assert!(found.process.env.keys().eq(&truth.env_keys), "{name}: {:?}", found.process.env.keys());
    assert!(found.process.argv.ends_with(&truth.argv), "{name}: {:?}", found.process.argv);
    // Nothing but symbols tells some variables of 3.6 from each other.
    let hidden = python.version.starts_with("3.6.") && found.process.gc_enabled.is_none();
    assert!(hidden || found.process.gc_enabled == Some(truth.gc_enabled), "{name}");
    assert_eq!(found.crash.signal, u32::try_from(truth.signal).ok(), "{name}");
    assert_eq!(found.crash.tid, Some(u64::from(truth.crashed_tid)), "{name}");
    let fault = found.crash.fault_address.map(|address| address.to_string());
    let first_fault = truth.others.get("first_fault").and_then(|fault| fault.as_str().map(str::to_owned));
    assert_eq!(fault, truth.fault_address.clone().or(first_fault), "{name}");
    if let Some(phase) = truth.others.get("phase").filter(|_| !hidden) {
        assert_eq!(serde_json::to_value(python.phase).ok().as_ref(), Some(phase), "{name}");
    }
    check_distributions(name, found, truth);
    let mut gone: Vec<_> =
        found.threads.iter().filter(|thread| thread.gone).map(|thread| &thread.name).collect();
    gone.sort();
    let left_behind = truth.others.get("gone").cloned().unwrap_or_else(|| Vec::<String>::new().into());
    assert_eq!(serde_json::to_value(&gone).ok(), Some(left_behind), "{name}");
    let mut tids: Vec<_> = found.threads.iter().filter_map(|thread| thread.tid).collect();
    tids.sort_unstable();
    // Threads that no interpreter knows.
    let others = truth.others.get("others").and_then(|others| others.as_array().cloned()).unwrap_or_default();
    let mut expected: Vec<_> = others.iter().filter_map(serde_json::Value::as_u64).collect();
    expected.extend(truth.threads.iter().map(|thread| u64::from(thread.tid)));
    expected.sort_unstable();
    assert_eq!(tids, expected, "{name}");
    for thread in &truth.threads {
        let section = found.threads.iter().find(|section| section.tid == Some(u64::from(thread.tid)));
        let mut section = section.expect("compared above").clone();
        // `sys.modules`, which leads to the names, is empty by then.
        if python.phase == Some(Phase::Finalizing) || (hidden && section.name.is_none()) {
            section.name.clone_from(&thread.name);
        }
        if hidden {
            section.holds_gil = section.holds_gil.or(Some(thread.holds_gil));
            section.collecting_garbage = Some(thread.collecting_garbage);
        }
        check_thread(name, &section, thread);
    }
    check_locks(name, found, truth);
    crate::taken::check(name, found);
    crate::calls::check(name, found, truth);
    crate::calls::check_interpreter(name, found, truth);
    crate::tasks::check(name, found, truth);
}

/// The locks that the program knew of, and who waits for each other in a circle.
fn check_locks(name: &str, found: &ProcessSnapshot, truth: &Truth) {
    let tids = |tids: &[u64]| {
        let mut tids = tids.to_vec();
        tids.sort_unstable();
        tids
    };
    for lock in &truth.locks {
        let at = format!("{name}, {}", lock.path);
        let row = found.locks.iter().find(|row| row.path.as_ref() == Some(&lock.path));
        let row = row.unwrap_or_else(|| panic!("{at}: {:?}", found.locks));
        assert_eq!(
            (row.kind, row.count, row.owner_tid),
            (lock.kind.as_str(), lock.count, lock.owner_tid),
            "{at}"
        );
        if lock.owner_found_by.is_some() {
            assert_eq!(row.owner_found_by.map(str::to_owned), lock.owner_found_by, "{at}");
        }
        let waiters: Vec<_> = row.waiters.iter().filter_map(|waiter| waiter.tid).collect();
        assert_eq!(tids(&waiters), tids(&lock.waiters), "{at}");
    }
    let circles = |circles: &mut dyn Iterator<Item = Vec<u64>>| {
        let mut circles: Vec<_> = circles.map(|circle| tids(&circle)).collect();
        circles.sort();
        circles
    };
    assert_eq!(
        circles(&mut found.deadlocks.iter().map(|circle| circle.tids.clone())),
        circles(&mut truth.deadlocks.iter().cloned()),
        "{name}"
    );
    let judged = found.findings.iter().filter(|finding| finding.id == "deadlock").count();
    assert_eq!(judged, truth.deadlocks.len(), "{name}");
}

/// The distributions of a folder, the folders that were not listed, and the processor time of a thread.
fn check_distributions(name: &str, found: &ProcessSnapshot, truth: &Truth) {
    let Some(expected) = truth.others.get("distributions") else { return };
    let python = found.process.python.as_ref().expect("looked at before");
    let distributions = python.distributions.as_ref().unwrap_or_else(|| panic!("{name}"));
    let folder = truth.others.get("folder").and_then(|folder| folder.as_str()).expect("a path");
    let there = distributions.found.iter().filter(|one| one.folder == folder);
    let there: Vec<_> = there.map(|one| [one.name.as_str(), one.version.as_str()]).collect();
    assert_eq!(serde_json::to_value(there).ok().as_ref(), Some(expected), "{name}");
    let not_listed = serde_json::to_value(&distributions.not_listed).ok();
    assert_eq!(not_listed.as_ref(), truth.others.get("not_listed"), "{name}");
    let (tid, ms) = (&truth.others["busy_tid"], truth.others["busy_ms"].as_u64().expect("a number"));
    let busy = found.threads.iter().find(|thread| thread.tid == tid.as_u64()).expect("a thread");
    // An emulator's note says nothing of it.
    if let Some(cpu) = busy.cpu {
        let used = cpu.user_ms + cpu.system_ms;
        // What the timer of a busy machine samples is rough.
        assert!((ms / 10..ms * 2).contains(&used), "{name}: {used} of {ms} ms");
    }
}

/// What a thread waits for, where the program said so.
fn check_wait(name: &str, found: &ThreadSection, truth: &TruthThread) {
    let Some(wait) = &truth.waiting_on else { return };
    let section = found.waiting_on.as_ref().unwrap_or_else(|| panic!("{name}: {:?}", found.state));
    // Truths written before named what queues and semaphores are built on.
    let built_on = matches!(section.kind, "queue" | "semaphore") && wait.kind == "condition";
    assert!(section.kind == wait.kind || built_on, "{name}: {} is {}", section.kind, wait.kind);
    assert!(found.state.is_some(), "{name}");
    if wait.path.is_some() {
        assert_eq!(section.path, wait.path, "{name}");
    }
    if wait.owner_tid.is_some() {
        assert_eq!(section.owner_tid, wait.owner_tid, "{name}");
    }
}

fn check_thread(fixture: &str, found: &ThreadSection, truth: &TruthThread) {
    let name = format!("{fixture}, {}", truth.name.as_deref().unwrap_or("a thread"));
    assert_eq!(found.name, truth.name, "{name}");
    assert_eq!(found.crashed, truth.crashed, "{name}");
    assert_eq!(found.holds_gil, Some(truth.holds_gil), "{name}");
    assert_eq!(found.collecting_garbage, Some(truth.collecting_garbage), "{name}");
    check_wait(&name, found, truth);
    assert_eq!(found.stopped_because, Some("bottom"), "{name}");
    check_frames(&name, &found.python_frames, &truth.frames);
    for (section, frame) in found.python_frames.iter().zip(&truth.frames) {
        check_locals(&name, section, frame);
    }
    for (section, exception) in found.exceptions.iter().zip(&truth.exceptions) {
        check_exception(&name, section, exception);
    }
    assert!(found.exceptions.len() >= truth.exceptions.len(), "{name}: exceptions are missing");
}

fn check_frames(name: &str, found: &[FrameSection], truth: &[TruthFrame]) {
    let place = |file: &str, line: Option<u32>, function: &str| format!("{file}:{line:?} {function}");
    let found_places: Vec<_> =
        found.iter().map(|frame| place(&frame.file, frame.line, &frame.function)).collect();
    let places: Vec<_> = truth.iter().map(|frame| place(&frame.file, frame.line, &frame.function)).collect();
    assert_eq!(found_places, places, "{name}");
    for (found, truth) in found.iter().zip(truth) {
        assert_eq!(found.interpreter, truth.interpreter, "{name}, {}", truth.function);
        if truth.qualname.is_some() {
            assert_eq!(found.qualname, truth.qualname, "{name}");
        }
        if truth.column.is_some() {
            let columns = (truth.column, truth.end_line, truth.end_column);
            assert_eq!(
                (found.column, found.end_line, found.end_column),
                columns,
                "{name}, {}",
                truth.function
            );
        }
    }
}

fn check_locals(name: &str, found: &FrameSection, truth: &TruthFrame) {
    for local in truth.locals.iter().flatten() {
        let at = format!("{name}, {}.{}", truth.function, local.name);
        let variable = found.locals.iter().find(|variable| variable.name == local.name);
        let variable = variable.unwrap_or_else(|| panic!("{at} is missing"));
        let type_name = variable.type_name.as_deref().unwrap_or_default();
        // Without binaries, a static type that no dict refers to has no name; iterators are such types.
        if type_name.starts_with("<unknown type") {
            let is_nameless = local.type_name.ends_with("iterator") || local.type_name == "_sre.SRE_Match";
            assert!(is_nameless, "{at}: {type_name} is {}", local.type_name);
            continue;
        }
        assert_eq!(type_name, local.type_name, "{at}");
        assert_eq!(variable.address.map(|address| address.to_string()), Some(local.address.clone()), "{at}");
        // What runs Python code is marked; constants of extension modules stand only in their binaries.
        if local.python_repr
            || variable.repr.contains("__repr__ not run")
            || variable.repr.contains("<not dumped")
        {
            continue;
        }
        if variable.truncated {
            let kept = variable.repr.split('…').next().unwrap_or_default();
            assert!(
                kept.len() > 20 && local.repr.starts_with(kept.trim_end_matches(['\'', '"'])),
                "{at}: {}",
                variable.repr
            );
        } else if !local.truncated {
            assert_eq!(variable.repr, local.repr, "{at}");
        }
    }
}

fn check_exception(name: &str, found: &ExceptionSection, truth: &TruthException) {
    let at = format!("{name}, {}", truth.type_name);
    assert_eq!(found.type_name.as_deref(), Some(truth.type_name.as_str()), "{at}");
    assert_eq!(found.module.as_deref(), Some(truth.module.as_str()), "{at}");
    if truth.python_str {
        assert!(found.message_caveat.is_some(), "{at}");
    } else {
        assert_eq!(found.message.as_deref(), Some(truth.message.as_str()), "{at}");
    }
    assert_eq!(found.notes, truth.notes, "{at}");
    for (attribute, repr) in &truth.attributes {
        let section = found.attributes.iter().find(|section| section.name == *attribute);
        assert_eq!(section.map(|section| &section.repr), Some(repr), "{at}.{attribute}");
    }
    assert_eq!(found.suppress_context, truth.suppress_context, "{at}");
    check_frames(&at, &found.traceback, &truth.traceback);
    for (found, truth) in [(&found.cause, &truth.cause), (&found.context, &truth.context)] {
        if let Some(truth) = truth {
            check_exception(&at, found.as_ref().unwrap_or_else(|| panic!("{at}: a link is missing")), truth);
        }
    }
    for (index, member) in truth.exceptions.iter().enumerate() {
        if let Some(member) = member {
            check_exception(&at, found.exceptions.get(index).expect("a member"), member);
        }
    }
}
