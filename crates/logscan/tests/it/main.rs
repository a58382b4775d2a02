//! Scans built logs through the public interface.

mod bounds;
mod dumps;
mod facts;
mod records;
mod shown;
mod tracebacks;
mod windows;
