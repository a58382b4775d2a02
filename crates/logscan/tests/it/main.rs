//! Scans built logs through the public interface.
#![expect(clippy::format_collect, reason = "tests build small logs out of lines")]

mod alike;
mod around;
mod bounds;
mod citations;
mod corpus;
mod dialects;
mod documented;
mod dumps;
mod facts;
mod fingerprints;
mod iterator;
mod jobs;
mod multiline;
mod mutated;
mod outcomes;
mod parts;
mod prefixes;
mod process_column;
mod records;
mod requests;
mod separations;
mod shown;
mod stores;
mod tracebacks;
mod windows;
mod workers;
