//! The passes over a whole heap that answers start from.

use pycoroner_coredump::PythonRuntime;
use rustc_hash::FxHashMap;

use crate::analysis::{Failure, Options, Phase};
use crate::answers::native_stacks;
use crate::answers::reach::Reach;
use crate::answers::roots::{self, Root};
use crate::graph::Node;
use crate::graph::dominators::Dominators;
use crate::graph::retained::Retained;
use crate::heap::Heap;
use crate::naming::roots::RootName;

/// A heap with what keeps its objects alive, and what each keeps alive.
pub(crate) struct Survey<'r, 'p> {
    pub(crate) heap: Heap<'r, 'p>,
    /// The roots that have a name.
    pub(crate) roots: Vec<Root>,
    pub(crate) reach: Reach,
    /// Constants that nothing needs to keep alive, by number.
    pub(crate) constants: Vec<Node>,
    pub(crate) dominators: Dominators,
    pub(crate) retained: Retained,
    /// Of what only native code holds, what a thread's stack points at: how paths through that stack begin.
    pub(crate) on_stacks: FxHashMap<Node, String>,
}

impl<'r, 'p> Survey<'r, 'p> {
    /// Reads the whole heap; objects at the addresses of `also` are known even if nothing leads to them.
    pub(crate) fn of(
        runtime: &'r PythonRuntime<'p>,
        options: &Options<'_>,
        also: &[u64],
    ) -> Result<Self, Failure> {
        let mut heap = Heap::enumerate(runtime, options)?;
        let roots = roots::collect(&mut heap);
        for &address in also {
            heap.admit(address);
        }
        heap.connect(options)?;

        options.progress(Phase::Dominators, 0);
        let mut root_nodes: Vec<Node> = roots.iter().map(|root| root.node).collect();
        let reach = Reach::find(&mut heap, &root_nodes);
        root_nodes.extend(&reach.native);
        let constants = roots::kept_constants(&heap);
        root_nodes.extend(&constants);
        let dominators = Dominators::compute(&heap.graph, &root_nodes);
        let retained = Retained::sum(&dominators, |node| heap.objects.own_size(node));
        let on_stacks = native_stacks::holders(&heap, &reach.native);
        Ok(Self { heap, roots, reach, constants, dominators, retained, on_stacks })
    }

    /// What paths begin with, what they prefer first.
    pub(crate) fn named_roots(&self) -> Vec<Root> {
        let native = self.reach.native.iter().map(|&node| {
            let stack = self.on_stacks.get(&node).cloned();
            Root { node, name: stack.map_or(RootName::Native, RootName::NativeStack) }
        });
        let locals = roots::of_threads(&self.heap);
        let mut named = roots::named_globals(&self.heap);
        named.extend(locals.into_iter().chain(self.roots.iter().cloned()).chain(native));
        named
    }
}
