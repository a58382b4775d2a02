use pycoroner_findings::SourceId;

use crate::alerts::read_alerts;
use crate::document::Telemetry;
use crate::format::ExportFormat;

/// Reads one export whole; what is not understood of it becomes a gap.
pub fn read(format: ExportFormat, export: &[u8], source: SourceId) -> Telemetry {
    match format {
        ExportFormat::Alerts => read_alerts(export, source),
    }
}
