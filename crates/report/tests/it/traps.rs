//! Incidents that invite to claim too much: what the reasoner makes of each, as one golden page.

use pycoroner_findings::{Basis, Confidence, Event, Evidence, Finding, Severity};
use pycoroner_report::{Incident, Material, Role};
use serde_json::{Value, json};

use crate::golden::check;
use crate::material::{at, event, incident, judged, line};

fn finding(
    id: &'static str,
    severity: Severity,
    confidence: Confidence,
    title: &str,
    number: u64,
) -> Finding {
    Finding::new(id, severity, confidence, title)
        .with_evidence(Evidence::new(Basis::Observed, title).cite(line(number)))
}

fn sure(id: &'static str, title: &str, number: u64) -> Finding {
    finding(id, Severity::Error, Confidence::Certain, title, number)
}

/// A core of process 7 that another process ended, or whose process aborted.
fn core(signal: u32, name: &str, verdict: &str) -> Value {
    json!({"schema": "pycoroner.core/1", "process": {"pid": 7, "argv": ["gunicorn"]},
        "crash": {"signal": signal, "signal_name": name, "verdict": {"id": verdict, "confidence": "strong"}}})
}

fn container(exit_code: i64, reason: &str, oom_killed: Option<bool>) -> Value {
    let citation = json!({"source": 3, "span": {"kind": "pointer", "pointer": "/0/State"}});
    judged(json!({"schema": "pycoroner.telemetry/1", "containers": [{"name": "shop", "exit_code": exit_code,
        "reason": reason, "oom_killed": oom_killed, "finished": at(0).time, "citation": citation}]}))
}

/// Memory of two lives of a process: it rises to the kill, and falls because a new process begins.
fn two_lives() -> Value {
    let points = |values: &[f64]| -> Vec<Value> {
        values.iter().zip(0..).map(|(value, step)| json!([at(100 - step * 15).time, value])).collect()
    };
    let mib = |values: &[f64]| points(&values.iter().map(|value| value * 1_048_576.0).collect::<Vec<_>>());
    let labels = json!([{"name": "instance", "value": "shop:8000"}]);
    let cited = |number: u32| json!({"source": 3, "span": {"kind": "pointer", "pointer": format!("/data/result/{number}/values")}});
    judged(json!({"schema": "pycoroner.telemetry/1", "series": [
        {"name": "process_resident_memory_bytes", "labels": labels, "points": mib(&[100.0, 160.0, 220.0, 280.0, 340.0, 400.0, 90.0, 95.0]), "citation": cited(0)},
        {"name": "process_start_time_seconds", "labels": labels, "points": points(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 90.0, 90.0]), "citation": cited(1)},
    ]}))
}

/// `up` with a pause in it and no zero.
fn pause() -> Value {
    let points: Vec<Value> =
        [300, 285, 270, 255, 60, 45, 30].iter().map(|second| json!([at(*second).time, 1.0])).collect();
    let cited = json!({"source": 3, "span": {"kind": "pointer", "pointer": "/data/result/0/values"}});
    judged(
        json!({"schema": "pycoroner.telemetry/1", "series": [{"name": "up", "points": points, "citation": cited}]}),
    )
}

fn with(documents: Vec<Value>, findings: Vec<Finding>, events: Vec<Event>) -> Material {
    Material { documents, findings, events, died_at: Some(at(0)), ..Material::default() }
}

fn oom(pid: u64, seconds: i64) -> Event {
    let message = format!("Out of memory: Killed process {pid} (python3)");
    Event { pid: Some(pid), ..event(seconds, "oom-kill", Severity::Critical, &message, 9) }
}

fn oom_finding(pid: u64) -> Finding {
    let title = format!("The kernel killed process {pid} for want of memory");
    finding("oom-kill-logged", Severity::Critical, Confidence::Certain, &title, 9)
        .about(format!("process {pid}"))
}

fn timeout() -> Finding {
    sure("worker-timeout", "The server gave up on a worker that took too long, process 7", 3)
        .about("process 7")
}

fn killed() -> Finding {
    let against = "no kernel line in these logs says that memory was the reason";
    sure("worker-killed", "A worker, process 7, was ended by signal 9", 4)
        .about("process 7")
        .with_against(Evidence::new(Basis::Derived, against))
}

fn null() -> Finding {
    sure("crash-null-dereference", "SIGSEGV: native code used a null pointer", 1)
}

/// Logs in which process 99 could open no further file, and process 7 said nothing of the kind.
fn files_of_another() -> Value {
    json!({"schema": "pycoroner.logs/1", "sources": [{"id": 2, "path": "app.log"}],
        "process": {"pid": 7, "log_pid": 7, "joined_by": ["pid"]},
        "tracebacks": [{"kind": "traceback", "type": "OSError", "message": "[Errno 24] Too many open files: '/a'",
            "pid": 99, "count": 1, "in_window": 1, "source": 0, "line": 5, "offset": 400, "bytes": 80}]})
}

/// A core whose thread that crashed handled an exception, and logs in which its message stands many times.
fn handled_often() -> Vec<Value> {
    let core = json!({"schema": "pycoroner.core/1", "process": {"pid": 7}, "crash": {"signal": 11, "signal_name": "SIGSEGV"},
        "threads": [{"tid": 7, "crashed": true, "exceptions": [{"role": "handled", "type": "PriceMissing",
            "message": "no price for SKU-989 in the feed"}]}]});
    let place = json!({"source": 0, "line": 9, "offset": 720, "bytes": 80});
    let mut template = json!({"template": "no price for SKU-<n> in the feed; asking the old table", "level": "WARNING",
        "count": 40, "in_window": 40});
    template.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
    let logs = json!({"schema": "pycoroner.logs/1", "sources": [{"id": 2, "path": "app.log"}], "templates": [template]});
    vec![core, logs]
}

/// Memory of a target that rose, and that had the same process before the death and behind it.
fn rising_elsewhere() -> Value {
    let points = |values: &[f64]| -> Vec<Value> {
        values.iter().zip(0..).map(|(value, step)| json!([at(90 - step * 15).time, value])).collect()
    };
    let mib: Vec<f64> = (0..10).map(|step| f64::from(100 + 60 * step) * 1_048_576.0).collect();
    let labels = json!([{"name": "instance", "value": "other:8000"}]);
    let cited = |number: u32| json!({"source": 3, "span": {"kind": "pointer", "pointer": format!("/data/result/{number}/values")}});
    judged(json!({"schema": "pycoroner.telemetry/1", "series": [
        {"name": "process_resident_memory_bytes", "labels": labels, "points": points(&mib), "citation": cited(0)},
        {"name": "process_start_time_seconds", "labels": labels, "points": points(&[1.0; 10]), "citation": cited(1)},
    ]}))
}

/// Evidence that is another process's, or that is told twice.
fn traps_of_others() -> Vec<(&'static str, Material)> {
    let fatal = |words: &str| {
        let title = format!("faulthandler caught a fatal error, {words} in price (/srv/a.py:6)");
        finding("fatal-error-logged", Severity::Critical, Confidence::Certain, &title, 6)
    };
    let moderate = |id, title: &str| finding(id, Severity::Warning, Confidence::Moderate, title, 8);
    let in_flight = || {
        finding(
            "exception-in-flight",
            Severity::Warning,
            Confidence::Weak,
            "PriceMissing was being handled",
            2,
        )
    };
    vec![
        (
            "a timeout of another worker",
            with(
                vec![core(6, "SIGABRT", "abort")],
                vec![
                    sure("crash-abort", "SIGABRT: the process aborted itself", 1),
                    timeout().about("process 99"),
                ],
                vec![],
            ),
        ),
        (
            "another worker's files ran out",
            with(vec![core(11, "SIGSEGV", "null-dereference"), files_of_another()], vec![null()], vec![]),
        ),
        (
            "memory rose in a process that lived on",
            with(
                vec![core(9, "SIGKILL", "external-signal"), rising_elsewhere()],
                vec![
                    sure("oom-kill-logged", "The kernel killed process 7 for want of memory", 9)
                        .about("process 7"),
                ],
                vec![],
            ),
        ),
        (
            "a dump of another signal",
            with(
                vec![core(11, "SIGSEGV", "null-dereference")],
                vec![
                    moderate("crash-null-dereference", "SIGSEGV: native code used a null pointer"),
                    fatal("Aborted"),
                ],
                vec![],
            ),
        ),
        (
            "a dump of the same signal",
            with(
                vec![core(11, "SIGSEGV", "null-dereference")],
                vec![
                    moderate("crash-null-dereference", "SIGSEGV: native code used a null pointer"),
                    fatal("Segmentation fault"),
                ],
                vec![],
            ),
        ),
        ("an exception that is handled all day", with(handled_often(), vec![null(), in_flight()], vec![])),
        (
            "a finding that a cause rests on does not raise it",
            with(
                vec![],
                vec![
                    moderate("allocation-failed", "An allocation failed"),
                    moderate("memory-rising", "Memory rose"),
                ],
                vec![],
            ),
        ),
        (
            "memory that rose before a fault",
            with(
                vec![core(11, "SIGSEGV", "null-dereference")],
                vec![null(), moderate("memory-rising", "Memory rose")],
                vec![],
            ),
        ),
        (
            "open files near the limit, and no call that failed",
            with(
                vec![],
                vec![moderate("files-near-limit", "950 files were open, 93 % of the 1024 that may be")],
                vec![],
            ),
        ),
    ]
}

fn traps() -> Vec<(&'static str, Material)> {
    let external = || sure("crash-external-kill", "SIGABRT was sent to the process", 1);
    vec![
        (
            "a timeout's SIGABRT is no crash",
            with(
                vec![core(6, "SIGABRT", "external-signal")],
                vec![
                    external(),
                    timeout(),
                    finding(
                        "fatal-error-explained",
                        Severity::Warning,
                        Confidence::Strong,
                        "The fatal error Aborted in the log is gunicorn's abort of a worker that timed out",
                        5,
                    ),
                ],
                vec![],
            ),
        ),
        ("“Perhaps out of memory?” is no proof", with(vec![], vec![killed()], vec![])),
        (
            "exit code 137 without a lack of memory",
            with(vec![container(137, "Error", Some(false))], vec![], vec![]),
        ),
        ("exit code 137 that says nothing else", with(vec![container(137, "Error", None)], vec![], vec![])),
        (
            "HARAKIRI is no kill from outside",
            with(
                vec![],
                vec![
                    timeout(),
                    sure(
                        "worker-killed",
                        "A worker, process 7, was ended by signal 9 after its server had timed it out",
                        4,
                    )
                    .about("process 7"),
                ],
                vec![],
            ),
        ),
        ("a scrape that is missing is not a service that is down", with(vec![pause()], vec![], vec![])),
        ("memory that fell by a restart did not recover", with(vec![two_lives()], vec![], vec![])),
        (
            "OOMKilled, and the kernel's log knows of none then",
            with(vec![container(137, "OOMKilled", Some(true))], vec![], vec![oom(99, 4000)]),
        ),
        (
            "not OOMKilled, and the kernel's log knows of one",
            with(vec![container(137, "Error", Some(false))], vec![oom_finding(99)], vec![oom(99, 2)]),
        ),
        (
            "the kernel killed another process",
            with(
                vec![core(11, "SIGSEGV", "null-dereference")],
                vec![
                    sure("crash-null-dereference", "SIGSEGV: native code used a null pointer", 1),
                    oom_finding(99),
                ],
                vec![oom(99, 5)],
            ),
        ),
        (
            "an error that was handled did not end the process",
            with(
                vec![core(11, "SIGSEGV", "null-dereference")],
                vec![
                    sure("crash-null-dereference", "SIGSEGV: native code used a null pointer", 1),
                    sure("exception-in-flight", "KeyError was being handled", 2),
                ],
                vec![],
            ),
        ),
    ]
}

/// The causes, with what a reader needs to weigh them.
fn shown(incident: &Incident) -> String {
    let mut lines = Vec::new();
    for finding in &incident.findings {
        lines.push(format!("found: {} ({:?}): {}", finding.id, finding.confidence, finding.title));
        lines.extend(finding.against.iter().map(|against| format!("  against: {}", against.statement)));
    }
    for cause in &incident.causes {
        let role = match cause.role {
            Role::ProbableCause => "cause",
            Role::ContributingFactor => "contributed",
            Role::Consequence => "led to",
        };
        lines.push(format!("{role}: {} ({:?}): {}", cause.id, cause.confidence, cause.statement));
        lines.extend(cause.reasons.iter().filter_map(|reason| {
            Some(format!("  {:?} {:?} to {:?}: {}", reason.effect, reason.from?, reason.to?, reason.why))
        }));
        lines.extend(cause.raised_by.iter().map(|why| format!("  more likely: {why}")));
        lines.extend(cause.against.iter().map(|why| format!("  against: {why}")));
    }
    lines.join("\n")
}

#[test]
fn traps_are_not_fallen_into() {
    let pages: Vec<String> = traps()
        .into_iter()
        .chain(traps_of_others())
        .map(|(name, material)| format!("## {name}\n\n```text\n{}\n```\n", shown(&incident(material))))
        .collect();
    check("traps.md", &pages.join("\n"));
}

/// Beyond the golden page, which may be rewritten: what none of these may ever say.
#[test]
fn no_trap_is_a_lack_of_memory() {
    let may_be = [
        "OOMKilled, and the kernel's log knows of none then",
        "not OOMKilled, and the kernel's log knows of one",
        "the kernel killed another process",
    ];
    for (name, material) in traps() {
        let incident = incident(material);
        for cause in incident.causes.iter().filter(|cause| cause.id.starts_with("oom-")) {
            assert!(may_be.contains(&name), "{name}: {}", cause.statement);
            assert!(cause.confidence < Confidence::Strong || name.starts_with("not"), "{name}");
        }
        let first = &incident.causes[0];
        assert!(
            name != "the kernel killed another process" || first.id == "null-dereference",
            "{}",
            first.id
        );
        assert!(!name.starts_with("a timeout") || first.id == "worker-timeout", "{}", first.id);
        assert!(!name.starts_with("HARAKIRI") || first.id == "worker-timeout", "{}", first.id);
    }
}
