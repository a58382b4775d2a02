//! Recursion without an end.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::findings::place;
use crate::snapshot::document::{FrameSection, ThreadSection};

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
