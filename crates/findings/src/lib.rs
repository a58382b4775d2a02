//! The vocabulary that all pycoroner crates share.
//!
//! Producers (`coredump`, `heap`, `logscan`, `telemetry`) read evidence and say what they saw as
//! [`Finding`]s, [`Event`]s and [`Gap`]s; `report` merges them and renders. This crate holds the words of that
//! conversation and nothing else: it does not read, judge, redact or render.
//!
//! Every [`Evidence`] carries [`Citation`]s: a source, a span of its bytes, and how it is written in a report
//! (`[E1@0x3f8a10+64]`, `[E3:L1042]`).
//!
//! ```
//! use pycoroner_findings::{Basis, Citation, Confidence, Evidence, Finding, Severity, SourceId, Span};
//!
//! let finding = Finding::new("null-dereference", Severity::Critical, Confidence::Strong, "The process read address 0")
//!     .with_evidence(
//!         Evidence::new(Basis::Observed, "si_addr of NT_SIGINFO is 0x0")
//!             .cite(Citation::new(SourceId(1), Span::Bytes { offset: 0x3f8a10, len: 128, address: None })),
//!     );
//! assert_eq!(finding.evidence[0].citations[0].to_string(), "[E1@0x3f8a10+128]");
//! ```

mod citation;
mod event;
mod finding;
mod gap;
pub mod signals;
mod source;
mod timestamp;

pub use citation::{Citation, Span};
pub use event::Event;
pub use finding::{Basis, Confidence, Evidence, Finding, Severity};
pub use gap::{Gap, GapKind};
pub use source::{Source, SourceId};
pub use timestamp::{TimeBasis, Timestamp, UtcTime};
