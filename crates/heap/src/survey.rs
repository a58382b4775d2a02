//! The passes over a whole heap that answers start from.

use pycoroner_coredump::PythonRuntime;

use crate::analysis::{Failure, Options, Phase};
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
    pub(crate) dominators: Dominators,
    pub(crate) retained: Retained,
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
        let dominators = Dominators::compute(&heap.graph, &root_nodes);
        let retained = Retained::sum(&dominators, |node| heap.objects.size(node));
        Ok(Self { heap, roots, reach, dominators, retained })
    }

    /// What paths begin with, what they prefer first.
    pub(crate) fn named_roots(&self) -> Vec<Root> {
        let native = self.reach.native.iter().map(|&node| Root { node, name: RootName::Native });
        let locals = roots::of_threads(&self.heap);
        let mut named = roots::named_globals(&self.heap);
        named.extend(locals.into_iter().chain(self.roots.iter().cloned()).chain(native));
        named
    }
}
