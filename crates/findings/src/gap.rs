use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Citation;

/// Something that could not be known, and why; never silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The kind of gap.
    pub kind: GapKind,
    /// What is missing, as a phrase: `locals of frame handle`.
    pub what: String,
    /// Why it is missing: `page 0x7f… is not dumped`.
    pub why: String,
    /// What would have got it, as an instruction to the reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Cow<'static, str>>,
    /// Where in the evidence the reading stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citation: Option<Citation>,
}

impl Gap {
    /// States what is missing and why.
    pub fn new(kind: GapKind, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { kind, what: what.into(), why: why.into(), remedy: None, citation: None }
    }

    /// Says what would have got the missing evidence.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Points at the place where the reading stopped.
    #[must_use]
    pub fn at(mut self, citation: Citation) -> Self {
        self.citation = Some(citation);
        self
    }
}

/// Why something is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// The evidence ends before it.
    Truncated,
    /// The core has a mapping for it, but no bytes.
    NotDumped,
    /// Nothing was mapped there.
    Unmapped,
    /// The bytes contradict themselves or their format.
    Corrupt,
    /// A version, layout or format that is not known well enough to be read.
    Unknown,
    /// A bound on work or output was reached.
    Limit,
    /// The evidence was never collected.
    Missing,
}
