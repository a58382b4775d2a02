//! Pictures of an incident, as SVG: each says one thing, and every shape says its numbers when pointed at.
//!
//! They hold no styles of their own but class names, so that a strict content security policy lets them through, and
//! evidence in them is escaped text of bounded length.

mod coverage;
mod end_scale;
mod log_rate;
mod owners;
mod series;
mod stacks;
mod svg;
mod timeline;
mod types;

use crate::Incident;

/// A picture and the section it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// The place in the page of the heading that it follows, such as `timeline`.
    pub(crate) section: String,
    /// One sentence of ours that says how to read it.
    pub(crate) caption: String,
    /// The picture.
    pub(crate) svg: String,
}

/// All pictures for which there is evidence.
pub(crate) fn of(incident: &Incident) -> Vec<Figure> {
    let mut figures = Vec::new();
    figures.extend(coverage::draw(incident));
    figures.extend(timeline::draw(incident));
    figures.extend(stacks::draw(incident));
    figures.extend(series::draw(incident));
    figures.extend(owners::draw(incident));
    figures.extend(types::draw(incident));
    figures.extend(log_rate::draw(incident));
    figures
}
