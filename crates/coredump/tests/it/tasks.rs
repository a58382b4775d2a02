//! Tasks, suspended generators, thread locals, context variables and log messages against what their processes said.

use std::collections::BTreeMap;

use pycoroner_coredump::{FrameSection, NamedValueSection, ProcessSnapshot};
use pycoroner_fixtures::Truth;
use serde_json::Value;

/// Compares what the truth states of them; other programs state nothing.
pub(crate) fn check(name: &str, found: &ProcessSnapshot, truth: &Truth) {
    if let Some(asyncio) = truth.others.get("asyncio") {
        check_tasks(name, found, array(&asyncio["tasks"]));
    }
    if let Some(holders) = truth.others.get("task_locks") {
        check_locks(name, found, holders);
    }
    if let Some(suspended) = truth.others.get("suspended") {
        check_suspended(name, found, array(suspended), array(&truth.others["not_suspended"]));
    }
    if let Some(contexts) = truth.others.get("contexts") {
        check_contexts(name, found, contexts);
    }
    if let Some(logs) = truth.others.get("memory_logs") {
        check_logs(name, found, array(logs));
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn texts(values: &Value) -> Vec<&str> {
    array(values).iter().filter_map(Value::as_str).collect()
}

type Place<'a> = (&'a str, Option<u64>, &'a str, Option<u64>);

fn places(frames: &[FrameSection]) -> Vec<Place<'_>> {
    frames.iter().map(place).collect()
}

fn place(frame: &FrameSection) -> Place<'_> {
    let FrameSection { file, line, function, column, .. } = frame;
    (file.as_str(), line.map(u64::from), function.as_str(), column.map(u64::from))
}

fn stated_places(frames: &Value) -> Vec<Place<'_>> {
    array(frames)
        .iter()
        .map(|frame| {
            (
                frame["file"].as_str().unwrap_or_default(),
                frame["line"].as_u64(),
                frame["function"].as_str().unwrap_or_default(),
                frame["column"].as_u64(),
            )
        })
        .collect()
}

fn check_tasks(name: &str, found: &ProcessSnapshot, stated: &[Value]) {
    let tasks = &found.asyncio.as_ref().unwrap_or_else(|| panic!("{name}: {:?}", found.gaps)).tasks;
    let mut names: Vec<_> = tasks.iter().filter_map(|task| task.name.as_deref()).collect();
    names.sort_unstable();
    let expected: Vec<_> = stated.iter().filter_map(|task| task["name"].as_str()).collect();
    assert_eq!(names, expected, "{name}");
    for stated in stated {
        let task = tasks.iter().find(|task| task.name.as_deref() == stated["name"].as_str());
        let task = task.expect("compared above");
        let at = format!("{name}: task {}", stated["name"]);
        assert_eq!(task.coroutine.as_deref(), stated["coroutine"].as_str(), "{at}");
        assert_eq!(Some(task.state), stated["state"].as_str(), "{at}");
        assert_eq!(Some(task.current), stated["current"].as_bool(), "{at}");
        assert_eq!(task.awaited_by, texts(&stated["awaited_by"]), "{at}");
        if stated["stack"].is_array() {
            assert_eq!(places(&task.stack), stated_places(&stated["stack"]), "{at}");
            assert_eq!(task.waits_on.as_deref(), stated["waits_on"].as_str(), "{at}");
        } else {
            let functions: Vec<_> = task.stack.iter().map(|frame| frame.function.as_str()).collect();
            assert!(functions.ends_with(&["called", "dying"]), "{at}: {functions:?}");
        }
    }
    for id in ["await-circle", "task-exception-never-retrieved"] {
        assert!(found.findings.iter().any(|finding| finding.id == id), "{name}: no {id}");
    }
}

fn check_locks(name: &str, found: &ProcessSnapshot, stated: &Value) {
    let tasks = &found.asyncio.as_ref().unwrap_or_else(|| panic!("{name}: {:?}", found.gaps)).tasks;
    for (task, holder) in stated.as_object().expect("tasks and holders") {
        let found = tasks.iter().find(|one| one.name.as_deref() == Some(task));
        let found = found.unwrap_or_else(|| panic!("{name}: no task {task}"));
        assert_eq!(found.lock_holder.as_deref(), holder.as_str(), "{name}: {task}");
    }
    let others = tasks.iter().filter(|task| task.name.as_ref().is_none_or(|task| stated.get(task).is_none()));
    for other in others {
        assert_eq!(other.lock_holder, None, "{name}: {:?}", other.name);
    }
    let mut circles: Vec<_> =
        found.findings.iter().filter(|one| one.id == "await-circle").map(|one| one.title.as_str()).collect();
    circles.sort_unstable();
    assert_eq!(circles.len(), 2, "{name}: {circles:?}");
    assert!(circles[0].starts_with("2 tasks await each other in a circle: "), "{name}: {circles:?}");
    assert_eq!(circles[1], "Task again waits for an asyncio.Lock that it holds itself", "{name}");
}

fn check_suspended(name: &str, found: &ProcessSnapshot, stated: &[Value], not: &[Value]) {
    for stated in stated {
        let wanted = (stated["kind"].as_str(), stated["name"].as_str());
        let same = found.suspended.iter().filter(|one| (Some(one.kind), one.name.as_deref()) == wanted);
        let stacks: Vec<_> = same.map(|one| places(&one.stack)).collect();
        assert_eq!(stacks, [stated_places(&stated["stack"])], "{name}: {wanted:?}");
    }
    for not in not {
        let one = found.suspended.iter().find(|one| one.name.as_deref() == not.as_str());
        assert!(one.is_none(), "{name}: {one:?}");
    }
}

fn check_contexts(name: &str, found: &ProcessSnapshot, stated: &Value) {
    let named = |values: &[NamedValueSection]| -> BTreeMap<String, String> {
        values.iter().map(|value| (value.name.clone(), value.repr.clone())).collect()
    };
    let expected = |values: &Value| -> BTreeMap<String, String> {
        serde_json::from_value(values.clone()).expect("names and values")
    };
    for (tid, facts) in stated.as_object().expect("threads") {
        let thread = found.threads.iter().find(|thread| thread.tid == tid.parse().ok());
        let thread = thread.unwrap_or_else(|| panic!("{name}: no thread {tid}"));
        assert_eq!(named(&thread.thread_locals), expected(&facts["thread_locals"]), "{name}: {tid}");
        assert_eq!(named(&thread.context_vars), expected(&facts["context_vars"]), "{name}: {tid}");
    }
}

fn check_logs(name: &str, found: &ProcessSnapshot, stated: &[Value]) {
    assert_eq!(found.memory_logs.len(), stated.len(), "{name}");
    for stated in stated {
        let is_it = |found: &&pycoroner_coredump::MemoryLogSection| {
            let time = found.time.as_deref().and_then(|time| time.get(..19));
            (Some(found.message.as_str()), Some(found.found_in))
                == (stated["message"].as_str(), stated["found_in"].as_str())
                && (found.logger.as_deref(), found.level.as_deref(), time)
                    == (stated["logger"].as_str(), stated["level"].as_str(), stated["time"].as_str())
        };
        assert!(found.memory_logs.iter().any(|log| is_it(&log)), "{name}: {stated}");
    }
}
