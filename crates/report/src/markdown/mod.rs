//! The report as Markdown, section by section as it is read.
//!
//! The order is that of a reader's questions: what happened, in which order, where in the code, what was concluded,
//! what to decide, what is unknown, and what all of it rests on.

mod appendix;
mod before_death;
mod brief;
mod cite;
pub(crate) mod clock;
mod closing;
pub(crate) mod crash;
mod detection;
mod findings;
mod gantt;
mod glance;
mod heap;
mod impact;
pub(crate) mod inert;
mod logs;
mod page;
pub(crate) mod quantity;
mod separations;
mod threads;
pub(crate) mod timeline;
mod unknowns;

use std::collections::BTreeMap;

use crate::Incident;
use page::Page;

pub(crate) use inert::{code, prose};

/// A part of the report, without its heading.
type Part = fn(&mut Page, &Incident);

/// The parts of the report, by the names under which templates have them.
const PARTS: [(&str, Part); 18] = [
    ("written", written),
    ("glance", glance::render),
    ("impact", impact::render),
    ("timeline", timeline::render),
    ("crash", crash::render),
    ("threads", threads::render),
    ("before_death", before_death::render),
    ("logs", logs::render),
    ("findings", findings::render),
    ("causes", findings::render_causes),
    ("unknowns", unknowns::render),
    ("detection", detection::render),
    ("whys", closing::render_whys),
    ("actions", closing::render_actions),
    ("register", appendix::render_register),
    ("method", appendix::render_method),
    ("events", appendix::render_events),
    ("redactions", appendix::render_redactions),
];

/// All parts as Markdown.
pub(crate) fn parts(incident: &Incident) -> BTreeMap<&'static str, String> {
    let mut parts = BTreeMap::new();
    for (name, render) in PARTS {
        let mut page = Page::default();
        render(&mut page, incident);
        parts.insert(name, page.finish());
    }
    parts.insert("title", glance::title(incident).as_str().to_owned());
    parts.insert("crash_heading", crash::heading(incident).0.to_owned());
    parts
}

fn written(page: &mut Page, incident: &Incident) {
    if let Some(at) = incident.generated_at {
        page.paragraph(inert::Inert::from("Written at ").then(clock::dated(at)).then(" UTC."));
    }
}
