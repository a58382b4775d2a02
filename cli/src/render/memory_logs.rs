//! Log messages that were only in memory, the newest ones.

use std::fmt::Write as _;

use super::inert::{cut, inert};
use super::quantity::count;
use super::style::{FAINT, STRONG};
use crate::documents::MemoryLog;

/// Messages of one kind that are shown when things are folded.
const MOST_MESSAGES: usize = 15;
/// Characters of one message that are shown.
const MOST_CHARACTERS: usize = 300;

/// Writes the section; nothing where there are none.
pub(super) fn write(out: &mut String, logs: &[MemoryLog], all: bool) {
    for (found_in, title) in [
        ("log-record", "Log records in memory"),
        ("deque", "Lines that log handlers keep"),
        ("buffer", "Text in buffers, in no file yet"),
    ] {
        let of_kind: Vec<&MemoryLog> = logs.iter().filter(|log| log.found_in == found_in).collect();
        if of_kind.is_empty() {
            continue;
        }
        let older = if all { 0 } else { of_kind.len().saturating_sub(MOST_MESSAGES) };
        let _ = writeln!(out, "\n{STRONG}{title}: {}{STRONG:#}", count(of_kind.len() as u64));
        if older > 0 {
            let older = count(older as u64);
            let _ = writeln!(out, "  {FAINT}the last ones; --all shows {older} more{FAINT:#}");
        }
        for log in of_kind.iter().skip(older) {
            write_message(out, log);
        }
    }
}

fn write_message(out: &mut String, log: &MemoryLog) {
    let head = [&log.time, &log.level, &log.logger];
    let head: Vec<&str> = head.into_iter().flatten().map(String::as_str).collect();
    let head = if head.is_empty() { String::new() } else { head.join(" ") + ": " };
    let (message, left_out) = cut(&log.message, MOST_CHARACTERS);
    let more = if left_out > 0 { "…" } else { "" };
    let _ = writeln!(out, "  {FAINT}{}{FAINT:#}{}{more}", inert(&head), inert(message));
}
