//! Exceptions that were in force at the end, against how often the same one was handled without an end.

use pycoroner_findings::{Basis, Evidence, Finding};

use crate::Incident;
use crate::sections::{Exception, LogTraceback, Template};
use crate::views::threads;

/// Fewer than this is no habit.
const OFTEN: u64 = 3;
/// A message of fewer words may stand in many others by chance.
const LEAST_WORDS: usize = 3;

/// Says of an exception in flight how often the logs show it without a crash; that is what would refute that it had a
/// part in the end, and so it is a fact of its own, of which no cause is made.
pub(super) fn weigh(incident: &mut Incident) {
    let Some(evidence) = handled(incident) else { return };
    let is_in_flight = |finding: &&mut Finding| finding.id == "exception-in-flight";
    for finding in incident.findings.iter_mut().filter(is_in_flight) {
        finding.id = "exception-handled-before".into();
        finding.against.push(evidence.clone());
    }
}

fn handled(incident: &Incident) -> Option<Evidence> {
    let exception = threads::crashed(incident)?.exceptions.first()?;
    let logs = incident.logs.as_ref()?;
    let traceback = logs.tracebacks.iter().find(|entry| is_same(entry, exception));
    let message = exception.message.as_deref().unwrap_or_default();
    let template = logs.templates.iter().find(|row| holds(&row.template, message));
    let (times, told, citations) = match (traceback, template) {
        (Some(entry), _) if entry.count.unwrap_or(0) > OFTEN => {
            (entry.count?, "its traceback is".to_owned(), [entry.place.citation.clone(), None])
        }
        (_, Some(row)) => (row.count?, format!("{:?} is", row.template), places(row)),
        _ => return None,
    };
    // Each process that ended may have done so on its last one.
    let ends = ends(incident);
    let without = times.checked_sub(ends).filter(|without| *without >= OFTEN)?;
    let ended = if ends == 1 { "1 process".to_owned() } else { format!("{ends} processes") };
    let statement = format!(
        "it was handled at least {without} times without a crash: {told} {times} times in the logs, in which {ended} ended"
    );
    let evidence = Evidence::new(Basis::Derived, statement);
    Some(citations.into_iter().fold(evidence, Evidence::cite))
}

fn places(row: &Template) -> [Option<pycoroner_findings::Citation>; 2] {
    let in_window = row.place_in_window.as_ref().and_then(|place| place.citation.clone());
    [row.place.citation.clone(), in_window]
}

/// The same type, raised at the same line.
fn is_same(entry: &LogTraceback, exception: &Exception) -> bool {
    let name = |name: Option<&str>| name.and_then(|name| name.rsplit('.').next()).map(str::to_owned);
    let (logged, own) = (entry.frames.last(), exception.traceback.last());
    let is_at = logged.zip(own).is_some_and(|(logged, own)| {
        logged.file == own.file && logged.line == own.line && logged.line.is_some()
    });
    let types = (name(entry.type_name.as_deref()), name(exception.type_name.as_deref()));
    is_at && types.0.is_some() && types.0 == types.1
}

/// How many processes the logs see end, this one included.
fn ends(incident: &Incident) -> u64 {
    let mut pids: std::collections::BTreeSet<Option<u64>> = incident
        .timeline
        .iter()
        .filter(|event| {
            matches!(&*event.kind, "worker-killed" | "worker-exit" | "kernel-segfault" | "oom-kill")
        })
        .map(|event| event.pid)
        .collect();
    let dumps = incident.timeline.iter().filter(|event| event.kind == "fatal-error").count();
    pids.insert(incident.core.as_ref().and_then(|core| core.process.pid));
    pids.len().max(dumps).max(1) as u64
}

/// Whether messages of a template hold a message as a part, word by word; what varies in the template is any word.
fn holds(template: &str, message: &str) -> bool {
    let words: Vec<&str> = message.split_whitespace().collect();
    let slots: Vec<&str> = template.split_whitespace().collect();
    if words.len() < LEAST_WORDS {
        return false;
    }
    slots.windows(words.len()).any(|slots| {
        let literal = slots.iter().zip(&words).filter(|(slot, word)| trimmed(slot) == trimmed(word)).count();
        literal >= LEAST_WORDS - 1
            && literal * 2 > words.len()
            && slots.iter().zip(&words).all(|(slot, word)| fits(trimmed(slot), trimmed(word)))
    })
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|letter: char| matches!(letter, ';' | ',' | '.' | ':' | '"' | '\'' | '(' | ')'))
}

/// Whether a word is what stands in a template, where a part in angle brackets stands for any text.
fn fits(slot: &str, word: &str) -> bool {
    match (slot.find('<'), slot.rfind('>')) {
        (Some(open), Some(close)) if open < close => {
            let (before, behind) = (&slot[..open], &slot[close + 1..]);
            word.len() >= before.len() + behind.len() && word.starts_with(before) && word.ends_with(behind)
        }
        _ => slot == word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_in_templates() {
        let check = |template: &str, message: &str, expected: bool| {
            assert_eq!(holds(template, message), expected, "{template} {message}");
        };
        let asking = "no price for SKU-<n> in the feed; asking the old price table";
        check(asking, "no price for SKU-989 in the feed", true);
        check("shop: no price for <word> in the feed", "no price for SKU-989 in the feed", true);
        check(asking, "no price for ART-989 in the feed", false);
        check(asking, "no stock of SKU-989 in the store", false);
        check("<n> <n> <n> <n> <n> <n> <n>", "no price for SKU-989 in the feed", false);
        check("no price", "no price", false);
        check("price <n> for <n>", "", false);
    }
}
