use std::time::Duration;

use pycoroner_findings::{Timestamp, UtcTime};

use crate::dead_process::is_ident;
use crate::tally::{Moment, STRETCHES};

/// The death around which the log is looked at, as the core file tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// When the process died.
    pub time: UtcTime,
    /// It may have died so much earlier or later.
    pub uncertainty_ms: u64,
    /// Its process id.
    pub pid: Option<u64>,
    /// The signal that stopped it.
    pub signal: Option<u32>,
    /// The process that sent it, where that is another one.
    pub sender: Option<u64>,
    /// Identifiers of its threads as Python prints them, `0x…`.
    pub threads: Vec<String>,
    /// Names of its threads, as Python code gave them.
    pub thread_names: Vec<String>,
    /// The thread that crashed.
    pub crashed: Option<CrashedThread>,
}

/// What is known of the death no better than this is taken to be this exact: more would take what the next process
/// said for what the dead one did.
const MOST_SLACK_MS: u64 = 2_000;

/// The thread that crashed, as logs may name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrashedThread {
    /// Its name, such as `MainThread`.
    pub name: Option<String>,
    /// Its identifier as Python prints it, `0x…`.
    pub ident: Option<String>,
    /// The kernel's number of it.
    pub tid: Option<u64>,
}

impl CrashedThread {
    /// Whether a record's thread is this one.
    pub(crate) fn is(&self, thread: &str) -> bool {
        self.name.as_deref() == Some(thread)
            || self.ident.as_deref().is_some_and(|ident| is_ident(ident, thread))
            || self.tid.is_some() && thread.parse().ok() == self.tid
    }
}

impl Anchor {
    /// How far behind its time a record still counts as one before the death.
    pub(crate) fn slack_ms(&self) -> i64 {
        self.uncertainty_ms.min(MOST_SLACK_MS) as i64
    }

    /// The first time at which the process may have died.
    pub(crate) fn earliest(&self) -> UtcTime {
        UtcTime(self.time.0.saturating_sub(self.slack_ms() * 1_000_000))
    }

    /// The last time at which the process may have lived.
    pub(crate) fn latest(&self) -> UtcTime {
        UtcTime(self.time.0.saturating_add(self.slack_ms() * 1_000_000))
    }

    /// Names the time and nothing else.
    pub fn at(time: UtcTime) -> Self {
        Self {
            time,
            uncertainty_ms: 0,
            pid: None,
            signal: None,
            sender: None,
            threads: Vec::new(),
            thread_names: Vec::new(),
            crashed: None,
        }
    }
}

/// A span of time; an end that is `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// First time that counts.
    pub since: Option<UtcTime>,
    /// Last time that counts.
    pub until: Option<UtcTime>,
}

impl Window {
    /// How far before the anchor the default window starts.
    pub const BEFORE: Duration = Duration::from_mins(5);
    /// How far behind the anchor the default window ends.
    pub const AFTER: Duration = Duration::from_mins(1);

    /// Lays a window around a time.
    pub fn around(time: UtcTime, before: Duration, after: Duration) -> Self {
        let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        Self {
            since: Some(UtcTime(time.0.saturating_sub(nanos(before)))),
            until: Some(UtcTime(time.0.saturating_add(nanos(after)))),
        }
    }

    /// Where a time lies. What is only known to be near lies inside when it may.
    pub(crate) fn position(&self, stamp: Option<Timestamp>) -> Position {
        let Some(stamp) = stamp else { return Position::Unknown };
        if self.since.is_some_and(|since| stamp.latest() < since) {
            return Position::Before;
        }
        if self.until.is_some_and(|until| stamp.earliest() > until) {
            return Position::After;
        }
        Position::Inside
    }
}

/// The two spans of time that are compared: before the window, and in it up to the death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Start of the window.
    pub(crate) from: UtcTime,
    /// The death, or the end of the window when no death is known.
    pub(crate) end: UtcTime,
    /// The death may lie so much later.
    slack_ms: i64,
}

impl Comparison {
    /// `None` when the window has no start or no end, or lies behind the death.
    pub(crate) fn new(window: Option<Window>, anchor: Option<&Anchor>) -> Option<Self> {
        let window = window?;
        let ends = anchor.map(|anchor| anchor.time).into_iter().chain(window.until);
        let slack_ms = anchor.map_or(0, Anchor::slack_ms);
        let comparison = Self { from: window.since?, end: ends.min()?, slack_ms };
        (comparison.from < comparison.end).then_some(comparison)
    }

    pub(crate) fn stretch_ms(&self) -> i64 {
        self.end.millis_since(self.from)
    }

    /// Where a record of the window or before it lies.
    pub(crate) fn moment(&self, position: Position, stamp: Option<Timestamp>) -> Moment {
        let Some(Timestamp { time, uncertainty_ms, .. }) = stamp else { return Moment::Elsewhere };
        match position {
            Position::Before => {
                let stretch =
                    self.from.0.saturating_sub(time.0) / self.end.0.saturating_sub(self.from.0).max(1);
                // What is further away than what is counted by stretches is all one.
                Moment::Before(u32::try_from(stretch).unwrap_or(u32::MAX).min(STRETCHES as u32))
            }
            Position::Inside => {
                let behind = time
                    .millis_since(self.end)
                    .saturating_sub(i64::try_from(uncertainty_ms).unwrap_or(i64::MAX));
                match behind {
                    ..=0 => Moment::Inside,
                    behind if behind <= self.slack_ms => Moment::AroundDeath,
                    _ => Moment::AfterDeath,
                }
            }
            Position::After | Position::Unknown => Moment::Elsewhere,
        }
    }
}

/// Where a time lies in relation to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    Before,
    Inside,
    After,
    /// No time, or no window.
    Unknown,
}
