//! What was read, one line for each thing, so that tests compare text.

use pycoroner_findings::SourceId;
use pycoroner_telemetry::{ExportFormat, StackFrame, Telemetry, read};

/// Sniffs and reads a file whole, and compares the lines of [`summary`].
#[track_caller]
pub(crate) fn check(file: &[u8], format: &str, expected: &[&str]) -> Telemetry {
    let sniffed = ExportFormat::sniff(file.get(..1 << 16).unwrap_or(file));
    assert_eq!(sniffed.map(ExportFormat::name), Some(format));
    let telemetry = read(sniffed.unwrap(), file, SourceId(1));
    let lines = summary(&telemetry);
    assert_eq!(lines, expected, "\n{lines:#?}");
    telemetry
}

fn summary(telemetry: &Telemetry) -> Vec<String> {
    let mut lines = Vec::new();
    for dump in &telemetry.stacks {
        let command = dump.command.as_deref().unwrap_or("-");
        lines.push(format!("stacks of {} ({command}) {}", shown(dump.pid), dump.citation));
        for thread in &dump.threads {
            let active = thread.active.map_or("", |active| if active { ", active" } else { ", idle" });
            let gil = if thread.holds_gil == Some(true) { ", gil" } else { "" };
            let ident = thread.ident.as_ref().map_or(String::new(), |ident| format!(" = {ident}"));
            let id = thread.id.as_deref().unwrap_or("-");
            let name = thread.name.as_deref().unwrap_or("-");
            let frames = frames(&thread.frames);
            lines.push(format!(
                "  thread {id}{ident} {name}{active}{gil}, {} times: {frames}",
                thread.samples
            ));
        }
    }
    memory(telemetry, &mut lines);
    processes(telemetry, &mut lines);
    for series in &telemetry.series {
        let labels: Vec<String> =
            series.labels.iter().map(|label| format!("{}={}", label.name, label.value)).collect();
        let (count, last) = (series.points.len(), series.points.last().map_or(0.0, |point| point.1));
        lines.push(format!(
            "{} {} {count} points, to {last} {}",
            series.name,
            labels.join(" "),
            series.citation
        ));
    }
    for report in &telemetry.reports {
        let tags: Vec<String> = report.tags.iter().map(|tag| format!("{}={}", tag.name, tag.value)).collect();
        lines.push(format!("report {} {}", tags.join(" "), report.citation));
        for exception in &report.exceptions {
            let frames = frames(&exception.frames);
            lines.push(format!(
                "  {}: {} {:?} {frames}",
                exception.type_name, exception.message, exception.handled
            ));
        }
        for crumb in &report.breadcrumbs {
            let (category, level) = (crumb.category.as_deref(), crumb.level.as_deref());
            lines.push(format!(
                "  before: {} {}: {}",
                category.unwrap_or("-"),
                level.unwrap_or("-"),
                crumb.message
            ));
        }
    }
    if let Some(context) = &telemetry.context {
        let (service, environment) = (context.service.as_deref(), context.environment.as_deref());
        let owners = context.owners.join(", ");
        lines.push(format!("{} in {} of {owners}", service.unwrap_or("-"), environment.unwrap_or("-")));
        lines.extend(context.impact.as_ref().map(|impact| format!("impact: {impact}")));
    }
    for event in &telemetry.events {
        let at = event
            .at
            .map_or("-".to_owned(), |at| format!("{} {:?} ±{}", at.time, at.basis, at.uncertainty_ms));
        lines.push(format!("{at} {} {}", event.kind, event.message));
    }
    for finding in &telemetry.findings {
        lines.push(format!("{}: {}", finding.id, finding.title));
        lines.extend(finding.evidence.iter().map(|evidence| format!("  for: {}", evidence.statement)));
        lines.extend(finding.against.iter().map(|evidence| format!("  against: {}", evidence.statement)));
    }
    for gap in &telemetry.gaps {
        let citation = gap.citation.as_ref().map_or(String::new(), |citation| format!(" {citation}"));
        let remedy = gap.remedy.as_ref().map_or(String::new(), |remedy| format!("; {remedy}"));
        lines.push(format!("gap: {}: {}{remedy}{citation}", gap.what, gap.why));
    }
    lines
}

/// Profiles of memory and their sites.
fn memory(telemetry: &Telemetry, lines: &mut Vec<String>) {
    for profile in &telemetry.profiles {
        let peak = profile.peak_bytes.map_or(String::new(), |peak| format!(", {peak} at the peak"));
        let (bytes, blocks) = (shown(profile.bytes), shown(profile.blocks));
        lines.push(format!(
            "{} {:?} {bytes} bytes in {blocks}{peak} {}",
            profile.tool, profile.counted, profile.citation
        ));
    }
    for site in &telemetry.allocations {
        let growth = site.growth.map_or(String::new(), |growth| format!(" +{growth}"));
        let place = site.type_name.clone().unwrap_or_else(|| frames(&site.frames));
        let heaviest = site.heaviest.as_ref().map_or(String::new(), |stack| {
            format!(", most by {} ({} in {})", frames(&stack.frames), stack.bytes, stack.blocks)
        });
        let (bytes, blocks) = (shown(site.bytes), shown(site.blocks));
        lines.push(format!("  {place}: {bytes} bytes in {blocks}{growth}{heaviest} {}", site.citation));
    }
}

fn processes(telemetry: &Telemetry, lines: &mut Vec<String>) {
    for process in &telemetry.processes {
        let parts = [
            process.signal.map(|signal| format!("signal {signal}")),
            process.executable.clone(),
            process.command.as_ref().map(|command| format!("({command})")),
            process.unit.clone(),
            process.resident_bytes.map(|bytes| format!("rss {bytes}")),
            process.virtual_bytes.map(|bytes| format!("vms {bytes}")),
            process.threads.map(|count| format!("threads {count}")),
            process.descriptors.map(|count| format!("fds {count}")),
            process.cpu_seconds.map(|seconds| format!("cpu {seconds:.2}")),
            Some(process.open_files.join(" ")).filter(|files| !files.is_empty()),
            process.core_file.clone(),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        lines.push(format!("process {} {} {}", shown(process.pid), parts.join(", "), process.citation));
    }
}

fn frames(frames: &[StackFrame]) -> String {
    let one = |frame: &StackFrame| {
        let file = frame.file.as_deref().map_or("", |file| file.rsplit('/').next().unwrap_or(file));
        let line = frame.line.map_or(String::new(), |line| format!(":{line}"));
        let space = if frame.function.is_empty() { "" } else { " " };
        format!("{}{space}{file}{line}", frame.function)
    };
    frames.iter().map(one).collect::<Vec<_>>().join(" < ")
}

fn shown(number: Option<u64>) -> String {
    number.map_or("-".to_owned(), |number| number.to_string())
}
