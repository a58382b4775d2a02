use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::head::Head;
use crate::{
    alerts, coredumpctl, description, docker, incident, incidents, kubernetes, memray, objgraph, prometheus,
    psutil, pyspy, sentry, tracemalloc, tracemalloc_top, traces,
};

/// What an export was taken for, by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// Alerts of Prometheus or Alertmanager.
    Alerts,
    /// What `coredumpctl info` prints.
    CoredumpctlInfo,
    /// What `coredumpctl list --json` prints.
    CoredumpctlJson,
    /// What `coredumpctl list` prints.
    CoredumpctlList,
    /// Containers as `docker inspect` writes them.
    DockerInspect,
    /// Samples of `py-spy record -f raw`.
    FoldedStacks,
    /// What people wrote down about the service, as TOML.
    IncidentToml,
    /// What people wrote down about the service, as YAML.
    IncidentYaml,
    /// Traces of Jaeger.
    Jaeger,
    /// Pods as `kubectl describe pod` prints them.
    KubernetesDescription,
    /// Pods and events as `kubectl get -o json` or `-o yaml` writes them.
    KubernetesObjects,
    /// Rows of `memray transform csv`.
    MemrayCsv,
    /// What `memray stats --json` writes.
    MemrayStats,
    /// Samples as text, as a target exposes them.
    MetricsText,
    /// Counts of objgraph by type.
    ObjgraphCounts,
    /// A picture of objgraph for Graphviz.
    ObjgraphPicture,
    /// Spans as the console exporter of OpenTelemetry's Python SDK prints them.
    OtelConsole,
    /// Spans and metrics of OpenTelemetry, as OTLP JSON.
    Otlp,
    /// Incidents or webhooks of PagerDuty.
    PagerDuty,
    /// Series as Prometheus answers a query with.
    PrometheusQuery,
    /// What Prometheus scrapes, and how that went.
    PrometheusTargets,
    /// Processes as psutil sees them.
    Psutil,
    /// What `py-spy dump` prints.
    PySpyDump,
    /// What `py-spy dump --json` prints.
    PySpyJson,
    /// Envelopes of sentry-sdk.
    SentryEnvelope,
    /// An event of sentry-sdk.
    SentryEvent,
    /// A day of a channel of Slack.
    Slack,
    /// Samples for speedscope.
    Speedscope,
    /// What `getfattr -d` prints of cores that systemd-coredump stored.
    StoredCoreAttributes,
    /// Names of cores that systemd-coredump stored, as `ls` lists them.
    StoredCoreList,
    /// A snapshot of tracemalloc.
    Tracemalloc,
    /// What programs print of tracemalloc's statistics.
    TracemallocTop,
    /// Spans of Zipkin.
    Zipkin,
}

/// Tells by the beginning of a file whether it has a format.
type Test = fn(&Head<'_>) -> bool;

/// How each format is known. No two tests hold for one file, whatever their order; the first that holds counts.
const TABLE: &[(ExportFormat, Test)] = &[
    (ExportFormat::Alerts, alerts::is_alerts),
    (ExportFormat::CoredumpctlInfo, coredumpctl::info::is_info),
    (ExportFormat::CoredumpctlJson, coredumpctl::json::is_list),
    (ExportFormat::CoredumpctlList, coredumpctl::list::is_list),
    (ExportFormat::DockerInspect, docker::is_inspect),
    (ExportFormat::FoldedStacks, pyspy::folded::is_folded),
    (ExportFormat::IncidentToml, incident::is_toml),
    (ExportFormat::IncidentYaml, incident::is_yaml),
    (ExportFormat::Jaeger, traces::is_jaeger),
    (ExportFormat::KubernetesDescription, description::is_description),
    (ExportFormat::KubernetesObjects, kubernetes::is_objects),
    (ExportFormat::MemrayCsv, memray::rows::is_rows),
    (ExportFormat::MemrayStats, memray::stats::is_stats),
    (ExportFormat::MetricsText, prometheus::is_exposition),
    (ExportFormat::ObjgraphCounts, objgraph::counts::is_counts),
    (ExportFormat::ObjgraphPicture, objgraph::picture::is_picture),
    (ExportFormat::OtelConsole, traces::is_console),
    (ExportFormat::Otlp, traces::is_otlp),
    (ExportFormat::PagerDuty, incidents::is_pagerduty),
    (ExportFormat::PrometheusQuery, prometheus::is_query),
    (ExportFormat::PrometheusTargets, prometheus::is_targets),
    (ExportFormat::Psutil, psutil::is_process),
    (ExportFormat::PySpyDump, pyspy::dump_text::is_dump),
    (ExportFormat::PySpyJson, pyspy::dump_json::is_dump),
    (ExportFormat::SentryEnvelope, sentry::envelope::is_envelope),
    (ExportFormat::SentryEvent, sentry::event::is_event),
    (ExportFormat::Slack, incidents::is_slack),
    (ExportFormat::Speedscope, pyspy::speedscope::is_speedscope),
    (ExportFormat::StoredCoreAttributes, coredumpctl::stored::is_attributes),
    (ExportFormat::StoredCoreList, coredumpctl::stored::is_list),
    (ExportFormat::Tracemalloc, tracemalloc::is_snapshot),
    (ExportFormat::TracemallocTop, tracemalloc_top::is_top),
    (ExportFormat::Zipkin, traces::is_zipkin),
];

impl ExportFormat {
    /// Tells the format by the first bytes of a file, decompressed; 64 KiB are enough.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        let head = Head::new(head);
        TABLE.iter().find(|(_, fits)| fits(&head)).map(|(format, _)| *format)
    }

    /// The word for it in a register of evidence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::CoredumpctlInfo => "coredumpctl-info",
            Self::CoredumpctlJson => "coredumpctl-json",
            Self::CoredumpctlList => "coredumpctl-list",
            Self::DockerInspect => "docker-inspect",
            Self::FoldedStacks => "folded-stacks",
            Self::IncidentToml => "incident-toml",
            Self::IncidentYaml => "incident-yaml",
            Self::Jaeger => "jaeger",
            Self::KubernetesDescription => "kubernetes-description",
            Self::KubernetesObjects => "kubernetes-objects",
            Self::MemrayCsv => "memray-csv",
            Self::MemrayStats => "memray-stats",
            Self::MetricsText => "metrics-text",
            Self::ObjgraphCounts => "objgraph-counts",
            Self::ObjgraphPicture => "objgraph-picture",
            Self::OtelConsole => "otel-console",
            Self::Otlp => "otlp",
            Self::PagerDuty => "pager-duty",
            Self::PrometheusQuery => "prometheus-query",
            Self::PrometheusTargets => "prometheus-targets",
            Self::Psutil => "psutil",
            Self::PySpyDump => "py-spy-dump",
            Self::PySpyJson => "py-spy-json",
            Self::SentryEnvelope => "sentry-envelope",
            Self::SentryEvent => "sentry-event",
            Self::Slack => "slack",
            Self::Speedscope => "speedscope",
            Self::StoredCoreAttributes => "stored-core-attributes",
            Self::StoredCoreList => "stored-core-list",
            Self::Tracemalloc => "tracemalloc",
            Self::TracemallocTop => "tracemalloc-top",
            Self::Zipkin => "zipkin",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn no_two_formats_fit_one_file() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let sample = std::fs::read(&path).unwrap();
                let head = Head::new(&sample);
                let fitting = TABLE.iter().filter(|(_, fits)| fits(&head)).map(|(format, _)| *format);
                assert!(fitting.count() <= 1, "{}", path.display());
            }
        }
    }

    /// What collectors of logs export is read by those who read logs.
    #[test]
    fn exports_of_logs_are_none() {
        for log in [
            r#"{"status": "success", "data": {"resultType": "streams", "result": [{"stream": {"app": "shop"}, "values": [["1795346895260000000", "x"]]}]}}"#,
            r#"{"labels": {"app": "shop"}, "line": "x", "timestamp": "2026-11-22T11:28:13.214000Z"}"#,
            r#"{"took": 7, "hits": {"total": {"value": 1}, "hits": [{"_index": "a", "_source": {"@timestamp": "2026-11-22T11:28:13Z", "message": "x", "trace": {"id": "1a"}}}]}}"#,
            r#"{"_index": "a", "_id": "1", "_source": {"@timestamp": "2026-11-22T11:28:13Z", "message": "x"}}"#,
            r#"{"preview": false, "offset": 0, "result": {"_raw": "x", "_time": "2026-11-22 11:28:13.214 UTC"}}"#,
            r#"{"data": [{"id": "A", "type": "log", "attributes": {"timestamp": "2026-11-22T11:28:13Z", "message": "x", "tags": []}}]}"#,
            r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1", "body": {"stringValue": "x"}}]}]}]}"#,
            r#"{"__REALTIME_TIMESTAMP": "1795346895260000", "MESSAGE": "x"}"#,
            r#"{"time": "2026-11-22T11:28:13Z", "level": "info", "message": "x", "trace_id": "1a", "context": {"trace_id": "1a"}}"#,
            "2026-11-22 11:28:13,214 ERROR shop: kind: Pod\napiVersion: v1\n",
        ] {
            assert_eq!(ExportFormat::sniff(log.as_bytes()), None, "{log}");
        }
    }
}
