use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Number of a source in an incident's evidence register; `E1` is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SourceId(pub u32);

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E{}", self.0)
    }
}

/// One file of evidence, as the register of a report lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Its number.
    pub id: SourceId,
    /// Its path as the user gave it.
    pub path: String,
    /// What it was taken for: `core`, `log`, …; `not understood` when nothing fits.
    pub kind: String,
    /// Size of the file on disk, in bytes.
    pub bytes: u64,
    /// SHA-256 of the file on disk, in hex, when it was read whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Milliseconds that were added to all its times, because the user knew that its clock was wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shifted_ms: Option<i64>,
}
