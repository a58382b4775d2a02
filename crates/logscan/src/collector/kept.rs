//! Records that are kept for the list of warnings, or handed out one by one.

use pycoroner_findings::UtcTime;

use super::Collector;
use crate::ascii::lossy;
use crate::document::LogRecord;
use crate::header::Header;
use crate::records::Item;
use crate::stream::{LineContext, Stream};

const MAX_WARNINGS: usize = 200;
/// Bytes of a kept record's message.
const RECORD_LIMIT: usize = 4096;

impl Collector<'_> {
    /// A number for a record that begins, where records are handed out.
    pub(crate) fn next_item(&mut self, stream: usize) -> Option<Item> {
        self.assembly.as_mut().map(|assembly| assembly.next_item(stream))
    }

    /// Hands a record on, to be handed out when it is complete.
    pub(crate) fn begin_record(&mut self, stream: &mut Stream, header: &Header<'_>, context: &LineContext) {
        let item = stream.begin_item(self);
        if let (Some(assembly), Some(item)) = (&mut self.assembly, item) {
            assembly.begin(item, stream.producer.as_deref(), header, context);
        }
    }

    /// Keeps a record for the window's list; the oldest ones make room.
    pub(crate) fn keep_warning(&mut self, record: LogRecord) {
        if self.warnings.len() >= 2 * MAX_WARNINGS {
            self.keep_latest_warnings();
        }
        self.warnings.push(record);
    }

    /// Brings the records that were kept into the order of their times, as far as they have any, and keeps the last.
    pub(crate) fn keep_latest_warnings(&mut self) {
        // What has no time stands behind the record in front of it.
        let mut known: Option<(usize, UtcTime)> = None;
        let mut timed: Vec<(Option<UtcTime>, LogRecord)> = Vec::with_capacity(self.warnings.len());
        for record in std::mem::take(&mut self.warnings) {
            let before = known.filter(|(source, _)| *source == record.place.source).map(|(_, time)| time);
            let time = record.at.map(|at| at.time).or(before);
            known = time.map(|time| (record.place.source, time));
            timed.push((time, record));
        }
        timed.sort_by_key(|(time, _)| *time);
        let excess = timed.len().saturating_sub(MAX_WARNINGS);
        self.warnings_dropped += excess as u64;
        self.warnings = timed.into_iter().skip(excess).map(|(_, record)| record).collect();
    }

    /// Adds a further line to the last record of a producer, when that is kept or handed out.
    pub(crate) fn further_line(&mut self, stream: &Stream, line: &[u8], context: &LineContext) {
        if let (Some(assembly), Some(item)) = (&mut self.assembly, stream.last_item()) {
            assembly.further_line(item, line, context);
        } else if stream.record_kept {
            self.extend_warning(stream, line, context);
        }
    }

    fn extend_warning(&mut self, stream: &Stream, line: &[u8], context: &LineContext) {
        // Records of other producers may have been kept since.
        let is_its = |record: &&mut LogRecord| {
            record.place.source == context.source && record.producer == stream.producer
        };
        let Some(record) = self.warnings.iter_mut().rev().find(is_its) else { return };
        let room = RECORD_LIMIT.saturating_sub(record.message.len());
        if room > 0 && !line.trim_ascii().is_empty() {
            record.message.push('\n');
            record.message.push_str(&lossy(line.trim_ascii_end(), room));
        }
        record.place.include(context);
    }
}
