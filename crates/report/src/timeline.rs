//! One timeline out of many sources, and which of its events a reader needs first.

use std::collections::{BTreeMap, BTreeSet};

use pycoroner_findings::{Event, Severity, Timestamp, UtcTime};

/// Most events in the body of a report.
pub(crate) const MOST_KEY_EVENTS: usize = 25;

/// Sorts events by time, those without one at the end, and drops what is said twice; the one that cites stays.
pub(crate) fn merge(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_cached_key(|event| {
        let time = event.at.map_or(UtcTime(i64::MAX), |at| at.time);
        let place = event.citation.as_ref().map(|citation| (citation.source, offset(citation)));
        (
            event.at.is_none(),
            time,
            place.is_none(),
            place,
            event.kind.to_string(),
            event.message.clone(),
            event.producer.clone(),
        )
    });
    events.dedup_by(|b, a| a.at == b.at && a.kind == b.kind && a.message == b.message && a.pid == b.pid);
    events
}

fn offset(citation: &pycoroner_findings::Citation) -> u64 {
    use pycoroner_findings::Span::{Bytes, Lines, Pointer};
    match citation.span {
        Bytes { offset, .. } | Lines { offset, .. } => offset,
        Pointer { .. } => 0,
    }
}

/// One row of a timeline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Row<'a> {
    /// An event, how often it happened, and when for the last time.
    Event { event: &'a Event, times: usize, last: Option<Timestamp> },
    /// This many events stand in the appendix only.
    LeftOut(usize),
    /// So long nothing happened that any source tells of, in milliseconds.
    Quiet(i64),
}

/// A pause is worth a row from this length on.
const QUIET_MS: i64 = 60_000;
/// … and when it is so many times as long as the usual pause between the rows.
const QUIET_FACTOR: i64 = 4;

/// The events that tell the story: the severest, and of those the ones nearest to the death.
///
/// Repeated events are one row. The row before the first symptom is kept, so that the story starts before it.
pub(crate) fn key_rows(events: &[Event], died_at: Option<Timestamp>) -> Vec<Row<'_>> {
    let firsts = fold_repeats(events);
    let distance = |at: Option<Timestamp>| match (at, died_at) {
        (Some(at), Some(death)) => at.time.0.abs_diff(death.time.0),
        _ => u64::MAX,
    };
    let mut ranked: Vec<usize> = (0..firsts.len()).collect();
    ranked.sort_by_key(|&row| {
        let event = &events[firsts[row].first];
        (std::cmp::Reverse(event.severity), distance(event.at), row)
    });
    let first_symptom = firsts.iter().position(|repeat| events[repeat.first].severity >= Severity::Warning);
    let prologue = first_symptom.and_then(|row| row.checked_sub(1));
    let kept: BTreeSet<usize> = prologue
        .into_iter()
        .chain(ranked.into_iter().filter(|row| Some(*row) != prologue))
        .take(MOST_KEY_EVENTS)
        .collect();

    let mut rows = Vec::new();
    let mut left_out = 0;
    for (row, repeat) in firsts.iter().enumerate() {
        if kept.contains(&row) {
            if left_out > 0 {
                rows.push(Row::LeftOut(std::mem::take(&mut left_out)));
            }
            let last = events[repeat.last].at.filter(|_| repeat.times > 1);
            rows.push(Row::Event { event: &events[repeat.first], times: repeat.times, last });
        } else {
            left_out += repeat.times;
        }
    }
    if left_out > 0 {
        rows.push(Row::LeftOut(left_out));
    }
    with_quiet(rows)
}

/// Adds a row for each long pause between two events that stand next to each other.
fn with_quiet(rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    let begin = |row: &Row| match row {
        Row::Event { event, .. } => Some(event.at?.time),
        Row::LeftOut(_) | Row::Quiet(_) => None,
    };
    // A repeated event goes on until its last time.
    let end = |row: &Row| match row {
        Row::Event { event, last, .. } => Some(last.or(event.at)?.time),
        Row::LeftOut(_) | Row::Quiet(_) => None,
    };
    let pause = |pair: &[Row]| Some(begin(&pair[1])?.millis_since(end(&pair[0])?));
    let mut pauses: Vec<i64> = rows.windows(2).filter_map(pause).collect();
    let all = pauses.clone();
    pauses.sort_unstable();
    let usual = pauses.get(pauses.len() / 2).copied().unwrap_or(0).max(0);
    let is_quiet = |ms: i64| ms >= QUIET_MS && ms >= usual.saturating_mul(QUIET_FACTOR);
    if !all.iter().any(|ms| is_quiet(*ms)) {
        return rows;
    }
    let quiet: Vec<Option<i64>> =
        rows.windows(2).map(|pair| pause(pair).filter(|ms| is_quiet(*ms))).collect();
    rows.into_iter()
        .zip(quiet.into_iter().chain([None]))
        .flat_map(|(row, quiet)| [Some(row), quiet.map(Row::Quiet)])
        .flatten()
        .collect()
}

struct Repeat {
    first: usize,
    last: usize,
    times: usize,
}

fn fold_repeats(events: &[Event]) -> Vec<Repeat> {
    let mut rows: Vec<Repeat> = Vec::new();
    let mut known: BTreeMap<(&str, &str, Option<&str>, bool), usize> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        let key = (&*event.kind, &*event.message, event.producer.as_deref(), event.at.is_some());
        let row = *known.entry(key).or_insert(rows.len());
        match rows.get_mut(row) {
            Some(repeat) => {
                repeat.last = index;
                repeat.times += 1;
            }
            None => rows.push(Repeat { first: index, last: index, times: 1 }),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use pycoroner_findings::TimeBasis;

    use super::*;

    fn event(second: i64, severity: Severity, message: &str) -> Event {
        let at =
            Timestamp { time: UtcTime(second * 1_000_000_000), basis: TimeBasis::Stated, uncertainty_ms: 0 };
        Event { at: Some(at), ..Event::new("x", severity, message) }
    }

    #[test]
    fn keeps_the_severe_the_near_and_the_prologue() {
        let mut events: Vec<Event> =
            (0..100).map(|n| event(n, Severity::Info, &format!("info {n}"))).collect();
        events.extend((10..60).map(|n| event(n, Severity::Error, &format!("error {n}"))));
        events.push(Event::new("x", Severity::Critical, "no time"));
        let events = merge(events);
        assert_eq!(events.last().unwrap().message, "no time");
        let died_at = event(60, Severity::Critical, "").at;
        let rows = key_rows(&events, died_at);
        let shown: Vec<&str> = rows
            .iter()
            .filter_map(|row| match row {
                Row::Event { event, .. } => Some(&*event.message),
                Row::LeftOut(_) | Row::Quiet(_) => None,
            })
            .collect();
        assert_eq!(shown.len(), MOST_KEY_EVENTS);
        assert_eq!((shown[0], shown[1], shown[24]), ("info 9", "error 37", "no time"));
        let left_out: usize = rows.iter().map(|row| if let Row::LeftOut(n) = row { *n } else { 0 }).sum();
        assert_eq!(left_out + shown.len(), events.len());
    }

    #[test]
    fn repeats_are_one_row() {
        let events = merge((0..3).map(|n| event(n, Severity::Error, "again")).collect());
        let rows = key_rows(&events, None);
        assert_eq!(rows, [Row::Event { event: &events[0], times: 3, last: events[2].at }]);
    }

    #[test]
    fn long_pauses_are_rows() {
        let check = |seconds: &[i64], expected: &[&str]| {
            let events = merge(seconds.iter().map(|n| event(*n, Severity::Error, &n.to_string())).collect());
            let rows: Vec<String> = key_rows(&events, None)
                .iter()
                .map(|row| match row {
                    Row::Event { event, .. } => event.message.clone(),
                    Row::LeftOut(events) => format!("{events} left out"),
                    Row::Quiet(ms) => format!("{} s of nothing", ms / 1000),
                })
                .collect();
            assert_eq!(rows, expected);
        };
        check(&[1, 2, 3, 600, 601], &["1", "2", "3", "597 s of nothing", "600", "601"]);
        check(&[1, 2, 30], &["1", "2", "30"]);
        check(&[100, 200, 300, 400], &["100", "200", "300", "400"]);
    }
}
