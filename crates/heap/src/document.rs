//! The document `pycoroner.heap/1`.

use pycoroner_coredump::Address;
use pycoroner_findings::{Citation, Finding, Gap};
use schemars::JsonSchema;
use serde::Serialize;

use crate::growth::{OwnerGrowth, TypeGrowth};
use crate::naming::edge::Kind;

mod activity;
mod collector;
mod contents;

pub use activity::{
    DescriptorKind, KeptFrames, OpenDescriptors, Place, SuspendedKind, SuspendedRow, SuspendedState,
};
pub use collector::{Collector, Excess, Generation, Unreachable};
pub use contents::{Buffer, Container, Containers, Duplicate, Duplicates, Holder, LargeObject};

/// Name and version of the contract.
pub const SCHEMA: &str = "pycoroner.heap/1";

/// Everything that is said about a heap.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
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
    /// Objects that nothing that can be seen holds, although their reference counts say that something does, by type.
    pub unowned: Vec<Unowned>,
    /// Objects that something holds and that count more references than are found, by type.
    pub excess: Vec<Excess>,
    /// The cyclic garbage collector.
    pub collector: Collector,
    /// Contents of strings and bytes that are held more than once.
    pub duplicates: Duplicates,
    /// How full containers are, by type; those first that waste most.
    pub containers: Vec<Containers>,
    /// The largest objects by their own size.
    pub largest: Vec<LargeObject>,
    /// The largest runs of bytes that objects give access to.
    pub buffers: Vec<Buffer>,
    /// Generators, coroutines and tasks that were never finished, by function and place.
    pub suspended: Vec<SuspendedRow>,
    /// Exceptions that keep the frames of functions that have ended.
    pub exceptions: Vec<KeptFrames>,
    /// Files and sockets that are open, by kind.
    pub descriptors: Vec<OpenDescriptors>,
    /// Types of which there are more or fewer objects than in older cores; empty when there are none to compare with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub growth: Vec<TypeGrowth>,
    /// Owners that keep more or less alive than in older cores.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grown_owners: Vec<OwnerGrowth>,
    /// The judgement.
    pub findings: Vec<Finding>,
    /// What could not be told.
    pub gaps: Vec<Gap>,
}

/// Sums over all objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LedgerRow {
    /// Who has them.
    pub owner: String,
    /// How many.
    pub bytes: u64,
}

/// The objects of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
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
    /// Its bytes in the core.
    #[serde(skip)]
    pub citation: Option<Citation>,
}

/// A place where much of the heap accumulates.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Accumulates {
    /// Name of the type.
    pub r#type: String,
    /// Number of such objects.
    pub count: u64,
    /// What each retains, on average.
    pub each_bytes: u64,
}

/// Objects of one type that nothing that can be seen holds: a C variable or structure does, or an extension forgot
/// to give its reference back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unowned {
    /// Name of the type.
    pub r#type: String,
    /// Number of objects.
    pub count: u64,
    /// Of these, how many the machine stack or a register of a thread points at: a C function works with them.
    pub on_stacks: u64,
    /// Sum of how far their reference counts exceed the references that are seen.
    pub excess_references: u64,
    /// Sum of what `sys.getsizeof` says of each.
    pub bytes: u64,
    /// Whether the type is made at run time, as classes of Python code are.
    pub is_python_class: bool,
    /// Where one of them is.
    pub example: Address,
}

/// Answers about single objects, or about what refers to them.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct InquiryDocument {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The objects that expressions name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<Vec<ObjectRow>>,
    /// Paths to them from different roots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<RoutesRow>>,
    /// What refers to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrers: Option<Vec<ReferencesRow>>,
    /// What they refer to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referents: Option<Vec<ReferencesRow>>,
    /// Expressions that name no object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unresolved: Vec<Unresolved>,
    /// What could not be told.
    pub gaps: Vec<Gap>,
}

/// An expression that names no object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unresolved {
    /// The expression as it was given.
    pub expr: String,
    /// The column at which it leads nowhere, counted from one.
    pub column: usize,
    /// Why.
    pub why: String,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ObjectRow {
    /// The expression as it was given.
    pub expr: String,
    /// The name or key that the object goes by; what a name says of its value is known by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The shortest path to it; missing when no root leads to it, or when that was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where it is.
    pub address: Address,
    /// Its type's name.
    pub r#type: String,
    /// What `repr()` would print; raw, to be redacted by whoever shows it.
    pub repr: String,
    /// The text is shorter than what `repr()` would print.
    pub truncated: bool,
    /// `len()` of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Bytes of the content that it gives access to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffer_bytes: Option<u64>,
    /// Lengths of the dimensions of an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<u64>>,
    /// What `sys.getsizeof` says; missing when only a part of it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shallow_bytes: Option<u64>,
    /// What would be freed with it; missing when no root leads to it, or when that was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retained_bytes: Option<u64>,
    /// How many objects would be freed with it, itself included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retained_objects: Option<u64>,
    /// Attributes of an instance, class or module.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeRow>,
    /// How many more attributes there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub attributes_left_out: u64,
}

/// An attribute of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AttributeRow {
    /// Its name.
    pub name: String,
    /// The type of its value.
    pub r#type: String,
    /// What `repr()` of its value would print.
    pub repr: String,
}

/// Paths to one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RoutesRow {
    /// The expression as it was given.
    pub expr: String,
    /// Where the object is.
    pub address: Address,
    /// Its type's name.
    pub r#type: String,
    /// Something keeps it alive.
    pub is_reachable: bool,
    /// The shortest paths, each from another root.
    pub routes: Vec<Route>,
}

/// A path to an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Route {
    /// The path.
    pub path: String,
    /// What it begins with.
    pub root: String,
    /// Number of references from there.
    pub steps: u64,
}

/// References to or from one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReferencesRow {
    /// The expression as it was given.
    pub expr: String,
    /// The shortest path to the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where the object is.
    pub address: Address,
    /// Its type's name.
    pub r#type: String,
    /// Number of objects and roots that refer to it; number of references that it has.
    pub total: u64,
    /// How many of them are not listed.
    pub left_out: u64,
    /// The references.
    pub references: Vec<ReferenceRow>,
}

/// A reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReferenceRow {
    /// What kind of reference it is.
    pub kind: Kind,
    /// The reference as a step of an expression: `.name`, `[key]`.
    pub edge: String,
    /// The object at its other end; missing for a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// That object's type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// The shortest path to that object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What `sys.getsizeof` says of that object; missing when only a part of it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shallow_bytes: Option<u64>,
    /// What would be freed with that object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retained_bytes: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
