//! What processes that died alike said last, against what others said.

use super::cite;
use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::grouped;
use crate::Incident;
use crate::sections::{LogPlace, LogsSection, Separation};

/// Records of each side that are cited.
const MOST_CITED: usize = 2;

pub(crate) fn render(page: &mut Page, incident: &Incident, logs: &LogsSection) {
    let Some(separations) = logs.separations.as_ref().filter(|known| !known.found.is_empty()) else { return };
    page.heading(3, "Values that go with the deaths");
    page.paragraph(
        Inert::from("Of what ")
            .then(grouped(separations.deaths))
            .then(" processes that ended by ")
            .then(prose(&separations.end))
            .then(" said near their end, against all other records of the same message. Meanwhile is from the first to the last of these ends; what a process repeats counts once there. ")
            .then(prose(&separations.test.name))
            .then(", corrected for ")
            .then(grouped(separations.test.comparisons))
            .then(" comparisons. What goes with something need not have brought it about."),
    );
    page.table(
        ["Message", "Value", "Those that ended", "Others", "Others meanwhile", "p", "Source"],
        separations.found.iter().map(|one| row(incident, one)),
    );
}

fn row(incident: &Incident, one: &Separation) -> [Inert; 7] {
    let part = |with: u64, of: u64| grouped(with).then(" of ").then(grouped(of));
    let nearest = one.nearest.as_deref().map_or_else(Inert::default, |nearest| {
        Inert::from("; the nearest of the others: ").then(code(nearest))
    });
    let what = code(&one.what).then(match one.by.as_deref() {
        Some("at-least") => " ≥ ",
        Some("at-most") => " ≤ ",
        _ => " = ",
    });
    let cited = |places: &[LogPlace]| {
        Inert::join(places.iter().take(MOST_CITED).map(|place| cite::log_line(incident, place)), " ")
    };
    let (died, others) = (cited(&one.died_places), cited(&one.other_places));
    [
        code(&one.template),
        what.then(code(&one.value)).then(nearest),
        part(one.died_with, one.died),
        part(one.others_with, one.others),
        part(one.others_meanwhile_with, one.others_meanwhile),
        one.p_value.map_or_else(Inert::default, |p_value| prose(&format!("{p_value:.1e}"))),
        Inert::join([died, Inert::join(["others:".into(), others], " ")], "; "),
    ]
}
