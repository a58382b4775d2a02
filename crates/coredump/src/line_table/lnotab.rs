//! `co_lnotab` (up to 3.9): pairs of an unsigned byte delta and a signed line delta.
//!
//! Source: `Objects/lnotab_notes.txt` and `PyCode_Addr2Line` in Objects/codeobject.c at v3.9.18.

use crate::line_table::Position;

pub(super) fn position(table: &[u8], first_line: i64, offset: u64) -> Position {
    let mut line = first_line;
    let mut reached = 0;
    for pair in table.chunks_exact(2) {
        let &[bytes, lines] = pair else { break };
        reached += u64::from(bytes);
        if reached > offset {
            break;
        }
        line += i64::from(lines.cast_signed());
    }
    Position::of_line(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_add_up_to_the_offset() {
        // Bytes 0..6 line 1, 6..50 line 2, from 50 on line 7, from 56 on line 6.
        let table = [6, 1, 44, 5, 6, 0xff];
        let check = |offset, line| assert_eq!(position(&table, 1, offset).line, Some(line), "{offset}");
        check(0, 1);
        check(5, 1);
        check(6, 2);
        check(49, 2);
        check(50, 7);
        check(56, 6);
        check(u64::MAX, 6);
    }

    #[test]
    fn a_line_below_zero_is_no_line() {
        assert_eq!(position(&[0, 0x80], 1, 0), Position::default());
    }
}
