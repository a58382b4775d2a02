//! The process: what was started, by which interpreter, how much it had mapped.

use std::fmt::Write as _;

use super::closing;
use super::core::Folding;
use super::inert::{cut, inert};
use super::quantity::{bytes, counted};
use super::style::{FAINT, STRONG, WARN};
use crate::documents::{
    CpuTime, Distributions, Interpreter, Memory, Process, Python, SignalHandler, SignalHandlers, Sys,
};

/// Characters of a command line that are shown.
const MOST_COMMAND: usize = 300;
/// Kinds of mappings that the one line about memory names.
const MOST_KINDS: usize = 4;

/// Writes the lines that everybody needs; unfolded, all that is known.
pub(super) fn write(out: &mut String, process: &Process, folding: Folding) {
    let pid = process.pid.map_or("?".to_owned(), |pid| pid.to_string());
    let command = if process.argv.is_empty() {
        process.executable.clone().unwrap_or_else(|| "command line unknown".to_owned())
    } else {
        process.argv.join(" ")
    };
    let (command, left_out) = cut(&command, MOST_COMMAND);
    let more = if left_out > 0 { "…" } else { "" };
    let user = process.uid.map(|uid| format!(" {FAINT}(user {uid}){FAINT:#}")).unwrap_or_default();
    let _ = writeln!(out, "\nProcess  {pid}: {}{more}{user}", inert(command));
    match &process.python {
        Some(python) => write_python(out, python, &process.arch),
        None => {
            let _ = writeln!(out, "Python   {WARN}not found{WARN:#}, {}", inert(&process.arch));
        }
    }
    for other in &process.other_pythons {
        let place = other.module.as_deref().map_or(String::new(), |path| format!(", {}", inert(path)));
        let (version, flavor) = (inert(&other.version), inert(&other.flavor));
        let _ = writeln!(out, "         {WARN}and{WARN:#} {version} {flavor}{place}");
    }
    if process.gc_enabled == Some(false) {
        let _ = writeln!(out, "         {WARN}the cyclic garbage collector was off{WARN:#}");
    }
    if let Some(memory) = &process.memory {
        write_memory(out, memory);
    }
    if folding == Folding::Unfolded {
        write_details(out, process);
    }
}

fn write_python(out: &mut String, python: &Python, arch: &str) {
    if python.located_by == "recovered" {
        let sure = python.confidence.map(|confidence| format!(", {}", closing::confidence(confidence)));
        let _ = writeln!(
            out,
            "Python   {} {}, {} {WARN}(recovered by shape{}: the interpreter's own state is lost){WARN:#}",
            inert(&python.version),
            inert(&python.flavor),
            inert(arch),
            sure.unwrap_or_default(),
        );
        return;
    }
    let _ = writeln!(
        out,
        "Python   {} {}, {} {FAINT}(found by {}; layout from {}){FAINT:#}",
        inert(&python.version),
        inert(&python.flavor),
        inert(arch),
        inert(&python.located_by),
        inert(&python.layout_from.join(", "))
    );
    let because = python.phase_because.as_deref().unwrap_or("nothing tells why");
    let phase = match python.phase.as_deref() {
        Some("starting") => Some("it was still starting"),
        Some("finalizing") => Some("it was being shut down"),
        _ => None,
    };
    if let Some(phase) = phase {
        let _ = writeln!(out, "         {WARN}{phase}{WARN:#} {FAINT}({}){FAINT:#}", inert(because));
    }
    for interpreter in &python.interpreters {
        write_freedom(out, interpreter);
    }
    if let Some(signals) = &python.signals {
        write_pending(out, signals);
    }
    if let Some(prefix) =
        python.sys.as_ref().filter(|sys| sys.is_venv == Some(true)).and_then(|sys| sys.prefix.as_ref())
    {
        let _ = writeln!(out, "         in the virtual environment {}", inert(prefix));
    }
}

/// What only interpreters of free-threaded builds have.
fn write_freedom(out: &mut String, interpreter: &Interpreter) {
    let of = if interpreter.id == 0 { String::new() } else { format!(" of interpreter {}", interpreter.id) };
    if let Some(enabled) = interpreter.gil_enabled {
        let state = if enabled { "enabled" } else { "disabled" };
        let _ = writeln!(out, "         the GIL{of} was {state}");
    }
    if let Some(tid) = interpreter.stopped_by_tid {
        let _ = writeln!(out, "         {WARN}thread {tid} had the other threads{of} stop{WARN:#}");
    }
}

/// Signals that had come, and whose function had not been called.
fn write_pending(out: &mut String, signals: &SignalHandlers) {
    for handler in signals.handlers.iter().filter(|handler| handler.pending) {
        let function = handler.function.as_deref().unwrap_or("its handler");
        let _ = writeln!(
            out,
            "         {WARN}{} had come{WARN:#}, and {} was still to be called",
            inert(&signal_name(handler)),
            inert(function)
        );
    }
}

fn signal_name(handler: &SignalHandler) -> String {
    handler.signal_name.clone().unwrap_or_else(|| format!("signal {}", handler.signal))
}

fn write_signals(out: &mut String, signals: &SignalHandlers) {
    if signals.handlers.is_empty() {
        return;
    }
    let _ =
        writeln!(out, "{STRONG}Signals{STRONG:#} {FAINT}(as Python's signal module had set them){FAINT:#}");
    for handler in &signals.handlers {
        let what = match (handler.action.as_str(), &handler.function) {
            ("python", Some(function)) => function.clone(),
            ("python", None) => "an object without a name".to_owned(),
            ("native", _) => "set by C code".to_owned(),
            (action, _) => action.to_owned(),
        };
        let place = match (&handler.file, handler.line) {
            (Some(file), Some(line)) => format!(" at {file}:{line}"),
            _ => String::new(),
        };
        let pending = if handler.pending { ", still to be called" } else { "" };
        let name = signal_name(handler);
        let _ = writeln!(out, "  {:<18}{}{pending}", inert(&name), inert(&format!("{what}{place}")));
    }
}

fn write_memory(out: &mut String, memory: &Memory) {
    let sum = |of: fn(&crate::documents::MemoryRow) -> u64| {
        memory.totals.iter().fold(0u64, |sum, row| sum.saturating_add(of(row)))
    };
    let kinds: Vec<String> = memory
        .totals
        .iter()
        .take(MOST_KINDS)
        .map(|row| format!("{} {}", row.kind, bytes(row.bytes)))
        .collect();
    let _ = writeln!(
        out,
        "Memory   {} mapped, {} in the core {FAINT}({}){FAINT:#}",
        bytes(sum(|row| row.bytes)),
        bytes(sum(|row| row.dumped_bytes)),
        inert(&kinds.join(", "))
    );
}

fn write_details(out: &mut String, process: &Process) {
    let mut line = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(out, "  {label:<18}{}", inert(&value));
        }
    };
    line("executable", process.executable.clone());
    line("parent", process.parent_pid.map(|pid| format!("process {pid}")));
    line("group", process.gid.map(|gid| gid.to_string()));
    line("name", process.name.clone());
    line("nice", process.nice.map(|nice| nice.to_string()));
    line(
        "folder",
        process.working_directory.as_ref().map(|folder| format!("{} ({})", folder.path, folder.source)),
    );
    line("threads", process.thread_count.map(|count| count.to_string()));
    line("processor time", process.cpu.as_ref().map(processor_time));
    line("page size", process.page_size.map(|size| size.to_string()));
    line("processor", process.platform.clone());
    line("secure execution", process.secure.map(|secure| secure.to_string()));
    if let Some(sys) = process.python.as_ref().and_then(|python| python.sys.as_ref()) {
        write_sys(out, sys);
    }
    if let Some(signals) = process.python.as_ref().and_then(|python| python.signals.as_ref()) {
        write_signals(out, signals);
    }
    if let Some(found) = process.python.as_ref().and_then(|python| python.distributions.as_ref()) {
        write_distributions(out, found);
    }
    if let Some(memory) = &process.memory {
        let _ = writeln!(out, "{STRONG}Mappings{STRONG:#}");
        for row in &memory.totals {
            let _ = writeln!(
                out,
                "  {:<12}{:>12} mapped {:>12} in the core  {}",
                inert(&row.kind),
                bytes(row.bytes),
                bytes(row.dumped_bytes),
                counted(row.mappings, "mapping")
            );
        }
        for row in &memory.largest {
            let path = row.path.as_deref().unwrap_or_default();
            let _ = writeln!(
                out,
                "  {:<18} {:>12}  {} {}",
                inert(&row.start),
                bytes(row.bytes),
                inert(&row.kind),
                inert(path)
            );
        }
    }
    if !process.modules.is_empty() {
        let _ = writeln!(out, "{STRONG}Modules{STRONG:#}");
    }
    for module in &process.modules {
        let build_id = module.build_id.as_deref().unwrap_or("no build ID");
        let path = if module.path.is_empty() { "(without a name)" } else { &module.path };
        let _ = writeln!(
            out,
            "  {:<18} {} {FAINT}{}{FAINT:#}",
            inert(&module.start),
            inert(path),
            inert(build_id)
        );
    }
}

/// Seconds in the program and in the kernel.
pub(super) fn processor_time(cpu: &CpuTime) -> String {
    let seconds = |ms: u64| format!("{}.{:03} s", ms / 1000, ms % 1000);
    format!("{} in the program, {} in the kernel", seconds(cpu.user_ms), seconds(cpu.system_ms))
}

fn write_distributions(out: &mut String, distributions: &Distributions) {
    if distributions.found.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "{STRONG}Distributions{STRONG:#} {FAINT}(installed, as the import system saw it){FAINT:#}"
    );
    for one in &distributions.found {
        let (name, version) = (inert(&one.name), inert(&one.version));
        let _ = writeln!(out, "  {name} {version} {FAINT}{}{FAINT:#}", inert(&one.folder));
    }
    for folder in &distributions.not_listed {
        let folder = if folder.is_empty() { "the working directory" } else { folder };
        let _ = writeln!(out, "  {FAINT}what lay in {} is not in the core{FAINT:#}", inert(folder));
    }
}

fn write_sys(out: &mut String, sys: &Sys) {
    let _ = writeln!(out, "{STRONG}sys{STRONG:#}");
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(out, "  {label:<18}{}", inert(value));
    };
    for (label, value) in
        [("executable", &sys.executable), ("prefix", &sys.prefix), ("base_prefix", &sys.base_prefix)]
    {
        if let Some(value) = value {
            line(label, value);
        }
    }
    for path in &sys.path {
        line("path", path);
    }
    let flags: Vec<String> = sys.flags.iter().map(|(name, value)| format!("{name}={value}")).collect();
    line("flags", &flags.join(" "));
    if let Some(modules) = &sys.modules {
        line("modules", &modules.count.to_string());
        for (name, version) in &modules.versions {
            line("", &format!("{name} {version}"));
        }
    }
}
