//! The picture that `show_backrefs` and `show_chain` draw, in Graphviz's language.
//!
//! Nodes are called `o` and the object's address in decimal, the objects that were asked for have red text, and modules
//! are green (`objgraph.py` v3.7.0, `_show_graph`).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use pycoroner_findings::{Basis, Citation, Confidence, Evidence, Finding, Gap, GapKind, Severity, SourceId};

use crate::document::{Export, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::place::cite_line;

/// Most references that are read.
const MOST_REFERENCES: usize = 100_000;
/// Hue and saturation of modules; the brightness falls with the distance.
const MODULE: &str = "0.3,1,";
/// Most steps of a chain.
const MOST_STEPS: usize = 64;

/// Whether a file is a picture of objgraph.
pub(crate) fn is_picture(head: &Head<'_>) -> bool {
    head.has_line("digraph ObjectGraph {")
}

#[derive(Default)]
struct Node {
    label: String,
    is_target: bool,
    is_module: bool,
    citation: Option<Citation>,
}

/// A reference: who holds, by which name.
struct Reference {
    holder: u64,
    name: String,
    citation: Citation,
}

/// Reads which chain of references leads from a module to what was asked for.
pub(crate) fn read_picture(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let mut nodes: BTreeMap<u64, Node> = BTreeMap::new();
    let mut references: BTreeMap<u64, Vec<Reference>> = BTreeMap::new();
    let (mut offset, mut count) = (0, 0);
    for (number, line) in (1_u64..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let citation = cite_line(source, number, offset, line);
        offset += line.len();
        if count >= MOST_REFERENCES {
            let why = format!("{MOST_REFERENCES} lines are read");
            telemetry.gaps.push(Gap::new(GapKind::Limit, "the rest of the picture", why).at(citation));
            break;
        }
        let text = String::from_utf8_lossy(line);
        if let Some((holder, held, name)) = reference(text.trim()) {
            references.entry(held).or_default().push(Reference { holder, name, citation });
            count += 1;
        } else if let Some((address, attribute, value)) = attribute(text.trim()) {
            count += 1;
            let node = nodes.entry(address).or_default();
            match (attribute, value.as_str()) {
                ("label", _) => (node.label, node.citation) = (value, Some(citation)),
                ("fontcolor", "red") => node.is_target = true,
                ("fillcolor", colour) if colour.starts_with(MODULE) => node.is_module = true,
                _ => {}
            }
        }
    }
    for (address, node) in nodes.iter().filter(|(_, node)| node.is_target) {
        telemetry.findings.extend(chain(&nodes, &references, *address, node));
    }
    telemetry.exports.push(Export::of(source, ExportFormat::ObjgraphPicture, nodes.len(), &[]));
    telemetry
}

/// The shortest chain from a module to an object, as a finding.
fn chain(
    nodes: &BTreeMap<u64, Node>,
    references: &BTreeMap<u64, Vec<Reference>>,
    target: u64,
    node: &Node,
) -> Option<Finding> {
    let mut reached: BTreeMap<u64, &Reference> = BTreeMap::new();
    let mut held_by: BTreeMap<u64, u64> = BTreeMap::from([(target, target)]);
    let mut queue = VecDeque::from([target]);
    let module = loop {
        let held = queue.pop_front()?;
        if held != target && nodes.get(&held).is_some_and(|node| node.is_module) {
            break held;
        }
        for reference in references.get(&held).into_iter().flatten() {
            if let Entry::Vacant(vacant) = held_by.entry(reference.holder) {
                vacant.insert(held);
                reached.insert(reference.holder, reference);
                queue.push_back(reference.holder);
            }
        }
    };
    let mut at = module;
    let mut steps = nodes.get(&module).map_or(String::new(), |node| title_of(&node.label));
    let mut citations: Vec<Citation> =
        nodes.get(&module).and_then(|node| node.citation.clone()).into_iter().collect();
    for _ in 0..MOST_STEPS {
        let (Some(reference), Some(held)) = (reached.get(&at), held_by.get(&at)) else { break };
        let label = nodes.get(held).map_or(String::new(), |node| title_of(&node.label));
        let name = title_of(&reference.name);
        steps = match name.as_str() {
            "" => format!("{steps} -> {label}"),
            name => format!("{steps} -[{name}]-> {label}"),
        };
        citations.push(reference.citation.clone());
        at = *held;
    }
    let what = title_of(&node.label);
    let title = format!("When objgraph looked, {what} was held by {}", title_of(&nodes.get(&module)?.label));
    let mut evidence = Evidence::new(Basis::Observed, steps);
    evidence.citations = citations;
    Some(
        Finding::new("object-graph-chain", Severity::Info, Confidence::Certain, title)
            .about(format!("{target:#x}"))
            .with_evidence(evidence)
            .refuted_if("the object was released between the picture and the end"),
    )
}

/// A label on one line.
fn title_of(label: &str) -> String {
    label.split("\\n").collect::<Vec<_>>().join(" ")
}

/// `o1 -> o2 [label="name",weight=2];`
fn reference(line: &str) -> Option<(u64, u64, String)> {
    let (holder, rest) = line.strip_prefix('o')?.split_once(" -> o")?;
    let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
    let (held, rest) = rest.split_at(end);
    let name = rest.split_once("[label=\"").map_or("", |(_, rest)| quoted(rest));
    Some((holder.parse().ok()?, held.parse().ok()?, name.to_owned()))
}

/// `o1[label="list\n5 items"];`
fn attribute(line: &str) -> Option<(u64, &str, String)> {
    let (address, rest) = line.strip_prefix('o')?.split_once('[')?;
    let (name, value) = rest.split_once('=')?;
    let value = value.strip_prefix('"').map_or_else(|| value.split(']').next().unwrap_or_default(), quoted);
    Some((address.parse().ok()?, name, value.to_owned()))
}

/// Text up to the quote that is not escaped.
fn quoted(text: &str) -> &str {
    let mut escaped = false;
    for (at, char) in text.char_indices() {
        match char {
            '"' if !escaped => return text.get(..at).unwrap_or_default(),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text
}
