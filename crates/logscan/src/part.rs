//! Finds the window in a large file by bisection, so that not all of it need be read.
//!
//! Bisection is right only where times are in order. So the file is probed at many places first; where the times of
//! the probes go back by more than clocks and writers explain, or where there are too few, all is read. What lies
//! between the probes is not known: that is why a source says that it was read in part.

mod probe;
mod unnumbered;

use std::io;

use pycoroner_findings::{Timestamp, UtcTime};
use serde::{Deserialize, Serialize};

use self::probe::Prober;
pub(crate) use self::unnumbered::{forget_lines, forget_lines_of_place};
use crate::backwards::{Turned, turned};
use crate::clock::Clock;
use crate::envelope::Wrapping;
use crate::input::ReadSeek;
use crate::scan::Options;
use crate::window::Comparison;

/// Places at which the order of times is checked.
const PROBES: u64 = 65;
/// Probes that must find a time.
const FEWEST_TIMED: usize = 33;
/// A file whose times go back by more, beyond their own uncertainty, is not in order.
const MOST_BACK_MS: u64 = 60_000;
/// Records this near to the window are read in any case.
const LEAST_SLACK_MS: u64 = 5_000;
/// Bytes that are read behind the window: what has no time of its own takes that of the next record.
const BEHIND: u64 = 256 << 10;
/// How much log before the window is wanted, in lengths of the window up to the death.
const WANTED_STRETCHES: u32 = 4;

/// When and how a large file is read in part: only if there is a window to look at, and its times are in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialReading {
    /// Files up to so many bytes are read as a whole; `u64::MAX` to read all of every file.
    pub above: u64,
    /// Bytes before the window that are read at least, so that it can be said what is new in the window.
    pub least_before: u64,
    /// Bytes before the window that are read at most, unless the window itself is longer.
    pub most_before: u64,
}

impl Default for PartialReading {
    fn default() -> Self {
        Self { above: 256 << 20, least_before: 4 << 20, most_before: 64 << 20 }
    }
}

/// Which part of a source was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogPart {
    /// The first byte that was read.
    pub from: u64,
    /// The byte behind the last one that was read.
    pub to: u64,
    /// Bytes of the file when it was looked at.
    pub of: u64,
    /// Where the window begins, or a little before it; what lies in front is what the window is compared with.
    pub window_from: u64,
    /// The first time in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_first: Option<UtcTime>,
    /// The last time in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_last: Option<UtcTime>,
    /// Places of the file at which its times were found to be in order.
    pub checked_places: u64,
}

/// What of a file is to be read.
pub(crate) enum Plan {
    /// All, and why, where a part would have done.
    Whole(Option<&'static str>),
    Part(LogPart, Option<Wrapping>),
    /// All, from the last line to the first; and why, where a part would have done.
    Turned(Turned, Option<&'static str>),
}

/// Looks for the window of the options in a file, and for the order of its lines.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn plan(
    file: &mut (dyn ReadSeek + Send),
    clock: impl Fn() -> Clock,
    wrapping: Option<Wrapping>,
    options: &Options,
) -> io::Result<Plan> {
    let len = file.seek(io::SeekFrom::End(0))?;
    let window = options.resolved_window().filter(|window| *window != crate::window::Window::default());
    let window = window.filter(|_| len > options.partial.above);
    if let Some(turned) = turned(file, clock(), wrapping)? {
        return Ok(Plan::Turned(turned, window.map(|_| "its newest line stands first")));
    }
    let Some(window) = window else { return Ok(Plan::Whole(None)) };
    let Some(mut prober) = Prober::new(file, len, clock(), wrapping)? else {
        return Ok(Plan::Whole(Some("it is one document, and not lines")));
    };
    let order = match check_order(&mut prober)? {
        Ok(order) => order,
        Err(why) => return Ok(Plan::Whole(Some(why))),
    };
    let (mut start, mut end) = (0, len);
    if let Some(since) = window.since {
        start = near(&mut prober, |slack, stamp| latest(stamp, order.slack_ms + slack) >= since)?.0;
    }
    if let Some(until) = window.until {
        end = near(&mut prober, |slack, stamp| earliest(stamp, order.slack_ms + slack) > until)?.1;
    }
    let comparison = Comparison::new(Some(window), options.anchor.as_ref());
    let from = before(&mut prober, start, comparison, options.partial)?;
    // Whole lines, so that no record is cut.
    let to = prober.record_from(end.saturating_add(BEHIND).min(len), len)?;
    if prober.is_exhausted() {
        return Ok(Plan::Whole(Some("long stretches of it hold no times")));
    }
    if from == 0 && to == len {
        return Ok(Plan::Whole(None));
    }
    let part = LogPart {
        from,
        to,
        of: len,
        window_from: start,
        file_first: order.first,
        file_last: order.last,
        checked_places: PROBES,
    };
    Ok(Plan::Part(part, prober.wrapping()))
}

/// What the probes say of a file whose times are in order.
struct Order {
    first: Option<UtcTime>,
    last: Option<UtcTime>,
    /// How far from the window a record may stand that belongs to it.
    slack_ms: u64,
}

fn check_order(prober: &mut Prober<'_>) -> io::Result<Result<Order, &'static str>> {
    let mut first = None;
    let mut latest_seen: Option<Timestamp> = None;
    let mut back_ms = 0;
    let mut timed = 0;
    // Probes overlap in a file that is small.
    let mut next = 0;
    for probe in 0..PROBES {
        let seen = prober.look(prober.place(probe, PROBES - 1))?;
        timed += usize::from(!seen.is_empty());
        for record in seen {
            if record.offset < next {
                continue;
            }
            next = record.offset + 1;
            let at = record.at;
            first.get_or_insert(at.time);
            if let Some(known) = latest_seen {
                let back = earliest(known, 0).millis_since(latest(at, 0));
                back_ms = back_ms.max(u64::try_from(back).unwrap_or(0));
            }
            if latest_seen.is_none_or(|known| at.time > known.time) {
                latest_seen = Some(at);
            }
        }
    }
    if timed < FEWEST_TIMED {
        return Ok(Err("too few of its lines have a time that is known"));
    }
    if back_ms > MOST_BACK_MS {
        return Ok(Err("its times are not in order"));
    }
    let slack_ms = (2 * back_ms).max(LEAST_SLACK_MS);
    Ok(Ok(Order { first, last: latest_seen.map(|at| at.time), slack_ms }))
}

/// Finds where a condition begins to hold, with as much slack as the times there are uncertain.
///
/// In the hour that a change of clocks repeats, times go back: with the slack of that hour they do not.
fn near(prober: &mut Prober<'_>, holds: impl Fn(u64, Timestamp) -> bool) -> io::Result<(u64, u64)> {
    const MOST_TRIES: usize = 4;
    let mut slack_ms = 0;
    let mut found = (0, 0);
    for _ in 0..MOST_TRIES {
        found = prober.boundary(|stamp| holds(slack_ms, stamp))?;
        let around = [prober.look(found.0)?, prober.look(found.1)?].concat();
        let uncertain = around.iter().map(|record| record.at.uncertainty_ms).max().unwrap_or(0);
        if uncertain <= slack_ms {
            break;
        }
        slack_ms = uncertain;
    }
    Ok(found)
}

/// Where to begin, so that enough lies before the window to compare it with.
fn before(
    prober: &mut Prober<'_>,
    start: u64,
    comparison: Option<Comparison>,
    rules: PartialReading,
) -> io::Result<u64> {
    let mut from = start;
    if let Some(comparison) = comparison {
        let stretch = comparison.end.0.saturating_sub(comparison.from.0);
        let mut earlier = |nanos: i64| {
            let wanted = UtcTime(comparison.from.0.saturating_sub(nanos));
            prober.boundary(|stamp| stamp.time >= wanted).map(|(before, _)| before)
        };
        let wanted = earlier(stretch.saturating_mul(i64::from(WANTED_STRETCHES)))?;
        let needed = earlier(stretch.saturating_add(stretch / 4))?;
        from = from.min(wanted.max(start.saturating_sub(rules.most_before))).min(needed);
    }
    prober.record_from(from.min(start.saturating_sub(rules.least_before)), start)
}

fn latest(stamp: Timestamp, slack_ms: u64) -> UtcTime {
    UtcTime(stamp.time.0.saturating_add(nanos(stamp.uncertainty_ms.saturating_add(slack_ms))))
}

fn earliest(stamp: Timestamp, slack_ms: u64) -> UtcTime {
    UtcTime(stamp.time.0.saturating_sub(nanos(stamp.uncertainty_ms.saturating_add(slack_ms))))
}

fn nanos(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}
