//! What is fuzzed, on committed cores that were changed in a seeded sequence: no panic, and an end within bounds.

use std::time::{Duration, Instant};

use pycoroner_coredump::fuzzing;
use pycoroner_fixtures::{Sequence, core_named};

/// Longer than any of these takes on a busy machine, even unoptimised.
const TOO_LONG: Duration = Duration::from_mins(1);

/// Numbers that lengths and pointers go wrong by.
fn word(sequence: &mut Sequence) -> u64 {
    const SPECIAL: [u64; 10] =
        [0, 1, 0xff, 0x7fff_ffff, 0xffff_ffff, 1 << 40, 1 << 47, i64::MAX as u64, 1 << 63, u64::MAX];
    match sequence.below(3) {
        0 => SPECIAL[sequence.below(SPECIAL.len())],
        1 => SPECIAL[sequence.below(SPECIAL.len())].wrapping_add(sequence.number() % 64).wrapping_sub(32),
        _ => sequence.number(),
    }
}

/// Changes some bytes or words of `within`, exchanges pieces of it, or cuts `bytes`.
fn change(sequence: &mut Sequence, bytes: &mut Vec<u8>, within: std::ops::Range<usize>) {
    for _ in 0..1 << sequence.below(8) {
        let at = within.start + sequence.below(within.len());
        match sequence.below(3) {
            0 => bytes[at] = sequence.number() as u8,
            1 => {
                let (at, word) = (at & !7, word(sequence).to_le_bytes());
                if let Some(place) = bytes.get_mut(at..at + 8) {
                    place.copy_from_slice(&word);
                }
            }
            _ => {
                let from = (within.start + sequence.below(within.len())) & !7;
                if from + 64 <= bytes.len() && (at & !7) + 64 <= bytes.len() {
                    bytes.copy_within(from..from + 64, at & !7);
                }
            }
        }
    }
    if sequence.below(8) == 0 {
        bytes.truncate(sequence.below(bytes.len()));
    }
}

/// Calls `target` with `times` changed copies of `bytes`.
#[track_caller]
fn check(name: &str, target: fn(&[u8]), bytes: &[u8], within: std::ops::Range<usize>, times: u64) {
    for seed in 1..=times {
        let mut sequence = Sequence::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut changed = bytes.to_vec();
        change(&mut sequence, &mut changed, within.clone());
        let begun = Instant::now();
        target(&changed);
        assert!(begun.elapsed() < TOO_LONG, "{name}, seed {seed}: {:?}", begun.elapsed());
    }
}

#[test]
fn headers_and_notes() {
    let bytes = core_named("medley-3.12").core_bytes();
    let head = &bytes[..64 << 10];
    check("headers", fuzzing::elf, head, 0..4096, 300);
    // The program headers end where the notes begin.
    let number = |at: usize, len: usize| {
        head[at..at + len].iter().rev().fold(0, |value, &byte| value << 8 | usize::from(byte))
    };
    let notes_at = number(32, 8) + number(56, 2) * 56;
    let notes = &head[notes_at..notes_at + (24 << 10)];
    check("notes", fuzzing::notes, notes, 0..notes.len(), 300);
}

#[test]
fn line_tables() {
    let mut sequence = Sequence::new(7);
    for len in 0..400 {
        let bytes: Vec<u8> = (0..len).map(|_| sequence.number() as u8).collect();
        fuzzing::line_tables(&bytes);
    }
    fuzzing::line_tables(&[0xff; 4096]);
    fuzzing::line_tables(&[0x80; 4096]);
}

#[test]
fn packed_streams() {
    let zstd = std::fs::read(core_named("deep-3.13").core).expect("a committed core");
    check("zstd", fuzzing::packed, &zstd[..40_000], 0..40_000, 20);
    for magic in [&[0x04, 0x22, 0x4d, 0x18][..], &[0xfd, b'7', b'z', b'X', b'Z', 0], &[0x1f, 0x8b, 8, 0]] {
        let packed = [magic, &zstd[..4000]].concat();
        check("a head of another kind", fuzzing::packed, &packed, 4..64, 40);
    }
}

#[test]
fn whole_cores() {
    for (name, times) in
        [("medley-3.8", 6), ("medley-3.11", 6), ("medley-3.13", 6), ("medley-3.14-debian", 6)]
    {
        let bytes = core_named(name).core_bytes();
        let len = bytes.len();
        check(name, fuzzing::core, &bytes, 0..len, times / 2);
        // What the interpreter keeps of itself stands in the last part.
        check(name, fuzzing::core, &bytes, len - len / 8..len, times / 2);
    }
}
