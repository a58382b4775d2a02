use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use pycoroner_findings::{Event, Finding, Gap, GapKind, Severity, SourceId, TimeBasis, Timestamp, UtcTime};

use crate::changes::{LevelsOverTime, Silence};
use crate::clock::Zone;
use crate::collector::Collector;
use crate::dead_process::{DeadProcess, dumps};
use crate::document::{
    Document, LogEvent, LogRecord, LogSource, Rules, SCHEMA, Template, Traceback, TracebackKind,
    WindowSummary,
};
use crate::findings;
use crate::input::Input;
use crate::level::Level;
use crate::part::{PartialReading, forget_lines};
use crate::pipeline::{self, Way};
use crate::rates::{Coverage, judge};
use crate::requests::{Death, Requests};
use crate::separation::Separations;
use crate::tally::Tally;
use crate::template::{Mined, Templates};
use crate::window::{Anchor, Comparison, Window};
use crate::workers::{self, Worker};

/// How to scan.
#[derive(Clone, Debug)]
pub struct Options {
    /// The zone of times that state none.
    pub assumed_zone: Zone,
    /// The death to look around.
    pub anchor: Option<Anchor>,
    /// The window to look at; without it, one is laid around the anchor.
    pub window: Option<Window>,
    /// How far before the anchor the default window starts.
    pub before: Duration,
    /// How far behind the anchor the default window ends.
    pub after: Duration,
    /// Whether message templates are counted; about half of a scan's time.
    pub templates: bool,
    /// Whether sources say how they were read: [`LogSource::explanation`].
    pub explain: bool,
    /// Threads that read, at most 16. The result is the same for any number.
    pub jobs: usize,
    /// Nanoseconds that are added to all times of a source: its clock is known to have been wrong.
    pub shifts: BTreeMap<SourceId, i64>,
    /// When large files are read in part.
    pub partial: PartialReading,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            assumed_zone: Zone::UTC,
            anchor: None,
            window: None,
            before: Window::BEFORE,
            after: Window::AFTER,
            templates: true,
            explain: false,
            jobs: 1,
            shifts: BTreeMap::new(),
            partial: PartialReading::default(),
        }
    }
}

impl Options {
    pub(crate) fn resolved_window(&self) -> Option<Window> {
        self.window.or_else(|| {
            self.anchor.as_ref().map(|anchor| Window::around(anchor.time, self.before, self.after))
        })
    }
}

/// What a scan found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// The inputs, in the order they were given.
    pub sources: Vec<LogSource>,
    /// Records by level; levels that no record has are left out.
    pub levels: BTreeMap<String, u64>,
    /// Exceptions and threads of dumps, in the order of sources and lines.
    pub tracebacks: Vec<Traceback>,
    /// Typed facts, in the order of sources and lines.
    pub events: Vec<LogEvent>,
    /// Message templates.
    pub templates: Vec<Template>,
    /// Records by level, over all times.
    pub levels_over_time: LevelsOverTime,
    /// Requests that records name.
    pub requests: Option<Requests>,
    /// The process that the core is of, as the logs tell it.
    pub process: Option<DeadProcess>,
    /// The last record before the death, whoever wrote it.
    pub last_record: Option<LogRecord>,
    /// The last records before the death of the process that sent the signal.
    pub sender_records: Vec<LogRecord>,
    /// What [`DeathComparison`](crate::DeathComparison) found, where the caller asks it.
    pub separations: Option<Separations>,
    /// The last records of level warning and above, of the window when there is one.
    pub warnings: Vec<LogRecord>,
    /// The crash window, when one was asked for.
    pub window: Option<WindowSummary>,
    /// What could not be known.
    pub gaps: Vec<Gap>,
    /// The death that was looked around.
    pub anchor: Option<Anchor>,
}

/// Scans logs, in one pass over each, on as many threads as the options say.
///
/// Bad input is no error: what cannot be read is a [`Gap`]. Memory is bounded whatever the input is; what the bounds
/// cost is a gap, too.
pub fn scan<'a>(inputs: impl IntoIterator<Item = Input<'a>>, options: &Options) -> Scan {
    scan_in(Way::default(), inputs, options)
}

/// Scans in some way; which one makes no difference.
pub(crate) fn scan_in<'a>(way: Way, inputs: impl IntoIterator<Item = Input<'a>>, options: &Options) -> Scan {
    let inputs: Vec<Input<'a>> = inputs.into_iter().collect();
    let mut collector = pipeline::read(inputs, Collector::new(options), way);
    collector.sort_entries();
    let mut scan = summarise(collector, options);
    findings::weigh_events(&mut scan);
    forget_lines(&mut scan);
    scan
}

/// Compares what was counted, and joins it with the death.
fn summarise(mut collector: Collector<'_>, options: &Options) -> Scan {
    let Templates { mined, index_of } = collector.templates.finish();
    collector.add_limit_gaps();
    let coverage = collector.coverage();
    let mut templates: Vec<Template> = mined.iter().map(template_of).collect();
    let mut tracebacks = collector.tracebacks;
    let anchor = options.anchor.as_ref();
    if let Some(anchor) = anchor {
        dumps::claim(&mut tracebacks, &collector.events, anchor);
    }
    let (mut test, mut errors, mut process) = (None, None, None);
    if let Some(comparison) = collector.comparison {
        let mut tallies: Vec<&Tally> = mined.iter().map(|mined| &mined.tally).collect();
        tallies.extend(collector.writers.tallies());
        let (verdicts, rate_test) = judge(&tallies, &coverage, &comparison);
        test = Some(rate_test);
        let writers = verdicts.get(templates.len()..).unwrap_or_default();
        let silences: Vec<Option<Silence>> = writers.iter().map(|verdict| verdict.silence.clone()).collect();
        for (template, verdict) in templates.iter_mut().zip(verdicts) {
            template.new_in_window = verdict.is_new;
            template.change = verdict.change;
            template.silence = verdict.silence.filter(|_| anchor.is_some());
        }
        let (of_errors, _) = judge(&[&collector.errors], &coverage, &comparison);
        errors = of_errors.into_iter().find_map(|verdict| verdict.change);
        mark_new(&mut tracebacks, &collector.source_logs, &coverage, &comparison);
        process = anchor.and_then(|anchor| {
            collector.writers.dead_process(anchor, &tracebacks, &collector.events, &silences)
        });
        if options.templates && !templates.iter().any(|template| template.new_in_window.is_some()) {
            let why = "less of the log lies before the window than in it";
            let gap = Gap::new(GapKind::Missing, "what is new in the window", why)
                .remedy("give older logs as well, or a smaller window by --since and --until");
            collector.gaps.push(gap);
        }
    }
    let death = anchor.map(|anchor| Death {
        time: anchor.latest(),
        pid: process.as_ref().and_then(|process| process.log_pid).or(anchor.pid),
        last_record: process.as_ref().and_then(DeadProcess::last_record).map(|record| record.place),
    });
    let sender = anchor.and_then(|anchor| anchor.sender);
    let sender_records = sender.map_or_else(Vec::new, |sender| collector.writers.last_records(Some(sender)));
    let last_record = anchor.and_then(|_| collector.writers.last_records(None).pop());
    let mut requests = collector.requests.finish(death.as_ref(), &index_of);
    requests.name_tracebacks(&tracebacks);
    if let Some(anchor) = anchor {
        let workers = workers::lifespans(&collector.events, &collector.sources);
        requests.end_with(&workers, &collector.events, anchor);
    }
    let window = collector.window.map(|window| WindowSummary {
        from: window.since,
        to: window.until,
        anchor: anchor.map(|anchor| anchor.time),
        records: collector.records_inside,
        records_before: collector.records_before,
        levels: collector.levels_inside.by_name(),
        levels_before: collector.levels_before.by_name(),
        levels_over_time: collector.level_times_inside.finish(),
        errors,
        test,
    });
    Scan {
        levels: collector.levels.by_name(),
        levels_over_time: collector.level_times.finish(),
        sources: collector.sources,
        tracebacks,
        events: collector.events,
        templates,
        requests: (requests.followed > 0).then_some(requests),
        process,
        last_record,
        sender_records,
        separations: None,
        warnings: collector.warnings.into_records(),
        window,
        gaps: collector.gaps,
        anchor: options.anchor.clone(),
    }
}

fn template_of(mined: &Mined) -> Template {
    let Tally {
        count, before, inside, around_death, after_death, first, last, place, place_in_window, ..
    } = mined.tally;
    Template {
        template: mined.text.clone(),
        level: mined.level,
        count,
        in_window: inside + around_death + after_death,
        around_death,
        after_death,
        before,
        first,
        last,
        new_in_window: None,
        change: None,
        silence: None,
        place: place.unwrap_or_default(),
        place_in_window,
    }
}

/// Says of tracebacks whether they were seen before the window.
fn mark_new(tracebacks: &mut [Traceback], logs: &[u64], coverage: &Coverage, comparison: &Comparison) {
    for entry in tracebacks {
        let places = [Some(entry.place), entry.latest];
        let logs = places
            .into_iter()
            .flatten()
            .filter_map(|place| logs.get(place.source))
            .fold(0, |all, bit| all | bit);
        entry.new_in_window = coverage
            .knows_before(logs, comparison)
            .then(|| entry.in_window > 0 && entry.first.is_some_and(|first| first >= comparison.from));
    }
}

impl Scan {
    /// The scan as the document that `pycoroner logs --format json` writes.
    pub fn document(&self) -> Document {
        Document {
            schema: Cow::Borrowed(SCHEMA),
            sources: self.sources.clone(),
            levels: self.levels.clone(),
            tracebacks: self.tracebacks.clone(),
            events: self.events.clone(),
            workers: self.workers(),
            templates: self.templates.clone(),
            levels_over_time: self.levels_over_time.clone(),
            requests: self.requests.clone(),
            process: self.process.clone(),
            last_record: self.last_record.clone(),
            separations: self.separations.clone(),
            rules: Rules::default(),
            warnings: self.warnings.clone(),
            window: self.window.clone(),
            findings: self.findings(),
            gaps: self.gaps.clone(),
        }
    }

    /// Rows for an incident's timeline: the typed facts and the tracebacks, of the window when there is one, by time.
    ///
    /// What has no time stands at the end. A traceback's row is its root's first time, and its last when it came
    /// again. A dump has no row of its own: its `fatal-error` is one.
    pub fn timeline(&self) -> Vec<Event> {
        let mut rows: Vec<Event> = self
            .events
            .iter()
            .filter(|event| self.window.is_none() || event.in_window || event.at.is_none())
            .map(|event| self.event_row(event))
            .collect();
        let roots = self.tracebacks.iter().filter(|entry| {
            entry.kind == TracebackKind::Traceback
                && entry.parent.is_none()
                && (self.window.is_none() || entry.in_window > 0)
        });
        for entry in roots {
            rows.push(self.traceback_row(entry));
        }
        rows.sort_by_key(|row| (row.at.is_none(), row.at.map(|at| at.time)));
        rows
    }

    /// The life spans of worker processes, as lines of the log state them.
    pub fn workers(&self) -> Vec<Worker> {
        workers::lifespans(&self.events, &self.sources)
    }

    /// What was concluded from the log alone.
    pub fn findings(&self) -> Vec<Finding> {
        findings::conclude(self)
    }

    fn event_row(&self, event: &LogEvent) -> Event {
        let mut row = Event::new(event.kind.clone(), event.severity, event.message.clone());
        row.at = event.at;
        row.pid = event.pid;
        row.signal = event.signal;
        row.producer.clone_from(&event.producer);
        row.citation = event.place.citation(&self.sources);
        row
    }

    /// The last occurrence when the window holds it and not the first.
    fn traceback_row(&self, entry: &Traceback) -> Event {
        let in_window = |time: Option<UtcTime>| match (&self.window, time) {
            (Some(window), Some(time)) => {
                window.from.is_none_or(|from| time >= from) && window.to.is_none_or(|to| time <= to)
            }
            _ => true,
        };
        let shows_latest = entry.latest.is_some() && !in_window(entry.first);
        let severity =
            if entry.level == Some(Level::Critical) { Severity::Critical } else { Severity::Error };
        let times = if entry.count > 1 { format!(" ({} times)", entry.count) } else { String::new() };
        let mut row = Event::new("traceback", severity, format!("{}{times}", findings::headline(entry)));
        let time = if shows_latest { entry.last } else { entry.first };
        row.at = time.map(|time| Timestamp {
            time,
            basis: entry.time_basis.unwrap_or(TimeBasis::InferredNeighbour),
            uncertainty_ms: entry.time_uncertainty_ms,
        });
        row.pid = entry.pid;
        row.producer.clone_from(&entry.producer);
        let place = entry.latest.filter(|_| shows_latest).unwrap_or(entry.place);
        row.citation = place.citation(&self.sources);
        row
    }
}
