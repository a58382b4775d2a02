//! What is counted of a record, and what the records of a layout have in common.

use super::Header;
use crate::format::FormatName;
use crate::level::Level;
use crate::stated_time::StatedTime;

/// Who wrote a record within its process, as far as its text says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Names<'a> {
    pub(crate) thread: &'a [u8],
    pub(crate) logger: &'a [u8],
}

/// What is counted of a record.
#[derive(Clone, Copy)]
pub(crate) struct Counted<'a> {
    pub(crate) form: Form,
    /// Seconds since 1970 as if the clock had shown UTC.
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
    pub(crate) level: Level,
    pub(crate) pid: Option<u64>,
    pub(crate) message: &'a [u8],
}

impl<'a> Counted<'a> {
    /// `None` when the record has no calendar time or no level.
    pub(crate) fn of(header: &Header<'a>) -> Option<Self> {
        Self::new(header.time.as_ref(), header.level, header.pid, header.message, header.format)
    }

    /// The same of its parts.
    #[inline]
    pub(crate) fn new(
        time: Option<&StatedTime>,
        level: Option<Level>,
        pid: Option<u64>,
        message: &'a [u8],
        format: FormatName,
    ) -> Option<Self> {
        let StatedTime::Civil { seconds, nanos, offset, uncertainty_ms } = *time? else { return None };
        let form = Form { format, offset, uncertainty_ms };
        Some(Self { form, seconds, nanos, level: level?, pid, message })
    }

    /// Its time, as [`Form::time`] takes it.
    #[inline]
    pub(crate) fn time(&self) -> i64 {
        self.seconds * 1_000_000_000 + i64::from(self.nanos)
    }
}

/// What the records of a layout have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) format: FormatName,
    /// Seconds east of UTC, where the text says so.
    pub(crate) offset: Option<i32>,
    pub(crate) uncertainty_ms: u64,
}

impl Form {
    /// A time, by nanoseconds since 1970 as if the clock had shown UTC.
    pub(crate) fn time(self, nanos: i64) -> StatedTime {
        self.time_at(nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000) as u32)
    }

    /// A time, by seconds since 1970 as if the clock had shown UTC.
    pub(super) fn time_at(self, seconds: i64, nanos: u32) -> StatedTime {
        StatedTime::Civil { seconds, nanos, offset: self.offset, uncertainty_ms: self.uncertainty_ms }
    }
}
