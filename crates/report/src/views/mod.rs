//! What several renderers show, as plain data: computed here once, drawn by each of them.

pub(crate) mod aftermath;
pub(crate) mod answering;
pub(crate) mod coverage;
pub(crate) mod detection;
pub(crate) mod earlier;
pub(crate) mod end;
pub(crate) mod impact;
pub(crate) mod kinds;
pub(crate) mod lost;
pub(crate) mod metrics;
pub(crate) mod missing;
pub(crate) mod owner;
pub(crate) mod owners;
pub(crate) mod repeated;
pub(crate) mod targets;
pub(crate) mod threads;
pub(crate) mod tracebacks;
pub(crate) mod trend;
