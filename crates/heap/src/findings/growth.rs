//! What it says that a heap holds more, or as much, as in an older core of the same service.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::document::HeapDocument;
use crate::growth::{GrowthDocument, OwnerGrowth, TypeGrowth};
use crate::quantity::{number, size};

/// Less than this is no growth to speak of, in bytes.
const LEAST: u64 = 1 << 20;
/// What makes up this share of the growth is named.
const SHARE: f64 = 0.3;
/// Most owners that are named.
const MOST_OWNERS: usize = 3;
/// Most types that are named.
const MOST_TYPES: usize = 4;
/// Up to this change, as a share of the older heap, a heap is level.
const LEVEL: f64 = 0.1;
/// A suspect that was this share of its size in the older core was as large then.
const AS_LARGE: f64 = 0.8;

/// Where the heap grew, or that it did not.
pub(crate) fn of_growth(growth: &GrowthDocument, old: &HeapDocument, new: &HeapDocument) -> Vec<Finding> {
    if old.types.is_empty() || new.types.is_empty() {
        // One of them could not be read, which is a gap.
        return Vec::new();
    }
    let (before, after) = (old.totals.shallow_bytes, new.totals.shallow_bytes);
    let grown = after.saturating_sub(before);
    if grown as f64 <= LEVEL * before as f64 {
        return vec![level(growth, before, after)];
    }
    let owners: Vec<Finding> =
        places(growth, old, grown).into_iter().map(|place| owner(growth, new, &place, grown)).collect();
    if owners.is_empty() { types(growth, grown).into_iter().collect() } else { owners }
}

/// An owner that grew, and what it retained before, at most.
struct Place<'g> {
    row: &'g OwnerGrowth,
    before: u64,
    after: u64,
}

impl Place<'_> {
    fn grown(&self) -> u64 {
        self.after.saturating_sub(self.before)
    }
}

/// The owners that make up much of the growth, without those that only hold another one of them.
fn places<'g>(growth: &'g GrowthDocument, old: &HeapDocument, grown: u64) -> Vec<Place<'g>> {
    // What is not listed retained no more than the least that is.
    let unlisted = old.owners.last().map_or(0, |owner| owner.retained_bytes);
    let place = |row: &'g OwnerGrowth| {
        let before = row.retained_before.unwrap_or(unlisted);
        Some(Place { row, before, after: row.retained_after? })
    };
    let is_much = |place: &Place| place.grown() >= LEAST && share(place.grown(), grown) >= SHARE;
    let all: Vec<Place> = growth.owners.iter().filter_map(place).filter(is_much).collect();
    // Whatever an object keeps alive is reached through it, so that its path is the beginning of theirs.
    let is_inside = |inner: &Place, outer: &Place| {
        let rest = inner.row.path.strip_prefix(&outer.row.path);
        rest.is_some_and(|rest| rest.starts_with(['.', '[', '<'])) && inner.grown() >= outer.grown() / 2
    };
    let holds_another: Vec<bool> =
        all.iter().map(|outer| all.iter().any(|inner| is_inside(inner, outer))).collect();
    all.into_iter()
        .zip(holds_another)
        .filter_map(|(place, holds_another)| (!holds_another).then_some(place))
        .take(MOST_OWNERS)
        .collect()
}

fn owner(growth: &GrowthDocument, new: &HeapDocument, place: &Place<'_>, grown: u64) -> Finding {
    let row = place.row;
    let part = share(place.grown(), grown);
    let at_most = if row.retained_before.is_some() { "" } else { "at most " };
    let piled = new.suspects.iter().find(|suspect| suspect.path == row.path);
    let piled = piled.and_then(|suspect| suspect.accumulates.as_ref());
    let piled = piled
        .map_or_else(String::new, |piled| format!("; it holds {} {}", number(piled.count), piled.r#type));
    let (path, before, after) = (&row.path, size(place.before), size(place.after));
    let lengths = row.length_before.zip(row.length_after).map(|(old, new)| (number(old), number(new)));
    // What another process holds more of did not grow.
    let title = if growth.new_objects.is_some() {
        let lengths = lengths.map(|(old, new)| format!(", from {old} to {new} entries")).unwrap_or_default();
        format!("{path} grew from {at_most}{before} to {after} since the older core{lengths}{piled}")
    } else {
        let lengths = lengths.map(|(old, new)| format!(" ({new} entries, {old} there)")).unwrap_or_default();
        format!(
            "{path} keeps {after} alive, and {at_most}{before} in the older core of another process{lengths}{piled}"
        )
    };
    let has_doubled = place.after >= place.before.saturating_mul(2);
    let is_trend = growth.cores < 3 || row.is_monotone;
    let confidence =
        if part >= 0.5 && has_doubled && is_trend { Confidence::Strong } else { Confidence::Moderate };
    let whole = format!(
        "it is {:.0} % of the {} by which all objects of the heap grew",
        100.0 * part.min(1.0),
        size(grown)
    );
    let mut evidence = Evidence::new(Basis::Derived, whole);
    evidence.citations.clone_from(&row.citations);
    let finding = Finding::new("heap-grown", Severity::Warning, confidence, title)
        .about(row.path.clone())
        .with_evidence(evidence)
        .with_evidence(Evidence::new(Basis::Derived, types_in_words(&growth.growth)))
        .refuted_if("it was still filling up to a bound of its own: then a third core shows it level");
    let finding = match &growth.new_objects {
        Some(found) => finding.with_evidence(Evidence::new(
            Basis::Derived,
            format!(
                "{} objects, {}, were not there in the older core",
                number(found.count),
                size(found.bytes)
            ),
        )),
        None => finding.with_against(Evidence::new(
            Basis::Observed,
            "the older core is of another process: it may have served for another time, or other requests",
        )),
    };
    if is_trend {
        return finding;
    }
    finding.with_against(Evidence::new(Basis::Derived, "it did not grow from each core to the next one"))
}

/// Growth that no single owner explains.
fn types(growth: &GrowthDocument, grown: u64) -> Option<Finding> {
    let first = growth.growth.first()?;
    let bytes = first.bytes_after.saturating_sub(first.bytes_before);
    if bytes < LEAST || share(bytes, grown) < SHARE {
        return None;
    }
    let title = format!(
        "{} objects became {} since the older core, and took {} more",
        first.r#type,
        change(first),
        size(bytes)
    );
    Some(
        Finding::new("heap-types-grown", Severity::Warning, Confidence::Moderate, title)
            .about(first.r#type.clone())
            .with_evidence(Evidence::new(Basis::Derived, types_in_words(&growth.growth)))
            .with_evidence(Evidence::new(Basis::Derived, "no single owner has much of the growth"))
            .refuted_if("they are in use for the requests of that moment: then another core shows fewer"),
    )
}

/// A heap that is as large as before.
fn level(growth: &GrowthDocument, before: u64, after: u64) -> Finding {
    let title = format!(
        "The heap is about as large as in the older core: {} then, {} now",
        size(before),
        size(after)
    );
    let finding = Finding::new("heap-level", Severity::Info, Confidence::Moderate, title)
        .with_evidence(Evidence::new(Basis::Derived, "sums of the sizes of all objects of each core"))
        .refuted_if("the older core was taken when the process was as near to its end");
    if growth.new_objects.is_some() {
        return finding;
    }
    finding.with_against(Evidence::new(Basis::Observed, "the older core is of another process"))
}

/// Tells suspects that were as large before from those that were not.
pub(crate) fn weigh_suspects(old: &HeapDocument, new: &mut HeapDocument) {
    if old.types.is_empty() {
        return;
    }
    let HeapDocument { suspects, findings, .. } = new;
    for finding in findings.iter_mut().filter(|finding| finding.id == "heap-leak-suspect") {
        let Some(suspect) =
            suspects.iter().find(|suspect| finding.subject.as_deref() == Some(suspect.path.as_str()))
        else {
            continue;
        };
        let Some(before) = old.owners.iter().find(|owner| owner.path == suspect.path) else {
            let statement = format!(
                "in the older core it is not among the {} objects that keep most alive",
                number(old.owners.len() as u64)
            );
            finding.evidence.push(Evidence::new(Basis::Derived, statement));
            continue;
        };
        let statement = format!("in the older core it kept {} alive", size(before.retained_bytes));
        let evidence = Evidence::new(Basis::Derived, statement).cite(before.citation.clone());
        if before.retained_bytes as f64 >= AS_LARGE * suspect.retained_bytes as f64 {
            finding.confidence = Confidence::Weak;
            finding.against.push(evidence);
        } else {
            finding.evidence.push(evidence);
        }
    }
}

fn types_in_words(rows: &[TypeGrowth]) -> String {
    let grown = rows.iter().filter(|row| row.bytes_after > row.bytes_before).take(MOST_TYPES);
    let words: Vec<String> = grown.map(|row| format!("{} {}", row.r#type, change(row))).collect();
    format!("the types that grew most, in objects: {}", words.join(", "))
}

fn change(row: &TypeGrowth) -> String {
    format!("{} → {}", number(row.count_before), number(row.count_after))
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
