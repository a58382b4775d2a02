//! The last records of a writer: as bytes, for very few of those that were last at some time are ever shown.

use std::collections::VecDeque;

use pycoroner_findings::Timestamp;

use crate::ascii::lossy;
use crate::document::{LogRecord, Place};
use crate::format::FormatName;
use crate::json;
use crate::level::Level;

/// Records that are kept.
pub(crate) const LAST: usize = 12;
/// Bytes of a message, and of a name.
const MESSAGE_LIMIT: usize = 512;
const NAME_LIMIT: usize = 256;

/// A record, as a writer keeps it.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) at: Option<Timestamp>,
    pub(crate) level: Option<Level>,
    pub(crate) message: &'a [u8],
    pub(crate) format: FormatName,
    pub(crate) logger: &'a [u8],
    pub(crate) thread: &'a [u8],
    pub(crate) request_id: &'a [u8],
    pub(crate) place: Place,
}

#[derive(Debug, Default)]
struct Kept {
    at: Option<Timestamp>,
    level: Option<Level>,
    place: Place,
    /// Message, logger, thread and request, one behind the other, and where each ends.
    text: Vec<u8>,
    ends: [usize; 4],
}

/// The last ones that were pushed.
#[derive(Debug, Default)]
pub(crate) struct LastRecords(VecDeque<Kept>);

impl LastRecords {
    pub(crate) fn push(&mut self, said: &Said<'_>) {
        // The oldest one's memory is the newest one's.
        let mut kept = if self.0.len() >= LAST { self.0.pop_front() } else { None }.unwrap_or_default();
        (kept.at, kept.level, kept.place) = (said.at, said.level, said.place);
        let unescaped;
        let message = if said.format == FormatName::Logfmt {
            unescaped = json::unescape(said.message);
            &unescaped
        } else {
            said.message.trim_ascii_end()
        };
        let parts = [(message, MESSAGE_LIMIT), (said.logger, NAME_LIMIT), (said.thread, NAME_LIMIT)];
        let parts = parts.into_iter().chain([(said.request_id, NAME_LIMIT)]);
        kept.text.clear();
        for ((part, limit), end) in parts.zip(&mut kept.ends) {
            kept.text.extend_from_slice(part.get(..limit).unwrap_or(part));
            *end = kept.text.len();
        }
        self.0.push_back(kept);
    }

    pub(crate) fn records(
        &self,
        producer: Option<&str>,
        pid: Option<u64>,
    ) -> impl Iterator<Item = LogRecord> {
        self.0.iter().map(move |kept| {
            let [message, logger, thread, request] = kept.ends;
            let part = |from: usize, to: usize| kept.text.get(from..to).unwrap_or_default();
            let name = |from, to| (from < to).then(|| lossy(part(from, to), NAME_LIMIT));
            LogRecord {
                at: kept.at,
                level: kept.level,
                logger: name(message, logger),
                message: lossy(part(0, message), MESSAGE_LIMIT),
                pid,
                thread: name(logger, thread),
                request_id: name(thread, request),
                producer: producer.map(str::to_owned),
                place: kept.place,
            }
        })
    }
}
