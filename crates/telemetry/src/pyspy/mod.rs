//! What [py-spy](https://github.com/benfred/py-spy/tree/v0.4.1) writes: dumps of stacks as text and as JSON, and
//! samples as folded stacks and for speedscope.

pub(crate) mod dump_json;
pub(crate) mod dump_text;
pub(crate) mod folded;
pub(crate) mod speedscope;

use pycoroner_findings::{Gap, GapKind};

use crate::document::StackFrame;

/// Most different stacks that are kept of samples, those that were seen most often.
const MOST_STACKS: usize = 200;
/// Most frames that are kept of one stack: CPython's recursion limit is 1,000 unless it is raised.
const MOST_FRAMES: usize = 2000;

/// Reads a frame as py-spy writes it: `function (file:line)`, or `function (library)` for native code.
fn frame(text: &str) -> Option<StackFrame> {
    let (function, place) = text.strip_suffix(')')?.rsplit_once(" (")?;
    let with_line = place.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)));
    let (file, line) = with_line.map_or((place, None), |(file, line)| (file, Some(line)));
    Some(StackFrame { function: function.to_owned(), file: Some(file.to_owned()), line })
}

/// Says that rarer stacks were not kept, if so.
fn dropped(stacks: usize, samples: u64) -> Option<Gap> {
    let more = stacks.checked_sub(MOST_STACKS).filter(|more| *more > 0)?;
    let why = format!(
        "of {stacks} different stacks in {samples} samples, the {MOST_STACKS} most frequent are kept"
    );
    Some(Gap::new(GapKind::Limit, format!("{more} rare stacks of the profile"), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames() {
        let check = |text: &str, expected: Option<(&str, &str, Option<u64>)>| {
            let frame = frame(text);
            let found =
                frame.as_ref().map(|frame| (&*frame.function, frame.file.as_deref().unwrap(), frame.line));
            assert_eq!(found, expected, "{text}");
        };
        check("app (app.py:40)", Some(("app", "app.py", Some(40))));
        check("<module> (gunicorn:8)", Some(("<module>", "gunicorn", Some(8))));
        check("get (<frozen _collections_abc>:774)", Some(("get", "<frozen _collections_abc>", Some(774))));
        check("select (libc.so.6)", Some(("select", "libc.so.6", None)));
        check("run (C:\\shop\\app.py:3)", Some(("run", "C:\\shop\\app.py", Some(3))));
        check("operator() (x) (a.cc:9)", Some(("operator() (x)", "a.cc", Some(9))));
        for other in ["", ")", "app", "app (app.py:4", "(x)"] {
            check(other, None);
        }
    }
}
