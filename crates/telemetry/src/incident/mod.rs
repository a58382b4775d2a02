//! What people write down by hand about a service: `incident.toml`, or the same as YAML.
//!
//! ```toml
//! service = "shop"
//! environment = "prod"
//! owners = ["team-checkout"]          # teams, never persons
//! impact = "checkout failed for about a tenth of the users"
//!
//! [[deploys]]
//! time = 2024-05-01T11:48:00Z         # with its zone
//! what = "shop 1.4.2"
//!
//! [[changes]]
//! time = "2024-05-01T11:55:00+02:00"
//! kind = "configuration"              # deploy, configuration, traffic, …
//! what = "session cache raised to 2 GiB"
//! ```
//!
//! All keys may be missing. A key that is not known is a gap, with the known one that it is nearest to. Owners that
//! look like persons, e-mail addresses and @handles, are refused.

pub(crate) mod toml;

use pycoroner_findings::{Event, Gap, GapKind, Severity, SourceId};
use serde_json::Value;

use crate::document::{Change, Context, Export, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::time::{rfc3339, stated};
use crate::tree::Tree;

/// The keys of the file.
const KEYS: [&str; 6] = ["changes", "deploys", "environment", "impact", "owners", "service"];
/// The keys of a deploy or change.
const CHANGE_KEYS: [&str; 3] = ["kind", "time", "what"];
/// Most deploys and changes.
const MOST_CHANGES: usize = 1000;

/// Whether a file is TOML with known keys.
pub(crate) fn is_toml(head: &Head<'_>) -> bool {
    has_keys(head, |line| {
        let table = line.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]"));
        table.or_else(|| line.split_once('=').map(|(key, _)| key)).map(str::trim)
    })
}

/// Whether a file is YAML with known keys.
pub(crate) fn is_yaml(head: &Head<'_>) -> bool {
    let is_other = head.has_line("apiVersion:") || head.has_line("services:");
    !is_other && has_keys(head, |line| line.split_once(':').map(|(key, _)| key))
}

/// Whether two known keys stand at the beginning of lines, the service among them or something that changed.
fn has_keys<'a>(head: &'a Head<'_>, key_of: impl Fn(&'a str) -> Option<&'a str>) -> bool {
    let mut keys: Vec<&str> = head
        .lines()
        .filter_map(|line| key_of(std::str::from_utf8(line).ok()?))
        .filter(|key| KEYS.contains(key))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys.len() >= 2 && keys.iter().any(|key| matches!(*key, "service" | "deploys" | "changes"))
}

/// Reads `incident.toml`.
pub(crate) fn read_toml(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    match toml::parse(bytes, source) {
        Ok(tree) => add(&mut telemetry, &tree),
        Err(gap) => telemetry.gaps.push(*gap),
    }
    finish(telemetry, ExportFormat::IncidentToml, source)
}

/// Reads the same as YAML.
pub(crate) fn read_yaml(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    for tree in Tree::yaml(bytes, source, &mut telemetry.gaps).iter().take(1) {
        add(&mut telemetry, tree);
    }
    finish(telemetry, ExportFormat::IncidentYaml, source)
}

fn finish(mut telemetry: Telemetry, format: ExportFormat, source: SourceId) -> Telemetry {
    let records = telemetry.context.as_ref().map_or(0, |context| context.changes.len());
    telemetry.exports.push(Export::of(source, format, records, &telemetry.events));
    telemetry
}

fn add(telemetry: &mut Telemetry, tree: &Tree) {
    let Some(members) = tree.value.as_object() else {
        telemetry
            .gaps
            .push(Gap::new(GapKind::Unknown, "all of the file", "it has no keys").at(tree.cite("")));
        return;
    };
    let mut context = Context { citation: Some(tree.cite("")), ..Context::default() };
    for (key, value) in members {
        let pointer = format!("/{key}");
        match key.as_str() {
            "service" => context.service = text(telemetry, tree, &pointer),
            "environment" => context.environment = text(telemetry, tree, &pointer),
            "impact" => context.impact = text(telemetry, tree, &pointer),
            "owners" => context.owners = owners(telemetry, tree, value),
            "deploys" | "changes" => {
                let kind = (key == "deploys").then_some("deploy");
                let Some(items) = value.as_array() else {
                    wrong(telemetry, tree, &pointer, "it is no list");
                    continue;
                };
                for index in 0..items.len().min(MOST_CHANGES) {
                    let change = change(telemetry, tree, &format!("{pointer}/{index}"), kind);
                    context.changes.extend(change);
                }
            }
            _ => unknown(telemetry, tree, &pointer, key, &KEYS),
        }
    }
    context.changes.sort_by_key(|change| change.time);
    telemetry.context = Some(context);
}

/// The text at a pointer; a gap where something else stands.
fn text(telemetry: &mut Telemetry, tree: &Tree, pointer: &str) -> Option<String> {
    let text = tree.value.pointer(pointer)?.as_str();
    if text.is_none() {
        wrong(telemetry, tree, pointer, "it is no text");
    }
    text.map(str::to_owned)
}

fn wrong(telemetry: &mut Telemetry, tree: &Tree, pointer: &str, why: &str) {
    let key = pointer.trim_start_matches('/').replace('/', ".");
    telemetry.gaps.push(Gap::new(GapKind::Unknown, key, why).at(tree.cite(pointer)));
}

fn unknown(telemetry: &mut Telemetry, tree: &Tree, pointer: &str, key: &str, known: &[&str]) {
    let nearest = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&key.to_lowercase(), known), *known))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map_or_else(|| known.join(", "), |(_, known)| known.to_owned());
    let shown: String = key.chars().take(40).collect();
    let gap = Gap::new(GapKind::Unknown, format!("the key {shown}"), "it is not known");
    telemetry.gaps.push(gap.at(tree.cite(pointer)).remedy(format!("known: {nearest}")));
}

/// The teams; what looks like a person is not repeated.
fn owners(telemetry: &mut Telemetry, tree: &Tree, value: &Value) -> Vec<String> {
    let one = std::slice::from_ref(value);
    let mut owners = Vec::new();
    for (index, owner) in value.as_array().map_or(one, Vec::as_slice).iter().take(MOST_CHANGES).enumerate() {
        let pointer = if value.is_array() { format!("/owners/{index}") } else { "/owners".to_owned() };
        match owner.as_str() {
            Some(owner) if owner.contains('@') => {
                let gap = Gap::new(GapKind::Unknown, "an owner", "it is the address or handle of a person");
                let gap = gap.at(tree.cite(&pointer)).remedy("name the team that owns the service");
                telemetry.gaps.push(gap);
            }
            Some(owner) => owners.push(owner.to_owned()),
            None => wrong(telemetry, tree, &pointer, "it is no text"),
        }
    }
    owners
}

fn change(telemetry: &mut Telemetry, tree: &Tree, pointer: &str, kind: Option<&str>) -> Option<Change> {
    let Some(members) = tree.value.pointer(pointer).and_then(Value::as_object) else {
        wrong(telemetry, tree, pointer, "it has no keys time and what");
        return None;
    };
    for key in members.keys().filter(|key| !CHANGE_KEYS.contains(&key.as_str())) {
        unknown(telemetry, tree, &format!("{pointer}/{key}"), key, &CHANGE_KEYS);
    }
    let what = text(telemetry, tree, &format!("{pointer}/what")).unwrap_or_default();
    let own_kind = text(telemetry, tree, &format!("{pointer}/kind"));
    let kind = own_kind.or_else(|| kind.map(str::to_owned));
    let stated_time = text(telemetry, tree, &format!("{pointer}/time"));
    let time = stated_time.as_deref().and_then(rfc3339);
    if time.is_none() {
        let why = "it has no time with a zone, such as 2024-05-01T11:48:00Z or 2024-05-01T13:48:00+02:00";
        wrong(telemetry, tree, pointer, why);
    }
    let is_deploy = kind.as_deref() == Some("deploy");
    let shown = kind.as_deref().unwrap_or("change");
    telemetry.events.push(Event {
        at: time.map(stated),
        citation: Some(tree.cite(pointer)),
        ..Event::new(if is_deploy { "deploy" } else { "change" }, Severity::Info, format!("{shown}: {what}"))
    });
    Some(Change { time, kind, what })
}
