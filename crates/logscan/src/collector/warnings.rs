//! The last records at warning and above.
//!
//! All of a long log's pass through here, and few stay: so each is kept as it stands, in the room of the one that it
//! displaces, and is made a record to show at the end.

use std::collections::VecDeque;

use pycoroner_findings::{Timestamp, UtcTime};

use crate::ascii::lossy;
use crate::document::{LogRecord, Place};
use crate::header::Header;
use crate::level::Level;
use crate::stream::LineContext;

const MAX_WARNINGS: usize = 200;
/// Bytes of a message with its further lines, and of each name.
const MESSAGE_LIMIT: usize = 4096;
const NAME_LIMIT: usize = 256;

/// Keeps the last ones in the order of their times.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    /// By the time; what has none stands behind the one in front of it, if that is of the same source.
    kept: VecDeque<Kept>,
    before: Option<(usize, UtcTime)>,
    added: u64,
    /// Those that made room.
    pub(super) dropped: u64,
}

/// Tells a warning that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WarningNumber(u64);

#[derive(Debug, Default)]
struct Kept {
    number: Option<WarningNumber>,
    time: Option<UtcTime>,
    at: Option<Timestamp>,
    level: Option<Level>,
    pid: Option<u64>,
    place: Place,
    /// Where in the text the logger, the thread, the request and the producer end; the message is behind them.
    ends: [usize; 4],
    text: Vec<u8>,
}

impl Warnings {
    /// Keeps a record; the oldest one makes room.
    pub(crate) fn add(
        &mut self,
        header: &Header<'_>,
        context: &LineContext,
        producer: Option<&str>,
    ) -> WarningNumber {
        let at = context.stamp;
        let before = self.before.filter(|(source, _)| *source == context.source).map(|(_, time)| time);
        let time = at.map(|at| at.time).or(before);
        self.before = time.map(|time| (context.source, time));
        self.added += 1;
        let number = WarningNumber(self.added);
        let Some(Kept { mut text, .. }) = self.room_for(time) else { return number };
        text.clear();
        let names =
            [header.logger, header.thread, header.request_id, producer.unwrap_or_default().as_bytes()];
        let ends = names.map(|name| {
            append(&mut text, name, NAME_LIMIT);
            text.len()
        });
        append(&mut text, &header.message_text(), MESSAGE_LIMIT);
        let LineContext { level, pid, .. } = *context;
        let kept = Kept { number: Some(number), time, at, level, pid, place: context.place(), ends, text };
        let is_newest = self.kept.back().is_none_or(|last| last.time <= time);
        let index =
            if is_newest { self.kept.len() } else { self.kept.partition_point(|other| other.time <= time) };
        self.kept.insert(index, kept);
        number
    }

    /// What is to be filled; `None` for what is older than all that are kept, if no more of them are.
    fn room_for(&mut self, time: Option<UtcTime>) -> Option<Kept> {
        if self.kept.len() < MAX_WARNINGS {
            return Some(Kept::default());
        }
        self.dropped += 1;
        if self.kept.front().is_some_and(|first| time < first.time) { None } else { self.kept.pop_front() }
    }

    /// Adds a further line to one of them, if that is still kept.
    pub(super) fn extend(&mut self, number: WarningNumber, line: &[u8], context: &LineContext) {
        let is_it = |kept: &&mut Kept| kept.number == Some(number);
        let Some(kept) = self.kept.iter_mut().rev().find(is_it) else { return };
        if kept.place.source != context.source {
            return;
        }
        let [.., message] = kept.ends;
        let room = MESSAGE_LIMIT.saturating_sub(kept.text.len() - message);
        if room > 0 && !line.trim_ascii().is_empty() {
            kept.text.push(b'\n');
            append(&mut kept.text, line.trim_ascii_end(), room);
        }
        kept.place.include(context);
    }

    /// All that stayed.
    pub(crate) fn into_records(self) -> Vec<LogRecord> {
        self.kept.into_iter().map(Kept::into_record).collect()
    }
}

impl Kept {
    fn into_record(self) -> LogRecord {
        let Self { at, level, pid, place, ends: [logger, thread, request, producer], text, .. } = self;
        let name = |from: usize, to: usize| {
            let name = text.get(from..to).unwrap_or_default();
            (!name.is_empty()).then(|| lossy(name, NAME_LIMIT))
        };
        LogRecord {
            at,
            level,
            logger: name(0, logger),
            message: lossy(text.get(producer..).unwrap_or_default(), MESSAGE_LIMIT),
            pid,
            thread: name(logger, thread),
            request_id: name(thread, request),
            producer: name(request, producer),
            place,
        }
    }
}

/// Appends so much of a text that [`lossy`] sees whether it is longer than the limit.
fn append(text: &mut Vec<u8>, more: &[u8], limit: usize) {
    text.extend_from_slice(more.get(..=limit).unwrap_or(more));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::FormatName;
    use crate::header::Header;
    use pycoroner_findings::TimeBasis;

    fn context(source: usize, number: u64, second: Option<i64>) -> LineContext {
        let stamp = second.map(|second| Timestamp {
            time: UtcTime(second * 1_000_000_000),
            basis: TimeBasis::Stated,
            uncertainty_ms: 1,
        });
        LineContext { source, number, offset: 0, len: 1, stamp, pid: None, level: None }
    }

    fn add(warnings: &mut Warnings, context: &LineContext) -> WarningNumber {
        let message = context.number.to_string();
        warnings.add(&Header::new(None, FormatName::Plain, message.as_bytes()), context, None)
    }

    fn messages(warnings: Warnings) -> Vec<String> {
        warnings.into_records().into_iter().map(|record| record.message).collect()
    }

    #[test]
    fn the_last_ones_stay_in_the_order_of_their_times() {
        let mut warnings = Warnings::default();
        for number in 0..1000 {
            // Each second pair comes late.
            let second = number as i64 - if number % 4 > 1 { 10 } else { 0 };
            add(&mut warnings, &context(0, number, Some(second)));
        }
        let mut all: Vec<(i64, u64)> =
            (0..1000).map(|number| (number as i64 - if number % 4 > 1 { 10 } else { 0 }, number)).collect();
        all.sort_by_key(|(second, _)| *second);
        let expected: Vec<String> = all.iter().skip(800).map(|(_, number)| number.to_string()).collect();
        assert_eq!(warnings.dropped, 800);
        assert_eq!(messages(warnings), expected);
    }

    #[test]
    fn what_has_no_time_stands_behind_the_one_in_front_of_it() {
        let mut warnings = Warnings::default();
        add(&mut warnings, &context(0, 1, Some(20)));
        add(&mut warnings, &context(0, 2, None));
        add(&mut warnings, &context(1, 3, None));
        add(&mut warnings, &context(1, 4, Some(10)));
        assert_eq!(messages(warnings), ["3", "4", "1", "2"]);
    }

    #[test]
    fn further_lines_belong_to_their_own_record() {
        let mut warnings = Warnings::default();
        let first = add(&mut warnings, &context(0, 1, Some(20)));
        let second = add(&mut warnings, &context(0, 2, Some(10)));
        warnings.extend(first, b"of the first  ", &context(0, 3, None));
        warnings.extend(second, &[b'x'; 2 * MESSAGE_LIMIT], &context(0, 4, None));
        warnings.extend(second, b"no room", &context(0, 5, None));
        warnings.extend(second, b"of another source", &context(1, 1, None));
        let [longest, other]: [String; 2] = messages(warnings).try_into().unwrap();
        assert_eq!(other, "1\nof the first");
        assert_eq!(longest.len(), MESSAGE_LIMIT + '…'.len_utf8());
        assert!(longest.ends_with("x…"));
    }
}
