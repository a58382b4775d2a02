//! One value of a message: what those that died have, and what is counted of the others.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::SeparatedBy;
use super::last_words::LastRecord;
use super::values::{Kept, Key};
use crate::ascii::lossy;
use crate::document::Place;

/// Places of each side that are told.
pub(super) const MAX_PLACES: usize = 3;
/// Processes whose values are followed; those of others are not compared.
const MAX_PROCESSES: usize = 1024;
/// Bytes of a value that are told.
const SHOWN: usize = 128;
/// Steps from one value of a process to its next that show whether it rises or falls.
const FEWEST_STEPS: u64 = 4;

/// A value of a message.
pub(super) struct Slot {
    pub(super) key: Key,
    label: String,
    /// The records of those that died that have the most frequent value of them, and that value.
    common: Option<(Vec<u8>, Vec<usize>)>,
    /// The least and the greatest value of those that died, where all have a number.
    bounds: Option<[Bound; 2]>,
    /// All records of those that died.
    died: Vec<usize>,
    all: Counts,
    meanwhile: Counts,
    /// The same of all records, repeated ones included.
    records: Counts,
    nearest: [Option<Met>; 2],
    without: Vec<Place>,
    met: FxHashMap<u64, Before>,
    steps: Steps,
    is_constant: bool,
}

#[derive(Clone)]
struct Bound {
    number: f64,
    text: Vec<u8>,
}

/// Others, and those of them with a value: not below the least one, not above the greatest one, the common one.
#[derive(Clone, Copy, Default)]
struct Counts {
    others: u64,
    with: [u64; 3],
}

/// The nearest value beyond a bound.
struct Met {
    number: f64,
    text: Vec<u8>,
    place: Place,
}

/// The last value of a process.
struct Before {
    hash: u64,
    number: Option<f64>,
}

#[derive(Clone, Copy, Default)]
struct Steps {
    up: u64,
    down: u64,
}

/// One comparison.
pub(super) struct Side<'s> {
    pub(super) label: &'s str,
    pub(super) by: SeparatedBy,
    pub(super) value: String,
    pub(super) nearest: Option<String>,
    /// Indexes of the last records with the value.
    pub(super) died_with: Vec<usize>,
    /// Others, and those of them with the value; a value that a process repeats in a row counts once.
    pub(super) all: [u64; 2],
    pub(super) meanwhile: [u64; 2],
    /// Others with the value, one by one.
    pub(super) records_with: u64,
    pub(super) other_places: Vec<Place>,
}

impl Slot {
    /// `None` for a value that some of those that died do not have.
    pub(super) fn new(key: &Key, records: &[LastRecord]) -> Option<Self> {
        let values: Vec<&Kept> =
            records.iter().map(|record| record.values.get(key)).collect::<Option<_>>()?;
        let mut by_text: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        for (index, value) in values.iter().enumerate() {
            by_text.entry(&value.text).or_default().push(index);
        }
        let is_most = |indexes: &[usize]| indexes.len() * 5 >= values.len() * 4;
        let is_constant = by_text.len() == 1;
        let common = by_text.into_iter().find(|(_, indexes)| is_most(indexes));
        let bound = |value: &&Kept| Some(Bound { number: value.number?, text: value.text.clone() });
        let mut numbers: Vec<Bound> = values.iter().map(bound).collect::<Option<_>>().unwrap_or_default();
        numbers.sort_by(|a, b| a.number.total_cmp(&b.number));
        Some(Self {
            key: key.clone(),
            label: values.first()?.label.clone(),
            common: common.map(|(text, indexes)| (text.to_vec(), indexes)),
            bounds: numbers.first().cloned().zip(numbers.last().cloned()).map(|(least, most)| [least, most]),
            died: (0..values.len()).collect(),
            all: Counts::default(),
            meanwhile: Counts::default(),
            records: Counts::default(),
            nearest: [None, None],
            without: Vec::new(),
            met: FxHashMap::default(),
            steps: Steps::default(),
            is_constant,
        })
    }

    /// Follows the values of a process; whether this one is no repetition of its last one.
    pub(super) fn meet(&mut self, pid: Option<u64>, text: &[u8], number: Option<f64>) -> bool {
        let process = pid.unwrap_or(0);
        let before = Before { hash: FxBuildHasher.hash_one(text), number };
        let is_full = self.met.len() >= MAX_PROCESSES;
        match self.met.get_mut(&process) {
            Some(known) => {
                let is_new = known.hash != before.hash;
                if let (Some(last), Some(number)) = (known.number, number) {
                    self.steps.up += u64::from(number > last);
                    self.steps.down += u64::from(number < last);
                }
                *known = before;
                is_new
            }
            None if is_full => false,
            None => {
                self.met.insert(process, before);
                true
            }
        }
    }

    /// Counts a record of the others: in any case, as a value of its own, and as one between the deaths.
    pub(super) fn count(
        &mut self,
        text: &[u8],
        number: Option<f64>,
        place: Place,
        [is_new, is_meanwhile]: [bool; 2],
    ) {
        let is_common = self.common.as_ref().is_some_and(|(common, _)| common == text);
        self.is_constant &= is_common;
        let mut with = [false, false, is_common];
        match (&self.bounds, number) {
            (Some([least, most]), Some(number)) => {
                with = [number >= least.number, number <= most.number, is_common];
                let [below, above] = &mut self.nearest;
                if number < least.number && below.as_ref().is_none_or(|met| met.number < number) {
                    *below = Some(Met { number, text: text.to_vec(), place });
                }
                if number > most.number && above.as_ref().is_none_or(|met| met.number > number) {
                    *above = Some(Met { number, text: text.to_vec(), place });
                }
            }
            // What is no number here and there has no bounds.
            (Some(_), None) => self.bounds = None,
            (None, _) => {}
        }
        if !is_common && self.without.len() < MAX_PLACES {
            self.without.push(place);
        }
        self.records.add(with);
        if is_new {
            self.all.add(with);
        }
        if is_meanwhile {
            self.meanwhile.add(with);
        }
    }

    /// How many comparisons it stands for.
    pub(super) fn comparisons(&self) -> u64 {
        let is_compared = !self.is_constant && self.records.others > 0;
        if is_compared { 2 * u64::from(self.bounds.is_some()) + u64::from(self.common.is_some()) } else { 0 }
    }

    /// The comparisons, unless the value simply rises or falls in every process.
    pub(super) fn sides(&self) -> Vec<Side<'_>> {
        if self.comparisons() == 0 || self.steps.are_one_way() {
            return Vec::new();
        }
        let mut sides = Vec::new();
        if let Some((text, died)) = &self.common {
            sides.push(self.side(SeparatedBy::Equal, 2, text, None, died));
        }
        if let Some([least, most]) = &self.bounds {
            let [below, above] = &self.nearest;
            sides.push(self.side(SeparatedBy::AtLeast, 0, &least.text, below.as_ref(), &self.died));
            sides.push(self.side(SeparatedBy::AtMost, 1, &most.text, above.as_ref(), &self.died));
        }
        sides
    }

    fn side(
        &self,
        by: SeparatedBy,
        at: usize,
        value: &[u8],
        nearest: Option<&Met>,
        died: &[usize],
    ) -> Side<'_> {
        let of = |counts: &Counts| [counts.others, counts.with.get(at).copied().unwrap_or_default()];
        let other_places = match nearest {
            Some(met) => vec![met.place],
            None => self.without.clone(),
        };
        Side {
            label: &self.label,
            by,
            value: lossy(value, SHOWN),
            nearest: nearest.map(|met| lossy(&met.text, SHOWN)),
            died_with: died.to_vec(),
            all: of(&self.all),
            meanwhile: of(&self.meanwhile),
            records_with: of(&self.records)[1],
            other_places,
        }
    }
}

impl Counts {
    fn add(&mut self, with: [bool; 3]) {
        self.others += 1;
        for (count, is_with) in self.with.iter_mut().zip(with) {
            *count += u64::from(is_with);
        }
    }
}

impl Steps {
    /// Nine of ten go the same way.
    fn are_one_way(self) -> bool {
        let all = self.up + self.down;
        all >= FEWEST_STEPS && self.up.max(self.down) * 10 >= all * 9
    }
}
