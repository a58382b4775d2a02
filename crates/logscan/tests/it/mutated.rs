//! What is fuzzed, on the labelled logs, changed in a seeded sequence: no panic, and what every scan promises.

use std::fs;
use std::path::Path;

use pycoroner_fixtures::Sequence;
use pycoroner_logscan::fuzzing;

/// Cuts lines, repeats them, moves them, puts another log's lines among them, and changes bytes.
fn change(sequence: &mut Sequence, text: &[u8], other: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let others: Vec<&[u8]> = other.split(|byte| *byte == b'\n').collect();
    for _ in 0..1 << sequence.below(6) {
        let at = sequence.below(lines.len());
        let len = lines[at].len();
        match sequence.below(7) {
            0 => lines[at].truncate(sequence.below(len)),
            1 => lines.insert(at, lines[sequence.below(lines.len())].clone()),
            2 => {
                let to = sequence.below(lines.len());
                lines.swap(at, to);
            }
            3 => lines.insert(at, others[sequence.below(others.len())].to_vec()),
            4 if lines.len() > 1 => drop(lines.remove(at)),
            5 => {
                let tail = lines[at].split_off(sequence.below(len));
                lines.insert(at + 1, tail);
            }
            _ if len > 0 => {
                let byte = sequence.below(len);
                lines[at][byte] = sequence.number() as u8;
            }
            _ => {}
        }
    }
    lines.join(&b'\n')
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
        let mut sequence = Sequence::new((at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let other = &logs[sequence.below(logs.len())];
        fuzzing::logs(&change(&mut sequence, log, other));
    }
}
