//! Events and the last warnings of logs, in the order of time; many alike in a row are told once.

use std::cmp::Reverse;
use std::fmt::Write as _;

use pycoroner_findings::Severity;
use pycoroner_logscan::{Document, Level, LogEvent, LogRecord};

use super::inert::{cut, inert};
use super::logs::{MOST_CHARACTERS, cite, moment};
use super::quantity::count;
use super::style::{BAD, FAINT, STRONG, WARN};

const MOST_EVENTS: usize = 30;
const MOST_RECORDS: usize = 20;
/// So many alike in a row are still listed one by one.
const MOST_ALIKE: usize = 3;

pub(super) fn write_events(out: &mut String, scan: &Document) {
    let is_shown = |event: &&LogEvent| scan.window.is_none() || event.in_window || event.at.is_none();
    let mut shown: Vec<&LogEvent> = scan.events.iter().filter(is_shown).collect();
    if shown.is_empty() {
        return;
    }
    // What has no time stands last: it was asked for, and nothing says that it is early.
    shown.sort_by_key(|event| Reverse(event.at.map(|at| Reverse(at.time))));
    let _ = writeln!(out, "\n{STRONG}Events{STRONG:#}");
    let alike = |a: &&LogEvent, b: &&LogEvent| a.kind == b.kind && is_same_text(&a.message, &b.message);
    write_folded(out, &shown, MOST_EVENTS, alike, |out, event| write_event(out, scan, event));
}

fn write_event(out: &mut String, scan: &Document, event: &LogEvent) {
    let style = if event.severity >= Severity::Error { BAD } else { WARN };
    let time = event.at.map_or_else(|| "no time".to_owned(), moment);
    let (message, _) = cut(&event.message, MOST_CHARACTERS);
    let (kind, message, cited) = (inert(&event.kind), inert(message), cite(scan, event.place));
    let _ = writeln!(out, "  {time}  {style}{kind}{style:#}  {message}  {FAINT}{cited}{FAINT:#}");
}

pub(super) fn write_records(out: &mut String, scan: &Document) {
    if scan.warnings.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{STRONG}Last warnings and errors{STRONG:#}");
    let alike = |a: &LogRecord, b: &LogRecord| {
        a.level == b.level && a.logger == b.logger && is_same_text(&a.message, &b.message)
    };
    write_folded(out, &scan.warnings, MOST_RECORDS, alike, |out, record| write_record(out, scan, record));
}

pub(super) fn write_record(out: &mut String, scan: &Document, record: &LogRecord) {
    let time = record.at.map_or_else(|| "no time".to_owned(), moment);
    let level = record.level.map_or("", Level::name);
    let style = if record.level >= Some(Level::Error) { BAD } else { WARN };
    let logger = record.logger.as_deref().map(|logger| format!("{}: ", inert(logger))).unwrap_or_default();
    let message = record.message.lines().next().unwrap_or_default();
    let (message, left_out) = cut(message, MOST_CHARACTERS);
    let more = if left_out > 0 { "…" } else { "" };
    let (message, cited) = (inert(message), cite(scan, record.place));
    let _ =
        writeln!(out, "  {time}  {style}{level}{style:#}  {logger}{message}{more}  {FAINT}{cited}{FAINT:#}");
}

/// Writes the last rows, at most `most` of them; of more than a few alike in a row the first and the last, which count
/// as three with what stands between.
fn write_folded<T>(
    out: &mut String,
    rows: &[T],
    most: usize,
    alike: impl Fn(&T, &T) -> bool,
    mut write: impl FnMut(&mut String, &T),
) {
    let runs: Vec<&[T]> = rows.chunk_by(alike).collect();
    let lines = |run: &&[T]| run.len().min(MOST_ALIKE);
    let mut left = most;
    let shown = runs.iter().rev().take_while(|run| {
        let fits = lines(run) <= left;
        left = left.saturating_sub(lines(run));
        fits
    });
    let runs = &runs[runs.len() - shown.count()..];
    let hidden = rows.len() - runs.iter().map(|run| run.len()).sum::<usize>();
    if hidden > 0 {
        let _ =
            writeln!(out, "  {FAINT}{} earlier ones; --format json lists all{FAINT:#}", count(hidden as u64));
    }
    for run in runs {
        match run {
            [first, between @ .., last] if run.len() > MOST_ALIKE => {
                write(out, first);
                let _ = writeln!(out, "  {FAINT}… {} more alike …{FAINT:#}", count(between.len() as u64));
                write(out, last);
            }
            run => run.iter().for_each(|row| write(out, row)),
        }
    }
}

/// Whether two messages differ in numbers only.
fn is_same_text(a: &str, b: &str) -> bool {
    let text =
        |message: &str| -> Vec<char> { message.chars().filter(|letter| !letter.is_ascii_digit()).collect() };
    text(a) == text(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(rows: &[&str], most: usize) -> Vec<String> {
        let mut out = String::new();
        write_folded(
            &mut out,
            rows,
            most,
            |a, b| is_same_text(a, b),
            |out, row| {
                let _ = writeln!(out, "{row}");
            },
        );
        anstream::adapter::strip_str(&out).to_string().lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn many_alike_in_a_row_are_told_once() {
        let orders: Vec<String> = (1..=40).map(|number| format!("order {number} failed")).collect();
        let mut rows = vec!["started"];
        rows.extend(orders.iter().map(String::as_str));
        rows.extend(["worker killed", "order 41 failed"]);
        let expected = [
            "started",
            "order 1 failed",
            "… 38 more alike …",
            "order 40 failed",
            "worker killed",
            "order 41 failed",
        ];
        assert_eq!(folded(&rows, 6), expected);
    }

    #[test]
    fn earlier_ones_are_counted() {
        assert_eq!(
            folded(&["a", "b", "c 1", "c 2"], 2),
            ["2 earlier ones; --format json lists all", "c 1", "c 2"]
        );
    }
}
