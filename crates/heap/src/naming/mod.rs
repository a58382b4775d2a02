//! Names of references and of the paths that they make up.

pub(crate) mod edge;
pub(crate) mod look;
pub(crate) mod members;
pub(crate) mod roots;
