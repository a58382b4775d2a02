//! Stacks that were taken while the process lived, beside those of the core; what changed is judged by telemetry.

use std::collections::BTreeMap;

use super::threads::{frame_line, is_library};
use crate::Incident;
use crate::sections::{StackDump, StackFrame, Thread, ThreadStack};

/// One earlier look at the process.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Earlier<'a> {
    pub(crate) dump: &'a StackDump,
    /// Whether it is of the process that left the core: `None` when it does not say of which.
    pub(crate) same_process: Option<bool>,
    pub(crate) rows: Vec<EarlierRow<'a>>,
    /// Rows that are not listed.
    pub(crate) left_out: usize,
}

/// One thread, then and at the end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EarlierRow<'a> {
    pub(crate) stack: &'a ThreadStack,
    /// Where it stood then.
    pub(crate) then: Option<String>,
    /// Where it stands in the core; `None` when the core has no such thread.
    pub(crate) at_end: Option<String>,
}

/// Most threads of one dump that are listed.
const MOST_ROWS: usize = 12;

/// All earlier stacks of this process, by time.
pub(crate) fn earlier(incident: &Incident) -> Vec<Earlier<'_>> {
    let Some(telemetry) = &incident.telemetry else { return Vec::new() };
    let core = incident.core.as_ref();
    let pid = core.and_then(|core| core.process.pid);
    let mut dumps: Vec<&StackDump> = telemetry.stacks.iter().collect();
    dumps.sort_by_key(|dump| dump.at.map(|at| at.time));
    let threads = core.map_or(&[][..], |core| &core.threads);
    dumps
        .into_iter()
        .map(|dump| {
            let same_process = dump.pid.zip(pid).map(|(dump, core)| dump == core);
            let comparable = same_process != Some(false);
            let mut stacks: Vec<&ThreadStack> = dump.threads.iter().collect();
            stacks.sort_by_key(|stack| std::cmp::Reverse((stack.samples, stack.active)));
            let rows = stacks.iter().take(MOST_ROWS).map(|stack| row(stack, threads, comparable)).collect();
            Earlier { dump, same_process, rows, left_out: stacks.len().saturating_sub(MOST_ROWS) }
        })
        .collect()
}

fn row<'a>(stack: &'a ThreadStack, threads: &[Thread], comparable: bool) -> EarlierRow<'a> {
    let then = own(&stack.frames).map(line);
    let same = threads.iter().filter(|_| comparable).find(|thread| is_thread(stack, thread));
    let now = same.and_then(super::threads::own_frame);
    let at_end = same.map(|_| now.map_or_else(|| "no Python frame".to_owned(), frame_line));
    EarlierRow { stack, then, at_end }
}

fn is_thread(stack: &ThreadStack, thread: &Thread) -> bool {
    let by_id = stack.id.as_deref().is_some_and(|id| thread.tid.is_some_and(|tid| id == tid.to_string()));
    by_id || stack.id.is_none() && stack.name.is_some() && stack.name == thread.name
}

fn own(frames: &[StackFrame]) -> Option<&StackFrame> {
    frames.iter().find(|frame| !is_library(frame.file.as_deref())).or_else(|| frames.first())
}

fn line(frame: &StackFrame) -> String {
    let file = frame.file.as_deref().unwrap_or("unknown file");
    let line = frame.line.map_or_else(|| "?".to_owned(), |line| line.to_string());
    format!("{} {file}:{line}", frame.function)
}

/// Functions by the memory that they and what they called had allocated, the most first.
pub(crate) fn allocation_totals(incident: &Incident) -> Vec<(String, u64, u64)> {
    let mut totals: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for site in incident.telemetry.iter().flat_map(|telemetry| &telemetry.allocations) {
        let place = own(&site.frames)
            .map_or_else(|| site.type_name.clone().unwrap_or_else(|| "unknown place".to_owned()), line);
        let total = totals.entry(place).or_default();
        total.0 = total.0.saturating_add(site.bytes);
        total.1 = total.1.saturating_add(site.blocks);
    }
    let mut rows: Vec<_> =
        totals.into_iter().map(|(place, (bytes, blocks))| (place, bytes, blocks)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.1));
    rows
}
