//! Stacks alone, for viewers of flame graphs: how many threads stood where.

use std::collections::BTreeMap;

use serde::Serialize;

use super::inert::inert;
use crate::documents::{CoreDocument, Thread};

/// One line for each stack: its frames, outermost first, with `;` between them, and how many threads had it
/// (<https://github.com/brendangregg/FlameGraph>).
pub(crate) fn folded(document: &CoreDocument) -> String {
    let lines = counted(document).into_iter().map(|(stack, threads)| {
        let frames: Vec<String> = stack.iter().map(Place::folded).collect();
        format!("{} {threads}\n", frames.join(";"))
    });
    lines.collect()
}

/// The document of <https://www.speedscope.app/file-format-schema.json>: a sample for each stack.
pub(crate) fn speedscope(document: &CoreDocument) -> Speedscope {
    let mut frames: Vec<Place> = Vec::new();
    let mut known: BTreeMap<Place, usize> = BTreeMap::new();
    let (mut samples, mut weights) = (Vec::new(), Vec::new());
    for (stack, threads) in counted(document) {
        let index = |place: Place| {
            *known.entry(place).or_insert_with_key(|place| {
                frames.push(place.clone());
                frames.len() - 1
            })
        };
        samples.push(stack.into_iter().map(index).collect());
        weights.push(threads);
    }
    let profile = Profile {
        kind: "sampled",
        name: document.process.pid.map_or("process".to_owned(), |pid| format!("process {pid}")),
        unit: "none",
        start_value: 0,
        end_value: weights.iter().sum(),
        samples,
        weights,
    };
    Speedscope {
        schema: "https://www.speedscope.app/file-format-schema.json",
        exporter: concat!("pycoroner ", env!("CARGO_PKG_VERSION")),
        shared: Shared { frames },
        profiles: vec![profile],
    }
}

/// Stacks, outermost frame first, and how many threads had each; threads without frames are left out.
fn counted(document: &CoreDocument) -> BTreeMap<Vec<Place>, u64> {
    let mut counted = BTreeMap::new();
    for thread in &document.threads {
        let stack = places(thread);
        if !stack.is_empty() {
            *counted.entry(stack).or_insert(0) += 1;
        }
    }
    counted
}

/// Where a frame stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Place {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
}

impl Place {
    /// `name (file:line)`, without what the format uses as marks.
    fn folded(&self) -> String {
        let text = match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{} ({file}:{line})", self.name),
            (Some(file), None) => format!("{} ({file})", self.name),
            (None, _) => self.name.clone(),
        };
        inert(&text).replace(';', ":")
    }
}

/// The frames of a thread, outermost first.
fn places(thread: &Thread) -> Vec<Place> {
    let frames = thread.python_frames.iter().rev();
    let place = |frame: &crate::documents::Frame| Place {
        name: frame.name().to_owned(),
        file: Some(frame.file.clone()).filter(|file| !file.is_empty()),
        line: frame.line,
    };
    frames.map(place).collect()
}

/// A file for speedscope.
#[derive(Debug, Serialize)]
pub(crate) struct Speedscope {
    #[serde(rename = "$schema")]
    schema: &'static str,
    exporter: &'static str,
    shared: Shared,
    profiles: Vec<Profile>,
}

#[derive(Debug, Serialize)]
struct Shared {
    frames: Vec<Place>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    unit: &'static str,
    start_value: u64,
    end_value: u64,
    samples: Vec<Vec<usize>>,
    weights: Vec<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::Frame;

    fn document(stacks: &[&[&str]]) -> CoreDocument {
        let frame = |name: &&str| Frame {
            function: (*name).to_owned(),
            file: "/srv/app;1.py".to_owned(),
            line: Some(3),
            ..Frame::default()
        };
        let thread = |names: &&[&str]| Thread {
            python_frames: names.iter().map(frame).collect(),
            ..Thread::default()
        };
        CoreDocument { threads: stacks.iter().map(thread).collect(), ..CoreDocument::default() }
    }

    #[test]
    fn equal_stacks_are_counted() {
        let document = document(&[&["inner", "outer"], &["other"], &["inner", "outer"], &[]]);
        let expected = "other (/srv/app:1.py:3) 1\nouter (/srv/app:1.py:3);inner (/srv/app:1.py:3) 2\n";
        assert_eq!(folded(&document), expected);
        let speedscope = serde_json::to_value(speedscope(&document)).unwrap();
        assert_eq!(speedscope["profiles"][0]["samples"], serde_json::json!([[0], [1, 2]]));
        assert_eq!(speedscope["profiles"][0]["weights"], serde_json::json!([1, 2]));
        assert_eq!(speedscope["shared"]["frames"][2]["name"], "inner");
    }
}
