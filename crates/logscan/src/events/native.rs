//! The C and C++ libraries, and CPython's fatal errors.

use pycoroner_findings::{Severity, signals};

use super::Fact;
use crate::ascii::contains;

/// glibc (`malloc/malloc.c`, `debug/fortify_fail.c`, `assert/assert.c`) and libstdc++.
pub(super) fn native(message: &[u8]) -> Option<Fact> {
    const MALLOC: [&[u8]; 7] = [
        b"free(): ",
        b"double free or corruption",
        b"malloc(): ",
        b"corrupted size vs. prev_size",
        b"corrupted double-linked list",
        b"munmap_chunk(): ",
        b"realloc(): ",
    ];
    const OTHERS: [&[u8]; 5] = [
        b"*** stack smashing detected ***",
        b"*** buffer overflow detected ***",
        b"terminate called without an active exception",
        b"terminate called after throwing an instance of '",
        b"terminate called recursively",
    ];
    let message = message.trim_ascii();
    let is_of_malloc = MALLOC.iter().any(|start| message.strip_prefix(*start).is_some_and(says_no_more));
    let is_assert = contains(message, b": Assertion `") && message.ends_with(b"' failed.");
    let is_abort = is_of_malloc || is_assert || OTHERS.iter().any(|start| message.starts_with(start));
    is_abort.then(|| Fact::new("native-abort", Severity::Critical, message).signal(Some(6)))
}

/// Whether a message goes on in words of `malloc/malloc.c` (glibc 2.26 to 2.40) only: nobody talks about it.
fn says_no_more(rest: &[u8]) -> bool {
    const WORDS: [&str; 45] = [
        "invalid",
        "pointer",
        "size",
        "next",
        "old",
        "double",
        "free",
        "detected",
        "in",
        "tcache",
        "too",
        "many",
        "chunk",
        "chunks",
        "unaligned",
        "corrupted",
        "unsorted",
        "top",
        "largebin",
        "smallbin",
        "linked",
        "list",
        "memory",
        "corruption",
        "while",
        "consolidating",
        "fastbins",
        "fastbin",
        "mismatching",
        "next->prev_size",
        "next->prev_inuse",
        "2",
        "3",
        "(2)",
        "(3)",
        "(fast)",
        "(normal)",
        "(unsorted)",
        "(bk)",
        "(nextsize)",
        "(top)",
        "(out)",
        "(!prev)",
        "(fasttop)",
        "(not",
    ];
    rest.split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
        .all(|word| word == b"small)" || WORDS.iter().any(|known| known.as_bytes() == word))
}

/// The signal that a `Fatal Python error:` stands for.
pub(crate) fn fatal_signal(error: &str) -> Option<u32> {
    signals::FATAL_ERRORS.iter().find(|(words, _)| *words == error).map(|(_, signal)| *signal)
}
