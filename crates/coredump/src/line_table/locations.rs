//! The location table (3.11+): one variable-length entry per run of instructions, with columns.
//!
//! Source: Objects/locations.md at v3.11.7 (`InternalDocs/code_objects.md` at v3.13.0); PEP 657.

use crate::line_table::Position;

/// Bytes per code unit; entries count units.
const CODE_UNIT: u64 = 2;

pub(super) fn position(table: &[u8], first_line: i64, offset: u64) -> Option<Position> {
    let mut bytes = Bytes { rest: table };
    let mut line = first_line;
    let mut end = 0;
    loop {
        let head = bytes.next()?;
        end += (u64::from(head & 7) + 1) * CODE_UNIT;
        let found = entry(head >> 3 & 15, &mut bytes, &mut line)?;
        if offset < end {
            return Some(found);
        }
    }
}

/// Decodes the entry behind a head byte with `code`, moving `line` on.
fn entry(code: u8, bytes: &mut Bytes<'_>, line: &mut i64) -> Option<Position> {
    let (end_line, columns) = match code {
        0..=9 => {
            let low = bytes.next()?;
            let column = u32::from(code) << 3 | u32::from(low >> 4 & 7);
            (*line, Some((column, column + u32::from(low & 15))))
        }
        10..=12 => {
            *line = line.wrapping_add(i64::from(code - 10));
            (*line, Some((u32::from(bytes.next()?), u32::from(bytes.next()?))))
        }
        13 => {
            *line = line.wrapping_add(bytes.signed()?);
            (*line, None)
        }
        14 => {
            *line = line.wrapping_add(bytes.signed()?);
            let end_line = line.wrapping_add(bytes.unsigned()?.cast_signed());
            // Columns are stored plus one; zero stands for none.
            let (start, end) = (bytes.unsigned()?, bytes.unsigned()?);
            let column = |stored: u64| stored.checked_sub(1).and_then(|column| u32::try_from(column).ok());
            (end_line, column(start).zip(column(end)))
        }
        _ => return Some(Position::default()),
    };
    Some(Position {
        line: u32::try_from(*line).ok(),
        end_line: u32::try_from(end_line).ok(),
        column: columns.map(|(start, _)| start),
        end_column: columns.map(|(_, end)| end),
    })
}

struct Bytes<'t> {
    rest: &'t [u8],
}

impl Bytes<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Six bits per byte, least significant first; bit six says that more follow.
    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..60).step_by(6) {
            let byte = self.next()?;
            value |= u64::from(byte & 0x3f) << shift;
            if byte & 0x40 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// The sign is the lowest bit.
    fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        let magnitude = (value >> 1).cast_signed();
        Some(if value & 1 == 1 { -magnitude } else { magnitude })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, end_line: u32, column: u32, end_column: u32) -> Position {
        Position {
            line: Some(line),
            end_line: Some(end_line),
            column: Some(column),
            end_column: Some(end_column),
        }
    }

    #[test]
    fn all_forms() {
        let table = [
            0x80 | 1 << 3,
            0x34, // short form: one unit, column 1<<3 | 3, four wide
            0x80 | 11 << 3 | 1,
            4,
            9, // next line, two units, columns 4 to 9
            0x80 | 13 << 3,
            5, // no columns: signed delta -2
            0x80 | 14 << 3,
            8,
            2,
            5,
            0x41,
            1,              // long: +4 lines, two more at the end, columns 4 and 64
            0x80 | 15 << 3, // none
        ];
        let check = |offset, expected| assert_eq!(position(&table, 10, offset), expected, "{offset}");
        check(0, Some(at(10, 10, 11, 15)));
        check(2, Some(at(11, 11, 4, 9)));
        check(5, Some(at(11, 11, 4, 9)));
        check(6, Some(Position { line: Some(9), end_line: Some(9), ..Position::default() }));
        check(8, Some(at(13, 15, 4, 64)));
        check(10, Some(Position::default()));
        check(12, None);
    }

    #[test]
    fn an_endless_number_is_no_position() {
        assert_eq!(position(&[0x80 | 13 << 3, 0x7f, 0x7f, 0x7f], 1, 0), None);
        assert_eq!(position(&[&[0x80 | 13 << 3][..], &[0x7f; 40]].concat(), 1, 0), None);
    }
}
