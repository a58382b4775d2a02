//! Older cores of the same service, which say what has grown since.

use anyhow::{Result, bail};
use pycoroner_coredump::{AttachError, PythonRuntime};
use pycoroner_heap::{HeapDocument, ObjectSet};

use super::Session;
use super::heap::{self, Wanted};
use crate::args::AnalyzeArgs;
use crate::dead_process::with_process;
use crate::evidence::Evidence;
use crate::sniff::Kind;

/// The heaps of older cores, the oldest first; none when there are no such cores.
#[derive(Debug, Default)]
pub(super) struct OlderCores {
    heaps: Vec<HeapDocument>,
    /// Which objects the oldest one had.
    objects: Option<ObjectSet>,
}

impl OlderCores {
    /// Reads them one after the other, so that only one heap is held at a time.
    ///
    /// # Errors
    /// When one is no core, or there is no other core to compare with.
    pub(super) fn read(session: &Session, evidence: &Evidence, args: &AnalyzeArgs) -> Result<Self> {
        let mut older = Self::default();
        for item in evidence.of(&Kind::OlderCore) {
            if evidence.of(&Kind::Core).next().is_none() {
                bail!("{} has no newer core to be compared with; give that one as a PATH", item.shown);
            }
            session.detail(&format!("reading {}", item.shown));
            let wanted = Wanted { keep_objects: older.heaps.is_empty(), earlier: None };
            let mut found = with_process(item, &args.binaries, |process, runtime| {
                let mut found = heap::read(session, runtime, args.memory.max_memory, wanted);
                found.document.gaps.splice(0..0, heap::gaps_of_core(process));
                Ok(found)
            })?;
            older.objects = older.objects.take().or_else(|| found.objects.take());
            older.heaps.push(found.document);
        }
        Ok(older)
    }

    /// Reads the newest heap, and says what has changed.
    pub(super) fn compared_with(
        &self,
        session: &Session,
        runtime: Result<&PythonRuntime<'_>, &AttachError>,
        max_memory: u64,
    ) -> HeapDocument {
        let wanted = Wanted { keep_objects: false, earlier: self.objects.as_ref() };
        let mut found = heap::read(session, runtime, max_memory, wanted);
        found.document.add_growth(&self.heaps, found.newcomers);
        found.document
    }
}
