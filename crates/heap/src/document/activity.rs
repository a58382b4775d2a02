//! Calls that objects keep: suspended ones, and those that exceptions show; files and sockets that they keep open.

use pycoroner_coredump::Address;
use schemars::JsonSchema;
use serde::Serialize;

use super::Holder;

/// Generators, coroutines or tasks that were not finished and stand at the same place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SuspendedRow {
    /// What they are.
    pub kind: SuspendedKind,
    /// Qualified name of the function; of a task, that of its coroutine.
    pub function: String,
    /// What they are doing.
    pub state: SuspendedState,
    /// Where they stand: the function and all that it awaits or delegates to, innermost first.
    pub stack: Vec<Place>,
    /// How many there are.
    pub count: u64,
    /// What would be freed with all of them.
    pub retained_bytes: u64,
    /// Under which objects most of them hang.
    pub held_by: Vec<Holder>,
    /// How one of them is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// Where it is.
    pub address: Address,
}

/// Kinds of calls that can be suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SuspendedKind {
    /// `yield` in a function.
    Generator,
    /// `async def`.
    Coroutine,
    /// `yield` in an `async def`.
    AsyncGenerator,
    /// A task of `asyncio` that is pending, with its coroutine.
    Task,
}

/// What a suspended call is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SuspendedState {
    /// It was made, and has not begun.
    Created,
    /// It waits to be resumed.
    Suspended,
    /// It is running, or waits for a function that it called.
    Running,
}

/// A line of a function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Place {
    /// The function's name.
    pub function: String,
    /// Its file.
    pub file: String,
    /// The line, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// Exceptions of one type that keep the frames of the same functions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KeptFrames {
    /// The exceptions' type; `traceback` for tracebacks without one.
    pub r#type: String,
    /// How many there are.
    pub count: u64,
    /// The functions whose frames are kept, as a traceback shows them: the outermost first.
    pub functions: Vec<String>,
    /// Number of frames that are kept.
    pub frames: u64,
    /// What the exceptions, their tracebacks and these frames retain together.
    pub retained_bytes: u64,
    /// Nothing keeps them alive but a cycle that the collector has not seen yet.
    pub is_garbage: bool,
    /// Under which objects most of them hang.
    pub held_by: Vec<Holder>,
    /// How one of them is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// Where it is.
    pub address: Address,
}

/// Open files or sockets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OpenDescriptors {
    /// What they are.
    pub kind: DescriptorKind,
    /// How many are open.
    pub count: u64,
    /// The highest of their descriptors; the kernel gives the lowest that is free.
    pub highest: u32,
    /// Under which objects most of them hang.
    pub held_by: Vec<Holder>,
    /// How one of them is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// Where it is.
    pub address: Address,
}

/// What a descriptor is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DescriptorKind {
    /// `io.FileIO`, which what `open()` gives is built on.
    File,
    /// `socket.socket`.
    Socket,
    /// `select.epoll`.
    Epoll,
}
