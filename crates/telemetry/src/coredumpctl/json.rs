use pycoroner_findings::{Gap, GapKind, SourceId, TimeBasis, Timestamp, UtcTime};
use serde_json::Value;

use super::list::WRITING_MS;
use super::{MOST_CORES, add};
use crate::document::{Export, ProcessRecord, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::members::{items, text};
use crate::tree::Tree;

/// Whether a file is what `coredumpctl list --json=short` or `pretty` prints.
pub(crate) fn is_list(head: &Head<'_>) -> bool {
    head.outline.has_all(&["*/time", "*/pid", "*/sig", "*/corefile", "*/exe"])
}

/// Reads the cores that are listed.
pub(crate) fn read_list(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let tree = match Tree::json(bytes, source) {
        Ok(tree) => tree,
        Err(gap) => {
            telemetry.gaps.push(*gap);
            return telemetry;
        }
    };
    let cores = items(&tree.value, "");
    for (index, core) in cores.iter().take(MOST_CORES).enumerate() {
        let number = |name: &str| core.get(name).and_then(Value::as_u64);
        let time =
            number("time").and_then(|micros| i64::try_from(micros.checked_mul(1000)?).ok()).map(UtcTime);
        let record = ProcessRecord {
            at: time.map(|time| Timestamp {
                time,
                basis: TimeBasis::StoredWithCore,
                uncertainty_ms: WRITING_MS,
            }),
            pid: number("pid"),
            signal: number("sig").and_then(|signal| u32::try_from(signal).ok()).filter(|signal| *signal > 0),
            executable: text(core, "/exe").map(str::to_owned),
            core_file: text(core, "/corefile").map(str::to_owned),
            ..ProcessRecord::new(tree.cite(&format!("/{index}")))
        };
        add(&mut telemetry, record);
    }
    if cores.len() > MOST_CORES {
        let what = format!("{} more cores", cores.len() - MOST_CORES);
        telemetry.gaps.push(Gap::new(GapKind::Limit, what, format!("{MOST_CORES} are read of one file")));
    }
    let export = Export::of(source, ExportFormat::CoredumpctlJson, cores.len(), &telemetry.events);
    telemetry.exports.push(export);
    telemetry
}
