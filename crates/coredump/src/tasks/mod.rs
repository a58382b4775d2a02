//! Tasks of `asyncio`: which there are, where they stand, and who awaits whom.
//!
//! Everything is read from structures: the sets and lists in which `asyncio` keeps its tasks, the frames of their
//! coroutines, and the callbacks through which one task learns that another has ended.

pub(crate) mod await_chain;
pub(crate) mod awaiters;
pub(crate) mod futures;
pub(crate) mod locks;
pub(crate) mod registry;
