use std::collections::BTreeSet;

use pycoroner_findings::UtcTime;

use super::clock::Clock;
use super::inert::{Inert, code, html, prose};
use super::page::Page;
use super::quantity::{count, grouped, size, span};
use super::{cite, crash, separations};
use crate::Incident;
use crate::sections::{LevelBucket, LevelCount, LevelsOverTime, LogTraceback, LogsSection};
use crate::views::tracebacks::{Failure, fold};
use crate::views::trend::sparkline;

/// Most tracebacks and templates that are shown.
const MOST_ROWS: usize = 15;
/// Requests that are not folded away.
const SHOWN_REQUESTS: usize = 5;
/// Most places of other tracebacks of one failure.
const MOST_CITED: usize = 12;
/// Most kinds of differences of one failure.
const MOST_OTHERS: usize = 6;
/// Most columns of a curve.
const WIDTH: i64 = 40;
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
    let clock = Clock::of(incident);
    window(page, &clock, logs);
    parts(page, logs);
    levels(page, logs);
    rates(page, &clock, logs);
    tracebacks(page, incident, &clock, logs);
    templates(page, incident, &clock, logs);
    changes(page, incident, &clock, logs);
    requests(page, incident, &clock, logs);
    separations::render(page, incident, logs);
}

/// Requests that started and whose end no record tells.
fn requests(page: &mut Page, incident: &Incident, clock: &Clock, logs: &LogsSection) {
    let Some(requests) = &logs.requests else { return };
    page.heading(3, "Requests");
    let without =
        if requests.unfinished == 1 { " has no end in these logs." } else { " have no end in these logs." };
    page.paragraph(
        Inert::from("Of ")
            .then(grouped(requests.followed))
            .then(" requests that have an id in these logs, ")
            .then(grouped(requests.finished))
            .then(" finished; ")
            .then(grouped(requests.unfinished))
            .then(without),
    );
    let unfinished = requests.threads.iter().filter(|thread| thread.state.as_deref() == Some("unfinished"));
    page.folded_table(
        ["Request without an end", "Time", "Last message", "When the process stopped", "Source"],
        unfinished.take(MOST_ROWS).map(|thread| {
            let last = thread.entries.last();
            let message = last.and_then(|entry| entry.message.as_deref()).map_or_else(Inert::default, code);
            let cited = last.map_or_else(Inert::default, |entry| cite::log_line(incident, &entry.place));
            let open = match (thread.ended_with, thread.open_at_death) {
                _ if thread.same_process => "open in it".into(),
                (Some(pid), _) => Inert::from("ended with process ").then(pid),
                (None, true) => "open".into(),
                (None, false) => Inert::default(),
            };
            let (first, last) = (thread.first.or(thread.last), thread.last.or(thread.first));
            let time = first.zip(last).map_or_else(Inert::default, |(first, last)| clock.range(first, last));
            [code(&thread.id), time, message, open, cited]
        }),
        SHOWN_REQUESTS,
        ["request without an end", "requests without an end"],
    );
    let more = requests.unfinished.saturating_sub(MOST_ROWS as u64);
    if more > 0 {
        page.paragraph(grouped(more).then(" more are not shown."));
    }
}

/// Records over time, and those of level error and above.
fn rates(page: &mut Page, clock: &Clock, logs: &LogsSection) {
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
    let (first, last) =
        (counts.buckets.first().and_then(|row| row.from), counts.buckets.last().and_then(|row| row.from));
    if let (Some(first), Some(last)) = (first, last) {
        page.paragraph(
            Inert::from("Records over time, ")
                .then(clock.range(first, last))
                .then(", counted in stretches of ")
                .then(span(i64::try_from(counts.bucket_ms).unwrap_or(i64::MAX)))
                .then("; `·` is none:"),
        );
    }
    // A row of nothing says nothing.
    let is_any = counts.buckets.iter().any(|bucket| serious(bucket) > 0);
    let errors = is_any.then(|| row("of level error and above", &serious));
    page.table(
        ["Records", "Over time", "Most in one stretch"],
        [row("all", &|bucket| bucket.records)].into_iter().chain(errors),
    );
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
fn changes(page: &mut Page, incident: &Incident, clock: &Clock, logs: &LogsSection) {
    let changed = logs.templates.iter().filter_map(|row| Some((row, row.change.as_ref()?)));
    page.table(
        ["Messages whose rate changed", "Before the window", "In the window", "Expected", "Source"],
        changed.take(MOST_ROWS).map(|(row, change)| {
            let number = |number: Option<u64>| number.map_or_else(Inert::default, grouped);
            let expected =
                change.expected.map_or_else(Inert::default, |number| prose(&format!("{number:.1}")));
            let cited = cite::log_line(incident, row.place_in_window.as_ref().unwrap_or(&row.place));
            [code(&row.template), number(change.before), number(change.inside), expected, cited]
        }),
    );
    let silent = logs.templates.iter().filter_map(|row| Some((row, row.silence.as_ref()?)));
    page.table(
        ["Messages that stopped", "Last at", "Silent for", "Again at", "Usual pause", "Source"],
        silent.take(MOST_ROWS).map(|(row, silence)| {
            let length = |ms: Option<u64>| {
                ms.map_or_else(Inert::default, |ms| span(i64::try_from(ms).unwrap_or(i64::MAX)))
            };
            [
                code(&row.template),
                silence.since.map_or_else(Inert::default, |since| clock.show(since)),
                length(silence.silent_ms),
                silence.again.map_or_else(Inert::default, |again| clock.show(again)),
                length(silence.usual_interval_ms),
                cite::log_line(incident, silence.place.as_ref().unwrap_or(&row.place)),
            ]
        }),
    );
}

fn window(page: &mut Page, clock: &Clock, logs: &LogsSection) {
    let (from, to) = (clock.text(logs.window.from.as_deref()), clock.text(logs.window.to.as_deref()));
    if !from.is_empty() && !to.is_empty() {
        page.paragraph(
            Inert::from("Looked at is the time around the end, ")
                .then(from)
                .then(" to ")
                .then(to)
                .then(" UTC: “the window”."),
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

fn tracebacks(page: &mut Page, incident: &Incident, clock: &Clock, logs: &LogsSection) {
    let roots = roots(logs);
    if roots.is_empty() {
        page.paragraph("No traceback was logged.");
        return;
    }
    let pid = incident.core.as_ref().and_then(|core| core.process.pid);
    let failures = fold(&logs.tracebacks, &roots, pid, crash::traceback_entry, headline);
    let alike = if failures.len() < roots.len() {
        Inert::from(", of ").then(count(failures.len(), "failure", "failures"))
    } else {
        Inert::default()
    };
    page.heading(3, Inert::from("Tracebacks (").then(roots.len()).then(alike).then(")"));
    for failure in failures.iter().take(MOST_ROWS) {
        let title = summary(clock, logs, failure);
        page.details(title, |page| traceback(page, incident, logs, failure));
    }
    if failures.len() > MOST_ROWS {
        page.paragraph(
            count(failures.len() - MOST_ROWS, "more failure is", "more failures are").then(" not shown."),
        );
    }
}

/// What failed, how often and when.
fn summary(clock: &Clock, logs: &LogsSection, failure: &Failure) -> Inert {
    let entries = || failure.all.iter().map(|root| &logs.tracebacks[*root]);
    let times = entries().map(|entry| entry.count.unwrap_or(1).max(1)).fold(0, u64::saturating_add);
    let times = if times > 1 { grouped(times).then(" times") } else { Inert::default() };
    let first = entries().filter_map(|entry| entry.first.as_deref()).min();
    let last = entries().filter_map(|entry| entry.last.as_deref().or(entry.first.as_deref())).max();
    let (first, last) = (clock.text(first), clock.text(last));
    let when = if last == first { first } else { Inert::join([first, last], " to ") };
    let shown = &logs.tracebacks[failure.shown];
    let place = if is_dump(shown) { shown.frames.first() } else { shown.frames.last() };
    let place = place.and_then(|frame| frame.function.as_deref()).map_or_else(Inert::default, |function| {
        Inert::from(" in <code>").then(html(function)).then("</code>")
    });
    let title = Inert::from("<code>").then(html(&headline(shown))).then("</code>").then(place);
    Inert::join([title, times, when], ", ")
}

/// One traceback, and what others of the same failure have instead.
fn traceback(page: &mut Page, incident: &Incident, logs: &LogsSection, failure: &Failure) {
    let shown = &logs.tracebacks[failure.shown];
    let said = shown.log_message.as_deref().map_or_else(Inert::default, code);
    let cited = cite::log_line(incident, &shown.place);
    page.paragraph(Inert::join(["Source:".into(), cited, said], " "));
    page.code(&chain(logs, failure.shown));
    if failure.all.len() < 2 {
        return;
    }
    let others = failure.all.iter().filter(|root| **root != failure.shown).take(MOST_CITED);
    let cited = others.map(|root| cite::log_line(incident, &logs.tracebacks[*root].place));
    let more = (failure.all.len() - 1).saturating_sub(MOST_CITED);
    let more = if more == 0 { Inert::default() } else { Inert::from("and ").then(more).then(" more") };
    let own = "differ in nothing but where noted:";
    let alike = count(
        failure.all.len() - 1,
        "other is of the same failure; it ",
        "others are of the same failure; they ",
    );
    let verdict = if failure.others.is_empty() { "equal it line by line:" } else { own };
    page.paragraph(Inert::join([alike.then(verdict)].into_iter().chain(cited).chain([more]), " "));
    page.list(failure.others.iter().take(MOST_OTHERS).map(|other| {
        let head = other.headline.as_deref().map(code);
        let frames = other.frames.iter().map(|frame| code(frame.trim()));
        let instead = Inert::join(head.into_iter().chain(frames), ", ");
        let instead = if instead.is_empty() { "fewer frames".into() } else { instead };
        count(other.times, "has", "have").then(" instead ").then(instead)
    }));
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
        lines.extend(perhaps_more(entry));
        let parts =
            (0..logs.tracebacks.len()).rev().filter(|part| logs.tracebacks[*part].parent == Some(index));
        left.extend(parts);
    }
    lines
}

/// The lines behind a message of which nothing tells whether they belong to it.
fn perhaps_more(entry: &LogTraceback) -> Option<String> {
    let mut lines = entry.trailing.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
    let first = lines.next()?;
    Some(match lines.count() {
        0 => format!("(perhaps one more line of the message: {first})"),
        more => format!("(perhaps {} more lines of the message: {first} …)", more + 1),
    })
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

fn templates(page: &mut Page, incident: &Incident, clock: &Clock, logs: &LogsSection) {
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
        ["Message", "Level", "Count", "First", "Source"],
        shown.iter().take(MOST_ROWS).map(|row| {
            let level = row.level.as_deref().map_or_else(Inert::default, prose);
            let times = row.count.map_or_else(Inert::default, grouped);
            let new = if row.new_in_window { "new in the window" } else { "" };
            let level = Inert::join([level, new.into()], ", ");
            let cited = cite::log_line(incident, &row.place);
            [code(&row.template), level, times, clock.text(row.first.as_deref()), cited]
        }),
    );
    if shown.len() > MOST_ROWS {
        page.paragraph(
            count(shown.len() - MOST_ROWS, "more message is", "more messages are").then(" not shown."),
        );
    }
}
