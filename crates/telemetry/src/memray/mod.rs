//! What [memray](https://bloomberg.github.io/memray/stats.html) writes: `memray stats --json`, and the rows of
//! `memray transform csv`.

pub(crate) mod rows;
pub(crate) mod stats;

use crate::document::StackFrame;

fn frame(function: &str, file: &str, line: &str) -> StackFrame {
    StackFrame {
        function: function.to_owned(),
        file: Some(file.to_owned()).filter(|file| !file.is_empty()),
        line: line.parse().ok(),
    }
}
