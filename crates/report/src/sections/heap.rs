use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the heap holds: the document `pycoroner.heap/1`, as far as a report uses it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Types that became more or fewer since an older core.
    pub growth: Vec<GrowthRow>,
    /// Owners that keep more or less alive since an older core.
    pub grown_owners: Vec<OwnerGrowthRow>,
    /// Objects that nothing refers to from outside of their own circle; missing when it was not looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<Vec<UnreachableRow>>,
    /// Calls that were made and not finished; missing when it was not looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Vec<SuspendedRow>>,
    /// Garbage collector, as it stood.
    pub collector: Collector,
}

/// Sums over all objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct LedgerRow {
    pub owner: String,
    pub bytes: u64,
}

/// All objects of a type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Accumulated {
    #[serde(rename = "type")]
    pub type_name: String,
    pub count: Option<u64>,
    pub each_bytes: Option<u64>,
}

/// The objects of one type in an older core and in this one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct GrowthRow {
    #[serde(rename = "type")]
    pub type_name: String,
    pub count_before: Option<u64>,
    pub count_after: Option<u64>,
    pub bytes_before: Option<u64>,
    pub bytes_after: Option<u64>,
}

/// What an owner keeps alive in an older core and in this one; missing where it is not listed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct OwnerGrowthRow {
    pub path: String,
    #[serde(rename = "type")]
    pub type_name: String,
    pub retained_before: Option<u64>,
    pub retained_after: Option<u64>,
    pub length_before: Option<u64>,
    pub length_after: Option<u64>,
}

/// Cyclic garbage of one type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct UnreachableRow {
    #[serde(rename = "type")]
    pub type_name: String,
    pub count: Option<u64>,
    pub bytes: Option<u64>,
}

/// Generators, coroutines or tasks that were not finished and stand at the same place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct SuspendedRow {
    pub kind: Option<String>,
    pub function: String,
    pub count: Option<u64>,
    pub retained_bytes: Option<u64>,
}

/// The cyclic garbage collector.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Collector {
    pub is_enabled: Option<bool>,
}
