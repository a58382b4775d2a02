//! Contents of strings and bytes that are held more than once.
//!
//! Two passes in bounded memory: the first marks hashes that come up again, the second counts the objects behind these.
//! What counts as equal is equal byte by byte.

use std::cmp::Reverse;
use std::hash::Hasher;

use pycoroner_coredump::objects::repr::ReprLimits;
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

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
/// Different contents that are counted at a time.
const SHARE: usize = 1 << 20;
/// Passes over all strings that counting may take.
const MOST_SHARES: u64 = 32;
/// Of longer contents, the beginning and the end are hashed; whether they are equal is told by all of it.
const HASHED: usize = 32 << 10;
/// Contents of equal hash that are told apart.
const PROBES: u64 = 8;

/// The contents that are held more than once, before their paths are known.
pub(crate) struct Found {
    contents: u64,
    copies: u64,
    wasted: u64,
    /// The ones that waste most, with all objects that hold them.
    groups: Vec<(Group, Vec<Node>)>,
    held_by: Vec<Holders>,
    /// There were more different contents than are counted.
    pub(crate) is_cut: bool,
}

#[derive(Clone, Copy)]
struct Group {
    hash: u64,
    first: Node,
    count: u64,
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
    let candidates = Again::mark(heap, nodes());
    let mut found =
        Found { contents: 0, copies: 0, wasted: 0, groups: Vec::new(), held_by: Vec::new(), is_cut: false };
    let shares = candidates.count.div_ceil(SHARE as u64).max(1);
    found.is_cut = shares > MOST_SHARES;
    let mut groups: Vec<Group> = Vec::new();
    for share in 0..shares.min(MOST_SHARES) {
        let (counted, is_cut) = count(heap, nodes(), &candidates, (share, shares));
        found.is_cut |= is_cut;
        for group in counted {
            found.contents += 1;
            found.copies += group.count - 1;
            found.wasted = found.wasted.saturating_add(group.wasted);
            groups.push(group);
        }
        groups.sort_by_key(|group| (Reverse(group.wasted), group.first));
        groups.truncate(ROWS);
    }
    found.groups = members(heap, nodes(), groups);
    found.held_by = found.groups.iter().map(|(_, members)| holders(paths, members)).collect();
    found
}

impl Found {
    /// Objects whose paths are wanted.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        let holders = self.held_by.iter().flatten().map(|row| row.0);
        self.groups.iter().map(|(group, _)| group.first).chain(holders)
    }

    /// What a document says.
    pub(crate) fn document(&self, heap: &Heap<'_, '_>, names: &Names) -> Duplicates {
        const LIMITS: ReprLimits = ReprLimits { depth: 1, items: 1, bytes: 80 };
        let look = Look::new(heap.runtime, &heap.reader);
        let row = |(group, held_by): (Group, &Holders)| {
            let address = heap.objects.address(group.first);
            let text = look.repr(address, &LIMITS);
            let example = names.path(group.first);
            Duplicate {
                r#type: heap.type_name(group.first),
                count: group.count,
                length: length(heap, group.first).unwrap_or(0),
                wasted_bytes: group.wasted,
                name: example.as_deref().and_then(parse::last_name),
                truncated: text.as_ref().is_some_and(|text| text.truncated),
                repr: text.map(|text| text.text).unwrap_or_default(),
                held_by: names.holders(heap, held_by),
                example,
            }
        };
        Duplicates {
            contents: self.contents,
            copies: self.copies,
            wasted_bytes: self.wasted,
            rows: self.groups.iter().map(|(group, _)| *group).zip(&self.held_by).map(row).collect(),
        }
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

fn hash(content: Content<'_>) -> u64 {
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
    hasher.finish()
}

/// Which hashes came up more than once: one bit for many of them, so that it may be said of too many.
struct Again {
    bits: Vec<u64>,
    mask: u64,
    /// How many objects have such a hash.
    count: u64,
}

impl Again {
    fn mark(heap: &Heap<'_, '_>, nodes: impl Iterator<Item = Node>) -> Self {
        /// 16 MiB in each of two sets.
        const MOST_BITS: usize = 1 << 27;
        let size = (heap.objects.len().saturating_mul(8)).next_power_of_two().clamp(1 << 12, MOST_BITS);
        let mut once = vec![0u64; size / 64];
        let mut again = Self { bits: vec![0u64; size / 64], mask: size as u64 - 1, count: 0 };
        for content in nodes.filter_map(|node| content(heap, node)) {
            let (word, bit) = again.place(hash(content));
            if once[word] & bit == 0 {
                once[word] |= bit;
            } else {
                // The first of them did not know yet.
                again.count += 1 + u64::from(again.bits[word] & bit == 0);
                again.bits[word] |= bit;
            }
        }
        again
    }

    fn place(&self, hash: u64) -> (usize, u64) {
        let at = hash & self.mask;
        ((at / 64) as usize, 1 << (at % 64))
    }

    fn has(&self, hash: u64) -> bool {
        let (word, bit) = self.place(hash);
        self.bits[word] & bit != 0
    }
}

/// The contents that more than one object holds, of one share of all hashes, and whether some were left out.
fn count(
    heap: &Heap<'_, '_>,
    nodes: impl Iterator<Item = Node>,
    candidates: &Again,
    (share, shares): (u64, u64),
) -> (Vec<Group>, bool) {
    let mut is_cut = false;
    let mut groups: FxHashMap<u64, Group> = FxHashMap::default();
    for node in nodes {
        let Some(content) = content(heap, node) else { continue };
        let plain = hash(content);
        if !candidates.has(plain) || (plain >> 32) % shares != share {
            continue;
        }
        for probe in 0..PROBES {
            let hash = plain.wrapping_add(probe);
            let Some(group) = groups.get_mut(&hash) else {
                is_cut |= groups.len() >= 2 * SHARE;
                if groups.len() < 2 * SHARE {
                    groups.insert(hash, Group { hash: plain, first: node, count: 1, wasted: 0 });
                }
                break;
            };
            if self::content(heap, group.first) == Some(content) {
                group.count += 1;
                group.wasted = group.wasted.saturating_add(heap.objects.size(node));
                break;
            }
        }
    }
    (groups.into_values().filter(|group| group.count > 1).collect(), is_cut)
}

/// All objects of each group.
fn members(
    heap: &Heap<'_, '_>,
    nodes: impl Iterator<Item = Node>,
    groups: Vec<Group>,
) -> Vec<(Group, Vec<Node>)> {
    let mut found: Vec<(Group, Vec<Node>)> = groups.into_iter().map(|group| (group, Vec::new())).collect();
    let mut by_hash: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
    for (at, (group, _)) in found.iter().enumerate() {
        by_hash.entry(group.hash).or_default().push(at);
    }
    let wanted = found.iter().filter_map(|(group, _)| content(heap, group.first));
    let lengths: FxHashSet<usize> = wanted.map(|content| content.bytes.len()).collect();
    for node in nodes {
        let Some(content) = content(heap, node).filter(|content| lengths.contains(&content.bytes.len()))
        else {
            continue;
        };
        let hash = hash(content);
        for &at in by_hash.get(&hash).into_iter().flatten() {
            let (group, members) = &mut found[at];
            if self::content(heap, group.first) == Some(content) {
                members.push(node);
            }
        }
    }
    found
}
