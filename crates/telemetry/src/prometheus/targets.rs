use pycoroner_findings::{Event, Severity, SourceId};

use crate::document::{Export, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::members::{items, text, time};
use crate::time::stated;
use crate::tree::Tree;

/// Most targets that are read of one export.
const MOST_TARGETS: usize = 10_000;

/// Whether a file is the answer of `/api/v1/targets`.
pub(crate) fn is_targets(head: &Head<'_>) -> bool {
    head.outline.has("data/activeTargets")
}

/// Reads how the last scrape of each [target](https://prometheus.io/docs/prometheus/3.0/querying/api/#targets) went.
pub(crate) fn read_targets(export: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let tree = match Tree::json(export, source) {
        Ok(tree) => tree,
        Err(gap) => {
            telemetry.gaps.push(*gap);
            return telemetry;
        }
    };
    let targets = items(&tree.value, "/data/activeTargets");
    for (index, target) in targets.iter().enumerate().take(MOST_TARGETS) {
        let pointer = format!("/data/activeTargets/{index}");
        let instance = text(target, "/labels/instance").or_else(|| text(target, "/scrapeUrl")).unwrap_or("?");
        let (kind, severity, key, message) = match (text(target, "/health"), text(target, "/lastError")) {
            (Some("up"), _) => {
                ("target-up", Severity::Info, "health", format!("the last scrape of {instance} succeeded"))
            }
            (Some("down"), error) => {
                let error = error.unwrap_or("no error is stated");
                let message = format!("the last scrape of {instance} failed: {error}");
                ("target-down", Severity::Error, "lastError", message)
            }
            _ => ("target-unknown", Severity::Info, "health", format!("{instance} was not scraped yet")),
        };
        telemetry.events.push(Event {
            at: time(target, "/lastScrape").map(stated),
            producer: Some(instance.to_owned()),
            citation: Some(tree.cite(&format!("{pointer}/{key}"))),
            ..Event::new(kind, severity, message)
        });
    }
    let export = Export::of(source, ExportFormat::PrometheusTargets, targets.len(), &telemetry.events);
    telemetry.exports.push(export);
    telemetry
}
