//! `co_linetable` of 3.10: pairs of the length of a range and its line delta, -128 for no line.
//!
//! Source: `Objects/lnotab_notes.txt` and `advance` in Objects/codeobject.c at v3.10.13.

use crate::line_table::Position;

const NO_LINE: i8 = -128;

pub(super) fn position(table: &[u8], first_line: i64, offset: u64) -> Option<Position> {
    let mut line = first_line;
    let mut end = 0;
    for pair in table.chunks_exact(2) {
        let &[bytes, lines] = pair else { break };
        let lines = lines.cast_signed();
        end += u64::from(bytes);
        if lines != NO_LINE {
            line += i64::from(lines);
        }
        if offset < end {
            return Some(if lines == NO_LINE { Position::default() } else { Position::of_line(line) });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_has_its_line() {
        // 0..6 line 1, 6..10 none, 10..20 line 3.
        let table = [6, 0, 4, 0x80, 10, 2];
        let line = |offset| position(&table, 1, offset).map(|position| position.line);
        assert_eq!(line(0), Some(Some(1)));
        assert_eq!(line(6), Some(None));
        assert_eq!(line(10), Some(Some(3)));
        assert_eq!(line(20), None);
    }
}
