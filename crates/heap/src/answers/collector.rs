//! How the cyclic garbage collector was set, and what it keeps apart.

use pycoroner_coredump::{Address, Ptr, member};

use crate::document::{Collector, Generation};
use crate::heap::Heap;

/// Generations that are collected.
const GENERATIONS: u64 = 3;
/// Flags in a link between heads (`PREV_MASK_COLLECTING`, `NEXT_MASK_UNREACHABLE`).
const FLAGS: u64 = 3;

/// Reads the collector of the main interpreter.
pub(crate) fn read(heap: &Heap<'_, '_>) -> Collector {
    let python = heap.runtime.python();
    let Some(&main) = heap.runtime.interpreters().last() else { return Collector::default() };
    let (layout, runtime) = (python.layout(), heap.runtime.address());
    let of_interpreter = layout.has(member::INTERP_GC_ENABLED);
    let (enabled, garbage, permanent, first) = if of_interpreter {
        (
            python.read(main, member::INTERP_GC_ENABLED).ok(),
            python.read(main, member::INTERP_GC_GARBAGE).ok(),
            python.address_of(main, member::INTERP_GC_PERMANENT).ok(),
            python
                .address_of(main, member::INTERP_GC_GENERATIONS)
                .or_else(|_| python.address_of(main, member::INTERP_GC_YOUNG))
                .ok(),
        )
    } else {
        (
            python.read(runtime, member::RUNTIME_GC_ENABLED).ok(),
            python.read(runtime, member::RUNTIME_GC_GARBAGE).ok(),
            python.address_of(runtime, member::RUNTIME_GC_PERMANENT).ok(),
            python.address_of(runtime, member::RUNTIME_GC_GENERATIONS).ok(),
        )
    };
    Collector {
        is_enabled: enabled.map(|enabled| enabled != 0),
        generations: first.map(|first| generations(heap, first)).unwrap_or_default(),
        frozen: permanent.and_then(|permanent| frozen(heap, permanent)),
        // It is null until something is put into it.
        uncollectable: garbage.and_then(|list| list.map_or(Some(0), |list| length(heap, list.address().0))),
    }
}

fn generations(heap: &Heap<'_, '_>, first: Address) -> Vec<Generation> {
    let python = heap.runtime.python();
    let Ok(size) = python.layout().size_of(member::GC_GENERATION_SIZE) else { return Vec::new() };
    let read = |index: u64| {
        let at = Ptr::<member::GcGeneration>::new(first.wrapping_add(index * size))?;
        let threshold = python.read(at, member::GC_GENERATION_THRESHOLD).ok()?;
        let count = python.read(at, member::GC_GENERATION_COUNT).ok()?;
        Some(Generation { threshold: threshold.into(), count: count.into() })
    };
    (0..GENERATIONS).map_while(read).collect()
}

/// Number of objects in the permanent generation; `None` where there are no lists, or its list is broken.
fn frozen(heap: &Heap<'_, '_>, list: Address) -> Option<u64> {
    let places = &heap.reader.places;
    if places.gc_head_size == 0 {
        return None;
    }
    let most = heap.objects.len() as u64;
    let mut at = heap.reader.image.word(list.0.wrapping_add(places.gc_next))? & !FLAGS;
    let mut count = 0;
    while at != list.0 {
        count += 1;
        if count > most || at == 0 {
            return None;
        }
        at = heap.reader.image.word(at.wrapping_add(places.gc_next))? & !FLAGS;
    }
    Some(count)
}

fn length(heap: &Heap<'_, '_>, list: u64) -> Option<u64> {
    heap.reader.image.from(list)?.word(heap.reader.places.var_len)
}
