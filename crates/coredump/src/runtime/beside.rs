//! Further CPython runtimes of one process: programs may load two versions, or one library twice.

use memchr::memmem;

use crate::address::{Address, Ptr};
use crate::elf::modules::Module;
use crate::layout::debug_offsets::COOKIE;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::link_scan::LinkScan;
use crate::runtime::locate::{self, Candidate, LocatedBy};
use crate::runtime::process::DeadProcess;

/// In which modules further runtimes are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// In those that are called like Python: little is read.
    NamedModules,
    /// In all that have as much data as a runtime brings along.
    AllModules,
}

/// A module with a runtime has the static types of CPython in its data: some hundreds of KiB.
const LEAST_DATA: u64 = 128 << 10;
/// How much data of one module is searched.
const MOST_DATA: usize = 16 << 20;
/// How much is searched in all.
const MOST_SEARCHED: usize = 64 << 20;

/// Runtimes in modules in which none of `known` lies, by address.
pub(crate) fn beside<'p>(
    process: &'p DeadProcess<'p>,
    known: &[Address],
    search: Search,
) -> Vec<PythonRuntime<'p>> {
    let mut left = MOST_SEARCHED;
    let mut found = Vec::new();
    for module in process.modules() {
        let named = module.name().contains("python");
        let data: u64 = module.writable.iter().fold(0, |sum, (_, len)| sum.saturating_add(*len));
        let holds_known = known.iter().any(|&address| module.contains(address));
        if holds_known || data < LEAST_DATA || (search == Search::NamedModules && !named) {
            continue;
        }
        found.extend(in_module(process, module, &mut left));
    }
    found
}

/// The first runtime in a module's data that passes verification.
fn in_module<'p>(
    process: &'p DeadProcess<'p>,
    module: &'p Module,
    left: &mut usize,
) -> Option<PythonRuntime<'p>> {
    let mut parts: Vec<(Address, &[u8])> = Vec::new();
    for (start, bytes) in locate::writable_of_module(process, module) {
        let bytes = bytes.get(..bytes.len().min(MOST_DATA).min(*left)).unwrap_or_default();
        *left -= bytes.len();
        parts.push((start, bytes));
    }
    let attach = |candidate| PythonRuntime::attach_at(process, candidate).ok();
    for &(start, bytes) in &parts {
        for at in memmem::find_iter(bytes, COOKIE).map(|at| start.wrapping_add(at as u64)) {
            let runtime = Ptr::new(at).filter(|_| at.is_aligned(8));
            let candidate = runtime.map(|runtime| Candidate { runtime, located_by: LocatedBy::Cookie });
            if let Some(runtime) = candidate.and_then(attach) {
                return Some(runtime);
            }
        }
    }
    LinkScan::new(process).candidates(&parts).into_iter().find_map(attach)
}
