//! The same result on any number of threads, and of all else where templates are not counted.

use pycoroner_findings::{SourceId, UtcTime};
use pycoroner_logscan::{Anchor, Input, Options, Scan, scan};

use crate::bounds::LINES;

fn scan_on(jobs: usize, logs: &[Vec<u8>]) -> Scan {
    let mut readers: Vec<&[u8]> = logs.iter().map(Vec::as_slice).collect();
    let inputs = readers.iter_mut().zip(1..).map(|(reader, id)| Input {
        continues: id % 3 == 0,
        ..Input::new(SourceId(id), format!("{id}.log"), reader)
    });
    let noon = Anchor::at(UtcTime(1_714_564_800_000_000_000));
    scan(inputs, &Options { jobs, anchor: Some(noon), ..Options::default() })
}

fn check(logs: &[Vec<u8>]) {
    let alone = scan_on(1, logs);
    for jobs in [2, 5] {
        assert!(scan_on(jobs, logs) == alone, "{jobs} threads find something else");
    }
}

/// Lines that mean something, in an order that a fixed seed gives.
fn jumble(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed;
    let mut text = Vec::new();
    while text.len() < size {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let line = LINES[(state >> 33) as usize % LINES.len()];
        let second = (state >> 40) % 3600;
        text.extend_from_slice(
            line.replace("12:00:00", &format!("12:{:02}:{:02}", second / 60, second % 60)).as_bytes(),
        );
        text.push(b'\n');
    }
    text
}

#[test]
fn one_log() {
    check(&[jumble(1, 1_300_000)]);
}

#[test]
fn many_logs() {
    let logs: Vec<Vec<u8>> = (0..40).map(|seed| jumble(seed, 100 * seed as usize)).collect();
    check(&logs);
    check(&[]);
    check(&[Vec::new(), b"\xef\xbb\xbf".to_vec(), vec![b'x'; 3 << 20], b"[{\n".repeat(700_000)]);
}

#[test]
fn without_templates() {
    let mut log = Vec::new();
    for (number, line) in jumble(7, 200_000).split(|byte| *byte == b'\n').enumerate() {
        let second = number / 50;
        let time = format!("2024-05-01T12:{:02}:{:02}.{:03}Z", second / 60 % 60, second % 60, number % 1000);
        let level = ["info", "debug", "warning"][number / 7 % 3];
        for message in ["plain", r#"a \"quoted\" word"#, r"two\nlines"] {
            let record = format!(
                "{{\"time\":\"{time}\",\"level\":\"{level}\",\"message\":\"{message}\",\"request_id\":\"r-{number:04}\"}}\n"
            );
            log.extend_from_slice(record.as_bytes());
        }
        if number % 20 == 0 {
            log.extend_from_slice(line);
            log.push(b'\n');
        }
    }
    let scan_with = |templates: bool| {
        let mut reader: &[u8] = &log;
        let input = Input::new(SourceId(1), "log", &mut reader);
        let scan = scan([input], &Options { templates, ..Options::default() });
        (scan.sources, scan.levels, scan.levels_over_time, scan.tracebacks, scan.events, scan.warnings)
    };
    assert!(scan_with(true) == scan_with(false));
}

/// More requests than are followed at a time.
#[test]
fn requests() {
    let mut log = Vec::new();
    for number in 0..60_000_u64 {
        let (second, millis) = (number / 20, number % 20 * 50);
        let time = format!("2024-05-01T11:{:02}:{:02}.{millis:03}Z", second / 60, second % 60);
        let message = ["started", "charging", "done"][(number / 7 % 3) as usize];
        let id = number * 7919 % 20_011;
        log.extend_from_slice(format!("{time} INFO [web] {message} request_id=req-{id:06}\n").as_bytes());
    }
    let scan = scan_on(1, std::slice::from_ref(&log));
    assert!(
        scan.requests.as_ref().is_some_and(|requests| requests.given_up > 0 && !requests.threads.is_empty())
    );
    check(&[log]);
}
