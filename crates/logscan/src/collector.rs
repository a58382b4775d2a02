//! Keeps what a scan finds, within bounds.

mod kept;
mod warnings;

use pycoroner_findings::{Gap, GapKind, Severity, Timestamp, UtcTime};
use rustc_hash::FxHashMap;

use crate::dead_process::Writers;
use crate::document::{Introduction, LogEvent, LogSource, Place, Relation, Traceback, TracebackKind};
use crate::dump::{Dump, ThreadDump};
use crate::events::{Fact, fatal_signal};
use crate::fingerprint;
use crate::frame::Frame;
use crate::level::{Level, LevelCounts};
use crate::level_times::LevelTimes;
use crate::rates::{Coverage, log_bit};
use crate::records::{Assembly, Item};
use crate::requests::Tracker;
use crate::scan::Options;
use crate::separation::Look;
use crate::tally::Tally;
use crate::template::TemplateMiner;
use crate::traceback::Exception;
use crate::window::{Comparison, Position, Window};
pub(crate) use warnings::{WarningNumber, Warnings};

/// Bounds, each for what lies in the window and again for what does not.
const MAX_TRACEBACKS: usize = 2_000;
const MAX_TRACEBACK_BYTES: usize = 8 << 20;
/// Bytes of everything that is under assembly at a time.
const MAX_OPEN_BYTES: usize = 16 << 20;
const MAX_EVENTS: usize = 4_000;
const MAX_FAILED_REQUESTS: usize = 500;
const MAX_GAPS: usize = 200;

/// Where a traceback, dump or fact comes from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carrier {
    pub(crate) stamp: Option<Timestamp>,
    pub(crate) place: Place,
    /// Its lines in the next file of a rotated log.
    pub(crate) rest: Option<Place>,
    pub(crate) producer: Option<String>,
    pub(crate) pid: Option<u64>,
    pub(crate) thread: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) log_message: Option<String>,
    pub(crate) logger: Option<String>,
    pub(crate) level: Option<Level>,
    pub(crate) introduced_by: Option<Introduction>,
    /// The record that it belongs to, where records are handed out.
    pub(crate) item: Option<Item>,
}

/// What is kept in and out of the window.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    count: usize,
    bytes: usize,
    dropped: u64,
}

pub(crate) struct Collector<'o> {
    options: &'o Options,
    pub(crate) window: Option<Window>,
    pub(crate) sources: Vec<LogSource>,
    pub(crate) levels: LevelCounts,
    pub(crate) levels_inside: LevelCounts,
    pub(crate) levels_before: LevelCounts,
    pub(crate) records_inside: u64,
    pub(crate) records_before: u64,
    /// The earliest time of any record, to tell how much log lies before the window.
    pub(crate) earliest: Option<UtcTime>,
    pub(crate) tracebacks: Vec<Traceback>,
    /// Where the tree of a signature stands in `tracebacks`.
    trees: FxHashMap<String, (usize, usize)>,
    pub(crate) events: Vec<LogEvent>,
    pub(crate) templates: TemplateMiner,
    pub(crate) comparison: Option<Comparison>,
    /// Errors, when there is a window to compare.
    pub(crate) errors: Tally,
    pub(crate) level_times: LevelTimes,
    pub(crate) level_times_inside: LevelTimes,
    pub(crate) writers: Writers,
    pub(crate) requests: Tracker,
    /// Names of logs; rotated ones have one name.
    logs: Vec<String>,
    /// The bit of each source's log.
    pub(crate) source_logs: Vec<u64>,
    pub(crate) warnings: Warnings,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) gaps_dropped: u64,
    held_tracebacks: [Held; 2],
    held_events: [Held; 2],
    failed_requests: usize,
    failed_requests_dropped: u64,
    /// Bytes of everything that is under assembly, roughly.
    pub(crate) open_bytes: usize,
    /// Set where records are handed out one by one: they go there, and nothing is kept or counted here.
    pub(crate) assembly: Option<Box<Assembly>>,
    /// Set where the logs are read again: records go there, and none is kept or counted here.
    pub(crate) look: Option<Box<Look>>,
}

impl<'o> Collector<'o> {
    pub(crate) fn new(options: &'o Options) -> Self {
        Self {
            options,
            window: options.resolved_window(),
            sources: Vec::new(),
            levels: LevelCounts::default(),
            levels_inside: LevelCounts::default(),
            levels_before: LevelCounts::default(),
            records_inside: 0,
            records_before: 0,
            earliest: None,
            tracebacks: Vec::new(),
            trees: FxHashMap::default(),
            events: Vec::new(),
            templates: TemplateMiner::default(),
            comparison: Comparison::new(options.resolved_window(), options.anchor.as_ref()),
            errors: Tally::default(),
            level_times: LevelTimes::default(),
            level_times_inside: LevelTimes::default(),
            writers: Writers::default(),
            requests: Tracker::default(),
            logs: Vec::new(),
            source_logs: Vec::new(),
            warnings: Warnings::default(),
            gaps: Vec::new(),
            gaps_dropped: 0,
            held_tracebacks: [Held::default(); 2],
            held_events: [Held::default(); 2],
            failed_requests: 0,
            failed_requests_dropped: 0,
            open_bytes: 0,
            assembly: None,
            look: None,
        }
    }

    pub(crate) fn options(&self) -> &'o Options {
        self.options
    }

    /// Whether it matters who wrote a record.
    pub(crate) fn compares_writers(&self) -> bool {
        self.comparison.is_some() && self.options.anchor.is_some()
    }

    /// Bytes that may still be taken into assembly.
    pub(crate) fn room(&self) -> usize {
        MAX_OPEN_BYTES.saturating_sub(self.open_bytes)
    }

    #[inline]
    pub(crate) fn position(&self, stamp: Option<Timestamp>) -> Position {
        self.window.as_ref().map_or(Position::Unknown, |window| window.position(stamp))
    }

    /// The bit of the log that the next source belongs to.
    pub(crate) fn add_log(&mut self, path: &str, continues: bool) -> u64 {
        if let Some(bit) = self.source_logs.last().copied().filter(|_| continues) {
            self.source_logs.push(bit);
            return bit;
        }
        let name = log_name(path);
        let log = self.logs.iter().position(|known| known == name).unwrap_or_else(|| {
            self.logs.push(name.to_owned());
            self.logs.len() - 1
        });
        self.source_logs.push(log_bit(log));
        log_bit(log)
    }

    /// When each log was written.
    pub(crate) fn coverage(&self) -> Coverage {
        let mut spans: Vec<Option<(UtcTime, UtcTime)>> = vec![None; self.logs.len().min(64)];
        for (source, bit) in self.sources.iter().zip(&self.source_logs) {
            let (Some(first), Some(last)) = (source.first, source.last) else { continue };
            if let Some(span) = spans.get_mut(bit.trailing_zeros() as usize) {
                let (known_first, known_last) = span.unwrap_or((first, last));
                *span = Some((first.min(known_first), last.max(known_last)));
            }
        }
        Coverage::new(spans)
    }

    /// Counts one record.
    #[inline]
    pub(crate) fn count_record(&mut self, level: Option<Level>, time: Option<UtcTime>, position: Position) {
        if let Some(level) = level {
            self.levels.add(level);
        }
        if let Some(time) = time {
            self.level_times.add(level, time);
            if position == Position::Inside {
                self.level_times_inside.add(level, time);
            }
        }
        let levels = match position {
            Position::Inside => {
                self.records_inside += 1;
                &mut self.levels_inside
            }
            Position::Before => {
                self.records_before += 1;
                &mut self.levels_before
            }
            Position::After | Position::Unknown => return,
        };
        if let Some(level) = level {
            levels.add(level);
        }
    }

    /// Counts records of one second, by level, all at one position.
    pub(crate) fn count_records(
        &mut self,
        levels: &[u32; Level::ALL.len()],
        time: UtcTime,
        position: Position,
    ) {
        let records = levels.iter().map(|count| u64::from(*count)).sum::<u64>();
        self.levels.add_all(levels);
        self.level_times.add_all(levels, time);
        match position {
            Position::Inside => {
                self.level_times_inside.add_all(levels, time);
                self.records_inside += records;
                self.levels_inside.add_all(levels);
            }
            Position::Before => {
                self.records_before += records;
                self.levels_before.add_all(levels);
            }
            Position::After | Position::Unknown => {}
        }
    }

    pub(crate) fn add_gap(&mut self, gap: Gap) {
        if self.gaps.len() < MAX_GAPS { self.gaps.push(gap) } else { self.gaps_dropped += 1 }
    }

    /// A gap that points at lines of a source.
    pub(crate) fn add_gap_at(&mut self, kind: GapKind, what: &str, why: &str, place: Place) {
        let mut gap = Gap::new(kind, what, why);
        gap.citation = place.citation(&self.sources);
        self.add_gap(gap);
    }

    fn is_dead_process(&self, pid: Option<u64>) -> bool {
        pid.is_some() && self.options.anchor.as_ref().is_some_and(|anchor| anchor.pid == pid)
    }

    pub(crate) fn add_event(&mut self, fact: Fact, carrier: &Carrier) {
        if self.assembly.is_some() {
            return;
        }
        if self.is_quoted(&fact, carrier.place) {
            return;
        }
        let in_window = self.position(carrier.stamp) == Position::Inside;
        if fact.kind == "request-failed" {
            // There can be very many: they do not take the place of what ends processes.
            if self.failed_requests >= MAX_FAILED_REQUESTS {
                self.failed_requests_dropped += 1;
                return;
            }
            self.failed_requests += 1;
        }
        let Some(held) = self.held_events.get_mut(usize::from(in_window)) else { return };
        if held.count >= MAX_EVENTS {
            held.dropped += 1;
            return;
        }
        held.count += 1;
        let same_process = self.is_dead_process(fact.pid);
        self.events.push(LogEvent {
            kind: fact.kind,
            at: carrier.stamp,
            severity: fact.severity,
            message: fact.message,
            detail: fact.detail,
            place: carrier.place,
            pid: fact.pid,
            signal: fact.signal,
            producer: carrier.producer.clone(),
            in_window,
            same_process,
        });
    }

    /// Whether the event before says it already: a traceback repeats the message of the record that carries it.
    fn is_quoted(&self, fact: &Fact, place: Place) -> bool {
        self.events.last().is_some_and(|last| {
            last.place.source == place.source
                && (&last.kind, last.pid, last.signal) == (&fact.kind, fact.pid, fact.signal)
                && last.message.len() > fact.message.len()
                && last.message.contains(&fact.message)
        })
    }

    /// Adds a tree of exceptions, or counts it when it was seen before.
    pub(crate) fn add_tree(&mut self, exceptions: Vec<Exception>, carrier: &Carrier) {
        let in_window = self.position(carrier.stamp) == Position::Inside;
        let entries: Vec<Traceback> =
            exceptions.into_iter().map(|exception| self.entry_of(exception, carrier)).collect();
        if entries.iter().any(|entry| entry.truncated) {
            let why = "its lines were interrupted by others, or the text ends";
            self.add_gap_at(GapKind::Truncated, "the rest of a traceback", why, carrier.place);
        }
        if let Some(assembly) = &mut self.assembly {
            return assembly.add_stack(entries, carrier);
        }
        let signature = signature(&entries);
        if let Some((start, len)) = self.trees.get(&signature).copied() {
            for known in self.tracebacks.iter_mut().skip(start).take(len) {
                known.count += 1;
                known.in_window += u64::from(in_window);
                known.same_process |= carrier.pid.is_some()
                    && self.options.anchor.as_ref().is_some_and(|anchor| anchor.pid == carrier.pid);
                known.latest = Some(carrier.place);
                if let Some(stamp) = carrier.stamp {
                    known.first = Some(known.first.map_or(stamp.time, |first| first.min(stamp.time)));
                    known.last = Some(known.last.map_or(stamp.time, |last| last.max(stamp.time)));
                }
            }
            return;
        }
        if self.make_room(in_window, &entries) {
            self.trees.insert(signature, (self.tracebacks.len(), entries.len()));
            self.push_entries(entries, in_window);
        }
    }

    /// Adds a dump: one entry per thread, and the fatal error as an event.
    pub(crate) fn add_dump(&mut self, dump: Dump, carrier: &Carrier) {
        let in_window = self.position(carrier.stamp) == Position::Inside;
        if let Some(error) = &dump.fatal {
            self.add_event(fatal_fact(error, &dump, carrier), carrier);
        }
        if dump.hit_limit || dump.threads.iter().any(|thread| thread.truncated) {
            self.add_gap_at(
                GapKind::Truncated,
                "stacks of a faulthandler dump",
                "the dump is cut, or too long",
                carrier.place,
            );
        }
        let type_name = match (&dump.fatal, &dump.timeout) {
            (Some(_), _) => Some("Fatal Python error"),
            (None, Some(_)) => Some("Timeout"),
            (None, None) => None,
        };
        let message = dump.fatal.or(dump.timeout).unwrap_or_default();
        let mut modules = dump.extension_modules;
        let mut c_stack = dump.c_stack;
        let mut entries = Vec::new();
        for thread in dump.threads {
            let mut entry = self.thread_entry(thread, type_name, &message, carrier);
            entry.extension_modules = std::mem::take(&mut modules);
            entry.c_stack = std::mem::take(&mut c_stack);
            entries.push(entry);
        }
        if let Some(assembly) = &mut self.assembly {
            return assembly.add_stack(entries, carrier);
        }
        if self.make_room(in_window, &entries) {
            self.push_entries(entries, in_window);
        }
    }

    fn thread_entry(
        &self,
        thread: ThreadDump,
        type_name: Option<&str>,
        message: &str,
        carrier: &Carrier,
    ) -> Traceback {
        let omitted_frames = thread.frames.omitted;
        let exception = Exception {
            type_name: type_name.map(str::to_owned),
            message: message.to_owned(),
            ..Exception::default()
        };
        let mut entry = self.entry_of(exception, carrier);
        entry.kind = TracebackKind::Faulthandler;
        entry.frames = thread.frames.into_vec();
        entry.fingerprint = fingerprint::of(type_name, &entry.frames, message);
        entry.omitted_frames = omitted_frames;
        entry.current_thread = thread.is_current;
        entry.thread = thread.id;
        entry.thread_name = thread.name;
        entry.collecting_garbage = thread.collecting_garbage;
        entry.note = thread.note;
        entry.truncated = thread.truncated;
        entry
    }

    fn entry_of(&self, exception: Exception, carrier: &Carrier) -> Traceback {
        let omitted_frames = exception.frames.omitted;
        let frames = exception.frames.into_vec();
        let is_root = exception.parent.is_none();
        Traceback {
            kind: TracebackKind::Traceback,
            fingerprint: fingerprint::of(exception.type_name.as_deref(), &frames, &exception.message),
            type_name: exception.type_name,
            message: exception.message,
            trailing: exception.trailing,
            relation: exception.relation,
            parent: exception.parent,
            count: 1,
            in_window: 0,
            new_in_window: None,
            first: carrier.stamp.map(|stamp| stamp.time),
            last: carrier.stamp.map(|stamp| stamp.time),
            time_basis: carrier.stamp.map(|stamp| stamp.basis),
            time_uncertainty_ms: carrier.stamp.map_or(0, |stamp| stamp.uncertainty_ms),
            place: carrier.place,
            rest: carrier.rest,
            latest: None,
            producer: carrier.producer.clone(),
            pid: carrier.pid,
            same_process: self.is_dead_process(carrier.pid),
            thread: carrier.thread.clone(),
            thread_name: None,
            current_thread: false,
            frames,
            omitted_frames,
            truncated: exception.truncated,
            remote: exception.remote,
            location: exception.location,
            introduced_by: carrier.introduced_by,
            log_message: carrier.log_message.clone().filter(|_| is_root),
            level: carrier.level,
            logger: carrier.logger.clone(),
            request_id: carrier.request_id.clone(),
            collecting_garbage: false,
            note: None,
            extension_modules: Vec::new(),
            c_stack: Vec::new(),
        }
    }

    /// Whether the entries still fit; counts them when they do, and the loss when they do not.
    fn make_room(&mut self, in_window: bool, entries: &[Traceback]) -> bool {
        let bytes: usize = entries.iter().map(weight).sum();
        let Some(held) = self.held_tracebacks.get_mut(usize::from(in_window)) else { return false };
        if held.count + entries.len() > MAX_TRACEBACKS || held.bytes + bytes > MAX_TRACEBACK_BYTES {
            held.dropped += 1;
            return false;
        }
        held.count += entries.len();
        held.bytes += bytes;
        true
    }

    /// Appends a tree; its parents become indexes of the whole list.
    fn push_entries(&mut self, entries: Vec<Traceback>, in_window: bool) {
        let start = self.tracebacks.len();
        self.tracebacks.extend(entries.into_iter().map(|mut entry| {
            entry.parent = entry.parent.map(|parent| parent + start);
            entry.in_window = u64::from(in_window);
            entry
        }));
    }

    /// States what the bounds cost.
    pub(crate) fn add_limit_gaps(&mut self) {
        let dropped = |held: &[Held; 2]| held.iter().map(|held| held.dropped).sum::<u64>();
        let losses = [
            (dropped(&self.held_tracebacks), "different tracebacks and dumps"),
            (dropped(&self.held_events), "events"),
            (self.failed_requests_dropped, "failed requests"),
            (self.templates.uncounted, "records whose message template is not counted"),
            (self.requests.given_up, "requests, those that were silent for the longest time"),
            (self.writers.untold, "records of further processes, as far as last records go"),
            (self.warnings.dropped, "warnings and errors before the last ones"),
            (self.gaps_dropped, "further gaps"),
        ];
        for (count, what) in losses {
            if count > 0 {
                self.gaps.push(Gap::new(GapKind::Limit, format!("{count} {what}"), "more than a scan keeps"));
            }
        }
    }

    /// Brings the entries into the order of sources and lines.
    pub(crate) fn sort_entries(&mut self) {
        let mut order: Vec<usize> = (0..self.tracebacks.len()).collect();
        order.sort_by_key(|index| {
            self.tracebacks.get(*index).map(|entry| (entry.place.source, entry.place.line, *index))
        });
        let mut moved_to = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            if let Some(slot) = moved_to.get_mut(*old) {
                *slot = new;
            }
        }
        let mut old: Vec<Option<Traceback>> =
            std::mem::take(&mut self.tracebacks).into_iter().map(Some).collect();
        for index in order {
            let Some(mut entry) = old.get_mut(index).and_then(Option::take) else { continue };
            entry.parent = entry.parent.and_then(|parent| moved_to.get(parent).copied());
            self.tracebacks.push(entry);
        }
        self.events.sort_by_key(|event| (event.place.source, event.place.line));
    }
}

fn fatal_fact(error: &str, dump: &Dump, carrier: &Carrier) -> Fact {
    let head = error.split(" [").next().unwrap_or(error);
    let mut fact =
        Fact::new("fatal-error", Severity::Critical, format!("Fatal Python error: {error}").as_bytes());
    fact.signal = fatal_signal(head);
    fact.pid = carrier.pid;
    fact.detail = dump.runtime_state.as_ref().map(|state| format!("Python runtime state: {state}"));
    fact
}

/// Equal for trees that count as the same failure.
fn signature(entries: &[Traceback]) -> String {
    let mut text = String::new();
    for entry in entries {
        let relation = match entry.relation {
            None => "-",
            Some(Relation::Cause) => "c",
            Some(Relation::Context) => "x",
            Some(Relation::GroupMember) => "g",
        };
        text.push_str(&entry.fingerprint);
        text.push_str(relation);
        text.push_str(&entry.parent.map_or(String::new(), |parent| parent.to_string()));
        text.push(if entry.truncated { '!' } else { ';' });
    }
    text
}

pub(crate) fn weight(entry: &Traceback) -> usize {
    let texts = entry.message.len()
        + entry.extension_modules.iter().map(|name| name.len() + 24).sum::<usize>()
        + entry.c_stack.iter().map(|line| line.len() + 24).sum::<usize>();
    size_of::<Traceback>() + texts + entry.frames.iter().map(Frame::weight).sum::<usize>()
}

/// The path without what rotation and compression append.
fn log_name(path: &str) -> &str {
    const PACKED: [&str; 6] = [".gz", ".zst", ".xz", ".bz2", ".lz4", ".zip"];
    let path = PACKED.iter().find_map(|ending| path.strip_suffix(ending)).unwrap_or(path);
    let name =
        path.trim_end_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '-' | '_'));
    // A name that is nothing but a number is its own.
    if name.is_empty() || name.ends_with('/') { path } else { name }
}

#[cfg(test)]
mod tests {
    use super::log_name;

    #[test]
    fn names_of_logs() {
        for path in ["app.log", "app.log.1", "app.log.2.gz", "app.log-20240501", "app.log.2024-05-01.zst"] {
            assert_eq!(log_name(path), "app.log", "{path}");
        }
        assert_eq!(log_name("/logs/web/7"), "/logs/web/7");
        assert_ne!(log_name("web-1.log"), log_name("web-2.log"));
    }
}
