use std::collections::BTreeMap;

use pycoroner_findings::{Citation, Gap, GapKind, SourceId, Span};
use serde_json::Value;

use super::event::add_event;
use crate::document::{Export, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::outline::Outline;
use crate::place::Place;

/// Most items that are read of one file.
const MOST_ITEMS: usize = 10_000;
/// The kinds of items that sentry-sdk writes; other JSON lines with a `type` are none.
const TYPES: [&str; 12] = [
    "event",
    "transaction",
    "attachment",
    "session",
    "sessions",
    "client_report",
    "check_in",
    "profile",
    "profile_chunk",
    "statsd",
    "log",
    "span",
];

/// Whether a file is an envelope: a header, then the header of an item.
pub(crate) fn is_envelope(head: &Head<'_>) -> bool {
    let mut lines = head.lines();
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    if !first.starts_with(b"{") || !second.starts_with(b"{") {
        return false;
    }
    let (header, item) = (Outline::of(first), Outline::of(second));
    let is_header =
        first == b"{}" || ["event_id", "sent_at", "dsn", "sdk", "trace"].iter().any(|key| header.has(key));
    is_header && !header.has("type") && item.scalar("type").is_some_and(|kind| TYPES.contains(&kind))
}

/// Reads the events of the envelopes of a file; a transport that appends to a file writes one behind the other.
pub(crate) fn read_envelopes(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let mut others: BTreeMap<String, u64> = BTreeMap::new();
    let mut lines = Lines { bytes, at: 0, number: 0 };
    let (mut broken, mut items) = (None, 0);
    while let Some((start, line)) = lines.next_line() {
        if line.is_empty() {
            continue;
        }
        let here = lines.citation(source, start);
        let Ok(header) = serde_json::from_slice::<Value>(line) else {
            broken.get_or_insert(here);
            continue;
        };
        // A line without a type is the header of an envelope.
        let Some(kind) = header.get("type").and_then(Value::as_str) else { continue };
        items += 1;
        if items > MOST_ITEMS {
            let why = format!("{MOST_ITEMS} are read of one file");
            telemetry.gaps.push(Gap::new(GapKind::Limit, "the rest of the envelope's items", why).at(here));
            break;
        }
        let length = header.get("length").and_then(Value::as_u64);
        let Some((start, payload)) = lines.payload(length) else { break };
        if kind != "event" {
            *others.entry(kind.chars().take(40).collect()).or_default() += 1;
            continue;
        }
        let place = Place::Lines(lines.citation(source, start));
        match serde_json::from_slice(payload) {
            Ok(event) => add_event(&mut telemetry, &event, &place),
            Err(error) => telemetry.gaps.push(
                Gap::new(GapKind::Corrupt, "an event of the envelope", error.to_string()).at(place.cite("")),
            ),
        }
    }
    if let Some(citation) = broken {
        let what = "lines of the envelope";
        telemetry.gaps.push(Gap::new(GapKind::Corrupt, what, "they are no headers of items").at(citation));
    }
    for (kind, count) in others {
        let what = format!("{count} of the envelope's items, of type {kind}");
        telemetry.gaps.push(Gap::new(GapKind::Unknown, what, "of envelopes, only events are read"));
    }
    let export = Export::of(source, ExportFormat::SentryEnvelope, telemetry.reports.len(), &telemetry.events);
    telemetry.exports.push(export);
    telemetry
}

struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Line breaks before [`Self::at`].
    number: u64,
}

/// Where something starts: number of its line, and offset.
type Start = (u64, usize);

impl<'a> Lines<'a> {
    fn next_line(&mut self) -> Option<(Start, &'a [u8])> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        Some(self.take(len))
    }

    /// An item's content: as long as its header says, or up to the end of the line.
    fn payload(&mut self, length: Option<u64>) -> Option<(Start, &'a [u8])> {
        let Some(length) = length else { return self.next_line() };
        let rest = self.bytes.get(self.at..)?.len();
        // What is cut at the end of the file is read as far as it is there.
        Some(self.take(usize::try_from(length).unwrap_or(rest).min(rest)))
    }

    fn take(&mut self, len: usize) -> (Start, &'a [u8]) {
        let start = (self.number + 1, self.at);
        let taken = self.bytes.get(self.at..self.at + len).unwrap_or_default();
        self.number += memchr::memchr_iter(b'\n', taken).count() as u64;
        self.at += len;
        (start, taken.trim_ascii())
    }

    /// Cites from a start to here.
    fn citation(&self, source: SourceId, (first, offset): Start) -> Citation {
        let ends_line = self.bytes.get(self.at.wrapping_sub(1)) == Some(&b'\n');
        let last = (self.number + u64::from(!ends_line)).max(first);
        let len = (self.at - offset) as u64;
        Citation::new(source, Span::Lines { first, last, offset: offset as u64, len })
    }
}
