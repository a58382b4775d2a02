//! Contents of strings and bytes that are held more than once.
//!
//! Hashes are sorted, so that equal ones stand together: one pass over all contents, however many are equal. What counts
//! as equal is equal byte by byte.

use std::cmp::Reverse;
use std::hash::Hasher;

use pycoroner_coredump::Address;
use pycoroner_coredump::objects::repr::ReprLimits;
use rustc_hash::FxHasher;

use crate::answers::names::{Holders, Names, holders};
use crate::answers::paths::Paths;
use crate::document::{Duplicate, Duplicates};
use crate::expression::parse;
use crate::graph::Node;
use crate::graph::node_set::NodeSet;
use crate::heap::Heap;
use crate::naming::look::Look;
use crate::objects::kinds::Shape;

/// Contents that are listed.
const ROWS: usize = 30;
/// Strings and bytes whose hashes are sorted at a time, at eight bytes each; more take as many more passes.
const SHARE: usize = 1 << 26;
/// Of longer contents, the beginning and the end are hashed; whether they are equal is told by all of it.
const HASHED: usize = 32 << 10;
/// Contents of equal hash that are told apart.
const PROBES: usize = 8;

/// The contents that are held more than once, before their paths are known.
pub(crate) struct Found {
    contents: u64,
    copies: u64,
    wasted: u64,
    /// The ones that waste most.
    groups: Vec<Group>,
    held_by: Vec<Holders>,
    /// There were more different contents of equal hash than are told apart.
    pub(crate) is_cut: bool,
}

/// A content that is held more than once.
struct Group {
    /// All objects that hold it, by number.
    members: Vec<Node>,
    /// Bytes of all but the first of them.
    wasted: u64,
}

/// A content, and what else has to be equal.
#[derive(Clone, Copy, PartialEq)]
struct Content<'d> {
    type_id: u32,
    kind: u32,
    bytes: &'d [u8],
}

/// Finds what is held more than once by objects that are alive.
pub(crate) fn find(heap: &Heap<'_, '_>, alive: &NodeSet, paths: &Paths) -> Found {
    let texts: Vec<bool> = (0..heap.types.len() as u32).map(|id| is_text(heap, id)).collect();
    let is_text = |&node: &Node| texts[heap.objects.type_id(node) as usize] && alive.contains(node);
    let nodes = || (0..heap.objects.len() as Node).filter(is_text);
    let mut found =
        Found { contents: 0, copies: 0, wasted: 0, groups: Vec::new(), held_by: Vec::new(), is_cut: false };
    let count = nodes().count();
    let shares = count.div_ceil(SHARE).max(1);
    for share in 0..shares {
        let mut hashed: Vec<u64> = Vec::with_capacity(count.div_ceil(shares));
        let hashes = nodes().filter_map(|node| Some((u64::from(hash(content(heap, node)?)), node)));
        let of_share = hashes.filter(|(hash, _)| (hash * shares as u64) >> 32 == share as u64);
        // The objects of one hash stay in the order of their numbers.
        hashed.extend(of_share.map(|(hash, node)| hash << 32 | u64::from(node)));
        hashed.sort_unstable();
        for equal in hashed.chunk_by(|a, b| a >> 32 == b >> 32).filter(|equal| equal.len() > 1) {
            found.add(heap, equal);
        }
    }
    found.keep_largest();
    found.held_by = found.groups.iter().map(|group| holders(paths, &group.members)).collect();
    found
}

impl Found {
    /// Counts the contents of objects with equal hashes, which are in the low halves of `hashed`.
    fn add(&mut self, heap: &Heap<'_, '_>, hashed: &[u64]) {
        let mut groups: Vec<(Content<'_>, Group)> = Vec::new();
        for node in hashed.iter().map(|&key| key as Node) {
            let Some(content) = content(heap, node) else { continue };
            if let Some((_, group)) = groups.iter_mut().find(|(known, _)| *known == content) {
                group.members.push(node);
                group.wasted = group.wasted.saturating_add(heap.objects.size(node));
            } else if groups.len() < PROBES {
                groups.push((content, Group { members: vec![node], wasted: 0 }));
            } else {
                self.is_cut = true;
            }
        }
        for (_, group) in groups.into_iter().filter(|(_, group)| group.members.len() > 1) {
            self.contents += 1;
            self.copies += group.members.len() as u64 - 1;
            self.wasted = self.wasted.saturating_add(group.wasted);
            self.groups.push(group);
        }
        if self.groups.len() > 64 * ROWS {
            self.keep_largest();
        }
    }

    fn keep_largest(&mut self) {
        self.groups.sort_by_key(|group| (Reverse(group.wasted), group.first()));
        self.groups.truncate(ROWS);
    }

    /// Objects whose paths are wanted.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        let holders = self.held_by.iter().flatten().map(|row| row.0);
        self.groups.iter().filter_map(Group::first).chain(holders)
    }

    /// What a document says.
    pub(crate) fn document(&self, heap: &Heap<'_, '_>, names: &Names) -> Duplicates {
        const LIMITS: ReprLimits = ReprLimits { depth: 1, items: 1, bytes: 80 };
        let look = Look::new(heap.runtime, &heap.reader);
        let row = |(group, held_by): (&Group, &Holders)| {
            let first = group.first()?;
            let text = look.repr(heap.objects.address(first), &LIMITS);
            let example = names.path(first);
            Some(Duplicate {
                r#type: heap.type_name(first),
                count: group.members.len() as u64,
                length: length(heap, first).unwrap_or(0),
                wasted_bytes: group.wasted,
                name: example.as_deref().and_then(parse::last_name),
                truncated: text.as_ref().is_some_and(|text| text.truncated),
                repr: text.map(|text| text.text).unwrap_or_default(),
                held_by: names.holders(heap, held_by),
                example,
                address: Address(heap.objects.address(first)),
            })
        };
        Duplicates {
            contents: self.contents,
            copies: self.copies,
            wasted_bytes: self.wasted,
            rows: self.groups.iter().zip(&self.held_by).filter_map(row).collect(),
        }
    }
}

impl Group {
    fn first(&self) -> Option<Node> {
        self.members.first().copied()
    }
}

fn is_text(heap: &Heap<'_, '_>, id: u32) -> bool {
    let facts = heap.types.facts(id);
    facts.shape == Shape::Str || facts.is_bytes()
}

/// `len()` of a str or bytes.
fn length(heap: &Heap<'_, '_>, node: Node) -> Option<u64> {
    let places = &heap.reader.places;
    let is_str = heap.facts(node).shape == Shape::Str;
    heap.bytes(node)?.word(if is_str { places.unicode_length } else { places.var_len })
}

fn content<'p>(heap: &Heap<'_, 'p>, node: Node) -> Option<Content<'p>> {
    let (object, facts) = (heap.bytes(node)?, heap.facts(node));
    let (kind, bytes) = match facts.shape {
        Shape::Str => heap.reader.text_bytes(object)?,
        _ => (0, heap.reader.bytes_content(object)?),
    };
    Some(Content { type_id: heap.objects.type_id(node), kind, bytes })
}

fn hash(content: Content<'_>) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write_u32(content.type_id);
    hasher.write_u32(content.kind);
    hasher.write_usize(content.bytes.len());
    match (content.bytes.first_chunk::<HASHED>(), content.bytes.last_chunk::<HASHED>()) {
        (Some(start), Some(end)) => {
            hasher.write(start);
            hasher.write(end);
        }
        _ => hasher.write(content.bytes),
    }
    let hash = hasher.finish();
    (hash ^ (hash >> 32)) as u32
}
