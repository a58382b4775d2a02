use super::cite;
use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::{clock, count, grouped, span};
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
        Fact::Alert { name, from, to } => {
            let end = match to {
                Some(to) => Inert::from(" to ")
                    .then(clock(*to))
                    .then(" (")
                    .then(span(to.millis_since(*from)))
                    .then(")"),
                None => ", and had not ended when it was exported".into(),
            };
            Inert::from("Alert ").then(code(name)).then(" from ").then(clock(*from)).then(end)
        }
        Fact::FailedSpans { failed, of } => Inert::from(*failed)
            .then(" of ")
            .then(count(*of, "span", "spans"))
            .then(" at hand say that they failed"),
        Fact::UnfinishedSpans { count: spans } => count(*spans, "span has", "spans have")
            .then(" no end: the request was running, or its end was not exported"),
        Fact::LoggedErrors { inside, before } => grouped(*inside)
            .then(if *inside == 1 { " error was" } else { " errors were" })
            .then(" logged in the window, ")
            .then(grouped(*before))
            .then(" before it"),
        Fact::Restarts { name, count } => Inert::from("Container ")
            .then(code(name))
            .then(" was started again ")
            .then(grouped(*count))
            .then(if *count == 1 { " time" } else { " times" }),
        Fact::Repeated { title } => prose(title),
        Fact::Stated { text } => Inert::from("Written down by people: ").then(prose(text)),
    }
}
