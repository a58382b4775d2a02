//! Processes as [psutil](https://psutil.readthedocs.io/en/release-7.2.2/#psutil.Process.as_dict)'s `as_dict()` gives
//! them, in JSON: one, a list, one per line, or one or a list within an object of the writer's own.
//!
//! `json.dumps` writes named tuples as lists; then the order is psutil's. The environment is not read.

use std::collections::BTreeSet;

use pycoroner_findings::{Event, Gap, GapKind, Severity, SourceId, TimeBasis, Timestamp, UtcTime};
use serde_json::Value;

use crate::document::{Export, Label, ProcessRecord, Series, Telemetry};
use crate::documents::Documents;
use crate::format::ExportFormat;
use crate::head::Head;
use crate::members::{escaped, items};
use crate::place::Place;
use crate::time::{epoch_seconds, rfc3339, stated};

/// Most processes that are read of one file.
const MOST_PROCESSES: usize = 10_000;
/// Most paths of open files, and arguments of a command, that are kept of one process.
const MOST_PATHS: usize = 100;
const MOST_ARGUMENTS: usize = 200;

/// Whether a file holds processes of psutil.
pub(crate) fn is_process(head: &Head<'_>) -> bool {
    let members: Vec<&str> = head.outline.members().collect();
    // A process lies at the root, in a list, or below a member of the root.
    let parent_of = |member: &&str, name: &str| {
        let parent = member.strip_suffix(name)?;
        (parent.is_empty() || parent.ends_with('/') && parent.matches('/').count() <= 2)
            .then(|| parent.to_owned())
    };
    let parents = members.iter().filter_map(|member| parent_of(member, "memory_info"));
    let others = ["pid", "num_threads", "cpu_times", "create_time", "num_fds", "cmdline", "memory_percent"];
    parents.into_iter().any(|parent| {
        others.iter().filter(|other| head.outline.has(&format!("{parent}{other}"))).count() >= 2
    })
}

/// Reads the processes.
pub(crate) fn read_processes(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let mut documents = Documents::new(bytes, source);
    for document in documents.by_ref() {
        match serde_json::from_str(document.text.get()) {
            Ok(value) => add_document(&mut telemetry, &value, &document.place),
            Err(error) => {
                let gap = Gap::new(GapKind::Corrupt, "a part of the export", error.to_string());
                telemetry.gaps.push(gap.at(document.place.cite("")));
            }
        }
        if telemetry.processes.len() >= MOST_PROCESSES {
            let why = format!("{MOST_PROCESSES} are read of one file");
            telemetry.gaps.push(Gap::new(GapKind::Limit, "the rest of the processes", why));
            break;
        }
    }
    telemetry.gaps.extend(documents.into_gap());
    for pid in telemetry.processes.iter().map(|process| process.pid).collect::<BTreeSet<_>>() {
        add_life(&mut telemetry, pid);
    }
    let export = Export::of(source, ExportFormat::Psutil, telemetry.processes.len(), &telemetry.events);
    telemetry.exports.push(export);
    telemetry
}

/// Adds when a process was started, its last state, and its memory and descriptors over time.
fn add_life(telemetry: &mut Telemetry, pid: Option<u64>) {
    let records: Vec<&ProcessRecord> =
        telemetry.processes.iter().filter(|process| process.pid == pid).collect();
    let name = pid.map_or("a process".to_owned(), |pid| format!("process {pid}"));
    let event = |kind: &'static str, record: &ProcessRecord, at: Timestamp, message: String| Event {
        at: Some(at),
        pid,
        citation: Some(record.citation.clone()),
        ..Event::new(kind, Severity::Info, message)
    };
    let mut events = Vec::new();
    if let Some((record, time)) = records.iter().find_map(|record| Some((*record, record.started?))) {
        // psutil adds clock ticks to the machine's start, which it knows to the second.
        let at = Timestamp { time, basis: TimeBasis::Stated, uncertainty_ms: 1000 };
        events.push(event("process-started", record, at, format!("{name} was started, as psutil says")));
    }
    let timed = records.iter().filter_map(|record| Some((*record, record.at?)));
    if let Some((record, at)) = timed.clone().max_by_key(|(_, at)| at.time)
        && let Some(resident) = record.resident_bytes
    {
        let counts = [(record.threads, "threads"), (record.descriptors, "open descriptors")];
        let counts: String =
            counts.iter().filter_map(|(count, name)| Some(format!(", {} {name}", (*count)?))).collect();
        let message = format!("{name} had {resident} bytes resident{counts}");
        events.push(event("process-state", record, at, message));
    }
    let series = |name: &str, value: fn(&ProcessRecord) -> Option<u64>| {
        let mut points: Vec<(UtcTime, f64)> =
            timed.clone().filter_map(|(record, at)| Some((at.time, value(record)? as f64))).collect();
        points.sort_by_key(|(time, _)| *time);
        let label = |pid: u64| Label { name: "pid".to_owned(), value: pid.to_string() };
        let citation = records.first()?.citation.clone();
        let labels = pid.map(label).into_iter().collect();
        let series = Series::new(name.to_owned(), labels, false, citation);
        (points.len() > 1).then_some(Series { points, ..series })
    };
    let series = [
        series("process_resident_memory_bytes", |record| record.resident_bytes),
        series("process_open_fds", |record| record.descriptors),
    ];
    let series: Vec<Series> = series.into_iter().flatten().collect();
    telemetry.events.extend(events);
    telemetry.series.extend(series);
}

/// The processes of a document, wherever [`is_process`] allows them.
fn add_document(telemetry: &mut Telemetry, root: &Value, place: &Place) {
    let mut add_all = |value: &Value, pointer: &str, at: Option<UtcTime>| {
        if is_record(value) {
            add(telemetry, value, at, place, pointer);
        }
        for (index, item) in
            items(value, "").iter().enumerate().filter(|(_, item)| is_record(item)).take(MOST_PROCESSES)
        {
            add(telemetry, item, at.or_else(|| taken_at(item)), place, &format!("{pointer}/{index}"));
        }
    };
    let at = taken_at(root);
    add_all(root, "", at);
    for (index, item) in items(root, "").iter().enumerate().filter(|(_, item)| !is_record(item)) {
        for (key, value) in item.as_object().into_iter().flatten() {
            add_all(value, &format!("/{index}/{}", escaped(key)), taken_at(item));
        }
    }
    if !is_record(root) {
        for (key, value) in root.as_object().into_iter().flatten() {
            add_all(value, &format!("/{}", escaped(key)), at);
        }
    }
}

fn is_record(value: &Value) -> bool {
    value.get("memory_info").is_some() || value.get("pid").is_some() && value.get("cpu_times").is_some()
}

/// When it was written down: psutil has no member for it, writers add one.
fn taken_at(value: &Value) -> Option<UtcTime> {
    let member =
        ["ts", "timestamp", "time", "taken_at", "sampled_at"].iter().find_map(|key| value.get(key))?;
    member.as_f64().and_then(epoch_seconds).or_else(|| rfc3339(member.as_str()?))
}

fn add(telemetry: &mut Telemetry, process: &Value, at: Option<UtcTime>, place: &Place, pointer: &str) {
    let whole = |name: &str| process.get(name).and_then(Value::as_u64);
    let memory = process.get("memory_full_info").or_else(|| process.get("memory_info"));
    let bytes = |name: &str, place: usize| field(memory?, name, place)?.as_u64();
    let seconds = |name: &str, place: usize| field(process.get("cpu_times")?, name, place)?.as_f64();
    let texts = |name: &str, most: usize| {
        items(process, &format!("/{name}")).iter().take(most).filter_map(Value::as_str).collect::<Vec<_>>()
    };
    let mut open_files: Vec<String> = items(process, "/open_files")
        .iter()
        .filter_map(|file| field(file, "path", 0)?.as_str().map(str::to_owned))
        .collect();
    open_files.sort_unstable();
    open_files.dedup();
    open_files.truncate(MOST_PATHS);
    let started = process.get("create_time").and_then(Value::as_f64).and_then(epoch_seconds);
    let record = ProcessRecord {
        at: at.map(stated),
        pid: whole("pid"),
        executable: process.get("exe").and_then(Value::as_str).map(str::to_owned),
        command: Some(texts("cmdline", MOST_ARGUMENTS).join(" ")).filter(|command| !command.is_empty()),
        resident_bytes: bytes("rss", 0),
        virtual_bytes: bytes("vms", 1),
        threads: whole("num_threads"),
        descriptors: whole("num_fds"),
        open_files,
        cpu_seconds: seconds("user", 0).zip(seconds("system", 1)).map(|(user, system)| user + system),
        started,
        ..ProcessRecord::new(place.cite(pointer))
    };
    telemetry.processes.push(record);
}

/// A field of a named tuple, by its name, or by its place where it was written as a list.
fn field<'a>(tuple: &'a Value, name: &str, place: usize) -> Option<&'a Value> {
    tuple.get(name).or_else(|| tuple.get(place))
}
