//! Locks: who holds them, and who waits.

use pycoroner_findings::Citation;
use schemars::JsonSchema;
use serde::Serialize;

use crate::address::Address;

/// What a thread waits for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WaitSection {
    /// `lock`, `rlock`, `condition`, `gil`, `poll`, `sleep`, ….
    pub kind: &'static str,
    /// The object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Address>,
    /// How Python code would name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Native id of the thread that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_tid: Option<u64>,
    /// A signal handler runs in the midst of the wait, which goes on when the handler returns.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

/// A lock that somebody holds or waits for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LockSection {
    /// How Python code would name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The object.
    pub address: Address,
    /// `lock`, `rlock`, `condition` or `mutex`.
    pub kind: &'static str,
    /// How often its owner has taken it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Native id of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_tid: Option<u64>,
    /// Name of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
    /// How the owner was found: `owner-field`, `with-statement`, `exit-stack` or `acquire-call`; the last three are
    /// evidence and no proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_found_by: Option<&'static str>,
    /// Where the code of its owner took it, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_in: Option<TakenSection>,
    /// Threads that wait for it.
    pub waiters: Vec<WaiterSection>,
    /// The lock in memory: whether it is taken, and by whom where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citation: Option<Citation>,
}

/// Where code took a lock: evidence, as the `with` block or the call that the frame is in or behind shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TakenSection {
    /// `co_qualname` of the function, or `co_name` where there is none (up to 3.10).
    pub function: String,
    /// Its source file.
    pub file: String,
    /// The line of the `with` statement, or of the call of `acquire`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// A thread that waits for a lock.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WaiterSection {
    /// Native id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u64>,
    /// Name given in `threading`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Threads that wait for each other in a circle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DeadlockSection {
    /// The threads, each waiting for the next one, the last for the first.
    pub tids: Vec<u64>,
    /// What each waits for, in the same order.
    pub locks: Vec<String>,
    /// In the same order, where each took what the one before it waits for, the first what the last waits for; `null`
    /// where that is not known.
    pub taken: Vec<Option<TakenSection>>,
}
