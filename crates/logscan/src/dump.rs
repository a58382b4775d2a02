//! Assembles what `faulthandler` and the interpreter print when a process dies.
//!
//! The grammar is that of `_Py_DumpTracebackThreads` and `fatal_error` (CPython `Python/traceback.c` and
//! `Python/pylifecycle.c`, v3.8.0 to v3.14.0). Frames are innermost first, as printed.

use crate::ascii::{lossy, trim_start};
use crate::exception_line::exception_line;
use crate::frame::{Frame, Frames};

const MAX_THREADS: usize = 1024;
const MAX_WEIGHT: usize = 2 << 20;
const MAX_C_FRAMES: usize = 128;
/// `faulthandler` prints no more frames of a thread, and some versions do not say that there are more (3.12, 3.13).
const MAX_DEPTH: usize = 100;

/// A dump: why it was made, and a stack for each thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dump {
    /// What `Fatal Python error:` or `Windows fatal exception:` says.
    pub(crate) fatal: Option<String>,
    /// What `Timeout (…)!` says: the watchdog of `dump_traceback_later`.
    pub(crate) timeout: Option<String>,
    pub(crate) runtime_state: Option<String>,
    pub(crate) threads: Vec<ThreadDump>,
    pub(crate) extension_modules: Vec<String>,
    pub(crate) c_stack: Vec<String>,
    pub(crate) hit_limit: bool,
}

/// The stack of one thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct ThreadDump {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) is_current: bool,
    pub(crate) frames: Frames,
    pub(crate) collecting_garbage: bool,
    /// What stands in place of frames, such as `<no Python frame>`.
    pub(crate) note: Option<String>,
    pub(crate) truncated: bool,
}

/// A dump under assembly.
#[derive(Clone, Debug, Default)]
pub(crate) struct DumpBuilder {
    dump: Dump,
    in_c_stack: bool,
    /// Other text stands in front of the first line: without a stack it is somebody's talk of an error.
    is_inside: bool,
    /// The last line was cut by another writer.
    torn: bool,
    /// Bytes that are held, roughly.
    pub(crate) weight: usize,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FedDump {
    Taken,
    /// The line is not part of the dump.
    Done,
    /// The line starts another dump, at this byte.
    Another(usize),
}

const FATAL: &[u8] = b"Fatal Python error: ";
const WINDOWS: &[u8] = b"Windows fatal exception: ";
const STACK: &[u8] = b" (most recent call first):";

impl DumpBuilder {
    /// Where in a line a dump starts, if it does.
    pub(crate) fn start_of(line: &[u8]) -> Option<usize> {
        if let Some(at) = memchr::memmem::find(line, FATAL).or_else(|| memchr::memmem::find(line, WINDOWS)) {
            // Behind a quote it is somebody's text.
            let before = at.checked_sub(1).and_then(|at| line.get(at));
            return (!matches!(before, Some(b'"' | b'\'' | b'`'))).then_some(at);
        }
        let content = trim_start(line);
        let offset = line.len() - content.len();
        if is_timeout(content) || thread_header(content).is_some() {
            return Some(offset);
        }
        // Behind the words of a collector.
        [b" Timeout (".as_slice(), b" Current thread 0x", b" Thread 0x"].into_iter().find_map(|start| {
            let at = memchr::memmem::find(line, start)? + 1;
            let rest = line.get(at..)?;
            (is_timeout(rest) || thread_header(rest).is_some()).then_some(at)
        })
    }

    /// Starts with the line that [`Self::start_of`] found.
    pub(crate) fn open(line: &[u8]) -> Self {
        let mut builder = Self::default();
        builder.feed(line);
        builder
    }

    /// Starts with what stands behind other text of a line.
    pub(crate) fn open_inside(line: &[u8]) -> Self {
        Self { is_inside: true, ..Self::open(line) }
    }

    pub(crate) fn finish(mut self) -> Dump {
        for thread in &mut self.dump.threads {
            thread.truncated |= thread.frames.len() == MAX_DEPTH;
        }
        if self.torn
            && let Some(thread) = self.dump.threads.last_mut()
        {
            thread.truncated = true;
        }
        self.dump
    }

    /// A thread's stack was begun.
    pub(crate) fn has_threads(&self) -> bool {
        !self.dump.threads.is_empty()
    }

    /// The dump names a fatal error, or holds a stack.
    pub(crate) fn has_content(&self) -> bool {
        self.dump.fatal.is_some() && !self.is_inside || !self.dump.threads.is_empty()
    }

    pub(crate) fn feed(&mut self, line: &[u8]) -> FedDump {
        let content = trim_start(line).trim_ascii_end();
        if content.is_empty() {
            return FedDump::Taken;
        }
        if let Some(at) = Self::start_of(line)
            && !self.accepts_start(content)
        {
            self.torn =
                self.torn || at > 0 && memchr::memmem::find(line, FATAL).is_some_and(|found| found > 0);
            return FedDump::Another(at);
        }
        if let Some(error) = content.strip_prefix(FATAL).or_else(|| content.strip_prefix(WINDOWS)) {
            self.dump.fatal = Some(lossy(error, 1024));
        } else if is_timeout(content) {
            self.dump.timeout = content.get(9..content.len() - 2).map(|text| lossy(text, 64));
        } else if let Some(state) = content.strip_prefix(b"Python runtime state: ") {
            self.dump.runtime_state = Some(lossy(state, 64));
        } else if content.starts_with(b"Current thread's C stack trace") {
            self.in_c_stack = true;
        } else if let Some(thread) = thread_header(content) {
            self.in_c_stack = false;
            if self.dump.threads.len() < MAX_THREADS {
                self.dump.threads.push(thread);
            } else {
                self.dump.hit_limit = true;
            }
        } else if let Some(modules) = content.strip_prefix(b"Extension modules: ") {
            self.take_modules(modules);
        } else {
            return self.feed_stack(line, content);
        }
        FedDump::Taken
    }

    /// A dump has one reason and one current thread; whatever comes twice belongs to another dump.
    fn accepts_start(&self, content: &[u8]) -> bool {
        if let Some(thread) = thread_header(content) {
            let repeats = self.dump.threads.iter().any(|known| {
                known.is_current && thread.is_current || known.id.is_some() && known.id == thread.id
            });
            return !repeats;
        }
        self.dump.fatal.is_none()
            && self.dump.timeout.is_none()
            && self.dump.threads.is_empty()
            && (content.starts_with(FATAL) || content.starts_with(WINDOWS) || is_timeout(content))
    }

    /// A line of a stack.
    fn feed_stack(&mut self, line: &[u8], content: &[u8]) -> FedDump {
        if self.in_c_stack {
            let is_part = content.starts_with(b"Binary file ")
                || content.starts_with(b"<")
                || content.starts_with(b"0x");
            if is_part && self.dump.c_stack.len() < MAX_C_FRAMES {
                self.dump.c_stack.push(lossy(content, 512));
            }
            return if is_part { FedDump::Taken } else { FedDump::Done };
        }
        let Some(thread) = self.dump.threads.last_mut() else {
            // Between the error and the first thread stands what the interpreter has to say about it.
            let is_remark = line.first().is_some_and(u8::is_ascii_whitespace)
                || content.starts_with(b"<")
                || exception_line(content).is_some();
            return if is_remark { FedDump::Taken } else { FedDump::Done };
        };
        if let Some(frame) = Frame::parse(content) {
            let added = frame.weight();
            if self.weight + added > MAX_WEIGHT {
                self.dump.hit_limit = true;
                thread.truncated = true;
            } else {
                let removed = thread.frames.push(frame);
                self.weight = (self.weight + added).saturating_sub(removed);
            }
        } else if content == b"Garbage-collecting" {
            thread.collecting_garbage = true;
        } else if content.starts_with(b"<") && content.ends_with(b">") {
            thread.note = Some(lossy(content, 128));
        } else if content == b"..." {
            thread.truncated = true;
        } else if content.starts_with(b"File \"") {
            // A frame's line that another writer cut.
            thread.truncated = true;
        } else {
            return FedDump::Done;
        }
        FedDump::Taken
    }

    /// `a, b (total: 2)`
    fn take_modules(&mut self, modules: &[u8]) {
        let list =
            memchr::memmem::rfind(modules, b" (total: ").and_then(|at| modules.get(..at)).unwrap_or(modules);
        let names = list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
        self.dump.extension_modules = names.take(2048).map(|name| lossy(name, 256)).collect();
    }
}

fn is_timeout(content: &[u8]) -> bool {
    content.starts_with(b"Timeout (")
        && content.trim_ascii_end().ends_with(b")!")
        && content.get(9).is_some_and(u8::is_ascii_digit)
}

/// Reads `Current thread 0x… [name] (most recent call first):`.
fn thread_header(content: &[u8]) -> Option<ThreadDump> {
    let head = content.trim_ascii_end().strip_suffix(STACK)?;
    if head == b"Stack" {
        // Without a thread state the running thread alone is dumped.
        return Some(ThreadDump { is_current: true, ..ThreadDump::default() });
    }
    let (is_current, rest) = match head.strip_prefix(b"Current thread ") {
        Some(rest) => (true, rest),
        None => (false, head.strip_prefix(b"Thread ")?),
    };
    let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
    let id = rest.get(..end).filter(|id| id.starts_with(b"0x"))?;
    let name = rest.get(end..)?.trim_ascii();
    let name = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]"));
    Some(ThreadDump {
        id: Some(lossy(id, 32)),
        name: name.map(|name| lossy(name, 128)),
        is_current,
        ..ThreadDump::default()
    })
}
