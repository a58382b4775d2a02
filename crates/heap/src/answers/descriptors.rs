//! Files and sockets that are open, and under which objects they hang.

use std::cmp::Reverse;

use pycoroner_coredump::Address;

use crate::answers::names::{Holders, Names, holders};
use crate::answers::paths::Paths;
use crate::document::{DescriptorKind, OpenDescriptors};
use crate::graph::Node;
use crate::heap::Heap;
use crate::objects::kinds::Shape;

/// Types whose objects begin with a descriptor, behind what all objects begin with: `fileio` (Modules/_io/fileio.c at
/// v3.13.0), `PySocketSockObject` (Modules/socketmodule.h), `pyEpoll_Object` (Modules/selectmodule.c); so from 3.6 on.
const TYPES: [(&str, DescriptorKind); 3] = [
    ("_io.FileIO", DescriptorKind::File),
    ("_socket.socket", DescriptorKind::Socket),
    ("select.epoll", DescriptorKind::Epoll),
];
/// Linux lets no process have more (`sysctl_nr_open_max`); a larger number is no descriptor.
const MOST_DESCRIPTORS: u32 = 1 << 30;

/// What is open, before paths are known.
pub(crate) struct Found(Vec<Group>);

struct Group {
    kind: DescriptorKind,
    members: Vec<Node>,
    highest: u32,
    held_by: Holders,
}

/// Looks at all objects that have descriptors, garbage too: it keeps them open.
pub(crate) fn find(heap: &Heap<'_, '_>, paths: &Paths) -> Found {
    let names = TYPES.map(|(name, _)| name);
    let has_descriptor = |id: u32| {
        // What is known by its shape has none.
        let is_candidate = heap.types.facts(id).shape == Shape::Unknown;
        heap.types.base_among(&heap.reader.image, id, &names).filter(|_| is_candidate)
    };
    let kinds: Vec<Option<usize>> = (0..heap.types.len() as u32).map(has_descriptor).collect();
    let mut groups =
        TYPES.map(|(_, kind)| Group { kind, members: Vec::new(), highest: 0, held_by: Vec::new() });
    for node in 0..heap.objects.len() as Node {
        let Some(group) = kinds[heap.objects.type_id(node) as usize].and_then(|kind| groups.get_mut(kind))
        else {
            continue;
        };
        let descriptor = heap.bytes(node).and_then(|object| object.half(heap.reader.places.object_size));
        // A closed one has -1.
        if let Some(descriptor) = descriptor.filter(|number| *number < MOST_DESCRIPTORS) {
            group.members.push(node);
            group.highest = group.highest.max(descriptor);
        }
    }
    let mut groups: Vec<Group> = groups.into_iter().filter(|group| !group.members.is_empty()).collect();
    for group in &mut groups {
        group.held_by = holders(paths, &group.members);
    }
    groups.sort_by_key(|group| Reverse(group.members.len()));
    Found(groups)
}

impl Found {
    /// Objects whose paths are wanted.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        let firsts = self.0.iter().filter_map(|group| group.members.first().copied());
        firsts.chain(self.0.iter().flat_map(|group| &group.held_by).map(|row| row.0))
    }

    /// What a document says.
    pub(crate) fn document(&self, heap: &Heap<'_, '_>, names: &Names) -> Vec<OpenDescriptors> {
        let row = |group: &Group| {
            let first = *group.members.first()?;
            Some(OpenDescriptors {
                kind: group.kind,
                count: group.members.len() as u64,
                highest: group.highest,
                held_by: names.holders(heap, &group.held_by),
                example: names.path(first),
                address: Address(heap.objects.address(first)),
            })
        };
        self.0.iter().filter_map(row).collect()
    }
}
