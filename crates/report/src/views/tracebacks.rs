//! Logged tracebacks that tell of the same failure, as one, with what differs among them.

use std::collections::BTreeMap;

use super::threads::is_library;
use crate::sections::{LogTraceback, TracebackEntry};
use crate::timeline::without_numbers;

/// Tracebacks of one failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The one that is shown: that of the dead process, else the first.
    pub(crate) shown: usize,
    /// All of them, in the order of the log.
    pub(crate) all: Vec<usize>,
    /// What the others have instead.
    pub(crate) others: Vec<Other>,
}

/// What some of the tracebacks have instead of what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Other {
    /// How many of them.
    pub(crate) times: usize,
    /// Their line of the failure, where it differs.
    pub(crate) headline: Option<String>,
    /// Frames that the shown one does not have.
    pub(crate) frames: Vec<String>,
}

/// Most differing lines of one kind of traceback.
const MOST_FRAMES: usize = 4;

/// Tracebacks, by their index, that belong to no other, folded; `line` writes a frame, `headline` the failure.
pub(crate) fn fold(
    all: &[LogTraceback],
    roots: &[usize],
    pid: Option<u64>,
    line: impl Fn(&TracebackEntry) -> String,
    headline: impl Fn(&LogTraceback) -> String,
) -> Vec<Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    let mut known = BTreeMap::new();
    let parts = parts(all);
    for &root in roots {
        let key = key(all, root, &parts, &headline);
        let index = *known.entry(key).or_insert(failures.len());
        match failures.get_mut(index) {
            Some(failure) => failure.all.push(root),
            None => failures.push(Failure { shown: root, all: vec![root], others: Vec::new() }),
        }
    }
    for failure in &mut failures {
        failure.all.sort_unstable();
        let own = failure.all.iter().copied().find(|root| pid.is_some() && all[*root].pid == pid);
        failure.shown = own.unwrap_or_else(|| usual(all, failure, &line, &headline));
        failure.others = others(all, failure, &line, &headline);
    }
    failures
}

/// The last of those that are most frequent.
fn usual(
    all: &[LogTraceback],
    failure: &Failure,
    line: &impl Fn(&TracebackEntry) -> String,
    headline: &impl Fn(&LogTraceback) -> String,
) -> usize {
    let mut counts: BTreeMap<(String, Vec<String>), (usize, usize)> = BTreeMap::new();
    for root in &failure.all {
        let lines = all[*root].frames.iter().map(line).collect();
        let count = counts.entry((headline(&all[*root]), lines)).or_default();
        *count = (count.0 + 1, *root);
    }
    counts.into_values().max().map_or(failure.shown, |(_, last)| last)
}

/// The exceptions that belong to each.
fn parts(all: &[LogTraceback]) -> BTreeMap<usize, Vec<usize>> {
    let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, entry) in all.iter().enumerate() {
        if let Some(parent) = entry.parent {
            parts.entry(parent).or_default().push(index);
        }
    }
    parts
}

/// Most exceptions of one chain that are compared.
const MOST_LINKS: usize = 20;

/// What makes two tracebacks the same failure: the program's own frames, the type and the words without numbers.
fn key(
    all: &[LogTraceback],
    root: usize,
    parts: &BTreeMap<usize, Vec<usize>>,
    headline: &impl Fn(&LogTraceback) -> String,
) -> Vec<String> {
    let mut key = Vec::new();
    let mut left = vec![root];
    let mut links = 0;
    while let Some(entry) = left.pop().and_then(|index| Some((index, all.get(index)?))) {
        let (index, entry) = entry;
        key.push(format!("{:?} {}", entry.kind, entry.current_thread));
        key.push(without_numbers(&headline(entry)));
        let is_own = |frame: &&TracebackEntry| !is_library(frame.file.as_deref());
        let has_own = entry.frames.iter().any(|frame| is_own(&frame));
        let counted = entry.frames.iter().filter(|frame| is_own(frame) || !has_own);
        key.extend(counted.map(|frame| format!("{:?}:{:?} {:?}", frame.file, frame.line, frame.function)));
        links += 1;
        if links == MOST_LINKS {
            break;
        }
        left.extend(parts.get(&index).into_iter().flatten().rev());
    }
    key
}

fn others(
    all: &[LogTraceback],
    failure: &Failure,
    line: &impl Fn(&TracebackEntry) -> String,
    headline: &impl Fn(&LogTraceback) -> String,
) -> Vec<Other> {
    let lines = |root: usize| -> Vec<String> { all[root].frames.iter().map(line).collect() };
    let shown = (headline(&all[failure.shown]), lines(failure.shown));
    let mut times: BTreeMap<(String, Vec<String>), usize> = BTreeMap::new();
    for root in failure.all.iter().filter(|root| **root != failure.shown) {
        *times.entry((headline(&all[*root]), lines(*root))).or_default() += 1;
    }
    times
        .into_iter()
        .filter(|(other, _)| *other != shown)
        .map(|((said, frames), times)| Other {
            times,
            headline: (said != shown.0).then_some(said),
            frames: frames.into_iter().filter(|frame| !shown.1.contains(frame)).take(MOST_FRAMES).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(pid: u64, line: u64, message: &str) -> LogTraceback {
        let frame = |file: &str, line| TracebackEntry {
            file: Some(file.to_owned()),
            line: Some(line),
            function: Some("f".to_owned()),
            ..TracebackEntry::default()
        };
        LogTraceback {
            pid: Some(pid),
            message: Some(message.to_owned()),
            frames: vec![frame("/app/a.py", 7), frame("/lib/python3.12/site-packages/g.py", line)],
            ..LogTraceback::default()
        }
    }

    fn folded(all: &[LogTraceback], pid: Option<u64>) -> Vec<Failure> {
        let roots: Vec<usize> = (0..all.len()).collect();
        let line =
            |frame: &TracebackEntry| format!("{}:{}", frame.file.as_deref().unwrap(), frame.line.unwrap());
        fold(all, &roots, pid, line, |entry| entry.message.clone().unwrap_or_default())
    }

    #[test]
    fn the_same_failure_is_one_and_its_differences_are_named() {
        let all = [dump(1, 5, "no 1"), dump(2, 5, "no 1"), dump(3, 6, "no 1"), dump(4, 5, "no 2")];
        let failures = folded(&all, Some(2));
        assert_eq!(failures.len(), 1);
        assert_eq!((failures[0].shown, &*failures[0].all), (1, &[0, 1, 2, 3][..]));
        let others: Vec<_> = failures[0]
            .others
            .iter()
            .map(|other| (other.times, other.headline.as_deref(), &*other.frames))
            .collect();
        let frame = ["/lib/python3.12/site-packages/g.py:6".to_owned()];
        assert_eq!(others, [(1, None, &frame[..]), (1, Some("no 2"), &[][..])]);
    }

    #[test]
    fn without_an_own_one_the_usual_one_is_shown() {
        let all = [dump(1, 5, "x"), dump(2, 6, "x"), dump(3, 6, "x"), dump(4, 7, "x")];
        assert_eq!(folded(&all, Some(9))[0].shown, 2);
    }

    #[test]
    fn other_failures_stay_apart() {
        let mut other = dump(2, 5, "no 1");
        other.frames[0].line = Some(8);
        assert_eq!(folded(&[dump(1, 5, "no 1"), other], None).len(), 2);
        assert_eq!(folded(&[dump(1, 5, "no 1"), dump(1, 5, "gone")], None).len(), 2);
        assert_eq!(folded(&[], None), []);
    }

    #[test]
    fn what_an_exception_came_of_belongs_to_it() {
        let part = |parent, message| LogTraceback { parent: Some(parent), ..dump(1, 5, message) };
        let all = [dump(1, 5, "x"), part(0, "timeout"), dump(1, 5, "x"), part(2, "refused")];
        let failures = fold(&all, &[0, 2], None, |_| String::new(), |entry| entry.message.clone().unwrap());
        assert_eq!(failures.len(), 2);
    }
}
