//! Exceptions and what they came from.

use pycoroner_findings::Citation;
use schemars::JsonSchema;
use serde::Serialize;

use crate::snapshot::document::{AttributeSection, FrameSection};

/// An exception with all that it came from.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ExceptionSection {
    /// `raised`, `handled`, `reported` to a hook that was running, or `last`: what `sys.last_exc` or `sys.last_value` kept of one that nothing handled; for the outermost of a chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// How it was found, when it belongs to no thread: `shape`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_by: Option<&'static str>,
    /// Qualified name of its type, without module.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Module of its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// What `str()` would print, as far as it can be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why the message may differ from `str()`, when it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_caveat: Option<String>,
    /// What the exception carries: `args`, members of its built-in type, and what the program set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeSection>,
    /// `__notes__` (3.11+).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Where it was raised, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub traceback: Vec<FrameSection>,
    /// `__cause__`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<ExceptionSection>>,
    /// `__context__`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Box<ExceptionSection>>,
    /// `__suppress_context__`.
    pub suppress_context: bool,
    /// Members of an exception group (3.11+).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ExceptionSection>,
    /// The object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citation: Option<Citation>,
}
