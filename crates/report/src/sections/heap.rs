use serde::{Deserialize, Serialize};

/// What the heap holds: the document `pycoroner.heap/1`, as far as a report uses it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeapSection {
    /// Sums over all objects.
    pub totals: HeapTotals,
    /// Who owns the dumped bytes.
    pub ledger: Vec<LedgerRow>,
    /// Types by size.
    pub types: Vec<TypeRow>,
    /// Objects that keep the most alive.
    pub owners: Vec<OwnerRow>,
    /// Objects that look like leaks.
    pub suspects: Vec<SuspectRow>,
}

/// Sums over all objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct HeapTotals {
    pub objects: Option<u64>,
    pub references: Option<u64>,
    pub shallow_bytes: Option<u64>,
    pub dumped_bytes: Option<u64>,
    pub attributed_bytes: Option<u64>,
}

/// One owner of dumped bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct LedgerRow {
    pub owner: String,
    pub bytes: u64,
}

/// All objects of a type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct TypeRow {
    #[serde(rename = "type")]
    pub type_name: String,
    pub count: Option<u64>,
    pub shallow_bytes: Option<u64>,
    pub retained_bytes: Option<u64>,
}

/// An object that keeps others alive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct OwnerRow {
    pub path: String,
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    pub length: Option<u64>,
    pub retained_bytes: Option<u64>,
    pub retained_objects: Option<u64>,
}

/// An object that looks like a leak.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct SuspectRow {
    pub path: String,
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    pub retained_bytes: Option<u64>,
    pub percent: Option<f64>,
    pub accumulates: Option<Accumulated>,
    pub why: Option<String>,
    pub refuted_if: Option<String>,
}

/// What piles up in a suspect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Accumulated {
    #[serde(rename = "type")]
    pub type_name: String,
    pub count: Option<u64>,
    pub each_bytes: Option<u64>,
}
