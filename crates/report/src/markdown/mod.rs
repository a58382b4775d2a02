//! The report as Markdown, section by section as it is read.
//!
//! The order is that of a reader's questions: what happened, in which order, where in the code, what was concluded,
//! what to decide, what is unknown, and what all of it rests on.

mod appendix;
mod cite;
mod closing;
mod crash;
mod findings;
mod glance;
mod heap;
pub(crate) mod inert;
mod logs;
mod page;
pub(crate) mod quantity;
mod threads;
mod timeline;

use crate::Incident;
use page::Page;

/// Renders an incident as Markdown, as GitHub and GitLab show it.
pub fn render_markdown(incident: &Incident) -> String {
    let mut page = Page::default();
    page.heading(1, glance::title(incident));
    page.quote(
        "**Draft, written by a machine from the evidence listed below.** Claims cite their source, such as \
         `[E3:L1042]` (file 3, line 1042). Nobody has agreed to anything in it yet.",
    );
    glance::render(&mut page, incident);
    timeline::render(&mut page, incident);
    crash::render(&mut page, incident);
    threads::render(&mut page, incident);
    heap::render(&mut page, incident);
    logs::render(&mut page, incident);
    findings::render(&mut page, incident);
    findings::render_causes(&mut page, incident);
    closing::render(&mut page, incident);
    appendix::render(&mut page, incident);
    page.finish()
}
