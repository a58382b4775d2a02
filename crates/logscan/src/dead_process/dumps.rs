//! Which dumps of `faulthandler` are the dead process's.
//!
//! A dump names threads by their identifiers, and no process. Processes that were forked have the same identifier for
//! their main thread, so that dumps of several may name those of the core.

use std::collections::BTreeMap;

use super::is_ident;
use crate::document::{LogEvent, Traceback, TracebackKind};
use crate::findings::Ends;
use crate::window::Anchor;

/// One dump: the threads in it, as indexes of the tracebacks.
struct Candidate {
    threads: Vec<usize>,
    is_fatal: bool,
    /// It names a thread that the core does not have.
    names_others: bool,
    place: (usize, u64),
    /// Milliseconds between it and the death.
    distance: Option<u64>,
}

/// Marks the dumps of the dead process.
pub(crate) fn claim(tracebacks: &mut [Traceback], events: &[LogEvent], anchor: &Anchor) {
    let is_dump = |entry: &&Traceback| entry.kind == TracebackKind::Faulthandler;
    if tracebacks.iter().filter(is_dump).any(|entry| entry.same_process) {
        // A process id was there, and says more.
        return;
    }
    let (fatal, others): (Vec<_>, Vec<_>) =
        candidates(tracebacks, anchor).into_iter().partition(|one| one.is_fatal);
    let booted = events.iter().filter(|event| event.kind == "worker-boot").filter_map(|event| event.pid);
    let booted = booted.collect::<std::collections::BTreeSet<_>>().len();
    let is_alone = fatal.len() <= 1 && booted <= 1;
    let own = the_one(fatal, events, anchor).into_iter().chain(others.into_iter().filter(|_| is_alone));
    for index in own.flat_map(|dump| dump.threads) {
        if let Some(entry) = tracebacks.get_mut(index) {
            entry.same_process = true;
        }
    }
}

/// The dumps that name a thread of the core.
fn candidates(tracebacks: &[Traceback], anchor: &Anchor) -> Vec<Candidate> {
    let mut dumps: BTreeMap<(usize, u64), Vec<usize>> = BTreeMap::new();
    for (index, entry) in tracebacks.iter().enumerate() {
        if entry.kind == TracebackKind::Faulthandler {
            dumps.entry((entry.place.source, entry.place.offset)).or_default().push(index);
        }
    }
    let of_dump = |(place, threads): ((usize, u64), Vec<usize>)| {
        let entries: Vec<&Traceback> = threads.iter().filter_map(|index| tracebacks.get(*index)).collect();
        let is_known = |thread: &str| anchor.threads.iter().any(|ident| is_ident(ident, thread));
        let names: Vec<bool> =
            entries.iter().filter_map(|entry| entry.thread.as_deref()).map(is_known).collect();
        let first = entries.first()?;
        names.contains(&true).then(|| Candidate {
            is_fatal: first.type_name.as_deref() == Some("Fatal Python error"),
            names_others: names.contains(&false),
            place,
            distance: first.first.map(|time| time.millis_since(anchor.time).unsigned_abs()),
            threads,
        })
    };
    dumps.into_iter().filter_map(of_dump).collect()
}

/// The dump that is told from those of other processes: by its threads, its signal, what the log says of a process next,
/// or its time. None when nothing tells it.
fn the_one(mut dumps: Vec<Candidate>, events: &[LogEvent], anchor: &Anchor) -> Option<Candidate> {
    let ends = Ends::among(events);
    let stated: BTreeMap<(usize, u64), &LogEvent> = events
        .iter()
        .filter(|event| event.kind == "fatal-error")
        .map(|event| ((event.place.source, event.place.offset), event))
        .collect();
    keep(&mut dumps, |dump| !dump.names_others);
    keep(&mut dumps, |dump| {
        stated.get(&dump.place).is_some_and(|event| event.signal.is_some() && event.signal == anchor.signal)
    });
    keep(&mut dumps, |dump| {
        stated.get(&dump.place).is_some_and(|event| anchor.pid.is_some() && ends.process(event) == anchor.pid)
    });
    let nearest = dumps.iter().filter_map(|dump| dump.distance).min();
    keep(&mut dumps, |dump| dump.distance == nearest);
    if dumps.len() == 1 { dumps.pop() } else { None }
}

/// Keeps those of several that a test finds, if it finds any.
fn keep(dumps: &mut Vec<Candidate>, test: impl Fn(&Candidate) -> bool) {
    if dumps.len() > 1 && dumps.iter().any(&test) {
        dumps.retain(test);
    }
}
