//! The CPython runtime inside a core: where it is, which version, its threads and frames.

pub(crate) mod activations;
pub(crate) mod attach;
pub(crate) mod beside;
pub(crate) mod code;
pub(crate) mod dialect;
pub(crate) mod exceptions;
pub(crate) mod frames;
pub(crate) mod generators;
pub(crate) mod greenlets;
pub(crate) mod known_words;
pub(crate) mod link_scan;
pub(crate) mod locate;
pub(crate) mod moved;
pub(crate) mod native_threads;
pub(crate) mod nesting;
pub(crate) mod phase;
pub(crate) mod process;
pub(crate) mod python;
pub(crate) mod reachable;
pub(crate) mod threads;
pub(crate) mod tracked;
pub(crate) mod variables;
pub(crate) mod verify;
