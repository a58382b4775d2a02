//! Tasks, suspended frames, and log records in memory.

use schemars::JsonSchema;
use serde::Serialize;

use crate::snapshot::document::{ExceptionSection, FrameSection};

/// The tasks of all event loops.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct AsyncioSection {
    /// The tasks that have not ended, those of one loop together.
    pub tasks: Vec<TaskSection>,
    /// Tasks that ended with an exception that nobody has asked for; from 3.14 on only where local variables are asked
    /// for as well, as `asyncio` has forgotten them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub never_retrieved: Vec<FailedTaskSection>,
}

/// An `asyncio.Task` that ended with an exception.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FailedTaskSection {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Type of the exception with its module.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// What `str()` of it would give; raw, to be redacted by whoever shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// An `asyncio.Task`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TaskSection {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Qualified name of its coroutine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coroutine: Option<String>,
    /// `pending`, `running` or `done`.
    pub state: &'static str,
    /// It is the one that its loop runs right now.
    pub current: bool,
    /// What it awaits, innermost first.
    pub stack: Vec<FrameSection>,
    /// Type of the object at the end of the chain of awaits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_on: Option<String>,
    /// Name of the task that is in an `async with` block of the `asyncio.Lock` which this one waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_holder: Option<String>,
    /// Names of the tasks that await it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub awaited_by: Vec<String>,
}

/// A generator, coroutine or greenlet that was started and waits to be resumed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SuspendedSection {
    /// `generator`, `coroutine`, `async-generator` or `greenlet`.
    pub kind: &'static str,
    /// Its `__name__`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its frame and those of what it delegates to, innermost first.
    pub stack: Vec<FrameSection>,
    /// Exceptions that it and what it delegates to are in the middle of handling, innermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ExceptionSection>,
}

/// A log record that was in memory.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MemoryLogSection {
    /// Name of the logger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// `WARNING`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// When it was made, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The message with its arguments; raw, to be redacted by whoever shows it.
    pub message: String,
    /// `log-record`, `buffer` or `deque`.
    pub found_in: &'static str,
}
