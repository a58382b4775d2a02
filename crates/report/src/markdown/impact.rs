use pycoroner_findings::UtcTime;

use super::cite;
use super::clock::{dated, dated_text};
use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::{count, grouped, span};
use crate::Incident;
use crate::views::impact::{Fact, impact};

/// What those who use the service may have noticed; files say a part of it, people the rest.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    let traces = impact(incident);
    if traces.is_empty() {
        page.paragraph("The evidence does not show what users noticed: it holds no alert, no span and no rate of errors.");
    }
    page.list(
        traces
            .iter()
            .map(|trace| Inert::join([describe(&trace.fact), cite::citations(&trace.citations)], " ")),
    );
}

fn describe(fact: &Fact) -> Inert {
    match fact {
        Fact::Alert { name, from, to, died } => {
            let end = match to {
                Some(to) => Inert::from("; it ended at ")
                    .then(dated(*to))
                    .then(", after ")
                    .then(span(to.millis_since(*from))),
                None => "; its end is not shown".into(),
            };
            let is_earlier = to.zip(*died).is_some_and(|(to, died)| to < died);
            let near = died.map_or_else(Inert::default, |died| from_death(*from, died));
            Inert::from(if is_earlier { "Over before the death: alert " } else { "Alert " })
                .then(code(name))
                .then(" fired at ")
                .then(dated(*from))
                .then(near)
                .then(end)
        }
        Fact::FailedSpans { failed, of } => Inert::from(*failed)
            .then(" of ")
            .then(count(*of, "span", "spans"))
            .then(" at hand say that they failed"),
        Fact::UnfinishedSpans { count: spans } => count(*spans, "span has", "spans have")
            .then(" no end: the request was running, or its end was not exported"),
        Fact::LoggedErrors { inside, before, from, to } => {
            let errors = if *inside == 1 { " error was" } else { " errors were" };
            let between = match (from, to) {
                (Some(from), Some(to)) => {
                    Inert::from(" from ").then(dated_text(Some(from))).then(" to ").then(dated_text(Some(to)))
                }
                _ => Inert::default(),
            };
            let compared = match before {
                Some(before) => Inert::from(", ").then(grouped(*before)).then(" before it"),
                None => "; the logs begin inside of it, so there is nothing to compare with".into(),
            };
            grouped(*inside).then(errors).then(" logged in the window").then(between).then(compared)
        }
        Fact::Restarts { name, count } => Inert::from("Container ")
            .then(code(name))
            .then(" was started again ")
            .then(grouped(*count))
            .then(if *count == 1 { " time" } else { " times" }),
        Fact::LostRequests { count: lost, is_least, of, own, with_others } => {
            let own = own.as_deref().map_or_else(Inert::default, |id| {
                Inert::from(", ").then(code(id)).then(" of the dead process among them")
            });
            Inert::from(if *is_least { "at least " } else { "" })
                .then(count(*lost, "request", "requests"))
                .then(if *lost == 1 { " started and has" } else { " started and have" })
                .then(" no end in the logs, of ")
                .then(grouped(*of))
                .then(" that were followed by their ids in all that these logs cover")
                .then(own)
                .then(match with_others {
                    0 => Inert::default(),
                    others => Inert::from("; ").then(*others).then(" ended with other processes"),
                })
        }
        Fact::Pause { message, since, again, usual_ms } => {
            let length = again.map_or_else(
                || Inert::from("was logged no more"),
                |again| Inert::from("was not logged for ").then(span(again.millis_since(*since))),
            );
            let until = again.map_or_else(Inert::default, |again| Inert::from(" to ").then(dated(again)));
            code(message)
                .then(" ")
                .then(length)
                .then(", from ")
                .then(dated(*since))
                .then(until)
                .then("; one came every ")
                .then(span(i64::try_from(*usual_ms).unwrap_or(i64::MAX)))
                .then(" on average until then")
                .then(missed(*since, *again, *usual_ms))
        }
        Fact::FailedAnswers { count: failed, by } => grouped(*failed)
            .then(if *failed == 1 { " request was" } else { " requests were" })
            .then(" answered by a status of 5xx, by ")
            .then(prose(by)),
        Fact::Unanswered { target, from, to, samples, again } => {
            let again = again.map_or_else(
                || ", up to the last sample".into(),
                |again| Inert::from(", and 1 again at ").then(dated(again)),
            );
            Inert::from("`up` of ")
                .then(code(target))
                .then(" was 0 in ")
                .then(count(*samples, "sample", "samples"))
                .then(" from ")
                .then(dated(*from))
                .then(" to ")
                .then(dated(*to))
                .then(again)
        }
        Fact::Repeated { title } => prose(title),
        Fact::Stated { text } => Inert::from("Written down by people: ").then(prose(text)),
    }
}

/// How many of what came at a pace would have come in a pause.
fn missed(since: UtcTime, again: Option<UtcTime>, usual_ms: u64) -> Inert {
    let pause = again.and_then(|again| u64::try_from(again.millis_since(since)).ok());
    match pause.and_then(|pause| pause.checked_div(usual_ms)) {
        Some(missed) if missed > 1 => {
            Inert::from(", so that about ").then(grouped(missed)).then(" fewer came than at that pace")
        }
        _ => Inert::default(),
    }
}

/// How far from the death something was, as it goes on behind a time.
fn from_death(at: UtcTime, died: UtcTime) -> Inert {
    match at.millis_since(died) {
        0 => ", when the process died".into(),
        ms if ms < 0 => Inert::from(", ").then(span(-ms)).then(" before the process died"),
        ms => Inert::from(", ").then(span(ms)).then(" after the process died"),
    }
}
