//! What was taken for what: per source, the formats, the use of each line, the basis of its times.

use std::borrow::Cow;

use pycoroner_findings::TimeBasis;
use serde::{Deserialize, Serialize};

use crate::ascii::lossy;
use crate::document::Place;
use crate::format::FormatName;

/// Bytes of an example line.
const EXAMPLE_LIMIT: usize = 240;

/// How a source was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Explanation {
    /// What the records were taken for, per producer, the most frequent format of each producer first.
    pub formats: Vec<FormatUse>,
    /// What became of the lines.
    pub lines: LineUses,
    /// How the times of records are known, the most frequent way first.
    pub times: Vec<TimeUse>,
    /// The zone in which times without one were read, when there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumed_zone: Option<String>,
    /// How far the collector's times lie behind those of the records, where records have both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skew: Option<Skew>,
    /// What is in no record, by reason.
    pub unparsed: Vec<Unparsed>,
    /// Why all of a large file was read, where only the window would have been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole_because: Option<Cow<'static, str>>,
    /// How its lines stand; missing for the usual order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<LineOrder>,
}

/// How the lines of a source stand, each of which has a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineOrder {
    /// The newest one first; they were read from the last to the first.
    TurnedRound,
    /// The newest one first, and too many to be turned round.
    NewestFirst,
}

/// The collector's time less the record's own: whole quarters of an hour are a zone, small ones the way, others a
/// clock that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skew {
    /// Records that have both times.
    pub records: u64,
    /// The least difference.
    pub least_ms: i64,
    /// The greatest difference.
    pub most_ms: i64,
}

/// Records of one format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormatUse {
    /// Who wrote them, where a collector names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// What they were taken for; `None` where only the collector's wrapping makes them records.
    pub format: Option<FormatName>,
    /// How many.
    pub records: u64,
}

/// What lines became part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LineUses {
    /// Lines that start a record.
    pub records: u64,
    /// Further lines of a record.
    pub continuations: u64,
    /// Lines of tracebacks and dumps.
    pub stacks: u64,
    /// Lines outside of records that state a fact.
    pub facts: u64,
    /// Empty lines.
    pub empty: u64,
    /// Lines in none of these.
    pub unparsed: u64,
}

/// Records whose times are known in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeUse {
    /// The way; `None` for records without a time.
    pub basis: Option<TimeBasis>,
    /// How many records.
    pub records: u64,
    /// The most that one of these times may be off.
    pub uncertainty_ms: u64,
}

/// Lines that are in no record, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unparsed {
    /// Why.
    pub why: Why,
    /// How many lines.
    pub lines: u64,
    /// The first of them.
    pub example: String,
    /// Where the first of them stands; its bytes are those of all of them.
    #[serde(flatten)]
    pub place: Place,
}

/// Why a line is in no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It starts no record of a known form, and none stands before it.
    NoRecordBefore,
    /// A JSON object without a time, a level, a message or a line of output.
    NoRecordInJson,
    /// Longer than a line may be.
    TooLong,
    /// A JSON document without records, or the part of one that was not read.
    NoRecordInDocument,
}

impl Why {
    const ALL: [Self; 4] =
        [Self::NoRecordBefore, Self::NoRecordInJson, Self::TooLong, Self::NoRecordInDocument];

    /// The reason in words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoRecordBefore => "they start no record of a known form, and no record stands before them",
            Self::NoRecordInJson => "they are JSON without a time, a level, a message or a line of output",
            Self::TooLong => "they are longer than a mebibyte, and were cut there",
            Self::NoRecordInDocument => "they are of a JSON document, and hold no record or were not read",
        }
    }
}

/// Counts the lines of a source while it is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineTally {
    pub(crate) uses: LineUses,
    times: [(u64, u64); TIMES],
    skew: Option<Skew>,
    unparsed: [Option<Box<Unparsed>>; Why::ALL.len()],
}

/// Bases that a record's own time can have, and one for none.
const TIMES: usize = 4;

impl LineTally {
    #[inline]
    pub(crate) fn times(&mut self, known: Option<(TimeBasis, u64)>, records: u64) {
        let index = match known {
            Some((TimeBasis::Stated, _)) => 0,
            Some((TimeBasis::AssumedZone, _)) => 1,
            Some((TimeBasis::InferredYear, _)) => 2,
            _ => 3,
        };
        if let Some((count, uncertainty)) = self.times.get_mut(index) {
            *count += records;
            *uncertainty = (*uncertainty).max(known.map_or(0, |(_, millis)| millis));
        }
    }

    pub(crate) fn skew(&mut self, millis: i64) {
        let skew = self.skew.get_or_insert(Skew { records: 0, least_ms: millis, most_ms: millis });
        skew.records += 1;
        skew.least_ms = skew.least_ms.min(millis);
        skew.most_ms = skew.most_ms.max(millis);
    }

    pub(crate) fn unparsed(&mut self, why: Why, line: &[u8], place: Place) {
        self.uses.unparsed += 1;
        match self.unparsed.get_mut(why as usize) {
            Some(Some(known)) => {
                known.lines += 1;
                known.place.bytes += place.bytes;
            }
            Some(slot) => {
                let example = lossy(line.trim_ascii_end(), EXAMPLE_LIMIT);
                *slot = Some(Box::new(Unparsed { why, lines: 1, example, place }));
            }
            None => {}
        }
    }

    pub(crate) fn unparsed_bytes(&self) -> u64 {
        self.unparsed.iter().flatten().map(|unparsed| unparsed.place.bytes).sum()
    }

    /// The weakest way in which times are known.
    pub(crate) fn weakest_basis(&self) -> Option<TimeBasis> {
        [(2, TimeBasis::InferredYear), (1, TimeBasis::AssumedZone), (0, TimeBasis::Stated)]
            .into_iter()
            .find(|(index, _)| self.times.get(*index).is_some_and(|(count, _)| *count > 0))
            .map(|(_, basis)| basis)
    }

    pub(crate) fn explain(
        self,
        formats: Vec<FormatUse>,
        zone: &str,
        whole_because: Option<&'static str>,
    ) -> Explanation {
        const BASES: [Option<TimeBasis>; TIMES] =
            [Some(TimeBasis::Stated), Some(TimeBasis::AssumedZone), Some(TimeBasis::InferredYear), None];
        let mut times: Vec<TimeUse> = BASES
            .into_iter()
            .zip(self.times)
            .filter(|(_, (records, _))| *records > 0)
            .map(|(basis, (records, uncertainty_ms))| TimeUse { basis, records, uncertainty_ms })
            .collect();
        times.sort_by_key(|known| std::cmp::Reverse(known.records));
        let is_assumed =
            |known: &TimeUse| matches!(known.basis, Some(TimeBasis::AssumedZone | TimeBasis::InferredYear));
        Explanation {
            formats,
            lines: self.uses,
            assumed_zone: times.iter().any(is_assumed).then(|| zone.to_owned()),
            times,
            skew: self.skew,
            whole_because: whole_because.map(Cow::Borrowed),
            order: None,
            unparsed: self.unparsed.into_iter().flatten().map(|unparsed| *unparsed).collect(),
        }
    }
}
