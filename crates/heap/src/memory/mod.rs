//! The dumped memory as passes over millions of objects need it.

pub(crate) mod image;
pub(crate) mod places;
