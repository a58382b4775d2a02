//! What waste and large parts amount to.

use pycoroner_coredump::{Address, Core};
use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::document::{
    Container, Containers, DescriptorKind, Excess, HeapDocument, KeptFrames, OpenDescriptors, SuspendedKind,
    SuspendedRow, SuspendedState, Unreachable,
};
use crate::quantity::{number, size};

/// A share of all live bytes from which on something is worth a finding.
const SHARE_PERCENT: u64 = 10;
/// Less than this is not worth anybody's time.
const LEAST: u64 = 1 << 20;
/// A container is sparse when it uses no more than one in so many of its places.
const SPARSE: u64 = 8;
/// Sparse containers of one type that get a finding.
const MOST_OF_TYPE: usize = 3;

/// Equal contents, and containers that are nearly empty.
///
/// Frames and machine stacks may hold one object `on_stacks` times, in places that are not read.
pub(crate) fn of_details(
    core: &Core<'_>,
    document: &HeapDocument,
    live_bytes: u64,
    on_stacks: u64,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = duplicates(core, document, live_bytes).into_iter().collect();
    for row in &document.containers {
        let sparse = row.largest.iter().filter(|container| is_sparse(container));
        findings.extend(sparse.take(MOST_OF_TYPE).map(|container| sparse_container(core, row, container)));
        findings.extend(empty_containers(row, live_bytes));
    }
    findings.extend(document.suspended.iter().filter_map(|row| never_finished(core, row, live_bytes)));
    findings.extend(document.exceptions.iter().filter_map(|row| kept_frames(core, row, live_bytes)));
    findings.extend(document.excess.iter().filter_map(|row| uncounted_references(core, row, on_stacks)));
    findings.extend(garbage(document, live_bytes));
    findings.extend(document.descriptors.iter().filter_map(|row| held_open(core, row)));
    findings
}

/// Fewer open files or sockets are usual.
const MANY_OPEN: u64 = 50;
/// More than half of what a process may open by default (`ulimit -n` 1024) are worth a warning.
const TOO_MANY_OPEN: u64 = 512;

/// Many files or sockets that hang under one object.
fn held_open(core: &Core<'_>, row: &OpenDescriptors) -> Option<Finding> {
    let holder =
        row.held_by.first().filter(|holder| holder.count >= MANY_OPEN && holder.count * 2 > row.count)?;
    let kind = match row.kind {
        DescriptorKind::File => "files",
        DescriptorKind::Socket => "sockets",
        DescriptorKind::Epoll => "epoll objects",
    };
    let title = format!("{} {kind} are open, {} of them under {}", row.count, holder.count, holder.path);
    let severity = if row.count > TOO_MANY_OPEN { Severity::Warning } else { Severity::Info };
    let counted = format!("{} objects of that kind have a descriptor, {} at most", row.count, row.highest);
    let evidence = Evidence::new(Basis::Derived, counted).cite(core.cite(row.address, 32));
    Some(
        Finding::new("heap-open-descriptors", severity, Confidence::Strong, title)
            .about(holder.path.clone())
            .with_evidence(evidence)
            .refuted_if("all of them are in use at the same time, as in a pool of connections"),
    )
}

/// Whether it is much, both as such and as a part of all.
pub(super) fn is_much(bytes: u64, live_bytes: u64) -> bool {
    bytes >= LEAST && bytes.saturating_mul(100) >= live_bytes.saturating_mul(SHARE_PERCENT)
}

pub(super) fn percent(bytes: u64, live_bytes: u64) -> f64 {
    if live_bytes == 0 { 0.0 } else { bytes as f64 * 100.0 / live_bytes as f64 }
}

fn duplicates(core: &Core<'_>, document: &HeapDocument, live_bytes: u64) -> Option<Finding> {
    let found = &document.duplicates;
    if !is_much(found.wasted_bytes, live_bytes) {
        return None;
    }
    let title = format!(
        "Equal contents: {} strings and bytes hold what another one holds, and take {}, {:.1} % of all live objects",
        number(found.copies),
        size(found.wasted_bytes),
        percent(found.wasted_bytes, live_bytes)
    );
    // Some equal contents are in every heap.
    let severity =
        if percent(found.wasted_bytes, live_bytes) >= 30.0 { Severity::Warning } else { Severity::Info };
    let finding = Finding::new("heap-duplicate-contents", severity, Confidence::Strong, title);
    let finding = found.rows.iter().take(3).fold(finding, |finding, row| {
        let place = row
            .held_by
            .first()
            .map(|holder| format!(", {} of them under {}", number(holder.count), holder.path));
        let statement = format!(
            "{} objects of {} of length {} are equal and waste {}{}",
            number(row.count),
            row.r#type,
            number(row.length),
            size(row.wasted_bytes),
            place.unwrap_or_default()
        );
        finding.with_evidence(Evidence::new(Basis::Derived, statement).cite(core.cite(row.address, 64)))
    });
    Some(
        finding.refuted_if(
            "the contents live only for moments: then another core of the service shows other ones",
        ),
    )
}

fn is_sparse(container: &Container) -> bool {
    container.wasted_bytes >= LEAST && container.used.saturating_mul(SPARSE) <= container.room
}

fn sparse_container(core: &Core<'_>, row: &Containers, container: &Container) -> Finding {
    let place = container.path.clone().unwrap_or_else(|| container.address.to_string());
    let title = format!(
        "Sparse container: {place} ({}) uses {} of {} places and wastes {} bytes",
        row.r#type, container.used, container.room, container.wasted_bytes
    );
    let why = format!(
        "it takes {} bytes; made anew with what it holds it would take {}",
        container.bytes,
        container.bytes - container.wasted_bytes.min(container.bytes)
    );
    let evidence = Evidence::new(Basis::Derived, why).cite(core.cite(Address(container.address.0), 64));
    Finding::new("heap-sparse-container", Severity::Warning, Confidence::Strong, title)
        .about(place)
        .with_evidence(evidence)
        .refuted_if(
            "it is about to be filled again: tables of dicts and sets shrink only when something is added",
        )
}

fn empty_containers(row: &Containers, live_bytes: u64) -> Option<Finding> {
    if !is_much(row.empty_bytes, live_bytes) {
        return None;
    }
    let title = format!(
        "Empty containers: {} of {} objects of {} hold nothing and take {} bytes, {:.1} % of all live objects",
        row.empty,
        row.count,
        row.r#type,
        row.empty_bytes,
        percent(row.empty_bytes, live_bytes)
    );
    let why = "each was made before anything was put into it, or was emptied and kept";
    Some(
        Finding::new("heap-empty-containers", Severity::Warning, Confidence::Moderate, title)
            .about(row.r#type.clone())
            .with_evidence(Evidence::new(Basis::Derived, why))
            .refuted_if("they are filled later on: then another core of the service shows fewer"),
    )
}

/// Many calls that stand at one place: nobody resumes them, or more are made than are finished.
fn never_finished(core: &Core<'_>, row: &SuspendedRow, live_bytes: u64) -> Option<Finding> {
    const MANY: u64 = 1000;
    if row.count < MANY || row.state == SuspendedState::Running {
        return None;
    }
    let (what, refuted_if) = match (row.kind, row.state) {
        (SuspendedKind::Generator, _) => {
            ("generators", "all of them are in use: then the program resumes each of them yet")
        }
        (SuspendedKind::AsyncGenerator, _) => {
            ("async generators", "all of them are in use: then the program resumes each of them yet")
        }
        (SuspendedKind::Coroutine, SuspendedState::Created) => {
            ("coroutines that were never awaited", "the program was about to await them")
        }
        (SuspendedKind::Coroutine, _) => ("coroutines", "what they wait for still comes"),
        (SuspendedKind::Task, _) => {
            ("pending tasks", "the service has as many connections or jobs at once in normal operation")
        }
    };
    let place = row.stack.first().and_then(|place| Some(format!("{}:{}", place.file, place.line?)));
    let title = format!(
        "Never finished: {} {what} of {} keep {} bytes alive, {:.1} % of all live objects",
        row.count,
        row.function,
        row.retained_bytes,
        percent(row.retained_bytes, live_bytes)
    );
    let holder =
        row.held_by.first().map(|holder| format!("; {} of them hang under {}", holder.count, holder.path));
    let why = format!(
        "all of them stand at {}{}",
        place.as_deref().unwrap_or("a place that cannot be told"),
        holder.unwrap_or_default()
    );
    let confidence =
        if is_much(row.retained_bytes, live_bytes) { Confidence::Moderate } else { Confidence::Weak };
    Some(
        Finding::new("heap-never-finished", Severity::Warning, confidence, title)
            .about(row.function.clone())
            .with_evidence(Evidence::new(Basis::Derived, why).cite(core.cite(row.address, 64)))
            .refuted_if(refuted_if),
    )
}

/// Frames of functions that have ended, with all their variables, because somebody keeps an exception.
fn kept_frames(core: &Core<'_>, row: &KeptFrames, live_bytes: u64) -> Option<Finding> {
    if !is_much(row.retained_bytes, live_bytes) {
        return None;
    }
    let function = row.functions.last().map_or("?", String::as_str);
    // What is garbage is no part of what is alive.
    let share = if row.is_garbage {
        String::new()
    } else {
        format!(", {:.1} % of all live objects", percent(row.retained_bytes, live_bytes))
    };
    let title = format!(
        "Kept frames: {} {} of type {} keep {} {} in memory with all their variables, of {function}() above all: {} bytes{share}",
        row.count,
        if row.count == 1 { "exception" } else { "exceptions" },
        row.r#type,
        row.frames,
        if row.frames == 1 { "frame" } else { "frames" },
        row.retained_bytes
    );
    let holder = match row.held_by.first() {
        _ if row.is_garbage => "a cycle that the collector has not seen yet holds them".to_owned(),
        Some(holder) => format!("{} of them hang under {}", holder.count, holder.path),
        None => "nothing with a name holds them".to_owned(),
    };
    let why = format!("their tracebacks go through {}; {holder}", row.functions.join(", "));
    Some(
        Finding::new("heap-kept-frames", Severity::Warning, Confidence::Strong, title)
            .about(row.example.clone().unwrap_or_else(|| row.address.to_string()))
            .with_evidence(Evidence::new(Basis::Derived, why).cite(core.cite(row.address, 64)))
            .refuted_if("the exceptions are being handled right now and are dropped then"),
    )
}

/// Objects that count references that nothing seen holds: many instances of a class, or one object very many.
fn uncounted_references(core: &Core<'_>, row: &Excess, on_stacks: u64) -> Option<Finding> {
    const OBJECTS: u64 = 100;
    const REFERENCES: u64 = 1000;
    let many = row.is_python_class
        && row.count >= OBJECTS.saturating_add(on_stacks)
        && row.count.saturating_mul(10) >= row.objects;
    let excess = row.refcount.saturating_sub(row.found);
    let one = !row.is_shared
        && excess >= REFERENCES.saturating_add(on_stacks)
        && excess.saturating_mul(10) >= row.refcount.saturating_mul(9);
    let place = row.path.clone().unwrap_or_else(|| row.address.to_string());
    let title = if many {
        format!(
            "Reference-count excess: {} of {} objects of {} count {} references more than are found",
            row.count, row.objects, row.r#type, row.excess_references
        )
    } else if one {
        format!(
            "Reference-count excess: {place} ({}) counts {} references, of which {} are found",
            row.r#type, row.refcount, row.found
        )
    } else {
        return None;
    };
    let why = format!(
        "{place} counts {} references, and {} are found in objects, frames and interpreters; they will never be freed",
        row.refcount, row.found
    );
    Some(
        Finding::new("heap-reference-excess", Severity::Warning, Confidence::Moderate, title)
            .about(row.r#type.clone())
            .with_evidence(Evidence::new(Basis::Inferred, why).cite(core.cite(row.address, 64)))
            .refuted_if("a C extension keeps references to them in structures of its own"),
    )
}

/// Garbage in cycles, when it is much: why it was not collected.
fn garbage(document: &HeapDocument, live_bytes: u64) -> Option<Finding> {
    const MANY: u64 = 1000;
    let sum =
        |part: fn(&Unreachable) -> u64| document.unreachable.iter().map(part).fold(0, u64::saturating_add);
    let (objects, bytes) = (sum(|row| row.count), sum(|row| row.bytes));
    let collector = &document.collector;
    let is_off = collector.is_enabled == Some(false)
        || collector.generations.first().is_some_and(|generation| generation.threshold == 0);
    // A collector that is on has some garbage before it all the time.
    if !(is_much(bytes, live_bytes) || is_off && objects >= MANY) {
        return None;
    }
    // What only hangs on a cycle says little of it.
    let in_cycle = document.unreachable.iter().find(|row| row.cycle.is_some());
    let first = in_cycle.or_else(|| document.unreachable.first())?;
    let title = format!(
        "Unreachable cycles: {objects} objects that nothing holds take {bytes} bytes{}; {} are among them",
        if is_off { ", and the collector is off" } else { "" },
        first.r#type
    );
    let counts: Vec<String> =
        collector.generations.iter().map(|it| format!("{} of {}", it.count, it.threshold)).collect();
    let state = match (collector.is_enabled, is_off) {
        (Some(false), _) => "gc.isenabled() is False".to_owned(),
        (_, true) => {
            "the threshold of the youngest generation is 0: nothing is collected by itself".to_owned()
        }
        _ if counts.is_empty() => "the collector is on".to_owned(),
        _ => format!("the collector is on; its generations count {}", counts.join(", ")),
    };
    let cycle =
        first.cycle.as_ref().map(|cycle| format!("; one cycle is {cycle}, which is the first one again"));
    let finalizer = if first.has_finalizer { "; its class has a __del__" } else { "" };
    let why = format!(
        "{} objects of {}{finalizer}; {state}{}",
        first.count,
        first.r#type,
        cycle.unwrap_or_default()
    );
    let confidence = if is_off { Confidence::Strong } else { Confidence::Weak };
    Some(
        Finding::new("heap-unreachable-cycles", Severity::Warning, confidence, title)
            .about(first.r#type.clone())
            .with_evidence(Evidence::new(Basis::Derived, why))
            .refuted_if("a collection was about to come: gc.collect() would have freed all of it"),
    )
}
