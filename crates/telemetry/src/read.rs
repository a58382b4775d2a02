use pycoroner_findings::SourceId;

use crate::document::Telemetry;
use crate::format::ExportFormat;
use crate::{alerts, description, docker, incidents, kubernetes, prometheus, traces};

/// Reads one export whole; what is not understood of it becomes a gap.
pub fn read(format: ExportFormat, export: &[u8], source: SourceId) -> Telemetry {
    match format {
        ExportFormat::Alerts => alerts::read_alerts(export, source),
        ExportFormat::DockerInspect => docker::read_inspect(export, source),
        ExportFormat::Jaeger => traces::read_jaeger(export, source),
        ExportFormat::KubernetesDescription => description::read_description(export, source),
        ExportFormat::KubernetesObjects => kubernetes::read_objects(export, source),
        ExportFormat::MetricsText => prometheus::read_exposition(export, source),
        ExportFormat::OtelConsole => traces::read_console(export, source),
        ExportFormat::Otlp => traces::read_otlp(export, source),
        ExportFormat::PagerDuty => incidents::read_pagerduty(export, source),
        ExportFormat::PrometheusQuery => prometheus::read_query(export, source),
        ExportFormat::PrometheusTargets => prometheus::read_targets(export, source),
        ExportFormat::Slack => incidents::read_slack(export, source),
        ExportFormat::Zipkin => traces::read_zipkin(export, source),
    }
}
