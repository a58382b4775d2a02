//! What changed between a dump of stacks that was taken earlier and the end.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::document::{StackDump, StackFrame, ThreadStack};

/// Threads that are told one by one.
const MOST_THREADS: usize = 20;

/// How a thread's earlier place is to its last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// All calls are on the same lines.
    None,
    /// The innermost line is the same, reached by other calls.
    Callers,
    /// The innermost function is the same, on another line.
    Line,
    /// It is in another function.
    Function,
}

/// Compares earlier dumps with the stacks at the end: which threads stood on the same line, and which did not.
///
/// A dump is of the same process when the ids are the same. One that names no process is compared by
/// `threading.get_ident()` alone, which forked processes share. Samples are no dumps, and are passed over.
pub fn compare_stacks(earlier: &[StackDump], at_end: &StackDump) -> Vec<Finding> {
    let is_other = |dump: &&StackDump| dump.pid.is_some() && at_end.pid.is_some() && dump.pid != at_end.pid;
    earlier.iter().filter(|dump| !is_other(dump)).filter_map(|dump| compare(dump, at_end)).collect()
}

fn compare(dump: &StackDump, at_end: &StackDump) -> Option<Finding> {
    let pairs: Vec<(&ThreadStack, &ThreadStack, Change)> = dump
        .threads
        .iter()
        .filter(|thread| thread.samples <= 1)
        .filter_map(|before| {
            let after =
                at_end.threads.iter().find(|after| is_same_thread(before, after, dump.pid.is_some()))?;
            Some((before, after, change(&before.frames, &after.frames)?))
        })
        .collect();
    let stood = pairs.iter().filter(|(.., change)| matches!(change, Change::None | Change::Callers)).count();
    let (count, when) = (pairs.len(), when(dump, at_end));
    let title = match (stood, count) {
        (_, 0) => return None,
        (0, _) => format!("No thread stood on its last line in the stacks that were dumped {when}"),
        _ => format!(
            "{stood} of {count} threads stood on their last line already in the stacks that were dumped {when}"
        ),
    };
    let confidence = if dump.pid.is_some() { Confidence::Strong } else { Confidence::Moderate };
    let mut finding = Finding::new("earlier-stacks", Severity::Info, confidence, title).refuted_if(
        "a dump in between shows the threads elsewhere; two dumps do not say what happened between them",
    );
    for (before, after, change) in pairs.into_iter().take(MOST_THREADS) {
        let evidence = Evidence::new(Basis::Derived, told(before, after, change))
            .cite(dump.citation.clone())
            .cite(at_end.citation.clone());
        finding = match change {
            Change::None | Change::Callers => finding.with_evidence(evidence),
            Change::Line | Change::Function if stood == 0 => finding.with_evidence(evidence),
            Change::Line | Change::Function => finding.with_against(evidence),
        };
    }
    if dump.pid.is_none() {
        let doubt =
            "the dump names no process: the threads' identifiers agree, and forked processes share those";
        finding = finding.with_against(Evidence::new(Basis::Inferred, doubt).cite(dump.citation.clone()));
    }
    Some(finding)
}

/// How long before the end a dump was made.
fn when(dump: &StackDump, at_end: &StackDump) -> String {
    match (dump.at, at_end.at) {
        (Some(before), Some(end)) => {
            let millis = end.time.millis_since(before.time);
            let uncertainty = before.uncertainty_ms.saturating_add(end.uncertainty_ms);
            let about = if uncertainty > 1000 { "about " } else { "" };
            let side = if millis < 0 { "after" } else { "before" };
            format!("{about}{:.1} s {side} the end", millis.unsigned_abs() as f64 / 1000.0)
        }
        _ => "at a time that is not stated".to_owned(),
    }
}

fn is_same_thread(before: &ThreadStack, after: &ThreadStack, same_process: bool) -> bool {
    let ids = |thread: &ThreadStack| [number(thread.id.as_deref()), number(thread.ident.as_deref())];
    // Identifiers of `threading` are addresses; what the kernel gives is small, and means nothing in other processes.
    let counts = |id: &u64| same_process || *id > u64::from(u32::MAX);
    let after = ids(after);
    ids(before).iter().flatten().filter(|id| counts(id)).any(|id| after.contains(&Some(*id)))
}

fn number(id: Option<&str>) -> Option<u64> {
    let id = id?;
    match id.strip_prefix("0x").or_else(|| id.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => id.parse().ok(),
    }
}

/// Compares two stacks, innermost first; none where one of them is empty.
fn change(before: &[StackFrame], after: &[StackFrame]) -> Option<Change> {
    // The core's stack has Python frames only, and native ones of a profiler would hide them.
    let before: Vec<&StackFrame> = before.iter().filter(|frame| is_python(frame)).collect();
    let (first, last) = (*before.first()?, after.first()?);
    let lines_agree = |(left, right): (&&StackFrame, &StackFrame)| is_same_line(left, right);
    Some(if !is_same_function(first, last) {
        Change::Function
    } else if first.line != last.line {
        Change::Line
    } else if before.len() == after.len() && before.iter().zip(after).all(lines_agree) {
        Change::None
    } else {
        Change::Callers
    })
}

fn is_python(frame: &StackFrame) -> bool {
    const NATIVE: [&str; 7] = [".c", ".cc", ".cpp", ".cxx", ".h", ".S", ".rs"];
    let is_native = |file: &str| NATIVE.iter().any(|ending| file.ends_with(ending));
    frame.line.is_some() && !frame.file.as_deref().is_some_and(is_native)
}

fn is_same_line(left: &StackFrame, right: &StackFrame) -> bool {
    left.line == right.line && is_same_function(left, right)
}

/// Names with and without their class, files with and without their folders, are the same.
fn is_same_function(left: &StackFrame, right: &StackFrame) -> bool {
    let name = |frame: &StackFrame| frame.function.rsplit('.').next().unwrap_or_default().to_owned();
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    let (left_file, right_file) =
        (left.file.as_deref().unwrap_or_default(), right.file.as_deref().unwrap_or_default());
    name(left) == name(right) && (ends(left_file, right_file) || ends(right_file, left_file))
}

fn told(before: &ThreadStack, after: &ThreadStack, change: Change) -> String {
    let name =
        after.name.as_deref().or(before.name.as_deref()).or(after.id.as_deref()).unwrap_or("without a name");
    let place = |thread: &ThreadStack| {
        let frame = thread.frames.iter().find(|frame| is_python(frame));
        frame.map_or("nowhere".to_owned(), |frame| {
            let file = frame.file.as_deref().unwrap_or_default();
            let line = frame.line.map_or(String::new(), |line| format!(":{line}"));
            format!("{} ({file}{line})", frame.function)
        })
    };
    let (then, now) = (place(before), place(after));
    match change {
        Change::None => format!("thread {name} stood in {now} both times, with the same calls around it"),
        Change::Callers => format!("thread {name} stood in {now} both times, reached by other calls"),
        Change::Line | Change::Function => format!("thread {name} stood in {then}, and in {now} at the end"),
    }
}

#[cfg(test)]
mod tests {
    use pycoroner_findings::{Citation, SourceId, Span, TimeBasis, Timestamp, UtcTime};

    use super::*;

    /// Stacks as `id=ident: function file line, …; …`.
    fn dump(pid: Option<u64>, seconds: Option<i64>, text: &str) -> StackDump {
        let thread = |text: &str| {
            let (ids, stack) = text.split_once(": ").unwrap();
            let (id, ident) = ids.trim().split_once('=').unwrap();
            let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            let frame = |text: &str| {
                let words: Vec<&str> = text.split_ascii_whitespace().collect();
                StackFrame {
                    function: words[0].to_owned(),
                    file: Some(words[1].to_owned()),
                    line: words[2].parse().ok(),
                }
            };
            let frames = stack.split(", ").map(frame).collect();
            ThreadStack { id: known(id), ident: known(ident), samples: 1, frames, ..ThreadStack::default() }
        };
        StackDump {
            at: seconds.map(|seconds| Timestamp {
                time: UtcTime(seconds * 1_000_000_000),
                basis: TimeBasis::Stated,
                uncertainty_ms: 0,
            }),
            pid,
            command: None,
            threads: text.split("; ").map(thread).collect(),
            citation: Citation::new(SourceId(2), Span::Pointer { pointer: String::new() }),
        }
    }

    #[test]
    fn what_changed() {
        let end = dump(
            Some(7),
            Some(100),
            "7=0x7f0000000001: Pool.wait /srv/pool.py 8, main /srv/app.py 3; 8=0x7f0000000002: f /srv/app.py 9",
        );
        let check = |earlier: StackDump, expected: &[&str]| {
            let findings = compare_stacks(&[earlier], &end);
            let lines: Vec<String> = findings
                .iter()
                .flat_map(|finding| {
                    let of = |sign, evidence: &[Evidence]| {
                        evidence.iter().map(|one| format!("{sign} {}", one.statement)).collect::<Vec<_>>()
                    };
                    let title = format!("{:?} {}", finding.confidence, finding.title);
                    [vec![title], of('+', &finding.evidence), of('-', &finding.against)].concat()
                })
                .collect();
            assert_eq!(lines, expected);
        };
        check(
            dump(Some(7), Some(88), "7=: wait pool.py 8, main app.py 3; 8=: f app.py 5"),
            &[
                "Strong 1 of 2 threads stood on their last line already in the stacks that were dumped 12.0 s before the end",
                "+ thread 7 stood in Pool.wait (/srv/pool.py:8) both times, with the same calls around it",
                "- thread 8 stood in f (app.py:5), and in f (/srv/app.py:9) at the end",
            ],
        );
        check(
            dump(Some(7), None, "7=: select x.c 1, wait pool.py 8, other app.py 3"),
            &[
                "Strong 1 of 1 threads stood on their last line already in the stacks that were dumped at a time that is not stated",
                "+ thread 7 stood in Pool.wait (/srv/pool.py:8) both times, reached by other calls",
            ],
        );
        check(
            dump(None, None, "0x00007f0000000002=: g app.py 9"),
            &[
                "Moderate No thread stood on its last line in the stacks that were dumped at a time that is not stated",
                "+ thread 8 stood in g (app.py:9), and in f (/srv/app.py:9) at the end",
                "- the dump names no process: the threads' identifiers agree, and forked processes share those",
            ],
        );
        check(dump(Some(9), None, "7=: wait pool.py 8"), &[]);
        check(dump(None, None, "7=: wait pool.py 8"), &[]);
        check(dump(Some(7), None, "9=: wait pool.py 8"), &[]);
        let mut samples = dump(Some(7), None, "7=: wait pool.py 8");
        samples.threads[0].samples = 30;
        check(samples, &[]);
    }
}
