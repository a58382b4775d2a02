//! Answers about a heap: who holds what, by which path.

pub(crate) mod claims;
pub(crate) mod collector;
pub(crate) mod containers;
pub(crate) mod counts;
pub(crate) mod cycles;
pub(crate) mod descriptors;
pub(crate) mod details;
pub(crate) mod duplicates;
pub(crate) mod exceptions;
pub(crate) mod largest;
pub(crate) mod ledger;
pub(crate) mod measures;
pub(crate) mod names;
pub(crate) mod native_stacks;
pub(crate) mod newcomers;
pub(crate) mod object;
pub(crate) mod owners;
pub(crate) mod paths;
pub(crate) mod reach;
pub(crate) mod references;
pub(crate) mod roots;
pub(crate) mod routes;
pub(crate) mod steps;
pub(crate) mod suspects;
pub(crate) mod suspended;
pub(crate) mod types;
