//! What grew between two cores of the same service.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pycoroner_findings::{Gap, GapKind};
use schemars::JsonSchema;
use serde::Serialize;

use crate::document::{HeapDocument, SCHEMA};

/// Two heaps compared: types and owners, what grew most first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct GrowthDocument {
    /// `pycoroner.heap/1`.
    pub schema: &'static str,
    /// Types whose objects became more or fewer.
    pub growth: Vec<TypeGrowth>,
    /// Owners that keep more or less alive, by path.
    pub owners: Vec<OwnerGrowth>,
    /// What could not be told of either heap.
    pub gaps: Vec<Gap>,
}

/// The objects of one type, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TypeGrowth {
    /// Its name.
    pub r#type: String,
    /// Number of objects in the older core.
    pub count_before: u64,
    /// Number of objects in the newer core.
    pub count_after: u64,
    /// Sum of what `sys.getsizeof` says of each, in the older core.
    pub bytes_before: u64,
    /// Sum of what `sys.getsizeof` says of each, in the newer core.
    pub bytes_after: u64,
}

/// What an owner keeps alive, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OwnerGrowth {
    /// How it is reached, the same in both.
    pub path: String,
    /// Its type in the newer core, or in the older one where it is gone.
    pub r#type: String,
    /// Bytes that it retained in the older core; absent when it is not among the owners listed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retained_before: Option<u64>,
    /// Bytes that it retains in the newer core; absent when it is not among the owners listed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retained_after: Option<u64>,
    /// Its length in the older core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_before: Option<u64>,
    /// Its length in the newer core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_after: Option<u64>,
}

/// Compares the heaps of two cores. Types and owners that did not change are left out.
pub fn growth(old: &HeapDocument, new: &HeapDocument) -> GrowthDocument {
    let of =
        |gap: &Gap, which: &str| Gap { what: format!("{} (of the {which} core)", gap.what), ..gap.clone() };
    let mut gaps: Vec<Gap> = old.gaps.iter().map(|gap| of(gap, "older")).collect();
    gaps.extend(new.gaps.iter().map(|gap| of(gap, "newer")));
    if old.types.is_empty() || new.types.is_empty() {
        let why = "one of the two heaps could not be read: all of the other looks like a change";
        gaps.push(Gap::new(GapKind::Missing, "the growth", why));
    }
    GrowthDocument { schema: SCHEMA, growth: types(old, new), owners: owners(old, new), gaps }
}

fn types(old: &HeapDocument, new: &HeapDocument) -> Vec<TypeGrowth> {
    let mut rows: BTreeMap<&str, TypeGrowth> = BTreeMap::new();
    for (document, is_new) in [(old, false), (new, true)] {
        for row in &document.types {
            let entry = rows.entry(&row.r#type).or_insert_with(|| TypeGrowth {
                r#type: row.r#type.clone(),
                count_before: 0,
                count_after: 0,
                bytes_before: 0,
                bytes_after: 0,
            });
            let (count, bytes) = if is_new {
                (&mut entry.count_after, &mut entry.bytes_after)
            } else {
                (&mut entry.count_before, &mut entry.bytes_before)
            };
            (*count, *bytes) = (*count + row.count, bytes.saturating_add(row.shallow_bytes));
        }
    }
    let changed =
        |row: &TypeGrowth| (row.count_before, row.bytes_before) != (row.count_after, row.bytes_after);
    let mut rows: Vec<TypeGrowth> = rows.into_values().filter(changed).collect();
    rows.sort_by_key(|row| Reverse(i128::from(row.bytes_after) - i128::from(row.bytes_before)));
    rows
}

fn owners(old: &HeapDocument, new: &HeapDocument) -> Vec<OwnerGrowth> {
    let mut rows: BTreeMap<&str, OwnerGrowth> = BTreeMap::new();
    for (document, is_new) in [(old, false), (new, true)] {
        for owner in &document.owners {
            let entry = rows.entry(&owner.path).or_insert_with(|| OwnerGrowth {
                path: owner.path.clone(),
                r#type: String::new(),
                retained_before: None,
                retained_after: None,
                length_before: None,
                length_after: None,
            });
            entry.r#type.clone_from(&owner.r#type);
            if is_new {
                (entry.retained_after, entry.length_after) = (Some(owner.retained_bytes), owner.length);
            } else {
                (entry.retained_before, entry.length_before) = (Some(owner.retained_bytes), owner.length);
            }
        }
    }
    let mut rows: Vec<OwnerGrowth> =
        rows.into_values().filter(|row| row.retained_before != row.retained_after).collect();
    rows.sort_by_key(|row| {
        Reverse(i128::from(row.retained_after.unwrap_or(0)) - i128::from(row.retained_before.unwrap_or(0)))
    });
    rows
}
