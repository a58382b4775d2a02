//! What `pycoroner heap` wrote, read back after redaction.

use pycoroner_findings::{Finding, Gap};
use serde::Deserialize;

use super::Attribute;
use super::heap_details::{
    BufferRow, Collector, ContainersRow, DescriptorsRow, Duplicates, ExcessRow, KeptFramesRow, LargeRow,
    Newcomers, SuspendedRow,
};
use crate::redaction::Redaction;

/// `pycoroner.heap/1`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HeapDocument {
    pub(crate) totals: HeapTotals,
    pub(crate) ledger: Vec<LedgerRow>,
    pub(crate) types: Vec<TypeRow>,
    pub(crate) owners: Vec<OwnerRow>,
    pub(crate) suspects: Vec<HeapSuspect>,
    pub(crate) unreachable: Vec<UnreachableRow>,
    pub(crate) unowned: Vec<UnownedRow>,
    pub(crate) duplicates: Duplicates,
    pub(crate) containers: Vec<ContainersRow>,
    pub(crate) largest: Vec<LargeRow>,
    pub(crate) buffers: Vec<BufferRow>,
    pub(crate) excess: Vec<ExcessRow>,
    pub(crate) collector: Collector,
    pub(crate) suspended: Vec<SuspendedRow>,
    pub(crate) descriptors: Vec<DescriptorsRow>,
    pub(crate) exceptions: Vec<KeptFramesRow>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) redactions: Vec<Redaction>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HeapTotals {
    pub(crate) objects: u64,
    pub(crate) references: u64,
    pub(crate) shallow_bytes: u64,
    pub(crate) dumped_bytes: u64,
    pub(crate) attributed_bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LedgerRow {
    pub(crate) owner: String,
    pub(crate) bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TypeRow {
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) count: u64,
    pub(crate) shallow_bytes: u64,
    pub(crate) retained_bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OwnerRow {
    pub(crate) path: String,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) length: Option<u64>,
    pub(crate) retained_bytes: u64,
    pub(crate) retained_objects: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HeapSuspect {
    pub(crate) path: String,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) retained_bytes: u64,
    pub(crate) percent: f64,
    pub(crate) accumulates: Option<Accumulates>,
    pub(crate) why: String,
    pub(crate) refuted_if: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Accumulates {
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) count: u64,
    pub(crate) each_bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UnreachableRow {
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    pub(crate) has_finalizer: bool,
    pub(crate) cycle: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UnownedRow {
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) count: u64,
    pub(crate) is_python_class: bool,
}

/// `pycoroner.heap/1`, about two cores.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct GrowthDocument {
    pub(crate) growth: Vec<TypeGrowthRow>,
    pub(crate) owners: Vec<OwnerGrowthRow>,
    pub(crate) cores: usize,
    pub(crate) new_objects: Option<Newcomers>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) redactions: Vec<Redaction>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TypeGrowthRow {
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) count_before: u64,
    pub(crate) count_after: u64,
    pub(crate) bytes_before: u64,
    pub(crate) bytes_after: u64,
    pub(crate) counts: Vec<u64>,
    pub(crate) is_monotone: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OwnerGrowthRow {
    pub(crate) path: String,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) retained_before: Option<u64>,
    pub(crate) retained_after: Option<u64>,
    pub(crate) length_before: Option<u64>,
    pub(crate) length_after: Option<u64>,
    pub(crate) is_monotone: bool,
}

/// `pycoroner.heap/1`, about the objects that a filter asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MatchesDocument {
    pub(crate) total: u64,
    pub(crate) shallow_bytes: u64,
    pub(crate) left_out: u64,
    pub(crate) matches: Vec<MatchRow>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) redactions: Vec<Redaction>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MatchRow {
    pub(crate) address: String,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) state: String,
    pub(crate) shallow_bytes: Option<u64>,
    pub(crate) retained_bytes: u64,
    pub(crate) retained_objects: u64,
    pub(crate) reference_count: u64,
    pub(crate) length: Option<u64>,
    pub(crate) path: Option<String>,
}

/// `pycoroner.heap/1`, about single objects.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct InquiryDocument {
    pub(crate) objects: Vec<ObjectRow>,
    pub(crate) paths: Vec<RoutesRow>,
    pub(crate) referrers: Vec<ReferencesRow>,
    pub(crate) referents: Vec<ReferencesRow>,
    pub(crate) unresolved: Vec<Unresolved>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) redactions: Vec<Redaction>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Unresolved {
    pub(crate) expr: String,
    pub(crate) column: u64,
    pub(crate) why: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ObjectRow {
    pub(crate) expr: String,
    pub(crate) path: Option<String>,
    pub(crate) address: String,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) repr: String,
    pub(crate) length: Option<u64>,
    pub(crate) buffer_bytes: Option<u64>,
    pub(crate) shape: Option<Vec<u64>>,
    pub(crate) shallow_bytes: Option<u64>,
    pub(crate) retained_bytes: Option<u64>,
    pub(crate) retained_objects: Option<u64>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) attributes_left_out: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RoutesRow {
    pub(crate) expr: String,
    pub(crate) address: String,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) is_reachable: bool,
    pub(crate) routes: Vec<Route>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Route {
    pub(crate) path: String,
    pub(crate) steps: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReferencesRow {
    pub(crate) expr: String,
    pub(crate) address: String,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) total: u64,
    pub(crate) left_out: u64,
    pub(crate) references: Vec<ReferenceRow>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReferenceRow {
    pub(crate) kind: String,
    pub(crate) edge: String,
    pub(crate) address: Option<String>,
    #[serde(rename = "type")]
    pub(crate) type_name: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) shallow_bytes: Option<u64>,
    pub(crate) retained_bytes: Option<u64>,
}
