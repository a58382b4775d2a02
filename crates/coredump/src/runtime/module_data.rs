//! The variables of the module that a runtime lies in, for what only their shape tells: `static` ones of C files.

use crate::address::Address;
use crate::runtime::attach::PythonRuntime;

/// Most bytes that are read; an interpreter has some two MiB, a program that embeds one may have more.
const MOST_BYTES: usize = 16 << 20;

/// Writable memory around a runtime, as words.
#[derive(Debug, Default)]
pub(crate) struct ModuleData {
    pieces: Vec<(Address, Vec<u64>)>,
}

impl ModuleData {
    /// Reads the mappings that touch that of the runtime, the nearest first: thread stacks and arenas may lie beside the
    /// module, and are left out where they are large.
    pub(crate) fn of(runtime: &PythonRuntime<'_>) -> Self {
        if runtime.recovery().is_some() {
            return Self::default();
        }
        let core = runtime.process().core();
        let place = runtime.address().address();
        let mut run: Vec<_> = core.run_of_segments(place).iter().filter(|segment| segment.writable).collect();
        run.sort_by_key(|segment| {
            let before = place.0.saturating_sub(segment.end().0.saturating_sub(1));
            (before.max(segment.address.0.saturating_sub(place.0)), segment.address)
        });
        let mut left = MOST_BYTES;
        let mut data = Self::default();
        for segment in run {
            let bytes = core.segment_bytes(segment);
            if bytes.len() <= left {
                left -= bytes.len();
                data.pieces.push((segment.address, core.target().words(bytes).collect()));
            }
        }
        data
    }

    /// Places whose words, from there on, `take` makes something of.
    pub(crate) fn find<T>(&self, take: impl Fn(&[u64]) -> Option<T>) -> Vec<(Address, T)> {
        let mut found = Vec::new();
        for (start, words) in &self.pieces {
            for at in 0..words.len() {
                if let Some(taken) = words.get(at..).and_then(&take) {
                    found.push((start.wrapping_add(at as u64 * 8), taken));
                }
            }
        }
        found
    }
}
