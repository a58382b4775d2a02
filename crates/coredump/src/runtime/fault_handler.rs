//! The state of `faulthandler`: in `_PyRuntime` from 3.12 on, before that in variables that their shape tells.

use crate::address::Address;
use crate::layout::member;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::module_data::ModuleData;

/// What `faulthandler` was told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FaultHandler {
    pub(crate) enabled: bool,
    /// Where it writes to, when it is enabled.
    pub(crate) fd: Option<i32>,
    /// Whether it writes of all threads, when it is enabled.
    pub(crate) all_threads: Option<bool>,
    /// `dump_traceback_later`.
    pub(crate) later: Option<Later>,
    /// `field` of `_PyRuntime`, or `shape`.
    pub(crate) found_by: &'static str,
}

/// A timer, which may have run off already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Later {
    pub(crate) fd: i32,
    pub(crate) microseconds: u64,
    pub(crate) repeat: bool,
    pub(crate) exit: bool,
}

/// Reads it; `None` where it is not known.
pub(crate) fn read(runtime: &PythonRuntime<'_>, data: &ModuleData) -> Option<FaultHandler> {
    let python = runtime.python();
    let interpreters: Vec<u64> = runtime.interpreters().iter().map(|at| at.address().0).collect();
    let stated = python.read(runtime.address(), member::RUNTIME_FAULTHANDLER_ENABLED).ok();
    let enabled = match stated {
        Some(enabled) => enabled != 0,
        None => is_enabled(data)?,
    };
    let place = python.address_of(runtime.address(), member::RUNTIME_FAULTHANDLER_ENABLED).ok();
    let mut settings = data
        .find(|words| settings(words, &interpreters))
        .into_iter()
        .filter(|(at, _)| enabled && place.is_none_or(|place| place == *at));
    let only = settings.next().filter(|_| settings.next().is_none()).map(|(_, found)| found);
    let stated_fd = python.read(runtime.address(), member::RUNTIME_FAULTHANDLER_FD).ok();
    let timers = data.find(|words| timer(runtime, words, &interpreters));
    let later = timers.into_iter().next().map(|(_, later)| later);
    Some(FaultHandler {
        enabled,
        fd: stated_fd.filter(|_| enabled).or(only.map(|(fd, _)| fd)),
        all_threads: only.map(|(_, all)| all),
        later,
        found_by: if stated.is_some() { "field" } else { "shape" },
    })
}

/// The signals of `faulthandler_handlers` in Modules/faulthandler.c, in its order (v3.6.0 to v3.15.0, Linux).
const SIGNALS: [u64; 5] = [7, 4, 8, 6, 11];
/// Words of an entry: number and flag, name, and a `struct sigaction` of glibc or musl, which may be followed by more.
const ENTRY_WORDS: std::ops::RangeInclusive<usize> = 18..=24;

/// Whether the handlers of all fatal signals are set; that of a signal that came is taken back.
fn is_enabled(data: &ModuleData) -> Option<bool> {
    let mut found = data.find(handlers).into_iter();
    let (_, enabled) = found.next()?;
    found.next().is_none().then_some(enabled)
}

fn handlers(words: &[u64]) -> Option<bool> {
    let entry = |word: u64| (word & 0xffff_ffff, word >> 32);
    if entry(*words.first()?).0 != SIGNALS[0] || *words.get(1)? == 0 {
        return None;
    }
    ENTRY_WORDS.into_iter().find_map(|size| {
        let mut enabled = false;
        for (index, signal) in SIGNALS.into_iter().enumerate() {
            let (number, flag) = entry(*words.get(index * size)?);
            if number != signal || flag > 1 || *words.get(index * size + 1)? == 0 {
                return None;
            }
            enabled |= flag == 1;
        }
        Some(enabled)
    })
}

/// Greatest file descriptor that is believed (`fs.nr_open`).
const MAX_FD: u64 = 1 << 20;

/// `fatal_error` when it is enabled: a flag, the file object or NULL, the file descriptor, whether all threads are
/// shown, the interpreter.
fn settings(words: &[u64], interpreters: &[u64]) -> Option<(i32, bool)> {
    let [1, file, numbers, interpreter, ..] = *words else { return None };
    let (fd, all_threads) = (numbers & 0xffff_ffff, numbers >> 32);
    let fits = interpreters.contains(&interpreter) && file % 8 == 0 && fd < MAX_FD && all_threads <= 2;
    fits.then(|| Some((i32::try_from(fd).ok()?, all_threads == 1)))?
}

/// `thread` when a timer was set: the file object or NULL, the file descriptor, the time, whether it is set again, the
/// interpreter, whether the process is ended, and the text that is written first.
fn timer(runtime: &PythonRuntime<'_>, words: &[u64], interpreters: &[u64]) -> Option<Later> {
    const TITLE: &[u8] = b"Timeout (";
    const MAX_TITLE: u64 = 64;
    let [file, fd, microseconds, repeat, interpreter, exit, header, header_len, ..] = *words else {
        return None;
    };
    let low = |word: u64| word & 0xffff_ffff;
    let is_flag = |word: u64| low(word) <= 1;
    if !interpreters.contains(&interpreter)
        || file % 8 != 0
        || !is_flag(repeat)
        || !is_flag(exit)
        || microseconds == 0
        || header_len > MAX_TITLE
        || low(fd) >= MAX_FD
    {
        return None;
    }
    let text = runtime.python().bytes(Address(header), TITLE.len() as u64).ok()?;
    (*text == *TITLE).then_some(Later {
        fd: i32::try_from(low(fd)).ok()?,
        microseconds,
        repeat: low(repeat) == 1,
        exit: low(exit) == 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_by_shape() {
        let check = |size: usize, flags: [u64; 5], expected| {
            let mut words = vec![0; size * 5];
            for (index, flag) in flags.into_iter().enumerate() {
                words[index * size] = SIGNALS[index] | flag << 32;
                words[index * size + 1] = 0x7000;
            }
            assert_eq!(handlers(&words), expected, "{flags:?}");
        };
        check(21, [0; 5], Some(false));
        check(21, [1; 5], Some(true));
        // The handler of the signal that came.
        check(21, [1, 1, 1, 1, 0], Some(true));
        check(21, [2, 0, 0, 0, 0], None);
        check(30, [0; 5], None);
        assert_eq!(handlers(&[7, 0x7000, 4]), None);
    }

    #[test]
    fn settings_by_shape() {
        let check = |words: &[u64], expected| assert_eq!(settings(words, &[0x5000]), expected, "{words:x?}");
        check(&[1, 0x6000, 2 | 1 << 32, 0x5000], Some((2, true)));
        check(&[1, 0, 7, 0x5000, 9], Some((7, false)));
        check(&[0, 0x6000, 2, 0x5000], None);
        check(&[1, 0x6000, 2, 0x5008], None);
        check(&[1, 0x6000, 0xffff_ffff, 0x5000], None);
        check(&[1, 0x6000], None);
    }
}
