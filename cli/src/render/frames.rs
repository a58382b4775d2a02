//! Python frames: where each stands, its source line where it is known, its variables.

use std::fmt::Write as _;

use super::inert::{cut, inert};
use super::quantity::count;
use super::source_lines::SourceLines;
use super::style::{FAINT, NAME};
use crate::documents::{Frame, Variable};

/// Equal frames in a row that are still shown one by one.
pub(super) const MOST_REPEATS: usize = 3;
/// Characters of a repr that are shown.
const MOST_CHARACTERS: usize = 200;
/// Attributes of one object that are shown.
const MOST_ATTRIBUTES: usize = 12;

/// How many frames are shown.
#[derive(Clone, Copy)]
pub(super) enum Depth {
    /// Every one of them.
    All,
    /// Repeats are folded, and of what is left the first ones and the last few are shown.
    AtMost(usize),
}

/// Writes frames in the order given.
pub(super) fn write(out: &mut String, frames: &[Frame], sources: &SourceLines, indent: usize, depth: Depth) {
    let (most, most_repeats) = match depth {
        Depth::All => (usize::MAX, usize::MAX),
        Depth::AtMost(most) => (most, MOST_REPEATS),
    };
    let runs: Vec<&[Frame]> = frames.chunk_by(Frame::is_at).collect();
    let last_shown_first = most.saturating_sub(most / 4);
    let left_out = if runs.len() > most { last_shown_first..runs.len() - most / 4 } else { 0..0 };
    for (index, run) in runs.iter().enumerate() {
        if left_out.contains(&index) {
            if index == left_out.start {
                let hidden: usize = runs[left_out.clone()].iter().map(|run| run.len()).sum();
                let hidden = count(hidden as u64);
                let _ = writeln!(
                    out,
                    "{:indent$}{FAINT}… {hidden} frames left out; --all shows them{FAINT:#}",
                    ""
                );
            }
            continue;
        }
        for frame in run.iter().take(most_repeats) {
            write_frame(out, frame, sources, indent);
        }
        if let Some(more) = run.len().checked_sub(most_repeats).filter(|more| *more > 0) {
            let more = count(more as u64);
            let _ =
                writeln!(out, "{:indent$}{FAINT}[the last frame repeated {more} more times]{FAINT:#}", "");
        }
    }
}

/// Writes one frame with its source line and its variables.
pub(super) fn write_frame(out: &mut String, frame: &Frame, sources: &SourceLines, indent: usize) {
    let line = frame.line.map_or("unknown".to_owned(), |line| line.to_string());
    let mut found = match frame.recovered_by.as_deref() {
        Some("data-stack") => format!("  {FAINT}(by its place on the data stack){FAINT:#}"),
        _ => String::new(),
    };
    if frame.interpreter != 0 {
        let _ = write!(found, "  {FAINT}(interpreter {}){FAINT:#}", frame.interpreter);
    }
    if let Some(signal) = frame.handles_signal {
        let _ = write!(found, "  {FAINT}(called for signal {signal}){FAINT:#}");
    }
    if let Some(call) = &frame.c_call {
        let how = if call.may_have_returned { "in C, or just back from it" } else { "through C" };
        let _ = write!(found, "  {FAINT}({how}: {}){FAINT:#}", inert(&call.name));
    }
    let (file, name) = (inert(&frame.file), inert(frame.name()));
    let _ = writeln!(out, "{:indent$}File \"{file}\", line {line}, in {NAME}{name}{NAME:#}{found}", "");
    if let Some(text) = frame.line.and_then(|line| sources.line(&frame.file, line)) {
        write_source(out, frame, &text, indent + 2);
    }
    for variable in &frame.locals {
        write_variable(out, variable, indent + 4);
    }
}

/// The line without its indentation, and carets under what was running.
fn write_source(out: &mut String, frame: &Frame, text: &str, indent: usize) {
    let trimmed = text.trim_start();
    let _ = writeln!(out, "{:indent$}{}", "", inert(trimmed.trim_end()));
    let (Some(start), Some(end)) = (frame.column, frame.end_column) else { return };
    let cut_off = text.len() - trimmed.len();
    // What goes on in a further line is marked up to the end of this one.
    let end = if frame.end_line == frame.line { end.min(text.len()) } else { text.trim_end().len() };
    let (Some(before), Some(marked)) = (text.get(cut_off..start), text.get(start..end)) else { return };
    if marked.trim().is_empty() || marked.trim() == trimmed.trim_end() {
        return;
    }
    let (space, carets) = (inert(before).chars().count(), inert(marked).chars().count());
    let _ = writeln!(out, "{:indent$}{:space$}{FAINT}{}{FAINT:#}", "", "", "^".repeat(carets));
}

fn write_variable(out: &mut String, variable: &Variable, indent: usize) {
    let name = inert(&variable.name);
    let _ = write!(out, "{:indent$}{name}", "");
    if let Some(type_name) = &variable.type_name {
        let _ = write!(out, "{FAINT}: {}{FAINT:#}", inert(type_name));
    }
    let _ = write!(out, " = {}", shown_repr(&variable.repr, variable.truncated));
    if variable.found_by.is_some() {
        let _ = write!(out, "  {FAINT}(type inferred){FAINT:#}");
    }
    if variable.kind != "local" {
        let _ = write!(out, "  {FAINT}({}){FAINT:#}", inert(&variable.kind));
    }
    out.push('\n');
    let indent = indent + 4;
    for attribute in variable.attributes.iter().take(MOST_ATTRIBUTES) {
        let _ = writeln!(
            out,
            "{:indent$}.{} = {}",
            "",
            inert(&attribute.name),
            shown_repr(&attribute.repr, false)
        );
    }
    if let Some(more) = variable.attributes.len().checked_sub(MOST_ATTRIBUTES).filter(|more| *more > 0) {
        let _ = writeln!(out, "{:indent$}{FAINT}and {more} more attributes{FAINT:#}", "");
    }
}

pub(super) fn shown_repr(repr: &str, is_truncated: bool) -> String {
    let (start, left_out) = cut(repr, MOST_CHARACTERS);
    let mut shown = inert(start).into_owned();
    match (left_out, is_truncated) {
        (0, false) => {}
        (0, true) => shown.push_str(" … (cut)"),
        (more, false) => {
            let _ = write!(shown, "… ({} more characters)", count(more as u64));
        }
        (more, true) => {
            let _ = write!(shown, "… (more than {} more characters)", count(more as u64));
        }
    }
    shown
}
