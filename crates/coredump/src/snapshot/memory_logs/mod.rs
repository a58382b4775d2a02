//! Log messages that were in memory, and perhaps nowhere else: records that wait for a handler, lines that handlers keep, and
//! text that no stream has written yet.

mod buffers;
mod percent;
mod records;

use pycoroner_findings::Gap;

use crate::runtime::attach::PythonRuntime;
use crate::snapshot::capture::CaptureOptions;
use crate::snapshot::document::MemoryLogSection;
use crate::snapshot::held::{Held, Interest};
use crate::snapshot::values::Values;

/// Longest message that is read.
const MAX_MESSAGE: usize = 64 << 10;

/// Records by time, then what handlers keep, then what was not written.
pub(super) fn of_runtime(
    runtime: &PythonRuntime<'_>,
    options: &CaptureOptions,
    held: &Held,
    gaps: &mut Vec<Gap>,
) -> Vec<MemoryLogSection> {
    let values = Values::new(runtime, options);
    let mut found = records::sections(runtime, &values, held.of(Interest::LogRecord), gaps);
    found.extend(buffers::of_handlers(runtime, &values, held.of(Interest::LogHandler), gaps));
    found.extend(buffers::of_streams(
        runtime,
        held.of(Interest::TextStream),
        held.of(Interest::ByteStream),
        gaps,
    ));
    found
}
