//! Tests of the public interface.
#![allow(clippy::print_stdout, reason = "tests on fresh cores say which interpreters they ran")]

mod descriptors;
mod dominators;
mod edges;
mod exports;
mod expressions;
mod growth;
mod leaks;
mod owners;
mod paths;
mod sizes;
