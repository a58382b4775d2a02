//! Tests of the public interface.

mod dominators;
mod owners;
