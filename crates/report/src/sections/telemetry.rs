use pycoroner_findings::{Citation, SourceId, UtcTime};
use serde::{Deserialize, Serialize};

/// What metrics, traces, alerts and the like say: the document `pycoroner.telemetry/1`, as far as a report uses it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TelemetrySection {
    /// The exports that were read.
    pub exports: Vec<Export>,
    /// Metrics over time.
    pub series: Vec<Series>,
}

/// One export.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Export {
    pub id: Option<SourceId>,
    pub format: Option<String>,
    pub records: Option<u64>,
    pub first: Option<UtcTime>,
    pub last: Option<UtcTime>,
}

/// One metric of one target, by rising time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Series {
    pub name: String,
    pub labels: Vec<Label>,
    pub is_counter: bool,
    pub points: Vec<(UtcTime, f64)>,
    pub citation: Option<Citation>,
}

/// A label of a series.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Label {
    pub name: String,
    pub value: String,
}
