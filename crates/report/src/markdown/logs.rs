use std::collections::BTreeSet;

use super::inert::{Inert, code, html, prose};
use super::page::Page;
use super::quantity::{clock_text, count, grouped, size};
use super::{cite, crash};
use crate::Incident;
use crate::sections::{LogTraceback, LogsSection};

/// Most tracebacks and templates that are shown.
const MOST_ROWS: usize = 15;
/// Most frames of one stack.
const MOST_FRAMES: usize = 60;
/// Most links of one traceback's chain.
const MOST_LINKS: usize = 20;

/// What the service said before it stopped.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    page.heading(2, "What it was saying");
    let Some(logs) = &incident.logs else {
        page.paragraph("There are no logs.");
        return;
    };
    window(page, logs);
    levels(page, logs);
    tracebacks(page, incident, logs);
    templates(page, logs);
}

fn window(page: &mut Page, logs: &LogsSection) {
    let (from, to) = (clock_text(logs.window.from.as_deref()), clock_text(logs.window.to.as_deref()));
    if !from.is_empty() && !to.is_empty() {
        page.paragraph(
            Inert::from("Looked at ").then(from).then(" to ").then(to).then(" UTC, the time around the end."),
        );
    }
}

fn levels(page: &mut Page, logs: &LogsSection) {
    let levels = logs.levels.iter().map(|row| prose(&row.level).then(" ").then(grouped(row.count)));
    let levels = Inert::join(levels, ", ");
    if !levels.is_empty() {
        page.paragraph(Inert::from("Records by level: ").then(levels).then("."));
    }
    let unparsed: u64 =
        logs.sources.iter().filter_map(|source| source.unparsed_bytes).fold(0, u64::saturating_add);
    if unparsed > 0 {
        page.paragraph(size(unparsed).then(" of the logs could not be read as records."));
    }
}

fn tracebacks(page: &mut Page, incident: &Incident, logs: &LogsSection) {
    let roots = roots(logs);
    if roots.is_empty() {
        page.paragraph("No traceback was logged.");
        return;
    }
    page.heading(3, Inert::from("Tracebacks (").then(roots.len()).then(")"));
    for &root in roots.iter().take(MOST_ROWS) {
        let entry = &logs.tracebacks[root];
        let times = entry.count.filter(|times| *times > 1);
        let times = times.map_or_else(Inert::default, |times| grouped(times).then(" times"));
        let first = clock_text(entry.first.as_deref());
        let title = Inert::from("<code>").then(html(&headline(entry))).then("</code>");
        page.details(Inert::join([title, first, times], ", "), |page| {
            let said = entry.log_message.as_deref().map_or_else(Inert::default, code);
            let cited = cite::log_line(incident, entry.source, entry.line);
            page.paragraph(Inert::join(["Source:".into(), cited, said], " "));
            page.code(&chain(logs, root));
        });
    }
    if roots.len() > MOST_ROWS {
        page.paragraph(
            count(roots.len() - MOST_ROWS, "more traceback is", "more tracebacks are").then(" not shown."),
        );
    }
}

/// The tracebacks that belong to no other: those of the crash window first, and of a dump the current thread first.
fn roots(logs: &LogsSection) -> Vec<usize> {
    let all = &logs.tracebacks;
    let mut roots: Vec<usize> = (0..all.len()).filter(|index| all[*index].parent.is_none()).collect();
    roots.sort_by_key(|index| {
        (all[*index].in_window == Some(0), is_dump(&all[*index]) && !all[*index].current_thread)
    });
    roots
}

/// Whether an entry is a thread of a `faulthandler` dump, which is printed innermost first.
fn is_dump(entry: &LogTraceback) -> bool {
    entry.kind.as_deref() == Some("faulthandler")
}

/// A traceback with the exceptions that belong to it, each under the words that relate them.
fn chain(logs: &LogsSection, root: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left = vec![root];
    let mut seen = BTreeSet::new();
    while let Some(index) = left.pop() {
        if seen.len() == MOST_LINKS {
            lines.push("… the chain goes on".to_owned());
            break;
        }
        if !seen.insert(index) {
            continue;
        }
        let entry = &logs.tracebacks[index];
        if index != root {
            lines.push(format!("-- {}:", entry.relation.as_deref().unwrap_or("related")));
        }
        lines.extend(stack(entry));
        if entry.truncated {
            lines.push("(parts are missing in the log)".to_owned());
        }
        let parts =
            (0..logs.tracebacks.len()).rev().filter(|part| logs.tracebacks[*part].parent == Some(index));
        left.extend(parts);
    }
    lines
}

/// One stack, in the order in which the log has it.
fn stack(entry: &LogTraceback) -> Vec<String> {
    let mut lines = Vec::new();
    if is_dump(entry) {
        let current = if entry.current_thread { "Current thread" } else { "Thread" };
        lines.push(format!("{current} {} (most recent call first):", entry.thread.as_deref().unwrap_or("?")));
    }
    for frame in entry.frames.iter().take(MOST_FRAMES) {
        lines.push(crash::traceback_entry(frame));
        lines.extend(frame.source.as_deref().map(|source| format!("    {source}")));
        if frame.repeated > 0 {
            lines.push(format!("  [the line above repeated {} more times]", frame.repeated));
        }
    }
    if entry.frames.len() > MOST_FRAMES {
        lines.push(format!("  … {} more frames", entry.frames.len() - MOST_FRAMES));
    }
    lines.extend(entry.note.as_deref().map(|note| format!("  {note}")));
    if !is_dump(entry) {
        lines.push(headline(entry));
    }
    lines
}

fn headline(entry: &LogTraceback) -> String {
    let type_name = entry.type_name.as_deref().or(entry.kind.as_deref()).unwrap_or("traceback");
    match entry.message.as_deref() {
        None | Some("") => type_name.to_owned(),
        Some(message) => format!("{type_name}: {message}"),
    }
}

fn templates(page: &mut Page, logs: &LogsSection) {
    let serious = |level: Option<&str>| {
        level.is_some_and(|level| {
            ["WARNING", "WARN", "ERROR", "CRITICAL", "FATAL"]
                .iter()
                .any(|name| level.eq_ignore_ascii_case(name))
        })
    };
    let shown: Vec<_> =
        logs.templates.iter().filter(|row| row.new_in_window || serious(row.level.as_deref())).collect();
    if shown.is_empty() {
        return;
    }
    page.heading(3, "Warnings, errors and new messages");
    page.table(
        ["Message", "Level", "Count", "First", "New"],
        shown.iter().take(MOST_ROWS).map(|row| {
            let level = row.level.as_deref().map_or_else(Inert::default, prose);
            let times = row.count.map_or_else(Inert::default, grouped);
            let new = if row.new_in_window { "new" } else { "" };
            [code(&row.template), level, times, clock_text(row.first.as_deref()), new.into()]
        }),
    );
    if shown.len() > MOST_ROWS {
        page.paragraph(
            count(shown.len() - MOST_ROWS, "more message is", "more messages are").then(" not shown."),
        );
    }
}
