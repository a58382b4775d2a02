use std::collections::BTreeMap;

use pycoroner_findings::{SourceId, UtcTime};
use serde_json::Value;

use super::frame;
use crate::document::{AllocationProfile, AllocationSite, Counted, Export, StackFrame, Telemetry};
use crate::findings::allocations;
use crate::format::ExportFormat;
use crate::head::Head;
use crate::members::{items, text};
use crate::time::rfc3339;
use crate::tree::Tree;

/// Most sites that are kept; memray writes 5 unless it is asked for more.
const MOST_SITES: usize = 100;

/// Whether a file is what `memray stats --json` writes.
pub(crate) fn is_stats(head: &Head<'_>) -> bool {
    head.outline.has_all(&["total_num_allocations", "total_bytes_allocated", "top_allocations_by_size"])
}

/// Reads totals and the sites with the most bytes: all that were ever allocated, not what stayed.
pub(crate) fn read_stats(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let tree = match Tree::json(bytes, source) {
        Ok(tree) => tree,
        Err(gap) => {
            telemetry.gaps.push(*gap);
            return telemetry;
        }
    };
    let whole = |pointer: &str| tree.value.pointer(pointer).and_then(Value::as_u64);
    let counts: BTreeMap<&str, u64> = items(&tree.value, "/top_allocations_by_count")
        .iter()
        .filter_map(|item| Some((text(item, "/location")?, item.get("count")?.as_u64()?)))
        .collect();
    for (index, item) in items(&tree.value, "/top_allocations_by_size").iter().take(MOST_SITES).enumerate() {
        let Some(place) = text(item, "/location") else { continue };
        telemetry.allocations.push(AllocationSite {
            frames: vec![location(place)],
            bytes: item.get("size").and_then(Value::as_u64),
            blocks: counts.get(place).copied(),
            growth: None,
            growth_bytes: None,
            type_name: None,
            counted: Counted::Allocated,
            heaviest: None,
            citation: tree.cite(&format!("/top_allocations_by_size/{index}")),
        });
    }
    let profile = AllocationProfile {
        tool: "memray".to_owned(),
        counted: Counted::Allocated,
        bytes: whole("/total_bytes_allocated"),
        blocks: whole("/total_num_allocations"),
        peak_bytes: whole("/metadata/peak_memory"),
        pid: whole("/metadata/pid"),
        traceback_limit: None,
        cut_tracebacks: None,
        domains: Vec::new(),
        citation: tree.cite("/total_bytes_allocated"),
    };
    let time = |pointer: &str| moment(text(&tree.value, pointer)?);
    telemetry.exports.push(Export {
        first: time("/metadata/start_time"),
        last: time("/metadata/end_time"),
        ..Export::of(source, ExportFormat::MemrayStats, telemetry.allocations.len(), &[])
    });
    telemetry.findings.extend(allocations::largest_site(&profile, &telemetry.allocations));
    telemetry.profiles.push(profile);
    telemetry
}

/// `2026-11-22 11:32:09.121000+00:00`
fn moment(text: &str) -> Option<UtcTime> {
    rfc3339(&text.replacen(' ', "T", 1))
}

/// `fill:shop/leak.py:4`; a file may hold colons, a function does not.
fn location(text: &str) -> StackFrame {
    let parts = text.split_once(':').and_then(|(function, rest)| Some((function, rest.rsplit_once(':')?)));
    match parts {
        Some((function, (file, line))) => frame(function, file, line),
        None => frame(text, "", ""),
    }
}
