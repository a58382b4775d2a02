use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::rules;

/// How often each rule masked something; never what.
///
/// In JSON an object from rule ids to counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ledger {
    counts: BTreeMap<Cow<'static, str>, u64>,
}

impl Ledger {
    /// Rule ids with their counts, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(id, count)| (id.as_ref(), *count))
    }

    /// How often anything was masked.
    pub fn total(&self) -> u64 {
        self.counts.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Whether nothing was masked.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Adds the counts of another ledger.
    pub fn merge(&mut self, other: &Self) {
        for (id, count) in &other.counts {
            let sum = self.counts.entry(id.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    pub(crate) fn add(&mut self, rule: usize) {
        let sum = self.counts.entry(Cow::Borrowed(rules()[rule].id)).or_default();
        *sum = sum.saturating_add(1);
    }
}
