//! Where most of the memory was allocated.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::document::{AllocationProfile, AllocationSite, Counted};

/// A site with less of the whole, or with less than a mebibyte, is no finding.
const LEAST_PERCENT: u64 = 10;
const LEAST_BYTES: u64 = 1 << 20;

/// States which line most of the memory of a profile was allocated at.
pub(crate) fn largest_site(profile: &AllocationProfile, sites: &[AllocationSite]) -> Option<Finding> {
    let sized = sites.iter().filter_map(|site| Some((site, site.bytes?)));
    let (site, bytes) = sized.max_by_key(|(_, bytes)| *bytes)?;
    let (frame, total) = (site.frames.first()?, profile.bytes?);
    let permille = u128::from(bytes) * 1000 / u128::from(total.max(1));
    if permille < u128::from(LEAST_PERCENT * 10) || bytes < LEAST_BYTES {
        return None;
    }
    let file = frame.file.as_deref().unwrap_or(&frame.function);
    let place = frame.line.map_or(file.to_owned(), |line| format!("{file}:{line}"));
    let (tool, which) = (&profile.tool, which(profile.counted));
    let percent = permille as f64 / 10.0;
    let title = format!("{percent:.1} % of the memory that {tool} {which} was allocated at {place}");
    let one_of_several = site.heaviest.as_ref().map_or(String::new(), |heaviest| {
        format!("; {} bytes of them by one stack of several", heaviest.bytes)
    });
    let blocks = site.blocks.zip(profile.blocks);
    let blocks = blocks.map_or(String::new(), |(blocks, total)| format!(" in {blocks} of {total} blocks"));
    let observed = format!("{bytes} of {total} bytes{blocks}{one_of_several}");
    let finding = Finding::new("allocation-site", Severity::Info, Confidence::Certain, title)
        .about(place)
        .with_evidence(Evidence::new(Basis::Derived, observed).cite(site.citation.clone()))
        .refuted_if("most of the memory that grew was allocated before tracing began, or by native code");
    Some(finding)
}

fn which(counted: Counted) -> &'static str {
    match counted {
        Counted::Allocated => "saw being allocated",
        Counted::Live => "saw live",
        Counted::Peak => "saw live at the peak",
        Counted::Unknown => "saw",
    }
}
