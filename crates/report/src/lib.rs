//! Merges findings, events and gaps into one incident report.
//!
//! The caller provides [`Material`]: the register of evidence, the producers' documents and events. [`assemble`]
//! makes an [`Incident`] of it: one timeline, findings by weight, probable causes, all strings redacted.
//! [`render_markdown`] and [`render_html`] show it; serialized, it is the document `pycoroner.incident/1`.
//!
//! It reads no evidence, asks no clock and writes no file. All strings of the evidence are hostile: whatever they
//! hold, the report shows them as text.
//!
//! ```
//! use pycoroner_redact::{Policy, Redactor};
//! use pycoroner_report::{Material, assemble, render_markdown};
//! use serde_json::json;
//!
//! let core = json!({"schema": "pycoroner.core/1", "process": {"pid": 7}, "crash": {"signal_name": "SIGSEGV"}});
//! let incident = assemble(Material { documents: vec![core], ..Material::default() }, &Redactor::new(Policy::On));
//! assert!(render_markdown(&incident).starts_with("# Incident report: SIGSEGV in process 7"));
//! ```

mod causes;
mod citations;
mod draft;
mod figures;
mod findings;
mod html;
mod incident;
mod last_sign;
mod markdown;
mod sections;
mod template;
mod timeline;
mod views;

pub use causes::{Cause, Command, Effect, Reason, Role};
pub use draft::{Draft, Material, assemble};
pub use html::render_html;
pub use incident::{Incident, Redaction, SCHEMA};
pub use last_sign::LastSign;
pub use sections::{
    Accumulated, AllocationSite, Asyncio, Breadcrumb, CCall, Change, Collector, ContainerEnd, Context,
    CoreSection, Crash, DeadProcess, Deadlock, ErrorReport, Exception, Export, FirstSignal, FrameRef,
    GrowthRow, HeapSection, HeapTotals, Label, LedgerRow, LevelBucket, LevelCount, LevelsOverTime, Local,
    Lock, LogEvent, LogPart, LogPlace, LogRecord, LogSource, LogTraceback, LogsSection, MemoryLog,
    NativeFrame, NativePlace, OwnerGrowthRow, OwnerRow, Process, ProcessRecord, Python, PythonFrame,
    RateChange, ReportedException, RequestRecord, RequestThread, Requests, Separation, SeparationTest,
    Separations, Series, Silence, StackDump, StackFrame, SuspectRow, SuspendedRow, Taken, Task,
    TelemetrySection, Template, Thread, ThreadStack, TraceSpan, TracebackEntry, TypeRow, UnreachableRow,
    Verdict, Waiter, Waiting, Window,
};
pub use template::{TemplateError, render_markdown, render_template};
