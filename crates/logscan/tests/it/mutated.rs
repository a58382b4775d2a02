//! What is fuzzed, on the labelled logs, changed in a seeded sequence: no panic, and what every scan promises.

use std::fs;
use std::path::Path;

use pycoroner_logscan::fuzzing;

/// xorshift64: a sequence that a failure can be repeated with.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// Cuts lines, repeats them, moves them, puts another log's lines among them, and changes bytes.
    fn change(&mut self, text: &[u8], other: &[u8]) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let others: Vec<&[u8]> = other.split(|byte| *byte == b'\n').collect();
        for _ in 0..1 << self.below(6) {
            let at = self.below(lines.len());
            let len = lines[at].len();
            match self.below(7) {
                0 => lines[at].truncate(self.below(len)),
                1 => lines.insert(at, lines[self.below(lines.len())].clone()),
                2 => {
                    let to = self.below(lines.len());
                    lines.swap(at, to);
                }
                3 => lines.insert(at, others[self.below(others.len())].to_vec()),
                4 if lines.len() > 1 => drop(lines.remove(at)),
                5 => {
                    let tail = lines[at].split_off(self.below(len));
                    lines.insert(at + 1, tail);
                }
                _ if len > 0 => {
                    let byte = self.below(len);
                    lines[at][byte] = self.next() as u8;
                }
                _ => {}
            }
        }
        lines.join(&b'\n')
    }
}

#[test]
fn changed_logs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/corpus");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "log"));
    paths.sort();
    let logs: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(logs.len() >= 150);
    // Some of them: unoptimised, a scan takes long. libFuzzer goes on from here.
    for (at, log) in logs.iter().enumerate().step_by(2) {
        let mut sequence = Sequence((at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let other = &logs[sequence.below(logs.len())];
        fuzzing::logs(&sequence.change(log, other));
    }
}
