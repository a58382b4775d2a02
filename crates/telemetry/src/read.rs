use pycoroner_findings::SourceId;

use crate::document::Telemetry;
use crate::format::ExportFormat;
use crate::{
    alerts, coredumpctl, description, docker, incident, incidents, kubernetes, memray, objgraph, prometheus,
    psutil, pyspy, sentry, tracemalloc, tracemalloc_top, traces,
};

/// Reads one export whole; what is not understood of it becomes a gap.
pub fn read(format: ExportFormat, export: &[u8], source: SourceId) -> Telemetry {
    match format {
        ExportFormat::Alerts => alerts::read_alerts(export, source),
        ExportFormat::CoredumpctlInfo => coredumpctl::info::read_info(export, source),
        ExportFormat::CoredumpctlJson => coredumpctl::json::read_list(export, source),
        ExportFormat::CoredumpctlList => coredumpctl::list::read_list(export, source),
        ExportFormat::DockerInspect => docker::read_inspect(export, source),
        ExportFormat::FoldedStacks => pyspy::folded::read_folded(export, source),
        ExportFormat::IncidentToml => incident::read_toml(export, source),
        ExportFormat::IncidentYaml => incident::read_yaml(export, source),
        ExportFormat::Jaeger => traces::read_jaeger(export, source),
        ExportFormat::KubernetesDescription => description::read_description(export, source),
        ExportFormat::KubernetesObjects => kubernetes::read_objects(export, source),
        ExportFormat::MemrayCsv => memray::rows::read_rows(export, source),
        ExportFormat::MemrayStats => memray::stats::read_stats(export, source),
        ExportFormat::MetricsText => prometheus::read_exposition(export, source),
        ExportFormat::ObjgraphCounts => objgraph::counts::read_counts(export, source),
        ExportFormat::ObjgraphPicture => objgraph::picture::read_picture(export, source),
        ExportFormat::OtelConsole => traces::read_console(export, source),
        ExportFormat::Otlp => traces::read_otlp(export, source),
        ExportFormat::PagerDuty => incidents::read_pagerduty(export, source),
        ExportFormat::PrometheusQuery => prometheus::read_query(export, source),
        ExportFormat::PrometheusTargets => prometheus::read_targets(export, source),
        ExportFormat::Psutil => psutil::read_processes(export, source),
        ExportFormat::PySpyDump => pyspy::dump_text::read_dump(export, source),
        ExportFormat::PySpyJson => pyspy::dump_json::read_dump(export, source),
        ExportFormat::SentryEnvelope => sentry::envelope::read_envelopes(export, source),
        ExportFormat::SentryEvent => sentry::event::read_event(export, source),
        ExportFormat::Slack => incidents::read_slack(export, source),
        ExportFormat::Speedscope => pyspy::speedscope::read_speedscope(export, source),
        ExportFormat::StoredCoreAttributes => coredumpctl::stored::read_attributes(export, source),
        ExportFormat::StoredCoreList => coredumpctl::stored::read_list(export, source),
        ExportFormat::Tracemalloc => tracemalloc::read_snapshot(export, source),
        ExportFormat::TracemallocTop => tracemalloc_top::read_top(export, source),
        ExportFormat::Zipkin => traces::read_zipkin(export, source),
    }
}
