use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Citation, Severity, Timestamp};

/// Something that happened at a time: one row of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// When, and how well that is known; `None` when no source says.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Stable kebab-case kind: `process-died`, `traceback`, `worker-timeout`, …
    pub kind: Cow<'static, str>,
    /// How much it matters.
    pub severity: Severity,
    /// One line of what happened. Raw: redaction happens when it is shown.
    pub message: String,
    /// What is known of it beyond the message, which is quoted: `Perhaps out of memory` is no proof of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Process id, where the source names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// Signal number, where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<u32>,
    /// The process, container or thread that said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// The bytes that say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citation: Option<Citation>,
}

impl Event {
    /// States what happened; time and source are added by the caller.
    pub fn new(kind: impl Into<Cow<'static, str>>, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            at: None,
            kind: kind.into(),
            severity,
            message: message.into(),
            detail: None,
            pid: None,
            signal: None,
            producer: None,
            citation: None,
        }
    }
}
