//! Pods as `kubectl describe pod` prints them: how containers ended, what they wait for, and the events of the pod.
//!
//! The form is that of [`describePod`](https://github.com/kubernetes/kubectl/blob/v0.31.0/pkg/describe/describe.go):
//! `Key:   value` lines, indented by two for each level. The environment is left where it is.

use pycoroner_findings::{Citation, Event, Gap, GapKind, Severity, SourceId, Span, UtcTime};

use crate::document::{ContainerEnd, Export, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::kubernetes::{event_kind, quantity_bytes};
use crate::time::rfc3339;

/// Indentation of a container's name, of its members, and of theirs.
const CONTAINER: usize = 2;
const MEMBER: usize = 4;
const DETAIL: usize = 6;

/// Whether a file describes a pod.
pub(crate) fn is_description(head: &Head<'_>) -> bool {
    ["Name:", "Namespace:", "Containers:"].iter().all(|line| head.has_line(line))
        && head.lines().any(|line| line.trim_ascii_start().starts_with(b"Container ID:"))
}

/// One line: where it stands, how far it is indented, its key and its value.
struct Line<'a> {
    number: u64,
    offset: u64,
    end: u64,
    indent: usize,
    key: &'a str,
    value: &'a str,
    text: &'a str,
}

impl Line<'_> {
    fn span(&self) -> Span {
        Span::Lines {
            first: self.number,
            last: self.number,
            offset: self.offset,
            len: self.end - self.offset,
        }
    }
}

/// Reads how containers ended, what they wait for, and the events.
pub(crate) fn read_description(export: &[u8], source: SourceId) -> Telemetry {
    let text = String::from_utf8_lossy(export);
    let mut reader = Reader { source, ..Reader::new() };
    let mut offset = 0;
    for (number, whole) in text.split_inclusive('\n').enumerate() {
        let content = whole.trim_start_matches(' ');
        let (key, value) = content.split_once(':').unwrap_or((content, ""));
        let end = offset + whole.len() as u64;
        let line = Line {
            number: number as u64 + 1,
            offset,
            end,
            indent: whole.len() - content.len(),
            key: key.trim(),
            value: value.trim(),
            text: whole.trim_end(),
        };
        reader.line(&line);
        offset = end;
    }
    reader.end_pod();
    let mut telemetry = reader.telemetry;
    if reader.has_events {
        let gap = Gap::new(
            GapKind::Unknown,
            "the times of the pod's events",
            "a description states their age, not their time",
        );
        telemetry.gaps.push(gap.remedy("kubectl get events -o json"));
    }
    let export =
        Export::of(source, ExportFormat::KubernetesDescription, reader.containers, &telemetry.events);
    telemetry.exports.push(export);
    telemetry
}

/// A container that is being read.
#[derive(Default)]
struct Container {
    name: String,
    image: Option<String>,
    memory_limit: Option<u64>,
    restarts: Option<u64>,
    ends: Vec<ContainerEnd>,
}

struct Reader {
    source: SourceId,
    telemetry: Telemetry,
    pod: String,
    namespace: Option<String>,
    /// Why the pod as a whole ended, and what is said of that.
    ended: Option<(String, Citation)>,
    note: Option<String>,
    section: String,
    member: String,
    /// The lines are those of a container's last message.
    is_message: bool,
    container: Option<Container>,
    containers: usize,
    has_events: bool,
}

impl Reader {
    fn new() -> Self {
        Self {
            source: SourceId(0),
            telemetry: Telemetry::default(),
            pod: "?".to_owned(),
            namespace: None,
            ended: None,
            note: None,
            section: String::new(),
            member: String::new(),
            is_message: false,
            container: None,
            containers: 0,
            has_events: false,
        }
    }

    fn line(&mut self, line: &Line<'_>) {
        // What a container wrote to its termination log may have any form; the exit code stands behind it.
        if self.is_message && (line.indent, line.key) != (DETAIL, "Exit Code") {
            return;
        }
        self.is_message = false;
        match line.indent {
            0 => self.outer(line),
            CONTAINER if self.section == "Events" => self.event(line),
            CONTAINER if self.section.ends_with("Containers") && line.value.is_empty() => {
                self.end_container();
                self.containers += 1;
                self.container = Some(Container { name: line.key.to_owned(), ..Container::default() });
            }
            MEMBER => self.member(line),
            DETAIL => self.detail(line),
            _ => {}
        }
    }

    /// A line of the pod itself.
    fn outer(&mut self, line: &Line<'_>) {
        self.end_container();
        line.key.clone_into(&mut self.section);
        match line.key {
            "Name" => {
                self.end_pod();
                line.value.clone_into(&mut self.pod);
            }
            "Namespace" => self.namespace = Some(line.value.to_owned()),
            "Reason" => self.ended = Some((line.value.to_owned(), Citation::new(self.source, line.span()))),
            "Message" => self.note = Some(line.value.to_owned()),
            _ => {}
        }
    }

    /// `Warning  BackOff  3m (x5 over 4m)  kubelet  Back-off restarting failed container`
    fn event(&mut self, line: &Line<'_>) {
        let Some([kind, reason, age, _, message]) = row(line.text) else { return };
        if kind == "Type" || kind.starts_with("--") {
            return;
        }
        self.has_events = true;
        let (kind, severity) = event_kind(reason, Some(kind));
        let message = format!("{reason}: {message} ({age} before this was printed)");
        self.push(line, kind, severity, self.full_name(), message);
    }

    fn push(
        &mut self,
        line: &Line<'_>,
        kind: &'static str,
        severity: Severity,
        producer: String,
        message: String,
    ) {
        self.telemetry.events.push(Event {
            producer: Some(producer),
            citation: Some(Citation::new(self.source, line.span())),
            ..Event::new(kind, severity, message)
        });
    }

    fn full_name(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.pod),
            None => self.pod.clone(),
        }
    }

    fn member(&mut self, line: &Line<'_>) {
        line.key.clone_into(&mut self.member);
        let Some(container) = &mut self.container else { return };
        match (line.key, line.value) {
            ("Image", image) => container.image = Some(image.to_owned()),
            ("Restart Count", count) => container.restarts = count.parse().ok(),
            ("State" | "Last State", "Terminated") => {
                container.ends.push(ContainerEnd {
                    name: String::new(),
                    image: None,
                    started: None,
                    finished: None,
                    exit_code: None,
                    signal: None,
                    reason: None,
                    oom_killed: None,
                    restarts: None,
                    memory_limit: None,
                    citation: Citation::new(self.source, line.span()),
                });
            }
            ("State", "Waiting") => "Waiting".clone_into(&mut self.member),
            // What is said of a state that has not ended is no end.
            ("State" | "Last State", _) => self.member.clear(),
            _ => {}
        }
    }

    fn detail(&mut self, line: &Line<'_>) {
        let pod = self.full_name();
        let Some(container) = &mut self.container else { return };
        if self.member == "Limits" && line.key == "memory" {
            container.memory_limit = quantity_bytes(line.value);
        }
        if self.member == "Waiting" && line.key == "Reason" {
            let producer = format!("{pod}/{}", container.name);
            return self.push(line, "container-waiting", Severity::Warning, producer, line.value.to_owned());
        }
        if !matches!(self.member.as_str(), "State" | "Last State") {
            return;
        }
        let Some(end) = container.ends.last_mut() else { return };
        match line.key {
            "Message" => {
                self.is_message = true;
                return;
            }
            "Reason" => {
                end.oom_killed = (line.value == "OOMKilled").then_some(true);
                end.reason = Some(line.value.to_owned());
            }
            "Exit Code" => end.exit_code = line.value.parse().ok(),
            "Signal" => end.signal = line.value.parse().ok(),
            "Started" => end.started = rfc1123(line.value),
            "Finished" => end.finished = rfc1123(line.value),
            _ => return,
        }
        if let Span::Lines { last, offset, len, .. } = &mut end.citation.span {
            *last = line.number;
            *len = line.end - *offset;
        }
    }

    /// An evicted pod says so of itself.
    fn end_pod(&mut self) {
        self.end_container();
        let note = self.note.take();
        let Some((reason, citation)) = self.ended.take() else { return };
        let pod = self.full_name();
        let message = match note {
            Some(note) => format!("pod {pod}: {reason}: {note}"),
            None => format!("pod {pod}: {reason}"),
        };
        self.telemetry.events.push(Event {
            producer: Some(pod),
            citation: Some(citation),
            ..Event::new("pod-ended", Severity::Error, message)
        });
    }

    /// Limits and counts stand behind the states.
    fn end_container(&mut self) {
        let Some(container) = self.container.take() else { return };
        let pod = self.full_name();
        for end in container.ends {
            self.telemetry.add_container(ContainerEnd {
                name: format!("{pod}/{}", container.name),
                image: container.image.clone(),
                memory_limit: container.memory_limit,
                restarts: container.restarts,
                ..end
            });
        }
    }
}

/// The columns of a table of events: two blanks or more are between them.
fn row(text: &str) -> Option<[&str; 5]> {
    let mut rest = text.trim();
    let mut columns = [""; 5];
    for column in columns.iter_mut().take(4) {
        let (first, behind) = rest.split_once("  ")?;
        (*column, rest) = (first, behind.trim_start());
    }
    columns[4] = rest;
    Some(columns)
}

/// Reads `Sun, 22 Nov 2026 11:30:35 +0000`.
fn rfc1123(text: &str) -> Option<UtcTime> {
    const MONTHS: &[&str] =
        &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let (clock, offset) = (words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let (hours, minutes) = offset.split_at_checked(3)?;
    rfc3339(&format!("{year}-{month:02}-{day:0>2}T{clock}{hours}:{minutes}"))
}
