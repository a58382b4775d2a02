//! What the cyclic garbage collector was set to, and what it would find.

use pycoroner_coredump::Address;
use schemars::JsonSchema;
use serde::Serialize;

/// The cyclic garbage collector of the main interpreter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Collector {
    /// `gc.isenabled()`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_enabled: Option<bool>,
    /// Thresholds and counts, as `gc.get_threshold()` and `gc.get_count()` give them, the youngest generation first.
    pub generations: Vec<Generation>,
    /// Number of objects that `gc.freeze()` took out of collections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<u64>,
    /// Length of `gc.garbage`: what collections found and could not free, or were told to keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncollectable: Option<u64>,
}

/// A generation of the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Generation {
    /// From which count on it is collected; 0 for never.
    pub threshold: i64,
    /// New objects since the last collection, or collections of the generation before.
    pub count: i64,
}

/// Unreachable objects of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unreachable {
    /// Name of the type.
    pub r#type: String,
    /// Number of objects.
    pub count: u64,
    /// Sum of what `sys.getsizeof` says of each.
    pub bytes: u64,
    /// Where one of them is.
    pub example: Address,
    /// Its class has a `__del__`, which runs when the collector finds it.
    pub has_finalizer: bool,
    /// The way round a cycle that one of them is in, back to itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycle: Option<String>,
    /// Types of the objects on that way, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cycle_types: Vec<String>,
}

/// Objects of one type that count more references than are found.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Excess {
    /// Name of the type.
    pub r#type: String,
    /// Number of objects that count more references than are found, and that something holds.
    pub count: u64,
    /// Number of all objects of the type.
    pub objects: u64,
    /// How many references they count that were not found.
    pub excess_references: u64,
    /// Whether a class statement made the type.
    pub is_python_class: bool,
    /// Whether C code shares objects of the type among all that ask for an equal one.
    pub is_shared: bool,
    /// How the one is reached that lacks most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where it is.
    pub address: Address,
    /// Its reference count.
    pub refcount: u64,
    /// How many references to it were found.
    pub found: u64,
}
