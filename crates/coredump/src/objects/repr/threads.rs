//! Text of locks, and of what `threading` builds on them.

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, Object, ThreadHandleObject};
use crate::objects::repr::Objects;
use crate::objects::repr::callable::{c_type_name, is_none};
use crate::objects::repr::form::Form;
use crate::objects::unicode::read_string;
use crate::objects::{attributes, integer, sequence};
use crate::waits::lock::{self, LockKind};

/// Longest name that is printed whole.
const MAX_NAME: usize = 4096;
/// `_Py_LOCKED`: a `PyEvent` in this state has been set (`Include/internal/pycore_lock.h` at v3.13.0).
const EVENT_SET: u8 = 1;

type Made = Result<Form, ReadError>;

/// `lock_repr` of Modules/_threadmodule.c.
pub(super) fn lock(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let state = if lock::read(python, object, LockKind::Plain)?.held { "locked" } else { "unlocked" };
    let of = c_type_name(objects, python.type_of(object)?);
    Ok(Form::text(format!("<{state} {of} object at {object:?}>")))
}

/// `rlock_repr` of Modules/_threadmodule.c.
pub(super) fn rlock(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let lock = lock::read(python, object, LockKind::Recursive)?;
    let (owner, count) = (lock.owner.unwrap_or(0), lock.count.unwrap_or(0));
    let state = if lock.held { "locked" } else { "unlocked" };
    let of = c_type_name(objects, python.type_of(object)?);
    Ok(Form::text(format!("<{state} {of} object owner={owner} count={count} at {object:?}>")))
}

/// `Thread.__repr__`: its name, whether it runs, and its ident.
pub(super) fn thread(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let get = |name| attributes::get(python, object, name);
    let name = get("_name")?.ok_or(ReadError::Null("Thread._name"))?;
    let name = read_string(python, name.cast(), MAX_NAME)?;
    let started = match get("_started")? {
        Some(event) => is_true(objects, attributes::get(python, event, "_flag")?),
        None => false,
    };
    let mut status = match (is_stopped(objects, object, started)?, started) {
        (true, _) => "stopped",
        (false, true) => "started",
        (false, false) => "initial",
    }
    .to_owned();
    if is_true(objects, get("_daemonic")?) {
        status.push_str(" daemon");
    }
    if let Some(ident) = get("_ident")?.filter(|&ident| !is_none(objects, ident)) {
        status.push(' ');
        status.push_str(&integer::read_i128(python, ident.cast())?.to_string());
    }
    let class = objects.type_name_of(object)?;
    Ok(Form::text(format!("<{}({name}, {status})>", class.name())))
}

/// Whether a thread has ended: what its handle says (3.13+), or the lock that it held while it ran.
fn is_stopped(objects: &Objects<'_>, thread: Ptr<Object>, started: bool) -> Result<bool, ReadError> {
    let python = objects.python();
    if let Some(handle) = attributes::get(python, thread, "_handle")? {
        let handle = python.read(handle.cast::<ThreadHandleObject>(), member::THREAD_HANDLE_HANDLE)?;
        let handle = handle.ok_or(ReadError::Null("PyThreadHandleObject.handle"))?;
        return Ok(python.read(handle, member::THREAD_HANDLE_EXITING)? == EVENT_SET);
    }
    if is_true(objects, attributes::get(python, thread, "_is_stopped")?) {
        return Ok(true);
    }
    match attributes::get(python, thread, "_tstate_lock")? {
        Some(lock) if started && objects.type_name_of(lock)?.qualified() == "_thread.lock" => {
            Ok(!lock::read(python, lock, LockKind::Plain)?.held)
        }
        _ => Ok(false),
    }
}

/// `Condition.__repr__`: its lock and the number of those who wait.
pub(super) fn condition(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let lock = attributes::get(python, object, "_lock")?;
    let waiters =
        attributes::get(python, object, "_waiters")?.ok_or(ReadError::Null("Condition._waiters"))?;
    let waiters = sequence::len(python, waiters.cast())?;
    Ok(Form::text("<Condition(").object(lock).and(format!(", {waiters})>")))
}

/// `Event.__repr__` (3.10+).
pub(super) fn event(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let set = is_true(objects, attributes::get(objects.python(), object, "_flag")?);
    Ok(Form::text(format!("{}: {}>", head(objects, object)?, if set { "set" } else { "unset" })))
}

/// `Semaphore.__repr__` (3.10+).
pub(super) fn semaphore(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let value = attributes::get(objects.python(), object, "_value")?;
    Ok(Form::text(format!("{}: value=", head(objects, object)?)).object(value).and(">"))
}

/// `BoundedSemaphore.__repr__` (3.10+).
pub(super) fn bounded_semaphore(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let value = attributes::get(objects.python(), object, "_value")?;
    let initial = attributes::get(objects.python(), object, "_initial_value")?;
    let form = Form::text(format!("{}: value=", head(objects, object)?)).object(value);
    Ok(form.and("/").object(initial).and(">"))
}

/// `Barrier.__repr__` (3.10+); a state of -2 is broken, and only in state 0 does it count.
pub(super) fn barrier(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let number = |name| match attributes::get(python, object, name)? {
        Some(value) => integer::read_i128(python, value.cast()),
        None => Err(ReadError::Null("Barrier")),
    };
    let head = head(objects, object)?;
    Ok(Form::text(match (number("_state")?, number("_count")?, number("_parties")?) {
        (-2, ..) => format!("{head}: broken>"),
        (0, waiters, parties) => format!("{head}: waiters={waiters}/{parties}>"),
        (_, _, parties) => format!("{head}: waiters=0/{parties}>"),
    }))
}

/// `<module.Class at 0x…`
fn head(objects: &Objects<'_>, object: Ptr<Object>) -> Result<String, ReadError> {
    Ok(format!("<{} at {object:?}", objects.type_name_of(object)?.qualified()))
}

fn is_true(objects: &Objects<'_>, value: Option<Ptr<Object>>) -> bool {
    value
        .is_some_and(|value| integer::read_i128(objects.python(), value.cast()).is_ok_and(|value| value != 0))
}
