//! Every object of the process: where it is, its type, its size.

pub(crate) mod kinds;
pub(crate) mod library_sizes;
pub(crate) mod room;
pub(crate) mod sized_by;
pub(crate) mod sizes;
pub(crate) mod table;
pub(crate) mod types;
