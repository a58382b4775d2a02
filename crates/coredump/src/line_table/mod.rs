//! From an instruction of a code object to its place in the source.

mod lnotab;
mod locations;
mod ranges;

use crate::runtime::dialect::LineTable;

/// Where in the source an instruction comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Position {
    /// First line, counted from 1; `None` for an instruction that the compiler gave no line.
    pub line: Option<u32>,
    /// Last line (3.11+).
    pub end_line: Option<u32>,
    /// First column, in bytes from 0 (3.11+).
    pub column: Option<u32>,
    /// One past the last column (3.11+).
    pub end_column: Option<u32>,
}

impl Position {
    fn of_line(line: i64) -> Self {
        Self { line: u32::try_from(line).ok(), ..Self::default() }
    }
}

/// Finds the position of the instruction `offset` bytes into the code of a function that begins on
/// `first_line`; `None` when the table has no entry for it.
pub(crate) fn position(format: LineTable, table: &[u8], first_line: i64, offset: u64) -> Option<Position> {
    match format {
        LineTable::Lnotab => Some(lnotab::position(table, first_line, offset)),
        LineTable::Ranges => ranges::position(table, first_line, offset),
        LineTable::Locations => locations::position(table, first_line, offset),
    }
}
