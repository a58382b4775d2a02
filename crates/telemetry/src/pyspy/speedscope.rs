//! Samples in the [file format of speedscope](https://www.speedscope.app/file-format-schema.json).

use std::collections::HashMap;

use pycoroner_findings::{Citation, Gap, GapKind, SourceId, Span};
use serde::Deserialize;

use super::{MOST_FRAMES, MOST_STACKS};
use crate::document::{Export, StackDump, StackFrame, Telemetry, ThreadStack};
use crate::format::ExportFormat;
use crate::head::Head;

#[derive(Deserialize)]
struct File {
    shared: Shared,
    profiles: Vec<Profile>,
}

#[derive(Deserialize)]
struct Shared {
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    name: String,
    file: Option<String>,
    line: Option<u64>,
}

#[derive(Deserialize)]
struct Profile {
    /// `sampled`, or `evented` of tools that trace calls.
    r#type: String,
    #[serde(default)]
    name: String,
    /// Numbers of frames, outermost first.
    #[serde(default)]
    samples: Vec<Vec<u32>>,
}

/// Whether a file names the schema of speedscope.
pub(crate) fn is_speedscope(head: &Head<'_>) -> bool {
    head.outline
        .scalar("$schema")
        .is_some_and(|schema| schema.ends_with("speedscope.app/file-format-schema.json"))
}

/// Reads the stacks that were seen most often.
pub(crate) fn read_speedscope(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let File { shared, profiles } = match serde_json::from_slice(bytes) {
        Ok(file) => file,
        Err(error) => {
            telemetry.gaps.push(Gap::new(GapKind::Corrupt, "all of the profile", error.to_string()));
            return telemetry;
        }
    };
    let mut samples = 0;
    let mut seen: HashMap<(usize, &[u32]), u64> = HashMap::new();
    for (index, profile) in profiles.iter().enumerate() {
        if profile.r#type != "sampled" {
            let what = format!("profile {index}");
            let why = format!("its type is {:?}, and only samples are read", profile.r#type);
            telemetry.gaps.push(Gap::new(GapKind::Unknown, what, why));
        }
        for stack in &profile.samples {
            samples += 1;
            *seen.entry((index, stack)).or_default() += 1;
        }
    }
    let mut seen: Vec<_> = seen.into_iter().collect();
    let count = seen.len();
    seen.sort_unstable_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    seen.truncate(MOST_STACKS);
    telemetry.gaps.extend(super::dropped(count, samples));
    let threads: Vec<_> = seen
        .into_iter()
        .map(|((index, stack), samples)| {
            let (id, name) = profiles.get(index).map_or((None, None), |profile| thread(&profile.name));
            ThreadStack { id, name, samples, frames: frames(&shared, stack), ..ThreadStack::default() }
        })
        .collect();
    telemetry.exports.push(Export::of(source, ExportFormat::Speedscope, samples as usize, &[]));
    telemetry.stacks.push(StackDump {
        at: None,
        pid: profiles.iter().find_map(|profile| process(&profile.name)),
        command: None,
        threads,
        citation: Citation::new(source, Span::Pointer { pointer: "/profiles".to_owned() }),
    });
    telemetry
}

/// The frames, innermost first.
fn frames(shared: &Shared, stack: &[u32]) -> Vec<StackFrame> {
    let frame = |number: &u32| match shared.frames.get(*number as usize) {
        Some(frame) => {
            StackFrame { function: frame.name.clone(), file: frame.file.clone(), line: frame.line }
        }
        None => StackFrame {
            function: format!("frame {number}, which the file does not have"),
            ..StackFrame::default()
        },
    };
    let frames = stack.iter().rev().take(MOST_FRAMES).map(frame);
    // With `--subprocesses`, the outermost frame is the process.
    frames.filter(|frame| !(frame.function.starts_with("process ") && frame.line == Some(0))).collect()
}

/// `Process 76 Thread 77 "MainThread"`, the process only with `--subprocesses`
fn thread(name: &str) -> (Option<String>, Option<String>) {
    let Some((_, rest)) = name.split_once("Thread ") else { return (None, None) };
    let (id, name) = rest.split_once(' ').unwrap_or((rest, ""));
    let name = name.trim_matches('"');
    (Some(id.to_owned()), Some(name.to_owned()).filter(|name| !name.is_empty()))
}

fn process(name: &str) -> Option<u64> {
    name.strip_prefix("Process ")?.split(' ').next()?.parse().ok()
}
