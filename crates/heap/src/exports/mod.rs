//! The whole heap, or a part of it, in the formats of other tools.

pub(crate) mod edges;
pub(crate) mod filter;
pub(crate) mod folding;
pub(crate) mod generations;
pub(crate) mod lines;
pub(crate) mod matches;
pub(crate) mod parquet;
pub(crate) mod picture;
pub(crate) mod snapshot;
pub(crate) mod strings;
pub(crate) mod under;

use std::collections::BTreeMap;

use pycoroner_coredump::{Address, PythonRuntime};
use pycoroner_findings::Gap;

use crate::analysis::{Failure, Options};
use crate::gaps;
use crate::survey::Survey;

/// A heap that was read, to be written in the formats of other tools.
///
/// Nothing that is written holds the value of an object. What it does hold of the process's own text, names of types,
/// attributes and variables and the keys of dicts, passes through a function of the caller, who masks secrets there.
pub struct Export<'r, 'p> {
    pub(crate) survey: Survey<'r, 'p>,
}

impl std::fmt::Debug for Export<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").finish_non_exhaustive()
    }
}

/// Masks secrets in text of the process.
pub type Mask<'m> = &'m mut dyn FnMut(&str) -> String;

impl<'r, 'p> Export<'r, 'p> {
    /// Reads the whole heap.
    ///
    /// # Errors
    /// As [`crate::analyze`].
    pub fn read(runtime: &'r PythonRuntime<'p>, options: &Options<'_>) -> Result<Self, Failure> {
        Ok(Self { survey: Survey::of(runtime, options, &[])? })
    }

    /// Number of objects.
    pub fn object_count(&self) -> u64 {
        self.survey.heap.objects.len() as u64
    }

    /// The id that an object has in exports; `None` when no object is at the address.
    pub fn id_of(&self, address: Address) -> Option<u64> {
        self.survey.heap.objects.find(address.0).map(snapshot::id)
    }

    /// What could not be told.
    pub fn gaps(&self) -> Vec<Gap> {
        gaps::find(&self.survey.heap)
    }
}

impl Export<'_, '_> {
    /// Type, number and size of the objects in unreachable cycles.
    pub(crate) fn garbage_by_type(&self) -> Vec<(u32, u64, u64)> {
        let objects = &self.survey.heap.objects;
        let mut rows: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for &node in &self.survey.reach.garbage {
            let (count, bytes) = rows.entry(objects.type_id(node)).or_default();
            (*count, *bytes) = (*count + 1, bytes.saturating_add(objects.size(node)));
        }
        rows.into_iter().map(|(type_id, (count, bytes))| (type_id, count, bytes)).collect()
    }
}
