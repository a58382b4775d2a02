//! `pycoroner analyze`: all evidence into one incident report.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use pycoroner_coredump::{CaptureOptions, LocalsOf, ProcessSnapshot, capture};
use pycoroner_findings::{Event, Gap, GapKind, Severity, Source, TimeBasis, UtcTime};
use pycoroner_heap::HeapDocument;
use pycoroner_logscan::{Options, Scan, Zone};
use pycoroner_redact::Redactor;
use pycoroner_report::{Draft, Incident, Material, render_html, render_markdown, render_template};
use pycoroner_telemetry::{LoggedRequest, Telemetry};
use serde::Serialize;

use super::death::{self, Death};
use super::log_scan::{jobs, partial, scan_logs};
use super::older_cores::OlderCores;
use super::{Session, earlier_stacks, pretty};
use crate::args::{AnalyzeArgs, ReportForm, ReportFormat};
use crate::cited::all_digests;
use crate::clock_shift::{Shifts, shifts};
use crate::dead_process::with_process;
use crate::digests::Digests;
use crate::evidence::{Evidence, Item};
use crate::exit::Outcome;
use crate::sniff::Kind;
use crate::time_window;

/// Innermost frames of the crashed thread whose variables are shown.
const FRAMES_WITH_LOCALS: usize = 8;
/// Larger exports are not read.
const MOST_EXPORT_BYTES: u64 = 256 << 20;

/// Runs the command.
pub(crate) fn run(session: &Session, args: &AnalyzeArgs) -> Result<Outcome> {
    let zone = Zone::new(time_window::zone(&args.zone.tz)?);
    let mut evidence = Evidence::gather(&args.paths)?;
    evidence.add_older(&args.older)?;
    session.output.spare(evidence.files())?;
    refuse_nothing(&evidence)?;
    let shifts = shifts(&args.skew, &evidence.items)?;
    let digests = Digests::start(&evidence);
    let mut material = Material::default();
    let dead = dead_process(session, &mut evidence, args, &mut material)?;
    let options = Options {
        assumed_zone: zone,
        shifts,
        jobs: jobs(None),
        partial: partial(args.whole_logs),
        ..Options::default()
    };
    let shifts = options.shifts.clone();
    let telemetry = read_exports(&evidence, &shifts, &mut material);
    let scan = add_logs(session, &evidence, dead.as_ref(), options, &telemetry, &mut material)?;
    if let Some(Dead { snapshot, .. }) = &dead {
        let findings = earlier_stacks::compare(snapshot, material.died_at, &telemetry, scan.as_ref());
        material.findings.extend(findings);
    }
    if telemetry != Telemetry::default() {
        let judged = pycoroner_telemetry::judge(telemetry, &requests(scan.as_ref()), material.died_at);
        add_document(&mut material, &judged)?;
    }
    session.detail("waiting for the digests of the files");
    for source in digests.register(&evidence.items)? {
        let shifted_ms = shifts.get(&source.id).map(|nanos| nanos / 1_000_000);
        material.sources.push(Source { shifted_ms, ..source });
    }
    material.gaps.append(&mut evidence.gaps);
    if let Some(Dead { snapshot, heap, .. }) = dead {
        add_document(&mut material, &snapshot)?;
        if let Some(heap) = heap {
            add_document(&mut material, &heap)?;
        }
    }
    let mut draft = Draft::of(material);
    session.detail("hashing what is cited");
    draft.add_digests(&all_digests(&draft.citations(), |citation| evidence.file_of(citation.source)));
    let outcome = Outcome::of(draft.gaps());
    write(session, &args.form, draft.redacted(Redactor::new(session.policy)))?;
    Ok(outcome)
}

/// What a core said, and which one it was.
struct Dead {
    /// Index of the core among the evidence.
    item: usize,
    snapshot: ProcessSnapshot,
    heap: Option<HeapDocument>,
}

fn refuse_nothing(evidence: &Evidence) -> Result<()> {
    if evidence.items.iter().any(|item| !matches!(item.kind, Kind::Empty | Kind::NotUnderstood(_))) {
        return Ok(());
    }
    let reasons: Vec<String> = evidence.unread().take(3).collect();
    bail!(
        "nothing here is a core, a log or a known export ({}); give a core file or a log",
        reasons.join("; ")
    )
}

/// Reads the first core that can be read; a report is about one process, so others become gaps.
fn dead_process(
    session: &Session,
    evidence: &mut Evidence,
    args: &AnalyzeArgs,
    material: &mut Material,
) -> Result<Option<Dead>> {
    let older = OlderCores::read(session, evidence, args)?;
    let mut dead = None;
    let mut first_error = None;
    for (index, item) in evidence.items.iter().enumerate().filter(|(_, item)| item.kind == Kind::Core) {
        if dead.is_some() {
            session.note(&format!("{} is a further core and not in this report", item.shown));
            let why = "a report is about one process";
            let gap = Gap::new(GapKind::Limit, format!("all of {}", item.shown), why);
            let remedy =
                "run pycoroner analyze for each core; give an older one of the same service to --older";
            material.gaps.push(gap.remedy(remedy));
            continue;
        }
        session.detail(&format!("reading {}", item.shown));
        match read_core(session, item, args, &older) {
            Ok((snapshot, heap)) => dead = Some(Dead { item: index, snapshot, heap }),
            Err(error) => {
                let gap = Gap::new(GapKind::Corrupt, format!("all of {}", item.shown), format!("{error:#}"));
                material.gaps.push(gap);
                first_error.get_or_insert(error);
            }
        }
    }
    let has_others = evidence.items.iter().any(|item| matches!(item.kind, Kind::Log | Kind::Export(_)));
    match first_error {
        Some(error) if dead.is_none() && !has_others => Err(error),
        _ => Ok(dead),
    }
}

fn read_core(
    session: &Session,
    item: &Item,
    args: &AnalyzeArgs,
    older: &OlderCores,
) -> Result<(ProcessSnapshot, Option<HeapDocument>)> {
    let options = CaptureOptions {
        locals: LocalsOf::CrashedThread(FRAMES_WITH_LOCALS),
        native: true,
        ..CaptureOptions::default()
    };
    with_process(item, &args.binaries, |process, runtime| {
        let snapshot = capture(process, runtime, &options);
        // Without a runtime the snapshot's own gap says why there is no heap.
        Ok((snapshot, runtime.is_ok().then(|| older.compared_with(session, runtime, args.memory.max_memory))))
    })
}

/// Scans the logs around the time of death, which is decided first.
fn add_logs(
    session: &Session,
    evidence: &Evidence,
    dead: Option<&Dead>,
    mut options: Options,
    telemetry: &Telemetry,
    material: &mut Material,
) -> Result<Option<Scan>> {
    if let Some((dead, item)) = dead.and_then(|dead| Some((dead, evidence.items.get(dead.item)?))) {
        let death = death::of_process(item, &dead.snapshot, evidence, &options, telemetry);
        options.anchor = death::anchor(&death, &dead.snapshot);
        material.events.extend(died(&death, &dead.snapshot));
        material.died_at = death.at;
        material.gaps.extend(death.gap);
    }
    if evidence.of(&Kind::Log).next().is_none() {
        return Ok(None);
    }
    session.detail("scanning the logs");
    let scan = scan_logs(evidence, &options);
    material.events.extend(tracebacks(&scan));
    add_document(material, &scan.document())?;
    Ok(Some(scan))
}

/// Rows for the timeline that the document of the logs has not among its events.
fn tracebacks(scan: &Scan) -> impl Iterator<Item = Event> {
    scan.timeline().into_iter().filter(|row| row.kind == "traceback")
}

/// The death, or the making of a copy of a process that lived, as a row of the timeline, with the source of its time.
fn died(death: &Death, snapshot: &ProcessSnapshot) -> Option<Event> {
    let at = death.at?;
    let died = ("process-died", Severity::Critical);
    let ((kind, severity), what) = match (snapshot.crash.signal_name, snapshot.crash.signal) {
        (Some(name), _) => (died, format!("the process died of {name}")),
        (None, Some(signal)) => (died, format!("the process died of signal {signal}")),
        (None, None) => (("core-taken", Severity::Info), "the core was taken of a living process".to_owned()),
    };
    let basis = match at.basis {
        TimeBasis::StoredWithCore => "as was stored with the core",
        TimeBasis::FileModified => "the core file was last changed then",
        TimeBasis::InferredNeighbour => "the time of the last log record; nothing states it",
        TimeBasis::Stated | TimeBasis::AssumedZone | TimeBasis::InferredYear => "as the log states",
    };
    let mut event = Event::new(kind, severity, format!("{what} ({basis})"));
    event.at = Some(at);
    event.pid = snapshot.process.pid;
    event.signal = snapshot.crash.signal;
    event.citation = death.citation.clone().or_else(|| snapshot.crash.citations.first().cloned());
    Some(event)
}

/// Reads the exports of metrics, traces, alerts and the like, all into one document.
fn read_exports(evidence: &Evidence, shifts: &Shifts, material: &mut Material) -> Telemetry {
    let mut telemetry = Telemetry::default();
    for item in &evidence.items {
        let Kind::Export(format) = item.kind else { continue };
        let what = || format!("all of {}", item.shown);
        match read_whole(item) {
            Ok(Some(bytes)) => {
                let mut export = pycoroner_telemetry::read(format, &bytes, item.id);
                export.shift(shifts.get(&item.id).copied().unwrap_or_default());
                telemetry.extend(export);
            }
            Ok(None) => {
                let why = format!("an export is read up to {} MiB", MOST_EXPORT_BYTES >> 20);
                material.gaps.push(Gap::new(GapKind::Limit, what(), why));
            }
            Err(error) => material.gaps.push(Gap::new(GapKind::Corrupt, what(), error.to_string())),
        }
    }
    telemetry
}

/// The log records that name a request, which may be a trace.
fn requests(scan: Option<&Scan>) -> Vec<LoggedRequest> {
    let Some(scan) = scan else { return Vec::new() };
    let tracebacks = scan.tracebacks.iter().map(|one| (one.first, &one.request_id, &one.place));
    let warnings = scan.warnings.iter().map(|one| (one.at.map(|at| at.time), &one.request_id, &one.place));
    let named = tracebacks.chain(warnings).filter_map(|(time, request, place)| {
        let source = scan.sources.get(place.source)?.id;
        Some(LoggedRequest { source, time: time?, trace_id: request.clone()? })
    });
    named.collect()
}

/// A file's content, unpacked; `None` when it is too large.
fn read_whole(item: &Item) -> std::io::Result<Option<Vec<u8>>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    crate::sniff::open(&item.path)?.take(MOST_EXPORT_BYTES + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= MOST_EXPORT_BYTES).then_some(bytes))
}

fn add_document(material: &mut Material, document: &impl Serialize) -> Result<()> {
    material.documents.push(serde_json::to_value(document)?);
    Ok(())
}

/// Writes an incident in the form that is asked for.
pub(super) fn write(session: &Session, form: &ReportForm, mut incident: Incident) -> Result<()> {
    if form.stamp {
        incident.generated_at = Some(now());
    }
    if let Some(path) = &form.template {
        let template = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the template {}", path.display()))?;
        let page = render_template(&incident, &template)
            .with_context(|| format!("the template {} does not render", path.display()))?;
        return session.output.write(&page);
    }
    let endings = [("json", ReportFormat::Json), ("html", ReportFormat::Html), ("htm", ReportFormat::Html)];
    let by_ending = endings.into_iter().find(|(ending, _)| session.output.ends_in(ending));
    let text = match form.format.or(by_ending.map(|(_, format)| format)).unwrap_or(ReportFormat::Md) {
        ReportFormat::Html => render_html(&incident),
        ReportFormat::Md => render_markdown(&incident),
        ReportFormat::Json => pretty(&incident)?,
    };
    session.output.write(&text)
}

fn now() -> UtcTime {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcTime(i64::try_from(since_1970.as_secs()).unwrap_or(0).saturating_mul(1_000_000_000))
}
