//! What the heap wastes, and its largest parts.

use pycoroner_coredump::Address;
use schemars::JsonSchema;
use serde::Serialize;

/// Contents of `str` and `bytes` objects that are held more than once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Duplicates {
    /// Number of different contents.
    pub contents: u64,
    /// Number of objects that could be done without: one of each content is needed.
    pub copies: u64,
    /// What these take, as `sys.getsizeof` states it.
    pub wasted_bytes: u64,
    /// The contents that waste most.
    pub rows: Vec<Duplicate>,
}

/// A content that several objects hold.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Duplicate {
    /// Name of the objects' type.
    pub r#type: String,
    /// How many hold it.
    pub count: u64,
    /// `len()` of each.
    pub length: u64,
    /// What all of them but one take.
    pub wasted_bytes: u64,
    /// The name or key that one of them goes by; what a name says of its value is known by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How the content begins, as `repr()` prints it; raw, to be redacted by whoever shows it.
    pub repr: String,
    /// There is more of it.
    pub truncated: bool,
    /// How one of them is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// Where it is.
    pub address: Address,
    /// Under which objects most of them hang.
    pub held_by: Vec<Holder>,
}

/// An object under which many of some others hang.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Holder {
    /// How it is reached.
    pub path: String,
    /// Its type's name.
    pub r#type: String,
    /// How many of them the shortest path leads to through it.
    pub count: u64,
}

/// The containers of one type, and how full they are.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Containers {
    /// Name of the type.
    pub r#type: String,
    /// Number of containers.
    pub count: u64,
    /// Sum of what `sys.getsizeof` says of each.
    pub bytes: u64,
    /// How many have nothing in them.
    pub empty: u64,
    /// What the empty ones take.
    pub empty_bytes: u64,
    /// What they would take less if each was made anew with what it holds.
    pub wasted_bytes: u64,
    /// The ones that waste most.
    pub largest: Vec<Container>,
}

/// A container that has room for more than it holds.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Container {
    /// How it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where it is.
    pub address: Address,
    /// `len()` of it.
    pub used: u64,
    /// How many elements it has room for.
    pub room: u64,
    /// What `sys.getsizeof` says of it.
    pub bytes: u64,
    /// What it would take less if it was made anew with what it holds.
    pub wasted_bytes: u64,
}

/// An object that is large by itself.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LargeObject {
    /// How it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where it is.
    pub address: Address,
    /// Its type's name.
    pub r#type: String,
    /// `len()` of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// What `sys.getsizeof` says of it.
    pub shallow_bytes: u64,
    /// What would be freed with it.
    pub retained_bytes: u64,
}

/// An object that gives access to a run of bytes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Buffer {
    /// How it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where it is.
    pub address: Address,
    /// Its type's name.
    pub r#type: String,
    /// Number of bytes.
    pub bytes: u64,
    /// `len()` of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Lengths of the dimensions of an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<u64>>,
    /// The bytes are those of another object, at this address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Address>,
    /// How many others give access to its bytes: slices, views of its memory.
    pub views: u64,
}
