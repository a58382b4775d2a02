//! Tests of the public interface.

mod dominators;
mod edges;
mod expressions;
mod owners;
mod paths;
