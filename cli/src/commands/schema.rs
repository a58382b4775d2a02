//! `pycoroner schema`: what the JSON documents look like, for programs.

use anyhow::Result;
use pycoroner_coredump::ProcessSnapshot;
use pycoroner_heap::{GrowthDocument, HeapDocument, InquiryDocument, MatchesDocument};
use pycoroner_report::Incident;
use pycoroner_telemetry::Telemetry;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::{Session, pretty};
use crate::args::{SchemaArgs, SchemaName};
use crate::exit::Outcome;
use crate::redaction::Redaction;

/// `pycoroner.core/1` as it is written: what was read, and how often a secret was masked in it.
#[derive(Serialize, JsonSchema)]
struct CoreDocument {
    #[serde(flatten)]
    snapshot: ProcessSnapshot,
    redactions: Vec<Redaction>,
}

/// `pycoroner.heap/1` as it is written.
#[derive(Serialize, JsonSchema)]
struct WholeHeap {
    #[serde(flatten)]
    heap: HeapDocument,
    redactions: Vec<Redaction>,
}

/// `pycoroner.heap/1` about single objects, as it is written.
#[derive(Serialize, JsonSchema)]
struct HeapObjects {
    #[serde(flatten)]
    inquiry: InquiryDocument,
    redactions: Vec<Redaction>,
}

/// `pycoroner.heap/1` about two cores, as it is written.
#[derive(Serialize, JsonSchema)]
struct HeapGrowth {
    #[serde(flatten)]
    growth: GrowthDocument,
    redactions: Vec<Redaction>,
}

/// `pycoroner.heap/1` about the objects that a filter asks for, as it is written.
#[derive(Serialize, JsonSchema)]
struct HeapMatches {
    #[serde(flatten)]
    matches: MatchesDocument,
    redactions: Vec<Redaction>,
}

/// All that `pycoroner heap` writes.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "stated for the schema only")]
enum HeapForms {
    /// All objects.
    Whole(Box<WholeHeap>),
    /// The objects that were asked for.
    Objects(Box<HeapObjects>),
    /// What changed since an older core.
    Growth(Box<HeapGrowth>),
    /// The objects that a filter asks for.
    Matches(Box<HeapMatches>),
}

/// Runs the command.
pub(crate) fn run(session: &Session, args: &SchemaArgs) -> Result<Outcome> {
    let schema = match args.name {
        SchemaName::Core => schema_of::<CoreDocument>("https://github.com/pycoroner/pycoroner/schema/core/1"),
        SchemaName::Telemetry => {
            schema_of::<Telemetry>("https://github.com/pycoroner/pycoroner/schema/telemetry/1")
        }
        SchemaName::Heap => schema_of::<HeapForms>("https://github.com/pycoroner/pycoroner/schema/heap/1"),
        SchemaName::Incident => {
            schema_of::<Incident>("https://github.com/pycoroner/pycoroner/schema/incident/1")
        }
    };
    session.output.write(&pretty(&schema)?)?;
    Ok(Outcome::of(&[]))
}

/// The schema of what is written; documents only grow, so members that it does not name are allowed.
fn schema_of<T: JsonSchema>(id: &str) -> Schema {
    let mut schema =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), id.into());
    schema
}
