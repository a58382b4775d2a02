//! How the process ended.

use std::collections::BTreeMap;

use pycoroner_findings::Citation;
use serde::Serialize;

use crate::address::Address;
use crate::snapshot::document::NativeFrameSection;

/// How the process ended.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CrashSection {
    /// Signal number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<u32>,
    /// `SIGSEGV`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_name: Option<&'static str>,
    /// `SEGV_MAPERR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `si_addr` of the first signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_address: Option<Address>,
    /// The signal that came first, when a handler such as `faulthandler`'s caught it and raised it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_signal: Option<SignalSection>,
    /// What the C library left in memory before it aborted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_message: Option<String>,
    /// How it was found: `symbol`, or `shape` where the C library's file is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_message_found_by: Option<&'static str>,
    /// Where that message stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_message_citation: Option<Citation>,
    /// The text of `Fatal Python error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fatal_message: Option<String>,
    /// Process id of the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_pid: Option<u64>,
    /// User id of the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_uid: Option<u64>,
    /// Native id of the thread that the signal hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u64>,
    /// The instruction that failed, or that the thread stood on when the signal came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction: Option<NativeFrameSection>,
    /// General registers there, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub registers: BTreeMap<&'static str, Address>,
    /// What the facts add up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The notes that say so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
}

/// A signal.
#[derive(Clone, Debug, Serialize)]
pub struct SignalSection {
    /// Its number.
    pub signal: u32,
    /// `SIGSEGV`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_name: Option<&'static str>,
    /// `SEGV_MAPERR`.
    pub code: String,
    /// `si_addr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_address: Option<Address>,
    /// Process id of the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_pid: Option<u64>,
    /// The `siginfo_t` on the stack.
    pub citation: Citation,
}

/// What the facts about the end add up to.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Stable kebab-case name.
    pub id: &'static str,
    /// How well the facts carry it.
    pub confidence: pycoroner_findings::Confidence,
    /// One sentence.
    pub summary: String,
    /// What speaks for it.
    pub because: Vec<String>,
    /// What speaks against it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<String>,
}
