//! The time that one line states, without anything else that it holds.

use std::borrow::Cow;

use pycoroner_findings::{TimeBasis, Timestamp};

use crate::ascii::until;
use crate::clock::Clock;
use crate::envelope::Wrapping;
use crate::header;
use crate::json_record::JsonRecord;
use crate::lines::strip_ansi;
use crate::stated_time;

/// Wrappings in each other, as the scanner follows them.
const MAX_DEPTH: u8 = 3;

/// A line's time, as the scanner would take it.
pub(crate) fn time_of(clock: &mut Clock, wrapping: Option<Wrapping>, line: &[u8]) -> Option<Timestamp> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut scratch = Vec::new();
    let line = if memchr::memchr(0x1b, line).is_some() {
        strip_ansi(line, &mut scratch);
        &scratch
    } else {
        line
    };
    match wrapping {
        None => time_in(clock, line, None),
        Some(Wrapping::Export) => {
            let time = stated_time::epoch(line.strip_prefix(b"__REALTIME_TIMESTAMP=")?)?;
            clock.resolve(time)
        }
        Some(wrapping) => {
            let envelope = wrapping.peel(line)?;
            let collected = envelope.time.and_then(|time| clock.resolve(time));
            time_in(clock, envelope.text, collected)
        }
    }
}

fn time_in(clock: &mut Clock, text: &[u8], mut collected: Option<Timestamp>) -> Option<Timestamp> {
    let mut text = Cow::Borrowed(text);
    let mut stated = None;
    for _ in 0..=MAX_DEPTH {
        if text.first() != Some(&b'{') {
            stated = header::parse(&text).and_then(|header| header.time);
            break;
        }
        let Some(record) = JsonRecord::parse(&text) else { break };
        let Some(line) = record.line.filter(|_| record.head.message.is_none()) else {
            stated = record.head.time;
            break;
        };
        collected = record.head.time.and_then(|time| clock.resolve(time)).or(collected);
        let inner = until(&line.text()?, b'\n').to_vec();
        text = Cow::Owned(inner);
    }
    match (stated.and_then(|time| clock.resolve(time)), collected) {
        (Some(own), Some(collected)) if own.basis != TimeBasis::Stated => Some(collected),
        (own, collected) => own.or(collected),
    }
}
