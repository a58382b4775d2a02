use std::collections::BTreeMap;

use pycoroner_findings::{Gap, GapKind, UtcTime};
use serde_json::Value;

use super::attributes::{all, as_number, as_text};
use crate::document::{Label, Series, Telemetry};
use crate::members::{items, text, whole};
use crate::place::Place;

/// Most series that are read of one export.
const MOST_SERIES: usize = 5000;
/// Attributes of a resource that tell its processes apart.
const TELLING: &[&str] = &["process.pid", "service.instance.id", "service.name"];

/// Series by name and labels, gathered over all requests of a file.
#[derive(Default)]
pub(super) struct Metrics {
    series: BTreeMap<(String, Vec<Label>), Series>,
    samples: usize,
    left_out: usize,
    unread: usize,
}

impl Metrics {
    /// Takes the metrics of one resource, in OTLP's form or in that of the Python SDK's console exporter.
    pub(super) fn resource(&mut self, resource: &Value, place: &Place, pointer: &str) {
        let attributes = resource.pointer("/resource/attributes").unwrap_or(&Value::Null);
        let mut common = all(attributes);
        common.retain(|(name, _)| TELLING.contains(&name.as_str()));
        for scopes in ["scopeMetrics", "scope_metrics"] {
            for (scope_index, scope) in items(resource, &format!("/{scopes}")).iter().enumerate() {
                for (index, metric) in items(scope, "/metrics").iter().enumerate() {
                    let pointer = format!("{pointer}/{scopes}/{scope_index}/metrics/{index}");
                    self.metric(metric, &common, place, &pointer);
                }
            }
        }
    }

    fn metric(&mut self, metric: &Value, common: &[(String, String)], place: &Place, pointer: &str) {
        let name = text(metric, "/name").unwrap_or("?");
        let data = ["gauge", "sum", "histogram", "exponentialHistogram", "summary", "data"]
            .into_iter()
            .find_map(|kind| Some((kind, metric.get(kind)?)));
        let Some((kind, data)) = data else {
            self.unread += 1;
            return;
        };
        let either = |key: &str, other: &str| data.get(key).or_else(|| data.get(other));
        let is_cumulative = either("aggregationTemporality", "aggregation_temporality")
            .is_some_and(|kind| matches!(as_text(kind).as_str(), "2" | "AGGREGATION_TEMPORALITY_CUMULATIVE"));
        let is_monotonic = either("isMonotonic", "is_monotonic").and_then(Value::as_bool) == Some(true);
        for points in ["dataPoints", "data_points"] {
            for (index, point) in items(data, &format!("/{points}")).iter().enumerate() {
                let citation = || place.cite(format!("{pointer}/{kind}/{points}/{index}"));
                let time = whole(point, "/timeUnixNano").or_else(|| whole(point, "/time_unix_nano"));
                let Some(time) = time.filter(|time| *time > 0).map(UtcTime) else {
                    self.unread += 1;
                    continue;
                };
                let mut labels: Vec<Label> = all(point.get("attributes").unwrap_or(&Value::Null))
                    .into_iter()
                    .chain(common.iter().cloned())
                    .map(|(name, value)| Label { name, value })
                    .collect();
                labels.sort();
                let number = |key: &str| point.get(key).and_then(as_number);
                let value = number("asDouble").or_else(|| number("asInt")).or_else(|| number("value"));
                let mut add = |name: String, value: Option<f64>, is_counter: bool| {
                    let Some(value) = value else { return };
                    self.samples += 1;
                    let key = (name, labels.clone());
                    if self.series.len() >= MOST_SERIES && !self.series.contains_key(&key) {
                        self.left_out += 1;
                        return;
                    }
                    let new = || Series::new(key.0.clone(), key.1.clone(), is_counter, citation());
                    self.series.entry(key.clone()).or_insert_with(new).points.push((time, value));
                };
                add(name.to_owned(), value, is_cumulative && is_monotonic);
                add(format!("{name}_count"), number("count"), is_cumulative);
                add(format!("{name}_sum"), number("sum"), false);
            }
        }
    }

    /// Gives the series, and how many samples they had.
    pub(super) fn finish(self, telemetry: &mut Telemetry) -> usize {
        for mut series in self.series.into_values() {
            series.points.sort_by_key(|(time, _)| *time);
            telemetry.series.push(series);
        }
        if self.left_out > 0 {
            let what = format!("{} samples", self.left_out);
            let why = format!("{MOST_SERIES} series are read of one export");
            telemetry.gaps.push(Gap::new(GapKind::Limit, what, why));
        }
        if self.unread > 0 {
            let what = format!("{} metrics or samples", self.unread);
            telemetry.gaps.push(Gap::new(GapKind::Unknown, what, "they have no data or no time"));
        }
        self.samples
    }
}
