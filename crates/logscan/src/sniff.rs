use crate::envelope::Wrapping;
use crate::events::recognise;
use crate::format::FormatName;
use crate::header;
use crate::json_record::JsonRecord;
use crate::lines::without_ansi;
use crate::needles::{Hits, Needles};
use crate::scanner::{holds_record, is_document};

/// Whether a text starts with an object or a list in JSON, which may be cut.
///
/// Logs have lines that start with a bracket, too: `[W 12:00:00.123 NotebookApp] …`.
pub fn starts_with_json(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    if !matches!(text.first(), Some(b'{' | b'[')) {
        return false;
    }
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<serde::de::IgnoredAny>();
    match values.next() {
        // `[7] started`
        Some(Ok(_)) => {
            let behind = text.get(values.byte_offset()..).unwrap_or_default();
            behind.split(|byte| *byte == b'\n').next().is_none_or(|rest| {
                rest.trim_ascii().is_empty() || matches!(rest.trim_ascii().first(), Some(b'{' | b'['))
            })
        }
        Some(Err(error)) => error.is_eof(),
        None => false,
    }
}

/// Tells what kind of log a text is by its first bytes; `None` when it looks like none.
///
/// Give it whole lines where possible; 4 to 64 KiB are plenty.
pub fn looks_like_log(head: &[u8]) -> Option<FormatName> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    // A file that was cut while it was written to starts with a hole.
    let hole = head.iter().take_while(|byte| **byte == 0).count();
    let head = head.get(hole..).unwrap_or_default();
    let mut plain = Vec::new();
    let head = without_ansi(head, &mut plain);
    if head.iter().take(512).filter(|byte| **byte == 0).count() > 32 {
        return None;
    }
    if is_document(head) {
        // Many documents are no logs.
        return holds_record(head).then_some(FormatName::JsonDocument);
    }
    if let Some(wrapping) = Wrapping::detect(head) {
        return Some(wrapping.format());
    }
    let mut counts = [0_u32; FormatName::ALL.len()];
    for line in head.split(|byte| *byte == b'\n').take(100) {
        let line = line.trim_ascii_end();
        let format = if line.first() == Some(&b'{') {
            JsonRecord::parse(line)
                .filter(|record| {
                    record.line.is_some()
                        || record.head.time.is_some()
                            && (record.head.message.is_some() || record.head.level.is_some())
                        || record.head.level.is_some() && record.head.message.is_some()
                })
                .map(|record| record.format())
                .or_else(|| holds_record(line).then_some(FormatName::Json))
        } else {
            header::parse(line).map(|header| header.format)
        };
        if let Some(count) = format.and_then(|format| counts.get_mut(format as usize)) {
            *count += 1;
        }
    }
    let best = FormatName::ALL
        .into_iter()
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .max_by_key(|(_, count)| *count);
    if let Some((format, _)) = best {
        return Some(format);
    }
    // Exports of traces carry tracebacks, too.
    if starts_with_json(head) {
        return None;
    }
    let hits = Needles::get().in_line(head);
    let states_fact = hits.has(Hits::EVENT)
        && head
            .split(|byte| *byte == b'\n')
            .take(1000)
            .filter_map(recognise)
            .any(|fact| !fact.kind.starts_with("container"));
    (hits.has(Hits::TRACEBACK) || hits.has(Hits::DUMP) || states_fact).then_some(FormatName::Plain)
}
