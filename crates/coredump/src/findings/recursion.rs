//! Recursion without an end.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::crash::repeats::Repeated;
use crate::findings::place;
use crate::snapshot::document::{CrashSection, FoundBy, FrameSection, ThreadSection};

/// Recursion limits are a thousand by default; a stack this deep has one cycle in it.
const DEEP: usize = 500;

/// The cycle of a very deep stack.
pub(super) fn finding(thread: &ThreadSection) -> Option<Finding> {
    let frames = &thread.python_frames;
    if frames.len() < DEEP {
        return None;
    }
    let same = |a: &FrameSection, b: &FrameSection| a.function == b.function && a.file == b.file;
    // The cycle's length: how far below the middle the middle's function comes again.
    let middle = frames.len() / 2;
    let below = frames.get(middle..)?;
    let first = below.first()?;
    let length = below.iter().skip(1).position(|frame| same(frame, first))? + 1;
    let cycle = below.get(..length)?;
    let repeats =
        below.chunks_exact(length).take_while(|turn| turn.iter().zip(cycle).all(|(a, b)| same(a, b))).count();
    if repeats * length * 4 < frames.len() {
        return None;
    }
    let names: Vec<_> = cycle.iter().take(5).map(place).collect();
    let title = format!("{} Python frames deep in a recursion of {}", frames.len(), names.join(" and "));
    Some(
        Finding::new("deep-recursion", Severity::Error, Confidence::Strong, title)
            .about(first.function.clone())
            .with_evidence(
                Evidence::new(
                    Basis::Observed,
                    format!("{repeats} turns of the same {length} frames were counted"),
                )
                .cite(first.citation.clone()),
            ),
    )
}

/// The call that repeats on a stack that ran over, as words of the stack tell it.
pub(crate) fn repeated_in_words(repeated: &Repeated) -> String {
    let place = &repeated.place;
    let module = place.module.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or("no module");
    let place = match (&place.function, place.offset) {
        (Some(function), _) => format!("{function} of {module}"),
        (None, Some(offset)) => format!("{module} at offset {offset}"),
        (None, None) => format!("{module} at {}", place.address),
    };
    let is_call = match repeated.is_after_call {
        Some(_) => "it stands behind a call",
        None => "whether it stands behind a call is not known, as the code is not in the core",
    };
    format!(
        "one address in the code of {place} stands {} times in the {} KiB of the stack nearest to its end, mostly {} bytes apart, as a recursion leaves it ({is_call})",
        repeated.times,
        repeated.stack_bytes >> 10,
        repeated.turn_bytes
    )
}

/// The call that repeats on a stack that ran over, where no native frames were asked for.
pub(super) fn by_words(crash: &CrashSection, thread: Option<&ThreadSection>) -> Option<Finding> {
    let repeated = crash.repeated_call.as_ref()?;
    let call = &repeated.call;
    let module = call.module.as_deref().unwrap_or("no module");
    let place = match (&call.function, call.offset.or(call.address)) {
        (Some(function), _) => format!("{function} of {module}"),
        (None, Some(offset)) => format!("{module} at {offset}"),
        (None, None) => module.to_owned(),
    };
    let confidence =
        if repeated.is_after_call == Some(true) { Confidence::Strong } else { Confidence::Moderate };
    let title = format!("native code called itself until the stack ran out: {place}");
    let statement = format!(
        "a return address into it stands {} times in {} KiB of the stack, mostly {} bytes apart",
        repeated.times,
        repeated.stack_bytes >> 10,
        repeated.turn_bytes
    );
    let evidence =
        Evidence::new(Basis::Derived, statement).cite(thread.and_then(|thread| thread.citation.clone()));
    let mut finding = Finding::new("native-recursion", Severity::Error, confidence, title)
        .about(call.function.clone().unwrap_or_else(|| module.to_owned()))
        .with_evidence(evidence);
    if repeated.is_after_call.is_none() {
        let why =
            "the code is not in the core, so that it is a return address is judged by the distances alone";
        finding = finding.with_against(Evidence::new(Basis::Derived, why.to_owned()));
    }
    Some(finding)
}

/// A native function that is on the stack this often calls itself, by way of others or not.
const MANY_CALLS: usize = 1000;
/// Names of functions that are told.
const MOST_NAMES: usize = 4;

/// The native functions that repeat on a very deep stack; known when native frames were asked for.
pub(super) fn native(thread: &ThreadSection) -> Option<Finding> {
    let mut calls: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    for (index, frame) in thread.native_frames.iter().enumerate() {
        let (Some(function), Some(module)) = (&frame.function, &frame.module) else { continue };
        // What only looks like a return address counts for nothing, and inlined functions have no call of their own.
        if frame.found_by != FoundBy::Scan && !frame.inlined {
            calls.entry((function, module)).or_insert((0, index)).0 += 1;
        }
    }
    let mut repeated: Vec<_> = calls.into_iter().filter(|(_, (count, _))| *count >= MANY_CALLS).collect();
    repeated.sort_by_key(|&((function, _), (count, first))| (Reverse(count), first, function));
    let &((function, module), (count, _)) = repeated.first()?;
    let names: Vec<_> = repeated.iter().take(MOST_NAMES).map(|((name, _), _)| *name).collect();
    let title =
        format!("{} native frames deep in a recursion of {}", thread.native_frames.len(), names.join(", "));
    let mut finding = Finding::new("native-recursion", Severity::Error, Confidence::Strong, title)
        .about(function)
        .with_evidence(
            Evidence::new(Basis::Derived, format!("{function} of {module} is {count} times on the stack"))
                .cite(thread.citation.clone()),
        );
    for ((function, module), (count, _)) in repeated.iter().take(MOST_NAMES).skip(1) {
        let statement = format!("{function} of {module} is {count} times on the stack");
        finding = finding.with_evidence(Evidence::new(Basis::Derived, statement));
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::document::NativeFrameSection;

    #[test]
    fn native_functions_that_repeat() {
        let check = |turns: usize, found_by: FoundBy, expected: Option<&str>| {
            let frame = |function: &str| NativeFrameSection {
                function: Some(function.to_owned()),
                module: Some("/opt/_tree.so".to_owned()),
                found_by,
                ..NativeFrameSection::default()
            };
            let mut native_frames = vec![frame("fault")];
            native_frames.extend((0..turns).flat_map(|_| [frame("visit"), frame("descend")]));
            native_frames.push(frame("main"));
            let thread = ThreadSection { native_frames, ..ThreadSection::default() };
            assert_eq!(native(&thread).map(|finding| finding.title).as_deref(), expected, "{turns} turns");
        };
        check(1000, FoundBy::Cfi, Some("2002 native frames deep in a recursion of visit, descend"));
        check(999, FoundBy::Cfi, None);
        check(1000, FoundBy::Scan, None);
        check(0, FoundBy::Cfi, None);
    }
}
