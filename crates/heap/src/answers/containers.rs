//! Containers that have room for more than they hold, and empty ones.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pycoroner_coredump::Address;

use crate::answers::names::Names;
use crate::document::{Container, Containers};
use crate::graph::Node;
use crate::graph::node_set::NodeSet;
use crate::heap::Heap;
use crate::objects::room::Room;

/// Containers of one type that are listed.
const LARGEST: usize = 5;
/// What a container wastes at least to be listed.
const LEAST: u64 = 1024;

/// How full the containers of each type are, before paths are known.
pub(crate) struct Found {
    rows: Vec<(Containers, Vec<(Node, Room)>)>,
}

/// Looks at all containers that are alive.
pub(crate) fn find(heap: &Heap<'_, '_>, alive: &NodeSet) -> Found {
    let mut by_type: BTreeMap<u32, (Containers, Vec<(Node, Room)>)> = BTreeMap::new();
    for node in (0..heap.objects.len() as Node).filter(|&node| alive.contains(node)) {
        let Some(room) = heap.bytes(node).and_then(|object| heap.reader.room_of(object, &heap.facts(node)))
        else {
            continue;
        };
        let size = heap.objects.size(node);
        // A damaged header states more room than the object takes.
        let room = Room { wasted: room.wasted.min(size), ..room };
        let id = heap.objects.type_id(node);
        let (row, largest) =
            by_type.entry(id).or_insert_with(|| (empty_row(heap.types.name(id)), Vec::new()));
        row.count += 1;
        row.bytes = row.bytes.saturating_add(size);
        row.wasted_bytes = row.wasted_bytes.saturating_add(room.wasted);
        if room.used == 0 {
            row.empty += 1;
            row.empty_bytes = row.empty_bytes.saturating_add(size);
        }
        if room.wasted >= LEAST {
            largest.push((node, room));
            if largest.len() >= 64 * LARGEST {
                keep_largest(largest);
            }
        }
    }
    let mut rows: Vec<(Containers, Vec<(Node, Room)>)> = by_type.into_values().collect();
    for (_, largest) in &mut rows {
        keep_largest(largest);
    }
    rows.sort_by(|(a, _), (b, _)| {
        b.wasted_bytes.cmp(&a.wasted_bytes).then(b.bytes.cmp(&a.bytes)).then_with(|| a.r#type.cmp(&b.r#type))
    });
    Found { rows }
}

fn empty_row(name: String) -> Containers {
    Containers {
        r#type: name,
        count: 0,
        bytes: 0,
        empty: 0,
        empty_bytes: 0,
        wasted_bytes: 0,
        largest: Vec::new(),
    }
}

fn keep_largest(largest: &mut Vec<(Node, Room)>) {
    largest.sort_by_key(|&(node, room)| (Reverse(room.wasted), node));
    largest.truncate(LARGEST);
}

impl Found {
    /// Objects whose paths are wanted.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        self.rows.iter().flat_map(|(_, largest)| largest.iter().map(|row| row.0))
    }

    /// What a document says.
    pub(crate) fn document(&self, heap: &Heap<'_, '_>, names: &Names) -> Vec<Containers> {
        let container = |&(node, room): &(Node, Room)| Container {
            path: names.path(node),
            address: Address(heap.objects.address(node)),
            used: room.used,
            room: room.places,
            bytes: heap.objects.size(node),
            wasted_bytes: room.wasted,
        };
        let row = |(row, largest): &(Containers, Vec<(Node, Room)>)| Containers {
            largest: largest.iter().map(container).collect(),
            ..row.clone()
        };
        self.rows.iter().map(row).collect()
    }
}
