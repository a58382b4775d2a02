//! The whole heap: objects, references between them, and what keeps them alive.

use pycoroner_coredump::{Address, InstanceDict, Ptr, PythonRuntime};

use crate::analysis::{Failure, Options, Phase};
use crate::graph::{Graph, Node};
use crate::memory::image::Bytes;
use crate::objects::kinds::Shape;
use crate::objects::sizes::Size;
use crate::objects::table::{self, Objects};
use crate::objects::types::{TypeFacts, Types};
use crate::references::reader::Reader;
use crate::references::visit::Step;

/// All objects and the references between them.
pub(crate) struct Heap<'r, 'p> {
    pub(crate) runtime: &'r PythonRuntime<'p>,
    pub(crate) reader: Reader<'p>,
    pub(crate) types: Types<'r, 'p>,
    pub(crate) objects: Objects,
    pub(crate) graph: Graph,
    /// Objects whose stated size is larger than all memory of the process.
    pub(crate) implausible: u64,
    /// Bytes of all mappings of the process.
    mapped: u64,
    /// Runs of addresses outside of pools that objects and their buffers take; they may overlap.
    pub(crate) large: Vec<(u64, u64)>,
}

impl<'r, 'p> Heap<'r, 'p> {
    /// Enumerates the objects in blocks.
    pub(crate) fn enumerate(runtime: &'r PythonRuntime<'p>, options: &Options<'_>) -> Result<Self, Failure> {
        options.progress(Phase::Objects, 0);
        let reader = Reader::new(runtime)?;
        let segments = runtime.process().core().segments().iter();
        let mapped = segments.map(|segment| segment.len).fold(0, u64::saturating_add);
        let pre_headers = reader.instance_dict != InstanceDict::Pointer;
        let mut types = Types::new(runtime, &reader.places, pre_headers);
        let objects = Objects::in_blocks(&reader.image, &reader.places, &mut types, options)?;
        options.progress(Phase::Objects, objects.len() as u64);
        Ok(Self {
            runtime,
            reader,
            types,
            objects,
            graph: Graph::default(),
            implausible: 0,
            mapped,
            large: Vec::new(),
        })
    }

    /// The number of the object at `address`; it becomes known when its header is that of an object.
    ///
    /// To be called before [`Heap::connect`], which reads all objects that are known.
    pub(crate) fn admit(&mut self, address: u64) -> Option<Node> {
        self.objects.find_or_admit(address, &self.reader.image, &self.reader.places, &mut self.types)
    }

    /// Reads every object once, in the order of the numbers: its size and its references. Objects outside of
    /// pools that it refers to get the next numbers, so the pass ends when all that is reachable is known.
    pub(crate) fn connect(&mut self, options: &Options<'_>) -> Result<(), Failure> {
        /// References between two looks at the memory in use.
        const STEP: usize = 1 << 20;
        self.admit_neighbours();
        self.objects.admit_chunks(&self.reader.image, &self.reader.places, &mut self.types);
        let mut node: Node = 0;
        let mut next_check = 0;
        while (node as usize) < self.objects.len() {
            if self.graph.edge_count() + node as usize >= next_check {
                next_check = self.graph.edge_count() + node as usize + STEP;
                options.progress(Phase::References, u64::from(node));
                options.check_memory(self.heap_bytes(), self.objects.len())?;
            }
            self.read(node);
            self.graph.end_row().map_err(|_| Failure::TooManyObjects)?;
            node += 1;
        }
        self.graph.shrink_to_fit();
        Ok(())
    }

    fn read(&mut self, node: Node) {
        let Self { reader, types, objects, graph, large, implausible, mapped, .. } = self;
        let (address, facts) = (objects.address(node), types.facts(objects.type_id(node)));
        let Some(object) = reader.image.from(address) else { return };
        let Size { bytes: mut size, is_open } = reader.size_of(object, &facts);
        if size > *mapped {
            *implausible += 1;
            size = facts.basic_size;
        }
        objects.set_size(node, size);
        if is_open {
            objects.set_open(node);
        }
        let twice = reader.counted_twice(object, &facts);
        if twice > 0 {
            objects.set_counted_twice(node, twice);
        }
        let buffer = reader.buffer(object, &facts);
        large.extend(buffer.filter(|&(start, end)| end - start > 512 && start < end));
        if node >= objects.in_spans() {
            let own = size.saturating_sub(facts.pre_header + buffer.map_or(0, |(start, end)| end - start));
            let own = if facts.shape == Shape::Type { size - facts.pre_header.min(size) } else { own };
            large.push((address - facts.pre_header.min(address), address.saturating_add(own)));
            admit_neighbours_of(address, &facts, reader, objects, types);
        }
        reader.visit(address, object, &facts, &mut |target: u64, _: Step| {
            if let Some(target) = objects.find_or_admit(target, &reader.image, &reader.places, types) {
                graph.push_edge(target);
            }
        });
    }

    /// Large objects next to small ones in the collector's lists.
    fn admit_neighbours(&mut self) {
        for address in std::mem::take(&mut self.objects.outside_neighbours) {
            self.admit(address);
        }
    }

    /// What the type of an object says.
    pub(crate) fn facts(&self, node: Node) -> TypeFacts {
        self.types.facts(self.objects.type_id(node))
    }

    /// The bytes from an object's start on.
    pub(crate) fn bytes(&self, node: Node) -> Option<Bytes<'p>> {
        self.reader.image.from(self.objects.address(node))
    }

    /// `ob_refcnt`.
    pub(crate) fn refcount(&self, node: Node) -> u64 {
        self.bytes(node).and_then(|object| self.reader.places.count_of(object)).unwrap_or(0)
    }

    /// Hands all references of an object, with the steps that lead to them, to `take`.
    pub(crate) fn visit(&self, node: Node, mut take: impl FnMut(Node, Step)) {
        if let Some(object) = self.bytes(node) {
            let facts = self.facts(node);
            self.reader.visit(self.objects.address(node), object, &facts, &mut |target: u64, step: Step| {
                if let Some(target) = self.objects.find(target) {
                    take(target, step);
                }
            });
        }
    }

    /// The name of an object's type.
    pub(crate) fn type_name(&self, node: Node) -> String {
        self.types.name(self.objects.type_id(node))
    }

    /// The name of the class at an address.
    pub(crate) fn name_of_class(&self, address: u64) -> String {
        let of = Ptr::new(Address(address));
        of.map_or_else(String::new, |of| self.runtime.types().name_of(self.runtime.python(), of).display())
    }

    /// Bytes on the heap of this process.
    pub(crate) fn heap_bytes(&self) -> u64 {
        self.objects.heap_bytes() + self.graph.heap_bytes() + 16 * self.large.capacity() as u64
    }
}

fn admit_neighbours_of(
    address: u64,
    facts: &TypeFacts,
    reader: &Reader<'_>,
    objects: &mut Objects,
    types: &mut Types<'_, '_>,
) {
    let places = &reader.places;
    let head = address.wrapping_sub(places.gc_head_size);
    let has_header = facts.has_gc_header() && places.gc_head_size > 0 && !is_static(address, facts, reader);
    if let Some(head) = reader.image.from(head).filter(|_| has_header) {
        for neighbour in table::neighbours(head, places) {
            objects.find_or_admit(neighbour, &reader.image, places, types);
        }
    }
}

/// Static types have no GC header.
fn is_static(address: u64, facts: &TypeFacts, reader: &Reader<'_>) -> bool {
    facts.is_metatype() && reader.image.from(address).is_none_or(|object| reader.is_static_type(object))
}
