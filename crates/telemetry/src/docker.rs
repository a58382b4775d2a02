//! Containers as `docker inspect` and `podman inspect` write them.
//!
//! The fields are those of the [Docker Engine API](https://docs.docker.com/reference/api/engine/version/v1.45/#tag/Container/operation/ContainerInspect).
//! The environment of the container is left where it is: its values are secrets.

use pycoroner_findings::{Event, Gap, GapKind, Severity, SourceId};
use serde_json::Value;

use crate::document::{ContainerEnd, Export, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::members::{text, time, whole};
use crate::time::stated;
use crate::tree::Tree;

/// Most containers that are read of one export.
const MOST_CONTAINERS: usize = 10_000;

/// Whether a file is what `docker inspect` prints of containers: a list, or one of its items.
pub(crate) fn is_inspect(head: &Head<'_>) -> bool {
    ["*/", ""].into_iter().any(|root| {
        let has = |member: &str| head.outline.has(&format!("{root}{member}"));
        has("Id") && has("State/ExitCode") && has("State/StartedAt")
    })
}

/// Reads how containers ended; those that run are stated as running.
pub(crate) fn read_inspect(export: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let tree = match Tree::json(export, source) {
        Ok(tree) => tree,
        Err(gap) => {
            telemetry.gaps.push(*gap);
            return telemetry;
        }
    };
    let containers: Vec<(String, &Value)> = match &tree.value {
        Value::Array(list) => {
            list.iter().enumerate().map(|(index, container)| (format!("/{index}"), container)).collect()
        }
        one => vec![(String::new(), one)],
    };
    for (pointer, container) in containers.iter().take(MOST_CONTAINERS) {
        add(&mut telemetry, &tree, container, pointer);
    }
    if containers.len() > MOST_CONTAINERS {
        let what = format!("{} more containers", containers.len() - MOST_CONTAINERS);
        let why = format!("{MOST_CONTAINERS} are read of one export");
        telemetry.gaps.push(Gap::new(GapKind::Limit, what, why));
    }
    let export = Export::of(source, ExportFormat::DockerInspect, containers.len(), &telemetry.events);
    telemetry.exports.push(export);
    telemetry
}

fn add(telemetry: &mut Telemetry, tree: &Tree, container: &Value, pointer: &str) {
    let Some(state) = container.get("State").filter(|state| state.is_object()) else {
        let citation = tree.cite(pointer);
        telemetry.gaps.push(Gap::new(GapKind::Unknown, "a container", "it has no state").at(citation));
        return;
    };
    let name = text(container, "/Name").or_else(|| text(container, "/Id")).unwrap_or("?");
    let name = name.trim_start_matches('/').to_owned();
    let count = |pointer| whole(container, pointer).and_then(|count| u64::try_from(count).ok());
    let citation = tree.cite(&format!("{pointer}/State"));
    if state.get("Running").and_then(Value::as_bool) == Some(true) {
        telemetry.events.push(Event {
            at: time(state, "/StartedAt").map(stated),
            pid: whole(state, "/Pid").and_then(|pid| u64::try_from(pid).ok()).filter(|pid| *pid > 0),
            producer: Some(name.clone()),
            citation: Some(citation),
            ..Event::new(
                "container-started",
                Severity::Info,
                format!("container {name} was started; it runs"),
            )
        });
        return;
    }
    if !matches!(text(state, "/Status"), None | Some("exited" | "dead" | "stopped" | "restarting")) {
        return;
    }
    telemetry.add_container(ContainerEnd {
        name,
        image: text(container, "/Config/Image").or_else(|| text(container, "/ImageName")).map(str::to_owned),
        started: time(state, "/StartedAt"),
        finished: time(state, "/FinishedAt"),
        exit_code: whole(state, "/ExitCode"),
        signal: None,
        reason: text(state, "/Error").map(str::to_owned),
        oom_killed: state.get("OOMKilled").and_then(Value::as_bool),
        restarts: count("/RestartCount"),
        memory_limit: count("/HostConfig/Memory").filter(|limit| *limit > 0),
        citation,
    });
}
