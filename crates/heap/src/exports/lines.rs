//! The whole heap as JSON Lines: an object a line, with its references.

use std::io::{self, Write};

use pycoroner_coredump::Address;
use serde::Serialize;

use crate::exports::edges::{Edges, Label};
use crate::exports::filter::State;
use crate::exports::snapshot::id;
use crate::exports::{Export, Mask};
use crate::graph::Node;
use crate::graph::dominators::Dominator;
use crate::naming::edge::Kind;

/// A line.
#[derive(Serialize)]
struct Line<'l> {
    id: u64,
    address: Address,
    r#type: &'l str,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    shallow_bytes: Option<u64>,
    retained_bytes: u64,
    retained_objects: u64,
    reference_count: u64,
    /// Id of the immediate dominator.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_by: Option<u64>,
    references: Vec<Reference>,
}

#[derive(Serialize)]
struct Reference {
    to: u64,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
}

impl Export<'_, '_> {
    /// Writes every object as a line of JSON: what the tables of Parquet say of it, and its references.
    ///
    /// # Errors
    /// What `to` says.
    pub fn json_lines(&self, to: &mut dyn Write, mask: Mask<'_>) -> io::Result<()> {
        let survey = &self.survey;
        let (heap, objects) = (&survey.heap, &survey.heap.objects);
        let native = self.native();
        let names: Vec<String> =
            (0..heap.types.len() as u32).map(|type_id| mask(&heap.types.name(type_id))).collect();
        let mut edges = Edges::new(heap);
        for node in 0..objects.len() as Node {
            let mut references = Vec::new();
            edges.named(
                node,
                |_| true,
                |target, kind, label| {
                    let (name, index) = match label {
                        Label::Index(index) => (None, Some(index)),
                        Label::Text(name) => (Some(mask(&name)), None),
                    };
                    references.push(Reference { to: id(target), kind, name, index });
                    Ok(())
                },
            )?;
            let line = Line {
                id: id(node),
                address: Address(objects.address(node)),
                r#type: names.get(objects.type_id(node) as usize).map_or("", String::as_str),
                state: self.state(&native, node),
                shallow_bytes: objects.whole_size(node),
                retained_bytes: survey.retained.bytes(node),
                retained_objects: u64::from(survey.retained.count(node)),
                reference_count: heap.refcount(node),
                kept_by: match survey.dominators.immediate(node) {
                    Dominator::Node(keeper) => Some(id(keeper)),
                    Dominator::Root | Dominator::Unreached => None,
                },
                references,
            };
            serde_json::to_writer(&mut *to, &line)?;
            to.write_all(b"\n")?;
        }
        Ok(())
    }
}
