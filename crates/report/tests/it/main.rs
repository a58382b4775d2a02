//! What an incident is made of, and what its report looks like.

mod browser;
mod golden;
mod hostile;
mod joining;
mod last_sign;
mod material;
mod merging;
mod page;
mod reading;
mod templates;
mod traps;
mod words;
