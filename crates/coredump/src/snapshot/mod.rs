//! One core as plain data.

pub(crate) mod capture;
pub(crate) mod crash;
pub(crate) mod document;
mod exceptions;
mod messages;
mod native;
mod recovered;
mod tasks;
mod threads;
mod values;
