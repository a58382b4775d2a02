//! The producers' documents (`pycoroner.core/1`, `…heap/1`, `…logs/1`, `…telemetry/1`) as a report reads them.
//!
//! Every member may be missing or null, and unknown ones are ignored.

mod core;
mod heap;
mod logs;
mod telemetry;

pub use self::core::{
    Asyncio, CCall, CoreSection, Crash, Deadlock, Exception, FirstSignal, FrameRef, Local, Lock, MemoryLog,
    NativeFrame, NativePlace, Process, Python, PythonFrame, Taken, Task, Thread, TracebackEntry, Verdict,
    Waiter, Waiting,
};
pub use self::heap::{
    Accumulated, Collector, GrowthRow, HeapSection, HeapTotals, LedgerRow, OwnerGrowthRow, OwnerRow,
    SuspectRow, SuspendedRow, TypeRow, UnreachableRow,
};
pub use self::logs::{
    DeadProcess, LevelBucket, LevelCount, LevelsOverTime, LogEvent, LogPart, LogPlace, LogRecord, LogSource,
    LogTraceback, LogsSection, RateChange, RequestRecord, RequestThread, Requests, Separation,
    SeparationTest, Separations, Silence, Template, Window,
};
pub use self::telemetry::{
    AllocationSite, Breadcrumb, Change, ContainerEnd, Context, ErrorReport, Export, Label, ProcessRecord,
    ReportedException, Series, StackDump, StackFrame, TelemetrySection, ThreadStack, TraceSpan,
};

pub(crate) use self::core::flatten_exceptions;
pub(crate) use self::logs::{list_levels, name_last_record};

use serde_json::Value;

/// Removes every null of a document: a member that is null is a member that is missing.
pub(crate) fn remove_nulls(document: &mut Value) {
    let mut left = vec![document];
    while let Some(value) = left.pop() {
        match value {
            Value::Array(items) => {
                items.retain(|item| !item.is_null());
                left.extend(items);
            }
            Value::Object(members) => {
                members.retain(|_, member| !member.is_null());
                left.extend(members.values_mut());
            }
            _ => {}
        }
    }
}
