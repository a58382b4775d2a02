//! What changed around a death, as plain data.

use std::collections::BTreeMap;

use pycoroner_findings::UtcTime;
use serde::{Deserialize, Serialize, Serializer};

use crate::document::Place;
use crate::rates::Direction;

/// A number that is shown with three significant digits; equal when it is shown equal.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Rounded(pub f64);

impl Rounded {
    fn shown(self) -> f64 {
        format!("{:.2e}", self.0).parse().unwrap_or(self.0)
    }
}

impl PartialEq for Rounded {
    fn eq(&self, other: &Self) -> bool {
        self.shown().total_cmp(&other.shown()).is_eq()
    }
}

impl Eq for Rounded {}

impl Serialize for Rounded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.shown())
    }
}

impl std::fmt::Display for Rounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.shown();
        if shown != 0.0 && shown < 0.001 { write!(f, "{:.1e}", self.0) } else { write!(f, "{shown}") }
    }
}

/// A rate that differs in the window, up to the death, from the log before the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// More or less often.
    pub direction: Direction,
    /// Records before the window.
    pub before: u64,
    /// Milliseconds of log before the window, summed over the logs that hold such records.
    pub before_ms: u64,
    /// Records in the window, up to the death.
    pub inside: u64,
    /// Milliseconds of log in the window, up to the death.
    pub inside_ms: u64,
    /// Records in the window if nothing had changed.
    pub expected: Rounded,
    /// Earlier stretches as long as the window that were counted one by one.
    pub stretches: u64,
    /// Most records in one of them.
    pub most_in_a_stretch: u64,
    /// Fewest records in one of them.
    pub fewest_in_a_stretch: u64,
    /// Of the test that the window states; not corrected for the number of tests.
    pub p_value: Rounded,
}

/// Something that had a pace and stopped before the death.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// When it was seen last.
    pub since: UtcTime,
    /// From then to the death, or to the end of its logs.
    pub silent_ms: u64,
    /// Time from one to the next, on average.
    pub usual_interval_ms: u64,
    /// The longest time from one to the next; at most this where several logs hold them.
    pub longest_gap_ms: u64,
    /// How often it was seen.
    pub seen: u64,
    /// Of the test that the window states; not corrected for the number of tests.
    pub p_value: Rounded,
    /// Where the last one stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// When it was seen again behind the death, in the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<UtcTime>,
    /// Where that one stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_place: Option<Place>,
}

impl Silence {
    /// Where its last one and the next one stand.
    pub(crate) fn places_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.place.iter_mut().chain(&mut self.again_place)
    }
}

/// How changes and silences were told from chance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RateTest {
    /// Name and source of the test.
    pub name: String,
    /// What is computed.
    pub formula: String,
    /// How many tests are accounted for.
    pub correction: String,
    /// What is asked of a change beyond that.
    pub condition: String,
    /// Templates and processes whose rate was tested.
    pub tested: u64,
    /// Templates and processes that had a pace, and so could fall silent.
    pub paces: u64,
}

impl Default for RateTest {
    fn default() -> Self {
        Self {
            name: "exact conditional test of two Poisson rates, two-sided (Przyborowski and Wilenski, 1940)".into(),
            formula: "inside ~ Binomial(before + inside, inside_ms / (before_ms + inside_ms)); of a silence: (T / (T + silent_ms))^gaps, T from the first to the last".into(),
            correction: "false discovery rate of 0.01 over all tests (Benjamini and Hochberg, 1995)".into(),
            condition: "a change also lies out of the range of all earlier stretches as long as the window (at least 3, at most 64); a silence is longer than every gap before it".into(),
            tested: 0,
            paces: 0,
        }
    }
}

/// Records by level, over time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelsOverTime {
    /// Length of each bucket; they start at multiples of it since 1970.
    pub bucket_ms: u64,
    /// Those that hold records, by time.
    pub buckets: Vec<LevelBucket>,
}

/// Records of one stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelBucket {
    /// Its start.
    pub from: UtcTime,
    /// Its records, those without a level included.
    pub records: u64,
    /// Its records by level.
    pub levels: BTreeMap<String, u64>,
}
