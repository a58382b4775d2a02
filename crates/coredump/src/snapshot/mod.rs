//! One core as plain data.

pub(crate) mod capture;
mod contexts;
pub(crate) mod crash;
mod distributions;
pub(crate) mod document;
mod exception_attributes;
mod exceptions;
mod extension;
mod gaps;
mod greenlets;
mod held;
mod hooks;
mod interpreter;
mod layers;
mod memory_logs;
mod memory_map;
mod messages;
mod native;
mod process;
mod recovered;
mod runtimes;
mod signals;
mod suspended;
mod tasks;
mod threads;
mod values;
