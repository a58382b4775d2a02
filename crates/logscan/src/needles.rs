//! Finds many rare strings in log text, in one pass that looks at every fifth place only.
//!
//! The idea is that of S. Wu and U. Manber, "A Fast Algorithm for Multi-Pattern Searching" (1994), with a fixed shift:
//! of each needle the windows at its first [`STRIDE`] offsets are known, so that one of them stands at a place that is
//! looked at, wherever the needle stands. How many needles there are costs nothing, and how common their first bytes
//! are costs little: a vectorised search for first bytes was measured to take four times as long on these needles.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

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
/// None is shorter than [`MIN_LEN`], and none holds a newline.
const NEEDLES: &[(&str, Hits)] = &[
    ("Traceback (most recent call last)", Hits::TRACEBACK),
    ("most recent call first)", Hits::DUMP),
    ("Fatal Python error: ", Hits::DUMP),
    ("Windows fatal exception: ", Hits::DUMP),
    ("Timeout (", Hits::DUMP),
    ("\"exc_type", Hits::STRUCTURED),
    ("stack_trace", Hits::STRUCTURED),
    ("Exception in thread ", Hits::INTRODUCTION),
    ("Exception ignored ", Hits::INTRODUCTION),
    ("Exception in callback ", Hits::INTRODUCTION),
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
    ("Worker with pid ", Hits::EVENT),
    ("Autorestarting worker after", Hits::EVENT),
    ("Reason: Worker failed to boot", Hits::EVENT),
    ("Reason: App failed to load", Hits::EVENT),
    ("HARAKIRI [core ", Hits::EVENT),
    ("DAMN ! mule", Hits::EVENT),
    ("killed successfully (pid: ", Hits::EVENT),
    ("...The work of process ", Hits::EVENT),
    ("uWSGI listen queue of socket", Hits::EVENT),
    ("SIGINT/SIGTERM received...killing", Hits::EVENT),
    ("Terminated child process [", Hits::EVENT),
    ("Started parent process [", Hits::EVENT),
    ("Stopping parent process [", Hits::EVENT),
    ("Running on http", Hits::EVENT),
    (" exited with 'exitcode ", Hits::EVENT),
    ("Connection to broker lost", Hits::EVENT),
    ("missed heartbeat from ", Hits::EVENT),
    ("] celery@", Hits::EVENT),
    ("worker: Warm shutdown", Hits::EVENT),
    ("worker: Cold shutdown", Hits::EVENT),
    ("terminated unexpectedly; waitpid", Hits::EVENT),
    ("Killed horse pid ", Hits::EVENT),
    ("exceeded maximum timeout value (", Hits::EVENT),
    (": started with PID ", Hits::EVENT),
    ("arm shut down requested", Hits::EVENT),
    (": cold shut down", Hits::EVENT),
    ("Task exited with return code ", Hits::EVENT),
    ("Process psutil.Process(pid=", Hits::EVENT),
    ("likely due to running out of memory", Hits::EVENT),
    ("Received SIGTERM. Terminating", Hits::EVENT),
    ("Detected zombie job", Hits::EVENT),
    ("Internal Server Error: /", Hits::EVENT),
    ("Exception in ASGI application", Hits::EVENT),
    ("Error in ASGI Framework", Hits::EVENT),
    ("Error handling request", Hits::EVENT),
    ("Exception while serving ", Hits::EVENT),
    ("Uncaught exception ", Hits::EVENT),
    ("Exception on /", Hits::EVENT),
    ("trap stack segment", Hits::EVENT),
    (": unhandled ", Hits::EVENT),
    ("Killed process ", Hits::EVENT),
    ("killed as a result of limit of ", Hits::EVENT),
    ("memory.oom.group set", Hits::EVENT),
    ("invoked oom-killer: ", Hits::EVENT),
    ("due to memory ", Hits::EVENT),
    ("Watchdog timeout (limit ", Hits::EVENT),
    ("timed out. Killing", Hits::EVENT),
    ("timed out. Terminating", Hits::EVENT),
    (": Killing process ", Hits::EVENT),
    ("Start request repeated too quickly", Hits::EVENT),
    ("container oom ", Hits::EVENT),
    (" exited with code ", Hits::EVENT),
    ("container die ", Hits::EVENT),
    ("Exit Code:", Hits::EVENT),
    ("iveness probe", Hits::EVENT),
    ("Back-off restarting failed", Hits::EVENT),
    ("low on resource: memory", Hits::EVENT),
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
    ("free(): invalid ", Hits::EVENT),
    ("free(): double free ", Hits::EVENT),
    ("free(): too many ", Hits::EVENT),
    ("free(): corrupted ", Hits::EVENT),
    ("free(): unaligned ", Hits::EVENT),
    ("double free or corruption", Hits::EVENT),
    ("malloc(): ", Hits::EVENT),
    ("corrupted size vs. prev_size", Hits::EVENT),
    ("corrupted double-linked list", Hits::EVENT),
    ("munmap_chunk(): invalid", Hits::EVENT),
    ("realloc(): invalid", Hits::EVENT),
    ("stack smashing detected", Hits::EVENT),
    ("buffer overflow detected", Hits::EVENT),
];

/// Bytes between two places that are looked at.
const STRIDE: usize = 5;
/// Bytes that are compared at a place.
const WINDOW: usize = 5;
/// So long must a needle be that one of its windows is always looked at.
const MIN_LEN: usize = WINDOW + STRIDE - 1;

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks the index")]
const _: () = {
    let mut at = 0;
    while at < NEEDLES.len() {
        let needle = NEEDLES[at].0.as_bytes();
        assert!(needle.len() >= MIN_LEN, "a needle is too short");
        let mut byte = 0;
        while byte < needle.len() {
            // So none is in a time or goes on behind one: see `reach`.
            assert!(!needle[byte].is_ascii_digit(), "a needle holds a digit");
            byte += 1;
        }
        at += 1;
    }
};

/// Words of the filter's bits.
const WORDS: usize = 1 << 10;

/// Words of the first filter's bits: few enough to leave most of a processor's fastest cache to the text.
const MARKS: usize = 1 << MARK_BITS;
const MARK_BITS: u32 = 12;

/// Finds the needles of a block of lines.
pub(crate) struct Needles {
    /// A bit for each hash of a window; most windows of a text are passed over by this alone.
    marks: Box<[u32; MARKS]>,
    /// A bit for each longer hash of a window.
    filter: Box<[u64; WORDS]>,
    /// Needles by window, with the window's offset in the needle.
    by_window: FxHashMap<u64, Vec<Place>>,
}

/// A window's place in a needle.
struct Place {
    needle: &'static [u8],
    offset: usize,
    hits: Hits,
}

impl Needles {
    pub(crate) fn get() -> &'static Self {
        static NEEDLES_ONCE: OnceLock<Needles> = OnceLock::new();
        NEEDLES_ONCE.get_or_init(|| Self::of(NEEDLES))
    }

    fn of(needles: &[(&'static str, Hits)]) -> Self {
        let mut this = Self {
            marks: vec![0; MARKS].try_into().unwrap_or_else(|_| unreachable!("it has this length")),
            filter: Box::new([0; WORDS]),
            by_window: FxHashMap::default(),
        };
        for (needle, hits) in needles {
            let needle = needle.as_bytes();
            for offset in 0..STRIDE {
                let Some(window) = window_at(needle, offset) else { continue };
                let (word, bit) = slot(window);
                if let Some(word) = this.filter.get_mut(word) {
                    *word |= bit;
                }
                let (word, bit) = mark_of(window);
                if let Some(word) = this.marks.get_mut(word) {
                    *word |= 1 << bit;
                }
                this.by_window.entry(window).or_default().push(Place { needle, offset, hits: *hits });
            }
        }
        this
    }

    /// Looks for them line by line.
    pub(crate) fn search<'a>(&'a self, text: &'a [u8]) -> Search<'a> {
        Search { needles: self, text, at: 0 }
    }

    /// All that one line holds.
    pub(crate) fn in_line(&self, line: &[u8]) -> Hits {
        self.search(line).hits_before(line.len())
    }

    /// Whether one stands in a part of a line, or partly behind it.
    #[inline]
    pub(crate) fn may_be_in(&self, line: &[u8], from: usize, to: usize) -> bool {
        let mut rest = line.get(from..).unwrap_or_default();
        let mut left = to.saturating_sub(from);
        while left >= WINDOW {
            if left >= CHUNK / 2
                && let Some(chunk) = rest.first_chunk::<CHUNK>()
                && !self.may_hold_any(chunk)
            {
                rest = rest.get(PLACES * STRIDE..).unwrap_or_default();
                left = left.saturating_sub(PLACES * STRIDE);
                continue;
            }
            let bytes = match rest.first_chunk::<8>() {
                Some(bytes) => u64::from_le_bytes(*bytes),
                None => window_at(rest, 0).unwrap_or_default(),
            };
            let (window, at) = (bytes & MASK, line.len() - rest.len());
            if self.mark(bytes) & 1 != 0 && self.may_hold(window) && !self.at(line, at, window).is_empty() {
                return true;
            }
            rest = rest.get(STRIDE..).unwrap_or_default();
            left = left.saturating_sub(STRIDE);
        }
        false
    }

    #[inline]
    fn may_hold(&self, window: u64) -> bool {
        let (word, bit) = slot(window);
        self.filter.get(word).is_some_and(|word| word & bit != 0)
    }

    /// All that is found in the first bytes of a text, and perhaps more of the same line.
    ///
    /// Looks at so many places at once that most messages take one look: lengths differ from line to line, so that to
    /// go on by a few at a time would be mispredicted for each.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "measured, as part of the loop in which most lines are read")]
    pub(crate) fn in_start(&self, text: &[u8], len: usize) -> Hits {
        match text.first_chunk::<MESSAGE>() {
            Some(chunk) if len <= MESSAGE_PLACES * STRIDE && !self.may_hold_any(chunk) => Hits::default(),
            _ => self.in_long_start(text, len),
        }
    }

    #[inline(never)]
    fn in_long_start(&self, text: &[u8], len: usize) -> Hits {
        let mut rest = text;
        let mut left = len;
        while left >= WINDOW {
            // Places behind the end do no harm: what seems to be there is looked for again.
            let Some(chunk) = rest.first_chunk::<MESSAGE>() else { break };
            if self.may_hold_any(chunk) && self.holds_window(chunk, left) {
                break;
            }
            rest = rest.get(MESSAGE_PLACES * STRIDE..).unwrap_or_default();
            left = left.saturating_sub(MESSAGE_PLACES * STRIDE);
        }
        if left < WINDOW { Hits::default() } else { self.in_line(text.get(..len).unwrap_or_default()) }
    }

    /// The lowest bit is set where a window may be one of a needle: the one that eight bytes start with.
    #[inline]
    fn mark(&self, bytes: u64) -> u32 {
        let (word, bit) = mark_of(bytes);
        self.marks.get(word).map_or(1, |word| word >> bit)
    }

    /// Whether one of the windows at the places of a chunk may be one of a needle.
    #[inline]
    fn may_hold_any<const LEN: usize>(&self, chunk: &[u8; LEN]) -> bool {
        let mut any = 0;
        let mut rest = chunk.as_slice();
        for _ in 0..places_of(LEN) {
            let Some(bytes) = rest.first_chunk::<8>() else { return true };
            any |= self.mark(u64::from_le_bytes(*bytes));
            rest = rest.get(STRIDE..).unwrap_or_default();
        }
        any & 1 != 0
    }

    /// Whether a window of a needle is among those of a chunk that lie within its first bytes: most marks are others'.
    #[inline(never)]
    fn holds_window<const LEN: usize>(&self, chunk: &[u8; LEN], len: usize) -> bool {
        (0..places_of(LEN)).map(|place| place * STRIDE).take_while(|at| at + WINDOW <= len).any(|at| {
            let bytes =
                chunk.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes));
            self.mark(bytes) & 1 != 0 && self.may_hold(bytes & MASK)
        })
    }

    /// How many of a text's last bytes may be the start of a needle that goes on behind it; `None` when the text holds
    /// one as a whole.
    pub(crate) fn reach(&self, text: &[u8]) -> Option<usize> {
        if !self.in_line(text).is_empty() {
            return None;
        }
        let starts = |needle: &[u8]| {
            (1..needle.len()).rev().find(|len| needle.get(..*len).is_some_and(|start| text.ends_with(start)))
        };
        Some(NEEDLES.iter().filter_map(|(needle, _)| starts(needle.as_bytes())).max().unwrap_or(0))
    }

    /// The needles that have this window at this place of the text.
    #[cold]
    fn at(&self, text: &[u8], at: usize, window: u64) -> Hits {
        let mut all = Hits::default();
        for Place { needle, offset, hits } in self.by_window.get(&window).into_iter().flatten() {
            let start = at.checked_sub(*offset);
            if start.and_then(|start| text.get(start..)).is_some_and(|rest| rest.starts_with(needle)) {
                all = all.with(*hits);
            }
        }
        all
    }
}

/// Goes through the lines of a text.
pub(crate) struct Search<'a> {
    needles: &'a Needles,
    text: &'a [u8],
    at: usize,
}

impl Search<'_> {
    /// What the lines hold that end here, and that were not looked at.
    #[inline]
    fn hits_before(&mut self, end: usize) -> Hits {
        let mut all = Hits::default();
        while self.at < end {
            // Almost all of a text is passed over here.
            let chunk = self.text.get(self.at..).and_then(<[u8]>::first_chunk::<CHUNK>);
            if chunk.is_some_and(|chunk| !self.needles.may_hold_any(chunk)) {
                self.at += PLACES * STRIDE;
                continue;
            }
            for _ in 0..PLACES {
                let place = self.at;
                if place >= end {
                    break;
                }
                self.at += STRIDE;
                if let Some(window) = window_at(self.text, place)
                    && self.needles.may_hold(window)
                {
                    all = all.with(self.needles.at(self.text, place, window));
                }
            }
        }
        all
    }

    /// What one line holds, behind those that were looked at or passed over.
    #[inline]
    pub(crate) fn hits_in(&mut self, start: usize, end: usize) -> Hits {
        self.at = self.at.max(start);
        self.hits_before(end)
    }
}

/// Places that are looked at together, and the bytes that takes: in lines of any kind, and in messages.
const PLACES: usize = 4;
const CHUNK: usize = bytes_of(PLACES);
const MESSAGE_PLACES: usize = 13;
const MESSAGE: usize = bytes_of(MESSAGE_PLACES);

const fn bytes_of(places: usize) -> usize {
    (places - 1) * STRIDE + 8
}

const fn places_of(bytes: usize) -> usize {
    (bytes - 8) / STRIDE + 1
}

/// The bits of a window among those of eight bytes.
const MASK: u64 = u64::MAX >> (64 - 8 * WINDOW);

fn window_at(text: &[u8], at: usize) -> Option<u64> {
    let window = text.get(at..at + WINDOW)?;
    Some(window.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// Word and bit of the first filter, of the window that eight bytes start with: the others are shifted out. The bit is
/// told by the window's first byte, at no cost.
#[inline]
fn mark_of(bytes: u64) -> (usize, u32) {
    let hash = bytes.wrapping_mul(0x9e37_79b9_7f4a_7c15 << (64 - 8 * WINDOW));
    ((hash >> (64 - MARK_BITS)) as usize, bytes as u32 % 32)
}

/// Word and bit of the filter; Fibonacci hashing, of which the highest bits are the best.
#[inline]
fn slot(window: u64) -> (usize, u64) {
    let hash = window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    ((hash >> 6) as usize, 1 << (hash & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needles_are_found_wherever_they_stand() {
        for (needle, hits) in NEEDLES {
            assert!(!needle.contains('\n'), "{needle}");
            for before in 0..2 * STRIDE {
                for after in [0, 1, 9] {
                    let text = format!("{}{needle}{}", "x".repeat(before), "y".repeat(after));
                    assert!(Needles::get().in_line(text.as_bytes()).has(*hits), "{text}");
                    let cut = text.as_bytes().get(..before + needle.len() - 1).unwrap();
                    assert_eq!(Needles::of(&[(needle, *hits)]).in_line(cut), Hits::default(), "{text}");
                }
            }
        }
    }

    /// So that [`crate::json_layout`] need not look for needles between the values of a record.
    #[test]
    fn no_needle_goes_beyond_a_value_of_json() {
        let could_be_literal = |run: &str, is_start: bool, is_end: bool| {
            let is_number = run.bytes().all(|byte| byte.is_ascii_digit() || b".-+eE".contains(&byte));
            is_number
                || ["true", "false", "null", "NaN", "Infinity"].iter().any(|word| match (is_start, is_end) {
                    (true, true) => word.contains(run),
                    (true, false) => word.ends_with(run),
                    (false, true) => word.starts_with(run),
                    (false, false) => *word == run,
                })
        };
        let is_inside = |letter: char| letter.is_ascii_alphanumeric() || ".-+".contains(letter);
        for (needle, _) in NEEDLES {
            assert!(!needle.chars().skip(1).any(|letter| letter == '"'), "{needle}");
            for (at, run) in needle.match_indices(is_inside) {
                let (before, behind) = (&needle[..at], &needle[at..]);
                if before.ends_with(is_inside) {
                    continue;
                }
                let len = behind.find(|letter| !is_inside(letter)).unwrap_or(behind.len());
                let (word, behind) = behind.split_at(len);
                let (outer_before, outer_behind) = (before.trim_end(), behind.trim_start());
                let may_start = outer_before.is_empty() || outer_before.ends_with([':', '[', ',']);
                let may_end = outer_behind.is_empty() || outer_behind.starts_with([',', ']', '}']);
                let may_be = could_be_literal(word, before.is_empty(), behind.is_empty());
                assert!(!(may_start && may_end && may_be), "{needle}: {run}");
            }
        }
    }

    #[test]
    fn parts_of_a_line() {
        let text = b"..WORKER TIMEOUT (pid:..";
        for from in 0..text.len() {
            for to in from..=text.len() {
                let is_inside = from <= 2 && to >= 22;
                assert!(Needles::get().may_be_in(text, from, to) || !is_inside, "{from} {to}");
            }
        }
        assert!(!Needles::get().may_be_in(text, 3, 3));
        assert!(!Needles::get().may_be_in(b"..WORKER TIMEOUT (pid..", 0, 23));
    }

    #[test]
    fn the_start_of_a_text() {
        let needle = "WORKER TIMEOUT (pid:";
        for before in 0..2 * MESSAGE {
            let end = before + needle.len();
            let text = format!("{}{needle}{}", "x".repeat(before), "y".repeat(3 * MESSAGE - end));
            for text in [text.as_bytes(), text.as_bytes().get(..end + 2).unwrap()] {
                assert_eq!(Needles::get().in_start(text, end), Hits::EVENT, "{before}");
                assert_eq!(Needles::get().in_start(text, end - 1), Hits::default(), "{before}");
            }
        }
    }

    #[test]
    fn order_and_neighbours() {
        let text =
            b"a Traceback (most recent call last):\nWorker (pid:7) was sent SIGKILL! Fatal Python error: x";
        let mut search = Needles::get().search(text);
        let first = text.iter().position(|byte| *byte == b'\n').unwrap();
        assert_eq!(search.hits_before(first), Hits::TRACEBACK);
        assert_eq!(search.hits_before(text.len()), Hits::EVENT.with(Hits::DUMP));
        let mut search = Needles::get().search(text);
        assert_eq!(search.hits_in(first, text.len()), Hits::EVENT.with(Hits::DUMP));
        assert_eq!(Needles::get().in_line(b""), Hits::default());
    }
}
