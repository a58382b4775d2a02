use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Citation;

/// One thing that a producer concluded, with what speaks for it and what against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable kebab-case name of the kind of finding, such as `heap-leak-suspect`.
    pub id: Cow<'static, str>,
    /// How much it matters to whoever is on call.
    pub severity: Severity,
    /// How well the evidence carries it.
    pub confidence: Confidence,
    /// One sentence that stands alone.
    pub title: String,
    /// What the finding is about: a thread, a lock, a path in the heap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What speaks for it; never empty in a finished report.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// What speaks against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<Evidence>,
    /// What observation would show it to be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuted_if: Option<String>,
}

impl Finding {
    /// Starts a finding without evidence.
    pub fn new(
        id: impl Into<Cow<'static, str>>,
        severity: Severity,
        confidence: Confidence,
        title: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            severity,
            confidence,
            title: title.into(),
            subject: None,
            evidence: Vec::new(),
            against: Vec::new(),
            refuted_if: None,
        }
    }

    /// Names what the finding is about.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Adds evidence for the finding.
    #[must_use]
    pub fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// Adds evidence against the finding.
    #[must_use]
    pub fn with_against(mut self, evidence: Evidence) -> Self {
        self.against.push(evidence);
        self
    }

    /// Says what would refute the finding.
    #[must_use]
    pub fn refuted_if(mut self, observation: impl Into<String>) -> Self {
        self.refuted_if = Some(observation.into());
        self
    }
}

/// How much a finding matters; the order is by rising weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing, asks for nothing.
    Info,
    /// Unusual, may have contributed.
    Warning,
    /// A failure of some request or part.
    Error,
    /// What stopped the process, or would have.
    Critical,
}

/// How well evidence carries a statement; the order is by rising strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// One sign of several possible causes.
    Weak,
    /// More than one sign, and other explanations remain.
    Moderate,
    /// Direct signs, and no known evidence against it.
    Strong,
    /// The bytes themselves say it.
    Certain,
}

/// One observation that speaks for or against a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// How the statement came about.
    pub basis: Basis,
    /// The observation, as one sentence. Raw: redaction happens when it is shown.
    pub statement: String,
    /// The bytes it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
}

impl Evidence {
    /// States an observation that cites nothing yet.
    pub fn new(basis: Basis, statement: impl Into<String>) -> Self {
        Self { basis, statement: statement.into(), citations: Vec::new() }
    }

    /// Adds the bytes that it rests on.
    #[must_use]
    pub fn cite(mut self, citation: impl Into<Option<Citation>>) -> Self {
        self.citations.extend(citation.into());
        self
    }
}

/// How far a statement is from the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Stands in the evidence as it is.
    Observed,
    /// Computed from evidence by fixed rules.
    Derived,
    /// Concluded; another reading is possible.
    Inferred,
}
