//! What the heap could not tell.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pycoroner_findings::{Gap, GapKind};

use crate::allocators::Allocator;
use crate::heap::Heap;
use crate::objects::sized_by::SizedBy;
use crate::objects::types::TypeFacts;

/// What is missing from the answers, and why.
pub(crate) fn find(heap: &Heap<'_, '_>) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let totals = [Allocator::Pymalloc, Allocator::Mimalloc].map(|allocator| heap.objects.totals(allocator));
    let spans: u64 = totals.iter().map(|totals| totals.spans).sum();
    let broken: u64 = totals.iter().map(|totals| totals.broken).sum();
    if spans == 0 && heap.objects.malloc.runs.is_empty() {
        gaps.push(
            Gap::new(
                GapKind::Missing,
                "objects that nothing refers to",
                "neither pools of pymalloc nor pages of mimalloc nor chunks of glibc's malloc were found; only what \
                 references lead to is known",
            )
            .remedy("run the service with Python's own allocator, or without PYTHONMALLOC"),
        );
    }
    if spans > 0 && heap.objects.malloc.runs.is_empty() {
        gaps.push(Gap::new(
            GapKind::Unknown,
            "what malloc keeps besides objects",
            "no chunks of glibc's malloc were found: the process has another one, as musl's or jemalloc, or its heap is \
             not dumped; what no object owns there counts as anonymous",
        ));
    }
    for &at in &heap.objects.malloc.broken {
        gaps.push(Gap::new(
            GapKind::Corrupt,
            format!("the chunks of malloc behind {at:#x}"),
            "what stands there is no chunk: something wrote over it, or malloc was at work when the process stopped",
        ));
    }
    if broken > 0 {
        gaps.push(Gap::new(
            GapKind::Corrupt,
            format!("the objects in {broken} of {spans} pools"),
            "their chain of free blocks contradicts their header",
        ));
    }
    if heap.implausible > 0 {
        gaps.push(Gap::new(
            GapKind::Corrupt,
            format!("the sizes of {} objects", heap.implausible),
            "they state more bytes than the process had; they count with the fixed size of their type",
        ));
    }
    let mut open = OpenSizes::default();
    for node in heap.objects.open_sizes() {
        open.add(&heap.facts(node), || heap.type_name(node));
    }
    gaps.extend(open.gaps());
    if heap.objects.debug_hooks {
        gaps.push(Gap::new(
            GapKind::Unknown,
            "the share of the allocator's debug hooks in the sizes",
            "PYTHONMALLOC=debug puts marks around every block, which no object's size states",
        ));
    }
    gaps
}

/// Objects that have more than their sizes say, and what cannot be told of them.
#[derive(Debug, Default)]
pub(crate) struct OpenSizes {
    arrays: usize,
    /// Of classes that compute sizes by code of their own: how many objects of each.
    by_class: BTreeMap<String, usize>,
}

impl OpenSizes {
    /// Counts an object whose type says `facts`.
    pub(crate) fn add(&mut self, facts: &TypeFacts, type_name: impl FnOnce() -> String) {
        if facts.sized_by == SizedBy::OwnCode {
            *self.by_class.entry(type_name()).or_default() += 1;
        } else {
            self.arrays += 1;
        }
    }

    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let arrays = (self.arrays > 0).then(|| of_arrays(self.arrays));
        let classes = (!self.by_class.is_empty()).then(|| self.of_classes());
        arrays.into_iter().chain(classes).collect()
    }

    fn of_classes(&self) -> Gap {
        /// Most classes that are named.
        const MAX_NAMES: usize = 8;
        let count: usize = self.by_class.values().sum();
        let mut classes: Vec<_> = self.by_class.iter().collect();
        classes.sort_by_key(|&(name, &count)| (Reverse(count), name));
        let named = classes.iter().take(MAX_NAMES).map(|(name, count)| format!("{name} ({count})"));
        let mut names: Vec<String> = named.collect();
        if classes.len() > MAX_NAMES {
            names.push(format!("{} more", classes.len() - MAX_NAMES));
        }
        let objects = if count == 1 { "an object" } else { "objects" };
        Gap::new(
            GapKind::Missing,
            format!(
                "the size of {objects} of classes with a `__sizeof__` of their own: {}",
                names.join(", ")
            ),
            "what that code counts besides the structure that the class states is known to the running process only; \
             sums count the structure",
        )
    }
}

/// The sizes of some arrays are not known whole.
fn of_arrays(arrays: usize) -> Gap {
    let arrays = if arrays == 1 { "an array".to_owned() } else { format!("{arrays} arrays") };
    Gap::new(
        GapKind::Missing,
        format!("the size of {arrays}"),
        "how large the items of an `array.array` are is a constant in a file of the program that was not found; sums \
         count such an array without its items",
    )
    .remedy("give --sysroot the folder in which the files of the process lie")
}
