//! `pycoroner logs`: tracebacks, events, warnings, new messages.

use anyhow::{Result, bail};
use pycoroner_coredump::{CaptureOptions, capture};
use pycoroner_findings::{Gap, GapKind};
use pycoroner_logscan::{Anchor, Options, Window, Zone};
use pycoroner_telemetry::Telemetry;

use super::log_scan::{jobs, partial, scan_logs};
use super::{Session, death};
use crate::args::{Binaries, LogsArgs};
use crate::dead_process::with_process;
use crate::evidence::{Evidence, core_item};
use crate::exit::Outcome;
use crate::render::logs::render;
use crate::sniff::Kind;
use crate::time_window;

/// Runs the command.
pub(crate) fn run(session: &Session, args: &LogsArgs) -> Result<Outcome> {
    if args.window.is_some() && args.around.is_none() && args.core.is_none() {
        bail!("--window says how far to look around a time; give the time with --around or --core");
    }
    let mut evidence = Evidence::gather(&args.paths)?;
    session.output.spare(evidence.files())?;
    if evidence.of(&Kind::Log).next().is_none() {
        bail!("none of the files is a log ({})", why_none(&evidence));
    }
    let options = options(session, args, &mut evidence)?;
    let scan = scan_logs(&evidence, &options);
    let mut document = scan.document();
    document.gaps.append(&mut evidence.gaps);
    document.gaps.extend(left_out(&evidence));
    session
        .write_document(&document, args.format, |document| Ok(render(&serde_json::from_value(document)?)))?;
    Ok(Outcome::of(&document.gaps))
}

/// What the files are instead, and which command reads them.
fn why_none(evidence: &Evidence) -> String {
    let others = evidence.items.iter().filter_map(|item| {
        let (what, command) = other_command(&item.kind)?;
        Some(format!("{} is {what}, try: {command}", item.shown))
    });
    evidence.unread().chain(others).take(3).collect::<Vec<_>>().join("; ")
}

/// The files among the logs that other commands read.
fn left_out(evidence: &Evidence) -> impl Iterator<Item = Gap> {
    evidence.items.iter().filter_map(|item| {
        let (what, _) = other_command(&item.kind)?;
        let (lost, why) = (format!("what {} says", item.shown), format!("it is {what} and no log"));
        Some(Gap::new(GapKind::Missing, lost, why).remedy("try: pycoroner analyze, which reads both"))
    })
}

/// What a file is that is no log, and the command that reads it.
fn other_command(kind: &Kind) -> Option<(&'static str, &'static str)> {
    match kind {
        Kind::Core | Kind::OlderCore => Some(("a core", "pycoroner core")),
        Kind::Export(format) => Some((format.name(), "pycoroner analyze")),
        Kind::Log | Kind::Empty | Kind::NotUnderstood(_) => None,
    }
}

fn options(session: &Session, args: &LogsArgs, evidence: &mut Evidence) -> Result<Options> {
    let zone = time_window::zone(&args.zone.tz)?;
    let mut options = Options {
        assumed_zone: Zone::new(zone.clone()),
        explain: args.explain,
        jobs: jobs(args.jobs),
        partial: partial(args.whole_logs),
        ..Options::default()
    };
    if let Some(text) = &args.window {
        options.before = time_window::duration(text)?;
        options.after = options.before;
    }
    let bound =
        |text: &Option<String>| text.as_deref().map(|text| time_window::time(text, &zone)).transpose();
    let (since, until) = (bound(&args.since)?, bound(&args.until)?);
    if let (Some(since), Some(until)) = (since, until)
        && since > until
    {
        bail!("--since is later than --until: nothing lies between {since} and {until}");
    }
    if since.is_some() || until.is_some() {
        options.window = Some(Window { since, until });
    }
    options.anchor = bound(&args.around)?.map(Anchor::at);
    if let Some(path) = &args.core {
        options.anchor = anchor_of_core(session, path, &options.assumed_zone, args.whole_logs, evidence)?;
    }
    Ok(options)
}

fn anchor_of_core(
    session: &Session,
    path: &std::path::Path,
    zone: &Zone,
    whole_logs: bool,
    evidence: &mut Evidence,
) -> Result<Option<Anchor>> {
    let core = core_item(path)?;
    session.output.spare([core.path.as_path()])?;
    let snapshot = with_process(&core, &Binaries::default(), |process, runtime| {
        Ok(capture(process, runtime, &CaptureOptions::default()))
    })?;
    let options = Options { assumed_zone: zone.clone(), partial: partial(whole_logs), ..Options::default() };
    let death = death::of_process(&core, &snapshot, evidence, &options, &Telemetry::default());
    let anchor = death::anchor(&death, &snapshot);
    evidence.gaps.extend(death.gap);
    Ok(anchor)
}
