//! What the heap could not tell.

use pycoroner_findings::{Gap, GapKind};

use crate::allocators::Allocator;
use crate::heap::Heap;

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
    let least = heap.objects.least_count();
    if least > 0 {
        gaps.push(of_sizes(least));
    }
    if heap.objects.debug_hooks {
        gaps.push(Gap::new(
            GapKind::Unknown,
            "the share of the allocator's debug hooks in the sizes",
            "PYTHONMALLOC=debug puts marks around every block, which no object's size states",
        ));
    }
    gaps
}

/// The sizes of some arrays are not known whole.
pub(crate) fn of_sizes(arrays: usize) -> Gap {
    let arrays = if arrays == 1 { "an array".to_owned() } else { format!("{arrays} arrays") };
    Gap::new(
        GapKind::Missing,
        format!("the size of {arrays}"),
        "how large the items of an `array.array` are is a constant in a file of the program that was not found; sums \
         count such an array without its items",
    )
    .remedy("give --sysroot the folder in which the files of the process lie")
}
