//! What grew between two cores of the same service.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pycoroner_coredump::Address;
use pycoroner_findings::{Citation, Gap, GapKind};
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::document::{HeapDocument, SCHEMA};
use crate::findings;

/// Two heaps compared: types and owners, what grew most first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct GrowthDocument {
    /// `pycoroner.heap/1`.
    pub schema: &'static str,
    /// Types whose objects became more or fewer.
    pub growth: Vec<TypeGrowth>,
    /// Owners that keep more or less alive, by path.
    pub owners: Vec<OwnerGrowth>,
    /// Number of cores that were compared.
    pub cores: usize,
    /// Objects that the oldest core did not have, and where they hang.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_objects: Option<Newcomers>,
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
    /// Numbers of objects in all cores, the oldest first.
    pub counts: Vec<u64>,
    /// There were more of them in each core than in the one before.
    pub is_monotone: bool,
}

/// Objects that an earlier core of the same process did not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Newcomers {
    /// Number of objects.
    pub count: u64,
    /// Sum of what `sys.getsizeof` says of each.
    pub bytes: u64,
    /// Where they hang, the most bytes first.
    pub places: Vec<NewObjects>,
    /// Why that cannot be told.
    #[serde(skip)]
    pub(crate) gap: Option<Gap>,
}

/// New objects that hang under the same object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NewObjects {
    /// How that is reached: an object that was there before, or the first new one below a module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where it is.
    pub address: Address,
    /// Its type's name.
    pub r#type: String,
    /// Number of new objects below it.
    pub count: u64,
    /// Sum of what `sys.getsizeof` says of each.
    pub bytes: u64,
    /// The type that most of them have.
    pub mostly: String,
    /// How many have it.
    pub mostly_count: u64,
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
    /// Bytes that it retained in all cores, the oldest first; null where it is not among the owners listed.
    pub retained: Vec<Option<u64>>,
    /// It retained more in each core than in the one before.
    pub is_monotone: bool,
    /// Its bytes in the oldest and in the newest core, as far as it is listed there.
    #[serde(skip)]
    pub(crate) citations: Vec<Citation>,
}

/// Compares the heaps of two cores. Types and owners that did not change are left out.
pub fn growth(old: &HeapDocument, new: &HeapDocument) -> GrowthDocument {
    growth_series(&[old, new])
}

/// Compares the heaps of a series of cores, the oldest first. Types and owners that are in the last as they were in the
/// first are left out.
pub fn growth_series(series: &[&HeapDocument]) -> GrowthDocument {
    let gaps = gaps(series);
    let mut document = match (series.first(), series.last()) {
        (Some(old), Some(new)) => GrowthDocument {
            schema: SCHEMA,
            growth: types(old, new),
            owners: owners(old, new),
            cores: series.len(),
            new_objects: None,
            gaps,
        },
        _ => GrowthDocument {
            schema: SCHEMA,
            growth: Vec::new(),
            owners: Vec::new(),
            cores: 0,
            new_objects: None,
            gaps,
        },
    };
    complete(&mut document, series);
    document
}

/// What could not be told of the heaps, by whose it is.
fn gaps(series: &[&HeapDocument]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for (number, document) in (1..).zip(series) {
        let which = match number {
            1 => "older".to_owned(),
            _ if number == series.len() => "newer".to_owned(),
            _ => format!("{number}th"),
        };
        gaps.extend(document.gaps.iter().map(|gap| of_core(gap, &which)));
    }
    if series.iter().any(|document| document.types.is_empty()) {
        let why = "one of the heaps could not be read: all of the others looks like a change";
        gaps.push(Gap::new(GapKind::Missing, "the growth", why));
    }
    gaps
}

fn of_core(gap: &Gap, which: &str) -> Gap {
    Gap { what: format!("{} (of the {which} core)", gap.what), ..gap.clone() }
}

impl GrowthDocument {
    /// Adds what is new, or why that cannot be told.
    pub fn add_newcomers(&mut self, mut newcomers: Newcomers) {
        match newcomers.gap.take() {
            Some(gap) => self.gaps.push(gap),
            None => self.new_objects = Some(newcomers),
        }
    }
}

impl HeapDocument {
    /// Adds what has changed since `older` cores of the same service, the oldest first, and what that says.
    pub fn add_growth(&mut self, older: &[HeapDocument], newcomers: Option<Newcomers>) {
        let Some(oldest) = older.first() else { return };
        let series: Vec<&HeapDocument> = older.iter().chain([&*self]).collect();
        let mut growth = growth_series(&series);
        if let Some(newcomers) = newcomers {
            growth.add_newcomers(newcomers);
        }
        let findings = findings::of_growth(&growth, oldest, self);
        findings::weigh_suspects(oldest, self);
        self.findings.extend(findings);
        // Its own gaps it has already.
        self.gaps.extend(older.iter().flat_map(|heap| &heap.gaps).map(|gap| of_core(gap, "older")));
        self.growth = growth.growth;
        self.grown_owners = growth.owners;
    }
}

/// Fills in what each row was in all cores.
fn complete(document: &mut GrowthDocument, series: &[&HeapDocument]) {
    for heap in series {
        let counts: FxHashMap<&str, u64> =
            heap.types.iter().map(|row| (row.r#type.as_str(), row.count)).collect();
        for row in &mut document.growth {
            row.counts.push(counts.get(row.r#type.as_str()).copied().unwrap_or(0));
        }
        let retained: FxHashMap<&str, u64> =
            heap.owners.iter().map(|row| (row.path.as_str(), row.retained_bytes)).collect();
        for row in &mut document.owners {
            row.retained.push(retained.get(row.path.as_str()).copied());
        }
    }
    for row in &mut document.growth {
        row.is_monotone = row.counts.is_sorted_by(|a, b| a < b);
    }
    for row in &mut document.owners {
        // What is not listed was small.
        row.is_monotone = row.retained.is_sorted_by(|a, b| a < b);
    }
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
                counts: Vec::new(),
                is_monotone: false,
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
                retained: Vec::new(),
                is_monotone: false,
                citations: Vec::new(),
            });
            entry.r#type.clone_from(&owner.r#type);
            entry.citations.extend(owner.citation.clone());
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

#[cfg(test)]
mod tests {
    use pycoroner_findings::{Confidence, Finding, Severity};

    use super::*;
    use crate::document::{Accumulates, Owner, Suspect, TypeRow};

    fn heap(counts: &[(&str, u64)]) -> HeapDocument {
        let row = |&(name, count): &(&str, u64)| TypeRow {
            r#type: name.into(),
            count,
            shallow_bytes: count * 10,
            ..TypeRow::default()
        };
        HeapDocument { types: counts.iter().map(row).collect(), ..HeapDocument::default() }
    }

    /// A heap in which `path` keeps so many MiB alive, of as many objects, besides 2 MiB of others.
    fn holding(path: &str, mebibytes: u64) -> HeapDocument {
        let bytes = mebibytes << 20;
        let owner = |path: &str, bytes| Owner {
            path: path.into(),
            address: Address(1),
            r#type: "dict".into(),
            length: Some(mebibytes),
            buffer_bytes: None,
            shape: None,
            retained_bytes: bytes,
            retained_objects: mebibytes,
            citation: None,
        };
        let suspect = Suspect {
            path: path.into(),
            address: Address(1),
            r#type: "dict".into(),
            retained_bytes: bytes,
            retained_objects: mebibytes,
            percent: 90.0,
            accumulates: Some(Accumulates {
                r#type: "Session".into(),
                count: mebibytes,
                each_bytes: 1 << 20,
            }),
            why: String::new(),
            refuted_if: String::new(),
        };
        let mut heap = heap(&[("Session", mebibytes)]);
        heap.totals.shallow_bytes = bytes + (2 << 20);
        heap.owners = vec![owner("shop", bytes + 100), owner(path, bytes), owner("rest", 10)];
        heap.findings = vec![
            Finding::new("heap-leak-suspect", Severity::Warning, Confidence::Strong, "suspect").about(path),
        ];
        heap.suspects = vec![suspect];
        heap
    }

    #[test]
    fn growth_is_judged() {
        use Confidence::{Moderate, Strong, Weak};
        let check = |older: &HeapDocument, newer: &HeapDocument, expected: &[(&str, Confidence, &str)]| {
            let mut newer = newer.clone();
            newer.add_growth(std::slice::from_ref(older), None);
            let found: Vec<(&str, Confidence, &str)> =
                newer.findings.iter().map(|one| (&*one.id, one.confidence, &*one.title)).collect();
            assert_eq!(found, expected);
        };
        let (small, large) = (holding("shop.S", 20), holding("shop.S", 200));
        let grown = "shop.S keeps 200.0 MiB alive, and 20.0 MiB in the older core of another process (200 entries, 20 there); it holds 200 Session";
        check(&small, &large, &[("heap-leak-suspect", Strong, "suspect"), ("heap-grown", Strong, grown)]);
        let level = "The heap is about as large as in the older core: 202.0 MiB then, 202.0 MiB now";
        check(&large, &large, &[("heap-leak-suspect", Weak, "suspect"), ("heap-level", Moderate, level)]);
        let elsewhere = "shop.T keeps 200.0 MiB alive, and at most 10 bytes in the older core of another process; it holds 200 Session";
        let other = holding("shop.T", 200);
        check(&small, &other, &[("heap-leak-suspect", Strong, "suspect"), ("heap-grown", Strong, elsewhere)]);
        check(&HeapDocument::default(), &large, &[("heap-leak-suspect", Strong, "suspect")]);
        let mut same = large.clone();
        same.add_growth(std::slice::from_ref(&small), Some(Newcomers::default()));
        let grown = "shop.S grew from 20.0 MiB to 200.0 MiB since the older core, from 20 to 200 entries; it holds 200 Session";
        assert!(same.findings.iter().any(|finding| finding.title == grown), "{:?}", same.findings);
    }

    #[test]
    fn what_grows_from_core_to_core_is_marked() {
        let [first, second, third] = [
            heap(&[("Session", 1), ("str", 5), ("int", 7)]),
            heap(&[("Session", 2), ("str", 3), ("int", 7)]),
            heap(&[("Session", 9), ("str", 6), ("int", 7), ("Order", 1)]),
        ];
        let found = growth_series(&[&first, &second, &third]);
        let row = |name: &str| found.growth.iter().find(|row| row.r#type == name);
        let of = |name: &str| row(name).map(|row| (row.counts.clone(), row.is_monotone));
        assert_eq!(of("Session"), Some((vec![1, 2, 9], true)));
        assert_eq!(of("str"), Some((vec![5, 3, 6], false)));
        assert_eq!(of("Order"), Some((vec![0, 0, 1], false)));
        assert_eq!(of("int"), None);
        assert_eq!(found.cores, 3);
    }
}
