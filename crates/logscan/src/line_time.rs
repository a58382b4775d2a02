//! The time that one line states, without anything else that it holds.
//!
//! A window is found by the times of very many lines, so what is not needed for a time is passed over.

use std::borrow::Cow;

use pycoroner_findings::Timestamp;

use crate::ascii::until;
use crate::clock::{Clock, own_or_collected};
use crate::envelope::Wrapping;
use crate::header;
use crate::json_layout::Layouts;
use crate::json_record::{Head, JsonRecord};
use crate::lines::without_ansi;
use crate::needles::Needles;
use crate::stated_time::{self, StatedTime};

/// Wrappings in each other, as the scanner follows them.
const MAX_DEPTH: u8 = 3;

/// Reads the times of lines as the scanner would take them.
#[derive(Default)]
pub(crate) struct LineTimes {
    /// How records in JSON are laid out.
    layouts: Layouts,
}

impl LineTimes {
    pub(crate) fn of(
        &mut self,
        clock: &mut Clock,
        wrapping: Option<Wrapping>,
        line: &[u8],
    ) -> Option<Timestamp> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut scratch = Vec::new();
        let line = without_ansi(line, &mut scratch);
        match wrapping {
            None => self.innermost(clock, line, None),
            Some(Wrapping::Export) => {
                let time = stated_time::epoch(line.strip_prefix(b"__REALTIME_TIMESTAMP=")?)?;
                clock.resolve(time)
            }
            Some(wrapping) => {
                let envelope = wrapping.peel(line)?;
                let collected = envelope.time.and_then(|time| clock.resolve(time));
                self.innermost(clock, envelope.text, collected)
            }
        }
    }

    fn innermost(
        &mut self,
        clock: &mut Clock,
        text: &[u8],
        mut collected: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let mut text = Cow::Borrowed(text);
        let mut stated = None;
        for _ in 0..=MAX_DEPTH {
            if text.first() != Some(&b'{') {
                stated = stated_in_text(&text);
                break;
            }
            let mut head = Head::default();
            if self.layouts.read(&text, Needles::get(), &mut head).is_some() {
                stated = head.time;
                break;
            }
            let Some(record) = JsonRecord::parse(&text) else { break };
            let Some(line) = record.line.filter(|_| record.head.message.is_none()) else {
                stated = record.head.time;
                if Needles::get().in_line(&text).is_empty() {
                    self.layouts.learn(&text, &record);
                }
                break;
            };
            collected = record.head.time.and_then(|time| clock.resolve(time)).or(collected);
            let inner = until(&line.text()?, b'\n').to_vec();
            text = Cow::Owned(inner);
        }
        own_or_collected(stated.and_then(|time| clock.resolve(time)), collected)
    }
}

/// The time of a record in plain text.
fn stated_in_text(text: &[u8]) -> Option<StatedTime> {
    // No field behind a time changes it.
    if text.first().is_some_and(u8::is_ascii_digit)
        && let Some((time, _)) = stated_time::iso(text)
    {
        return Some(time);
    }
    header::parse(text).and_then(|header| header.time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Zone;

    #[test]
    fn times_are_those_of_heads() {
        let (mut times, mut clock) = (LineTimes::default(), Clock::new(&Zone::UTC, None));
        let mut check = |line: &str, expected: Option<&str>| {
            for _ in 0..2 {
                let time = times.of(&mut clock, None, line.as_bytes()).map(|at| at.time.to_string());
                assert_eq!(time.as_deref(), expected, "{line}");
            }
            if !line.starts_with('{') {
                let stated = header::parse(line.as_bytes()).and_then(|header| header.time);
                assert_eq!(stated_in_text(line.as_bytes()), stated, "{line}");
            }
        };
        let noon = Some("2024-05-01T12:00:00Z");
        check("2024-05-01 12:00:00 INFO 2024-05-02 13:00:00 x", noon);
        check("2024-05-01T14:00:00.000+02:00: [7] INFO x", noon);
        check("2024-05-01 12:00:00", noon);
        check("2024-13-01 12:00:00 INFO x", None);
        check("7 2024-05-01 12:00:00 INFO x", noon);
        check("[2024-05-01 12:00:00] INFO x", noon);
        check("INFO 2024-05-01 12:00:00 x", noon);
        check("x", None);
        check(r#"{"time": "2024-05-01T12:00:00Z", "level": "INFO", "message": "x"}"#, noon);
        check(r#"{"time": "2024-05-01T12:00:00Z", "level": "INFO", "message": "malloc(): x"}"#, noon);
        check(
            r#"{"time": "2024-05-01 12:00:01Z", "level": "INFO", "message": "y"}"#,
            Some("2024-05-01T12:00:01Z"),
        );
        check(r#"{"time": "", "level": "INFO", "message": "y"}"#, None);
        check(
            r#"{"log": "2024-05-01 12:00:00Z INFO x", "stream": "stdout", "time": "2024-05-01T12:00:03Z"}"#,
            noon,
        );
    }
}
