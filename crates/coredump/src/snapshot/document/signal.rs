//! What Python code had set for signals.

use schemars::JsonSchema;
use serde::Serialize;

use crate::address::Address;

/// What `signal.signal` had set.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SignalHandlersSection {
    /// Signals for which something else than the default was set, and those that are pending.
    pub handlers: Vec<SignalHandlerSection>,
    /// How the table was found: `shape`.
    pub found_by: &'static str,
    /// The table.
    pub address: Address,
}

/// What was set for one signal.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct SignalHandlerSection {
    /// Its number.
    pub signal: u32,
    /// `SIGTERM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_name: Option<&'static str>,
    /// `python`: a function is called; `ignored`; `native`: C code had set a handler before Python looked; `default`: Python
    /// code set none.
    pub action: &'static str,
    /// The function, by its qualified name; of C code with its module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Where the function is defined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of its `def`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The signal had come, and the function had not been called yet.
    pub pending: bool,
}
