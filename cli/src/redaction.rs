//! The edge at which secrets are masked: nothing is shown or written that has not passed here.

use anyhow::{Context, Result};
use pycoroner_redact::{Ledger, Policy, Redactor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How often a rule masked something, as the documents state it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Redaction {
    /// The rule's id.
    pub(crate) rule: String,
    /// How often it masked something.
    pub(crate) count: u64,
}

/// The document with its secrets masked, and a member `redactions` that says how many there were.
pub(crate) fn redacted(document: &impl Serialize, policy: Policy) -> Result<Value> {
    let mut document = serde_json::to_value(document).context("the document could not be serialized")?;
    let mut ledger = Ledger::default();
    Redactor::new(policy).json(&mut document, &mut ledger);
    if let Value::Object(members) = &mut document {
        let rows = ledger.iter().map(|(rule, count)| json!({"rule": rule, "count": count}));
        members.insert("redactions".to_owned(), rows.collect());
    }
    Ok(document)
}
