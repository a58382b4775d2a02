//! Samples that were changed in a seeded sequence: every reader comes back, without a panic.

use pycoroner_findings::SourceId;
use pycoroner_fixtures::Sequence;
use pycoroner_telemetry::{ExportFormat, read};

/// Changes bytes, puts in what parsers are wary of, moves and doubles pieces, cuts.
fn change(sequence: &mut Sequence, bytes: &mut Vec<u8>) {
    const WARY: [&[u8]; 16] = [
        b"\"",
        b"{",
        b"[",
        b"]",
        b"}",
        b"\0",
        b"\xff",
        b"\n",
        b",,",
        b"-1",
        b"1e999",
        b"99999999999999999999",
        b"null",
        b"\\u0000",
        b"(",
        b"\xe2\x80\xae",
    ];
    for _ in 0..1 << sequence.below(5) {
        let at = sequence.below(bytes.len());
        match sequence.below(5) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = sequence.below(256) as u8;
                }
            }
            1 => {
                let wary = WARY[sequence.below(WARY.len())];
                bytes.splice(at..at, wary.iter().copied());
            }
            2 => {
                let end = (at + sequence.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                let end = (at + sequence.below(400)).min(bytes.len());
                let piece = bytes.get(at..end).unwrap_or_default().to_vec();
                let to = sequence.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {
                let from = sequence.below(bytes.len());
                if let (Some(byte), true) = (bytes.get(from).copied(), at < bytes.len()) {
                    bytes[at] = byte;
                }
            }
        }
    }
    if sequence.below(8) == 0 {
        bytes.truncate(sequence.below(bytes.len()));
    }
}

/// Reads so many changed copies of a sample, each as what it is and as what it looks like.
#[track_caller]
fn check(sample: &[u8], times: u64) {
    let head = sample.get(..1 << 16).unwrap_or(sample);
    let format = ExportFormat::sniff(head).expect("a sample is sniffed");
    for seed in 1..=times {
        let mut sequence = Sequence::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut changed = sample.to_vec();
        change(&mut sequence, &mut changed);
        let telemetry = read(format, &changed, SourceId(1));
        assert!(telemetry.exports.len() <= 1, "seed {seed}");
        if let Some(other) = ExportFormat::sniff(&changed).filter(|other| *other != format) {
            read(other, &changed, SourceId(1));
        }
    }
}

#[test]
fn tracemalloc() {
    check(include_bytes!("../data/tracemalloc/3.12.pickle"), 2000);
    check(include_bytes!("../data/tracemalloc/3.12-protocol2.pickle"), 2000);
    check(include_bytes!("../data/tracemalloc/3.6.pickle"), 500);
}

#[test]
fn profilers() {
    check(include_bytes!("../data/pyspy/locals.txt"), 500);
    check(include_bytes!("../data/pyspy/dump.json"), 500);
    check(include_bytes!("../data/pyspy/raw.txt"), 500);
    check(include_bytes!("../data/pyspy/speedscope.json"), 500);
    check(include_bytes!("../data/memray/stats.json"), 500);
    check(include_bytes!("../data/memray/rows.csv"), 500);
    check(include_bytes!("../data/objgraph/growth.txt"), 500);
    check(include_bytes!("../data/objgraph/backrefs.dot"), 500);
}

#[test]
fn processes() {
    check(include_bytes!("../data/psutil/snapshot.json"), 300);
    check(include_bytes!("../data/psutil/as_dict.json"), 500);
    check(include_bytes!("../data/psutil/series.jsonl"), 500);
    check(include_bytes!("../data/systemd/coredumpctl_list.txt"), 500);
    check(include_bytes!("../data/systemd/coredumpctl_list.json"), 500);
    check(include_bytes!("../data/systemd/coredumpctl_info.txt"), 500);
    check(include_bytes!("../data/systemd/getfattr.txt"), 500);
    check(include_bytes!("../data/systemd/ls.txt"), 500);
}

#[test]
fn alerts() {
    check(include_bytes!("../data/alertmanager/amtool_query.json"), 300);
    check(include_bytes!("../data/alertmanager/amtool_rows.txt"), 500);
    check(include_bytes!("../data/alertmanager/amtool_rows_extended.txt"), 500);
}

#[test]
fn reports() {
    check(include_bytes!("../data/sentry/event.json"), 300);
    check(include_bytes!("../data/sentry/envelopes.bin"), 300);
    check(include_bytes!("../data/incident/incident.toml"), 500);
    check(include_bytes!("../data/incident/incident.yaml"), 500);
}
