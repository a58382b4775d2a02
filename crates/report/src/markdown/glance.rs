use pycoroner_findings::{Confidence, Event, Gap, GapKind, TimeBasis};

use super::clock::{Clock, dated, dated_moment};
use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::{basis, count, uncertainty};
use super::unknowns::to_get;
use super::{brief, cite, crash, findings};
use crate::causes::uncapitalized;
use crate::sections::{CoreSection, Crash, PythonFrame, Thread};
use crate::views::aftermath::{Aftermath, aftermath};
use crate::views::missing::missing;
use crate::views::{end, threads};
use crate::{Cause, Incident, Role};

/// Most threads of a process that had not crashed whose states stand on the first screen.
const MOST_STATES: usize = 4;

/// Most kinds of evidence that were not given and are named on the first screen.
const MOST_MISSING: usize = 4;
/// Most reasons against the first cause on the first screen.
const MOST_AGAINST: usize = 2;
/// Most gaps that are named there.
const MOST_GAPS: usize = 3;

/// `Incident report: SIGSEGV in charge`.
pub(crate) fn title(incident: &Incident) -> Inert {
    let title = Inert::from("Incident report: ");
    let Some(core) = &incident.core else {
        let service =
            incident.telemetry.as_ref().and_then(|telemetry| telemetry.context.as_ref()?.service.as_deref());
        let service = service.map_or_else(|| "a Python service".into(), code);
        return match end::event(incident) {
            Some(event) => title.then(prose(&end::in_words(event))).then(", ").then(service),
            None => match end::exception(incident) {
                Some(exception) => title.then(code(&exception.statement)).then(", ").then(service),
                None => title.then(service),
            },
        };
    };
    let signal = core.crash.as_ref().and_then(|crash| crash.signal_name.as_deref());
    if let (None, Some(circle), Some(pid)) = (signal, core.deadlocks.first(), core.process.pid) {
        let threads = count(circle.tids.len(), "thread waits", "threads wait");
        return title.then("nothing crashed, but ").then(threads).then(" in a circle in process ").then(pid);
    }
    let title = title.then(signal.map_or_else(|| "no crash signal".into(), prose));
    match (where_it_stopped(incident).and_then(|(_, frame)| frame.function.as_deref()), core.process.pid) {
        (Some(function), _) => title.then(" in ").then(code(function)),
        (None, Some(pid)) => title.then(" in process ").then(pid),
        (None, None) => title,
    }
}

/// The first screen: what someone who was just woken up needs.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    let is_alive = incident.core.as_ref().is_some_and(crash::is_alive);
    let rows = [
        (if is_alive { "**Process**" } else { "**What stopped**" }, what(incident)),
        ("**When**", when(incident)),
        ("**How**", how(incident)),
        ("**Where**", place(incident)),
        ("**Exception**", exception(incident)),
        ("**How sure**", how_sure(incident)),
        ("**Against it**", against(incident)),
        ("**It led to**", led_to(incident)),
        ("**Afterwards**", afterwards(incident)),
        ("**Contributing**", contributing(incident)),
        ("**Last log line**", last_line(incident)),
        ("**Unknown**", unknown(incident)),
        ("**Next**", next(incident)),
    ];
    page.paragraph(brief::sentence(incident));
    let shown = rows.into_iter().filter(|(_, value)| !value.is_empty());
    page.table(["", ""], shown.map(|(name, value)| [name.into(), value]));
}

fn what(incident: &Incident) -> Inert {
    let Some(core) = &incident.core else { return what_without_core(incident) };
    let process = &core.process;
    let pid = process.pid.map_or_else(|| "a process".into(), |pid| Inert::from("process ").then(pid));
    let command = match (process.argv.as_slice(), &process.executable) {
        ([], None) => Inert::default(),
        ([], Some(executable)) => code(executable),
        (argv, _) => code(&argv.join(" ")),
    };
    let version = process.python.version.as_deref().map_or_else(
        || "Python of unknown version".into(),
        |version| Inert::from("Python ").then(prose(version)),
    );
    let flavor = process
        .python
        .flavor
        .as_deref()
        .filter(|flavor| *flavor != "release")
        .map_or_else(Inert::default, prose);
    Inert::join(
        [
            pid,
            command,
            Inert::join([version, flavor], " "),
            process.arch.as_deref().map_or_else(Inert::default, prose),
        ],
        ", ",
    )
}

/// Who ended, as the event of the end and the exports name it.
fn what_without_core(incident: &Incident) -> Inert {
    let event = end::event(incident);
    let pid = event.and_then(|event| event.pid);
    let process = pid.map_or_else(Inert::default, |pid| Inert::from("process ").then(pid));
    let producer = event.and_then(|event| event.producer.as_deref()).map_or_else(Inert::default, code);
    let mut records = incident.telemetry.iter().flat_map(|telemetry| &telemetry.processes);
    let command = records
        .find(|record| pid.is_some() && record.pid == pid)
        .and_then(|record| record.command.as_deref().or(record.executable.as_deref()))
        .map_or_else(Inert::default, code);
    let named = Inert::join([process, command, producer], ", ");
    if named.is_empty() && end::exception(incident).is_some() {
        "a Python process; no source names it, and there is no core file".into()
    } else if named.is_empty() {
        "unknown: there is no core file, and no source names a process".into()
    } else {
        named.then("; there is no core file")
    }
}

fn when(incident: &Incident) -> Inert {
    let Some(at) = incident.died_at else { return "unknown: no source states the time".into() };
    let time = dated_moment(at).then(" UTC");
    let how: Inert = match at.basis {
        TimeBasis::Stated => Inert::default(),
        other => Inert::from("(").then(basis(other)).then(")"),
    };
    // The line that states it.
    let said = end::event(incident).filter(|event| event.at == Some(at));
    let cited = said.map_or_else(Inert::default, |event| cite::citations(&event.citation));
    let known = Inert::join([time, uncertainty(at), how, cited], " ");
    let Some(sign) = &incident.last_sign else { return known };
    // Not before its own last sign of life, not behind what states its end.
    known
        .then(": after ")
        .then(prose(&sign.what))
        .then(" at ")
        .then(dated(sign.time))
        .then(" ")
        .then(cite::citations(&sign.citations))
        .then(", by ")
        .then(dated(sign.not_after))
}

fn how(incident: &Incident) -> Inert {
    let Some(crash) = incident.core.as_ref().and_then(|core| core.crash.as_ref()) else {
        return how_without_core(incident);
    };
    let fatal =
        crash.fatal_message.as_deref().or(crash.abort_message.as_deref()).map_or_else(Inert::default, code);
    let words = Inert::join([signal(crash), crash::in_words(crash)], ": ");
    Inert::join([Inert::join([words, fatal], "; "), cite::core(incident)], " ")
}

/// What the event of the end says, or the exception that stands for it.
fn how_without_core(incident: &Incident) -> Inert {
    let (said, cited) = match (end::event(incident), end::exception(incident)) {
        (Some(event), _) => (
            prose(&end::in_words(event)).then(": ").then(code(&event.message)),
            cite::citations(&event.citation),
        ),
        (None, Some(exception)) => (
            Inert::from("an exception that nothing handled: ").then(code(&exception.statement)),
            cite::citations(&exception.citations),
        ),
        (None, None) => return Inert::default(),
    };
    Inert::join([said, cited], " ")
}

fn signal(crash: &Crash) -> Inert {
    let Some(name) = &crash.signal_name else { return "nothing crashed: no signal is recorded".into() };
    let number =
        crash.signal.map_or_else(Inert::default, |number| Inert::from("signal ").then(u64::from(number)));
    let code_name = crash.code.as_deref().map_or_else(Inert::default, prose);
    let inside = Inert::join([number, code_name], ", ");
    let name = Inert::from("**").then(prose(name)).then("**");
    if inside.is_empty() { name } else { name.then(" (").then(inside).then(")") }
}

fn place(incident: &Incident) -> Inert {
    let Some(core) = &incident.core else { return Inert::default() };
    let Some((thread, frame)) = where_it_stopped(incident) else {
        if crash::is_alive(core) {
            let states = core.threads.iter().take(MOST_STATES).filter_map(|thread| {
                Some(thread_name(thread).then(": ").then(prose(thread.state.as_deref()?)))
            });
            return Inert::join(states, "; ");
        }
        return if core.threads.is_empty() {
            Inert::default()
        } else {
            "no Python frame in the thread that stopped".into()
        };
    };
    let handler = threads::interrupted(thread).and(thread.python_frames.first());
    let handler = handler.map_or_else(Inert::default, |frame| {
        Inert::from(", interrupted by a signal, for which it runs ").then(point(frame))
    });
    let native = faulting_function(core, thread);
    let native =
        native.map_or_else(Inert::default, |name| Inert::from(", in the native function ").then(code(name)));
    point(frame)
        .then(caller(thread, frame))
        .then(native)
        .then(handler)
        .then(", ")
        .then(thread_name(thread))
        .then(" ")
        .then(cite::core(incident))
}

/// The native function whose instruction failed; of a signal that a program sent, the innermost one only sends it.
fn faulting_function<'a>(core: &CoreSection, thread: &'a Thread) -> Option<&'a str> {
    const FAULTS: [&str; 4] = ["SEGV_", "BUS_", "FPE_", "ILL_"];
    let crash = core.crash.as_ref().filter(|crash| crash.first_signal.is_none())?;
    let code = crash.code.as_deref()?;
    let innermost = thread.native_frames.first().filter(|_| FAULTS.iter().any(|of| code.starts_with(of)))?;
    innermost.function.as_deref()
}

/// Where the program's own code called a frame of a library; empty for all others.
pub(crate) fn caller(thread: &Thread, frame: &PythonFrame) -> Inert {
    let inside = threads::is_library(frame.file.as_deref())
        .then(|| thread.python_frames.iter().find(|frame| !threads::is_library(frame.file.as_deref())));
    inside.flatten().map_or_else(Inert::default, |caller| Inert::from(", called from ").then(point(caller)))
}

/// Function, file and line of a frame.
pub(crate) fn point(frame: &PythonFrame) -> Inert {
    let function = code(frame.qualname.as_deref().or(frame.function.as_deref()).unwrap_or("?"));
    let line = frame.line.map_or_else(String::new, |line| format!(":{line}"));
    function.then(" at ").then(code(&format!("{}{line}", frame.file.as_deref().unwrap_or("unknown file"))))
}

/// The thread that crashed, and its innermost Python frame; the one that waited, where a signal's handler interrupted it.
pub(crate) fn where_it_stopped(incident: &Incident) -> Option<(&Thread, &PythonFrame)> {
    let thread = threads::crashed(incident)?;
    let frames = threads::interrupted(thread).unwrap_or(&thread.python_frames);
    Some((thread, frames.first()?))
}

/// `thread 7 (MainThread)`.
pub(crate) fn thread_name(thread: &Thread) -> Inert {
    let id = thread.tid.map_or_else(|| "a thread".into(), |tid| Inert::from("thread ").then(tid));
    match &thread.name {
        Some(name) => id.then(" (").then(prose(name)).then(")"),
        None => id,
    }
}

pub(super) fn exception(incident: &Incident) -> Inert {
    let Some(exception) = threads::crashed(incident).and_then(|thread| thread.exceptions.first()) else {
        return Inert::default();
    };
    let role = match exception.role.as_deref() {
        Some("raised") => "being raised: ",
        Some("handled") => "being handled: ",
        _ => "in force: ",
    };
    Inert::from(role).then(code(&crash::exception_line(exception)))
}

/// How well the cause that the sentence above names is known, and from what.
fn how_sure(incident: &Incident) -> Inert {
    let Some(cause) = incident.causes.first().filter(|cause| cause.id != "unknown") else {
        return Inert::default();
    };
    let basis = findings::basis(cause);
    let part = match cause.role {
        Role::ProbableCause => "",
        Role::ContributingFactor | Role::Consequence => {
            "the cause is not known; of the contributing factor: "
        }
    };
    Inert::from(part).then(findings::confidence(cause.confidence)).then(basis)
}

/// What speaks against the first cause, or what would.
fn against(incident: &Incident) -> Inert {
    let Some(cause) = incident.causes.first().filter(|cause| !cause.refuted_if.is_empty()) else {
        return Inert::default();
    };
    let refuted = Inert::from("it would be refuted if ").then(prose(&cause.refuted_if));
    let more = cause.against.len().saturating_sub(MOST_AGAINST);
    let more = if more == 0 { Inert::default() } else { Inert::from(more).then(" more below") };
    let said = cause.against.iter().take(MOST_AGAINST).map(|why| prose(why));
    let said = Inert::join(said.chain([more]), "; ");
    let said = if said.is_empty() { "nothing that was read".into() } else { said };
    said.then("; ").then(refuted)
}

/// What the first cause led to: how it ended.
fn led_to(incident: &Incident) -> Inert {
    let consequences = incident.causes.iter().filter(|cause| cause.role == Role::Consequence);
    // How each may have come about is what the first cause says.
    let fact = |cause: &'_ Cause| cause.statement.split(':').next().unwrap_or_default().to_owned();
    let told = consequences.enumerate().map(|(place, cause)| match place {
        0 => prose(&fact(cause)),
        _ => prose(&uncapitalized(&fact(cause))),
    });
    Inert::join(told, "; ")
}

/// What is known of the time behind the end: that nothing is shown does not mean that it is over.
fn afterwards(incident: &Incident) -> Inert {
    let Aftermath { restart, rose_again, shutdown } = aftermath(incident);
    let clock = Clock::of(incident);
    let told = |what: &'static str, event: &Event| {
        let at = event.at.map_or_else(Inert::default, |at| Inert::from(" at ").then(clock.stamp(at)));
        Inert::join([Inert::from(what).then(at), cite::citations(&event.citation)], " ")
    };
    let restart = restart.map(|event| told("a new start was seen", event));
    let rose = rose_again.map(|index| {
        Inert::from("memory of what answered then rose in the same way, from ")
            .then(findings::numbers(&[index]))
    });
    let shutdown = shutdown.map(|event| told("the service was shut down", event));
    Inert::join([restart, rose, shutdown].into_iter().flatten(), "; ")
}

/// The likeliest factor beside the cause, by what was found of it.
fn contributing(incident: &Incident) -> Inert {
    let Some(cause) = incident.causes.first().filter(|cause| cause.role == Role::ProbableCause) else {
        return Inert::default();
    };
    let is_told =
        |other: &&Cause| other.role == Role::ContributingFactor && other.confidence >= Confidence::Moderate;
    let is_new = |other: &&Cause| !other.findings.iter().all(|index| cause.findings.contains(index));
    let Some(factor) = incident.causes.iter().filter(is_told).find(is_new) else { return Inert::default() };
    let found = factor.findings.first().and_then(|index| incident.findings.get(*index));
    // A statement that names what was found says more than that.
    let titles = factor.findings.iter().filter_map(|index| incident.findings.get(*index));
    let is_named =
        titles.map(|finding| uncapitalized(&finding.title)).any(|title| factor.statement.contains(&title));
    let said =
        found.filter(|_| !is_named).map_or_else(|| prose(&factor.statement), |finding| prose(&finding.title));
    let from = findings::numbers(&factor.findings);
    let basis = if from.is_empty() { from } else { Inert::from(", from ").then(from) };
    said.then(" (").then(findings::confidence(factor.confidence)).then(basis).then(")")
}

fn last_line(incident: &Incident) -> Inert {
    let Some(logs) = &incident.logs else { return Inert::default() };
    let Some(record) = logs.last_record.as_ref().or(logs.warnings.last()) else { return Inert::default() };
    let whether = match &logs.last_record {
        None => "(of level warning or above)".into(),
        Some(_) if logs.last_record_is_anyones => "(which lines are the dead process's is not known)".into(),
        Some(_) => Inert::default(),
    };
    let level = record.level.as_deref().map_or_else(Inert::default, prose);
    let cited = cite::log_line(incident, &record.place);
    Inert::join(
        [record.time.map_or_else(Inert::default, dated), level, code(&record.message), whether, cited],
        " ",
    )
}

/// What could not be read, and what was not given, so that a short report is not taken for good news.
fn unknown(incident: &Incident) -> Inert {
    let heap = if incident.core.is_some() && incident.heap.is_none() { "the heap was not read" } else { "" };
    // That not all of plenty is shown is no loss to who reads the first screen.
    let (lost, bounded): (Vec<&Gap>, Vec<&Gap>) =
        incident.gaps.iter().partition(|gap| !matches!(gap.kind, GapKind::Limit | GapKind::Missing));
    let first = lost.iter().take(MOST_GAPS).map(|gap| prose(&gap.what));
    let more = lost.len().saturating_sub(MOST_GAPS);
    let more = if more == 0 { Inert::default() } else { Inert::from(more).then(" more") };
    let lost = Inert::join(first.chain([more]), ", ");
    let gaps = match (lost.is_empty(), bounded.len()) {
        (true, 0) => "all that was given was read".into(),
        (true, more) => count(more, "limit of what was read is", "limits of what was read are")
            .then(" listed under Conflicts and unknowns"),
        (false, _) => Inert::from("not read: ").then(lost),
    };
    let missing = missing(incident);
    let named = Inert::join(missing.iter().take(MOST_MISSING).map(|row| row.what.into()), ", ");
    let more = missing.len().saturating_sub(MOST_MISSING);
    let more = if more == 0 { Inert::default() } else { Inert::from(" and ").then(more).then(" more") };
    let not_given =
        if missing.is_empty() { named } else { Inert::from("not given: ").then(named).then(more) };
    Inert::join([not_given, heap.into(), gaps], "; ")
}

/// What to look at next, with the cause's own command, or that for the evidence that would tell most and can still be had.
fn next(incident: &Incident) -> Inert {
    let cause = incident.causes.first();
    let look = cause.map_or_else(Inert::default, |cause| prose(&cause.next));
    // What a cause asks for tells more than what is missing of every report.
    if let Some(command) = cause.and_then(|cause| cause.commands.first()) {
        return Inert::join([look, Inert::from("Run ").then(findings::command(command))], " ");
    }
    let missing = missing(incident);
    let get = missing
        .iter()
        .find(|row| row.still)
        .map_or_else(Inert::default, |row| Inert::from("Get ").then(row.what).then(": ").then(to_get(row)));
    Inert::join([look, get], " ")
}
