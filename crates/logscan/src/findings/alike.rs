//! Facts of one kind: which of them are the dead process's, and how others that are alike are told together.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use pycoroner_findings::{Basis, Evidence, Finding, Severity, UtcTime};

use super::{MAX_EACH, said};
use crate::document::{LogEvent, Place};
use crate::scan::Scan;

/// What stands before a number and what behind it.
type Plural = (String, String);

/// What one fact allows to conclude.
pub(super) struct Stated {
    pub(super) finding: Finding,
    /// What stands before and behind the number when several are told together; facts are alike when this is equal.
    pub(super) plural: Plural,
}

/// What the same log says next of the end of a process, behind each event.
pub(crate) struct Ends<'s> {
    behind: BTreeMap<(usize, u64), &'s LogEvent>,
}

impl<'s> Ends<'s> {
    pub(super) fn of(scan: &'s Scan) -> Self {
        Self::among(&scan.events)
    }

    pub(crate) fn among(events: &'s [LogEvent]) -> Self {
        let mut behind = BTreeMap::new();
        let mut next: BTreeMap<usize, &LogEvent> = BTreeMap::new();
        let mut events: Vec<&LogEvent> = events.iter().collect();
        events.sort_by_key(|event| (event.place.source, event.place.offset));
        for event in events.into_iter().rev() {
            if let Some(end) = next.get(&event.place.source) {
                behind.insert(key(event.place), *end);
            }
            if matches!(&*event.kind, "worker-killed" | "worker-exit" | "worker-timeout") {
                next.insert(event.place.source, event);
            }
        }
        Self { behind }
    }

    pub(super) fn behind(&self, event: &LogEvent) -> Option<&'s LogEvent> {
        self.behind.get(&key(event.place)).copied()
    }

    /// The process that a fact is about. A dump names none: it is the one whose end by the same signal comes next.
    pub(crate) fn process(&self, event: &LogEvent) -> Option<u64> {
        let ended = || self.behind(event).filter(|end| end.signal.is_some() && end.signal == event.signal);
        event.pid.or_else(|| ended()?.pid)
    }
}

fn key(place: Place) -> (usize, u64) {
    (place.source, place.offset)
}

/// States facts of one kind: those of the dead process one by one, the last first; others together when they are alike.
pub(super) fn state(
    scan: &Scan,
    ends: &Ends<'_>,
    kind: &str,
    findings: &mut Vec<Finding>,
    conclude: impl Fn(&LogEvent) -> Stated,
) {
    let (events, echoes) = without_echoes(of_kind(scan, kind));
    let (own, others) = split(scan, ends, events);
    let mut own_alike: BTreeMap<Plural, Vec<&LogEvent>> = BTreeMap::new();
    let conclude = |event: &LogEvent| {
        let mut stated = conclude(event);
        let repeated = echoes.iter().filter(|echo| is_echo(echo, event));
        stated.finding.evidence.extend(repeated.take(MAX_EACH).map(|echo| said(scan, echo)));
        stated
    };
    for event in own.into_iter().rev() {
        let Stated { finding, plural } = conclude(event);
        findings.push(finding);
        own_alike.entry(plural).or_default().push(event);
    }
    let mut groups: BTreeMap<Plural, Vec<(&LogEvent, Finding)>> = BTreeMap::new();
    for event in others {
        let Stated { finding, plural } = conclude(event);
        groups.entry(plural).or_default().push((event, finding));
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, members)| Reverse(members.last().map(|(event, _)| time(event))));
    let rest = groups.split_off(groups.len().min(MAX_EACH));
    for (plural, members) in groups {
        let own = own_alike.remove(&plural).unwrap_or_default();
        // That another process ended as this one did says something of both.
        if !own.is_empty() || members.len() > 1 && are_many(&members) {
            findings.extend(together(scan, ends, &plural, &own, &members));
        } else {
            findings.extend(members.into_iter().rev().take(MAX_EACH).map(|(_, finding)| finding));
        }
    }
    let rest: Vec<_> = rest.into_iter().flat_map(|(_, members)| members).collect();
    let plural = (String::new(), format!(" more of other words: {kind}"));
    findings.extend(together(scan, ends, &plural, &[], &rest));
}

/// The facts of a kind that count, those of the window when there is one, by time.
///
/// What has no time comes first: it is the least likely to be about this death.
fn of_kind<'s>(scan: &'s Scan, kind: &str) -> Vec<&'s LogEvent> {
    let counts = |event: &&LogEvent| {
        event.kind == kind
            && (scan.window.is_none() || event.in_window || event.at.is_none())
            // A worker that was asked to end did not fail; uWSGI names the signal that a process died of in a line of its own.
            && (!matches!(kind, "worker-killed" | "signal") || event.severity >= Severity::Error)
            && !(kind == "signal" && is_said_again(scan, event))
    };
    let mut events: Vec<&LogEvent> = scan.events.iter().filter(counts).collect();
    events.sort_by_key(|event| time(event));
    events
}

/// Sets aside what may be one more line about an end that a line before it tells of. They are no further process, as
/// far as these lines tell.
fn without_echoes(events: Vec<&LogEvent>) -> (Vec<&LogEvent>, Vec<&LogEvent>) {
    let (mut kept, mut echoes): (Vec<&LogEvent>, Vec<&LogEvent>) = (Vec::new(), Vec::new());
    // By process: the last line that was kept.
    let mut last: BTreeMap<Option<u64>, &LogEvent> = BTreeMap::new();
    // By signal: the last one of these that names a process.
    let mut by_signal: BTreeMap<Option<u32>, &LogEvent> = BTreeMap::new();
    for event in events {
        let before = if event.pid.is_some() { last.get(&event.pid) } else { by_signal.get(&event.signal) };
        if before.is_some_and(|before| is_echo(event, before)) {
            echoes.push(event);
            continue;
        }
        if event.pid.is_some() {
            last.insert(event.pid, event);
            by_signal.insert(event.signal, event);
        }
        kept.push(event);
    }
    (kept, echoes)
}

/// Lines about one process this near to each other, in milliseconds, are about one end of it.
const ONE_END_MS: u64 = 10_000;

/// Whether a line may be about the end that another one tells of: in a second log, or, like celery's `WorkerLostError`,
/// without naming the process.
fn is_echo(event: &LogEvent, told: &LogEvent) -> bool {
    if event.signal != told.signal || told.pid.is_none() || std::ptr::eq(event, told) {
        return false;
    }
    if event.pid.is_none() {
        return event.kind == "worker-killed";
    }
    let is_near = event.at.zip(told.at).is_none_or(|(at, told)| {
        let slack = at.uncertainty_ms.saturating_add(told.uncertainty_ms).saturating_add(ONE_END_MS);
        at.time.millis_since(told.time).unsigned_abs() <= slack
    });
    event.pid == told.pid && event.place.source != told.place.source && is_near
}

/// A line behind it says that the process was killed by the signal.
fn is_said_again(scan: &Scan, event: &LogEvent) -> bool {
    let same = |other: &LogEvent| {
        other.kind == "worker-killed" && other.pid == event.pid && other.signal == event.signal
    };
    event.pid.is_some() && scan.events.iter().any(same)
}

fn time(event: &LogEvent) -> Option<UtcTime> {
    event.at.map(|at| at.time)
}

/// The last facts about the dead process, and all others. Where none names it, the last one before the death is its.
fn split<'s>(
    scan: &Scan,
    ends: &Ends<'_>,
    events: Vec<&'s LogEvent>,
) -> (Vec<&'s LogEvent>, Vec<&'s LogEvent>) {
    let named = scan.process.as_ref().and_then(|process| process.log_pid);
    let pid = named.or(scan.anchor.as_ref().and_then(|anchor| anchor.pid));
    let (mut own, mut others): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|event| pid.is_some() && ends.process(event) == pid);
    if own.is_empty() {
        let before_death = |event: &&LogEvent| {
            scan.anchor.as_ref().zip(event.at).is_none_or(|(anchor, at)| {
                let slack = i64::try_from(at.uncertainty_ms).unwrap_or(i64::MAX);
                at.time.millis_since(anchor.latest()) <= slack
            })
        };
        let last = others.iter().rposition(before_death).or(others.len().checked_sub(1));
        own.extend(last.map(|last| others.remove(last)));
    }
    // A log can repeat itself without an end.
    let more = own.len().saturating_sub(MAX_EACH);
    others.extend(own.drain(..more));
    others.sort_by_key(|event| time(event));
    (own, others)
}

/// Whether facts are about more than one process, as far as they name any.
fn are_many(members: &[(&LogEvent, Finding)]) -> bool {
    let pids: BTreeSet<Option<u64>> = members.iter().map(|(event, _)| event.pid).collect();
    pids.len() > 1 || pids.contains(&None)
}

/// Alike facts as one finding, which counts those of the dead process, too.
fn together(
    scan: &Scan,
    ends: &Ends<'_>,
    plural: &Plural,
    own: &[&LogEvent],
    others: &[(&LogEvent, Finding)],
) -> Option<Finding> {
    let (_, first) = others.first()?;
    let mut events: Vec<&LogEvent> =
        own.iter().copied().chain(others.iter().map(|(event, _)| *event)).collect();
    events.sort_by_key(|event| time(event));
    let last = *events.last()?;
    let pids: BTreeSet<u64> = events.iter().filter_map(|event| event.pid).collect();
    let is_named = events.iter().all(|event| event.pid.is_some());
    let number = if is_named { pids.len() } else { events.len() };
    let times = events.iter().find_map(|event| time(event)).zip(time(last));
    let span = times.map_or_else(String::new, |(from, to)| format!(", {}", span(from, to)));
    let is_own = own.iter().any(|event| std::ptr::eq(*event, last));
    let whose = ends
        .process(last)
        .filter(|_| is_own)
        .map_or_else(String::new, |pid| format!("; process {pid} was the last"));
    let (before, behind) = plural;
    let title = format!("{before}{number}{behind}{span}{whose}");
    let severity = others.iter().map(|(_, finding)| finding.severity).max()?.min(Severity::Error);
    let confidence = others.iter().map(|(_, finding)| finding.confidence).min()?;
    let mut finding = Finding::new(format!("{}-repeated", first.id), severity, confidence, title);
    let shown = MAX_EACH.min(events.len());
    let cited = events.iter().take(shown - 1).chain([&last]);
    finding.evidence.extend(cited.map(|event| said(scan, event)));
    finding.against.clone_from(&first.against);
    finding.refuted_if.clone_from(&first.refuted_if);
    if let Some(pid) = own.last().and_then(|event| ends.process(event)) {
        finding.subject = Some(format!("process {pid} and others"));
    }
    let counted = format!("{} lines say so, {shown} of them are cited", events.len());
    Some(finding.with_evidence(Evidence::new(Basis::Derived, counted)))
}

/// `2024-05-01 12:00:00 to 12:00:14 UTC`, to the second.
fn span(from: UtcTime, to: UtcTime) -> String {
    let (from, to) = (from.to_string(), to.to_string());
    let part = |text: &str, range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
    let (day, clock) = (part(&from, 0..10), part(&from, 11..19));
    let (last_day, last_clock) = (part(&to, 0..10), part(&to, 11..19));
    match (day == last_day, clock == last_clock) {
        (true, true) => format!("{day} {clock} UTC"),
        (true, false) => format!("{day} {clock} to {last_clock} UTC"),
        _ => format!("{day} {clock} to {last_day} {last_clock} UTC"),
    }
}
