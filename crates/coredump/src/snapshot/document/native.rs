//! Native frames.

use schemars::JsonSchema;
use serde::Serialize;

use crate::address::Address;

/// A function in machine code.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct NativeFrameSection {
    /// Its name, demangled, when a symbol or debug information tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The module's path as the process saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The module's build ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// Link-time address within the module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<Address>,
    /// The instruction's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Source file, by debug information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Source line, by debug information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The compiler put it into the next frame's machine code.
    pub inlined: bool,
    /// How it was found.
    pub found_by: FoundBy,
}

/// How a native frame was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// The registers of the thread.
    Registers,
    /// Call frame information of the module's file.
    Cfi,
    /// The chain of frame pointers.
    FramePointer,
    /// The registers that the kernel saved when it interrupted the frame to run a signal handler.
    SignalFrame,
    /// A word on the stack that looks like a return address: it may be left over from an earlier call.
    #[default]
    Scan,
}

/// A frame of the merged stack: an index into the thread's `python_frames` or `native_frames`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MergedFrame {
    /// Index of a Python frame.
    Python(usize),
    /// Index of a native frame.
    Native(usize),
}
