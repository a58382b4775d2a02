//! Exceptions as Python prints them: what came first is printed first.

use std::fmt::Write as _;

use super::frames::{self, Depth};
use super::inert::{inert, inert_lines};
use super::quantity::count;
use super::source_lines::SourceLines;
use super::style::{BAD, FAINT};
use crate::documents::{Attribute, Exception};

/// Frames of one traceback that are shown.
const MOST_FRAMES: usize = 40;
/// Attributes of one exception that are shown.
const MOST_ATTRIBUTES: usize = 12;
/// Members of one group that are shown, as `traceback` has it (`max_group_width`).
const MOST_MEMBERS: usize = 15;

/// What is left to print, last first.
enum Step<'a> {
    /// The exception with all that led to it.
    Chain(&'a Exception, usize),
    /// Its own traceback and message.
    Own(&'a Exception, usize),
    Line(String, usize),
}

/// Writes an exception with its chain and the members of its groups.
pub(super) fn write(out: &mut String, exception: &Exception, sources: &SourceLines, indent: usize) {
    let mut left = vec![Step::Chain(exception, indent)];
    while let Some(step) = left.pop() {
        match step {
            Step::Line(line, indent) => {
                let _ = writeln!(out, "{:indent$}{FAINT}{line}{FAINT:#}", "");
            }
            Step::Own(exception, indent) => {
                write_own(out, exception, sources, indent);
                push_members(&mut left, exception, indent);
            }
            Step::Chain(exception, indent) => {
                left.push(Step::Own(exception, indent));
                if let Some((earlier, joint)) = earlier(exception) {
                    left.push(Step::Line(joint.to_owned(), indent));
                    left.push(Step::Chain(earlier, indent));
                }
            }
        }
    }
}

fn earlier(exception: &Exception) -> Option<(&Exception, &'static str)> {
    match (&exception.cause, &exception.context) {
        (Some(cause), _) => {
            Some((cause, "The above exception was the direct cause of the following exception:"))
        }
        (None, Some(context)) if !exception.suppress_context => {
            Some((context, "During handling of the above exception, another exception occurred:"))
        }
        _ => None,
    }
}

fn write_own(out: &mut String, exception: &Exception, sources: &SourceLines, indent: usize) {
    if !exception.traceback.is_empty() {
        let _ = writeln!(out, "{:indent$}Traceback (most recent call last):", "");
        let depth = Depth::AtMost(MOST_FRAMES);
        frames::write(out, &exception.traceback, sources, indent + 2, depth);
    }
    let margin = format!("{:width$}| ", "", width = indent + 2);
    let name = exception.full_type();
    let _ = write!(out, "{:indent$}{BAD}{}{BAD:#}", "", inert(&name));
    if let Some(message) = exception.message.as_deref().filter(|message| !message.is_empty()) {
        let _ = write!(out, ": {}", inert_lines(message, &margin));
    }
    if let Some(caveat) = &exception.message_caveat {
        let _ = write!(out, "  {FAINT}({}){FAINT:#}", inert(caveat));
    }
    out.push('\n');
    let said = exception.message.as_deref().unwrap_or_default();
    for attribute in
        exception.attributes.iter().filter(|attribute| tells_more(attribute, said)).take(MOST_ATTRIBUTES)
    {
        let _ = writeln!(
            out,
            "{:indent$}  {FAINT}.{} = {}{FAINT:#}",
            "",
            inert(&attribute.name),
            inert(&attribute.repr)
        );
    }
    for note in &exception.notes {
        let _ = writeln!(out, "{:indent$}{}", "", inert_lines(note, &margin));
    }
}

/// Whether an attribute is not in the message already.
fn tells_more(attribute: &Attribute, said: &str) -> bool {
    let bare = attribute.repr.trim_matches(['\'', '"']);
    attribute.name != "args" && attribute.repr != "None" && !said.contains(bare)
}

fn push_members<'a>(left: &mut Vec<Step<'a>>, exception: &'a Exception, indent: usize) {
    let total = exception.exceptions.len();
    if let Some(more) = total.checked_sub(MOST_MEMBERS).filter(|more| *more > 0) {
        left.push(Step::Line(format!("and {} more exceptions", count(more as u64)), indent + 2));
    }
    for (index, member) in exception.exceptions.iter().enumerate().take(MOST_MEMBERS).rev() {
        left.push(Step::Chain(member, indent + 4));
        left.push(Step::Line(format!("-- member {} of {total}:", index + 1), indent + 2));
    }
}
