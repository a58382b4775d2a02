//! Tasks of `asyncio` in a snapshot.

use pycoroner_findings::{Gap, GapKind};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::Ptr;
use crate::layout::member::Object;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::{Frame, FramePlace};
use crate::runtime::threads::Thread;
use crate::snapshot::capture::{CaptureOptions, gap_of};
use crate::snapshot::document::{AsyncioSection, FailedTaskSection, FrameSection, TaskSection};
use crate::snapshot::held::{Held, Interest};
use crate::snapshot::messages;
use crate::snapshot::threads::frame_section;
use crate::snapshot::values::Values;
use crate::tasks::await_chain::{self, AwaitChain};
use crate::tasks::awaiters::Awaiters;
use crate::tasks::futures::Futures;
use crate::tasks::locks::TaskLocks;
use crate::tasks::registry::{self, MAX_TASKS};

/// Most frames of all tasks together.
const MAX_FRAMES: usize = 50_000;

/// What was read of tasks.
#[derive(Default)]
pub(super) struct Tasks {
    /// Those of all interpreters that have not ended; `None` where no task was ever made.
    pub(super) section: Option<AsyncioSection>,
    /// Their coroutines and all that these await.
    pub(super) generators: FxHashSet<Ptr<Object>>,
    /// Those that have ended and that `asyncio` still knows.
    ended: FxHashSet<Ptr<Object>>,
}

/// Reads the tasks of all interpreters.
pub(super) fn of_runtime(
    runtime: &PythonRuntime<'_>,
    options: &CaptureOptions,
    gaps: &mut Vec<Gap>,
) -> Tasks {
    let values = Values::new(runtime, options);
    let mut all = Tasks::default();
    for &interpreter in runtime.interpreters() {
        let Some(futures) = Futures::of_interpreter(runtime, interpreter) else { continue };
        if let Some(error) = &futures.refused {
            gaps.push(gap_of("the tasks of asyncio", error));
        }
        let (threads, _) = runtime.threads(interpreter);
        let found = registry::find(runtime, interpreter, &threads, &futures);
        gaps.extend(found.faults.iter().map(|error| gap_of("some tasks of asyncio", error)));
        if found.is_cut {
            let why = format!("more than {MAX_TASKS}");
            gaps.push(Gap::new(GapKind::Limit, "further tasks of asyncio", why));
        }
        if found.tasks.is_empty() {
            continue;
        }
        let awaiters = Awaiters::new(runtime, interpreter, &futures, &found.tasks);
        let mut reader = Reader {
            runtime,
            futures: &futures,
            threads: &threads,
            stacks: None,
            frames_left: MAX_FRAMES,
            locks: TaskLocks::default(),
            generators: &mut all.generators,
            gaps,
        };
        let section = all.section.get_or_insert_default();
        let first = section.tasks.len();
        let mut labels = Vec::new();
        for task in reader.in_order(&found.tasks) {
            let current = found.current.contains(&task);
            let done = reader.is_done(task);
            if done && !current {
                section.never_retrieved.extend(failed(runtime, &futures, &values, task));
                all.ended.insert(task);
                continue;
            }
            let mut told = reader.task(task, current, labels.len());
            labels.push(reader.label(task));
            told.awaited_by = awaiters.of(task).into_iter().map(|awaiter| reader.label(awaiter)).collect();
            if done {
                told.state = "done";
            }
            section.tasks.push(told);
        }
        for (number, told) in section.tasks.iter_mut().skip(first).enumerate() {
            told.lock_holder = reader.locks.holder(number).and_then(|holder| labels.get(holder).cloned());
        }
        if awaiters.is_cut() {
            gaps.push(Gap::new(
                GapKind::Limit,
                "who awaits some tasks",
                "there are too many futures between them",
            ));
        }
    }
    all
}

/// Adds tasks that left an exception which nobody asked for, and that `asyncio` has forgotten.
///
/// From 3.14 on it forgets each task that ends (`unregister_task` of `Modules/_asynciomodule.c` at v3.14.0). As long as
/// something else refers to one, the garbage collector keeps track of it.
pub(super) fn add_forgotten(
    runtime: &PythonRuntime<'_>,
    options: &CaptureOptions,
    held: &Held,
    tasks: &mut Tasks,
) {
    let values = Values::new(runtime, options);
    for &interpreter in runtime.interpreters() {
        let Some(futures) = Futures::of_interpreter(runtime, interpreter) else { continue };
        let is_forgotten = |task: &Ptr<Object>| {
            futures.is_task(*task) && futures.is_done(*task) == Ok(true) && !tasks.ended.contains(task)
        };
        let forgotten: Vec<_> = held.of(Interest::Task).iter().copied().filter(is_forgotten).collect();
        let key = |task: &Ptr<Object>| (natural_key(&futures.name(*task).unwrap_or_default()), *task);
        let mut failures: Vec<_> = forgotten
            .into_iter()
            .filter_map(|task| Some((key(&task), failed(runtime, &futures, &values, task)?)))
            .collect();
        failures.sort_by(|one, other| one.0.cmp(&other.0));
        if !failures.is_empty() {
            let section = tasks.section.get_or_insert_default();
            section.never_retrieved.extend(failures.into_iter().map(|(_, failure)| failure));
        }
    }
}

/// What a task that has ended left, when nobody asked for it.
fn failed(
    runtime: &PythonRuntime<'_>,
    futures: &Futures<'_, '_>,
    values: &Values<'_, '_>,
    task: Ptr<Object>,
) -> Option<FailedTaskSection> {
    let exception = futures.exception_never_retrieved(task)?;
    Some(FailedTaskSection {
        name: futures.name(task),
        type_name: values.type_name(exception),
        message: messages::message(runtime, values, exception.cast()).text,
    })
}

/// Number of the thread and of the frame in its stack.
type Places = FxHashMap<FramePlace, (usize, usize)>;

struct Reader<'a, 'p> {
    runtime: &'a PythonRuntime<'p>,
    futures: &'a Futures<'a, 'p>,
    threads: &'a [Thread],
    /// The stacks of the threads and where in them each frame is, read when a task turns out to be running.
    stacks: Option<(Vec<Vec<Frame>>, Places)>,
    frames_left: usize,
    locks: TaskLocks,
    generators: &'a mut FxHashSet<Ptr<Object>>,
    gaps: &'a mut Vec<Gap>,
}

impl Reader<'_, '_> {
    /// Those of one loop together, each loop's by name, with numbers in names in their order.
    fn in_order(&self, tasks: &[Ptr<Object>]) -> Vec<Ptr<Object>> {
        let key = |&task: &Ptr<Object>| {
            let name = self.futures.name(task).unwrap_or_default();
            (self.futures.event_loop(task), natural_key(&name), task)
        };
        let mut keyed: Vec<_> = tasks.iter().map(key).collect();
        keyed.sort();
        keyed.into_iter().map(|entry| entry.2).collect()
    }

    /// A task whose state cannot be read counts as one that goes on.
    fn is_done(&mut self, task: Ptr<Object>) -> bool {
        self.futures.is_done(task).unwrap_or_else(|error| {
            self.gaps.push(gap_of(format!("the state of a task at {task:?}"), &error));
            false
        })
    }

    /// Its name, or where it is when it has none.
    fn label(&self, task: Ptr<Object>) -> String {
        self.futures.name(task).unwrap_or_else(|| format!("task at {task:?}"))
    }

    /// Reads one; `number` is its place among those that are told.
    fn task(&mut self, task: Ptr<Object>, current: bool, number: usize) -> TaskSection {
        let python = self.runtime.python();
        let coroutine = self.futures.coroutine(task);
        let mut section = TaskSection {
            name: self.futures.name(task),
            coroutine: None,
            state: "pending",
            current,
            stack: Vec::new(),
            waits_on: None,
            lock_holder: None,
            awaited_by: Vec::new(),
        };
        let Some(coroutine) = coroutine else { return section };
        let generator = self.runtime.generator(coroutine).ok().flatten();
        section.coroutine = generator.and_then(|generator| generator.qualname(python));
        if self.frames_left == 0 {
            return section;
        }
        let chain = await_chain::follow(self.runtime, coroutine);
        self.generators.extend(chain.generators.iter().map(|generator| generator.object.cast::<Object>()));
        if chain.is_running {
            section.state = "running";
        }
        if let Some(error) = &chain.broken {
            self.gaps.push(gap_of(format!("what the task {} awaits", self.label(task)), error));
        }
        section.waits_on = chain.end.and_then(|end| self.futures.name_of_end(end));
        self.locks.add(self.runtime, number, &chain);
        section.stack = self.stack(&chain, task);
        section
    }

    /// Innermost first; of a running task, with the functions that its coroutine called.
    fn stack(&mut self, chain: &AwaitChain, task: Ptr<Object>) -> Vec<FrameSection> {
        if chain.frames.len() > self.frames_left {
            // What was walked is paid for, so that many tasks at one long chain cost no more than the limit.
            self.frames_left = 0;
            let what = format!("the frames of the task {} and of those after it", self.label(task));
            self.gaps.push(Gap::new(GapKind::Limit, what, format!("more than {MAX_FRAMES} in all tasks")));
            return Vec::new();
        }
        let called = if chain.is_running { self.called_by(chain) } else { Vec::new() };
        let frames = called.iter().chain(chain.frames.iter().rev());
        let sections: Vec<_> = frames.map(|frame| frame_section(self.runtime, frame)).collect();
        self.frames_left = self.frames_left.saturating_sub(sections.len());
        sections
    }

    /// The frames of a thread that are further in than the last one of a chain.
    fn called_by(&mut self, chain: &AwaitChain) -> Vec<Frame> {
        let Some(last) = chain.frames.last() else { return Vec::new() };
        let (runtime, threads) = (self.runtime, self.threads);
        let (stacks, places) = self.stacks.get_or_insert_with(|| {
            let stacks: Vec<_> = threads.iter().map(|thread| runtime.stack(thread.state).frames).collect();
            let mut places = Places::default();
            for (thread, frames) in stacks.iter().enumerate() {
                places.extend(frames.iter().enumerate().map(|(at, frame)| (frame.place, (thread, at))));
            }
            (stacks, places)
        });
        let Some(&(thread, at)) = places.get(&last.place) else { return Vec::new() };
        stacks.get(thread).and_then(|frames| frames.get(..at)).unwrap_or_default().to_vec()
    }
}

/// A piece of a name: text, or a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Number(u64),
    Text(String),
}

/// Splits a name so that `job-2` comes before `job-10`.
fn natural_key(name: &str) -> Vec<Piece> {
    let is_digit = |character: char| character.is_ascii_digit();
    let mut pieces = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|character| is_digit(character) != is_digit(first)).unwrap_or(rest.len());
        let (piece, further) = rest.split_at(end);
        pieces.push(match piece.parse() {
            Ok(number) => Piece::Number(number),
            Err(_) => Piece::Text(piece.to_owned()),
        });
        rest = further;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_order() {
        let check = |mut names: Vec<&str>, expected: Vec<&str>| {
            names.sort_by_key(|name| natural_key(name));
            assert_eq!(names, expected);
        };
        check(vec!["job-10", "job-2", "job"], vec!["job", "job-2", "job-10"]);
        check(vec!["b", "9", "a1b", "a1"], vec!["9", "a1", "a1b", "b"]);
        check(vec!["99999999999999999999999", "é2", ""], vec!["", "99999999999999999999999", "é2"]);
    }
}
