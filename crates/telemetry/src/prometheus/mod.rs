//! What Prometheus gives out: results of queries, the state of targets, and the text that it scrapes.

mod alert_series;
mod exposition;
mod query;
mod targets;

use std::collections::BTreeMap;

use pycoroner_findings::Citation;

pub(crate) use self::alert_series::ends_by_others;
pub(crate) use self::exposition::{is_exposition, read_exposition};
pub(crate) use self::query::{is_query, read_query};
pub(crate) use self::targets::{is_targets, read_targets};
use crate::document::{Label, Series};

/// Most series that are read of one export.
const MOST_SERIES: usize = 5000;

/// A series without points; labels come sorted, the name apart from them.
fn series(mut labels: BTreeMap<String, String>, citation: Citation) -> Series {
    let name = labels.remove("__name__").unwrap_or_else(|| "(expression)".to_owned());
    // Gauges are named `…_count`, too, and what `…_sum` sums up may be negative.
    let is_counter = ["_total", "_bucket"].iter().any(|ending| name.ends_with(ending));
    let labels = labels.into_iter().map(|(name, value)| Label { name, value }).collect();
    Series::new(name, labels, is_counter, citation)
}

/// A sample as Prometheus writes it; `None` for what JSON has no number for: `NaN`, which also marks that a series
/// has ended, and infinities.
fn sample(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}
