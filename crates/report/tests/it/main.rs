//! What an incident is made of, and what its report looks like.

mod golden;
mod hostile;
mod material;
mod merging;
mod page;
