//! Which process of the logs is the one that the core is of, and what it said last.

pub(crate) mod dumps;
mod last_records;

use std::borrow::Cow;

use pycoroner_findings::UtcTime;
use serde::{Deserialize, Serialize};

use crate::ascii::lossy;
use crate::changes::Silence;
use crate::document::{LogEvent, LogRecord, Traceback, TracebackKind};
use crate::tally::{Batch, Sighting, Tally};
use crate::window::Anchor;
pub(crate) use last_records::{LAST, LastRecords, Said};

/// Writers of records that are told apart.
const MAX_WRITERS: usize = 512;
/// A line about a death by the core's signal this near to it is about this process, if it is the only one.
const NEAR_MS: u64 = 10_000;
/// Facts that say that a process ended.
const ENDS: [&str; 8] = [
    "worker-killed",
    "worker-exit",
    "worker-timeout",
    "kernel-segfault",
    "oom-kill",
    "core-dumped",
    "signal",
    "fatal-error",
];

/// The dead process, as the logs tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeadProcess {
    /// Its process id in the core.
    pub pid: Option<u64>,
    /// Its process id in the logs, where they name one; another one when it ran in a container.
    pub log_pid: Option<u64>,
    /// How its lines were found: `pid`, `thread-ident` (an identifier of one of the core's threads),
    /// `signal-and-time` (the only process that the logs say died by that signal then), or `thread-name` (the only
    /// writer with a thread of a name that the core has, too).
    pub joined_by: Vec<Cow<'static, str>>,
    /// Sources that hold its records.
    pub sources: Vec<usize>,
    /// Who said them, where a collector names them.
    pub producers: Vec<String>,
    /// Its records, in all of the log.
    pub records: u64,
    /// Time of the first.
    pub first: Option<UtcTime>,
    /// Time of the last one before the death.
    pub last: Option<UtcTime>,
    /// The line that says that it started, the last one before the death.
    pub boot: Option<LogEvent>,
    /// Lines that say how it ended.
    pub ends: Vec<LogEvent>,
    /// Its last records before the death.
    pub last_records: Vec<LogRecord>,
    /// The last records of the thread that crashed.
    pub crashed_thread_records: Vec<LogRecord>,
    /// It had a pace and fell silent before the death.
    pub silence: Option<Silence>,
}

impl DeadProcess {
    /// The last record of the thread that crashed, or else of the process.
    pub(crate) fn last_record(&self) -> Option<&LogRecord> {
        self.crashed_thread_records.last().or(self.last_records.last())
    }
}

/// Keeps the last records of each writer.
#[derive(Debug, Default)]
pub(crate) struct Writers {
    /// In the order of their first records.
    all: Vec<Writer>,
    /// Indexes of all writers, those of the last records near the end.
    recent: Vec<usize>,
    /// Records of writers beyond the bound.
    pub(crate) untold: u64,
}

/// A process, or a stream that names none.
#[derive(Debug)]
pub(crate) struct Writer {
    source: usize,
    producer: Option<String>,
    pid: Option<u64>,
    pub(crate) tally: Tally,
    names_thread: bool,
    /// A record is by a thread of a name that a thread of the core has, and not every process.
    names_own: bool,
    /// Thread and logger of the last record, and whether it is by the thread that crashed.
    met: Option<(Vec<u8>, Vec<u8>, bool)>,
    pub(crate) last: LastRecords,
    pub(crate) last_of_thread: LastRecords,
}

impl Writers {
    /// Counts a record, and keeps it when it is one of the last before the death.
    pub(crate) fn add(
        &mut self,
        sighting: &Sighting,
        producer: Option<&str>,
        pid: Option<u64>,
        said: &Said<'_>,
        anchor: &Anchor,
    ) {
        let Some(writer) = self.writer(sighting.place.source, producer, pid) else {
            self.untold += 1;
            return;
        };
        writer.tally.add(sighting);
        if sighting.moment.is_kept() {
            if writer.meets(said.thread, said.logger, anchor) {
                writer.last_of_thread.push(said);
            }
            writer.last.push(said);
        }
    }

    /// Counts many records of one writer, which it gives.
    pub(crate) fn add_all(
        &mut self,
        producer: Option<&str>,
        pid: Option<u64>,
        batch: &Batch,
    ) -> Option<&mut Writer> {
        let source = batch.place.source;
        if self.position(source, producer, pid).is_none() && self.all.len() >= MAX_WRITERS {
            self.untold += batch.count;
            return None;
        }
        let writer = self.writer(source, producer, pid)?;
        writer.tally.add_all(batch);
        Some(writer)
    }

    /// Whether many records of a writer may be counted at once with the same result.
    pub(crate) fn takes(&self, producer: Option<&str>, pid: Option<u64>, batch: &Batch) -> bool {
        let at = self.position(batch.place.source, producer, pid);
        let known = at.and_then(|at| self.recent.get(at)).and_then(|index| self.all.get(*index));
        known.map_or_else(|| batch.tells_its_earliest(), |writer| writer.tally.takes(batch))
    }

    /// Where in `recent` a writer stands.
    fn position(&self, source: usize, producer: Option<&str>, pid: Option<u64>) -> Option<usize> {
        self.recent.iter().rposition(|index| {
            self.all.get(*index).is_some_and(|writer| {
                writer.source == source && writer.pid == pid && writer.producer.as_deref() == producer
            })
        })
    }

    /// A writer, which may be a new one; `None` when there are too many.
    fn writer(&mut self, source: usize, producer: Option<&str>, pid: Option<u64>) -> Option<&mut Writer> {
        // The writer of the last record is most often the next one's: it stands at the end.
        let at = match self.position(source, producer, pid) {
            Some(at) => at,
            None if self.all.len() >= MAX_WRITERS => return None,
            None => {
                self.recent.push(self.all.len());
                self.all.push(Writer {
                    source,
                    producer: producer.map(str::to_owned),
                    pid,
                    tally: Tally::default(),
                    names_thread: false,
                    names_own: false,
                    met: None,
                    last: LastRecords::default(),
                    last_of_thread: LastRecords::default(),
                });
                self.recent.len() - 1
            }
        };
        let end = self.recent.len() - 1;
        self.recent.swap(at, end);
        self.all.get_mut(*self.recent.last()?)
    }
}

impl Writer {
    /// Notes whose names a record has; whether it is by the thread that crashed.
    pub(crate) fn meets(&mut self, thread: &[u8], logger: &[u8], anchor: &Anchor) -> bool {
        if let Some((known_thread, known_logger, is_crashed)) = &self.met
            && known_thread == thread
            && known_logger == logger
        {
            return *is_crashed;
        }
        let name = |text: &[u8]| (!text.is_empty()).then(|| lossy(text, 256));
        let names = [name(thread), name(logger)];
        let is_thread = |name: &str| anchor.threads.iter().any(|ident| is_ident(ident, name));
        self.names_thread |= names.iter().take(1).flatten().any(|name| is_thread(name));
        // A layout with the thread's own name in brackets does not say whether it is a thread or a logger.
        let mut names = names.iter().flatten();
        self.names_own |= names.clone().any(|name| is_own_name(name) && anchor.thread_names.contains(name));
        let is_crashed = anchor.crashed.as_ref().is_some_and(|crashed| names.any(|name| crashed.is(name)));
        self.met = Some((thread.to_vec(), logger.to_vec(), is_crashed));
        is_crashed
    }
}

impl Writers {
    /// The last records before the death, by time: of one process, or of all.
    pub(crate) fn last_records(&self, pid: Option<u64>) -> Vec<LogRecord> {
        let writers = self.all.iter().filter(|writer| pid.is_none() || writer.pid == pid);
        let mut records: Vec<LogRecord> =
            writers.flat_map(|writer| writer.last.records(writer.producer.as_deref(), writer.pid)).collect();
        keep_last(&mut records);
        records
    }

    pub(crate) fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.all.iter().map(|writer| &writer.tally)
    }

    /// All that is known of the writers, without what only makes finding them faster.
    #[cfg(test)]
    pub(crate) fn told(&self) -> String {
        let of = |writer: &Writer| {
            let Writer {
                source, producer, pid, tally, names_thread, names_own, last, last_of_thread, ..
            } = writer;
            let key = (source, producer, pid, names_thread, names_own);
            format!("{key:?} {tally:#?} {last:#?} {last_of_thread:#?}\n")
        };
        self.all.iter().map(of).collect::<String>() + &self.untold.to_string()
    }

    /// Joins the writers with the core.
    pub(crate) fn dead_process(
        &self,
        anchor: &Anchor,
        tracebacks: &[Traceback],
        events: &[LogEvent],
        silences: &[Option<Silence>],
    ) -> Option<DeadProcess> {
        let (joined_by, log_pid) = self.join(anchor, tracebacks, events)?;
        let dumped: Vec<&Traceback> = tracebacks.iter().filter(|entry| entry.same_process).collect();
        let by_name = joined_by.iter().any(|way| way == "thread-name");
        let is_own = |writer: &Writer| match log_pid {
            Some(pid) => writer.pid == Some(pid),
            None => {
                writer.names_thread
                    || writer.names_own && by_name
                    || dumped.iter().any(|entry| {
                        entry.place.source == writer.source
                            && entry.producer.is_some()
                            && entry.producer == writer.producer
                            && writer.pid.is_none()
                    })
            }
        };
        let mut process = DeadProcess { pid: anchor.pid, log_pid, joined_by, ..DeadProcess::default() };
        let mut writers: Vec<(&Writer, &Option<Silence>)> =
            self.all.iter().zip(silences).filter(|(writer, _)| is_own(writer)).collect();
        writers.sort_by_key(|(writer, _)| (writer.source, writer.producer.as_deref()));
        let mut tally = Tally::default();
        for (writer, _) in &writers {
            tally.merge(&writer.tally);
            process.sources.push(writer.source);
            process.producers.extend(writer.producer.clone());
            let of = |last: &LastRecords| -> Vec<LogRecord> {
                last.records(writer.producer.as_deref(), writer.pid).collect()
            };
            process.last_records.extend(of(&writer.last));
            process.crashed_thread_records.extend(of(&writer.last_of_thread));
        }
        process.sources.dedup();
        process.producers.sort();
        process.producers.dedup();
        process.records = tally.count;
        process.first = tally.first;
        process.last = tally.pace.whole().map(|run| run.last);
        keep_last(&mut process.last_records);
        keep_last(&mut process.crashed_thread_records);
        let spoke = process.last_records.iter().filter_map(|record| record.at).map(|at| at.time).max();
        if let [(_, silence)] = writers.as_slice()
            && spoke.is_none_or(|spoke| spoke <= anchor.time)
        {
            process.silence.clone_from(silence);
        }
        process.last = process.last.max(spoke);
        let before_death = |event: &&LogEvent| event.at.is_none_or(|at| at.time <= anchor.time);
        let of_process = |event: &&LogEvent| event.pid.is_some() && event.pid == log_pid.or(anchor.pid);
        process.boot = events
            .iter()
            .filter(of_process)
            .filter(before_death)
            .filter(|event| event.kind == "worker-boot")
            .max_by_key(|event| event.at.map(|at| at.time))
            .cloned();
        let started = process.boot.as_ref().and_then(|boot| boot.at).map(|at| at.time);
        process.ends = events
            .iter()
            .filter(of_process)
            .filter(|event| ENDS.contains(&event.kind.as_ref()))
            .filter(|event| event.at.is_none_or(|at| started.is_none_or(|started| at.time >= started)))
            .cloned()
            .collect();
        Some(process)
    }

    /// How the core's process is found, and which id the logs give it.
    fn join(
        &self,
        anchor: &Anchor,
        tracebacks: &[Traceback],
        events: &[LogEvent],
    ) -> Option<(Vec<Cow<'static, str>>, Option<u64>)> {
        let mut joined_by = Vec::new();
        let mut log_pid = None;
        let is_named = anchor.pid.is_some()
            && (self.all.iter().any(|writer| writer.pid == anchor.pid)
                || events.iter().any(|event| event.pid == anchor.pid));
        if is_named {
            joined_by.push(Cow::Borrowed("pid"));
            log_pid = anchor.pid;
        }
        let dumped =
            tracebacks.iter().find(|entry| entry.kind == TracebackKind::Faulthandler && entry.same_process);
        // Processes that were forked share the identifier of their main thread.
        let mut naming = self.all.iter().filter(|writer| writer.names_thread);
        let named = naming.next().filter(|first| naming.all(|writer| writer.pid == first.pid));
        if dumped.is_some() || named.is_some() {
            joined_by.push(Cow::Borrowed("thread-ident"));
            let stated = named.and_then(|writer| writer.pid).or(dumped.and_then(|entry| entry.pid));
            log_pid = log_pid.or(stated);
        }
        if joined_by.is_empty() {
            let near = |event: &&LogEvent| {
                event.signal.is_some()
                    && event.signal == anchor.signal
                    && ENDS.contains(&event.kind.as_ref())
                    && event.at.is_some_and(|at| {
                        at.time.millis_since(anchor.time).unsigned_abs()
                            <= NEAR_MS.saturating_add(at.uncertainty_ms)
                    })
            };
            let mut pids: Vec<u64> = events.iter().filter(near).filter_map(|event| event.pid).collect();
            pids.sort_unstable();
            pids.dedup();
            if let [pid] = pids.as_slice() {
                joined_by.push(Cow::Borrowed("signal-and-time"));
                log_pid = Some(*pid);
            }
        }
        let mut named_own = self.all.iter().filter(|writer| writer.names_own);
        if joined_by.is_empty()
            && let (Some(writer), None) = (named_own.next(), named_own.next())
        {
            joined_by.push(Cow::Borrowed("thread-name"));
            log_pid = writer.pid;
        }
        (!joined_by.is_empty()).then_some((joined_by, log_pid))
    }
}

fn keep_last(records: &mut Vec<LogRecord>) {
    records.sort_by_key(|record| (record.at.map(|at| at.time), record.place.source, record.place.line));
    let more = records.len().saturating_sub(LAST);
    records.drain(..more);
}

/// A name that somebody gave, and not one that threads of all processes have.
fn is_own_name(name: &str) -> bool {
    const COMMON: [&str; 8] = [
        "MainThread",
        "Thread-",
        "Dummy-",
        "ThreadPoolExecutor-",
        "asyncio_",
        "QueueFeeder",
        "waitress-",
        "AnyIO",
    ];
    !COMMON.iter().any(|start| name.starts_with(start))
}

/// Compares an identifier `0x…` with what a log says, in hexadecimal or decimal figures.
pub(crate) fn is_ident(ident: &str, said: &str) -> bool {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    number(ident).is_some_and(|ident| ident > 0 && number(said) == Some(ident))
}
