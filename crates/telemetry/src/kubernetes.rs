//! Pods and events as `kubectl get pod -o yaml`, `kubectl get events -o json` and the like write them.
//!
//! The fields are those of the Kubernetes API: [Pod v1](https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/),
//! [Event v1](https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/). The environment of
//! containers is left where it is: its values are secrets.

use pycoroner_findings::{Event, Gap, GapKind, Severity, SourceId};
use serde_json::Value;

use crate::document::{ContainerEnd, Export, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::members::{items, text, time, whole};
use crate::time::stated;
use crate::tree::Tree;

/// Most objects that are read of one export.
const MOST_OBJECTS: usize = 20_000;

/// Whether a file holds pods or events, alone or in a list.
pub(crate) fn is_objects(head: &Head<'_>) -> bool {
    let is_known = |kind: &str| matches!(kind, "Pod" | "PodList" | "Event" | "EventList" | "List");
    let outline = &head.outline;
    let is_json = outline.scalar("kind").is_some_and(is_known)
        && outline.scalar("apiVersion").is_some_and(|version| !version.is_empty());
    let kind = head.lines().find_map(|line| line.strip_prefix(b"kind:"));
    let kind = kind.map(|kind| String::from_utf8_lossy(kind).trim().to_owned());
    let is_yaml = head.has_line("apiVersion:") && kind.as_deref().is_some_and(is_known);
    is_json || is_yaml
}

/// Reads how containers ended, and what the cluster noted about them.
pub(crate) fn read_objects(export: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let trees = Tree::read(export, source, &mut telemetry.gaps);
    let mut reader = Reader { telemetry, objects: 0, others: 0 };
    for tree in &trees {
        if tree.value.get("items").is_some_and(Value::is_array) {
            for index in 0..items(&tree.value, "/items").len() {
                reader.object(tree, &format!("/items/{index}"));
            }
        } else {
            reader.object(tree, "");
        }
    }
    let mut telemetry = reader.telemetry;
    if reader.objects > MOST_OBJECTS {
        let what = format!("{} more objects", reader.objects - MOST_OBJECTS);
        telemetry.gaps.push(Gap::new(GapKind::Limit, what, format!("{MOST_OBJECTS} are read of one export")));
    }
    if reader.others > 0 {
        let what = format!("{} objects of the export", reader.others);
        telemetry.gaps.push(Gap::new(GapKind::Unknown, what, "they are neither pods nor events"));
    }
    let export = Export::of(source, ExportFormat::KubernetesObjects, reader.objects, &telemetry.events);
    telemetry.exports.push(export);
    telemetry
}

struct Reader {
    telemetry: Telemetry,
    objects: usize,
    others: usize,
}

impl Reader {
    fn object(&mut self, tree: &Tree, pointer: &str) {
        self.objects += 1;
        let Some(object) = tree.value.pointer(pointer).filter(|_| self.objects <= MOST_OBJECTS) else {
            return;
        };
        // The items of a PodList name no kind of their own.
        match text(object, "/kind").or_else(|| text(&tree.value, "/kind")?.strip_suffix("List")) {
            Some("Pod") => self.pod(tree, object, pointer),
            Some("Event") => self.event(tree, object, pointer),
            _ => self.others += 1,
        }
    }

    fn pod(&mut self, tree: &Tree, pod: &Value, pointer: &str) {
        let pod_name = text(pod, "/metadata/name").unwrap_or("?");
        let pod_name = match text(pod, "/metadata/namespace") {
            Some(namespace) => format!("{namespace}/{pod_name}"),
            None => pod_name.to_owned(),
        };
        if let Some(reason) = text(pod, "/status/reason") {
            let message = match text(pod, "/status/message") {
                Some(message) => format!("pod {pod_name}: {reason}: {message}"),
                None => format!("pod {pod_name}: {reason}"),
            };
            let event = Event {
                producer: Some(pod_name.clone()),
                citation: Some(tree.cite(&format!("{pointer}/status/reason"))),
                ..Event::new("pod-ended", Severity::Error, message)
            };
            self.telemetry.events.push(event);
        }
        for list in ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"] {
            for (index, status) in items(pod, &format!("/status/{list}")).iter().enumerate() {
                let place = format!("{pointer}/status/{list}/{index}");
                self.container(tree, pod, &pod_name, status, &place);
            }
        }
    }

    fn container(&mut self, tree: &Tree, pod: &Value, pod_name: &str, status: &Value, place: &str) {
        let container = text(status, "/name").unwrap_or("?");
        let name = format!("{pod_name}/{container}");
        let spec = ["containers", "initContainers", "ephemeralContainers"]
            .into_iter()
            .flat_map(|list| items(pod, &format!("/spec/{list}")))
            .find(|spec| text(spec, "/name") == Some(container));
        let memory_limit = spec.and_then(|spec| match spec.pointer("/resources/limits/memory")? {
            Value::String(quantity) => quantity_bytes(quantity),
            number => number.as_u64(),
        });
        let image = text(status, "/image").or_else(|| text(spec?, "/image"));
        for state in ["lastState", "state"] {
            let Some(ended) = status.pointer(&format!("/{state}/terminated")).filter(|end| end.is_object())
            else {
                continue;
            };
            let reason = text(ended, "/reason").map(str::to_owned);
            let citation = tree.cite(&format!("{place}/{state}/terminated"));
            let end = ContainerEnd {
                name: name.clone(),
                image: image.map(str::to_owned),
                started: time(ended, "/startedAt"),
                finished: time(ended, "/finishedAt"),
                exit_code: whole(ended, "/exitCode"),
                signal: whole(ended, "/signal")
                    .and_then(|signal| u32::try_from(signal).ok())
                    .filter(|n| *n > 0),
                oom_killed: (reason.as_deref() == Some("OOMKilled")).then_some(true),
                reason,
                restarts: whole(status, "/restartCount").and_then(|count| u64::try_from(count).ok()),
                memory_limit,
                citation,
            };
            self.telemetry.add_container(end);
            if let Some(event) = self.telemetry.events.last_mut() {
                event.detail = text(ended, "/message").and_then(last_words);
            }
        }
        if let Some(reason) = text(status, "/state/waiting/reason") {
            let message = text(status, "/state/waiting/message").unwrap_or("no message");
            let event = Event {
                producer: Some(name),
                citation: Some(tree.cite(&format!("{place}/state/waiting"))),
                ..Event::new("container-waiting", Severity::Warning, format!("{reason}: {message}"))
            };
            self.telemetry.events.push(event);
        }
    }

    fn event(&mut self, tree: &Tree, event: &Value, pointer: &str) {
        let Some(reason) = text(event, "/reason") else {
            self.others += 1;
            return;
        };
        let note = text(event, "/message").or_else(|| text(event, "/note")).unwrap_or("no message");
        let count = whole(event, "/count").or_else(|| whole(event, "/series/count"));
        let last = ["lastTimestamp", "deprecatedLastTimestamp", "series/lastObservedTime", "eventTime"];
        let last = last.into_iter().find_map(|key| Some((key, time(event, &format!("/{key}"))?)));
        let first = ["firstTimestamp", "deprecatedFirstTimestamp"]
            .into_iter()
            .find_map(|key| time(event, &format!("/{key}")));
        let times = match (count, first) {
            (Some(count), Some(first)) if count > 1 => format!(" ({count} times since {first})"),
            (Some(count), None) if count > 1 => format!(" ({count} times)"),
            _ => String::new(),
        };
        let producer = ["/involvedObject", "/regarding"].into_iter().find_map(|object| {
            let object = event.pointer(object)?;
            let name = text(object, "/name")?;
            Some(match text(object, "/namespace") {
                Some(namespace) => format!("{namespace}/{name}"),
                None => name.to_owned(),
            })
        });
        let (kind, severity) = event_kind(reason, text(event, "/type"));
        let place = last.map_or("reason", |(key, _)| key);
        self.telemetry.events.push(Event {
            at: last.map(|(_, time)| stated(time)),
            producer,
            citation: Some(tree.cite(&format!("{pointer}/{place}"))),
            ..Event::new(kind, severity, format!("{reason}: {note}{times}"))
        });
    }
}

/// Characters of a last message that are told.
const LAST_WORDS: usize = 200;

/// The last line of what a container left as its message (`terminationMessagePath`), or of its log instead of that.
fn last_words(message: &str) -> Option<String> {
    let line = message.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    let told: String = line.chars().take(LAST_WORDS).collect();
    Some(format!("its last message ends with: {told}"))
}

/// The [reasons of the kubelet](https://github.com/kubernetes/kubernetes/blob/v1.31.0/pkg/kubelet/events/event.go).
pub(crate) fn event_kind(reason: &str, kind: Option<&str>) -> (&'static str, Severity) {
    match reason {
        "OOMKilling" | "SystemOOM" => ("oom-kill", Severity::Critical),
        "Evicted" | "Preempting" => ("pod-evicted", Severity::Error),
        "Killing" | "ExceededGracePeriod" => ("container-killed", Severity::Warning),
        "BackOff" => ("container-backoff", Severity::Warning),
        "Unhealthy" | "ProbeWarning" => ("probe-failed", Severity::Warning),
        "Started" => ("container-started", Severity::Info),
        _ if kind == Some("Warning") => ("kubernetes-event", Severity::Warning),
        _ => ("kubernetes-event", Severity::Info),
    }
}

/// The bytes of a [quantity](https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/):
/// `80Mi`, `1.5G`, `1e9`, `128974848`, `500m`.
pub(crate) fn quantity_bytes(quantity: &str) -> Option<u64> {
    const SUFFIXES: &[(&str, f64)] = &[
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("m", 1e-3),
        ("", 1.0),
    ];
    let (number, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| Some((quantity.strip_suffix(suffix)?.parse::<f64>().ok()?, factor)))?;
    let bytes = number * factor;
    (0.0..1e18).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(quantity_bytes(text), expected, "{text}");
        check("80Mi", Some(80 << 20));
        check("1.5G", Some(1_500_000_000));
        check("1e9", Some(1_000_000_000));
        check("4096", Some(4096));
        check("500m", Some(0));
        for text in ["", "Mi", "-1Gi", "1e400", "80 Mi", "NaN", "inf"] {
            check(text, None);
        }
    }
}
