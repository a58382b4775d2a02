use pycoroner_findings::{Citation, Gap, GapKind, SourceId, Span};

use super::{MOST_FRAMES, MOST_STACKS, frame};
use crate::document::{Export, StackDump, Telemetry, ThreadStack};
use crate::format::ExportFormat;
use crate::head::Head;

/// Lines that are looked at to tell the format.
const LINES: usize = 20;

/// Whether a file holds folded stacks as `py-spy record -f raw` writes them.
pub(crate) fn is_folded(head: &Head<'_>) -> bool {
    let count = head.lines().count();
    // The last line may be cut.
    let mut lines = head.lines().take(count.saturating_sub(1).clamp(1, LINES));
    lines.all(|line| std::str::from_utf8(line).ok().and_then(counted).and_then(stack).is_some())
}

/// Reads the stacks that were seen most often.
pub(crate) fn read_folded(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let (mut stacks, mut odd, mut lines) = (Vec::new(), 0_u64, 0);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        lines += 1;
        let line = line.trim_ascii_end();
        match std::str::from_utf8(line).ok().and_then(counted) {
            Some(counted) => stacks.push(counted),
            None => odd += u64::from(!line.is_empty()),
        }
    }
    let (samples, count) = (stacks.iter().map(|(_, samples)| samples).sum(), stacks.len());
    stacks.sort_by_key(|(_, samples)| std::cmp::Reverse(*samples));
    stacks.truncate(MOST_STACKS);
    let read: Vec<_> = stacks.iter().filter_map(|counted| stack(*counted)).collect();
    odd += (stacks.len() - read.len()) as u64;
    if odd > 0 {
        let what = format!("{odd} lines of the profile");
        telemetry.gaps.push(Gap::new(GapKind::Unknown, what, "they are no folded stacks"));
    }
    telemetry.gaps.extend(super::dropped(count, samples));
    let span = Span::Lines { first: 1, last: lines, offset: 0, len: bytes.len() as u64 };
    telemetry.stacks.push(StackDump {
        at: None,
        pid: read.iter().find_map(|(pid, _)| *pid),
        command: None,
        threads: read.into_iter().map(|(_, stack)| stack).collect(),
        citation: Citation::new(source, span),
    });
    telemetry.exports.push(Export::of(source, ExportFormat::FoldedStacks, count, &[]));
    telemetry
}

/// The stack and the number of samples of a line.
fn counted(line: &str) -> Option<(&str, u64)> {
    let (stack, samples) = line.rsplit_once(' ')?;
    Some((stack, samples.parse().ok()?))
}

/// Reads `process 77:"cmd";thread (77): name;outer (file:1);inner (file:2)`; process and thread only where asked for.
fn stack((text, samples): (&str, u64)) -> Option<(Option<u64>, ThreadStack)> {
    let (pid, rest) = match text.strip_prefix("process ").and_then(|rest| rest.split_once(":\"")) {
        // A command line holds what separates frames.
        Some((pid, rest)) => (pid.parse().ok(), rest.split_once("\";")?.1),
        None => (None, text),
    };
    let (id, name, rest) = match rest.strip_prefix("thread (").and_then(|rest| rest.split_once(';')) {
        Some((thread, rest)) => {
            let (id, name) = thread.split_once(')')?;
            (Some(id.to_owned()), name.strip_prefix(": ").map(str::to_owned), rest)
        }
        None => (None, None, rest),
    };
    let frames = rest.rsplit(';').take(MOST_FRAMES).map(frame).collect::<Option<Vec<_>>>()?;
    Some((pid, ThreadStack { id, name, samples, frames, ..ThreadStack::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let check = |line: &str, expected: Option<&str>| {
            let found = counted(line).and_then(stack).map(|(pid, stack)| {
                let functions: Vec<_> = stack.frames.iter().map(|frame| frame.function.as_str()).collect();
                format!("{pid:?} {:?} {:?} {} {}", stack.id, stack.name, functions.join("<"), stack.samples)
            });
            assert_eq!(found.as_deref(), expected, "{line}");
        };
        check("a (f.py:1);b (f.py:2) 3", Some("None None None b<a 3"));
        check(
            r#"process 7:"python -c a;b";thread (0x7F): MainThread;a (f.py:1) 1"#,
            Some(r#"Some(7) Some("0x7F") Some("MainThread") a 1"#),
        );
        check("thread (12);a (f.py:1) 1", Some(r#"None Some("12") None a 1"#));
        for other in ["", "3", "a;b 3", "a (f.py:1) b", "process x 3", "a (f.py:1); 1"] {
            check(other, None);
        }
    }
}
