//! Events out of exported metrics, traces and alerts.
//!
//! The caller provides the bytes of an export, as the tool wrote them, decompressed. What it is, is told by content
//! ([`ExportFormat::sniff`]), never by file name; [`read()`] gives [`Telemetry`]: series, spans, stacks, ends of
//! containers, events, each with the place in the export that says so, and gaps for what could not be read.
//!
//! It queries nothing over a network. [`judge`] concludes, from all exports together, what they show, with what speaks
//! against it: an alert says that a rule matched, not that it was right; a missing scrape does not say "down".
//!
//! ```
//! use pycoroner_findings::SourceId;
//! use pycoroner_telemetry::{ExportFormat, read};
//!
//! let export = br#"[{"labels": {"alertname": "ShopDown"}, "startsAt": "2024-05-01T12:00:00Z"}]"#;
//! let format = ExportFormat::sniff(export).unwrap();
//! assert_eq!(format, ExportFormat::Alerts);
//! let telemetry = read(format, export, SourceId(3));
//! assert_eq!(telemetry.events[0].message, "ShopDown");
//! assert_eq!(telemetry.events[0].citation.as_ref().unwrap().to_string(), "[E3#/0/startsAt]");
//! ```

mod alerts;
mod amtool;
mod coredumpctl;
mod description;
mod docker;
mod document;
mod documents;
mod findings;
mod format;
mod head;
mod incident;
mod incidents;
mod kubernetes;
mod members;
mod memray;
mod objgraph;
mod outline;
mod pickle;
mod place;
mod prometheus;
mod psutil;
mod pyspy;
mod read;
mod sentry;
mod skew;
mod thinning;
mod time;
mod tracemalloc;
mod tracemalloc_top;
mod traces;
mod tree;
mod unread;
mod yaml;

pub use document::{
    AllocationProfile, AllocationSite, Breadcrumb, Change, ContainerEnd, Context, Counted, DomainBytes,
    ErrorReport, Export, Label, ProcessRecord, ReportedException, SCHEMA, Series, SpanTotals, StackDump,
    StackFrame, StackShare, Telemetry, ThreadStack, TraceSpan,
};
pub use findings::judge;
pub use findings::stacks::compare_stacks;
pub use format::ExportFormat;
pub use read::read;
pub use skew::{LoggedRequest, Skew};
pub use unread::why_not_read;
