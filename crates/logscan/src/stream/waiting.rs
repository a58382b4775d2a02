//! What is complete and takes its time from its neighbours.

use pycoroner_findings::{TimeBasis, Timestamp};

use crate::collector::Carrier;
use crate::dump::Dump;
use crate::events::Fact;
use crate::traceback::Exception;

/// What a time is worth that only one neighbour gives: nothing says how far off it is.
const ONE_SIDED_MS: u64 = 86_400_000;

/// Something complete whose time is that of its neighbours.
pub(super) enum Waiting {
    Tree(Vec<Exception>, Carrier),
    Dump(Box<Dump>, Carrier),
    Fact(Box<Fact>, Carrier),
}

/// A time that is a neighbour's, as uncertain as the neighbours are apart.
pub(super) fn between(
    chosen: Option<Timestamp>,
    previous: Option<Timestamp>,
    next: Option<Timestamp>,
) -> Option<Timestamp> {
    let chosen = chosen?;
    let apart = match (previous, next) {
        (Some(previous), Some(next)) => next.time.millis_since(previous.time).unsigned_abs(),
        _ => ONE_SIDED_MS,
    };
    // The file's last change may be that of a copy.
    let is_change = chosen.basis == TimeBasis::FileModified;
    Some(Timestamp {
        time: chosen.time,
        basis: if is_change { chosen.basis } else { TimeBasis::InferredNeighbour },
        uncertainty_ms: chosen.uncertainty_ms.saturating_add(apart),
    })
}
