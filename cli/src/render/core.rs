//! What a core says, as text: the end first, then the thread that died, then the others.

use std::fmt::Write as _;

use super::frames::{self, Depth};
use super::inert::{inert, inert_lines};
use super::process::processor_time;
use super::quantity::counted;
use super::source_lines::SourceLines;
use super::style::{BAD, FAINT, STRONG, WARN};
use super::{closing, exception, locks, memory_logs, native, process, tasks};
use crate::documents::{Attribute, CoreDocument, Crash, Exception, Faulthandler, Frame, Instruction, Thread};

/// Frames of one stack that are shown when things are folded.
const MOST_FRAMES: usize = 60;
/// Names of threads with one stack that are listed.
const MOST_NAMES: usize = 8;

/// How much of the threads is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folding {
    /// Equal stacks are shown once, repeats and the middle of deep stacks are left out.
    Folded,
    /// Everything.
    Unfolded,
}

/// Renders a redacted document.
pub(crate) fn render(document: &CoreDocument, sources: &SourceLines, folding: Folding) -> String {
    let mut out = String::new();
    write_headline(&mut out, document);
    process::write(&mut out, &document.process, folding);
    write_crash(&mut out, &document.crash);
    for deadlock in document.findings.iter().filter(|finding| finding.id == "deadlock") {
        let _ = writeln!(out, "{BAD}Deadlock{BAD:#} {}", inert(&deadlock.title));
    }
    let (crashed, others): (Vec<&Thread>, Vec<&Thread>) =
        document.threads.iter().partition(|thread| thread.crashed);
    let hit = word_for_hit(&document.crash);
    for thread in crashed {
        write_group(&mut out, &[thread], hit, sources, folding);
    }
    for group in groups(&others, folding) {
        write_group(&mut out, &group, hit, sources, folding);
    }
    let all = folding == Folding::Unfolded;
    locks::write(&mut out, &document.locks, all);
    if let Some(asyncio) = &document.asyncio {
        tasks::write(&mut out, asyncio, sources, all);
    }
    tasks::write_suspended(&mut out, &document.suspended, sources, all);
    memory_logs::write(&mut out, &document.memory_logs, all);
    write_recovered(&mut out, &document.recovered_exceptions, sources, folding);
    closing::write(&mut out, &document.findings, &document.gaps, &document.redactions);
    out
}

fn write_headline(out: &mut String, document: &CoreDocument) {
    let crash = &document.crash;
    let what = match (&crash.signal_name, crash.signal) {
        (Some(name), _) => name.clone(),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => return write_calm_headline(out, crash),
    };
    let crashed = document.threads.iter().find(|thread| thread.crashed);
    let place = crashed.and_then(|thread| thread.python_frames.first());
    let place = place.map(|frame| format!(" in {}", frame.name())).unwrap_or_default();
    let verdict = crash.verdict.as_ref().map(|verdict| format!(": {}", verdict.summary)).unwrap_or_default();
    let _ = writeln!(
        out,
        "{BAD}{}{BAD:#}{STRONG}{}{STRONG:#}",
        inert(&format!("{what}{place}")),
        inert(&verdict)
    );
}

/// Nothing crashed, in one line.
fn write_calm_headline(out: &mut String, crash: &Crash) {
    let summary = crash.verdict.as_ref().map_or("no signal is recorded", |verdict| verdict.summary.as_str());
    let (first, rest) = summary.split_at(summary.chars().next().map_or(0, char::len_utf8));
    let _ = writeln!(out, "{STRONG}{}{}{STRONG:#}", inert(&first.to_uppercase()), inert(rest));
}

/// What to call the thread that the signal hit: where another process sent it, nothing crashed.
fn word_for_hit(crash: &Crash) -> &'static str {
    match crash.verdict.as_ref().map(|verdict| verdict.id.as_str()) {
        Some("external-signal" | "own-signal") => "hit by the signal",
        _ => "crashed",
    }
}

fn write_crash(out: &mut String, crash: &Crash) {
    if let Some(signal) = crash.signal {
        let _ = write!(out, "Signal   {signal}");
        if let Some(name) = &crash.signal_name {
            let _ = write!(out, " {}", inert(name));
        }
        if let Some(code) = &crash.code {
            let _ = write!(out, ", {}", inert(code));
        }
        if let Some(address) = &crash.fault_address {
            let _ = write!(out, ", fault address {}", inert(address));
        }
        if let Some(sender) = crash.sender_pid {
            let _ = write!(out, ", sent by process {sender}");
        }
        out.push('\n');
    }
    if let Some(instruction) = &crash.instruction {
        write_instruction(out, instruction);
    }
    for (label, message) in [("Abort", &crash.abort_message), ("Fatal", &crash.fatal_message)] {
        if let Some(message) = message {
            let _ = writeln!(out, "{label}    {}", inert_lines(message, "         | "));
        }
    }
    if let Some(found_by) = &crash.fatal_message_found_by {
        let _ = writeln!(out, "         {FAINT}({}){FAINT:#}", inert(found_by));
    }
    if let Some(exception) = &crash.native_exception {
        let name = exception.type_name.as_deref().unwrap_or(&exception.language);
        let message = exception.message.as_deref().unwrap_or("no text");
        let _ = writeln!(out, "Thrown   {}: {}", inert(name), inert_lines(message, "         | "));
    }
    if let Some(faulthandler) = &crash.faulthandler {
        write_faulthandler(out, faulthandler);
    }
    if let Some(verdict) = &crash.verdict {
        let confidence = closing::confidence(verdict.confidence);
        let _ = writeln!(out, "Verdict  {} {FAINT}({confidence}){FAINT:#}", inert(&verdict.id));
        for (sign, reasons) in [('+', &verdict.because), ('-', &verdict.against)] {
            for reason in reasons {
                let _ = writeln!(out, "         {sign} {}", inert(reason));
            }
        }
    }
}

/// `Dumps    faulthandler writes all threads to file descriptor 2`; nothing where it was off.
fn write_faulthandler(out: &mut String, faulthandler: &Faulthandler) {
    if faulthandler.enabled {
        let whose = match faulthandler.all_threads {
            Some(true) => "the stacks of all threads",
            Some(false) => "the stack of one thread",
            None => "stacks",
        };
        let place = faulthandler.file_descriptor.map(|fd| format!(" to file descriptor {fd}"));
        let place = place.unwrap_or_default();
        let _ = writeln!(out, "Dumps    faulthandler was on and writes {whose}{place}");
    }
    if let Some(timer) = &faulthandler.timer {
        let seconds = timer.timeout_us / 1_000_000;
        let again = if timer.repeat { ", again and again" } else { "" };
        let end = if timer.exit { ", and to end the process" } else { "" };
        let _ = writeln!(out, "Dumps    faulthandler was told to write stacks after {seconds} s{again}{end}");
    }
}

/// `At       libc.so.6+0x1621ae, in strlen (build ID …)`.
fn write_instruction(out: &mut String, instruction: &Instruction) {
    let place = match (&instruction.module, &instruction.offset, &instruction.address) {
        (Some(module), Some(offset), _) => format!("{module}+{offset}"),
        (Some(module), None, Some(address)) => format!("{address} in {module}"),
        (_, _, Some(address)) => format!("{address}, in no module"),
        _ => return,
    };
    let function = instruction.function.as_ref().map(|name| format!(", in {name}")).unwrap_or_default();
    let build = instruction.build_id.as_ref().map(|id| format!(" {FAINT}(build ID {}){FAINT:#}", inert(id)));
    let _ = writeln!(out, "At       {}{}{}", inert(&place), inert(&function), build.unwrap_or_default());
}

/// Threads with the same stack, in the order of their first ones.
fn groups<'a>(threads: &[&'a Thread], folding: Folding) -> Vec<Vec<&'a Thread>> {
    let mut groups: Vec<Vec<&Thread>> = Vec::new();
    for thread in threads {
        let same =
            |group: &&mut Vec<&Thread>| group.first().is_some_and(|first| is_same_stack(first, thread));
        match groups.iter_mut().find(same).filter(|_| folding == Folding::Folded) {
            Some(group) => group.push(thread),
            None => groups.push(vec![thread]),
        }
    }
    groups
}

fn is_same_stack(a: &Thread, b: &Thread) -> bool {
    let plain = |thread: &Thread| thread.exceptions.is_empty() && thread.holds_gil != Some(true);
    let same_end = a.state == b.state
        && a.c_call == b.c_call
        && a.stopped_because == b.stopped_because
        && a.interpreter == b.interpreter;
    plain(a)
        && plain(b)
        && same_end
        && a.python_frames.len() == b.python_frames.len()
        && a.python_frames.iter().zip(&b.python_frames).all(|(a, b)| Frame::is_at(a, b))
        && a.frames == b.frames
        && a.native_frames.iter().zip(&b.native_frames).all(|(a, b)| a.is_at(b))
}

fn write_group(out: &mut String, group: &[&Thread], hit: &str, sources: &SourceLines, folding: Folding) {
    let Some(thread) = group.first() else { return };
    out.push('\n');
    if group.len() == 1 {
        write_title(out, thread, hit);
    } else {
        let names: Vec<String> = group.iter().take(MOST_NAMES).map(|thread| label(thread)).collect();
        let more = group.len().saturating_sub(MOST_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let threads = counted(group.len() as u64, "thread");
        let _ =
            writeln!(out, "{STRONG}{threads}{STRONG:#} with this stack: {}{more}", inert(&names.join(", ")));
    }
    if let Some(state) = &thread.state {
        let _ = writeln!(out, "  {STRONG}{}{STRONG:#}", inert(state));
    }
    if let Some(cpu) = thread.cpu.as_ref().filter(|_| folding == Folding::Unfolded) {
        let _ = writeln!(out, "  {FAINT}processor time: {}{FAINT:#}", processor_time(cpu));
    }
    if let Some(call) = &thread.c_call {
        let what = if call.kind == "type" { "type " } else { "" };
        let inside = if call.may_have_returned { "in C call, or just back from it:" } else { "in C call" };
        let _ = writeln!(out, "  {inside} {what}{}", inert(&call.name));
    }
    if thread.python_frames.is_empty() {
        let _ = writeln!(out, "  {FAINT}no Python frames{FAINT:#}");
    }
    match (folding, thread.frames.is_empty()) {
        (Folding::Folded, true) => {
            frames::write(out, &thread.python_frames, sources, 2, Depth::AtMost(MOST_FRAMES));
        }
        (Folding::Unfolded, true) => frames::write(out, &thread.python_frames, sources, 2, Depth::All),
        (Folding::Folded, false) => native::write_folded(out, thread, sources, 2, MOST_FRAMES),
        (Folding::Unfolded, false) => native::write_all(out, thread, sources, 2),
    }
    if let Some(reason) = thread.stopped_because.as_deref().filter(|reason| *reason != "bottom") {
        let _ = writeln!(out, "  {WARN}the stack could not be followed further{WARN:#} ({})", inert(reason));
    }
    for exception in &thread.exceptions {
        let doing = match exception.role.as_deref() {
            Some("raised") => "while this exception was being raised",
            Some("handled") => "while this exception was being handled",
            Some("reported") => "while a hook was reporting this exception",
            Some("last") => "after this exception, which nothing handled (sys.last_exc)",
            _ => "with this exception in force",
        };
        let _ = writeln!(out, "  {STRONG}{doing}:{STRONG:#}");
        exception::write(out, exception, sources, 4);
    }
    for thread in group {
        let who = if group.len() > 1 { format!(" of {}", label(thread)) } else { String::new() };
        write_values(out, &format!("thread local{who}"), &thread.thread_locals, folding);
        write_values(out, &format!("context variable{who}"), &thread.context_vars, folding);
    }
}

/// Exceptions of no thread that are shown when things are folded.
const MOST_EXCEPTIONS: usize = 10;

fn write_recovered(out: &mut String, found: &[Exception], sources: &SourceLines, folding: Folding) {
    if found.is_empty() {
        return;
    }
    let many = counted(found.len() as u64, "exception");
    let _ = writeln!(out, "\n{STRONG}{many} found by shape{STRONG:#}, of no thread that was recovered:");
    let most = if folding == Folding::Folded { MOST_EXCEPTIONS } else { found.len() };
    for exception in found.iter().take(most) {
        exception::write(out, exception, sources, 2);
    }
    if let Some(more) = found.len().checked_sub(most).filter(|more| *more > 0) {
        let _ = writeln!(out, "  {FAINT}and {more} more; --all shows them{FAINT:#}");
    }
}

/// Values that are shown when things are folded.
const MOST_VALUES: usize = 20;

fn write_values(out: &mut String, what: &str, values: &[Attribute], folding: Folding) {
    let most = if folding == Folding::Folded { MOST_VALUES } else { values.len() };
    for value in values.iter().take(most) {
        let name = inert(&value.name);
        let repr = frames::shown_repr(&value.repr, false);
        let _ = writeln!(out, "  {FAINT}{}{FAINT:#} {name} = {repr}", inert(what));
    }
    if let Some(more) = values.len().checked_sub(most).filter(|more| *more > 0) {
        let _ = writeln!(out, "  {FAINT}and {more} more; --all shows them{FAINT:#}");
    }
}

fn write_title(out: &mut String, thread: &Thread, hit: &str) {
    let _ = write!(out, "{STRONG}Thread {}{STRONG:#}", inert(&label(thread)));
    let mut remarks = Vec::new();
    if thread.crashed {
        remarks.push(hit.to_owned());
    }
    if thread.holds_gil == Some(true) {
        remarks.push("held the GIL".to_owned());
    }
    if thread.collecting_garbage {
        remarks.push("was collecting garbage".to_owned());
    }
    if let Some(interpreter) = thread.interpreter.filter(|interpreter| *interpreter != 0) {
        remarks.push(format!("interpreter {interpreter}"));
    }
    match thread.recovered_by.as_deref() {
        Some("data-stack") if thread.tid_by_elimination => {
            remarks.push("recovered from a data stack; the only thread left for it".to_owned());
        }
        Some("data-stack") => remarks.push("recovered from a data stack".to_owned()),
        Some(by) => remarks.push(format!("recovered by its {}", inert(&by.replace('-', " ")))),
        None => {}
    }
    if !remarks.is_empty() {
        let style = if thread.crashed { BAD } else { WARN };
        let _ = write!(out, " {style}{}{style:#}", remarks.join(", "));
    }
    if thread.crashed {
        let _ = write!(out, " {FAINT}(innermost frame first){FAINT:#}");
    }
    out.push('\n');
}

/// `18562 checkout-3`; what is unknown is left out.
fn label(thread: &Thread) -> String {
    let id = thread.tid.map(|tid| tid.to_string()).or_else(|| thread.ident.clone());
    let parts: Vec<String> = id.into_iter().chain(thread.name.clone()).collect();
    if parts.is_empty() { "of unknown id".to_owned() } else { parts.join(" ") }
}
