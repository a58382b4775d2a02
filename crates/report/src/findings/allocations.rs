//! Where a profiler saw memory allocated, against who keeps it alive in the heap.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::Incident;
use crate::markdown::quantity::bytes_text;
use crate::sections::{AllocationSite, OwnerRow, StackFrame};
use crate::views::owner::is_in_module_of;
use crate::views::threads::is_library;

/// A site with less than this share of what the owner keeps alive does not explain it.
const SHARE: f64 = 0.25;

/// States that the largest site lies in the code that holds the largest owner; says nothing where it does not.
pub(super) fn findings(incident: &Incident) -> Vec<Finding> {
    joined(incident).into_iter().collect()
}

fn joined(incident: &Incident) -> Option<Finding> {
    let heap = incident.heap.as_ref()?;
    let owner = heap.owners.iter().max_by_key(|owner| owner.retained_bytes)?;
    let (site, bytes) = largest(incident)?;
    let kept = owner.retained_bytes.filter(|kept| bytes as f64 >= SHARE * *kept as f64)?;
    let frame = site.frames.iter().find(|frame| !is_library(frame.file.as_deref()))?;
    let how = holder(incident, owner, frame)?;
    let cited = incident.findings.iter().find(|finding| {
        matches!(&*finding.id, "heap-leak-suspect" | "heap-grown")
            && finding.subject.as_deref() == Some(owner.path.as_str())
    })?;
    let of_owner = cited.evidence.iter().flat_map(|evidence| &evidence.citations).next()?.clone();
    let place = place(frame);
    let title = format!("The memory that {} keeps alive was allocated at {place}, {how}", owner.path);
    let at_site = format!("the profiler saw {} allocated there, more than anywhere else", bytes_text(bytes));
    let at_owner = format!("{} keeps {} alive", owner.path, bytes_text(kept));
    Some(
        Finding::new("allocation-site-of-owner", Severity::Info, Confidence::Moderate, title)
            .about(owner.path.clone())
            .with_evidence(Evidence::new(Basis::Observed, at_site).cite(site.citation.clone()))
            .with_evidence(Evidence::new(Basis::Derived, at_owner).cite(of_owner))
            .refuted_if("what is allocated at that line goes to another object of the same code"),
    )
}

/// The site that grew most, or where nothing tells of growth, the one with the most bytes.
fn largest(incident: &Incident) -> Option<(&AllocationSite, u64)> {
    // What was allocated and freed again keeps nothing.
    let is_kept = |site: &&AllocationSite| site.counted.as_deref() != Some("allocated");
    let sites = || incident.telemetry.iter().flat_map(|telemetry| &telemetry.allocations).filter(is_kept);
    let grown = sites().filter_map(|site| Some((site, site.growth_bytes?))).max_by_key(|(_, bytes)| *bytes);
    let grown = grown.filter(|(_, bytes)| *bytes > 0);
    grown.or_else(|| sites().map(|site| (site, site.bytes)).max_by_key(|(_, bytes)| *bytes))
}

/// How the code at a frame has to do with an owner, by the owner's path.
fn holder(incident: &Incident, owner: &OwnerRow, frame: &StackFrame) -> Option<&'static str> {
    let file = frame.file.as_deref()?;
    if let Some(function) = owner.path.split("<frame ").nth(1).and_then(|rest| rest.split('>').next()) {
        // A variable of a running call: the core says in which file its function is.
        let mut frames =
            incident.core.iter().flat_map(|core| &core.threads).flat_map(|thread| &thread.python_frames);
        let is_there = frames.any(|known| {
            let names = [known.function.as_deref(), known.qualname.as_deref()];
            names.contains(&Some(function)) && known.file.as_deref() == Some(file)
        });
        return is_there.then_some("in the file of the function that holds it");
    }
    is_in_module_of(file, &owner.path).then_some("in the module that holds it")
}

fn place(frame: &StackFrame) -> String {
    let file = frame.file.as_deref().unwrap_or("unknown file");
    frame.line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
}
