//! What logs say, as text: tracebacks first, then events, then the messages around them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pycoroner_findings::{TimeBasis, Timestamp, UtcTime};
use pycoroner_logscan::{
    Document, Frame, Level, LogSource, Place, Relation, Template, Traceback, TracebackKind,
};

use super::inert::{cut, inert, inert_lines};
use super::quantity::{bytes, count, counted};
use super::style::{BAD, FAINT, NAME, STRONG, WARN};
use super::{closing, log_events, log_sources, log_window, log_workers};
use crate::documents::LogsDocument;

const MOST_TRACEBACKS: usize = 12;
const MOST_FRAMES: usize = 16;
const MOST_TEMPLATES: usize = 12;
pub(super) const MOST_CHARACTERS: usize = 240;

/// Renders a redacted document.
pub(crate) fn render(document: &LogsDocument) -> String {
    let scan = &document.scan;
    let mut out = String::new();
    write_sources(&mut out, scan);
    log_window::write_process(&mut out, scan);
    log_window::write_levels(&mut out, scan);
    log_sources::write(&mut out, scan);
    write_tracebacks(&mut out, scan);
    log_events::write_events(&mut out, scan);
    log_workers::write(&mut out, scan);
    log_events::write_records(&mut out, scan);
    write_templates(&mut out, scan);
    log_window::write_changes(&mut out, scan);
    log_window::write_requests(&mut out, scan);
    closing::write(&mut out, &scan.findings, &scan.gaps, &document.redactions);
    out
}

fn write_sources(out: &mut String, scan: &Document) {
    for source in &scan.sources {
        let _ = write!(out, "{STRONG}{}{STRONG:#}  {}", inert(&source.path), format_name(source));
        let _ = write!(out, ", {} in {}", counted(source.records, "record"), bytes(source.bytes));
        if let (Some(first), Some(last)) = (source.first, source.last) {
            let _ = write!(out, ", {} to {} UTC", clock(first), clock(last));
        }
        if source.unparsed_bytes > 0 {
            let _ = write!(out, ", {WARN}{} in no record{WARN:#}", bytes(source.unparsed_bytes));
        }
        out.push('\n');
        write_part(out, source);
    }
    let levels = |counts: &std::collections::BTreeMap<String, u64>| -> String {
        let by_weight =
            Level::ALL.iter().rev().filter_map(|level| Some((level.name(), counts.get(level.name())?)));
        let shown: Vec<String> =
            by_weight.map(|(name, number)| format!("{name} {}", count(*number))).collect();
        if shown.is_empty() { "none stated".to_owned() } else { shown.join(", ") }
    };
    let _ = writeln!(out, "Levels  {}", levels(&scan.levels));
    let Some(window) = &scan.window else { return };
    let end = |time: Option<UtcTime>, open: &str| time.map_or_else(|| open.to_owned(), clock);
    let _ = write!(out, "Window  {} to {} UTC", end(window.from, "the start"), end(window.to, "the end"));
    if let Some(anchor) = window.anchor {
        let _ = write!(out, ", around {}", clock(anchor));
    }
    let _ = writeln!(out, ": {} ({})", counted(window.records, "record"), levels(&window.levels));
}

/// Which part of a source was read, when not all was.
fn write_part(out: &mut String, source: &LogSource) {
    let Some(part) = source.part else { return };
    let _ = write!(
        out,
        "  {WARN}{} of {} were read{WARN:#}, from byte {} on: the window, and {} before it to compare it with",
        bytes(part.to.saturating_sub(part.from)),
        bytes(part.of),
        count(part.from),
        bytes(part.window_from.saturating_sub(part.from)),
    );
    if let (Some(first), Some(last)) = (part.file_first, part.file_last) {
        let _ = write!(
            out,
            "; the file goes from {} to {}, in order at {} places",
            clock(first),
            clock(last),
            count(part.checked_places)
        );
    }
    let _ = writeln!(out, "; --whole-logs reads all");
}

/// `gunicorn`, or `gunicorn in compose`.
pub(super) fn format_name(source: &LogSource) -> String {
    match &source.inner_format {
        None => source.format.name().to_owned(),
        Some(inner) => format!("{} in {}", inner.name(), source.format.name()),
    }
}

fn write_tracebacks(out: &mut String, scan: &Document) {
    let is_shown = |entry: &Traceback| scan.window.is_none() || entry.in_window > 0;
    let roots: Vec<(usize, &Traceback)> = scan
        .tracebacks
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.parent.is_none() && is_shown(entry))
        .filter(|(index, entry)| is_of_watchdog(entry) || is_shown_of_dump(&scan.tracebacks, *index))
        .collect();
    let all = scan.tracebacks.iter().filter(|entry| entry.parent.is_none()).count();
    if all == 0 {
        return;
    }
    let _ = writeln!(out, "\n{STRONG}Tracebacks{STRONG:#}");
    if roots.is_empty() && scan.window.is_some() {
        let _ = writeln!(out, "  {FAINT}none in the window; {} outside of it{FAINT:#}", count(all as u64));
    } else if roots.is_empty() {
        let _ = writeln!(out, "  {FAINT}{} of threads that did not fail{FAINT:#}", count(all as u64));
    }
    for (index, root) in roots.iter().rev().take(MOST_TRACEBACKS).rev() {
        write_tree(out, scan, *index, root);
    }
    if let Some(more) = roots.len().checked_sub(MOST_TRACEBACKS).filter(|more| *more > 0) {
        let _ = writeln!(
            out,
            "  {FAINT}and {} earlier ones; --format json lists all{FAINT:#}",
            count(more as u64)
        );
    }
}

/// Whether `faulthandler.dump_traceback_later` wrote it: no thread had failed, so all of them count.
fn is_of_watchdog(entry: &Traceback) -> bool {
    entry.kind == TracebackKind::Faulthandler && entry.type_name.as_deref() == Some("Timeout")
}

/// Of a dump the current thread is shown, or the first one where none is current.
fn is_shown_of_dump(entries: &[Traceback], index: usize) -> bool {
    let Some(entry) = entries.get(index) else { return false };
    let is_same = |other: &&Traceback| {
        other.kind == TracebackKind::Faulthandler
            && (other.place.source, other.place.offset) == (entry.place.source, entry.place.offset)
    };
    // The threads of one dump stand together.
    let before = entries[..index].iter().rev().take_while(is_same);
    let behind = entries[index + 1..].iter().take_while(is_same);
    entry.kind == TracebackKind::Traceback
        || entry.current_thread
        || before.clone().next().is_none() && !behind.clone().any(|other| other.current_thread)
}

/// A root with the exceptions that belong to it, each followed by its own.
fn write_tree(out: &mut String, scan: &Document, root_index: usize, root: &Traceback) {
    let mut left = vec![(root_index, root, 2)];
    // A cause stands before what it caused, a group's member behind the group; what was written once ends a cycle.
    let mut written = BTreeSet::from([root_index]);
    while let Some((index, entry, indent)) = left.pop() {
        write_entry(out, scan, entry, indent);
        let parts = scan.tracebacks.iter().enumerate().rev().filter(|(_, part)| part.parent == Some(index));
        left.extend(
            parts
                .filter(|(part, _)| written.insert(*part))
                .map(|(part, entry)| (part, entry, (indent + 2).min(20))),
        );
    }
}

fn write_entry(out: &mut String, scan: &Document, entry: &Traceback, indent: usize) {
    let relation = match entry.relation {
        Some(Relation::Cause) => "caused by ",
        Some(Relation::Context) => "raised while handling ",
        Some(Relation::GroupMember) => "member: ",
        None => "",
    };
    let name = entry.type_name.as_deref().unwrap_or("<its last line is missing>");
    let margin = format!("{:indent$}  | ", "");
    let _ = write!(out, "{:indent$}{relation}{BAD}{}{BAD:#}", "", inert(name));
    if !entry.message.is_empty() {
        let _ = write!(out, ": {}", inert_lines(&entry.message, &margin));
    }
    if entry.parent.is_none() {
        let _ = write!(out, "  {FAINT}{}{FAINT:#}", whereabouts(scan, entry));
    }
    out.push('\n');
    write_stack(out, entry, indent + 2);
    for note in
        entry.note.iter().map(String::as_str).chain(entry.truncated.then_some("parts of it are missing"))
    {
        let _ = writeln!(out, "{:indent$}  {WARN}{}{WARN:#}", "", inert(note));
    }
    write_trailing(out, entry, indent + 2);
}

/// The lines behind a message of which nothing tells whether they belong to it.
fn write_trailing(out: &mut String, entry: &Traceback, indent: usize) {
    let mut lines = entry.trailing.iter().filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return };
    let first = inert(first.trim());
    let (more, rest) = match lines.count() as u64 {
        0 => (1, ""),
        more => (more + 1, " …"),
    };
    let more = counted(more, "more line");
    let _ = writeln!(out, "{:indent$}{WARN}perhaps {more} of the message: {first}{rest}{WARN:#}", "");
}

fn whereabouts(scan: &Document, entry: &Traceback) -> String {
    let mut parts = Vec::new();
    if entry.count > 1 {
        parts.push(format!("{} times", count(entry.count)));
    }
    if let (Some(time), Some(basis)) = (entry.first, entry.time_basis) {
        parts.push(moment(Timestamp { time, basis, uncertainty_ms: entry.time_uncertainty_ms }));
    }
    if let Some(producer) = &entry.producer {
        parts.push(inert(producer).into_owned());
    }
    if let Some(thread) = &entry.thread {
        parts.push(format!("thread {}", inert(thread)));
    }
    let threads = threads_of_dump(&scan.tracebacks, entry);
    if threads > 1 {
        parts.push(format!("one of {} threads", count(threads)));
    }
    parts.push(cite(scan, entry.place));
    parts.join(", ")
}

/// Threads of the dump that an entry is of.
fn threads_of_dump(entries: &[Traceback], entry: &Traceback) -> u64 {
    let is_same = |other: &&Traceback| {
        entry.kind == TracebackKind::Faulthandler
            && other.kind == entry.kind
            && (other.place.source, other.place.offset) == (entry.place.source, entry.place.offset)
    };
    entries.iter().filter(is_same).count() as u64
}

/// Frames outermost first, as a log has them; of a dump innermost first.
fn write_stack(out: &mut String, entry: &Traceback, indent: usize) {
    let skipped = entry.frames.len().saturating_sub(MOST_FRAMES);
    // The end where it was raised matters most.
    let shown: &[Frame] = match entry.kind {
        TracebackKind::Traceback => &entry.frames[skipped..],
        TracebackKind::Faulthandler => &entry.frames[..entry.frames.len() - skipped],
    };
    for frame in shown {
        let line = frame.line.map_or("unknown".to_owned(), |line| line.to_string());
        let name = inert(frame.function.as_deref().unwrap_or("<unknown>")).into_owned();
        let file = inert(&frame.file);
        let _ = writeln!(out, "{:indent$}File \"{file}\", line {line}, in {NAME}{name}{NAME:#}", "");
        if frame.repeated > 0 {
            let more = counted(frame.repeated, "more time");
            let _ = writeln!(out, "{:indent$}{FAINT}repeated {more}{FAINT:#}", "");
        }
    }
    if skipped > 0 {
        let _ = writeln!(out, "{:indent$}{FAINT}and {} more frames{FAINT:#}", "", count(skipped as u64));
    }
}

fn write_templates(out: &mut String, scan: &Document) {
    let mut new: Vec<&Template> =
        scan.templates.iter().filter(|template| template.new_in_window == Some(true)).collect();
    new.sort_by_key(|template| std::cmp::Reverse(template.in_window));
    let is_new = !new.is_empty();
    let (title, shown) = if new.is_empty() {
        ("Most frequent messages", scan.templates.iter().collect())
    } else {
        let is_part = scan.sources.iter().any(|source| source.part.is_some());
        let title = if is_part {
            "Not logged before the window, in what was read"
        } else {
            "Never logged before the window"
        };
        (title, new)
    };
    if shown.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{STRONG}{title}{STRONG:#}");
    for template in shown.iter().take(MOST_TEMPLATES) {
        let level = template.level.map_or("-", Level::name);
        let (text, _) = cut(&template.template, MOST_CHARACTERS);
        // A message that came in the window first may have gone on behind it.
        let times = if is_new { template.in_window } else { template.count };
        let _ = writeln!(out, "  {:>9} × {level:<8} {}", count(times), inert(text));
    }
    if let Some(more) = shown.len().checked_sub(MOST_TEMPLATES).filter(|more| *more > 0) {
        let _ = writeln!(out, "  {FAINT}and {}{FAINT:#}", counted(more as u64, "more template"));
    }
}

/// `app.log:42`, or `app.log@0x1f40` where lines are not known.
pub(super) fn cite(scan: &Document, place: Place) -> String {
    let path = scan.sources.get(place.source).map_or("?", |source| source.path.as_str());
    let name = path.rsplit('/').next().unwrap_or(path);
    match place.line {
        0 => format!("{}@{:#x}", inert(name), place.offset),
        line => format!("{}:{line}", inert(name)),
    }
}

/// The time of something; what is not the record's own is marked, to the second.
pub(super) fn moment(at: Timestamp) -> String {
    let to_the_second = || clock(at.time).chars().take(19).collect::<String>();
    match at.basis {
        TimeBasis::InferredNeighbour => format!("about {}", to_the_second()),
        TimeBasis::FileModified => format!("by {}", to_the_second()),
        _ => clock(at.time),
    }
}

/// `2026-11-23 09:25:54.087`, in UTC.
pub(super) fn clock(time: UtcTime) -> String {
    time.to_string().trim_end_matches('Z').replacen('T', " ", 1)
}
