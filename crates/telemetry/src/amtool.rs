//! Alerts in the tables that `amtool alert query` prints, `-o simple` (its default) and `-o extended`.
//!
//! The form is that of [`FormatAlerts`](https://github.com/prometheus/alertmanager/blob/v0.25.0/cli/format/format_extended.go):
//! cells end in two blanks or more. Values stand as they are, quotes and line breaks in them too, so that a row may
//! have several lines; its state ends it.

use pycoroner_findings::{Citation, Event, Gap, GapKind, SourceId, Span, TimeBasis, Timestamp};

use crate::alerts::{MOST_ALERTS, severity};
use crate::document::{Export, Telemetry};
use crate::format::ExportFormat;
use crate::time::{rfc3339, zoned};

/// Times are printed to the second, rounded down.
const ROUNDING_MS: u64 = 1000;
/// Most lines of one row.
const MOST_LINES: u64 = 1000;

const SIMPLE: [&str; 4] = ["Alertname", "Starts At", "Summary", "State"];
const EXTENDED: [&str; 6] = ["Labels", "Annotations", "Starts At", "Ends At", "Generator URL", "State"];
const STATES: [&str; 3] = ["active", "suppressed", "unprocessed"];

/// The columns of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Simple,
    Extended,
}

/// Whether a file starts with such a table; the command that printed it may stand above.
pub(crate) fn is_table(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').take(8).filter(|line| !line.trim_ascii().is_empty());
    let is_header = |line: &[u8]| std::str::from_utf8(line).ok().and_then(header).is_some();
    match lines.next() {
        Some(first) if is_header(first) => true,
        Some(first) => {
            memchr::memmem::find(first, b"amtool").is_some() && lines.next().is_some_and(is_header)
        }
        None => false,
    }
}

fn header(line: &str) -> Option<Table> {
    let names: Vec<&str> = cells(line.trim_start_matches('\u{feff}').trim()).map(|(_, name)| name).collect();
    match names.as_slice() {
        names if names == SIMPLE => Some(Table::Simple),
        names if names == EXTENDED => Some(Table::Extended),
        _ => None,
    }
}

/// What stands between runs of two blanks or more, with its offset; the first one may be empty.
fn cells(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut offset = 0;
    let pieces = text.split("  ").map(move |piece| {
        let start = offset;
        offset += piece.len() + 2;
        // Of an odd number of blanks the last one is left over.
        (start + piece.len() - piece.trim_start().len(), piece.trim_start())
    });
    pieces.enumerate().filter(|(index, (_, piece))| *index == 0 || !piece.is_empty()).map(|(_, piece)| piece)
}

/// Reads when the alerts of the tables started. Those that are listed have not ended: their end is an estimate.
pub(crate) fn read_tables(export: &[u8], source: SourceId) -> Telemetry {
    let mut reader = Reader { source, telemetry: Telemetry::default(), table: None, row: None, rows: 0 };
    let mut offset = 0;
    for (number, line) in (1_u64..).zip(export.split_inclusive(|byte| *byte == b'\n')) {
        reader.take(number, offset, line);
        offset += line.len();
    }
    reader.end_row();
    let Reader { mut telemetry, rows, .. } = reader;
    telemetry.exports.push(Export::of(source, ExportFormat::Alerts, rows, &telemetry.events));
    if rows > MOST_ALERTS {
        let what = format!("{} more alerts", rows - MOST_ALERTS);
        telemetry.gaps.push(Gap::new(GapKind::Limit, what, format!("{MOST_ALERTS} are read of one export")));
    }
    telemetry
}

struct Reader {
    source: SourceId,
    telemetry: Telemetry,
    /// The columns of the rows to come; none before the first header.
    table: Option<Table>,
    row: Option<Row>,
    rows: usize,
}

/// A row under assembly.
struct Row {
    text: String,
    /// Number and offset of its first line, and number of its last one.
    first: u64,
    offset: usize,
    last: u64,
    /// Its bytes in the file.
    len: usize,
}

/// What a row says of its alert.
struct Alert<'a> {
    name: &'a str,
    began: Timestamp,
    summary: Option<&'a str>,
    producer: Option<&'a str>,
    severity: Option<&'a str>,
}

impl Reader {
    fn take(&mut self, number: u64, offset: usize, bytes: &[u8]) {
        let line = &*String::from_utf8_lossy(bytes);
        if let Some(table) = header(line) {
            self.end_row();
            self.table = Some(table);
            return;
        }
        if self.table.is_none() || (self.row.is_none() && line.trim().is_empty()) {
            return;
        }
        let row = self.row.get_or_insert_with(|| Row {
            text: String::new(),
            first: number,
            offset,
            last: number,
            len: 0,
        });
        row.text.push_str(line);
        row.len += bytes.len();
        row.last = number;
        if state_at(line).is_some() || number - row.first >= MOST_LINES {
            self.end_row();
        }
    }

    fn end_row(&mut self) {
        let Some((row, table)) = self.row.take().zip(self.table) else { return };
        self.rows += 1;
        if self.rows > MOST_ALERTS {
            return;
        }
        let (offset, len) = (row.offset as u64, row.len as u64);
        let span = Span::Lines { first: row.first, last: row.last, offset, len };
        let citation = Citation::new(self.source, span);
        let text = row.text.trim_end();
        let text = state_at(text).and_then(|at| text.get(..at)).unwrap_or(text);
        let alert = match table {
            Table::Simple => simple(text),
            Table::Extended => extended(text),
        };
        let Some(alert) = alert else {
            let gap = Gap::new(GapKind::Unknown, "an alert", "it has no name or no start").at(citation);
            self.telemetry.gaps.push(gap);
            return;
        };
        let name = alert.name;
        let message = alert.summary.map_or_else(|| name.to_owned(), |summary| format!("{name}: {summary}"));
        self.telemetry.events.push(Event {
            at: Some(alert.began),
            producer: alert.producer.map(str::to_owned),
            citation: Some(citation),
            ..Event::new("alert-started", severity(alert.severity), message)
        });
    }
}

/// Where the last cell of a row begins, if it is a state.
fn state_at(line: &str) -> Option<usize> {
    let line = line.trim_end();
    let before = STATES.iter().find_map(|state| line.strip_suffix(state))?;
    (before.is_empty() || before.ends_with("  ")).then_some(before.len())
}

fn simple(row: &str) -> Option<Alert<'_>> {
    let (at, began, behind) = cells(row).find_map(|(at, cell)| Some((at, moment(cell)?, at + cell.len())))?;
    let summary = row.get(behind..)?.trim();
    Some(Alert {
        name: row.get(..at).map(str::trim).filter(|name| !name.is_empty())?,
        began,
        summary: Some(summary).filter(|summary| !summary.is_empty()),
        producer: None,
        severity: None,
    })
}

fn extended(row: &str) -> Option<Alert<'_>> {
    // Start and end stand side by side; what looks like it in an annotation stands further to the left.
    let mut start = None;
    let mut before = None;
    for (at, cell) in cells(row) {
        let here = moment(cell).map(|time| (at, time));
        if here.is_some() && before.is_some() {
            start = before;
        }
        before = here;
    }
    let (at, began) = start?;
    let (labels, rest) = pairs(row.get(..at)?);
    let (annotations, _) = pairs(rest);
    let label = |name: &str| labels.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let annotation = |name: &str| annotations.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    Some(Alert {
        name: label("alertname")?,
        began,
        summary: annotation("summary").or_else(|| annotation("description")),
        producer: label("instance").or_else(|| label("job")),
        severity: label("severity"),
    })
}

/// A cell that is a time: `2026-11-22 11:30:00 UTC`, or what `--date.format` makes of it, if that is RFC 3339.
fn moment(cell: &str) -> Option<Timestamp> {
    let mut words = cell.split_ascii_whitespace();
    let words = (words.next()?, words.next(), words.next(), words.next());
    match words {
        (time, None, ..) => {
            let (basis, uncertainty_ms) = (TimeBasis::Stated, ROUNDING_MS);
            rfc3339(time).map(|time| Timestamp { time, basis, uncertainty_ms })
        }
        (date, Some(clock), Some(zone), None) => zoned(date, clock, zone, TimeBasis::Stated, ROUNDING_MS),
        _ => None,
    }
}

/// Reads the `name="value"` pairs of one cell, each a blank from the next, and gives what is behind the cell.
fn pairs(cell: &str) -> (Vec<(&str, &str)>, &str) {
    let mut found = Vec::new();
    let mut rest = cell.trim_start();
    while let Some((name, behind)) = named(rest) {
        let end = behind.match_indices('"').map(|(at, _)| at).find(|at| {
            let next = behind.get(at + 1..).unwrap_or_default();
            next.trim().is_empty()
                || next.starts_with("  ")
                || next.strip_prefix(' ').is_some_and(|next| named(next).is_some())
        });
        let Some(end) = end else { break };
        found.push((name, behind.get(..end).unwrap_or_default()));
        let next = behind.get(end + 1..).unwrap_or_default();
        if next.starts_with("  ") {
            return (found, next);
        }
        rest = next.trim_start();
    }
    (found, "")
}

/// The name of a pair, and what follows on its opening quote.
fn named(text: &str) -> Option<(&str, &str)> {
    let len = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let (name, behind) = text.split_at_checked(len).filter(|_| len > 0)?;
    Some((name, behind.strip_prefix("=\"")?))
}
