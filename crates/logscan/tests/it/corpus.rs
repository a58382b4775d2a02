//! Real logs with labels: `fixtures/logs/corpus`. Tools were run for real, and a person wrote down what their logs hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pycoroner_findings::SourceId;
use pycoroner_logscan::{Frame, Input, Options, Scan, Traceback, TracebackKind, scan};
use serde::Deserialize;

#[derive(Deserialize)]
struct Label {
    exceptions: Vec<ExceptionLabel>,
    threads: Vec<ThreadLabel>,
}

/// What is missing was not labelled.
#[derive(Deserialize)]
struct ExceptionLabel {
    #[serde(rename = "type")]
    type_name: String,
    message: Option<String>,
    frames: Option<usize>,
    function: Option<String>,
    file: Option<String>,
    line: Option<u64>,
    relation: Option<String>,
    parent: Option<usize>,
    #[serde(default)]
    any_relation: bool,
    #[serde(default)]
    remote: bool,
    #[serde(default)]
    torn: bool,
    introduced_by: Option<String>,
    thread: Option<String>,
    #[serde(default = "one")]
    count: u64,
}

fn one() -> u64 {
    1
}

#[derive(Deserialize)]
struct ThreadLabel {
    error: String,
    frames: Option<usize>,
    function: Option<String>,
    file: Option<String>,
    line: Option<u64>,
    #[serde(default)]
    current: bool,
    #[serde(default)]
    torn: bool,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/corpus")
}

fn read(path: &Path) -> Scan {
    let bytes = fs::read(path).unwrap();
    let mut reader = bytes.as_slice();
    let input = Input::new(SourceId(1), "log", &mut reader);
    scan([input], &Options::default())
}

/// Right and all answers of each class, and what was wrong.
#[derive(Default)]
struct Score {
    classes: BTreeMap<&'static str, (usize, usize)>,
    wrong: Vec<String>,
}

impl Score {
    fn add<T: PartialEq + std::fmt::Debug>(
        &mut self,
        class: &'static str,
        place: &str,
        expected: &T,
        actual: &T,
    ) {
        let (right, all) = self.classes.entry(class).or_default();
        *all += 1;
        if expected == actual {
            *right += 1;
        } else {
            self.wrong.push(format!("{place}: {class}: expected {expected:?}, got {actual:?}"));
        }
    }

    fn frames(
        &mut self,
        place: &str,
        entry: &Traceback,
        innermost: Option<&Frame>,
        label: (Option<usize>, Option<&String>, Option<&String>, Option<u64>),
    ) {
        let (frames, function, file, line) = label;
        if let Some(frames) = frames {
            self.add("frames", place, &frames, &(entry.frames.len() + entry.omitted_frames as usize));
        }
        if let Some(function) = function {
            self.add(
                "innermost",
                place,
                &Some(function),
                &innermost.and_then(|frame| frame.function.as_ref()),
            );
        }
        if let Some(file) = file {
            let ends_alike = innermost.is_some_and(|frame| frame.file.ends_with(file.as_str()));
            self.add("innermost", &format!("{place} in {file}"), &true, &ends_alike);
        }
        if line.is_some() {
            self.add("innermost", place, &line, &innermost.and_then(|frame| frame.line));
        }
    }

    fn exception(
        &mut self,
        place: &str,
        label: &ExceptionLabel,
        entries: &[&Traceback],
        at: usize,
        scan: &Scan,
    ) {
        let Some(entry) = entries.get(at) else { return };
        self.add("type", place, &Some(label.type_name.as_str()), &entry.type_name.as_deref());
        if let Some(message) = &label.message {
            // What may belong to the message is marked as such, and not lost.
            let marked =
                [std::slice::from_ref(&entry.message), entry.trailing.as_slice()].concat().join("\n");
            let is_marked = !entry.trailing.is_empty() && marked == *message;
            self.add("message", place, message, if is_marked { message } else { &entry.message });
        }
        let label_of_frames = (label.frames, label.function.as_ref(), label.file.as_ref(), label.line);
        self.frames(place, entry, entry.frames.last(), label_of_frames);
        if !label.any_relation {
            let relation = entry.relation.map(|relation| word(&relation));
            let parent = entry.parent.and_then(|parent| {
                let parent = scan.tracebacks.get(parent)?;
                entries.iter().position(|entry| std::ptr::eq(*entry, parent))
            });
            self.add("relation", place, &(label.relation.clone(), label.parent), &(relation, parent));
        }
        self.add("remote", place, &label.remote, &entry.remote);
        self.add("torn", place, &label.torn, &entry.truncated);
        self.add("count", place, &label.count, &entry.count);
        if let Some(introduced_by) = &label.introduced_by {
            let actual = entry.introduced_by.map(|introduction| word(&introduction)).unwrap_or_default();
            self.add("introduction", place, introduced_by, &actual);
        }
        if label.thread.is_some() {
            self.add("thread", place, &label.thread, &entry.thread);
        }
    }

    fn thread(&mut self, place: &str, label: &ThreadLabel, entry: Option<&&Traceback>) {
        let Some(entry) = entry else { return };
        let error = format!("{}: {}", entry.type_name.as_deref().unwrap_or("None"), entry.message);
        self.add("fatal error", place, &label.error.as_str(), &error.trim_end());
        let label_of_frames = (label.frames, label.function.as_ref(), label.file.as_ref(), label.line);
        self.frames(place, entry, entry.frames.first(), label_of_frames);
        self.add("current thread", place, &label.current, &entry.current_thread);
        self.add("torn", place, &label.torn, &entry.truncated);
    }
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap().trim_matches('"').to_owned()
}

#[test]
fn every_label_is_met() {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .filter_map(|file| file.unwrap().file_name().to_str()?.strip_suffix(".log").map(str::to_owned))
        .collect();
    names.sort();
    let mut score = Score::default();
    for name in &names {
        let label = fs::read(folder().join(format!("{name}.json"))).unwrap();
        let label: Label = serde_json::from_slice(&label).unwrap_or_else(|error| panic!("{name}: {error}"));
        let scan = read(&folder().join(format!("{name}.log")));
        let of_kind =
            |kind| scan.tracebacks.iter().filter(move |entry| entry.kind == kind).collect::<Vec<_>>();
        let exceptions = of_kind(TracebackKind::Traceback);
        let threads = of_kind(TracebackKind::Faulthandler);
        score.add("number of exceptions", name, &label.exceptions.len(), &exceptions.len());
        score.add("number of threads", name, &label.threads.len(), &threads.len());
        for (at, expected) in label.exceptions.iter().enumerate() {
            score.exception(&format!("{name} {at}"), expected, &exceptions, at, &scan);
        }
        for (at, expected) in label.threads.iter().enumerate() {
            score.thread(&format!("{name} thread {at}"), expected, threads.get(at));
        }
    }
    let table: String =
        score.classes.iter().map(|(class, (right, all))| format!("{class}: {right} of {all}\n")).collect();
    assert!(names.len() >= 150, "{} excerpts", names.len());
    assert!(score.wrong.is_empty(), "{table}\n{}", score.wrong.join("\n"));
}
