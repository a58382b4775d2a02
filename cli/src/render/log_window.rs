//! What logs show around a death, as text: the dead process, levels over time, changed rates, silences, requests.

use std::fmt::Write as _;

use pycoroner_findings::UtcTime;
use pycoroner_logscan::{
    Change, DeadProcess, Direction, Document, Level, LevelsOverTime, RequestState, RequestThread, Silence,
};

use super::inert::{cut, inert};
use super::log_events::write_record;
use super::logs::{MOST_CHARACTERS, cite, clock, moment};
use super::quantity::{count, counted};
use super::style::{BAD, FAINT, NAME, STRONG, WARN};

const MOST_CHANGES: usize = 12;
const MOST_LAST_RECORDS: usize = 5;
const MOST_REQUESTS: usize = 8;
/// Marks for a share of the largest bucket, by rising height.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The process of the core, and what it said last.
pub(super) fn write_process(out: &mut String, scan: &Document) {
    let Some(process) = &scan.process else { return };
    let pid = process.log_pid.or(process.pid).map_or("of unknown id".to_owned(), |pid| pid.to_string());
    let _ = write!(out, "\n{STRONG}Process {pid}{STRONG:#}");
    if let Some(own) = process.pid.filter(|own| process.log_pid.is_some_and(|pid| pid != *own)) {
        let _ = write!(out, ", {own} in the core");
    }
    let _ = writeln!(out, "  {FAINT}found by {}{FAINT:#}", process.joined_by.join(" and "));
    write_life(out, scan, process);
    for (title, records) in [
        ("last records", &process.last_records),
        ("last records of the thread that crashed", &process.crashed_thread_records),
    ] {
        if !records.is_empty() {
            let _ = writeln!(out, "  {title}");
        }
        for record in records.iter().skip(records.len().saturating_sub(MOST_LAST_RECORDS)) {
            out.push_str("  ");
            write_record(out, scan, record);
        }
    }
    if let Some(silence) = &process.silence {
        let _ = writeln!(out, "  {WARN}silent{WARN:#}  {}", silence_told(silence));
    }
}

fn write_life(out: &mut String, scan: &Document, process: &DeadProcess) {
    if let Some(boot) = &process.boot {
        let time = boot.at.map_or_else(|| "no time".to_owned(), moment);
        let _ = writeln!(out, "  started  {time}  {FAINT}{}{FAINT:#}", cite(scan, boot.place));
    }
    if let (Some(first), Some(last)) = (process.first, process.last) {
        let records = counted(process.records, "record");
        let _ = writeln!(out, "  logged   {} to {}, {records} in all", clock(first), clock(last));
    }
    for end in process.ends.iter().take(3) {
        let time = end.at.map_or_else(|| "no time".to_owned(), moment);
        let (message, _) = cut(&end.message, MOST_CHARACTERS);
        let _ =
            writeln!(out, "  ended    {time}  {}  {FAINT}{}{FAINT:#}", inert(message), cite(scan, end.place));
    }
}

/// A line of bars for all records and one for errors.
pub(super) fn write_levels(out: &mut String, scan: &Document) {
    write_bars(out, "Over time", &scan.levels_over_time);
    if let Some(window) = &scan.window {
        write_bars(out, "In the window", &window.levels_over_time);
    }
}

fn write_bars(out: &mut String, title: &str, levels: &LevelsOverTime) {
    let (Some(first), Some(last)) = (levels.buckets.first(), levels.buckets.last()) else { return };
    let millis = i64::try_from(levels.bucket_ms).unwrap_or(i64::MAX).max(1);
    let slot = |time: UtcTime| time.millis_since(first.from) / millis;
    // Gaps longer than a screen, as a broken clock makes them, would hide the rest.
    let width = usize::try_from(slot(last.from) + 1).unwrap_or(usize::MAX);
    if levels.buckets.len() < 3 || width > 192 {
        return;
    }
    let errors = |levels: &std::collections::BTreeMap<String, u64>| -> u64 {
        [Level::Error, Level::Critical].iter().filter_map(|level| levels.get(level.name())).sum()
    };
    let mut rows = [vec![0_u64; width], vec![0_u64; width]];
    for bucket in &levels.buckets {
        let at = usize::try_from(slot(bucket.from)).unwrap_or(0);
        let values = [bucket.records, errors(&bucket.levels)];
        for (row, value) in rows.iter_mut().zip(values) {
            if let Some(slot) = row.get_mut(at) {
                *slot = value;
            }
        }
    }
    let _ = writeln!(
        out,
        "\n{STRONG}{title}{STRONG:#}  {FAINT}from {}, {} each{FAINT:#}",
        clock(first.from),
        span(levels.bucket_ms)
    );
    for (name, row) in ["records", "errors "].iter().zip(&rows) {
        let most = row.iter().copied().max().unwrap_or(0);
        if most > 0 {
            let bars: String = row.iter().map(|value| bar(*value, most)).collect();
            let _ = writeln!(out, "  {name}  {bars}  {FAINT}at most {}{FAINT:#}", count(most));
        }
    }
}

fn bar(value: u64, most: u64) -> char {
    let height = value.saturating_mul(BARS.len() as u64).div_ceil(most.max(1));
    match usize::try_from(height).unwrap_or(0) {
        0 => ' ',
        height => BARS[(height - 1).min(BARS.len() - 1)],
    }
}

/// `250 ms`, `12.5 s`, `90 min`.
fn span(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..120_000 if !millis.is_multiple_of(1000) => {
            format!("{}.{} s", millis / 1000, millis % 1000 / 100)
        }
        1000..120_000 => format!("{} s", millis / 1000),
        120_000..7_200_000 => format!("{} min", millis / 60_000),
        _ => format!("{} h", count(millis / 3_600_000)),
    }
}

/// Rates that changed and what fell silent, with the test that says so.
pub(super) fn write_changes(out: &mut String, scan: &Document) {
    let mut changed: Vec<(&Change, &str, &str)> = Vec::new();
    let mut silent: Vec<(&Silence, &str, String)> = Vec::new();
    for template in &scan.templates {
        let level = template.level.map_or("-", Level::name);
        if let Some(silence) = &template.silence {
            let place = cite(scan, silence.place.unwrap_or(template.place));
            silent.push((silence, &template.template, place));
        } else if let Some(change) =
            template.change.as_ref().filter(|_| template.new_in_window == Some(false))
        {
            changed.push((change, level, &template.template));
        }
    }
    if !changed.is_empty() {
        changed.sort_by(|(a, ..), (b, ..)| a.p_value.0.total_cmp(&b.p_value.0));
        let _ = writeln!(out, "\n{STRONG}Rates that changed in the window, before the death{STRONG:#}");
        for (change, level, template) in changed.iter().take(MOST_CHANGES) {
            let (text, _) = cut(template, MOST_CHARACTERS);
            let _ = writeln!(
                out,
                "  {level:<8} {}\n           {FAINT}{}{FAINT:#}",
                inert(text),
                change_told(change)
            );
        }
        more(out, changed.len());
    }
    if !silent.is_empty() {
        silent.sort_by(|(a, ..), (b, ..)| a.p_value.0.total_cmp(&b.p_value.0));
        let _ = writeln!(out, "\n{STRONG}Fell silent before the death{STRONG:#}");
        for (silence, template, place) in silent.iter().take(MOST_CHANGES) {
            let (text, _) = cut(template, MOST_CHARACTERS);
            let told = silence_told(silence);
            let _ = writeln!(
                out,
                "  {}  {FAINT}{place}{FAINT:#}\n           {FAINT}{told}{FAINT:#}",
                inert(text)
            );
        }
        more(out, silent.len());
    }
    if let Some(test) = scan.window.as_ref().and_then(|window| window.test.as_ref())
        && !(changed.is_empty() && silent.is_empty())
    {
        let _ = writeln!(
            out,
            "  {FAINT}{}; {}; {} rates and {} paces tested{FAINT:#}",
            inert(&test.name),
            inert(&test.correction),
            count(test.tested),
            count(test.paces)
        );
    }
}

fn more(out: &mut String, all: usize) {
    if let Some(more) = all.checked_sub(MOST_CHANGES).filter(|more| *more > 0) {
        let _ = writeln!(out, "  {FAINT}and {} more; --format json lists all{FAINT:#}", count(more as u64));
    }
}

fn change_told(change: &Change) -> String {
    let (verb, range) = match change.direction {
        Direction::More => ("more", format!("at most {}", count(change.most_in_a_stretch))),
        Direction::Less => ("less", format!("at least {}", count(change.fewest_in_a_stretch))),
    };
    format!(
        "{verb}: {} in {}, {} in {} before ({} expected; {range} in each of {} earlier stretches; p = {})",
        count(change.inside),
        span(change.inside_ms),
        count(change.before),
        span(change.before_ms),
        change.expected,
        change.stretches,
        change.p_value
    )
}

fn silence_told(silence: &Silence) -> String {
    let again = silence.again.map_or_else(String::new, |again| format!("; again at {again}"));
    format!(
        "{} times, every {} on average, at most {} apart; then not for {} (p = {}){again}",
        count(silence.seen),
        span(silence.usual_interval_ms),
        span(silence.longest_gap_ms),
        span(silence.silent_ms),
        silence.p_value
    )
}

/// Requests that never finished, those open at the death first.
pub(super) fn write_requests(out: &mut String, scan: &Document) {
    let Some(requests) = &scan.requests else { return };
    let _ = writeln!(
        out,
        "\n{STRONG}Requests{STRONG:#}  {} followed, {} finished, {} started and never finished",
        count(requests.followed),
        count(requests.finished),
        count(requests.unfinished)
    );
    let unfinished: Vec<&RequestThread> =
        requests.threads.iter().filter(|thread| thread.state == RequestState::Unfinished).collect();
    for thread in unfinished.iter().take(MOST_REQUESTS) {
        write_request(out, scan, thread);
    }
    if let Some(more) = requests.unfinished.checked_sub(MOST_REQUESTS as u64).filter(|more| *more > 0) {
        let _ = writeln!(
            out,
            "  {FAINT}and {}; --format json lists more{FAINT:#}",
            counted(more, "more unfinished request")
        );
    }
}

fn write_request(out: &mut String, scan: &Document, thread: &RequestThread) {
    let open = match thread {
        RequestThread { cut_off: true, .. } => ", cut off by the death",
        RequestThread { open_at_death: true, .. } => ", open at the death",
        _ => "",
    };
    let ended_with =
        thread.ended_with.map_or_else(String::new, |pid| format!(", of process {pid}, which ended"));
    let own = if thread.same_process { ", of the dead process" } else { "" };
    let records = counted(thread.records, "record");
    let _ = writeln!(
        out,
        "  {BAD}{}{BAD:#}{open}{own}{ended_with}, {records} in {} of the logs",
        inert(&thread.id),
        thread.sources.len()
    );
    for record in &thread.entries {
        let time = record.time.map_or_else(|| "no time".to_owned(), clock);
        let template =
            record.template.and_then(|index| scan.templates.get(index)).map(|known| known.template.as_str());
        let (text, _) = cut(record.message.as_deref().or(template).unwrap_or("…"), MOST_CHARACTERS);
        let _ = writeln!(
            out,
            "    {time}  {NAME}{}{NAME:#}  {FAINT}{}{FAINT:#}",
            inert(text),
            cite(scan, record.place)
        );
    }
    if let Some(rule) = &thread.rule {
        let _ = writeln!(
            out,
            "    {FAINT}of {} other requests with such a last record {} went on; {} of {} finished{FAINT:#}",
            count(rule.like_last),
            count(rule.went_on),
            count(rule.finished),
            count(rule.followed)
        );
    }
}
