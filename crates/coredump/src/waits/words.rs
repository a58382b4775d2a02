//! States of threads in words.

use crate::snapshot::document::WaitSection;
use crate::waits::Picture;
use crate::waits::subject::Subject;
use crate::waits::syscall::{SystemCall, WaitsFor};

/// What a thread was doing.
pub(super) fn of_thread(
    picture: &Picture<'_, '_>,
    index: usize,
    waiting_on: Option<&WaitSection>,
) -> Option<String> {
    let call = picture.calls.get(index).copied().flatten();
    let owner = picture.owner(index).map(|(owner, _)| format!(", held by {}", picture.label(owner)));
    let owner = owner.unwrap_or_default();
    let what = waiting_on.and_then(|wait| wait.path.clone());
    let what = what.map(|path| format!(" {path}")).unwrap_or_default();
    Some(match *picture.subjects.get(index)? {
        Subject::Nothing if call.is_none() => return running(picture, index),
        Subject::Nothing => return call.and_then(|call| of_call(&call)),
        Subject::Gil => format!("waiting for the GIL{owner}"),
        Subject::Lock(_) => {
            let kind = waiting_on.map_or("lock", |wait| wait.kind);
            let between = if waiting_on.is_some_and(|wait| wait.interrupted) {
                "; a signal handler runs in between"
            } else {
                ""
            };
            format!("waiting for {kind}{what}{owner}{between}")
        }
        Subject::Idiom(idiom) if idiom.joined.is_some() => {
            let thread = picture
                .owner(index)
                .map_or("a thread".to_owned(), |(owner, _)| format!("thread {}", picture.label(owner)));
            format!("waiting for {thread} to end")
        }
        Subject::Idiom(idiom) => format!("waiting for {}{what}", idiom.kind),
        Subject::Join(other) => format!("waiting for thread {} to end", picture.label(other)),
        Subject::Mutex { at, .. } => format!("waiting for a mutex of the C library at {at}{owner}"),
        Subject::Call => return call.and_then(|call| of_call(&call)),
        Subject::Unknown { .. } => "waiting for another thread (futex)".to_owned(),
    })
}

/// A thread that is in no system call.
fn running(picture: &Picture<'_, '_>, index: usize) -> Option<String> {
    let one = picture.walked.get(index).filter(|_| picture.runs.get(index) == Some(&true))?;
    Some(match picture.runtime.gil_holder(one.thread.interpreter) {
        Some(holder) if holder == one.thread.state => "running, with the GIL".to_owned(),
        Some(_) => "running, without the GIL".to_owned(),
        None => "running".to_owned(),
    })
}

/// What a system call is about.
pub(super) fn of_call(call: &SystemCall) -> Option<String> {
    let name = call.name?;
    let [first, ..] = call.arguments;
    Some(match call.waits_for {
        WaitsFor::Nothing => return None,
        WaitsFor::Sleep => format!("sleeping ({name})"),
        WaitsFor::Poll => format!("waiting for events ({name})"),
        WaitsFor::Process => format!("waiting for a child process ({name})"),
        WaitsFor::Signal => format!("waiting for a signal ({name})"),
        WaitsFor::Semaphore => format!("waiting for a semaphore ({name})"),
        WaitsFor::Futex => "waiting for another thread (futex)".to_owned(),
        WaitsFor::Restarted => "back in a system call that was interrupted".to_owned(),
        WaitsFor::Read | WaitsFor::Receive => {
            format!("waiting for input ({name} of file descriptor {first})")
        }
        WaitsFor::Write | WaitsFor::Send => format!("waiting to write ({name} to file descriptor {first})"),
        WaitsFor::Accept => format!("waiting for a connection ({name} on file descriptor {first})"),
        WaitsFor::Connect => format!("connecting ({name} on file descriptor {first})"),
        WaitsFor::FileLock => format!("waiting for a file lock ({name} of file descriptor {first})"),
        WaitsFor::Sync => format!("writing to disk ({name} of file descriptor {first})"),
    })
}

/// What a thread waits for, as a deadlock names it.
pub(super) fn of_subject(picture: &Picture<'_, '_>, index: usize) -> String {
    let Some(subject) = picture.subjects.get(index) else { return String::new() };
    let named = |object| picture.names.of(object).unwrap_or_else(|| format!("lock at {object:?}"));
    match *subject {
        Subject::Lock(object) => named(object),
        Subject::Gil => "the GIL".to_owned(),
        Subject::Mutex { at, .. } => format!("mutex at {at}"),
        Subject::Join(_) | Subject::Idiom(_) => match picture.owner(index) {
            Some((owner, _)) => format!("the end of thread {}", picture.label(owner)),
            None => "the end of a thread".to_owned(),
        },
        Subject::Nothing | Subject::Call | Subject::Unknown { .. } => "something unknown".to_owned(),
    }
}
