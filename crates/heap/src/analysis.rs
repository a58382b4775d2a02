//! From a runtime to answers: the order of the passes, and their bounds.

use pycoroner_coredump::{PythonRuntime, ReadError};

/// What to answer, and at what cost.
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// Most rows of each list of answers.
    pub top: usize,
    /// An owner is a suspect when it retains at least this many percent of all live objects' bytes.
    pub suspect_percent: f64,
    /// Most bytes that the analysis may keep on its own heap; the mapped core is not counted.
    pub max_memory: u64,
    /// Told the phase and how many objects it has done.
    pub progress: Option<&'o dyn Fn(Phase, u64)>,
}

impl Default for Options<'_> {
    /// Twenty rows, suspects from ten percent on, 8 GiB.
    fn default() -> Self {
        Self { top: 20, suspect_percent: 10.0, max_memory: 8 << 30, progress: None }
    }
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("top", &self.top)
            .field("suspect_percent", &self.suspect_percent)
            .field("max_memory", &self.max_memory)
            .finish_non_exhaustive()
    }
}

/// A part of the analysis, for progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Objects are enumerated.
    Objects,
    /// Their references are read.
    References,
    /// Dominators and retained sizes are computed.
    Dominators,
    /// Paths are named and answers collected.
    Answers,
}

/// Why there is no analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The layout lacks a member that enumerating objects takes.
    #[error("the objects of this build cannot be read: {0}")]
    Layout(#[from] ReadError),
    /// The heap is larger than its numbers.
    #[error("more than 4,294,967,293 objects or references")]
    TooManyObjects,
    /// The bound on memory was reached.
    #[error("{objects} objects need at least {needed} bytes of memory, and {allowed} are allowed; raise the limit (--max-memory)")]
    Memory {
        /// Objects known by then.
        objects: u64,
        /// Bytes that their analysis takes at least.
        needed: u64,
        /// Bytes that were allowed.
        allowed: u64,
    },
}

impl Options<'_> {
    pub(crate) fn progress(&self, phase: Phase, done: u64) {
        if let Some(progress) = self.progress {
            progress(phase, done);
        }
    }

    /// Refuses to go on when the passes to come would need more than is allowed.
    pub(crate) fn check_memory(&self, in_use: u64, objects: usize) -> Result<(), Failure> {
        // Dominators, retained sizes and paths take this much for each object besides.
        const LATER_BYTES_PER_OBJECT: u64 = 44;
        let needed = in_use.saturating_add(objects as u64 * LATER_BYTES_PER_OBJECT);
        if needed > self.max_memory {
            return Err(Failure::Memory { objects: objects as u64, needed, allowed: self.max_memory });
        }
        Ok(())
    }
}

/// Counts and sizes by type.
pub fn quick(runtime: &PythonRuntime<'_>) -> Result<Vec<(String, u64, u64)>, Failure> {
    let options = Options::default();
    let t=std::time::Instant::now();
    let mut heap = crate::heap::Heap::enumerate(runtime, &options)?;
    eprintln!("{:?} {} pools {:?} hooks {}", t.elapsed(), heap.objects.len(), heap.objects.pools, heap.objects.debug_hooks);
    for interpreter in runtime.interpreters() {
        if let Some(m) = runtime.modules(*interpreter) { heap.admit(m.address().0); }
    }
    heap.connect(&options)?;
    eprintln!("{:?} {} {} edges {} dangling", t.elapsed(), heap.objects.len(), heap.graph.edge_count(), heap.dangling);
    let mut by: std::collections::BTreeMap<String, (u64,u64)> = Default::default();
    for n in 0..heap.objects.len() as u32 {
        let e = by.entry(heap.type_name(n)).or_default();
        e.0 += 1; e.1 += heap.objects.size(n);
    }
    Ok(by.into_iter().map(|(k,v)|(k,v.0,v.1)).collect())
}
