use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How severe a record says it is; the order is by rising weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Below debug, as loguru and oslo print it.
    Trace,
    /// `DEBUG`.
    Debug,
    /// `INFO`, and loguru's `SUCCESS`.
    Info,
    /// Syslog's notice.
    Notice,
    /// `WARNING`, `WARN`.
    Warning,
    /// `ERROR`.
    Error,
    /// `CRITICAL`, `FATAL`, and syslog's alert and emergency.
    Critical,
}

impl Level {
    /// All levels, by rising weight.
    pub const ALL: [Self; 7] =
        [Self::Trace, Self::Debug, Self::Info, Self::Notice, Self::Warning, Self::Error, Self::Critical];

    /// The name as Python's `logging` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }

    /// Reads a bare upper-case word; lower case in running text is no level.
    pub(crate) fn from_upper(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"INFO" | b"SUCCESS" => Self::Info,
            b"WARNING" | b"WARN" => Self::Warning,
            b"ERROR" => Self::Error,
            b"DEBUG" => Self::Debug,
            b"CRITICAL" | b"FATAL" | b"CRIT" | b"ALERT" | b"EMERG" | b"EMERGENCY" => Self::Critical,
            b"TRACE" => Self::Trace,
            b"NOTICE" => Self::Notice,
            _ => return None,
        })
    }

    /// Reads a word in any case, as it stands in brackets or in a field that is named level.
    pub(crate) fn from_any_case(word: &[u8]) -> Option<Self> {
        if let Some(level) = Self::from_upper(word) {
            return Some(level);
        }
        let mut upper = [0_u8; 9];
        let slot = upper.get_mut(..word.len())?;
        slot.copy_from_slice(word);
        slot.make_ascii_uppercase();
        match &*slot {
            b"ERR" | b"EXCEPTION" => Some(Self::Error),
            b"PANIC" => Some(Self::Critical),
            b"VERBOSE" => Some(Self::Debug),
            upper => Self::from_upper(upper),
        }
    }

    /// Syslog severities 0 to 7 (RFC 5424, section 6.2.1).
    pub(crate) fn from_syslog(severity: u64) -> Option<Self> {
        Some(match severity {
            0..=2 => Self::Critical,
            3 => Self::Error,
            4 => Self::Warning,
            5 => Self::Notice,
            6 => Self::Info,
            7 => Self::Debug,
            _ => return None,
        })
    }

    /// Numeric levels of Python's `logging` (10 to 50).
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0..=7 => return Self::from_syslog(number),
            8..=9 => Self::Trace,
            10..=19 => Self::Debug,
            20..=24 => Self::Info,
            25..=29 => Self::Notice,
            30..=39 => Self::Warning,
            40..=49 => Self::Error,
            50..=60 => Self::Critical,
            _ => return None,
        })
    }
}

/// Counts of records by level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LevelCounts([u64; 7]);

impl LevelCounts {
    pub(crate) fn add(&mut self, level: Level) {
        if let Some(count) = self.0.get_mut(level as usize) {
            *count += 1;
        }
    }

    pub(crate) fn add_all(&mut self, levels: &[u32; Level::ALL.len()]) {
        for (count, more) in self.0.iter_mut().zip(levels) {
            *count += u64::from(*more);
        }
    }

    pub(crate) fn get(&self, level: Level) -> u64 {
        self.0.get(level as usize).copied().unwrap_or(0)
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    /// Those that are not zero.
    pub(crate) fn by_name(&self) -> BTreeMap<String, u64> {
        let all = Level::ALL.into_iter().map(|level| (level.name().to_owned(), self.get(level)));
        all.filter(|(_, count)| *count > 0).collect()
    }
}
