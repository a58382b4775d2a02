//! The CPython runtime inside a core: where it is, which version, its threads and frames.

pub(crate) mod dialect;
pub(crate) mod python;
