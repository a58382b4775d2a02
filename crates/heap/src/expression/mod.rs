//! Expressions that name an object: an address, or a path as reports print it.

pub(crate) mod error;
pub(crate) mod literal;
pub(crate) mod parse;
pub(crate) mod resolve;
