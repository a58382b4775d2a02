use std::time::Duration;

use pycoroner_findings::{Timestamp, UtcTime};

/// The death around which the log is looked at, as the core file tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// When the process died.
    pub time: UtcTime,
    /// Its process id.
    pub pid: Option<u64>,
    /// The signal that stopped it.
    pub signal: Option<u32>,
    /// Identifiers of its threads as Python prints them, `0x…`.
    pub threads: Vec<String>,
}

impl Anchor {
    /// Names the time and nothing else.
    pub fn at(time: UtcTime) -> Self {
        Self { time, pid: None, signal: None, threads: Vec::new() }
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
        let slack = i64::try_from(stamp.uncertainty_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        if self.since.is_some_and(|since| stamp.time.0.saturating_add(slack) < since.0) {
            return Position::Before;
        }
        if self.until.is_some_and(|until| stamp.time.0.saturating_sub(slack) > until.0) {
            return Position::After;
        }
        Position::Inside
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
