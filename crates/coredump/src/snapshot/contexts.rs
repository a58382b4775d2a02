//! Thread locals and context variables of threads.

use pycoroner_findings::Gap;

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, Object};
use crate::objects::context;
use crate::objects::thread_local::{self, Attributes};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::threads::Thread;
use crate::snapshot::capture::{CaptureOptions, gap_of};
use crate::snapshot::document::{NamedValueSection, ThreadSection};
use crate::snapshot::held::{Held, Interest};
use crate::snapshot::values::Values;

/// Modules of the standard library that keep thread locals of their own, which say nothing about a program.
const LIBRARY: [&str; 2] = ["asyncio.", "multiprocessing."];

/// Adds them to the sections of the threads that have any.
pub(super) fn add(
    runtime: &PythonRuntime<'_>,
    options: &CaptureOptions,
    held: &Held,
    sections: &mut [ThreadSection],
    gaps: &mut Vec<Gap>,
) {
    let values = Values::new(runtime, options);
    for &interpreter in runtime.interpreters() {
        for thread in &runtime.threads(interpreter).0 {
            let of_thread = |section: &&mut ThreadSection| {
                section.thread_states.iter().any(|state| state.address == thread.state.address())
            };
            let Some(section) = sections.iter_mut().find(of_thread) else { continue };
            let who = || thread.name.clone().unwrap_or_else(|| format!("thread {:#x}", thread.ident));
            match locals(runtime, held, thread) {
                Ok(found) => section.thread_locals.extend(named(&values, found)),
                Err(error) => gaps.push(gap_of(format!("the thread locals of {}", who()), &error)),
            }
            match variables(runtime, thread) {
                Ok(found) => section.context_vars.extend(named(&values, found)),
                Err(error) => gaps.push(gap_of(format!("the context variables of {}", who()), &error)),
            }
        }
    }
}

fn named(values: &Values<'_, '_>, found: Vec<(String, Ptr<Object>)>) -> Vec<NamedValueSection> {
    let section = |(name, value)| NamedValueSection { name, repr: values.repr(value).text };
    found.into_iter().map(section).collect()
}

/// The attributes in all thread locals of a program, in the order of their addresses.
fn locals(
    runtime: &PythonRuntime<'_>,
    held: &Held,
    thread: &Thread,
) -> Result<Vec<(String, Ptr<Object>)>, ReadError> {
    let python = runtime.python();
    let mut found = thread_local::of_thread_state(python, thread.state)?;
    if python.layout().has(member::LOCAL_LOCALDICTS) {
        for &local in held.of(Interest::ThreadLocal) {
            found.extend(thread_local::of_object(python, local.cast(), thread.state)?);
        }
    }
    let is_of_program = |attributes: &Attributes| {
        let Ok(of) = python.type_of(attributes.object) else { return true };
        let name = runtime.types().name_of(python, of);
        !name.module.is_some_and(|module| LIBRARY.iter().any(|library| module.starts_with(library)))
    };
    found.retain(is_of_program);
    found.sort_by_key(|attributes| attributes.object);
    Ok(found.into_iter().flat_map(|attributes| attributes.items).collect())
}

/// The variables that are set in the context in which the thread runs.
fn variables(runtime: &PythonRuntime<'_>, thread: &Thread) -> Result<Vec<(String, Ptr<Object>)>, ReadError> {
    let python = runtime.python();
    match python.read(thread.state, member::TSTATE_CONTEXT)? {
        Some(context) => context::variables(python, context.cast()),
        None => Ok(Vec::new()),
    }
}
