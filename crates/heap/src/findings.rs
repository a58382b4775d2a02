//! What the heap's answers amount to: the only place where they are judged.

use pycoroner_coredump::Core;
use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::document::{LedgerRow, Suspect, Unowned};
use crate::quantity::{number, size};

mod details;
mod growth;

pub(crate) use details::of_details;
pub(crate) use growth::{of_growth, weigh_suspects};

/// Every suspect as a finding; memory that is free inside of allocators; objects whose references got lost.
pub(crate) fn judge(
    core: &Core<'_>,
    suspects: &[Suspect],
    ledger: &[LedgerRow],
    unowned: &[Unowned],
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = suspects.iter().map(|suspect| leak_suspect(core, suspect)).collect();
    findings.extend(fragmentation(ledger));
    findings.extend(unowned.iter().filter(|row| is_excess(row)).map(|row| reference_excess(core, row)));
    findings
}

/// Memory that allocators keep although nobody uses it, when it is much.
fn fragmentation(ledger: &[LedgerRow]) -> Option<Finding> {
    const LEAST: u64 = 16 << 20;
    let of = |owners: &[&str]| -> u64 {
        ledger.iter().filter(|row| owners.contains(&row.owner.as_str())).map(|row| row.bytes).sum()
    };
    let free = of(&["pymalloc-free", "malloc-free"]);
    let used = of(&["python-objects", "python-buffers", "malloc-used"]);
    let percent = free as f64 * 100.0 / (free + used).max(1) as f64;
    if free < LEAST || percent < 30.0 {
        return None;
    }
    let confidence = if percent >= 60.0 { Confidence::Strong } else { Confidence::Moderate };
    let title = format!(
        "Fragmentation: {free} bytes, {percent:.1} % of what allocators hold, are free but were not given back"
    );
    let why = format!(
        "pymalloc keeps {} bytes free in arenas, malloc {} in chunks between others; {used} bytes are in use",
        of(&["pymalloc-free"]),
        of(&["malloc-free"])
    );
    Some(
        Finding::new("heap-fragmentation", Severity::Warning, confidence, title)
            .with_evidence(Evidence::new(Basis::Derived, why))
            .refuted_if("the process was about to use as much again: memory is free right after a peak, too"),
    )
}

/// Instances of classes made at run time are held by Python code; when many are not, a reference was lost.
fn is_excess(row: &Unowned) -> bool {
    const LEAST: u64 = 100;
    row.is_python_class && row.count - row.on_stacks >= LEAST
}

fn reference_excess(core: &Core<'_>, row: &Unowned) -> Finding {
    let title = format!(
        "Reference-count excess: {} objects of {} are held by nothing that can be seen",
        row.count, row.r#type
    );
    let why = format!(
        "their reference counts exceed the references found by {}; no root reaches them",
        row.excess_references
    );
    let evidence = Evidence::new(Basis::Inferred, why).cite(core.cite(row.example, 64));
    Finding::new("heap-reference-excess", Severity::Warning, Confidence::Moderate, title)
        .about(row.r#type.clone())
        .with_evidence(evidence)
        .refuted_if("a C extension keeps them in structures of its own: then each is named there")
}

fn leak_suspect(core: &Core<'_>, suspect: &Suspect) -> Finding {
    // A third of the heap in one place is unusual; half of it leaves room for little else.
    let confidence = match suspect.percent {
        percent if percent >= 50.0 => Confidence::Strong,
        percent if percent >= 30.0 => Confidence::Moderate,
        _ => Confidence::Weak,
    };
    let kept = size(suspect.retained_bytes);
    let kept = match &suspect.accumulates {
        Some(piled) => format!("holds {} {} and keeps {kept} alive", number(piled.count), piled.r#type),
        None => format!("is one buffer of {kept}"),
    };
    let title =
        format!("Leak suspect: {} {kept}, {:.1} % of all live objects", suspect.path, suspect.percent);
    let evidence = Evidence::new(Basis::Derived, suspect.why.clone()).cite(core.cite(suspect.address, 64));
    Finding::new("heap-leak-suspect", Severity::Warning, confidence, title)
        .about(suspect.path.clone())
        .with_evidence(evidence)
        .refuted_if(suspect.refuted_if.clone())
}
