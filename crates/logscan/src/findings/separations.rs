//! Which values in what processes said last go with their deaths.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::scan::Scan;
use crate::separation::{SeparatedBy, Separation, Separations};

/// No chance of a few millions, and no exception.
const VERY_UNLIKELY: f64 = 1e-6;

/// States the clearest value, and further ones as evidence of the same.
pub(super) fn conclude(scan: &Scan) -> Option<Finding> {
    let separations = scan.separations.as_ref()?;
    let first = separations.found.first()?;
    let is_clear = first.others_with == 0 && first.died_with == first.died;
    let confidence =
        if is_clear && first.p_value.0 <= VERY_UNLIKELY { Confidence::Strong } else { Confidence::Moderate };
    let title = format!(
        "{} {} \"{}\" with {}{}",
        who(separations, first),
        if first.is_last { "said last" } else { "said near their end" },
        first.template,
        having(first),
        others(first),
    );
    let finding = Finding::new("value-goes-with-deaths", Severity::Warning, confidence, title)
        .about(having(first))
        .refuted_if("records with such a value that did not end a process, in a log that is not among these");
    Some(
        separations.found.iter().fold(finding, |finding, one| with_evidence(scan, finding, one, separations)),
    )
}

/// `All 23 processes that died of SIGSEGV`
fn who(separations: &Separations, one: &Separation) -> String {
    let end = match separations.end.as_str() {
        "timeout" => "that their server gave up on".to_owned(),
        "failure" => "that failed".to_owned(),
        signal => format!("that died of {signal}"),
    };
    let Separations { deaths, .. } = separations;
    if one.died_with == *deaths {
        format!("All {deaths} processes {end}")
    } else {
        format!("{} of the {deaths} processes {end}", one.died_with)
    }
}

/// `SKU-<n> of 951 or more`
fn having(one: &Separation) -> String {
    let Separation { what, value, .. } = one;
    match one.by {
        SeparatedBy::AtLeast => format!("{what} of {value} or more"),
        SeparatedBy::AtMost => format!("{what} of {value} or less"),
        SeparatedBy::Equal => format!("{what}={value}"),
    }
}

/// `; the 77 others have 949 or less`
fn others(one: &Separation) -> String {
    let Separation { others, others_with, nearest, .. } = one;
    match (one.by, nearest) {
        (SeparatedBy::AtLeast, Some(nearest)) if *others_with == 0 => {
            format!("; in the {others} other records of it, it is {nearest} or less")
        }
        (SeparatedBy::AtMost, Some(nearest)) if *others_with == 0 => {
            format!("; in the {others} other records of it, it is {nearest} or more")
        }
        _ => format!("; so have {others_with} of the {others} other records of it"),
    }
}

fn with_evidence(scan: &Scan, finding: Finding, one: &Separation, separations: &Separations) -> Finding {
    let Separation { template, died, died_with, others, others_with, .. } = one;
    let Separation { others_meanwhile, others_meanwhile_with, p_value, .. } = one;
    let having = having(one);
    let told = format!(
        "{having} in {died_with} of {died} last records \"{template}\" of those that died, in {others_with} of {others} others, and in {others_meanwhile_with} of {others_meanwhile} others from the first to the last of the deaths: {}, {} comparisons, p = {p_value}",
        separations.test.name, separations.test.comparisons,
    );
    let cite = |evidence: Evidence, places: &[crate::document::Place]| {
        places.iter().fold(evidence, |evidence, place| evidence.cite(place.citation(&scan.sources)))
    };
    let died = cite(Evidence::new(Basis::Derived, told), &one.died_places);
    let finding = finding.with_evidence(died);
    if one.other_places.is_empty() {
        return finding;
    }
    let nearest = one.nearest.as_ref().map_or_else(
        || format!("others without {having}"),
        |nearest| format!("the nearest of the others has {nearest}"),
    );
    finding.with_evidence(cite(Evidence::new(Basis::Observed, nearest), &one.other_places))
}
