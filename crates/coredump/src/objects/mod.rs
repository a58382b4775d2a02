//! Python objects as values and as text.

mod aliases;
pub(crate) mod attributes;
pub(crate) mod dict;
pub(crate) mod integer;
pub(crate) mod kind;
pub(crate) mod sequence;
pub(crate) mod types;
pub(crate) mod unicode;
