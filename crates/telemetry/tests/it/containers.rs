use pycoroner_findings::SourceId;
use pycoroner_telemetry::{ContainerEnd, ExportFormat, Telemetry, judge, read};

fn read_as(export: &[u8], format: ExportFormat) -> Telemetry {
    assert_eq!(ExportFormat::sniff(export), Some(format));
    read(format, export, SourceId(2))
}

/// One line for each end of a container and each event.
fn lines(telemetry: &Telemetry) -> Vec<String> {
    let end = |end: &ContainerEnd| {
        let time = end.finished.map_or("?".to_owned(), |time| time.to_string());
        format!(
            "{time} {} {:?} reason={:?} oom={:?} restarts={:?} limit={:?} {}",
            end.name, end.exit_code, end.reason, end.oom_killed, end.restarts, end.memory_limit, end.citation
        )
    };
    let events = telemetry.events.iter().map(|event| {
        let time = event.at.map_or("?".to_owned(), |at| at.time.to_string());
        format!("{time} {} {}", event.kind, event.message)
    });
    telemetry.containers.iter().map(end).chain(events).collect()
}

#[test]
fn docker_inspect() {
    let check = |export: &[u8], expected: [&str; 2]| {
        let telemetry = read_as(export, ExportFormat::DockerInspect);
        assert_eq!(lines(&telemetry), expected);
        assert_eq!(telemetry.gaps, []);
        let all = serde_json::to_string(&telemetry).unwrap();
        assert!(!all.contains("s3cr3t") && !all.contains("DATABASE_URL"), "{all}");
    };
    check(
        include_bytes!("../data/docker/inspect_oom.json"),
        [
            "2026-11-22T11:30:35.500Z shop Some(137) reason=None oom=Some(true) restarts=Some(3) limit=Some(83886080) [E2#/0/State]",
            "2026-11-22T11:30:35.500Z container-ended container shop ended: exit code 137",
        ],
    );
    check(
        include_bytes!("../data/docker/inspect_sigkill_not_oom.json"),
        [
            "2026-11-22T11:30:35.500Z shop Some(137) reason=None oom=Some(false) restarts=Some(3) limit=Some(83886080) [E2#/0/State]",
            "2026-11-22T11:30:35.500Z container-ended container shop ended: exit code 137",
        ],
    );
    check(
        include_bytes!("../data/docker/inspect_sigsegv.json"),
        [
            "2026-11-22T11:30:35.500Z shop Some(139) reason=None oom=Some(false) restarts=Some(3) limit=Some(83886080) [E2#/0/State]",
            "2026-11-22T11:30:35.500Z container-ended container shop ended: exit code 139",
        ],
    );
}

#[test]
fn a_running_container_has_not_ended() {
    let export = br#"[{"Id": "c3", "Name": "/shop", "State": {"Status": "running", "Running": true, "Pid": 7,
        "ExitCode": 0, "OOMKilled": false, "StartedAt": "2026-11-22T11:28:06Z", "FinishedAt": "0001-01-01T00:00:00Z"}}]"#;
    let telemetry = read_as(export, ExportFormat::DockerInspect);
    assert_eq!(
        lines(&telemetry),
        ["2026-11-22T11:28:06Z container-started container shop was started; it runs"]
    );
    assert_eq!(telemetry.events[0].pid, Some(7));
}

#[test]
fn kubectl_pods() {
    let check = |export: &[u8], expected: &[&str]| {
        let telemetry = read_as(export, ExportFormat::KubernetesObjects);
        assert_eq!(lines(&telemetry), expected);
        assert_eq!(telemetry.gaps, []);
    };
    check(
        include_bytes!("../data/kubernetes/pod_oomkilled_137.yaml"),
        &[
            "2026-11-22T11:30:35Z prod/shop-7d9f5c6b8-x2x7q/shop Some(137) reason=Some(\"OOMKilled\") oom=Some(true) restarts=Some(4) limit=Some(83886080) [E2:L26-L31]",
            "2026-11-22T11:30:35Z container-ended container prod/shop-7d9f5c6b8-x2x7q/shop ended: exit code 137, OOMKilled",
        ],
    );
    check(
        include_bytes!("../data/kubernetes/pod_error_139.yaml"),
        &[
            "2026-11-22T11:30:35Z prod/shop-7d9f5c6b8-x2x7q/shop Some(139) reason=Some(\"Error\") oom=None restarts=Some(4) limit=Some(83886080) [E2:L26-L31]",
            "2026-11-22T11:30:35Z container-ended container prod/shop-7d9f5c6b8-x2x7q/shop ended: exit code 139, Error",
        ],
    );
    check(
        br#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "namespace": "n"},
            "spec": {"containers": [{"name": "c", "env": [{"name": "KEY", "value": "s3cr3t"}],
                "resources": {"limits": {"memory": "1Gi"}}}]},
            "status": {"reason": "Evicted", "message": "low on memory", "containerStatuses": [{"name": "c", "restartCount": 1,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
                "lastState": {"terminated": {"exitCode": 1, "signal": 11, "finishedAt": "2026-11-22T11:30:35Z"}}}]}}]}"#,
        &[
            "2026-11-22T11:30:35Z n/a/c Some(1) reason=None oom=None restarts=Some(1) limit=Some(1073741824) [E2#/items/0/status/containerStatuses/0/lastState/terminated]",
            "? pod-ended pod n/a: Evicted: low on memory",
            "2026-11-22T11:30:35Z container-ended container n/a/c ended: exit code 1",
            "? container-waiting CrashLoopBackOff: back-off 5m0s",
        ],
    );
}

#[test]
fn the_last_message_of_a_container() {
    let export = br#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "status": {"containerStatuses": [{"name": "c",
        "lastState": {"terminated": {"exitCode": 1, "message": "Traceback (most recent call last):\n  File \"a.py\", line 1\nValueError: boom\n\n"}},
        "state": {"terminated": {"exitCode": 1, "message": " \n"}}}]}}"#;
    let telemetry = read_as(export, ExportFormat::KubernetesObjects);
    let told: Vec<Option<&str>> = telemetry.events.iter().map(|event| event.detail.as_deref()).collect();
    assert_eq!(told, [Some("its last message ends with: ValueError: boom"), None]);
}

#[test]
fn kubectl_events() {
    let export = b"apiVersion: v1
items:
- apiVersion: v1
  count: 3
  firstTimestamp: \"2026-11-22T11:28:50Z\"
  involvedObject:
    kind: Pod
    name: shop-1
    namespace: prod
  kind: Event
  lastTimestamp: \"2026-11-22T11:30:37Z\"
  message: Back-off restarting failed container
  metadata:
    name: shop-1.17
  reason: BackOff
  type: Warning
- apiVersion: events.k8s.io/v1
  eventTime: \"2026-11-22T11:30:35.123456Z\"
  kind: Event
  note: 'Memory cgroup out of memory: Killed process 15401'
  reason: OOMKilling
  regarding:
    name: node-3
  type: Warning
- kind: Service
kind: List
";
    let telemetry = read_as(export, ExportFormat::KubernetesObjects);
    assert_eq!(
        lines(&telemetry),
        [
            "2026-11-22T11:30:37Z container-backoff BackOff: Back-off restarting failed container (3 times since 2026-11-22T11:28:50Z)",
            "2026-11-22T11:30:35.123456Z oom-kill OOMKilling: Memory cgroup out of memory: Killed process 15401",
        ]
    );
    let citations: Vec<_> =
        telemetry.events.iter().map(|event| event.citation.as_ref().unwrap().to_string()).collect();
    assert_eq!(citations, ["[E2:L11]", "[E2:L18]"]);
    assert_eq!(telemetry.gaps.len(), 1);
}

#[test]
fn kubectl_describe() {
    let telemetry =
        read_as(include_bytes!("../data/kubernetes/describe_pod.txt"), ExportFormat::KubernetesDescription);
    assert_eq!(
        lines(&telemetry),
        [
            "2026-11-22T11:30:35Z prod/shop-7d9f5c6b8-x2x7q/shop Some(137) reason=Some(\"OOMKilled\") oom=Some(true) restarts=Some(4) limit=Some(83886080) [E2:L19-L23]",
            "2026-11-22T11:30:35Z container-ended container prod/shop-7d9f5c6b8-x2x7q/shop ended: exit code 137, OOMKilled",
            "? container-backoff BackOff: Back-off restarting failed container (3m (x5 over 4m) before this was printed)",
        ]
    );
    assert_eq!(telemetry.gaps.len(), 1);
    assert!(!serde_json::to_string(&telemetry).unwrap().contains("s3cr3t"));
}

/// What a container wrote last may look like anything, and a pod may end as a whole.
#[test]
fn kubectl_describe_of_containers_that_wait() {
    let text = "Name:         api-0
Namespace:    prod
Status:       Failed
Reason:       Evicted
Message:      The node was low on resource: memory.
Containers:
  api:
    Container ID:  containerd://9f2c
    State:         Waiting
      Reason:      CrashLoopBackOff
    Last State:    Terminated
      Reason:      Error
      Message:     Fatal Python error: Segmentation fault

Current thread 0x00007f (most recent call first):
  File \"/srv/app.py\", line 3 in f
Name:   none
      Exit Code:    139
      Started:      Sun, 22 Nov 2026 11:28:06 +0000
      Finished:     Sun, 22 Nov 2026 11:30:35 +0000
    Restart Count:  4
Events:            <none>

Name:         api-1
Namespace:    prod
Containers:
  api:
    Container ID:  containerd://9f2d
    State:         Running
Events:
  Type     Reason     Age    From     Message
  ----     ------     ----   ----     -------
  Warning  Unhealthy  3m12s  kubelet  Liveness probe failed: Get \"http://10.1.2.3/\": timeout
  Normal   Killing    10s    kubelet  Stopping container api
";
    let telemetry = read_as(text.as_bytes(), ExportFormat::KubernetesDescription);
    assert_eq!(
        lines(&telemetry),
        [
            "2026-11-22T11:30:35Z prod/api-0/api Some(139) reason=Some(\"Error\") oom=None restarts=Some(4) limit=None [E2:L11-L20]",
            "? container-waiting CrashLoopBackOff",
            "2026-11-22T11:30:35Z container-ended container prod/api-0/api ended: exit code 139, Error",
            "? pod-ended pod prod/api-0: Evicted: The node was low on resource: memory.",
            "? probe-failed Unhealthy: Liveness probe failed: Get \"http://10.1.2.3/\": timeout (3m12s before this was printed)",
            "? container-killed Killing: Stopping container api (10s before this was printed)",
        ]
    );
}

/// Ids and titles, then what speaks against each.
#[test]
fn exit_codes_and_what_contradicts_them() {
    let check = |code: i64, oom: &str, expected: &[&str]| {
        let export = format!(
            r#"[{{"Id": "c3", "Name": "/shop", "State": {{"Status": "exited", "Running": false, "OOMKilled": {oom}, "ExitCode": {code},
                "StartedAt": "2026-11-22T11:28:06Z", "FinishedAt": "2026-11-22T11:30:35Z"}}, "HostConfig": {{"Memory": 83886080}}}}]"#
        );
        let telemetry = judge(read_as(export.as_bytes(), ExportFormat::DockerInspect), &[], None);
        let found: Vec<String> = telemetry
            .findings
            .iter()
            .flat_map(|finding| {
                assert!(finding.refuted_if.is_some() && !finding.evidence[0].citations.is_empty());
                let against = finding.against.iter().map(|one| format!("  but {}", one.statement));
                std::iter::once(format!("{}: {}", finding.id, finding.title)).chain(against)
            })
            .collect();
        assert_eq!(found, expected, "{code} {oom}");
    };
    check(137, "true", &["container-oom-killed: Memory of container shop ran out (limit 80 MiB)"]);
    check(
        137,
        "false",
        &[
            "exit-code-137: Container shop ended with exit code 137, as by SIGKILL; that memory ran out is not shown by it",
            "  but whoever sends SIGKILL leaves this code: lack of memory is one of several reasons",
        ],
    );
    let contradicted = "container-oom-killed: Memory of container shop is said to have run out (limit 80 MiB), and its exit code contradicts that";
    check(
        0,
        "true",
        &[
            contradicted,
            "  but the exit code is 0: the container's first process was not killed; if anything was, it was one of its children",
        ],
    );
    check(
        1,
        "true",
        &[
            contradicted,
            "  but the exit code is 1 and not 137 (SIGKILL): the container's first process ended in another way",
        ],
    );
    check(139, "false", &["exit-code-139: Container shop ended with exit code 139, as by SIGSEGV"]);
    check(1, "false", &[]);
    check(0, "false", &[]);
}
