//! Life spans of worker processes: the lines that state a worker's start and its end, paired by process id.

use pycoroner_findings::{TimeBasis, Timestamp, UtcTime};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::document::{LogEvent, LogSource};

/// Worker processes that are told.
const MAX_WORKERS: usize = 2_000;

/// One process that a server started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Its process id.
    pub pid: u64,
    /// Who wrote its start, or its end when no start is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// When the log says that it was started; `None` when the log begins later.
    pub started: Option<UtcTime>,
    /// When the log says that it ended; `None` when it does not.
    pub ended: Option<UtcTime>,
    /// How it ended.
    pub end: WorkerEnd,
    /// The signal that ended it, where a line names one.
    pub signal: Option<u32>,
    /// Indexes of the events about it, in their order.
    pub events: Vec<usize>,
}

impl Worker {
    /// Whether lines say that it had been started before a time and ended after it, as exactly as they state times.
    pub(crate) fn lived_at(&self, time: UtcTime, events: &[LogEvent]) -> bool {
        let start = self.stated(events, |says| says == Says::Start);
        start.is_none_or(|start| start.earliest() <= time)
            && self.end_stated(events).is_some_and(|end| time <= end.latest())
    }

    /// When the log says that it ended.
    pub(crate) fn end_stated(&self, events: &[LogEvent]) -> Option<Timestamp> {
        self.stated(events, |says| matches!(says, Says::End(_)))
    }

    /// The time of its last event of a kind.
    fn stated(&self, events: &[LogEvent], is_wanted: impl Fn(Says) -> bool) -> Option<Timestamp> {
        let mut own = self.events.iter().rev().filter_map(|index| events.get(*index));
        own.find(|event| says(event).is_some_and(&is_wanted))?.at.filter(is_known)
    }
}

/// How a worker ended, as far as lines of the log say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkerEnd {
    /// The log does not say that it ended.
    NotStated,
    /// By itself, or because it was asked to.
    Exited,
    /// With an error.
    Failed,
    /// Its own server gave up on it: it took too long.
    TimedOut,
    /// By a signal.
    Killed,
}

/// Pairs starts and ends. A process id that is started again is another worker.
///
/// Two sources that are not one rotated log may be of two machines: their process ids are told apart.
pub(crate) fn lifespans(events: &[LogEvent], sources: &[LogSource]) -> Vec<Worker> {
    let mut workers: Vec<Worker> = Vec::new();
    let mut alive: FxHashMap<(usize, u64), usize> = FxHashMap::default();
    let logs = logs_of(sources);
    for (index, event) in events.iter().enumerate() {
        let Some((pid, says)) = event.pid.zip(says(event)) else { continue };
        let log = logs.get(event.place.source).copied().unwrap_or(event.place.source);
        let known = alive.get(&(log, pid)).copied().filter(|_| says != Says::Start);
        let at = match known {
            Some(at) => at,
            None if says == Says::Detail || workers.len() >= MAX_WORKERS => continue,
            None => {
                workers.push(Worker {
                    pid,
                    producer: event.producer.clone(),
                    started: None,
                    ended: None,
                    end: WorkerEnd::NotStated,
                    signal: None,
                    events: Vec::new(),
                });
                alive.insert((log, pid), workers.len() - 1);
                workers.len() - 1
            }
        };
        let Some(worker) = workers.get_mut(at) else { continue };
        worker.events.push(index);
        worker.signal = worker.signal.or(event.signal.filter(|_| says != Says::Start));
        let time = event.at.filter(is_known).map(|at| at.time);
        match says {
            Says::Start => worker.started = time,
            Says::Detail => {}
            Says::End(end) => {
                worker.ended = time.or(worker.ended);
                // That it took too long explains the signal and the exit that follow.
                if worker.end != WorkerEnd::TimedOut {
                    worker.end = worker.end.max(end);
                }
            }
        }
    }
    for worker in &mut workers {
        // uWSGI names the signal in a line of its own, in front of `died`.
        if worker.end == WorkerEnd::Failed && worker.signal.is_some() {
            worker.end = WorkerEnd::Killed;
        }
    }
    workers
}

/// That the file was not changed later says little: it may be a copy.
fn is_known(at: &Timestamp) -> bool {
    at.basis != TimeBasis::FileModified
}

/// What an event says of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Start,
    /// More about a worker that is known.
    Detail,
    End(WorkerEnd),
}

fn says(event: &LogEvent) -> Option<Says> {
    let is_grave = event.severity >= pycoroner_findings::Severity::Error;
    Some(match event.kind.as_ref() {
        "worker-boot" => Says::Start,
        "worker-timeout" => Says::End(WorkerEnd::TimedOut),
        "worker-killed" if is_grave => Says::End(WorkerEnd::Killed),
        "worker-exit" if is_grave => Says::End(WorkerEnd::Failed),
        "worker-killed" | "worker-exit" => Says::End(WorkerEnd::Exited),
        "signal" | "kernel-segfault" | "oom-kill" | "core-dumped" | "fatal-error" => Says::Detail,
        _ => return None,
    })
}

/// The log that each source belongs to: the first of its rotated files.
fn logs_of(sources: &[LogSource]) -> Vec<usize> {
    let mut first = 0;
    sources
        .iter()
        .enumerate()
        .map(|(index, source)| {
            if !source.continues_previous {
                first = index;
            }
            first
        })
        .collect()
}
