//! Tasks of `asyncio` as a tree of who awaits whom, and generators that wait to be resumed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::exception;
use super::frames::{self, Depth};
use super::inert::inert;
use super::quantity::counted;
use super::source_lines::SourceLines;
use super::style::{FAINT, STRONG, WARN};
use crate::documents::{AsyncioTasks, Frame, Suspended, Task};

/// Frames of one stack, groups of equal ones, and names of one group that are shown when things are folded.
const MOST_FRAMES: usize = 12;
const MOST_GROUPS: usize = 20;
const MOST_NAMES: usize = 6;
/// Levels that are indented further.
const MOST_LEVELS: usize = 8;

/// Writes the section; nothing where there are no tasks.
pub(super) fn write(out: &mut String, asyncio: &AsyncioTasks, sources: &SourceLines, all: bool) {
    let tasks = &asyncio.tasks;
    if !tasks.is_empty() {
        let count = counted(tasks.len() as u64, "task");
        let _ =
            writeln!(out, "\n{STRONG}asyncio: {count}{STRONG:#} {FAINT}(awaited ones further in){FAINT:#}");
        Tree::of(tasks).write(out, sources, all);
    }
    for failed in &asyncio.never_retrieved {
        let name = inert(failed.name.as_deref().unwrap_or("?"));
        let error = inert(failed.type_name.as_deref().unwrap_or("an exception"));
        let message = failed.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "  {WARN}task {name} ended with {error}{}{WARN:#}, which nobody asked for",
            inert(&message)
        );
    }
}

/// Tasks by the one that awaits each.
struct Tree<'a> {
    tasks: &'a [Task],
    awaited: Vec<Vec<usize>>,
    outermost: Vec<usize>,
}

impl<'a> Tree<'a> {
    fn of(tasks: &'a [Task]) -> Self {
        let by_name: BTreeMap<&str, usize> =
            tasks.iter().enumerate().filter_map(|(at, task)| Some((task.name.as_deref()?, at))).collect();
        let mut tree = Self { tasks, awaited: vec![Vec::new(); tasks.len()], outermost: Vec::new() };
        for (at, task) in tasks.iter().enumerate() {
            match task.awaited_by.first().and_then(|name| by_name.get(name.as_str())) {
                Some(&awaiter) if awaiter != at => tree.awaited[awaiter].push(at),
                _ => tree.outermost.push(at),
            }
        }
        tree
    }

    fn write(&self, out: &mut String, sources: &SourceLines, all: bool) {
        let mut shown = BTreeSet::new();
        self.write_below(out, self.outermost.clone(), &mut shown, sources, all);
        // Those that await each other in a circle hang on none of the others.
        for at in 0..self.tasks.len() {
            if !shown.contains(&at) {
                self.write_below(out, vec![at], &mut shown, sources, all);
            }
        }
    }

    fn write_below(
        &self,
        out: &mut String,
        first: Vec<usize>,
        shown: &mut BTreeSet<usize>,
        sources: &SourceLines,
        all: bool,
    ) {
        let mut left: Vec<(usize, Vec<usize>)> =
            self.groups(first, all).into_iter().rev().map(|group| (0, group)).collect();
        while let Some((level, group)) = left.pop() {
            let group: Vec<usize> = group.into_iter().filter(|at| shown.insert(*at)).collect();
            let Some(&one) = group.first() else { continue };
            self.write_group(out, &group, level, sources, all);
            let below = self.groups(self.awaited[one].clone(), all);
            left.extend(below.into_iter().rev().map(|group| (level + 1, group)));
        }
    }

    /// Equal tasks that await no others together, when things are folded.
    fn groups(&self, tasks: Vec<usize>, all: bool) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut found: BTreeMap<Place<'_>, usize> = BTreeMap::new();
        for at in tasks {
            let task = &self.tasks[at];
            if all || task.current || !self.awaited[at].is_empty() {
                groups.push(vec![at]);
                continue;
            }
            let group = *found.entry(place(task.coroutine.as_deref(), &task.stack)).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push(at);
        }
        groups
    }

    fn write_group(&self, out: &mut String, group: &[usize], level: usize, sources: &SourceLines, all: bool) {
        let task = &self.tasks[group[0]];
        let indent = 2 + 2 * level.min(MOST_LEVELS);
        let names = group.iter().map(|&at| self.tasks[at].name.as_deref().unwrap_or("?"));
        let title = listed(names, group.len());
        let title =
            if group.len() > 1 { format!("{}: {title}", counted(group.len() as u64, "task")) } else { title };
        let coroutine = task.coroutine.as_deref().map(|name| format!(" in {name}()")).unwrap_or_default();
        let _ = write!(out, "{:indent$}{STRONG}{}{STRONG:#}{}", "", inert(&title), inert(&coroutine));
        match (task.current, task.lock_holder.as_deref(), task.waits_on.as_deref()) {
            (true, ..) => {
                let _ = write!(out, " {WARN}running{WARN:#}");
            }
            (false, Some(holder), _) => {
                let _ = write!(out, " {WARN}waits for an asyncio.Lock that {} holds{WARN:#}", inert(holder));
            }
            (false, None, Some(waits_on)) => {
                let _ = write!(out, " {FAINT}waits on {}{FAINT:#}", inert(waits_on));
            }
            (false, None, None) => {}
        }
        out.push('\n');
        frames::write(out, &task.stack, sources, indent + 2, depth(all));
    }
}

/// Writes generators and the like, equal ones together; nothing where there are none.
pub(super) fn write_suspended(out: &mut String, suspended: &[Suspended], sources: &SourceLines, all: bool) {
    if suspended.is_empty() {
        return;
    }
    let mut groups: Vec<(usize, &Suspended)> = Vec::new();
    let mut found: BTreeMap<(&str, Option<&str>, Place<'_>), usize> = BTreeMap::new();
    for one in suspended {
        let handles = one.exceptions.first().and_then(|exception| exception.type_name.as_deref());
        let group =
            *found.entry((&one.kind, handles, place(one.name.as_deref(), &one.stack))).or_insert_with(|| {
                groups.push((0, one));
                groups.len() - 1
            });
        groups[group].0 += 1;
    }
    let _ = writeln!(out, "\n{STRONG}Suspended{STRONG:#} {FAINT}(innermost frame first){FAINT:#}");
    let most = if all { groups.len() } else { MOST_GROUPS };
    for (count, one) in groups.iter().take(most) {
        let name = one.name.as_deref().unwrap_or("?");
        let times = if *count > 1 { format!(", {count} of them") } else { String::new() };
        let _ = writeln!(out, "  {} {STRONG}{}{STRONG:#}{times}", inert(&one.kind), inert(name));
        frames::write(out, &one.stack, sources, 4, depth(all));
        for exception in &one.exceptions {
            let _ = writeln!(out, "    {STRONG}suspended while this exception was being handled:{STRONG:#}");
            exception::write(out, exception, sources, 6);
        }
    }
    if let Some(more) = groups.len().checked_sub(most).filter(|more| *more > 0) {
        let _ = writeln!(out, "  {FAINT}and {more} more stacks; --all shows them{FAINT:#}");
    }
}

fn depth(all: bool) -> Depth {
    if all { Depth::All } else { Depth::AtMost(MOST_FRAMES) }
}

type Place<'a> = (Option<&'a str>, Vec<(&'a str, Option<u64>, &'a str)>);

fn place<'a>(name: Option<&'a str>, stack: &'a [Frame]) -> Place<'a> {
    (name, stack.iter().map(|frame| (frame.file.as_str(), frame.line, frame.name())).collect())
}

fn listed<'a>(names: impl Iterator<Item = &'a str>, count: usize) -> String {
    let shown: Vec<&str> = names.take(MOST_NAMES).collect();
    let more = count.saturating_sub(MOST_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    shown.join(", ") + &more
}
