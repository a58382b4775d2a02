//! Locks as text: who holds them, who waits.

use std::fmt::Write as _;

use super::inert::inert;
use super::quantity::counted;
use super::style::{FAINT, STRONG};
use crate::documents::{Lock, Taken};

/// Rows that are shown when things are folded.
const MOST_LOCKS: usize = 20;
/// Names of waiting threads that are listed.
const MOST_NAMES: usize = 6;

/// Writes the section, those that are waited for first; nothing when there are none.
pub(super) fn write(out: &mut String, locks: &[Lock], all: bool) {
    if locks.is_empty() {
        return;
    }
    let mut rows: Vec<&Lock> = locks.iter().collect();
    rows.sort_by_key(|lock| (lock.owner_tid.is_none(), std::cmp::Reverse(lock.waiters.len())));
    let _ = writeln!(out, "\n{STRONG}Locks{STRONG:#}");
    let most = if all { rows.len() } else { MOST_LOCKS };
    for lock in rows.iter().take(most) {
        write_lock(out, lock);
    }
    let more = rows.len().saturating_sub(most);
    if more > 0 {
        let _ = writeln!(out, "  {FAINT}and {} more{FAINT:#}", counted(more as u64, "lock"));
    }
}

fn write_lock(out: &mut String, lock: &Lock) {
    let name = lock.path.clone().unwrap_or_else(|| format!("at {}", lock.address));
    let _ = write!(out, "  {} {}: ", inert(&lock.kind), inert(&name));
    let holder = lock.owner_tid.map(|tid| label(Some(tid), lock.owner_name.as_deref()));
    match (holder, lock.owner_found_by.as_deref()) {
        (Some(holder), found_by) => {
            let times = lock
                .count
                .filter(|&count| count > 1)
                .map(|count| format!(" {count} times"))
                .unwrap_or_default();
            let _ = write!(out, "held{times} by {}", inert(&holder));
            match found_by {
                Some("with-statement") => {
                    let _ = write!(out, " {FAINT}(it is in a `with` block of it){FAINT:#}");
                }
                Some("exit-stack") => {
                    let _ = write!(out, " {FAINT}(an exit stack in its variables entered it){FAINT:#}");
                }
                Some("acquire-call") => {
                    let _ = write!(out, " {FAINT}(it has called its acquire, and no release since){FAINT:#}");
                }
                _ => {}
            }
            if let Some(Taken { function, file, line }) = &lock.taken_in {
                let line = line.map_or_else(String::new, |line| format!(":{line}"));
                let _ =
                    write!(out, ", {FAINT}taken in {} at {}{line}{FAINT:#}", inert(function), inert(file));
            }
        }
        (None, Some("owner-field")) => out.push_str("held by a thread that has ended"),
        (None, _) if lock.kind == "condition" => out.push_str("not signalled"),
        (None, _) => out.push_str("holder unknown"),
    }
    if !lock.waiters.is_empty() {
        let names: Vec<_> = lock
            .waiters
            .iter()
            .take(MOST_NAMES)
            .map(|waiter| label(waiter.tid, waiter.name.as_deref()))
            .collect();
        let more = lock.waiters.len().saturating_sub(MOST_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let verb = if lock.waiters.len() == 1 { "waits" } else { "wait" };
        let _ = write!(out, "; {}{more} {verb}", inert(&names.join(", ")));
    }
    out.push('\n');
}

fn label(tid: Option<u64>, name: Option<&str>) -> String {
    let parts: Vec<String> =
        tid.map(|tid| tid.to_string()).into_iter().chain(name.map(str::to_owned)).collect();
    if parts.is_empty() { "a thread".to_owned() } else { parts.join(" ") }
}
