//! No bytes crash a reader, and whatever it says of them is a document that can be read again.

use std::fs;
use std::path::{Path, PathBuf};

use pycoroner_findings::SourceId;
use pycoroner_telemetry::{ExportFormat, Telemetry, judge, read};

/// Changed copies of each sample.
const COPIES: u64 = 25;

fn samples() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// xorshift64*: the same changes in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound.max(1)
    }
}

/// What readers of numbers, times and nested documents stumble over.
const NASTY: &[&str] = &[
    "null",
    "-1",
    "0",
    "1e308",
    "-1e308",
    "1e999",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "NaN",
    "\"\"",
    "[]",
    "{}",
    "[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":",
    "\\u0000",
    "\u{202e}",
    "\n",
    "\"",
    "}",
    "]",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "---\n",
    "&a *a",
    "\0",
];

fn changed(sample: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => bytes[at] = random.below(256) as u8,
            2 => {
                let until = (at + random.below(40)).min(bytes.len());
                bytes.drain(at..until);
            }
            3 => {
                let piece: Vec<u8> = bytes[at..(at + random.below(200)).min(bytes.len())].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {
                // In place of a number or word, where nasty values do the most.
                let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.+".contains(byte);
                let start = at + bytes[at..].iter().position(is_word).unwrap_or(0);
                let len = bytes[start..].iter().position(|byte| !is_word(byte)).unwrap_or(0);
                bytes.splice(start..start + len, NASTY[random.below(NASTY.len())].bytes());
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

fn check(format: ExportFormat, bytes: &[u8]) {
    let telemetry = judge(read(format, bytes, SourceId(1)), &[], None);
    let text = serde_json::to_string(&telemetry).unwrap();
    serde_json::from_str::<Telemetry>(&text).unwrap();
}

#[test]
fn changed_samples_crash_nothing() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut known = 0;
    for path in samples() {
        let sample = fs::read(&path).unwrap();
        let Some(format) = ExportFormat::sniff(&sample) else { continue };
        known += 1;
        check(format, &sample);
        for _ in 0..COPIES {
            let bytes = changed(&sample, &mut random);
            check(format, &bytes);
            if let Some(other) = ExportFormat::sniff(&bytes) {
                check(other, &bytes);
            }
        }
    }
    assert!(known >= 15, "{known} samples are known");
}

#[test]
fn deep_documents_crash_nothing() {
    for format in [
        ExportFormat::Alerts,
        ExportFormat::DockerInspect,
        ExportFormat::Jaeger,
        ExportFormat::KubernetesObjects,
        ExportFormat::OtelConsole,
        ExportFormat::Otlp,
        ExportFormat::PrometheusQuery,
        ExportFormat::PrometheusTargets,
        ExportFormat::Zipkin,
    ] {
        for (open, close) in
            [("[", "]"), ("{\"data\":", "}"), ("{\"resourceSpans\":[", "]}"), ("[[{\"traceId\":", "}]]")]
        {
            let deep = format!("{}0{}", open.repeat(50_000), close.repeat(50_000));
            check(format, deep.as_bytes());
        }
    }
}
