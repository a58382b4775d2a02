//! What servers, supervisors, the kernel and the C library say about a process, as typed facts.

mod kernel;
mod native;
mod servers;
mod supervisors;
mod tasks;

use std::borrow::Cow;

use pycoroner_findings::{Severity, signals};

use crate::ascii::lossy;
use kernel::kernel;
pub(crate) use native::fatal_signal;
use native::native;
use servers::{asgi, gunicorn, requests, uwsgi};
pub(crate) use supervisors::core_dump;
use supervisors::{containers, systemd};
use tasks::{airflow, celery, rq};

/// A fact that one line states, before it has a time and a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) kind: Cow<'static, str>,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) pid: Option<u64>,
    pub(crate) signal: Option<u32>,
    /// What the line says beyond that, such as the module and the offset of a segmentation fault.
    pub(crate) detail: Option<String>,
}

const MESSAGE_LIMIT: usize = 1024;

impl Fact {
    pub(crate) fn new(kind: &'static str, severity: Severity, message: &[u8]) -> Self {
        Self {
            kind: Cow::Borrowed(kind),
            severity,
            message: lossy(message.trim_ascii(), MESSAGE_LIMIT),
            pid: None,
            signal: None,
            detail: None,
        }
    }

    /// The process that the writer of the line is, where the line is about its writer.
    pub(crate) fn written_by(mut self, writer: Option<u64>) -> Self {
        if matches!(self.kind.as_ref(), "worker-boot" | "worker-recycled" | "request-failed") {
            self.pid = self.pid.or(writer);
        }
        self
    }

    fn pid(mut self, pid: Option<u64>) -> Self {
        self.pid = pid;
        self
    }

    fn signal(mut self, signal: Option<u32>) -> Self {
        self.signal = signal;
        self
    }

    fn detail(mut self, detail: impl Into<Option<String>>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// Reads the fact that a record's message states; `None` when a needle was there by chance.
pub(crate) fn recognise(message: &[u8]) -> Option<Fact> {
    type Reader = fn(&[u8]) -> Option<Fact>;
    const READERS: [Reader; 11] =
        [gunicorn, uwsgi, asgi, celery, rq, airflow, kernel, systemd, containers, requests, native];
    READERS.iter().find_map(|read| read(message))
}

/// The number of a signal by its name, with or without `SIG`.
fn signal_number(name: &[u8]) -> Option<u32> {
    signals::number(std::str::from_utf8(name.trim_ascii()).ok()?)
}

/// A number of a signal that a line writes in digits.
fn narrow(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| (1..=64).contains(number))
}

/// What shells and container runtimes make of a death by a signal: 128 and its number.
fn signal_of_exit_code(code: u64) -> Option<u32> {
    code.checked_sub(128).and_then(narrow)
}
