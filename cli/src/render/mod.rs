//! Documents as text for a terminal: plain functions from a redacted document to a string.
//!
//! Renderers do not judge. Whatever stands in evidence is hostile and goes through [`inert`].

mod closing;
pub(crate) mod core;
mod exception;
mod frames;
pub(crate) mod growth;
pub(crate) mod heap;
mod heap_calls;
mod heap_garbage;
mod heap_waste;
pub(crate) mod inert;
mod locks;
mod log_events;
mod log_sources;
mod log_window;
mod log_workers;
pub(crate) mod logs;
pub(crate) mod matches;
mod memory_logs;
mod native;
pub(crate) mod objects;
mod process;
mod quantity;
pub(crate) mod source_lines;
pub(crate) mod stacks;
mod style;
mod tasks;
