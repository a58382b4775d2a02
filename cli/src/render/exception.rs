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

/// Groups within groups that are shown, as `traceback` has it (`max_group_depth`).
const MOST_NESTED: usize = 10;

/// What is left to print, last first. The depth is the number of groups around it.
enum Step<'a> {
    /// The exception with all that led to it.
    Chain(&'a Exception, usize),
    /// Its own traceback and message, then its members.
    Own(&'a Exception, usize),
    /// A line between exceptions.
    Line(String, usize),
    /// The line above a member: its number, whether it is the first and whether it is the last.
    Title(String, usize, bool, bool),
    /// The end of a group, unless one in it has just ended.
    Close(usize),
}

/// Writes an exception with its chain and the members of its groups, with the margins of `TracebackException.format`
/// (Lib/traceback.py at v3.12.1).
pub(super) fn write(out: &mut String, exception: &Exception, sources: &SourceLines, indent: usize) {
    let mut left = vec![Step::Chain(exception, 0)];
    let mut is_open = false;
    while let Some(step) = left.pop() {
        match step {
            Step::Line(line, depth) => {
                let margin = margin(indent, depth, '|');
                let _ = writeln!(out, "{margin}{FAINT}{line}{FAINT:#}");
            }
            Step::Own(exception, depth) if exception.exceptions.is_empty() => {
                write_block(out, exception, sources, indent, (depth, '|'));
            }
            Step::Own(_, depth) if depth > MOST_NESTED => {
                left.push(Step::Line(format!("... (groups within {MOST_NESTED} others)"), depth));
            }
            Step::Own(exception, depth) => {
                let corner = if depth == 0 && !exception.traceback.is_empty() { '+' } else { '|' };
                let depth = depth.max(1);
                write_block(out, exception, sources, indent, (depth, corner));
                is_open = false;
                push_members(&mut left, exception, depth);
            }
            Step::Chain(exception, depth) => {
                left.push(Step::Own(exception, depth));
                if let Some((earlier, joint)) = earlier(exception) {
                    left.push(Step::Line(joint.to_owned(), depth));
                    left.push(Step::Chain(earlier, depth));
                }
            }
            Step::Title(title, depth, is_first, is_last) => {
                is_open |= is_last;
                let corner = if is_first { "+-" } else { "  " };
                let _ = writeln!(
                    out,
                    "{:1$}{corner}+---------------- {title} ----------------",
                    "",
                    indent + 2 * depth
                );
            }
            Step::Close(depth) => {
                if is_open {
                    let _ =
                        writeln!(out, "{:1$}+------------------------------------", "", indent + 2 * depth);
                }
                is_open = false;
            }
        }
    }
}

/// What stands before each line of what is in `depth` groups.
fn margin(indent: usize, depth: usize, character: char) -> String {
    if depth == 0 { " ".repeat(indent) } else { format!("{:1$}{character} ", "", indent + 2 * depth) }
}

/// Writes an exception by itself behind a margin, whose first line has a character of its own.
fn write_block(
    out: &mut String,
    exception: &Exception,
    sources: &SourceLines,
    indent: usize,
    (depth, first): (usize, char),
) {
    let mut block = String::new();
    write_own(&mut block, exception, sources, 0);
    for (index, line) in block.lines().enumerate() {
        let character = if index == 0 { first } else { '|' };
        let _ = writeln!(out, "{}{line}", margin(indent, depth, character));
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
        let group = if exception.exceptions.is_empty() { "" } else { "Exception Group " };
        let _ = writeln!(out, "{:indent$}{group}Traceback (most recent call last):", "");
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

fn push_members<'a>(left: &mut Vec<Step<'a>>, exception: &'a Exception, depth: usize) {
    let total = exception.exceptions.len();
    let shown = total.min(MOST_MEMBERS);
    let more = total - shown;
    left.push(Step::Close(depth + 1));
    if more > 0 {
        let plural = if more > 1 { "s" } else { "" };
        left.push(Step::Line(format!("and {} more exception{plural}", count(more as u64)), depth + 1));
        left.push(Step::Title("...".to_owned(), depth, false, true));
    }
    for (index, member) in exception.exceptions.iter().enumerate().take(shown).rev() {
        left.push(Step::Chain(member, depth + 1));
        left.push(Step::Title((index + 1).to_string(), depth, index == 0, index + 1 == total));
    }
}

#[cfg(test)]
mod tests {
    use pycoroner_redact::Policy;

    use super::*;

    fn one(kind: &str, message: &str) -> Exception {
        let (type_name, message) = (Some(kind.to_owned()), Some(message.to_owned()));
        Exception { type_name, message, ..Exception::default() }
    }

    fn group(message: &str, exceptions: Vec<Exception>) -> Exception {
        let plural = if exceptions.len() > 1 { "s" } else { "" };
        let message = format!("{message} ({} sub-exception{plural})", exceptions.len());
        Exception { exceptions, ..one("ExceptionGroup", &message) }
    }

    /// Compares with what Python 3.12.1 printed; it has empty lines around the joints of a chain.
    fn check(exception: &Exception, expected: &str) {
        let mut out = String::new();
        write(&mut out, exception, &SourceLines::new(None, Policy::Off), 0);
        let plain = anstream::adapter::strip_str(&out).to_string();
        let printed = expected.lines().filter(|line| !line.trim_matches([' ', '|']).is_empty());
        assert_eq!(plain.lines().collect::<Vec<_>>(), printed.collect::<Vec<_>>());
    }

    #[test]
    fn groups_have_the_margins_that_python_prints() {
        let because =
            Exception { cause: Some(Box::new(one("KeyError", "'why'"))), ..one("TypeError", "two") };
        let inner = group("inner", vec![one("ValueError", "one"), because]);
        let many = group("many", (0..17).map(|number| one("ValueError", &number.to_string())).collect());
        let context = Some(Box::new(one("RuntimeError", "before")));
        check(
            &Exception { context, ..group("top", vec![inner, one("OSError", "plain"), many]) },
            include_str!("exception_group.txt"),
        );
    }

    #[test]
    fn the_end_of_a_group_is_printed_once() {
        check(
            &group("outer", vec![group("last", vec![one("ValueError", "x")])]),
            "  | ExceptionGroup: outer (1 sub-exception)
  +-+---------------- 1 ----------------
    | ExceptionGroup: last (1 sub-exception)
    +-+---------------- 1 ----------------
      | ValueError: x
      +------------------------------------
",
        );
        let cause = Some(Box::new(group("g", vec![one("ValueError", "m")])));
        check(
            &group("odd", vec![Exception { cause, ..one("ValueError", "after") }]),
            "  | ExceptionGroup: odd (1 sub-exception)
  +-+---------------- 1 ----------------
    | ExceptionGroup: g (1 sub-exception)
    +-+---------------- 1 ----------------
      | ValueError: m
      +------------------------------------
    |
    | The above exception was the direct cause of the following exception:
    |
    | ValueError: after
",
        );
    }
}
