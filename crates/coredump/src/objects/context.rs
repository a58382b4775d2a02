//! Contexts of `contextvars`: a mapping kept as a hash array mapped trie.
//!
//! Source: Python/context.c and Python/hamt.c at v3.8.18 to v3.15.2; the trie is described in Phil Bagwell, "Ideal Hash
//! Trees" (2001).

use rustc_hash::FxHashSet;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, ContextObject, ContextVar, HamtNode, Object};
use crate::objects::sequence;
use crate::objects::unicode::read_string;
use crate::runtime::python::Python;

/// Longest name of a variable that is read.
const MAX_NAME: usize = 4096;
/// Children of an array node (`HAMT_ARRAY_NODE_SIZE`).
const ARRAY_NODE: u64 = 32;
/// Most nodes of one trie that are read.
const MAX_NODES: usize = 1 << 16;
/// Most slots of one node: a bitmap has 32 bits, and a node for a collision has few keys.
const MAX_SLOTS: u64 = 1 << 10;

/// The variables that are set in a context, by name.
///
/// # Errors
/// When the object is no context, or a part of the trie is not there.
pub fn variables(
    python: &Python<'_>,
    context: Ptr<ContextObject>,
) -> Result<Vec<(String, Ptr<Object>)>, ReadError> {
    let of = python.type_of(context.cast())?;
    let size = u64::try_from(python.read(of, member::TYPE_BASICSIZE)?).unwrap_or(0);
    if size != python.layout().size_of(member::CONTEXT_SIZE)? {
        return Err(ReadError::Invalid { at: context.address(), what: "not a context" });
    }
    let Some(mapping) = python.read(context, member::CONTEXT_VARS)? else { return Ok(Vec::new()) };
    let root = python.read(mapping, member::HAMT_ROOT)?.ok_or(ReadError::Null("PyHamtObject.h_root"))?;
    let mut found = Vec::new();
    let mut seen = FxHashSet::default();
    let mut nodes = vec![root];
    while let Some(node) = nodes.pop() {
        if !seen.insert(node) || seen.len() > MAX_NODES {
            let what = "the trie of a context does not end";
            return Err(ReadError::Invalid { at: node.address(), what });
        }
        for (key, value) in pairs(python, node)? {
            match (key, value) {
                (Some(key), Some(value)) => found.push((name_of(python, key)?, value)),
                // In the place of a key without one stands the next node.
                (None, Some(node)) => nodes.push(node.cast()),
                (_, None) => {}
            }
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

fn name_of(python: &Python<'_>, variable: Ptr<Object>) -> Result<String, ReadError> {
    let name = python.read(variable.cast::<ContextVar>(), member::CONTEXT_VAR_NAME)?;
    let name = name.ok_or(ReadError::Null("PyContextVar.var_name"))?;
    read_string(python, name.cast(), MAX_NAME)
}

type Pair = (Option<Ptr<Object>>, Option<Ptr<Object>>);

/// Keys and values of a node; nodes below stand as values without a key.
///
/// The types of nodes have no names in a core. An array node is told by its size; the other two are alike: pairs behind a
/// word of their own, where only a bitmap node has pairs without a key.
fn pairs(python: &Python<'_>, node: Ptr<HamtNode>) -> Result<Vec<Pair>, ReadError> {
    let layout = python.layout();
    let of = python.type_of(node.cast())?;
    let items = python.read(of, member::TYPE_ITEMSIZE)?;
    let size = u64::try_from(python.read(of, member::TYPE_BASICSIZE)?).unwrap_or(0);
    let word = python.space().target().word_size as u64;
    if items == 0 && size == layout.size_of(member::HAMT_ARRAY_SIZE)? {
        let start = python.address_of(node, member::HAMT_ARRAY_ITEMS)?;
        let children = words(python, start, ARRAY_NODE)?;
        return Ok(children.into_iter().map(|child| (None, child)).collect());
    }
    let len = sequence::len(python, node.cast())?;
    let is_of_pairs = size + word == layout.size_of(member::HAMT_BITMAP_SIZE)?;
    if !is_of_pairs || items <= 0 || len % 2 != 0 || len > MAX_SLOTS {
        return Err(ReadError::Invalid { at: node.address(), what: "not a node of a context's trie" });
    }
    let slots = words(python, python.address_of(node, member::HAMT_BITMAP_ITEMS)?, len)?;
    Ok(slots
        .chunks_exact(2)
        .map(|pair| (pair.first().copied().flatten(), pair.last().copied().flatten()))
        .collect())
}

fn words(python: &Python<'_>, start: Address, count: u64) -> Result<Vec<Option<Ptr<Object>>>, ReadError> {
    let found = sequence::pointers(python, start, count, usize::try_from(count).unwrap_or(0));
    found.fault.map_or(Ok(found.items), Err)
}
