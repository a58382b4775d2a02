//! Tests of the public interface.

mod dominators;
mod edges;
mod expressions;
mod leaks;
mod owners;
mod paths;
