//! The document `pycoroner.heap/1`.

use pycoroner_coredump::Address;
use pycoroner_findings::{Finding, Gap};
use serde::Serialize;

/// Name and version of the contract.
pub const SCHEMA: &str = "pycoroner.heap/1";

/// Everything that is said about a heap.
#[derive(Clone, Debug, Serialize)]
pub struct HeapDocument {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Sums over all objects.
    pub totals: Totals,
    /// Who has the dumped bytes; the rows add up to `totals.dumped_bytes`.
    pub ledger: Vec<LedgerRow>,
    /// Counts and sizes by type, largest first.
    pub types: Vec<TypeRow>,
    /// The objects that retain most, largest first.
    pub owners: Vec<Owner>,
    /// Where much of the heap accumulates, largest first.
    pub suspects: Vec<Suspect>,
    /// Garbage in cycles, by type.
    pub unreachable: Vec<Unreachable>,
    /// The judgement.
    pub findings: Vec<Finding>,
    /// What could not be told.
    pub gaps: Vec<Gap>,
}

/// Sums over all objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Number of objects, those in unreachable cycles included.
    pub objects: u64,
    /// References between them, those to types left out.
    pub references: u64,
    /// Sum of what `sys.getsizeof` says of each.
    pub shallow_bytes: u64,
    /// File sizes of all segments.
    pub dumped_bytes: u64,
    /// Bytes that objects and what they own take.
    pub attributed_bytes: u64,
}

/// A part of the dumped bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerRow {
    /// Who has them.
    pub owner: String,
    /// How many.
    pub bytes: u64,
}

/// The objects of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TypeRow {
    /// Its name, without module for `builtins` and `__main__`.
    pub r#type: String,
    /// Number of objects.
    pub count: u64,
    /// Sum of what `sys.getsizeof` says of each.
    pub shallow_bytes: u64,
    /// What would be freed with all of them.
    pub retained_bytes: u64,
}

/// An object that keeps others alive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Owner {
    /// How it is reached.
    pub path: String,
    /// Where it is.
    pub address: Address,
    /// Its type's name.
    pub r#type: String,
    /// `len()` of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Size of its buffer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffer_bytes: Option<u64>,
    /// Lengths of the dimensions of an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<u64>>,
    /// What would be freed with it.
    pub retained_bytes: u64,
    /// How many objects would be freed with it, itself included.
    pub retained_objects: u64,
}

/// A place where much of the heap accumulates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suspect {
    /// How it is reached.
    pub path: String,
    /// Where it is.
    pub address: Address,
    /// Its type's name.
    pub r#type: String,
    /// What would be freed with it.
    pub retained_bytes: u64,
    /// How many objects would be freed with it, itself included.
    pub retained_objects: u64,
    /// Its share of the bytes of all live objects.
    pub percent: f64,
    /// What it mostly holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulates: Option<Accumulates>,
    /// Why it is suspected.
    pub why: String,
    /// What would show that it is no leak.
    pub refuted_if: String,
}

/// What a suspect mostly holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accumulates {
    /// Name of the type.
    pub r#type: String,
    /// Number of such objects.
    pub count: u64,
    /// What each retains, on average.
    pub each_bytes: u64,
}

/// Unreachable objects of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreachable {
    /// Name of the type.
    pub r#type: String,
    /// Number of objects.
    pub count: u64,
    /// Sum of what `sys.getsizeof` says of each.
    pub bytes: u64,
}
