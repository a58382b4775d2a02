//! Tasks that await each other in a circle, and exceptions of tasks that nobody asked for.

use std::collections::BTreeMap;

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::findings::place;
use crate::snapshot::document::{AsyncioSection, FrameSection, ProcessSnapshot, TaskSection};

/// Most circles that are told.
const MOST_CIRCLES: usize = 10;
/// Names of failed tasks that are listed.
const MOST_NAMES: usize = 5;

/// Judges the tasks of a snapshot.
pub(super) fn findings(snapshot: &ProcessSnapshot) -> Vec<Finding> {
    let Some(asyncio) = &snapshot.asyncio else { return Vec::new() };
    let circles = circles(&asyncio.tasks).into_iter().take(MOST_CIRCLES);
    circles.map(|circle| await_circle(&circle)).chain(never_retrieved(asyncio)).collect()
}

/// Circles of tasks, each of which awaits the next. Tasks that share a name cannot be told apart and are left out.
fn circles(tasks: &[TaskSection]) -> Vec<Vec<&TaskSection>> {
    let mut by_name: BTreeMap<&str, Option<usize>> = BTreeMap::new();
    for (at, task) in tasks.iter().enumerate() {
        if let Some(name) = task.name.as_deref() {
            by_name.entry(name).and_modify(|found| *found = None).or_insert(Some(at));
        }
    }
    let index = |name: &str| by_name.get(name).copied().flatten();
    // Who waits for a lock awaits the task that holds it.
    let mut awaiters: Vec<Vec<&str>> =
        tasks.iter().map(|task| task.awaited_by.iter().map(String::as_str).collect()).collect();
    for task in tasks {
        let holder = task.lock_holder.as_deref().and_then(index);
        if let (Some(holder), Some(name)) = (holder.and_then(|at| awaiters.get_mut(at)), task.name.as_deref())
        {
            holder.push(name);
        }
    }
    let mut state = vec![State::New; tasks.len()];
    let mut found = Vec::new();
    for start in 0..tasks.len() {
        // Depth first with a stack of our own; what is on it when it is met again closes a circle.
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        if tasks.get(start).and_then(|task| index(task.name.as_deref()?)) != Some(start) {
            continue;
        }
        while let Some((at, next)) = path.pop() {
            let (Some(awaiters), Some(here)) = (awaiters.get(at), state.get_mut(at)) else { continue };
            if next == 0 {
                if *here != State::New {
                    continue;
                }
                *here = State::OnPath;
            }
            let Some(awaiter) = awaiters.get(next) else {
                *here = State::Done;
                continue;
            };
            path.push((at, next + 1));
            let Some(awaiter) = index(awaiter) else { continue };
            match state.get(awaiter) {
                Some(State::New) => path.push((awaiter, 0)),
                Some(State::OnPath) => {
                    let from = path.iter().position(|step| step.0 == awaiter).unwrap_or(0);
                    // The path goes from the awaited to the one that awaits it; the circle is told the other way.
                    let circle = path.iter().skip(from).rev().filter_map(|step| tasks.get(step.0));
                    found.push(circle.collect());
                }
                _ => {}
            }
        }
    }
    found
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    OnPath,
    Done,
}

fn await_circle(circle: &[&TaskSection]) -> Finding {
    let name = |task: &TaskSection| task.name.clone().unwrap_or_else(|| "a task".to_owned());
    let next =
        |at: usize| circle.get((at + 1) % circle.len().max(1)).map(|task| name(task)).unwrap_or_default();
    let awaits = |at: usize, task: &TaskSection| match &task.lock_holder {
        Some(holder) if *holder == next(at) => "waits for an asyncio.Lock of",
        _ => "awaits",
    };
    let pairs: Vec<_> = circle
        .iter()
        .enumerate()
        .map(|(at, task)| format!("{} {} {}", name(task), awaits(at, task), next(at)))
        .collect();
    let is_own_lock =
        circle.first().is_some_and(|task| task.lock_holder.is_some() && task.lock_holder == task.name);
    let first = circle.first().map(|task| name(task)).unwrap_or_default();
    let title = match circle.len() {
        1 if is_own_lock => format!("Task {first} waits for an asyncio.Lock that it holds itself"),
        1 => format!("Task {first} awaits itself"),
        count => format!("{count} tasks await each other in a circle: {}", pairs.join(", ")),
    };
    let mut finding = Finding::new("await-circle", Severity::Error, Confidence::Strong, title);
    for (at, task) in circle.iter().enumerate() {
        // Where the program itself stands says more than where asyncio does.
        let is_own = |frame: &&FrameSection| !frame.file.contains("/asyncio/");
        let frame = task.stack.iter().find(is_own).or(task.stack.first());
        let stands = frame.map(|frame| format!(" stands in {} and", place(frame))).unwrap_or_default();
        let statement = format!("task {}{stands} {} {}", name(task), awaits(at, task), next(at));
        let citation = frame.and_then(|frame| frame.citation.clone());
        finding = finding.with_evidence(Evidence::new(Basis::Derived, statement).cite(citation));
    }
    finding.refuted_if("one of them has a time limit, or goes on when another one of several ends")
}

fn never_retrieved(asyncio: &AsyncioSection) -> Option<Finding> {
    let failed = &asyncio.never_retrieved;
    let first = failed.first()?;
    let what = |type_name: &Option<String>, message: &Option<String>| {
        let message = message.as_deref().filter(|message| !message.is_empty());
        let message = message.map(|message| format!(" ({message})")).unwrap_or_default();
        format!("{}{message}", type_name.as_deref().unwrap_or("an exception"))
    };
    let title = match failed.len() {
        1 => format!(
            "Task {} ended with {}, which nobody asked for",
            first.name.as_deref().unwrap_or("without a name"),
            what(&first.type_name, &first.message)
        ),
        count => format!("{count} tasks ended with exceptions that nobody asked for"),
    };
    let mut finding =
        Finding::new("task-exception-never-retrieved", Severity::Warning, Confidence::Strong, title);
    for task in failed.iter().take(MOST_NAMES) {
        let name = task.name.as_deref().unwrap_or("without a name");
        let statement = format!("task {name} ended with {}", what(&task.type_name, &task.message));
        finding = finding.with_evidence(Evidence::new(Basis::Observed, statement));
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(name: &str, awaited_by: &[&str], lock_holder: Option<&str>) -> TaskSection {
        TaskSection {
            name: Some(name.to_owned()),
            coroutine: None,
            state: "pending",
            current: false,
            stack: Vec::new(),
            waits_on: None,
            lock_holder: lock_holder.map(str::to_owned),
            awaited_by: awaited_by.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn circles_by_locks() {
        let title =
            |tasks: &[TaskSection]| circles(tasks).iter().map(|circle| await_circle(circle).title).next();
        assert_eq!(
            title(&[task("a", &[], Some("b")), task("b", &[], Some("a"))]).as_deref(),
            Some(
                "2 tasks await each other in a circle: b waits for an asyncio.Lock of a, a waits for an asyncio.Lock of b"
            )
        );
        assert_eq!(
            title(&[task("a", &[], Some("a"))]).as_deref(),
            Some("Task a waits for an asyncio.Lock that it holds itself")
        );
        assert_eq!(title(&[task("a", &["a"], None)]).as_deref(), Some("Task a awaits itself"));
        assert_eq!(title(&[task("a", &[], Some("b")), task("b", &[], None)]), None);
    }

    #[test]
    fn circles_of_tasks() {
        let task = |name: &str, awaited_by: &[&str]| task(name, awaited_by, None);
        let check = |tasks: &[TaskSection], expected: &[&[&str]]| {
            let found = circles(tasks);
            let names: Vec<Vec<_>> = found
                .iter()
                .map(|circle| circle.iter().filter_map(|task| task.name.as_deref()).collect())
                .collect();
            assert_eq!(names, expected);
        };
        check(&[task("a", &["b"]), task("b", &[])], &[]);
        check(&[task("a", &["b"]), task("b", &["a"])], &[&["b", "a"]]);
        check(&[task("a", &["a"])], &[&["a"]]);
        check(&[task("a", &["b", "c"]), task("b", &["d"]), task("c", &["d"]), task("d", &[])], &[]);
        check(
            &[task("x", &["a"]), task("a", &["b"]), task("b", &["c", "x"]), task("c", &["a"])],
            &[&["c", "b", "a"], &["b", "a", "x"]],
        );
        // Two of one name: it is not known which of them is meant.
        check(&[task("a", &["b"]), task("b", &["a"]), task("a", &[])], &[]);
    }
}
