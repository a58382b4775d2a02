use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, MatchKind};

/// Why a line deserves more than its head being read; a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hits(u8);

impl Hits {
    /// The header of a traceback.
    pub(crate) const TRACEBACK: Self = Self(1);
    /// Part of what `faulthandler` or the interpreter prints at a fatal error.
    pub(crate) const DUMP: Self = Self(2);
    /// Something that [`crate::events`] knows.
    pub(crate) const EVENT: Self = Self(4);
    /// What introduces a traceback.
    pub(crate) const INTRODUCTION: Self = Self(8);
    /// An exception as JSON data.
    pub(crate) const STRUCTURED: Self = Self(16);

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Rare strings, one of which is in every line that is not only counted.
///
/// Few and long on purpose: the searcher compares the first bytes of all of them at once, and each false alarm costs.
const NEEDLES: &[(&str, Hits)] = &[
    ("Traceback (most recent call last)", Hits::TRACEBACK),
    ("most recent call first)", Hits::DUMP),
    ("Fatal Python error: ", Hits::DUMP),
    ("Windows fatal exception: ", Hits::DUMP),
    ("Timeout (", Hits::DUMP),
    ("\"exc_type", Hits::STRUCTURED),
    ("stack_trace", Hits::STRUCTURED),
    ("Exception in thread ", Hits::INTRODUCTION),
    ("Exception ignored in", Hits::INTRODUCTION),
    ("exception was never retrieved", Hits::INTRODUCTION),
    ("--- Logging error ---", Hits::INTRODUCTION),
    ("WORKER TIMEOUT (pid:", Hits::EVENT),
    ("Worker (pid:", Hits::EVENT),
    ("Worker exiting (pid:", Hits::EVENT),
    ("Booting worker with pid", Hits::EVENT),
    ("Starting gunicorn ", Hits::EVENT),
    ("Handling signal: ", Hits::EVENT),
    ("Shutting down: Master", Hits::EVENT),
    ("HARAKIRI ON WORKER", Hits::EVENT),
    ("DAMN ! worker", Hits::EVENT),
    ("!!! uWSGI process", Hits::EVENT),
    ("awned uWSGI worker", Hits::EVENT),
    ("*** Starting uWSGI", Hits::EVENT),
    ("goodbye to uWSGI", Hits::EVENT),
    ("orker exited prematurely", Hits::EVENT),
    (" exited with 'signal ", Hits::EVENT),
    ("time limit (", Hits::EVENT),
    ("Started server process [", Hits::EVENT),
    ("Finished server process [", Hits::EVENT),
    ("Child process [", Hits::EVENT),
    (": segfault at ", Hits::EVENT),
    ("general protection", Hits::EVENT),
    ("trap invalid opcode", Hits::EVENT),
    ("trap divide error", Hits::EVENT),
    ("ut of memory: Kill", Hits::EVENT),
    ("oom-kill:constraint=", Hits::EVENT),
    ("OOMKilled", Hits::EVENT),
    ("Main process exited, code=", Hits::EVENT),
    ("Failed with result '", Hits::EVENT),
    ("killed by the OOM killer", Hits::EVENT),
    ("Scheduled restart job", Hits::EVENT),
    (" dumped core", Hits::EVENT),
    ("terminate called ", Hits::EVENT),
    ("' failed.", Hits::EVENT),
    ("free(): ", Hits::EVENT),
    ("double free or corruption", Hits::EVENT),
    ("malloc(): ", Hits::EVENT),
    ("corrupted size vs. prev_size", Hits::EVENT),
    ("corrupted double-linked list", Hits::EVENT),
    ("munmap_chunk(): invalid", Hits::EVENT),
    ("realloc(): invalid", Hits::EVENT),
    ("stack smashing detected", Hits::EVENT),
    ("buffer overflow detected", Hits::EVENT),
];

/// Finds the needles of a block of lines.
pub(crate) struct Needles {
    searcher: AhoCorasick,
}

impl Needles {
    pub(crate) fn get() -> &'static Self {
        static NEEDLES_ONCE: OnceLock<Needles> = OnceLock::new();
        NEEDLES_ONCE.get_or_init(|| Self {
            // Leftmost-first lets the searcher use its vectorised prefilter for this many needles.
            searcher: AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostFirst)
                .build(NEEDLES.iter().map(|(needle, _)| needle))
                .expect("a few dozen short needles fit any automaton"),
        })
    }

    /// Where each needle is found, in order.
    pub(crate) fn find<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, Hits)> + 'a {
        self.searcher.find_iter(text).map(|found| {
            let hits = NEEDLES.get(found.pattern().as_usize()).map_or(Hits::default(), |(_, hits)| *hits);
            (found.start(), hits)
        })
    }

    /// All that one line holds.
    pub(crate) fn in_line(&self, line: &[u8]) -> Hits {
        self.find(line).fold(Hits::default(), |all, (_, hits)| all.with(hits))
    }
}
