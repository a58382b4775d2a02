//! One timeline out of many sources, and which of its events a reader needs first.

use std::collections::{BTreeMap, BTreeSet};

use pycoroner_findings::{Event, Severity, Timestamp, UtcTime};

use crate::Incident;

/// Most events in the body of a report.
pub(crate) const MOST_KEY_EVENTS: usize = 25;

/// Sorts events by time, those without one at the end, and drops what is said twice; the one that cites stays.
pub(crate) fn merge(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_cached_key(|event| {
        let time = event.at.map_or(UtcTime(i64::MAX), latest_of_second);
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
    put_before_the_death(events)
}

/// What stands in front of the line that tells of the death came before it, however exactly the time of the death is
/// known from elsewhere.
fn put_before_the_death(mut events: Vec<Event>) -> Vec<Event> {
    let Some(death) = events.iter().position(|event| event.kind == "process-died") else { return events };
    let line = |event: &Event| {
        let citation = event.citation.as_ref()?;
        let is_line = matches!(citation.span, pycoroner_findings::Span::Lines { .. });
        is_line.then(|| (citation.source, offset(citation)))
    };
    let (told, died_at) = (line(&events[death]), events[death].at.map(|at| at.time));
    let is_in_front = |event: &Event| {
        let lines = line(event).zip(told);
        lines.is_some_and(|(own, told)| own.0 == told.0 && own.1 < told.1)
            && event.at.is_some_and(|at| Some(at.time) <= died_at)
    };
    let (mut before, behind): (Vec<Event>, Vec<Event>) =
        events.split_off(death).into_iter().partition(is_in_front);
    events.append(&mut before);
    events.extend(behind);
    events
}

/// A time that is known to the second may be any of it: it stands behind what is known to have come in that second.
fn latest_of_second(at: Timestamp) -> UtcTime {
    const SECOND: i64 = 1_000_000_000;
    let is_whole = at.uncertainty_ms == 1_000 && at.time.0.rem_euclid(SECOND) == 0;
    if is_whole { UtcTime(at.time.0.saturating_add(SECOND - 1)) } else { at.time }
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
    /// What happened, once or again and again.
    Event(Alike<'a>),
    /// This many events stand in the appendix only.
    LeftOut(usize),
    /// So long nothing happened that any source tells of, in milliseconds.
    Quiet(i64),
}

/// Events of one kind whose texts differ in numbers at most, in order; there is at least one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Alike<'a> {
    pub(crate) first: &'a Event,
    pub(crate) more: Vec<&'a Event>,
}

impl<'a> Alike<'a> {
    /// All of them, in order.
    pub(crate) fn events(&self) -> impl Iterator<Item = &'a Event> {
        std::iter::once(self.first).chain(self.more.iter().copied())
    }

    /// How often it happened.
    pub(crate) fn times(&self) -> usize {
        1 + self.more.len()
    }

    /// When it happened for the last time.
    pub(crate) fn last_at(&self) -> Option<Timestamp> {
        self.more.last().unwrap_or(&self.first).at
    }

    /// Whether all say the same, number for number.
    pub(crate) fn is_one_text(&self) -> bool {
        self.more.iter().all(|event| event.message == self.first.message)
    }

    /// The processes that they name.
    pub(crate) fn pids(&self) -> BTreeSet<u64> {
        self.events().filter_map(|event| event.pid).collect()
    }
}

/// Whether rows show every event one by one.
pub(crate) fn are_all(rows: &[Row<'_>]) -> bool {
    rows.iter().all(|row| match row {
        Row::Event(alike) => alike.more.is_empty(),
        Row::Quiet(_) => true,
        Row::LeftOut(_) => false,
    })
}

/// A pause is worth a row from this length on.
const QUIET_MS: i64 = 60_000;
/// … and when it is so many times as long as the usual pause between the rows.
const QUIET_FACTOR: i64 = 4;

/// The events that tell the story: the severest, and of those the ones nearest to the death.
///
/// Events that are alike are one row, but for those of the dead process itself. The row before the first symptom is kept,
/// so that the story starts before it.
pub(crate) fn key_rows(incident: &Incident) -> Vec<Row<'_>> {
    let pid = incident.core.as_ref().and_then(|core| core.process.pid);
    rows_of(&incident.timeline, incident.died_at, pid)
}

fn rows_of(events: &[Event], died_at: Option<Timestamp>, pid: Option<u64>) -> Vec<Row<'_>> {
    let groups = fold_alike(events, pid);
    let distance = |at: Option<Timestamp>| match (at, died_at) {
        (Some(at), Some(death)) => at.time.0.abs_diff(death.time.0),
        _ => u64::MAX,
    };
    // What goes on until the death is as near to it as its last occurrence.
    let nearest = |group: &Alike| distance(group.first.at).min(distance(group.last_at()));
    let mut ranked: Vec<usize> = (0..groups.len()).collect();
    ranked.sort_by_key(|&row| (std::cmp::Reverse(groups[row].first.severity), nearest(&groups[row]), row));
    let first_symptom = groups.iter().position(|group| group.first.severity >= Severity::Warning);
    let prologue = first_symptom.and_then(|row| row.checked_sub(1));
    let kept: BTreeSet<usize> = prologue
        .into_iter()
        .chain(ranked.into_iter().filter(|row| Some(*row) != prologue))
        .take(MOST_KEY_EVENTS)
        .collect();

    let mut rows = Vec::new();
    let mut left_out = 0;
    for (row, group) in groups.into_iter().enumerate() {
        if kept.contains(&row) {
            if left_out > 0 {
                rows.push(Row::LeftOut(std::mem::take(&mut left_out)));
            }
            rows.push(Row::Event(group));
        } else {
            left_out += group.times();
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
        Row::Event(alike) => Some(alike.first.at?.time),
        Row::LeftOut(_) | Row::Quiet(_) => None,
    };
    // A repeated event goes on until its last time.
    let end = |row: &Row| match row {
        Row::Event(alike) => Some(alike.last_at()?.time),
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

fn fold_alike(events: &[Event], pid: Option<u64>) -> Vec<Alike<'_>> {
    let mut groups: Vec<Alike> = Vec::new();
    let mut known: BTreeMap<_, usize> = BTreeMap::new();
    // A line that tells of the death is not told again as what it is besides.
    let death = events.iter().find(|event| event.kind == "process-died");
    let told = death.and_then(|event| event.citation.as_ref());
    let is_told =
        |event: &&Event| event.kind != "process-died" && told.is_some() && event.citation.as_ref() == told;
    for event in events.iter().filter(|event| !is_told(event)) {
        let shape =
            if is_named(&event.kind) { event.message.clone() } else { without_numbers(&event.message) };
        let is_own = pid.is_some() && event.pid == pid;
        let key = (&*event.kind, event.severity, event.signal, shape, event.at.is_some(), is_own);
        let row = known.entry(key).or_insert(groups.len());
        // What differs in numbers, after a pause, is another thing.
        let is_apart = |group: &Alike| group.first.message != event.message && is_after_pause(group, event);
        if groups.get(*row).is_some_and(is_apart) {
            *row = groups.len();
        }
        match groups.get_mut(*row) {
            Some(group) => group.more.push(event),
            None => groups.push(Alike { first: event, more: Vec::new() }),
        }
    }
    groups
}

fn is_after_pause(group: &Alike, event: &Event) -> bool {
    group.last_at().zip(event.at).is_some_and(|(last, at)| at.time.millis_since(last.time) >= QUIET_MS)
}

/// Whether numbers in the words of such an event tell one thing from another: alerts, releases.
fn is_named(kind: &str) -> bool {
    kind.starts_with("alert-") || matches!(kind, "deploy" | "change" | "configuration")
}

/// Numbers after these words say what happened, not to whom.
const TELLING: [&str; 4] = ["code", "status", "signal", "errno"];

/// The text with `0` for each word that holds a digit: a number, an id, an address.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut shape = String::with_capacity(text.len());
    let mut before = "";
    for piece in text.split_inclusive(|letter: char| !letter.is_alphanumeric()) {
        let word = piece.trim_end_matches(|letter: char| !letter.is_alphanumeric());
        let masks = word.bytes().any(|byte| byte.is_ascii_digit()) && !TELLING.contains(&before);
        shape.push_str(if masks { "0" } else { word });
        shape.push_str(&piece[word.len()..]);
        if !word.is_empty() {
            before = word;
        }
    }
    shape
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

    /// Ten thousand different words without a digit.
    fn word(number: i64) -> String {
        number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
    }

    #[test]
    fn keeps_the_severe_the_near_and_the_prologue() {
        let mut events: Vec<Event> =
            (0..100).map(|n| event(n, Severity::Info, &format!("info {}", word(n)))).collect();
        events.extend((10..60).map(|n| event(n, Severity::Error, &format!("error {}", word(n)))));
        events.push(Event::new("x", Severity::Critical, "no time"));
        let events = merge(events);
        assert_eq!(events.last().unwrap().message, "no time");
        let died_at = event(60, Severity::Critical, "").at;
        let rows = rows_of(&events, died_at, None);
        let shown: Vec<&str> = rows
            .iter()
            .filter_map(|row| match row {
                Row::Event(alike) => Some(&*alike.first.message),
                Row::LeftOut(_) | Row::Quiet(_) => None,
            })
            .collect();
        assert_eq!(shown.len(), MOST_KEY_EVENTS);
        assert_eq!((shown[0], shown[1], shown[24]), ("info j", "error dh", "no time"));
        let left_out: usize = rows.iter().map(|row| if let Row::LeftOut(n) = row { *n } else { 0 }).sum();
        assert_eq!(left_out + shown.len(), events.len());
    }

    #[test]
    fn what_is_alike_is_one_row() {
        let killed = |n: i64, pid: u64| Event {
            pid: Some(pid),
            ..event(n, Severity::Error, &format!("worker {pid} was killed by signal 11"))
        };
        let events =
            merge(vec![killed(1, 40), killed(2, 51), event(3, Severity::Error, "other"), killed(4, 62)]);
        let rows = rows_of(&events, None, None);
        let [Row::Event(alike), Row::Event(_)] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((alike.times(), alike.last_at(), alike.is_one_text()), (3, events[3].at, false));
        assert_eq!(alike.pids(), BTreeSet::from([40, 51, 62]));
    }

    #[test]
    fn the_own_process_alerts_and_what_comes_later_stay_apart() {
        let killed = |second: i64, pid: u64| Event {
            pid: Some(pid),
            ..event(second, Severity::Error, &format!("worker {pid} was killed"))
        };
        let check = |events: Vec<Event>, pid, expected: &[(Option<u64>, usize)]| {
            let events = merge(events);
            let rows: Vec<_> = rows_of(&events, None, pid)
                .iter()
                .filter_map(|row| match row {
                    Row::Event(alike) => Some((alike.first.pid, alike.times())),
                    _ => None,
                })
                .collect();
            assert_eq!(rows, expected);
        };
        let three = || vec![killed(1, 40), killed(2, 41), killed(3, 42)];
        check(three(), None, &[(Some(40), 3)]);
        check(three(), Some(42), &[(Some(40), 2), (Some(42), 1)]);
        check(three(), Some(9), &[(Some(40), 3)]);
        check(vec![killed(1, 40), killed(2, 41), killed(70, 42)], None, &[(Some(40), 2), (Some(42), 1)]);
        let alert = |second, pid| Event { kind: "alert-started".into(), ..killed(second, pid) };
        check(vec![alert(1, 40), alert(2, 41)], None, &[(Some(40), 1), (Some(41), 1)]);
    }

    #[test]
    fn the_line_that_tells_of_the_death_is_one_row() {
        let cited = Some(pycoroner_findings::Citation::new(
            pycoroner_findings::SourceId(1),
            pycoroner_findings::Span::Lines { first: 7, last: 7, offset: 70, len: 9 },
        ));
        let of_kind = |kind: &'static str| Event {
            kind: kind.into(),
            citation: cited.clone(),
            ..event(7, Severity::Error, kind)
        };
        let events = merge(vec![of_kind("process-died"), of_kind("worker-killed")]);
        let rows = rows_of(&events, None, None);
        assert!(matches!(&*rows, [Row::Event(alike)] if alike.first.kind == "process-died"), "{rows:?}");
    }

    #[test]
    fn what_is_known_to_the_second_stands_behind_what_came_in_it() {
        let killed = Event {
            at: Some(Timestamp {
                time: UtcTime(10_000_000_000),
                basis: TimeBasis::Stated,
                uncertainty_ms: 1_000,
            }),
            ..Event::new("x", Severity::Error, "killed")
        };
        let at = |millis: i64| {
            Some(Timestamp { time: UtcTime(millis * 1_000_000), basis: TimeBasis::Stated, uncertainty_ms: 1 })
        };
        let warned = Event { at: at(10_564), ..event(0, Severity::Warning, "warned") };
        let later = Event { at: at(11_000), ..event(0, Severity::Warning, "later") };
        let merged = merge(vec![later, killed, warned]);
        let order: Vec<&str> = merged.iter().map(|event| event.message.as_str()).collect();
        assert_eq!(order, ["warned", "killed", "later"]);
    }

    #[test]
    fn what_stands_in_front_of_the_line_of_the_death_came_before_it() {
        let said = |kind: &'static str, line: u64, millis: i64, uncertainty_ms| Event {
            at: Some(Timestamp {
                time: UtcTime(millis * 1_000_000),
                basis: TimeBasis::Stated,
                uncertainty_ms,
            }),
            citation: Some(pycoroner_findings::Citation::new(
                pycoroner_findings::SourceId(1),
                pycoroner_findings::Span::Lines { first: line, last: line, offset: line * 80, len: 80 },
            )),
            ..Event::new(kind, Severity::Error, kind)
        };
        let merged = merge(vec![
            said("process-died", 7, 23_800, 200),
            said("worker-boot", 6, 23_000, 1000),
            said("worker-exit", 8, 23_000, 1000),
            said("restart", 5, 24_000, 1000),
        ]);
        let order: Vec<&str> = merged.iter().map(|event| &*event.kind).collect();
        assert_eq!(order, ["worker-boot", "process-died", "worker-exit", "restart"]);
    }

    #[test]
    fn shapes() {
        let check = |text: &str, expected: &str| assert_eq!(without_numbers(text), expected);
        check("Worker (pid:5498) was sent SIGSEGV!", "Worker (pid:0) was sent SIGSEGV!");
        check("req-6dda0b9a order 1033: 0x7f00, émile4", "req-0 order 0: 0, 0");
        check("exit code 137, status: 502", "exit code 137, status: 502");
        check("", "");
    }

    #[test]
    fn repeats_are_one_row() {
        let events = merge((0..3).map(|n| event(n, Severity::Error, "again")).collect());
        let rows = rows_of(&events, None, None);
        let alike = Alike { first: &events[0], more: vec![&events[1], &events[2]] };
        assert!(alike.is_one_text());
        assert_eq!((alike.times(), alike.last_at()), (3, events[2].at));
        assert_eq!(rows, [Row::Event(alike)]);
    }

    #[test]
    fn long_pauses_are_rows() {
        let check = |seconds: &[i64], expected: &[&str]| {
            let events = merge(seconds.iter().map(|n| event(*n, Severity::Error, &word(*n))).collect());
            let rows: Vec<String> = rows_of(&events, None, None)
                .iter()
                .map(|row| match row {
                    Row::Event(alike) => alike.first.message.clone(),
                    Row::LeftOut(events) => format!("{events} left out"),
                    Row::Quiet(ms) => format!("{} s of nothing", ms / 1000),
                })
                .collect();
            assert_eq!(rows, expected);
        };
        check(&[1, 2, 3, 600, 601], &["b", "c", "d", "597 s of nothing", "gaa", "gab"]);
        check(&[1, 2, 30], &["b", "c", "da"]);
        check(&[100, 200, 300, 400], &["baa", "caa", "daa", "eaa"]);
    }
}
