//! Objects that only a thread's machine stack or its registers point at.
//!
//! A C function keeps what it works with in variables that no object shows: the argument of a call, a container that is
//! being built. Words there are taken for references conservatively, and only for objects whose reference count says that
//! something unseen holds them.

use pycoroner_coredump::{Address, Core, Machine, ThreadStatus};
use rustc_hash::FxHashMap;

use crate::graph::Node;
use crate::heap::Heap;
use crate::memory::image::WORD;
use crate::naming::roots;

/// Most bytes of one stack that are looked at, from its top on.
const MAX_STACK: u64 = 8 << 20;

/// Most bytes of all stacks that are looked at.
const MAX_STACKS: u64 = 256 << 20;

/// For each of `held` that a stack or a register points at: what paths through that thread's stack begin with.
pub(crate) fn holders(heap: &Heap<'_, '_>, held: &[Node]) -> FxHashMap<Node, String> {
    let by_address: FxHashMap<u64, Node> =
        held.iter().map(|&node| (heap.objects.address(node), node)).collect();
    let mut found = FxHashMap::default();
    if by_address.is_empty() {
        return found;
    }
    let core = heap.runtime.process().core();
    let labels: FxHashMap<u64, String> = roots::native_threads(heap.runtime).into_iter().collect();
    let mut left = MAX_STACKS;
    for thread in &core.notes().threads {
        let Some(label) = labels.get(&thread.tid) else { continue };
        let mut see = |word: u64| {
            if let Some(&node) = by_address.get(&word) {
                found.entry(node).or_insert_with(|| roots::native_stack(label));
            }
        };
        thread.registers.iter().copied().for_each(&mut see);
        let Some((start, end)) = in_use(core, thread) else { continue };
        let end = end.min(start.saturating_add(left.min(MAX_STACK)));
        left -= end - start;
        for at in (start..end).step_by(WORD as usize) {
            let Some(word) = heap.reader.image.from(at).and_then(|bytes| bytes.word(0)) else { break };
            see(word);
        }
    }
    found
}

/// The part of a thread's stack that is in use, from the stack pointer to the end of the mapping.
fn in_use(core: &Core<'_>, thread: &ThreadStatus) -> Option<(u64, u64)> {
    let top = stack_pointer(core, thread)?.next_multiple_of(WORD);
    let segment = core.segment_at(Address(top))?;
    Some((top, segment.address.0.saturating_add(segment.present))).filter(|(start, end)| start < end)
}

/// The stack pointer as the registers have it.
pub(crate) fn stack_pointer(core: &Core<'_>, thread: &ThreadStatus) -> Option<u64> {
    let register = match core.machine() {
        Machine::X86_64 => 19,
        Machine::Aarch64 => 31,
        Machine::Other(_) => return None,
    };
    thread.registers.get(register).copied()
}
