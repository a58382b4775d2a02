use std::collections::BTreeSet;

use super::inert::{Inert, code, html, prose};
use super::page::Page;
use super::quantity::{clock_text, count, grouped, size};
use super::{cite, crash};
use crate::Incident;
use crate::sections::{LogTraceback, LogsSection};

/// Most tracebacks and templates that are shown.
const MOST_ROWS: usize = 15;
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
    let roots: Vec<usize> =
        (0..logs.tracebacks.len()).filter(|index| logs.tracebacks[*index].parent.is_none()).collect();
    if roots.is_empty() {
        page.paragraph("No traceback was logged.");
        return;
    }
    page.heading(3, Inert::from("Tracebacks (").then(roots.len()).then(")"));
    for &root in roots.iter().take(MOST_ROWS) {
        let entry = &logs.tracebacks[root];
        let times = entry
            .count
            .filter(|times| *times > 1)
            .map_or_else(Inert::default, |times| grouped(times).then(" times"));
        let first = clock_text(entry.first.as_deref());
        page.details(
            Inert::join(
                [Inert::from("<code>").then(html(&headline(entry))).then("</code>"), first, times],
                ", ",
            ),
            |page| {
                page.paragraph(Inert::from("Source: ").then(cite::log_line(
                    incident,
                    entry.source,
                    entry.line,
                )));
                page.code(&chain(logs, root));
            },
        );
    }
    if roots.len() > MOST_ROWS {
        page.paragraph(
            count(roots.len() - MOST_ROWS, "more traceback is", "more tracebacks are").then(" not shown."),
        );
    }
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
        lines.extend(entry.frames.iter().take(60).map(crash::traceback_entry));
        if entry.frames.len() > 60 {
            lines.push(format!("  … {} more frames", entry.frames.len() - 60));
        }
        lines.push(headline(entry));
        if entry.truncated {
            lines.push("(cut off in the log)".to_owned());
        }
        let parts =
            (0..logs.tracebacks.len()).rev().filter(|part| logs.tracebacks[*part].parent == Some(index));
        left.extend(parts);
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
