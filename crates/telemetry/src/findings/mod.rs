//! What is concluded from exports; nowhere else is anything judged.

mod alerts;
pub(crate) mod allocations;
mod clocks;
mod containers;
mod error_rate;
mod lives;
mod resources;
pub(crate) mod stacks;
mod statistics;
mod targets;
mod traces;

use crate::document::Telemetry;
use crate::skew::{LoggedRequest, estimate};
use crate::thinning::thin;

/// Judges what all exports say together, and thins series that are too long for a document afterwards.
///
/// Call it once, when all exports are read: a limit stands in one export, what came near it in another. `logged` are
/// log records that name their trace; they tell how far the clocks of logs and traces are apart.
pub fn judge(mut telemetry: Telemetry, logged: &[LoggedRequest]) -> Telemetry {
    telemetry.skews = estimate(&telemetry, logged);
    clocks::judge(&mut telemetry);
    let lives = lives::find(&telemetry.series);
    targets::judge(&mut telemetry, &lives);
    resources::judge(&mut telemetry, &lives);
    error_rate::judge(&mut telemetry);
    containers::judge(&mut telemetry);
    traces::judge(&mut telemetry);
    alerts::judge(&mut telemetry);
    thin(&mut telemetry);
    telemetry
}
