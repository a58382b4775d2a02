//! Python objects as values and as text.

mod aliases;
pub(crate) mod attributes;
pub(crate) mod bytes;
pub(crate) mod dict;
pub(crate) mod float;
pub(crate) mod integer;
pub(crate) mod kind;
mod quoted;
pub(crate) mod repr;
pub(crate) mod sequence;
pub(crate) mod set;
pub(crate) mod types;
pub(crate) mod unicode;
