//! What instructions do to the stack that a frame computes on.
//!
//! Mostly one thing is asked of byte code: how deep that stack is where a frame stands, for no version says so of a
//! frame that runs. The depth follows from the code alone, as the compiler made sure (`calculate_stackdepth` of
//! Python/compile.c and Python/flowgraph.c).

mod depth;
mod opcodes;

pub(crate) use depth::{Handler, Instruction, decode, depth_at, jump_target};
pub(crate) use opcodes::{OpcodeSet, Opcodes};
