//! Generators, coroutines, async generators and greenlets that wait to be resumed.

use pycoroner_findings::{Gap, GapKind};
use rustc_hash::FxHashSet;

use crate::address::Ptr;
use crate::layout::member::Object;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::generators::{Generator, GeneratorKind, GeneratorState};
use crate::snapshot::capture::{CaptureOptions, gap_of};
use crate::snapshot::document::SuspendedSection;
use crate::snapshot::exceptions;
use crate::snapshot::greenlets;
use crate::snapshot::held::{Held, Interest};
use crate::snapshot::threads::frame_section;
use crate::snapshot::values::Values;
use crate::tasks::await_chain;

/// Most of them that are shown, and most frames of all together.
const MAX_SHOWN: usize = 10_000;
const MAX_FRAMES: usize = 20_000;

/// Those that nothing else waits for: neither another one, nor a task.
pub(super) fn of_runtime(
    runtime: &PythonRuntime<'_>,
    options: &CaptureOptions,
    held: &Held,
    of_tasks: &FxHashSet<Ptr<Object>>,
    gaps: &mut Vec<Gap>,
) -> Vec<SuspendedSection> {
    let values = Values::new(runtime, options);
    let mut waiting = Vec::new();
    let mut awaited = FxHashSet::default();
    for &object in held.of(Interest::Generator) {
        // One that is damaged is shown by nobody; the lists that it was found in are not to blame.
        let Ok(Some(generator)) = runtime.generator(object) else { continue };
        let GeneratorState::Suspended { on } = generator.state else { continue };
        waiting.push(generator);
        awaited.extend(on.and_then(|on| await_chain::generator_behind(runtime, on)));
    }
    let is_outermost = |generator: &Generator| {
        let object = generator.object.cast();
        !awaited.contains(&object) && !of_tasks.contains(&object)
    };
    waiting.retain(is_outermost);
    let more = waiting.len().saturating_sub(MAX_SHOWN);
    waiting.truncate(MAX_SHOWN);
    if more > 0 {
        gaps.push(Gap::new(
            GapKind::Limit,
            "further suspended generators",
            format!("{more} more than {MAX_SHOWN}"),
        ));
    }
    let mut frames_left = MAX_FRAMES;
    let mut sections: Vec<_> = waiting
        .into_iter()
        .filter_map(|generator| section(runtime, &values, generator, &mut frames_left, gaps))
        .collect();
    sections.extend(greenlets::suspended(runtime, held, MAX_SHOWN, &mut frames_left, gaps));
    if frames_left == 0 {
        gaps.push(Gap::new(
            GapKind::Limit,
            "further frames of generators and greenlets",
            format!("more than {MAX_FRAMES}"),
        ));
    }
    sections.sort_by(|one, other| key(one).cmp(&key(other)));
    sections
}

/// By kind and name; equal ones by where they stand.
fn key(section: &SuspendedSection) -> impl Ord + '_ {
    let place = section.stack.last().map(|frame| (frame.file.as_str(), frame.line));
    (section.kind, section.name.as_deref(), place, section.stack.len())
}

fn section(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    generator: Generator,
    frames_left: &mut usize,
    gaps: &mut Vec<Gap>,
) -> Option<SuspendedSection> {
    let chain = await_chain::follow(runtime, generator.object.cast());
    let name = generator.name(runtime.python());
    if let Some(error) = &chain.broken {
        let who = name.as_deref().unwrap_or("a generator");
        gaps.push(gap_of(format!("what {who} waits for"), error));
    }
    if chain.frames.is_empty() || chain.frames.len() > *frames_left {
        *frames_left = if chain.frames.is_empty() { *frames_left } else { 0 };
        return None;
    }
    *frames_left -= chain.frames.len();
    let kind = match generator.kind {
        GeneratorKind::Generator => "generator",
        GeneratorKind::Coroutine => "coroutine",
        GeneratorKind::AsyncGenerator => "async-generator",
    };
    let stack = chain.frames.iter().rev().map(|frame| frame_section(runtime, frame)).collect();
    let who = name.as_deref().unwrap_or("a generator");
    let generators: Vec<_> = chain.generators.iter().rev().copied().collect();
    let exceptions = exceptions::of_generators(runtime, values, &generators, who, gaps);
    Some(SuspendedSection { kind, name, stack, exceptions })
}
