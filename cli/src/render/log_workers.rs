//! Worker processes as text: those that did not end by themselves, and how many others there were.

use std::fmt::Write as _;

use pycoroner_findings::UtcTime;
use pycoroner_logscan::{Document, Worker, WorkerEnd};

use super::inert::inert;
use super::logs::clock;
use super::quantity::{count, counted};
use super::style::{BAD, FAINT, STRONG};

const MOST_WORKERS: usize = 12;

/// Writes the section, when the log tells of workers.
pub(super) fn write(out: &mut String, scan: &Document) {
    if scan.workers.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{STRONG}Workers{STRONG:#}");
    let is_grave = |worker: &&Worker| worker.end > WorkerEnd::Exited;
    let grave: Vec<&Worker> = scan.workers.iter().filter(is_grave).collect();
    let hidden = grave.len().saturating_sub(MOST_WORKERS);
    if hidden > 0 {
        let _ =
            writeln!(out, "  {FAINT}{} earlier ones; --format json lists all{FAINT:#}", count(hidden as u64));
    }
    for worker in grave.iter().skip(hidden) {
        write_worker(out, worker);
    }
    let ended = scan.workers.iter().filter(|worker| worker.end == WorkerEnd::Exited).count();
    let open = scan.workers.iter().filter(|worker| worker.end == WorkerEnd::NotStated).count();
    let _ = writeln!(
        out,
        "  {FAINT}{} ended by themselves or as they were told, {} without a stated end{FAINT:#}",
        count(ended as u64),
        count(open as u64)
    );
}

fn write_worker(out: &mut String, worker: &Worker) {
    let time = |time: Option<UtcTime>| time.map_or_else(|| "no time".to_owned(), clock);
    let how = match worker.end {
        WorkerEnd::TimedOut => "given up by its server: it took too long",
        WorkerEnd::Killed => "ended by a signal",
        WorkerEnd::Failed => "ended with an error",
        WorkerEnd::Exited | WorkerEnd::NotStated => "ended",
    };
    let signal = worker.signal.map_or(String::new(), |signal| format!(", signal {signal}"));
    let by = worker.producer.as_deref().map_or(String::new(), |producer| format!(" of {}", inert(producer)));
    let lived = match (worker.started, worker.ended) {
        (Some(started), Some(ended)) if ended >= started => {
            format!(", {} old", counted(ended.millis_since(started).unsigned_abs() / 1000, "second"))
        }
        _ => String::new(),
    };
    let _ = writeln!(
        out,
        "  {}  {BAD}process {}{by}{BAD:#} {how}{signal}{lived}",
        time(worker.ended),
        worker.pid
    );
}
