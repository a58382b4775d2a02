//! Python objects as values and as text.

mod aliases;
pub mod attributes;
pub mod bytes;
pub mod context;
pub(crate) mod deque;
pub mod dict;
pub mod float;
pub mod integer;
pub mod kind;
pub mod ndarray;
mod quoted;
pub mod repr;
pub mod sequence;
pub mod set;
pub mod thread_local;
pub mod types;
pub mod unicode;
