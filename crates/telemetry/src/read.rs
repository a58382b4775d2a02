use pycoroner_findings::SourceId;

use crate::document::Telemetry;
use crate::format::ExportFormat;
use crate::{alerts, docker, kubernetes};

/// Reads one export whole; what is not understood of it becomes a gap.
pub fn read(format: ExportFormat, export: &[u8], source: SourceId) -> Telemetry {
    match format {
        ExportFormat::Alerts => alerts::read_alerts(export, source),
        ExportFormat::DockerInspect => docker::read_inspect(export, source),
        ExportFormat::KubernetesObjects => kubernetes::read_objects(export, source),
    }
}
