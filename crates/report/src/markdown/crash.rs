use pycoroner_findings::Citation;

use super::clock::dated;
use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::count;
use super::{cite, glance};
use crate::Incident;
use crate::sections::{
    CoreSection, Crash, Exception, Local, NativeFrame, PythonFrame, Thread, TracebackEntry, Verdict,
};
use crate::views::threads;

/// Most frames of a stack; the middle of a longer one is left out.
const MOST_FRAMES: usize = 60;
/// Longest name of a function that others are lined up with.
const LONGEST_NAME: usize = 48;
/// As many frames of libraries in a row are one line.
const SHORTEST_RUN: usize = 3;
/// Most records of one kind.
const MOST_RECORDS: usize = 8;
/// How many of the innermost frames show their locals.
const FRAMES_WITH_LOCALS: usize = 3;

const HOW_FRAMES_ARE_KNOWN: &str = "Python frames were read from the interpreter's own structures, at the bytes cited; native \
     frames say how they were found: by call frame information (`cfi`), by the frame pointer, or by scanning the stack; \
     the last two may show calls that had returned.";

const NO_NATIVE_FRAMES: &str = "No native frame is shown: they are unwound by tables in the executable and its libraries, \
     which were not at hand. `--sysroot DIR` says where files with the same build IDs are.";

/// What the part about the threads is called, and the place that its heading has in a page.
pub(crate) fn heading(incident: &Incident) -> (&'static str, &'static str) {
    let Some(core) = &incident.core else { return ("What stopped", "what-stopped") };
    if core.is_alive() {
        ("What the process was doing", "what-the-process-was-doing")
    } else if core.has_verdict("external-signal") {
        ("What was stopped", "what-was-stopped")
    } else {
        ("What crashed", "what-crashed")
    }
}

/// The termination record, the stack that crashed, its locals and exceptions.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    records(page, incident);
    let Some(core) = &incident.core else {
        page.paragraph("There is no core file: where the threads stood is known from dumps in the log only, if there are any.");
        return;
    };
    if let Some(crash) = &core.crash {
        termination(page, incident, crash);
    } else {
        page.paragraph("The core records no signal: it may have been taken from a process that ran on.");
    }
    super::threads::deadlocks(page, core);
    let Some(thread) = threads::crashed(incident) else {
        page.paragraph(if is_alive(core) {
            "Nothing crashed: the threads below are shown as they were when the core was taken."
        } else {
            "The thread that crashed is not known."
        });
        return;
    };
    page.heading(3, Inert::from("Stack of ").then(glance::thread_name(thread)));
    let frames = frames(thread);
    if frames.is_empty() {
        page.paragraph("No frame of this thread could be read.");
    } else {
        page.paragraph(Inert::from("Innermost frame first. ").then(cite::core(incident)));
        let own = own_lines(&frames);
        page.code(&shortened(own.clone()));
        let cited = cited_lines(&frames);
        if own != cited {
            page.details("All frames, and the bytes that each was read from", |page| {
                page.paragraph(HOW_FRAMES_ARE_KNOWN);
                page.code(&shortened(cited));
            });
        } else if !thread.native_frames.is_empty() {
            page.paragraph(HOW_FRAMES_ARE_KNOWN);
        }
        if thread.native_frames.is_empty() {
            page.paragraph(NO_NATIVE_FRAMES);
        }
    }
    if let Some(reason) = thread.stopped_because.as_deref().filter(|reason| *reason != "bottom") {
        page.paragraph(
            Inert::from("The walk stopped before the bottom of the stack: ").then(prose(reason)).then("."),
        );
    }
    for frame in thread.python_frames.iter().take(FRAMES_WITH_LOCALS).filter(|frame| !frame.locals.is_empty())
    {
        let summary = count(frame.locals.len(), "variable", "variables");
        let function = super::inert::html(frame.function.as_deref().unwrap_or("?"));
        page.details(summary.then(" of <code>").then(function).then("</code>"), |page| {
            page.code(&frame.locals.iter().map(local).collect::<Vec<_>>());
        });
    }
    exceptions(page, thread);
}

/// Whether the core was taken of a process that had not crashed.
pub(crate) fn is_alive(core: &CoreSection) -> bool {
    core.is_alive()
}

/// What others wrote down about the end: runtimes of containers, systemd-coredump.
fn records(page: &mut Page, incident: &Incident) {
    let Some(telemetry) = &incident.telemetry else { return };
    let text = |text: &Option<String>| text.as_deref().map_or_else(Inert::default, prose);
    let signal = |signal: Option<u32>| {
        signal.map_or_else(Inert::default, |signal| Inert::from("signal ").then(u64::from(signal)))
    };
    page.table(
        ["Container", "Exit code", "Reason", "OOMKilled", "Ended (UTC)", "Restarts", "Source"],
        telemetry.containers.iter().take(MOST_RECORDS).map(|end| {
            let exit = end.exit_code.map_or_else(Inert::default, |code| prose(&code.to_string()));
            let flag = match end.oom_killed {
                Some(true) => "true",
                Some(false) => "false",
                None => "not said",
            };
            [
                code(&end.name),
                Inert::join([exit, signal(end.signal)], ", "),
                text(&end.reason),
                flag.into(),
                end.finished.map_or_else(Inert::default, dated),
                end.restarts.map_or_else(Inert::default, Inert::from),
                cite::citations(&end.citation),
            ]
        }),
    );
    page.table(
        ["Process record", "Command", "Signal", "Time (UTC)", "Core", "Source"],
        telemetry.processes.iter().take(MOST_RECORDS).map(|record| {
            let pid = record.pid.map_or_else(|| "?".into(), Inert::from);
            let command = record.command.as_deref().or(record.executable.as_deref());
            [
                pid,
                command.map_or_else(Inert::default, code),
                signal(record.signal),
                record.at.map_or_else(Inert::default, |at| dated(at.time)),
                text(&record.core_file),
                cite::citations(&record.citation),
            ]
        }),
    );
}

fn termination(page: &mut Page, incident: &Incident, crash: &Crash) {
    let text = |text: &Option<String>| text.as_deref().map_or_else(Inert::default, code);
    let signal = match (&crash.signal_name, crash.signal) {
        (Some(name), Some(number)) => prose(name).then(" (").then(u64::from(number)).then(")"),
        (Some(name), None) => prose(name),
        (None, Some(number)) => Inert::from("signal ").then(u64::from(number)),
        (None, None) => Inert::default(),
    };
    let rows = [
        ("Signal", signal),
        ("Code", text(&crash.code)),
        ("Address", text(&crash.fault_address)),
        ("In words", in_words(crash)),
        ("Fatal error", text(&crash.fatal_message)),
        ("Abort message", text(&crash.abort_message)),
    ];
    let cited =
        if crash.citations.is_empty() { cite::core(incident) } else { cite::citations(&crash.citations) };
    let shown = rows.into_iter().chain([("Source", cited)]).filter(|(_, value)| !value.is_empty());
    page.heading(3, "Termination record");
    page.table(["", ""], shown.map(|(name, value)| [name.into(), value]));
    if let Some(verdict) = &crash.verdict {
        let summary = verdict.summary.as_deref().or(verdict.id.as_deref()).unwrap_or("none");
        let confidence = verdict
            .confidence
            .as_deref()
            .map_or_else(Inert::default, |word| Inert::from(" (").then(prose(word)).then(")"));
        page.paragraph(Inert::from("**Verdict:** ").then(prose(summary)).then(confidence));
        let because = verdict.because.iter().map(|reason| Inert::from("for: ").then(prose(reason)));
        let against = verdict.against.iter().map(|reason| Inert::from("against: ").then(prose(reason)));
        page.list(because.chain(against));
    }
}

/// What the signal and its code say, in a sentence (`sigaction(2)`).
pub(crate) fn in_words(crash: &Crash) -> Inert {
    // What came first is what happened; the handler's own signal only ended it.
    let first = crash.first_signal.as_ref();
    let again = first.map_or("", |_| "; a handler such as faulthandler's caught it and raised it again");
    let (code_name, signal_name) = match first {
        Some(first) => (first.code.as_deref(), first.signal_name.as_deref()),
        None => (crash.code.as_deref(), crash.signal_name.as_deref()),
    };
    let address = crash.fault_address.as_deref();
    let near_null = address
        .and_then(|address| u64::from_str_radix(address.trim_start_matches("0x"), 16).ok())
        .is_some_and(|n| n < 4096);
    let at = address.map_or_else(Inert::default, |address| Inert::from(" at ").then(code(address)));
    let access = |what: &'static str| Inert::from(what).then(at.clone());
    // Where the sender is not known, the verdict says so against itself.
    let is_abort = |verdict: &Verdict| verdict.id.as_deref() == Some("abort") && verdict.against.is_empty();
    let is_own = crash.verdict.as_ref().is_some_and(is_abort);
    let words: Inert = match (code_name, signal_name) {
        (Some("SEGV_MAPERR"), _) if near_null => {
            access("it touched memory").then(", in the first page, where a null pointer leads")
        }
        (Some("SEGV_MAPERR"), _) => access("it touched memory").then(", where nothing was mapped"),
        (Some("SEGV_ACCERR"), _) => {
            access("it touched memory").then(", in a way that the mapping does not permit")
        }
        (Some("BUS_ADRERR"), _) => access("it touched a mapping").then(" beyond the end of what backs it"),
        (Some("SI_USER"), _) => "another process sent the signal, as kill() does".into(),
        (Some("SI_TKILL"), Some("SIGABRT")) if is_own => "the process aborted itself, as abort() does".into(),
        (Some("SI_TKILL"), Some("SIGABRT")) => {
            "the process sent it to itself, as abort() does, or another sent it to this thread".into()
        }
        (Some("SI_TKILL"), _) => {
            "the signal was sent to this thread by a program, not raised by a fault".into()
        }
        (Some("SI_KERNEL"), _) => "the kernel raised it without telling an address".into(),
        (_, Some("SIGFPE")) => "an arithmetic operation had no result".into(),
        (_, Some("SIGILL")) => "it came to an instruction that the processor does not know".into(),
        _ => Inert::default(),
    };
    if words.is_empty() { words } else { words.then(again) }
}

/// The stack in its merged order, or its Python frames when there is none.
pub(crate) fn stack(thread: &Thread) -> Vec<String> {
    shortened(lines(&all(&frames(thread))))
}

/// The frames with the bytes that each was read from.
fn cited_lines(frames: &[Line]) -> Vec<String> {
    let cited = lines(&all(frames)).into_iter().zip(frames).map(|(line, frame)| match &frame.citation {
        Some(citation) => match &citation.digest {
            Some(digest) => format!("{line}  {citation} {digest}"),
            None => format!("{line}  {citation}"),
        },
        None => line,
    });
    cited.collect()
}

/// The frames, with long runs of libraries outside of the program's own code as one line each.
fn own_lines(frames: &[Line]) -> Vec<String> {
    let first_own = frames.iter().position(|frame| !frame.is_library).unwrap_or(frames.len());
    let (mut runs, mut kept) = (Vec::new(), Vec::new());
    let mut depth = 0;
    while let Some(frame) = frames.get(depth) {
        let guessed = frames[depth..].iter().take_while(|frame| frame.is_guessed).count();
        let run = frames[depth..].iter().take_while(|frame| frame.is_library && !frame.is_guessed).count();
        if guessed > 0 {
            runs.push((kept.len(), &frames[depth..depth + guessed]));
            depth += guessed;
        } else if depth < first_own || !frame.is_library || run < SHORTEST_RUN {
            kept.push((depth, frame));
            depth += 1;
        } else {
            runs.push((kept.len(), &frames[depth..depth + run]));
            depth += run;
        }
    }
    let mut shown = lines(&kept);
    // From the last on, so that places before it stay.
    for (place, run) in runs.into_iter().rev() {
        if run.iter().all(|frame| frame.is_guessed) {
            let frames = if run.len() == 1 { "native frame" } else { "native frames" };
            shown.insert(place, format!("     … {} {frames} found by scanning the stack", run.len()));
            continue;
        }
        let mut packages: Vec<&str> = Vec::new();
        for package in run.iter().map(|frame| package(&frame.place)) {
            if !packages.contains(&package) {
                packages.push(package);
            }
        }
        shown.insert(place, format!("     … {} frames of {}", run.len(), packages.join(" and ")));
    }
    shown
}

/// `gunicorn` of `/usr/lib/python3.12/site-packages/gunicorn/arbiter.py:7`.
fn package(place: &str) -> &str {
    const INSTALLED: [&str; 2] = ["/site-packages/", "/dist-packages/"];
    let installed = INSTALLED.iter().find_map(|folder| Some(place.split_once(folder)?.1));
    match installed {
        Some(inside) => inside.split(['/', '.', ':']).next().unwrap_or(inside),
        None if place.contains("[native") => "the interpreter",
        None => "the standard library",
    }
}

/// A frame of either kind, as a line shows it.
struct Line {
    function: String,
    place: String,
    citation: Option<Citation>,
    /// Whether it is of an installed package, the standard library or the interpreter.
    is_library: bool,
    /// Whether it was found by scanning the stack: it may be of a call that had returned.
    is_guessed: bool,
}

/// The frames in their merged order; without native frames, the Python frames.
fn frames(thread: &Thread) -> Vec<Line> {
    let python = |frame: &PythonFrame| {
        let (function, place) = python_frame(frame);
        let is_library = threads::is_library(frame.file.as_deref());
        Line { function, place, citation: frame.citation.clone(), is_library, is_guessed: false }
    };
    let native = |frame: &NativeFrame| {
        let (function, place) = native_frame(frame);
        let is_guessed = frame.found_by.as_deref() == Some("scan");
        Line { function, place, citation: None, is_library: is_interpreter(frame), is_guessed }
    };
    let merged: Vec<Line> = thread
        .frames
        .iter()
        .filter_map(|place| match (place.python, place.native) {
            (Some(index), _) => thread.python_frames.get(index).map(python),
            (_, Some(index)) => thread.native_frames.get(index).map(native),
            (None, None) => None,
        })
        .collect();
    if merged.is_empty() { thread.python_frames.iter().map(python).collect() } else { merged }
}

/// Whether a native frame is of the interpreter itself or of the C library.
fn is_interpreter(frame: &NativeFrame) -> bool {
    let module = frame.module.as_deref().unwrap_or_default();
    let file = module.rsplit('/').next().unwrap_or(module);
    ["python", "libpython", "libc.so", "ld-linux", "ld-musl"].iter().any(|name| file.starts_with(name))
}

/// Frames with their depths as lines.
fn lines(frames: &[(usize, &Line)]) -> Vec<String> {
    let width =
        frames.iter().map(|(_, frame)| frame.function.chars().count()).max().unwrap_or(0).min(LONGEST_NAME);
    let line = |(depth, Line { function, place, .. }): &(usize, &Line)| {
        format!("#{depth:<3} {function:<width$}  {place}")
    };
    frames.iter().map(line).collect()
}

fn all(frames: &[Line]) -> Vec<(usize, &Line)> {
    frames.iter().enumerate().collect()
}

fn shortened(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > MOST_FRAMES {
        let outermost = lines.split_off(lines.len() - 10);
        let left_out = lines.len() - (MOST_FRAMES - 10);
        lines.truncate(MOST_FRAMES - 10);
        lines.push(format!("…    {left_out} frames left out"));
        lines.extend(outermost);
    }
    lines
}

fn python_frame(frame: &PythonFrame) -> (String, String) {
    let function = frame.qualname.as_deref().or(frame.function.as_deref()).unwrap_or("?");
    (function.to_owned(), location(frame.file.as_deref(), frame.line))
}

fn native_frame(frame: &NativeFrame) -> (String, String) {
    let function = frame.function.as_deref().unwrap_or("?");
    let module = frame.module.as_deref().unwrap_or("unknown module");
    let offset = frame.offset.as_deref().map_or_else(String::new, |offset| format!("+{offset}"));
    let place = match &frame.file {
        Some(file) => location(Some(file), frame.line),
        None => format!("{module}{offset}"),
    };
    let trust = frame.found_by.as_deref().map_or_else(String::new, |by| format!(" [native, found by {by}]"));
    (function.to_owned(), place + &trust)
}

fn location(file: Option<&str>, line: Option<u64>) -> String {
    let file = file.unwrap_or("unknown file");
    line.map_or_else(|| format!("{file}:?"), |line| format!("{file}:{line}"))
}

fn local(local: &Local) -> String {
    let kind = local
        .kind
        .as_deref()
        .filter(|kind| *kind != "local")
        .map_or_else(String::new, |kind| format!("  ({kind})"));
    let type_name = local.type_name.as_deref().map_or_else(String::new, |name| format!(": {name}"));
    let cut = if local.truncated { " [cut]" } else { "" };
    format!("{}{type_name} = {}{cut}{kind}", local.name, local.repr.as_deref().unwrap_or("<not read>"))
}

fn exceptions(page: &mut Page, thread: &Thread) {
    if thread.exceptions.is_empty() {
        return;
    }
    page.heading(3, "Exceptions in force");
    for exception in &thread.exceptions {
        let how = match (exception.relation.as_deref(), exception.role.as_deref()) {
            (Some("cause"), _) => "which was caused by",
            (Some("context"), _) => "which came up while this was handled:",
            (Some(_), _) => "with the member",
            (None, Some("raised")) => "Being raised:",
            (None, Some("handled")) => "Being handled:",
            (None, Some("reported")) => "Being reported by a hook:",
            (None, Some("last")) => "Handled by nothing, and kept in sys.last_exc:",
            (None, _) => "In force:",
        };
        let cited = cite::citations(&exception.citation);
        page.paragraph(Inert::join([how.into(), code(&exception_line(exception)), cited], " "));
        if let Some(caveat) = &exception.message_caveat {
            page.paragraph(
                Inert::from("The message may differ from what Python would print: ")
                    .then(prose(caveat))
                    .then("."),
            );
        }
        page.list(exception.notes.iter().map(|note| Inert::from("note: ").then(code(note))));
        if !exception.traceback.is_empty() {
            let mut lines = vec!["Traceback (most recent call last):".to_owned()];
            lines.extend(shortened(exception.traceback.iter().map(traceback_entry).collect()));
            page.code(&lines);
        }
    }
}

/// `KeyError: 'x'`, as the last line of a traceback has it.
pub(crate) fn exception_line(exception: &Exception) -> String {
    let type_name = exception.type_name.as_deref().unwrap_or("an exception of unknown type");
    let module = exception.module.as_deref().filter(|module| !matches!(*module, "builtins" | "__main__"));
    let qualified = module.map_or_else(|| type_name.to_owned(), |module| format!("{module}.{type_name}"));
    match exception.message.as_deref() {
        None | Some("") => qualified,
        Some(message) => format!("{qualified}: {message}"),
    }
}

/// One line of a traceback, as Python prints it.
pub(crate) fn traceback_entry(entry: &TracebackEntry) -> String {
    let line = entry.line.map_or_else(|| "?".to_owned(), |line| line.to_string());
    let function = entry.function.as_deref().or(entry.qualname.as_deref()).unwrap_or("?");
    format!("  File \"{}\", line {line}, in {function}", entry.file.as_deref().unwrap_or("unknown file"))
}
