//! Log messages that were in memory, and perhaps nowhere else: records that wait for a handler, lines that handlers keep, and
//! text that no stream has written yet.

mod buffers;
mod percent;
mod records;

use pycoroner_findings::{Gap, GapKind};

use crate::runtime::attach::PythonRuntime;
use crate::snapshot::capture::CaptureOptions;
use crate::snapshot::document::MemoryLogSection;
use crate::snapshot::held::{Held, Interest};
use crate::snapshot::values::Values;

/// Longest message that is read.
const MAX_MESSAGE: usize = 64 << 10;
/// Most bytes of all messages together: a list may hold one long string many times.
const MAX_ALL: usize = 16 << 20;
/// What a message costs beside its text.
const OVERHEAD: usize = 64;

/// How much may still be kept.
struct Room {
    left: usize,
    is_full: bool,
}

impl Room {
    /// Whether the message still fits; nothing does once one has not.
    fn take(&mut self, section: &MemoryLogSection) -> bool {
        match self.left.checked_sub(section.message.len() + OVERHEAD) {
            Some(left) if !self.is_full => self.left = left,
            _ => self.is_full = true,
        }
        !self.is_full
    }
}

/// Records by time, then what handlers keep, then what was not written.
pub(super) fn of_runtime(
    runtime: &PythonRuntime<'_>,
    options: &CaptureOptions,
    held: &Held,
    gaps: &mut Vec<Gap>,
) -> Vec<MemoryLogSection> {
    let values = Values::new(runtime, options);
    let mut room = Room { left: MAX_ALL, is_full: false };
    let mut found = records::sections(runtime, &values, held.of(Interest::LogRecord), &mut room, gaps);
    found.extend(buffers::of_handlers(runtime, &values, held.of(Interest::LogHandler), &mut room, gaps));
    found.extend(buffers::of_streams(
        runtime,
        held.of(Interest::TextStream),
        held.of(Interest::ByteStream),
        &mut room,
        gaps,
    ));
    if room.is_full {
        let why = format!("more than {} MiB", MAX_ALL >> 20);
        gaps.push(Gap::new(GapKind::Limit, "further log messages in memory", why));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_so_much_text() {
        let message = |len| MemoryLogSection {
            logger: None,
            level: None,
            time: None,
            message: "x".repeat(len),
            found_in: "buffer",
        };
        let mut room = Room { left: 3 * OVERHEAD + 10, is_full: false };
        let lens = [4, 4, 100, 0];
        assert_eq!(lens.map(|len| room.take(&message(len))), [true, true, false, false]);
        assert!(room.is_full);
    }
}
