//! The process as it was started, and its interpreter.

use std::collections::BTreeMap;

use pycoroner_findings::Confidence;
use serde::Serialize;

use crate::address::Address;
use crate::layout::flavor::Flavor;
use crate::runtime::attach::LayoutSource;
use crate::runtime::locate::LocatedBy;

/// The process as it was started, and its interpreter.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(default)]
pub struct ProcessSection {
    /// Process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// Real user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u64>,
    /// Arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// The path given to `execve`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// Environment; raw, to be redacted by whoever shows it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Processor, as `uname -m` names it.
    pub arch: String,
    /// Whether the cyclic garbage collector was on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gc_enabled: Option<bool>,
    /// The interpreter, when one was found and verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonSection>,
}

/// The interpreter.
#[derive(Clone, Debug, Serialize)]
pub struct PythonSection {
    /// `3.12.1`.
    pub version: String,
    /// `sys.version`; empty when it is lost.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub full_version: String,
    /// How it was configured.
    pub flavor: Flavor,
    /// How the runtime was found.
    pub located_by: LocatedBy,
    /// Where the offsets come from, the first one first.
    pub layout_from: Vec<LayoutSource>,
    /// `_PyRuntime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_address: Option<Address>,
    /// When all of it was recovered without the runtime: how sure version and types are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// What that rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
}
