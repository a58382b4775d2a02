//! A scan as text that a test can state.

use pycoroner_findings::{SourceId, UtcTime};
use pycoroner_logscan::{Input, Options, Scan, Traceback, scan};

pub(crate) fn time(text: &str) -> UtcTime {
    serde_json::from_str(&format!("\"{text}\"")).unwrap()
}

pub(crate) fn scan_text(text: &str, options: &Options) -> Scan {
    scan_bytes(text.as_bytes(), options)
}

pub(crate) fn scan_bytes(bytes: &[u8], options: &Options) -> Scan {
    let mut reader = bytes;
    let modified = Some(time("2024-06-01T00:00:00Z"));
    let input = Input { modified, ..Input::new(SourceId(1), "app.log", &mut reader) };
    scan([input], options)
}

/// `Type: message <relation parent> [function:line …]`, one line per entry.
pub(crate) fn stacks(scan: &Scan) -> String {
    scan.tracebacks.iter().map(|entry| format!("{}\n", stack(entry))).collect()
}

fn stack(entry: &Traceback) -> String {
    let frames: Vec<String> = entry
        .frames
        .iter()
        .map(|frame| {
            let line = frame.line.map_or("?".into(), |line| line.to_string());
            let repeated = if frame.repeated > 0 { format!("*{}", frame.repeated) } else { String::new() };
            format!("{}:{line}{repeated}", frame.function.as_deref().unwrap_or("?"))
        })
        .collect();
    let relation = match (entry.relation, entry.parent) {
        (Some(relation), Some(parent)) => {
            format!(" <{} {parent}>", serde_json::to_string(&relation).unwrap().trim_matches('"'))
        }
        _ => String::new(),
    };
    let mut marks = String::new();
    for (is_set, mark) in
        [(entry.truncated, " torn"), (entry.remote, " remote"), (entry.current_thread, " current")]
    {
        marks.push_str(if is_set { mark } else { "" });
    }
    let times = if entry.count > 1 { format!(" x{}", entry.count) } else { String::new() };
    let type_name = entry.type_name.as_deref().unwrap_or("?");
    format!("{type_name}: {:?}{relation} [{}]{marks}{times}", entry.message, frames.join(" "))
}

/// Compares line by line, without the indentation of the expectation.
#[track_caller]
pub(crate) fn assert_lines(actual: &str, expected: &str, input: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let actual: Vec<&str> = actual.lines().collect();
    assert_eq!(actual, expected, "in\n{input}");
}
