//! In which generation of the cyclic garbage collector each object is: how many runs it has outlived.

use pycoroner_coredump::for_each_tracked;

use crate::graph::Node;
use crate::heap::Heap;

/// A byte per object.
pub(crate) struct Generations(Vec<u8>);

/// Objects that the collector does not track.
const NONE: u8 = u8::MAX;

impl Generations {
    /// Reads the collector's lists of all interpreters; why there are none, otherwise.
    pub(crate) fn read(heap: &Heap<'_, '_>) -> Result<Self, &'static str> {
        let mut of = vec![NONE; heap.objects.len()];
        for &interpreter in heap.runtime.interpreters() {
            let most = heap.objects.len() as u64;
            let walk = for_each_tracked(heap.runtime, interpreter, most, |object, _, generation| {
                let node = heap.objects.find(object.address().0);
                if let Some(of) = node.and_then(|node| of.get_mut(node as usize)) {
                    *of = generation;
                }
            });
            if walk.no_lists {
                return Err("the collector of this build keeps no generations, or its lists are not known");
            }
            if walk.is_cut || !walk.faults.is_empty() {
                return Err("the collector's lists of generations are damaged");
            }
        }
        Ok(Self(of))
    }

    /// The generation of an object; `None` when it is not tracked.
    pub(crate) fn of(&self, node: Node) -> Option<u64> {
        self.0
            .get(node as usize)
            .filter(|&&generation| generation != NONE)
            .map(|&generation| generation.into())
    }
}
