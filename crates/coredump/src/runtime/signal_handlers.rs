//! What Python code does when a signal comes: the table behind `signal.signal`.
//!
//! `Handlers` is a variable of Modules/signalmodule.c up to 3.11, a member of `_PyRuntime.signals` later. Its shape tells
//! it in all versions: an entry for each signal, of a flag and an object, the first without one (v3.8.18 to v3.15.0).

use crate::address::{Address, Ptr};
use crate::crash::signals::{SIGKILL, SIGSTOP};
use crate::layout::member::{self, CodeObject, Object};
use crate::objects::dict::lookup_str;
use crate::objects::repr::{Objects, python_function};
use crate::objects::{integer, kind};
use crate::runtime::arguments;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::{Frame, FramePlace};
use crate::runtime::module_data::ModuleData;

/// Signals that there are, and one (`NSIG`, Linux).
const NSIG: usize = 65;
/// Most entries have the action that is the default.
const LEAST_DEFAULTS: usize = 16;

/// What was set for a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// `SIG_DFL`: nothing was set by Python code. C code may have set something later, as `faulthandler` does.
    Default,
    /// `SIG_IGN`.
    Ignore,
    /// None: something else than Python code had set a handler when Python looked.
    Native,
    /// An object to call.
    Call(Ptr<Object>),
}

/// An entry of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignalHandler {
    pub(crate) signal: u32,
    pub(crate) action: Action,
    /// The signal has come, and what is to be called has not been called yet.
    pub(crate) pending: bool,
}

/// The table.
#[derive(Debug)]
pub(crate) struct SignalHandlers {
    pub(crate) address: Address,
    pub(crate) entries: Vec<SignalHandler>,
}

/// Finds the table; `None` where it is not there, or more than one thing looks like it.
pub(crate) fn find(runtime: &PythonRuntime<'_>, data: &ModuleData) -> Option<SignalHandlers> {
    let python = runtime.python();
    let main = *runtime.interpreters().last()?;
    let globals = runtime.module_globals_of(main, "_signal")?;
    let default = lookup_str(python, globals, "SIG_DFL").ok()??;
    let ignore = lookup_str(python, globals, "SIG_IGN").ok()??;
    let mut found = data.find(|words| table(words, default)).into_iter();
    let (address, entries) = found.next()?;
    if found.next().is_some() {
        return None;
    }
    let objects = Objects::new(python, runtime.types());
    let entry = |(signal, (flag, object)): (usize, (u64, u64))| {
        let object: Ptr<Object> = Ptr::new(Address(object))?;
        let number = || match kind::of(python, object) {
            Ok(kind::Kind::Int) => integer::read_i128(python, object.cast()).ok(),
            _ => None,
        };
        let action = match object {
            object if object == default => Action::Default,
            object if object == ignore => Action::Ignore,
            object if objects.type_name_of(object).is_ok_and(|of| of.name() == "NoneType") => Action::Native,
            object => match number() {
                Some(0) => Action::Default,
                Some(1) => Action::Ignore,
                _ => Action::Call(object),
            },
        };
        Some(SignalHandler { signal: u32::try_from(signal).ok()?, action, pending: flag & 0xffff_ffff != 0 })
    };
    let entries = entries.into_iter().enumerate().skip(1).filter_map(entry).collect();
    Some(SignalHandlers { address, entries })
}

/// The entries of a table that begins with `words`: flags and objects.
fn table(words: &[u64], default: Ptr<Object>) -> Option<Vec<(u64, u64)>> {
    let is_default = |signal: usize| words.get(signal * 2 + 1) == Some(&default.address().0);
    // Nothing can be set for SIGKILL and SIGSTOP.
    if words.get(1) != Some(&0) || !is_default(SIGKILL as usize) || !is_default(SIGSTOP as usize) {
        return None;
    }
    let (pairs, _) = words.get(..NSIG * 2)?.as_chunks::<2>();
    let entries: Vec<(u64, u64)> = pairs.iter().map(|&[flag, object]| (flag, object)).collect();
    let is_entry = |&(flag, object): &(u64, u64)| flag <= 1 && object != 0 && object % 8 == 0;
    let defaults = (1..NSIG).filter(|&signal| is_default(signal)).count();
    (entries.iter().skip(1).all(is_entry) && defaults >= LEAST_DEFAULTS).then_some(entries)
}

/// Functions that are called for signals.
#[derive(Debug, Default)]
pub(crate) struct HandlerCodes {
    /// By their code; with the signal, and whether they are bound to an object.
    known: Vec<(Ptr<CodeObject>, u32, usize)>,
    /// The signal of which the process died. A handler takes itself out of the table before it sends the signal again.
    died_of: Option<u32>,
}

impl HandlerCodes {
    pub(crate) fn of(runtime: &PythonRuntime<'_>, table: &SignalHandlers, died_of: Option<u32>) -> Self {
        let objects = Objects::new(runtime.python(), runtime.types());
        let code = |entry: &SignalHandler| match entry.action {
            Action::Call(object) => {
                let function = python_function(&objects, object)?;
                Some((function.code, entry.signal, function.bound))
            }
            _ => None,
        };
        Self { known: table.entries.iter().filter_map(code).collect(), died_of }
    }

    /// The signal that a frame runs for: its function is called with the signal's number and the frame that was
    /// interrupted, which is the next outer one.
    pub(crate) fn signal_of(
        &self,
        runtime: &PythonRuntime<'_>,
        frame: &Frame,
        outer: Option<&Frame>,
    ) -> Option<u32> {
        let python = runtime.python();
        let known = self.known.iter().filter(|(code, ..)| *code == frame.code.address);
        let known = known.map(|&(_, signal, bound)| (signal, bound));
        let once = self.died_of.into_iter().flat_map(|signal| [(signal, 0), (signal, 1)]);
        known.chain(once).find_map(|(signal, bound)| {
            let number = arguments::positional(runtime, frame, bound)?;
            let interrupted = arguments::positional(runtime, frame, bound + 1)?;
            let is_int = kind::of(python, number) == Ok(kind::Kind::Int);
            if !is_int || integer::read_i128(python, number.cast()).ok()? != i128::from(signal) {
                return None;
            }
            is_frame_of(runtime, interrupted, outer?).then_some(signal)
        })
    }
}

/// Whether an object is the frame object of a frame.
fn is_frame_of(runtime: &PythonRuntime<'_>, object: Ptr<Object>, frame: &Frame) -> bool {
    match frame.place {
        FramePlace::Object(at) => at.address() == object.address(),
        // The frame object refers to the frame, and no other object of that type does.
        FramePlace::Interpreter(at) => {
            let objects = Objects::new(runtime.python(), runtime.types());
            objects.type_name_of(object).is_ok_and(|of| of.name() == "frame")
                && runtime
                    .python()
                    .read(object.cast(), member::FRAME_FRAME)
                    .is_ok_and(|frame| frame == Some(at))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_by_shape() {
        let default: Ptr<Object> = Ptr::new(Address(0x1000)).unwrap();
        let mut words = vec![0; NSIG * 2];
        for signal in 1..NSIG {
            words[signal * 2 + 1] = 0x1000;
        }
        words[2 * 2 + 1] = 0x2000;
        words[15 * 2] = 1;
        let entries = table(&words, default).unwrap();
        assert_eq!((entries[2], entries[15]), ((0, 0x2000), (1, 0x1000)));
        let check = |at: usize, value: u64| {
            let mut words = words.clone();
            words[at] = value;
            assert_eq!(table(&words, default), None, "{at} {value:#x}");
        };
        check(1, 0x1000);
        check(SIGKILL as usize * 2 + 1, 0x2000);
        check(5 * 2, 2);
        check(5 * 2 + 1, 0);
        check(5 * 2 + 1, 0x1001);
        assert_eq!(table(&words[..NSIG * 2 - 1], default), None);
    }
}
