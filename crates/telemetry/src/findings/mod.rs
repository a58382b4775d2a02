//! What is concluded from exports; nowhere else is anything judged.

mod address_space;
mod alerts;
pub(crate) mod allocations;
mod clocks;
mod containers;
mod error_rate;
mod files;
mod lives;
mod memory;
mod rise;
pub(crate) mod stacks;
mod statistics;
mod targets;
mod traces;

use pycoroner_findings::Timestamp;

use crate::document::{Series, Telemetry};
use crate::skew::{LoggedRequest, estimate};
use crate::thinning::thin;

/// Judges what all exports say together, and thins series that are too long for a document afterwards.
///
/// Call it once, when all exports are read: a limit stands in one export, what came near it in another. `logged` are
/// log records that name their trace; they tell how far the clocks of logs and traces are apart. With `died_at`, the
/// time at which the process died, what came long before the end is told from what led up to it.
pub fn judge(mut telemetry: Telemetry, logged: &[LoggedRequest], died_at: Option<Timestamp>) -> Telemetry {
    telemetry.skews = estimate(&telemetry, logged);
    clocks::judge(&mut telemetry);
    let lives = lives::find(&telemetry.series);
    targets::judge(&mut telemetry, &lives);
    memory::judge(&mut telemetry, &lives, died_at);
    address_space::judge(&mut telemetry, &lives, died_at);
    files::judge(&mut telemetry, &lives);
    error_rate::judge(&mut telemetry);
    containers::judge(&mut telemetry);
    traces::judge(&mut telemetry);
    alerts::judge(&mut telemetry);
    describe(&mut telemetry.series, &lives);
    thin(&mut telemetry);
    telemetry
}

/// Says of each series what those who read the document need and labels or the series of its target tell.
fn describe(series: &mut [Series], lives: &lives::Lives) {
    for series in series {
        series.target = series.target();
        series.takes_turns = lives.is_mixed(&series.target);
        let restarts = lives.restarts_of(&series.target).iter();
        series.restarts = restarts.map(|restart| restart.until).collect();
        series.failed_answers = error_rate::failed_answers(series);
    }
}
