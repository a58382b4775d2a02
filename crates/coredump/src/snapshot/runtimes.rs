//! Further CPython runtimes of the process, in a snapshot.

use pycoroner_findings::{Gap, GapKind};

use crate::runtime::attach::PythonRuntime;
use crate::runtime::beside::Search;
use crate::snapshot::capture::{CaptureOptions, LocalsOf};
use crate::snapshot::document::CrashSection;
use crate::snapshot::process::module;
use crate::snapshot::threads::{self, Threads};

/// Runtimes beside the one that was attached to; only where much is read anyway, all modules are searched.
pub(super) fn others<'p>(
    runtime: Option<&PythonRuntime<'p>>,
    options: &CaptureOptions,
) -> Vec<PythonRuntime<'p>> {
    let Some(runtime) = runtime.filter(|runtime| runtime.recovery().is_none()) else { return Vec::new() };
    let thorough = options.native || options.locals == LocalsOf::AllFrames;
    runtime.beside(if thorough { Search::AllModules } else { Search::NamedModules })
}

/// Adds the threads that only another runtime ran code in. A thread in which both did keeps the frames that it has,
/// which is a gap.
pub(super) fn add(
    others: &[PythonRuntime<'_>],
    crash: &CrashSection,
    options: &CaptureOptions,
    threads: &mut Threads,
    gaps: &mut Vec<Gap>,
) {
    for other in others {
        let found = threads::of_runtime(other, crash, options, gaps);
        let mut left_out = Vec::new();
        for mut section in found.sections.into_iter().filter(|section| !section.python_frames.is_empty()) {
            section.runtime = Some(other.address().address());
            let known =
                threads.sections.iter_mut().find(|known| section.tid.is_some() && known.tid == section.tid);
            match known {
                Some(known) if known.python_frames.is_empty() => *known = section,
                Some(known) => left_out.extend(known.name.clone().or(known.tid.map(|tid| tid.to_string()))),
                None => threads.sections.push(section),
            }
        }
        let tids: Vec<_> = threads
            .sections
            .iter()
            .filter(|section| section.runtime == Some(other.address().address()))
            .map(|section| section.tid)
            .collect();
        threads.nested.retain(|stack| !tids.contains(&stack.tid) || stack.tid.is_none());
        threads.nested.extend(found.nested.into_iter().filter(|stack| tids.contains(&stack.tid)));
        threads.locks.extend(found.locks);
        threads.deadlocks.extend(found.deadlocks);
        if !left_out.is_empty() {
            gaps.push(second_runtime(other, &left_out));
        }
    }
}

fn second_runtime(other: &PythonRuntime<'_>, threads: &[String]) -> Gap {
    let version = &other.version().text;
    let place = module(other).unwrap_or_else(|| other.address().address().to_string());
    Gap::new(
        GapKind::Unknown,
        format!("the frames of CPython {version} ({place}) in {}", threads.join(", ")),
        "two runtimes ran code there; only those of the one that is described first are shown",
    )
}
