//! When the process died: the one place that decides it, and how well it is known.

use std::time::Duration;

use pycoroner_coredump::{ProcessSnapshot, StoredCore};
use pycoroner_findings::{Citation, Gap, GapKind, TimeBasis, Timestamp, UtcTime};
use pycoroner_logscan::{Anchor, CrashedThread, LogEvent, Options, PartialReading, Scan, Window};
use pycoroner_telemetry::{ProcessRecord, Telemetry};

use super::log_scan::scan_logs;
use super::uptime;
use crate::evidence::{Evidence, Item};
use crate::sniff::Kind;

/// Kinds of log events that say that a process ended by a signal, the most telling first.
const DEATHS: [&str; 8] = [
    "kernel-segfault",
    "oom-kill",
    "core-dumped",
    "main-process-exited",
    "fatal-error",
    "worker-killed",
    "native-abort",
    "signal",
];
/// What is known only to have been before a file was kept is taken to be this uncertain.
const ONE_DAY_MS: u64 = 86_400_000;
/// A core is complete this long after the death at most, in nearly all cases.
const WRITING_MS: u64 = 60_000;
/// The same, as a difference of times.
const COMPLETE_MS: i64 = WRITING_MS as i64;
/// A log that ends earlier than this before the core was last changed is taken to show that the core was copied.
const SILENCE_MS: i64 = 300_000;

/// Where in large logs a line about the death is looked for, around the time at which the core was written.
const SEARCHED_BEFORE: Duration = Duration::from_mins(10);
const SEARCHED_AFTER: Duration = Duration::from_mins(2);

/// Times of a log and of the stored core that lie this near to each other mean the same.
const AGREEING_MS: i64 = 10_000;
/// Process ids up to this one are what containers give.
const FEW: u64 = 1000;

/// A time of death, if any is known, with what is uncertain about it.
#[derive(Debug, Default)]
pub(super) struct Death {
    /// The time, its basis and uncertainty.
    pub(super) at: Option<Timestamp>,
    /// What states it.
    pub(super) citation: Option<Citation>,
    /// Why it may be wrong, or is unknown.
    pub(super) gap: Option<Gap>,
}

/// Decides by the logs and the core file's own time; reads the logs once, quickly.
pub(super) fn of_process(
    core: &Item,
    snapshot: &ProcessSnapshot,
    evidence: &Evidence,
    options: &Options,
    telemetry: &Telemetry,
) -> Death {
    let stored = stored(core, snapshot).or_else(|| listed(&telemetry.processes, snapshot));
    if evidence.of(&Kind::Log).next().is_none() {
        return stored.map_or_else(|| by_file(core, None), |at| Death { at: Some(at), ..Death::default() });
    }
    let (scan, was_searched) = quick_scan(core, snapshot, evidence, options, stored);
    let said = stated(&scan, snapshot);
    // A log's clock may be read in the wrong zone; where the two agree, the log is the more exact one.
    let contradicts =
        |at: Timestamp| stored.is_some_and(|stored| at.time.millis_since(stored.time).abs() > AGREEING_MS);
    let said = said.filter(|(at, _)| !contradicts(*at));
    let at = said.as_ref().map(|(at, _)| *at).or(stored);
    let uptime = uptime::of_death(&scan, snapshot, evidence, telemetry);
    let known = at.or(uptime.at);
    let mut death = known.map_or_else(
        || by_span(core, &scan, uptime.not_after),
        |at| Death { at: Some(at), ..Death::default() },
    );
    death.citation = said.and_then(|(_, citation)| citation);
    if known.is_none() && !was_searched {
        let why = "no log states it near the time at which the core was last changed, and the rest of large logs was not searched";
        let gap = Gap::new(GapKind::Limit, "the exact time of death", why);
        death.gap.get_or_insert(gap.remedy("give --whole-logs"));
    }
    death
}

/// Scans for what the logs say of the death; and whether all of them was searched.
///
/// Of large logs only the time around the likely death is read, when there is one.
fn quick_scan(
    core: &Item,
    snapshot: &ProcessSnapshot,
    evidence: &Evidence,
    options: &Options,
    stored: Option<Timestamp>,
) -> (Scan, bool) {
    let likely = stored.map(|at| at.time).or(core.modified);
    let window = likely.map(|time| Window::around(time, SEARCHED_BEFORE, SEARCHED_AFTER));
    let quick = Options { templates: false, window, ..options.clone() };
    let scan = scan_logs(evidence, &quick);
    if scan.sources.iter().all(|source| source.part.is_none()) {
        return (scan, true);
    }
    let is_told = stored.is_some()
        || stated(&scan, snapshot).is_some()
        || core.modified.is_some_and(|time| is_plausible(&scan, time));
    if is_told {
        return (scan, false);
    }
    let partial = PartialReading { above: u64::MAX, ..quick.partial };
    (scan_logs(evidence, &Options { partial, ..quick }), true)
}

/// The time that systemd-coredump gave the core's name or attributes, if those are about this very process.
fn stored(core: &Item, snapshot: &ProcessSnapshot) -> Option<Timestamp> {
    let stored = StoredCore::of_file(&core.path);
    // In a container the process has another number there than the machine gave it.
    let is_other = |pid: u64| snapshot.process.pid.is_some_and(|own| own != pid && own > FEW);
    let time = stored.time.filter(|_| !stored.pid.is_some_and(is_other))?;
    Some(Timestamp { time, basis: TimeBasis::StoredWithCore, uncertainty_ms: 1000 })
}

/// The time that coredumpctl lists for this very process; the most exact one, and of equal ones the last.
fn listed(processes: &[ProcessRecord], snapshot: &ProcessSnapshot) -> Option<Timestamp> {
    let is_ours = |process: &&ProcessRecord| {
        process.core_file.is_some()
            && process.pid.is_some_and(|pid| Some(pid) == snapshot.process.pid)
            && (process.signal.is_none() || process.signal == snapshot.crash.signal)
    };
    let times = processes.iter().filter(is_ours).filter_map(|process| process.at);
    times.filter(|at| at.basis == TimeBasis::StoredWithCore).min_by_key(|at| (at.uncertainty_ms, -at.time.0))
}

/// What the scan of the crash window is laid around.
pub(super) fn anchor(death: &Death, snapshot: &ProcessSnapshot) -> Option<Anchor> {
    let threads = snapshot.threads.iter().filter_map(|thread| thread.ident).map(|ident| ident.to_string());
    let Timestamp { time, uncertainty_ms, .. } = death.at?;
    Some(Anchor {
        time,
        uncertainty_ms,
        pid: snapshot.process.pid,
        signal: snapshot.crash.signal,
        sender: snapshot
            .crash
            .sender_pid
            .filter(|sender| *sender != 0 && Some(*sender) != snapshot.process.pid),
        threads: threads.collect(),
        thread_names: snapshot.threads.iter().filter_map(|thread| thread.name.clone()).collect(),
        crashed: snapshot.threads.iter().find(|thread| thread.crashed).map(|thread| CrashedThread {
            name: thread.name.clone(),
            ident: thread.ident.map(|ident| ident.to_string()),
            tid: thread.tid,
        }),
    })
}

/// What a log says about the end of this very process.
fn stated(scan: &Scan, snapshot: &ProcessSnapshot) -> Option<(Timestamp, Option<Citation>)> {
    let pid = snapshot.process.pid?;
    let agrees = |event: &&LogEvent| {
        event.pid == Some(pid) && (event.signal.is_none() || event.signal == snapshot.crash.signal)
    };
    DEATHS.iter().find_map(|kind| {
        scan.events
            .iter()
            .filter(|event| event.kind == *kind)
            .filter(agrees)
            .filter_map(|event| Some((event.at?, event.place.citation(&scan.sources))))
            // When a log was kept is not when this happened.
            .rfind(|(at, _)| !uptime::is_undated(*at))
    })
}

/// When the logs begin and end, also those that were read in part.
fn span(scan: &Scan) -> Option<(UtcTime, UtcTime)> {
    let firsts =
        scan.sources.iter().filter_map(|source| source.part.map_or(source.first, |part| part.file_first));
    let lasts =
        scan.sources.iter().filter_map(|source| source.part.map_or(source.last, |part| part.file_last));
    firsts.min().zip(lasts.max())
}

/// Whether the logs bear out that a process died right before a time.
fn is_plausible(scan: &Scan, time: UtcTime) -> bool {
    span(scan).is_some_and(|(first, last)| time >= first && time.millis_since(last) <= SILENCE_MS)
}

/// The core's own time where the logs bear it out, else the end of the logs; in no case behind `not_after`.
fn by_span(core: &Item, scan: &Scan, not_after: Option<UtcTime>) -> Death {
    let Some((_, last)) = span(scan) else { return by_file(core, not_after) };
    let is_early = |time: &UtcTime| not_after.is_none_or(|bound| time.millis_since(bound) <= COMPLETE_MS);
    if let Some(time) = core.modified.filter(|time| is_plausible(scan, *time) && is_early(time)) {
        // The core is changed after the death and the log is silent after it: it lies between the two.
        let silence = u64::try_from(time.millis_since(last)).unwrap_or(0);
        let at = Timestamp { time, basis: TimeBasis::FileModified, uncertainty_ms: silence.max(WRITING_MS) };
        return Death { at: Some(at), ..Death::default() };
    }
    if !is_early(&last) {
        return by_file(core, not_after);
    }
    let why = match core.modified {
        Some(time) => format!(
            "no log states it, and the core file was last changed at {time}, outside of the logs, as happens when it is copied; the time of the last log record was taken"
        ),
        None => {
            "no log states it, and the core came without a time; the time of the last log record was taken"
                .into()
        }
    };
    let gap = Gap::new(GapKind::Missing, "the exact time of death", why).remedy(
        "keep the modification time when a core is copied (cp -p, rsync -t), and add the journal's lines",
    );
    let basis = TimeBasis::InferredNeighbour;
    let at = Timestamp { time: last, basis, uncertainty_ms: WRITING_MS };
    Death { at: Some(at), gap: Some(gap), ..Death::default() }
}

/// The core's own time; when a kernel's log was kept that names the death already, the core was copied after it.
fn by_file(core: &Item, not_after: Option<UtcTime>) -> Death {
    let is_late = |time: &UtcTime| not_after.is_some_and(|bound| time.millis_since(bound) > COMPLETE_MS);
    if let (Some(copied), Some(time)) = (core.modified.filter(is_late), not_after) {
        let why = format!(
            "the kernel's log states it in seconds since boot only and was kept before {time}; the core file was last changed at {copied}, as happens when it is copied"
        );
        let gap = Gap::new(GapKind::Missing, "the exact time of death", why).remedy(
            "take the kernel's log with wall clock times: journalctl -k -o short-iso-precise, or dmesg -T; or add what journalctl --utc --list-boots prints",
        );
        let at = Timestamp { time, basis: TimeBasis::FileModified, uncertainty_ms: ONE_DAY_MS };
        return Death { at: Some(at), gap: Some(gap), ..Death::default() };
    }
    match core.modified {
        Some(time) => {
            let at = Timestamp { time, basis: TimeBasis::FileModified, uncertainty_ms: WRITING_MS };
            Death { at: Some(at), ..Death::default() }
        }
        None => Death {
            gap: Some(
                Gap::new(
                    GapKind::Missing,
                    "the time of death",
                    "the core came through a pipe and no log states it",
                )
                .remedy("give the core as a file, or add a log"),
            ),
            ..Death::default()
        },
    }
}
