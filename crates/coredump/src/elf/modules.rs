//! Modules of the process.
