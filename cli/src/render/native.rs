//! Python and native frames in one list, innermost first.

use std::fmt::Write as _;

use super::frames::{MOST_REPEATS, write_frame};
use super::inert::inert;
use super::quantity::{count, counted};
use super::source_lines::SourceLines;
use super::style::{FAINT, NAME};
use crate::documents::{Frame, MergedFrame, NativeFrame, Thread};

/// What stands on one line.
#[derive(Clone, Copy)]
enum Line<'a> {
    Python(&'a Frame),
    Native(&'a NativeFrame),
    /// This many frames of the interpreter's own code.
    Interpreter(usize),
}

/// Writes the merged frames of a thread, all of them.
pub(super) fn write_all(out: &mut String, thread: &Thread, sources: &SourceLines, indent: usize) {
    for line in lines(thread) {
        write_line(out, line, sources, indent);
    }
}

/// Writes the merged frames of a thread without what runs within the interpreter, without repeats, and without the
/// middle of what is then more than `most` lines.
pub(super) fn write_folded(
    out: &mut String,
    thread: &Thread,
    sources: &SourceLines,
    indent: usize,
    most: usize,
) {
    let lines = without_interpreter(thread);
    let runs: Vec<&[Line]> = lines.chunk_by(is_repeat).collect();
    let left_out = if runs.len() > most { most - most / 4..runs.len() - most / 4 } else { 0..0 };
    for (index, run) in runs.iter().enumerate() {
        if left_out.contains(&index) {
            if index == left_out.start {
                let hidden: usize =
                    runs.get(left_out.clone()).unwrap_or_default().iter().map(|run| run.len()).sum();
                let hidden = count(hidden as u64);
                let _ = writeln!(
                    out,
                    "{:indent$}{FAINT}… {hidden} frames left out; --all shows them{FAINT:#}",
                    ""
                );
            }
            continue;
        }
        for line in run.iter().take(MOST_REPEATS) {
            write_line(out, *line, sources, indent);
        }
        if let Some(more) = run.len().checked_sub(MOST_REPEATS).filter(|more| *more > 0) {
            let more = count(more as u64);
            let _ =
                writeln!(out, "{:indent$}{FAINT}[the last frame repeated {more} more times]{FAINT:#}", "");
        }
    }
}

fn lines(thread: &Thread) -> impl Iterator<Item = Line<'_>> {
    thread.frames.iter().filter_map(|merged| match merged {
        MergedFrame::Python(index) => thread.python_frames.get(*index).map(Line::Python),
        MergedFrame::Native(index) => thread.native_frames.get(*index).map(Line::Native),
    })
}

fn is_repeat(a: &Line<'_>, b: &Line<'_>) -> bool {
    match (a, b) {
        (Line::Python(a), Line::Python(b)) => a.is_at(b),
        (Line::Native(a), Line::Native(b)) => a.is_at(b),
        _ => false,
    }
}

/// What the interpreter does between two Python functions is the same in every program. Where the thread stands
/// in it is not: the innermost frames stay.
fn without_interpreter(thread: &Thread) -> Vec<Line<'_>> {
    let interpreter = interpreter_module(thread);
    let mut kept: Vec<Line> = Vec::new();
    let mut is_inner = true;
    for line in lines(thread) {
        let inside = match line {
            Line::Native(frame) => frame.module.is_some() && frame.module.as_deref() == interpreter,
            _ => false,
        };
        is_inner &= matches!(line, Line::Native(_)) && (inside || kept.is_empty());
        if !inside || (is_inner && kept.len() < MOST_INNER) {
            kept.push(line);
        } else if let Some(Line::Interpreter(hidden)) = kept.last_mut() {
            *hidden += 1;
        } else {
            kept.push(Line::Interpreter(1));
        }
    }
    kept
}

/// The interpreter's innermost frames that are shown.
const MOST_INNER: usize = 4;

/// The module that runs Python code: the one of `_PyEval_EvalFrameDefault`, or of the frame behind a Python frame.
fn interpreter_module(thread: &Thread) -> Option<&str> {
    let named = thread
        .native_frames
        .iter()
        .find(|frame| frame.function.as_deref() == Some("_PyEval_EvalFrameDefault"));
    let behind = || {
        let mut pairs = thread.frames.windows(2).filter_map(|pair| match pair {
            [MergedFrame::Python(_), MergedFrame::Native(index)] => thread.native_frames.get(*index),
            _ => None,
        });
        pairs.next()
    };
    named.or_else(behind)?.module.as_deref()
}

fn write_line(out: &mut String, line: Line<'_>, sources: &SourceLines, indent: usize) {
    match line {
        Line::Python(frame) => write_frame(out, frame, sources, indent),
        Line::Native(frame) => write_native(out, frame, indent),
        Line::Interpreter(hidden) => {
            let frames = counted(hidden as u64, "frame");
            let _ = writeln!(out, "{:indent$}{FAINT}#  … {frames} of the interpreter{FAINT:#}", "");
        }
    }
}

/// `#  hx_commit in _hx.so+0x12ff (_hx.c:30) [found by cfi]`.
fn write_native(out: &mut String, frame: &NativeFrame, indent: usize) {
    let function = frame.function.as_deref().unwrap_or("??");
    let module = frame.module.as_deref().map(|path| path.rsplit('/').next().unwrap_or(path));
    let place = match (module, &frame.offset, &frame.address) {
        (Some(module), Some(offset), _) => format!("in {module}+{offset}"),
        (Some(module), None, Some(address)) => format!("at {address} in {module}"),
        (None, _, Some(address)) => format!("at {address}, in no file"),
        _ => "at an unknown place".to_owned(),
    };
    let _ = write!(out, "{:indent$}#  {NAME}{}{NAME:#} {}", "", inert(function), inert(&place));
    if let Some(file) = &frame.file {
        let line = frame.line.map(|line| format!(":{line}")).unwrap_or_default();
        let _ = write!(out, " ({}{line})", inert(file));
    }
    let found_by = if frame.inlined { "inlined".to_owned() } else { format!("found by {}", frame.found_by) };
    let _ = writeln!(out, " {FAINT}[{}]{FAINT:#}", inert(&found_by));
}
