//! All citations of an incident, wherever they stand in it.
//!
//! They are found in the incident's JSON form, so that none is forgotten when a section gets a new member.

use std::collections::BTreeMap;

use pycoroner_findings::Citation;
use serde_json::Value;

use crate::Incident;

/// Every place that is cited, once, in the order of the text forms.
pub(crate) fn of(incident: &Incident) -> Vec<Citation> {
    let mut found = BTreeMap::new();
    let Ok(mut document) = serde_json::to_value(incident) else { return Vec::new() };
    for_each(&mut document, |value| {
        if let Ok(citation) = serde_json::from_value::<Citation>(value.clone()) {
            found.entry(citation.to_string()).or_insert(citation);
        }
    });
    found.into_values().collect()
}

/// States the digest of each citation that has none.
pub(crate) fn add_digests(incident: &mut Incident, digests: &BTreeMap<String, String>) {
    let Ok(mut document) = serde_json::to_value(&*incident) else { return };
    for_each(&mut document, |value| {
        let text =
            serde_json::from_value::<Citation>(value.clone()).ok().map(|citation| citation.to_string());
        if let (Some(digest), Some(members)) =
            (text.and_then(|text| digests.get(&text)), value.as_object_mut())
        {
            members.insert("digest".to_owned(), digest.clone().into());
        }
    });
    if let Ok(cited) = serde_json::from_value(document) {
        *incident = cited;
    }
}

/// Walks with a stack of its own: how deep a document is, is up to the evidence.
fn for_each(document: &mut Value, mut visit: impl FnMut(&mut Value)) {
    let mut left = vec![document];
    while let Some(value) = left.pop() {
        let is_citation = value.get("span").is_some_and(|span| span.get("kind").is_some())
            && value.get("source").is_some_and(Value::is_u64);
        if is_citation {
            visit(value);
            continue;
        }
        match value {
            Value::Array(items) => left.extend(items),
            Value::Object(members) => left.extend(members.values_mut()),
            _ => {}
        }
    }
}
