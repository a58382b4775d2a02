//! Tests of the public interface.

mod dominators;
mod expressions;
mod owners;
