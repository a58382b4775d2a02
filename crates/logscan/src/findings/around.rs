//! What a comparison of the crash window with the log before it allows to conclude.

use std::fmt::Write as _;

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use super::MAX_EACH;
use crate::changes::{Change, Silence};
use crate::document::{LogRecord, Place, Template};
use crate::level::Level;
use crate::rates::Direction;
use crate::requests::{RequestState, RequestThread, UnfinishedRule};
use crate::scan::Scan;
use crate::window::Anchor;

/// Adds what is new, what came at another rate, what fell silent, and which requests were cut off.
pub(super) fn conclude(scan: &Scan, findings: &mut Vec<Finding>) {
    findings.extend(error_burst(scan));
    findings.extend(new_errors(scan));
    findings.extend(changed_rates(scan));
    findings.extend(silent_templates(scan));
    findings.extend(silence(scan));
    findings.extend(last_words(scan));
    findings.extend(words_of_sender(scan));
    findings.extend(unfinished_requests(scan));
}

fn cited(scan: &Scan, basis: Basis, statement: String, place: Place) -> Evidence {
    Evidence::new(basis, statement).cite(place.citation(&scan.sources))
}

fn seconds(millis: u64) -> String {
    if millis < 1000 {
        format!("{millis} ms")
    } else if millis < 10_000 {
        format!("{}.{} s", millis / 1000, millis % 1000 / 100)
    } else {
        format!("{} s", millis / 1000)
    }
}

/// `24 in 300 s; 31 in 21600 s before, which lets expect 0.43 …`
fn counts(change: &Change) -> String {
    let range = match change.direction {
        Direction::More => format!("at most {}", change.most_in_a_stretch),
        Direction::Less => format!("at least {}", change.fewest_in_a_stretch),
    };
    format!(
        "{} in {} up to the end of the comparison, {} in {} before, which lets expect {}; {range} in each of {} earlier stretches as long; p = {}",
        change.inside,
        seconds(change.inside_ms),
        change.before,
        seconds(change.before_ms),
        change.expected,
        change.stretches,
        change.p_value,
    )
}

/// More errors in the window than the log before it lets expect.
fn error_burst(scan: &Scan) -> Option<Finding> {
    let change =
        scan.window.as_ref()?.errors.as_ref().filter(|change| change.direction == Direction::More)?;
    let title = format!(
        "{} errors were logged in the {} before the death, where the log before lets expect {}",
        change.inside,
        seconds(change.inside_ms),
        change.expected
    );
    let record = scan.warnings.iter().find(|record| record.level >= Some(Level::Error));
    let evidence = Evidence::new(Basis::Derived, counts(change))
        .cite(record.and_then(|record| record.place.citation(&scan.sources)));
    Some(Finding::new("error-burst", Severity::Warning, Confidence::Moderate, title).with_evidence(evidence))
}

/// Messages of level warning and above that the log had never shown before the window.
fn new_errors(scan: &Scan) -> Option<Finding> {
    let new: Vec<&Template> = scan
        .templates
        .iter()
        .filter(|template| template.new_in_window == Some(true) && template.level >= Some(Level::Warning))
        .collect();
    let first = new.first()?;
    let others = if new.len() > 1 { format!(" and {} more", new.len() - 1) } else { String::new() };
    let before = if scan.sources.iter().any(|source| source.part.is_some()) {
        "Not logged before the window in what was read of the logs"
    } else {
        "Never logged before the window"
    };
    let title = format!("{before}: \"{}\"{others}", first.template);
    let mut finding = Finding::new("new-message-in-window", Severity::Warning, Confidence::Moderate, title);
    for template in new.iter().take(MAX_EACH) {
        let times = match template.in_window {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        let statement = format!("{} ({times}{})", template.template, when(scan, template));
        finding = finding.with_evidence(cited(scan, Basis::Observed, statement, template.place));
    }
    Some(finding)
}

/// How many of a template's records in the window were logged after the death, as far as that can be told.
fn when(scan: &Scan, template: &Template) -> String {
    let part = |count: u64| match template.in_window {
        1 => String::new(),
        all if all == count => "all ".to_owned(),
        _ => format!("{count} of them "),
    };
    let mut told = String::new();
    if template.after_death > 0 {
        let _ = write!(told, ", {}after the death", part(template.after_death));
    }
    if template.around_death > 0 {
        let known_to = scan.anchor.as_ref().map_or(0, |anchor| anchor.uncertainty_ms);
        let part = part(template.around_death);
        let _ = write!(told, ", {part}at the time of the death (± {})", seconds(known_to));
    }
    told
}

/// Messages that were seen before, and came more or less often in the window.
fn changed_rates(scan: &Scan) -> impl Iterator<Item = Finding> {
    [Direction::More, Direction::Less].into_iter().filter_map(|direction| changed_rate(scan, direction))
}

fn changed_rate(scan: &Scan, direction: Direction) -> Option<Finding> {
    let mut changed: Vec<(&Template, &Change)> = scan
        .templates
        .iter()
        .filter(|template| template.new_in_window == Some(false) && template.silence.is_none())
        .filter_map(|template| Some((template, template.change.as_ref()?)))
        .filter(|(_, change)| change.direction == direction)
        .collect();
    changed.sort_by(|(a, left), (b, right)| {
        b.level.cmp(&a.level).then(left.p_value.0.total_cmp(&right.p_value.0))
    });
    let (template, _) = changed.first()?;
    let verb = match direction {
        Direction::More => "More",
        Direction::Less => "Less",
    };
    let others = if changed.len() > 1 { format!(" and {} more", changed.len() - 1) } else { String::new() };
    let title = format!("{verb} often than before: \"{}\"{others}", template.template);
    let mut finding = Finding::new("rate-changed-in-window", Severity::Info, Confidence::Moderate, title)
        .refuted_if("load or a daily routine that changed at the same time");
    for (template, change) in changed.iter().take(MAX_EACH) {
        let place = template.place_in_window.unwrap_or(template.place);
        let statement = format!("{}: {}", template.template, counts(change));
        finding = finding.with_evidence(cited(scan, Basis::Derived, statement, place));
    }
    Some(finding)
}

fn silence_told(silence: &Silence) -> String {
    let again = silence.again.map_or_else(String::new, |again| format!("; again at {again}"));
    format!(
        "{} times, every {} on average and at most {} apart; then not for {} (p = {}){again}",
        silence.seen,
        seconds(silence.usual_interval_ms),
        seconds(silence.longest_gap_ms),
        seconds(silence.silent_ms),
        silence.p_value,
    )
}

/// Messages that came regularly and stopped while others went on.
fn silent_templates(scan: &Scan) -> Option<Finding> {
    let mut silent: Vec<(&Template, &Silence)> =
        scan.templates.iter().filter_map(|template| Some((template, template.silence.as_ref()?))).collect();
    silent.sort_by(|(_, a), (_, b)| a.p_value.0.total_cmp(&b.p_value.0));
    let (template, longest) = silent.first()?;
    let others = if silent.len() > 1 { format!(" and {} more", silent.len() - 1) } else { String::new() };
    let title = format!(
        "Silent for {} before the death, though it came every {}: \"{}\"{others}",
        seconds(longest.silent_ms),
        seconds(longest.usual_interval_ms),
        template.template
    );
    let mut finding =
        Finding::new("message-silent-before-death", Severity::Warning, Confidence::Moderate, title)
            .refuted_if("a log of the same time that is not among these");
    for (template, silence) in silent.iter().take(MAX_EACH) {
        let statement = format!("{}: {}", template.template, silence_told(silence));
        let place = silence.place.unwrap_or(template.place);
        finding = finding.with_evidence(cited(scan, Basis::Derived, statement, place));
    }
    Some(finding)
}

/// The log that fell silent before the death.
fn silence(scan: &Scan) -> Option<Finding> {
    let anchor = scan.anchor.as_ref()?;
    let (source, last) = scan
        .sources
        .iter()
        .filter_map(|source| Some((source, source.last?)))
        .max_by_key(|(_, last)| *last)?;
    let millis = anchor.time.millis_since(last);
    if millis < 1000_i64.saturating_add(i64::try_from(anchor.uncertainty_ms).unwrap_or(i64::MAX)) {
        return None;
    }
    let title = format!("The last record of all logs is {} s older than the death", millis / 1000);
    let statement = format!("{} ends at {last}", source.path);
    Some(
        Finding::new("silence-before-death", Severity::Info, Confidence::Moderate, title)
            .with_evidence(Evidence::new(Basis::Derived, statement))
            .refuted_if("a log of the process that is not among these"),
    )
}

/// How long before the death something was, as far as the time of the death is known.
fn before_death(anchor: &Anchor, millis: i64) -> String {
    let (ago, known_to) = (millis.max(0).unsigned_abs(), anchor.uncertainty_ms);
    if millis.unsigned_abs() <= known_to && known_to > 0 {
        format!("at the time of the death (± {})", seconds(known_to))
    } else if known_to > 0 {
        format!("{} (± {}) before the death", seconds(ago), seconds(known_to))
    } else {
        format!("{} before the death", seconds(ago))
    }
}

/// The last record of the dead process, and of the thread that crashed.
fn last_words(scan: &Scan) -> Option<Finding> {
    let (anchor, process) = (scan.anchor.as_ref()?, scan.process.as_ref()?);
    let last = process.last_record()?;
    let who = if process.crashed_thread_records.is_empty() { "process" } else { "thread that crashed" };
    let age = last.at.map_or_else(
        || "at an unknown time".to_owned(),
        |at| before_death(anchor, anchor.time.millis_since(at.time)),
    );
    let message = last.message.lines().next().unwrap_or_default();
    let confidence = match process.joined_by.first().map(AsRef::as_ref) {
        Some("pid" | "thread-ident") => Confidence::Strong,
        Some("signal-and-time") => Confidence::Moderate,
        _ => Confidence::Weak,
    };
    let title = format!("The last record of the {who} came {age}: \"{message}\"");
    let joined = format!("its lines were found by {}", process.joined_by.join(" and "));
    let mut finding = Finding::new("last-record-of-process", Severity::Info, confidence, title)
        .with_evidence(cited(scan, Basis::Observed, message.to_owned(), last.place))
        .with_evidence(Evidence::new(Basis::Derived, joined));
    if let Some(silence) = &process.silence {
        finding.title.push_str(", which is unusually long");
        finding = finding.with_evidence(Evidence::new(Basis::Derived, silence_told(silence)));
    }
    Some(finding)
}

/// A record of the sender so long before the death, in milliseconds, may be about the signal.
const SENDER_MS: i64 = 60_000;

/// What the process that sent the signal said just before.
fn words_of_sender(scan: &Scan) -> Option<Finding> {
    let (anchor, sender) = (scan.anchor.as_ref()?, scan.anchor.as_ref()?.sender?);
    let is_near = |record: &&LogRecord| {
        record.at.is_some_and(|at| anchor.latest().millis_since(at.time) <= SENDER_MS + anchor.slack_ms())
    };
    let records: Vec<&LogRecord> = scan.sender_records.iter().rev().filter(is_near).take(3).collect();
    let line = |record: &LogRecord| record.message.lines().next().unwrap_or_default().to_owned();
    let title = format!(
        "Process {sender}, which sent the signal, said last before it: \"{}\"",
        line(records.first()?)
    );
    let finding = Finding::new("signal-sender-logged", Severity::Info, Confidence::Strong, title)
        .about(format!("process {sender}"))
        .refuted_if("these records are of another process that had the same number");
    let said = records.into_iter().rev();
    Some(said.fold(finding, |finding, record| {
        finding.with_evidence(cited(scan, Basis::Observed, line(record), record.place))
    }))
}

/// Requests that were under way when the process died, or another one before it.
fn unfinished_requests(scan: &Scan) -> Option<Finding> {
    let requests = scan.requests.as_ref()?;
    let mut open: Vec<&RequestThread> = requests
        .threads
        .iter()
        .filter(|thread| thread.state == RequestState::Unfinished)
        .filter(|thread| thread.open_at_death || thread.ended_with.is_some())
        .filter(|thread| {
            let from = scan.window.as_ref().and_then(|window| window.from);
            from.is_none_or(|from| thread.last.is_some_and(|last| last >= from))
        })
        .collect();
    let is_own = |thread: &RequestThread| thread.same_process || thread.cut_off;
    open.sort_by_key(|thread| !is_own(thread));
    let first = open.first()?;
    let owner = if is_own(first) { " of the dead process" } else { "" };
    let title = match open.len() {
        1 => format!("Request {}{owner} had started and never finished", first.id),
        count if is_own(first) => {
            format!(
                "Request {}{owner} had started and never finished, as {} more requests",
                first.id,
                count - 1
            )
        }
        count => format!("{count} requests had started and never finished, {} among them", first.id),
    };
    let is_own = is_own(first);
    let confidence = if is_own { Confidence::Strong } else { Confidence::Moderate };
    let mut finding = Finding::new("request-unfinished", Severity::Warning, confidence, title)
        .refuted_if("a line that ends the request, in a log that is not among these");
    let mut told = None;
    for thread in open.iter().take(MAX_EACH) {
        let Some(last) = thread.entries.last() else { continue };
        let message = last.message.as_deref().or(thread.entries.first()?.message.as_deref());
        let rule = match &thread.rule {
            _ if thread.cut_off => {
                "; it is the last record of the thread that crashed, or of its process".to_owned()
            }
            // What others did is told once.
            rule if told == Some(rule) => String::new(),
            rule => {
                told = Some(rule);
                rule.as_ref().map(rule_told).unwrap_or_default()
            }
        };
        let own = match thread.ended_with {
            _ if thread.same_process || thread.cut_off => ", of the dead process".to_owned(),
            Some(pid) => format!(", of process {pid}, which ended then or before"),
            None => String::new(),
        };
        let statement =
            format!("request {}{own} stops at \"{}\"{rule}", thread.id, message.unwrap_or_default());
        finding = finding.with_evidence(cited(scan, Basis::Derived, statement, last.place));
    }
    Some(finding)
}

fn rule_told(rule: &UnfinishedRule) -> String {
    let UnfinishedRule { like_last, went_on, followed, finished, .. } = rule;
    format!(
        "; {went_on} of {like_last} others with such a record went on, and {finished} of {followed} others finished"
    )
}
