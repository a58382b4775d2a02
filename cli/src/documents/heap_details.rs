//! What `pycoroner heap` says besides who holds what, read back after redaction.

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Duplicates {
    pub(crate) contents: u64,
    pub(crate) copies: u64,
    pub(crate) wasted_bytes: u64,
    pub(crate) rows: Vec<DuplicateRow>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DuplicateRow {
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) count: u64,
    pub(crate) wasted_bytes: u64,
    pub(crate) repr: String,
    pub(crate) truncated: bool,
    pub(crate) held_by: Vec<Holder>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Holder {
    pub(crate) path: String,
    pub(crate) count: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainersRow {
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    pub(crate) empty: u64,
    pub(crate) wasted_bytes: u64,
    pub(crate) largest: Vec<ContainerRow>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerRow {
    pub(crate) path: Option<String>,
    pub(crate) address: String,
    pub(crate) used: u64,
    pub(crate) room: u64,
    pub(crate) wasted_bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LargeRow {
    pub(crate) path: Option<String>,
    pub(crate) address: String,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) shallow_bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BufferRow {
    pub(crate) path: Option<String>,
    pub(crate) address: String,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) bytes: u64,
    pub(crate) base: Option<String>,
    pub(crate) views: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SuspendedRow {
    pub(crate) kind: String,
    pub(crate) function: String,
    pub(crate) state: String,
    pub(crate) stack: Vec<PlaceRow>,
    pub(crate) count: u64,
    pub(crate) retained_bytes: u64,
    pub(crate) held_by: Vec<Holder>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PlaceRow {
    pub(crate) file: String,
    pub(crate) line: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DescriptorsRow {
    pub(crate) kind: String,
    pub(crate) count: u64,
    pub(crate) highest: u64,
    pub(crate) held_by: Vec<Holder>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct KeptFramesRow {
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) count: u64,
    pub(crate) functions: Vec<String>,
    pub(crate) retained_bytes: u64,
    pub(crate) is_garbage: bool,
    pub(crate) held_by: Vec<Holder>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Collector {
    pub(crate) is_enabled: Option<bool>,
    pub(crate) generations: Vec<GenerationRow>,
    pub(crate) frozen: Option<u64>,
    pub(crate) uncollectable: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct GenerationRow {
    pub(crate) threshold: i64,
    pub(crate) count: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ExcessRow {
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) count: u64,
    pub(crate) objects: u64,
    pub(crate) excess_references: u64,
    pub(crate) path: Option<String>,
    pub(crate) address: String,
    pub(crate) refcount: u64,
    pub(crate) found: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Newcomers {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    pub(crate) places: Vec<NewRow>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NewRow {
    pub(crate) path: Option<String>,
    pub(crate) address: String,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    pub(crate) mostly: String,
    pub(crate) mostly_count: u64,
}
