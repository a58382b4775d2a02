use pycoroner_findings::{Event, Finding, Gap, Source, Timestamp, UtcTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::causes::Cause;
use crate::last_sign::LastSign;
use crate::sections::{CoreSection, HeapSection, LogsSection, TelemetrySection};

/// Name and version of the document that an [`Incident`] is in JSON.
pub const SCHEMA: &str = "pycoroner.incident/1";

/// Everything that is known about one incident, merged, judged and redacted: what a report shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// [`SCHEMA`].
    pub schema: String,
    /// When the report was written; left out unless it was asked for, so that equal evidence gives equal reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<UtcTime>,
    /// When the process died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died_at: Option<Timestamp>,
    /// The process's own last sign of life, where that narrows the time of death.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sign: Option<LastSign>,
    /// The register of evidence.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// What the core says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<CoreSection>,
    /// What the heap holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap: Option<HeapSection>,
    /// What the logs say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<LogsSection>,
    /// What metrics, traces, alerts and the like say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<TelemetrySection>,
    /// What happened, by time; events without a time are at the end.
    #[serde(default)]
    pub timeline: Vec<Event>,
    /// What was concluded, the weightiest first; the first is `F-01`.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Probable causes, the likeliest first.
    #[serde(default)]
    pub causes: Vec<Cause>,
    /// What is not known, and why.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// What was masked.
    #[serde(default)]
    pub redactions: Vec<Redaction>,
}

/// How often a rule masked something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redaction {
    /// The rule's id.
    pub rule: String,
    /// What it masks.
    pub description: String,
    /// How often it did.
    pub count: u64,
}
