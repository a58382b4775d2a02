//! What tells the last records of processes that died from other records of the same message: the values in them.
//!
//! Which deaths there are is known when the logs were read. So they are read two times more, and only when at least
//! four processes died alike: for the last records of those that died, and then for all other records of the same
//! messages. That way the counts are exact, and no scan pays for it in which nobody died.

mod deaths;
mod last_words;
mod sides;
mod slot;
mod test;
mod values;

use serde::{Deserialize, Serialize};

use crate::changes::Rounded;
use crate::collector::Collector;
use crate::document::{LogSource, Place};
use crate::header::Header;
use crate::input::Input;
use crate::level::Level;
use crate::part::forget_lines_of_place;
use crate::pipeline::{self, Way};
use crate::scan::{Options, Scan};
use crate::stream::LineContext;
use crate::template::Named;
use deaths::Deaths;
use last_words::LastWords;
use sides::Sides;

/// Deaths of one kind that are compared with what lived on; fewer tell nothing from chance.
const FEWEST_DEATHS: usize = 4;

/// What processes that died said last, against what others said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Separations {
    /// How the processes ended: `SIGSEGV`, `timeout`, `failure`.
    pub end: String,
    /// Processes that ended so.
    pub deaths: u64,
    /// Of these, processes with records of their own before that.
    pub with_records: u64,
    /// How values were told from chance.
    pub test: SeparationTest,
    /// Values that go with the deaths, the clearest first.
    pub found: Vec<Separation>,
}

impl Separations {
    fn places_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.found.iter_mut().flat_map(|one| one.died_places.iter_mut().chain(&mut one.other_places))
    }
}

/// How values that go with deaths were told from chance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeparationTest {
    /// Name of the test.
    pub name: String,
    /// What is counted.
    pub counted: String,
    /// How many tests are accounted for.
    pub correction: String,
    /// What is asked beyond that.
    pub condition: String,
    /// Comparisons that were made.
    pub comparisons: u64,
}

impl Default for SeparationTest {
    fn default() -> Self {
        Self {
            name: "Fisher's exact test, one-sided".into(),
            counted: "records of one message that were among the last four of a process that died, against all others; a value that a process repeats in a row counts once".into(),
            correction: "Bonferroni, over all comparisons; p at most 0.001".into(),
            condition: "it holds among the records between the first and the last of the deaths alone, too, so that no value that changes with time does; nor does one that rises or falls in nearly every process".into(),
            comparisons: 0,
        }
    }
}

/// A value that the last records of processes that died have, and others have seldom or never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Separation {
    /// The message, with its variable parts masked.
    pub template: String,
    /// Its level.
    pub level: Option<Level>,
    /// Which value: a part of the message with its wildcard, as `SKU-<n>`, or a member of the record, as `path`.
    pub what: String,
    /// How those that died have it.
    pub by: SeparatedBy,
    /// The value of those that died: their least, their greatest, or the one that they have.
    pub value: String,
    /// The nearest value beyond it among the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// Whether it was the very last record of each of them; among the last four of each if not.
    pub is_last: bool,
    /// Processes that died with such a record.
    pub died: u64,
    /// Of these, processes with the value.
    pub died_with: u64,
    /// Other records of the message.
    pub others: u64,
    /// Of these, records with the value.
    pub others_with: u64,
    /// Of the others, those between the first and the last of the deaths; a value that a process repeats counts once.
    pub others_meanwhile: u64,
    /// Of these, those with the value.
    pub others_meanwhile_with: u64,
    /// Of the test, times the number of comparisons.
    pub p_value: Rounded,
    /// Some of the last records with the value.
    pub died_places: Vec<Place>,
    /// Some of the others, the nearest one first.
    pub other_places: Vec<Place>,
}

/// How the values of those that died differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeparatedBy {
    /// They are not below the value.
    AtLeast,
    /// They are not above the value.
    AtMost,
    /// They are the value.
    Equal,
}

/// A record, as far as it is compared.
pub(crate) struct Spoken<'a> {
    /// Its line, or the object that it is.
    pub(crate) line: &'a [u8],
    pub(crate) header: &'a Header<'a>,
    pub(crate) named: Option<Named<'a>>,
    pub(crate) context: &'a LineContext,
}

/// What a further reading of the logs is for.
pub(crate) enum Look {
    LastWords(LastWords),
    Sides(Sides),
}

impl Look {
    pub(crate) fn take(&mut self, spoken: &Spoken<'_>) {
        match self {
            Self::LastWords(look) => look.take(spoken),
            Self::Sides(look) => look.take(spoken),
        }
    }
}

/// Compares what processes that died said last with what others said, by reading the logs again.
///
/// ```
/// use std::io::Read;
///
/// use pycoroner_findings::SourceId;
/// use pycoroner_logscan::{DeathComparison, Input, Options, scan};
///
/// let log = b"2024-05-01 12:00:00,123 INFO shop: order 7\n";
/// let logs = || {
///     let reader: Box<dyn Read + Send> = Box::new(log.as_slice());
///     [Input::new(SourceId(1), "app.log", reader)]
/// };
/// let options = Options::default();
/// let mut scan = scan(logs(), &options);
/// if let Some(deaths) = DeathComparison::of(&scan) {
///     scan.separations = deaths.read_last_records(logs(), &options).compare(logs(), &options);
/// }
/// assert_eq!(scan.separations, None);
/// ```
pub struct DeathComparison(Deaths);

impl DeathComparison {
    /// The deaths of one kind that a scan tells of: those by the signal of the core, or else the most frequent ones.
    /// `None` when they are fewer than four.
    pub fn of(scan: &Scan) -> Option<Self> {
        Deaths::of(scan).filter(|deaths| deaths.len() >= FEWEST_DEATHS).map(Self)
    }

    /// Reads the same inputs again, by the same options, for the last records of those that died.
    pub fn read_last_records<'a>(
        self,
        inputs: impl IntoIterator<Item = Input<'a>>,
        options: &Options,
    ) -> LastRecordsOfDead {
        match read(inputs, options, Look::LastWords(LastWords::new(self.0))) {
            (Some(Look::LastWords(words)), _) => LastRecordsOfDead(words.finish()),
            _ => LastRecordsOfDead(None),
        }
    }
}

/// The last records of processes that died, to be compared with others.
pub struct LastRecordsOfDead(Option<Sides>);

impl LastRecordsOfDead {
    /// Reads the same inputs once more, for all other records of the same messages; `None` when too few of those that
    /// died have any.
    pub fn compare<'a>(
        self,
        inputs: impl IntoIterator<Item = Input<'a>>,
        options: &Options,
    ) -> Option<Separations> {
        let (Some(Look::Sides(sides)), sources) = read(inputs, options, Look::Sides(self.0?)) else {
            return None;
        };
        let mut separations = sides.finish();
        for place in separations.places_mut() {
            forget_lines_of_place(place, &sources);
        }
        Some(separations)
    }
}

/// Reads all inputs for one thing only; what was found, and the sources.
fn read<'a>(
    inputs: impl IntoIterator<Item = Input<'a>>,
    options: &Options,
    look: Look,
) -> (Option<Look>, Vec<LogSource>) {
    let mut collector = Collector::new(options);
    collector.look = Some(Box::new(look));
    let way = Way { sums_up: false, ..Way::default() };
    let collector = pipeline::read(inputs.into_iter().collect(), collector, way);
    (collector.look.map(|look| *look), collector.sources)
}
