//! Exit codes.

use std::process::ExitCode;

use pycoroner_findings::{Gap, GapKind};

/// How a command ended that did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// All evidence was read.
    Complete,
    /// Some evidence was cut, damaged or not understood.
    Incomplete,
    /// What a report states does not hold.
    Refuted,
}

impl Outcome {
    /// Judges by what could not be known.
    ///
    /// What the core never held (pages that are not dumped, files that were not given) and bounds that were
    /// reached do not make evidence incomplete; what should be there and is cut, damaged or not understood does.
    pub(crate) fn of<'a>(gaps: impl IntoIterator<Item = &'a Gap>) -> Self {
        let is_incomplete =
            |gap: &Gap| matches!(gap.kind, GapKind::Truncated | GapKind::Corrupt | GapKind::Unknown);
        if gaps.into_iter().any(is_incomplete) { Self::Incomplete } else { Self::Complete }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Complete => Self::SUCCESS,
            Outcome::Incomplete => Self::from(3),
            Outcome::Refuted => Self::from(1),
        }
    }
}

/// Wrong usage, or nothing readable.
pub(crate) const UNUSABLE: u8 = 2;
