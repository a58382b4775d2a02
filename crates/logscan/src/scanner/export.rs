//! The journal's export format: fields line by line, entries apart by empty lines
//! (systemd's `docs/JOURNAL_EXPORT_FORMATS.md`).

use super::SourceScanner;
use crate::ascii::{lossy, whole_number};
use crate::format::FormatName;
use crate::level::Level;
use crate::needles::Needles;
use crate::stated_time::{self, StatedTime};
use crate::stream::LineContext;

/// Bytes of a field that are kept.
const FIELD_LIMIT: usize = 256 << 10;

/// The entry that is being read.
#[derive(Debug, Default)]
pub(super) struct Entry {
    time: Option<StatedTime>,
    level: Option<Level>,
    pid: Option<u64>,
    identifier: Vec<u8>,
    message: Option<Vec<u8>>,
    start: Option<LineContext>,
    /// A field that is no text: its name, and its bytes with the eight of its length in front.
    binary: Option<(Vec<u8>, Vec<u8>)>,
}

/// Whether a text is in this format.
pub(crate) fn is_export(head: &[u8]) -> bool {
    head.starts_with(b"__CURSOR=") || head.starts_with(b"__REALTIME_TIMESTAMP=")
}

impl Entry {
    fn set(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"__REALTIME_TIMESTAMP" => self.time = stated_time::epoch(value),
            b"PRIORITY" => self.level = whole_number(value).and_then(Level::from_syslog),
            b"_PID" => self.pid = whole_number(value),
            b"SYSLOG_IDENTIFIER" => self.identifier = value.get(..100).unwrap_or(value).to_vec(),
            b"MESSAGE" => self.message = Some(value.get(..FIELD_LIMIT).unwrap_or(value).to_vec()),
            _ => {}
        }
    }

    /// Takes a line into the field that is no text; `false` when none is open.
    fn take_binary(&mut self, line: &[u8]) -> bool {
        let Some((name, mut bytes)) = self.binary.take() else { return false };
        let held = bytes.len();
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
        let wanted = bytes
            .first_chunk::<8>()
            .and_then(|len| usize::try_from(u64::from_le_bytes(*len)).ok())
            .unwrap_or(usize::MAX);
        let end = wanted.saturating_add(8);
        if bytes.len() > end {
            let value = bytes.get(8..end).unwrap_or_default();
            self.set(&name, value);
        } else if held < FIELD_LIMIT {
            self.binary = Some((name, bytes));
        }
        true
    }
}

impl SourceScanner<'_> {
    /// One line of the format.
    pub(super) fn export_line(&mut self, line: &[u8], context: LineContext) {
        if self.entry.take_binary(line) {
            return;
        }
        if line.is_empty() {
            return self.end_entry(Some(context));
        }
        self.entry.start.get_or_insert(context);
        match memchr::memchr(b'=', line) {
            Some(at) => {
                let (name, value) = line.split_at(at);
                self.entry.set(name, value.get(1..).unwrap_or_default());
            }
            None if line
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_') =>
            {
                self.entry.binary = Some((line.to_vec(), Vec::new()));
            }
            None => {}
        }
    }

    /// The end of an entry: its message is what a collector wrapped.
    pub(super) fn end_entry(&mut self, last: Option<LineContext>) {
        let entry = std::mem::take(&mut self.entry);
        let Some(mut context) = entry.start else { return };
        if let Some(last) = last {
            context.len = (last.offset + last.len).saturating_sub(context.offset);
        }
        let Some(message) = entry.message else { return };
        context.stamp = entry.time.and_then(|time| self.clock.resolve(time));
        context.level = entry.level;
        context.pid = entry.pid;
        if let Some(count) = self.wrapped.get_mut(FormatName::Journal as usize) {
            *count += 1;
        }
        let producer = match entry.pid {
            Some(pid) => format!("{}[{pid}]", lossy(&entry.identifier, 100)).into_bytes(),
            None => entry.identifier,
        };
        let stream = self.stream_of(&producer);
        let hits = Needles::get().in_line(&message);
        self.inner_lines(stream, &message, false, context, hits, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_no_text() {
        let mut entry = Entry { binary: Some((b"MESSAGE".to_vec(), Vec::new())), ..Entry::default() };
        // Ten bytes: the length itself holds a newline.
        let field = [&10_u64.to_le_bytes()[..], b"one\ntwo\n\x00x\n"].concat();
        for line in field.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n') {
            assert!(entry.take_binary(line));
        }
        assert_eq!(entry.message.as_deref(), Some(&b"one\ntwo\n\x00x"[..]));
        assert!(!entry.take_binary(b""));
        // A length that no text has ends with what is kept of it.
        let mut entry = Entry { binary: Some((b"MESSAGE".to_vec(), Vec::new())), ..Entry::default() };
        assert!(entry.take_binary(&u64::MAX.to_le_bytes()));
        let mut lines = 0;
        while entry.take_binary(&[b'x'; 1000]) {
            lines += 1;
        }
        assert!(lines < 300, "{lines}");
    }
}
