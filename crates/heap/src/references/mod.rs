//! Which objects an object refers to, and by what step of a path.

pub(crate) mod dicts;
pub(crate) mod frames;
mod library;
pub(crate) mod reader;
pub(crate) mod text;
pub(crate) mod visit;
