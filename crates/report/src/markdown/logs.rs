use std::collections::BTreeSet;

use pycoroner_findings::UtcTime;

use super::inert::{Inert, code, html, prose};
use super::page::Page;
use super::quantity::{clock, clock_text, count, grouped, size, span};
use super::{cite, crash};
use crate::Incident;
use crate::sections::{LevelBucket, LevelCount, LevelsOverTime, LogTraceback, LogsSection};
use crate::views::trend::sparkline;

/// Most tracebacks and templates that are shown.
const MOST_ROWS: usize = 15;
/// Most columns of a curve.
const WIDTH: i64 = 48;
/// Most frames of one stack.
const MOST_FRAMES: usize = 60;
/// Most links of one traceback's chain.
const MOST_LINKS: usize = 20;

/// What the service said before it stopped.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    let Some(logs) = &incident.logs else {
        page.paragraph("There are no logs.");
        return;
    };
    window(page, logs);
    parts(page, logs);
    levels(page, logs);
    rates(page, logs);
    tracebacks(page, incident, logs);
    templates(page, incident, logs);
    changes(page, incident, logs);
    requests(page, incident, logs);
}

/// Requests that started and whose end no record tells.
fn requests(page: &mut Page, incident: &Incident, logs: &LogsSection) {
    let Some(requests) = &logs.requests else { return };
    page.heading(3, "Requests");
    page.paragraph(
        grouped(requests.followed)
            .then(" were followed by their ids; ")
            .then(grouped(requests.finished))
            .then(" came to an end, ")
            .then(grouped(requests.unfinished))
            .then(" started and have no end in these logs."),
    );
    let unfinished = requests.threads.iter().filter(|thread| thread.state.as_deref() == Some("unfinished"));
    page.table(
        ["Request without an end", "First (UTC)", "Last (UTC)", "Last message", "Open at the end", "Source"],
        unfinished.take(MOST_ROWS).map(|thread| {
            let last = thread.entries.last();
            let message = last.and_then(|entry| entry.message.as_deref()).map_or_else(Inert::default, code);
            let cited = last.map_or_else(Inert::default, |entry| cite::log_line(incident, &entry.place));
            let open = if thread.open_at_death { "yes" } else { "" };
            let time = |time: Option<UtcTime>| time.map_or_else(Inert::default, clock);
            [code(&thread.id), time(thread.first), time(thread.last), message, open.into(), cited]
        }),
    );
}

/// Records over time, and those of level error and above.
fn rates(page: &mut Page, logs: &LogsSection) {
    let over_time = [&logs.window.levels_over_time, &logs.levels_over_time];
    let Some(counts) = over_time.into_iter().find(|counts| counts.buckets.len() > 1) else { return };
    let serious = |bucket: &LevelBucket| {
        let is_error = |row: &&LevelCount| matches!(&*row.level, "ERROR" | "CRITICAL" | "FATAL");
        bucket.levels.iter().filter(is_error).map(|row| row.count).fold(0, u64::saturating_add)
    };
    let row = |name: &'static str, count: &dyn Fn(&LevelBucket) -> u64| {
        let columns = columns(counts, count);
        let most = columns.iter().flatten().copied().fold(0.0, f64::max);
        [name.into(), code(&sparkline(&columns)), grouped(most as u64)]
    };
    page.table(
        ["Records over time", "`·` is none", "Most in one stretch"],
        [row("all", &|bucket| bucket.records), row("errors", &serious)],
    );
    if let (Some(first), Some(last)) = (counts.buckets.first(), counts.buckets.last()) {
        let (Some(first), Some(last)) = (first.from, last.from) else { return };
        page.paragraph(
            Inert::from("From ")
                .then(clock(first))
                .then(" to ")
                .then(clock(last))
                .then(", in stretches of ")
                .then(span(i64::try_from(counts.bucket_ms).unwrap_or(i64::MAX)))
                .then("."),
        );
    }
}

/// Counts by time, with what holds no record as nothing.
fn columns(counts: &LevelsOverTime, count: &dyn Fn(&LevelBucket) -> u64) -> Vec<Option<f64>> {
    let timed: Vec<(UtcTime, u64)> =
        counts.buckets.iter().filter_map(|bucket| Some((bucket.from?, count(bucket)))).collect();
    let (Some((first, _)), Some((last, _))) = (timed.first(), timed.last()) else { return Vec::new() };
    let length = i64::try_from(counts.bucket_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000).max(1);
    let width = (last.0.saturating_sub(first.0) / length).saturating_add(1).clamp(1, WIDTH);
    let mut columns = vec![None; usize::try_from(width).unwrap_or(1)];
    let stretch = last.0.saturating_sub(first.0) / width + 1;
    for (time, count) in &timed {
        let column =
            usize::try_from(time.0.saturating_sub(first.0) / stretch).unwrap_or(0).min(columns.len() - 1);
        if *count > 0 {
            columns[column] = Some(columns[column].unwrap_or(0.0) + *count as f64);
        }
    }
    columns
}

/// Messages that came more or less often than before, and those that stopped.
fn changes(page: &mut Page, incident: &Incident, logs: &LogsSection) {
    let changed = logs.templates.iter().filter_map(|row| Some((row, row.change.as_ref()?)));
    page.table(
        ["Messages whose rate changed", "Before the window", "In the window", "Expected", "Source"],
        changed.take(MOST_ROWS).map(|(row, change)| {
            let number = |number: Option<u64>| number.map_or_else(Inert::default, grouped);
            let expected =
                change.expected.map_or_else(Inert::default, |number| prose(&format!("{number:.1}")));
            let cited = cite::log_line(incident, &row.place);
            [code(&row.template), number(change.before), number(change.inside), expected, cited]
        }),
    );
    let silent = logs.templates.iter().filter_map(|row| Some((row, row.silence.as_ref()?)));
    page.table(
        ["Messages that stopped", "Last at", "Silent for", "Usual pause", "Source"],
        silent.take(MOST_ROWS).map(|(row, silence)| {
            let length = |ms: Option<u64>| {
                ms.map_or_else(Inert::default, |ms| span(i64::try_from(ms).unwrap_or(i64::MAX)))
            };
            [
                code(&row.template),
                silence.since.map_or_else(Inert::default, clock),
                length(silence.silent_ms),
                length(silence.usual_interval_ms),
                cite::log_line(incident, &row.place),
            ]
        }),
    );
}

fn window(page: &mut Page, logs: &LogsSection) {
    let (from, to) = (clock_text(logs.window.from.as_deref()), clock_text(logs.window.to.as_deref()));
    if !from.is_empty() && !to.is_empty() {
        page.paragraph(
            Inert::from("Looked at ").then(from).then(" to ").then(to).then(" UTC, the time around the end."),
        );
    }
}

/// Which logs were read in part, and what that means for all that follows.
fn parts(page: &mut Page, logs: &LogsSection) {
    for source in &logs.sources {
        let Some(part) = source.part else { continue };
        page.paragraph(
            Inert::from("Of ")
                .then(code(&source.path))
                .then(", ")
                .then(size(part.to.saturating_sub(part.from)))
                .then(" of ")
                .then(size(part.of))
                .then(" were read, from byte ")
                .then(grouped(part.from))
                .then(" on: the window, and what lies right before it. Counts, rates and \"new\" are of that part."),
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
            let cited = cite::log_line(incident, &entry.place);
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

fn templates(page: &mut Page, incident: &Incident, logs: &LogsSection) {
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
        ["Message", "Level", "Count", "First", "New", "Source"],
        shown.iter().take(MOST_ROWS).map(|row| {
            let level = row.level.as_deref().map_or_else(Inert::default, prose);
            let times = row.count.map_or_else(Inert::default, grouped);
            let new = if row.new_in_window { "new" } else { "" };
            let cited = cite::log_line(incident, &row.place);
            [code(&row.template), level, times, clock_text(row.first.as_deref()), new.into(), cited]
        }),
    );
    if shown.len() > MOST_ROWS {
        page.paragraph(
            count(shown.len() - MOST_ROWS, "more message is", "more messages are").then(" not shown."),
        );
    }
}
