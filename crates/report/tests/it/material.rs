//! One whole incident, built by hand: a web worker that followed a null pointer while it charged a card.

use pycoroner_findings::{
    Basis, Citation, Confidence, Event, Evidence, Finding, Gap, GapKind, Severity, Source, SourceId, Span,
    TimeBasis, Timestamp, UtcTime,
};
use pycoroner_redact::{Policy, Redactor};
use pycoroner_report::{Incident, Material, assemble};
use serde_json::{Value, json};

/// 2024-05-01T12:00:03Z.
const DEATH: i64 = 1_714_564_803_000_000_000;

pub(crate) fn at(seconds_before: i64) -> Timestamp {
    Timestamp {
        time: UtcTime(DEATH - seconds_before * 1_000_000_000),
        basis: TimeBasis::Stated,
        uncertainty_ms: 0,
    }
}

pub(crate) fn line(number: u64) -> Citation {
    Citation::new(SourceId(2), Span::Lines { first: number, last: number, offset: number * 80, len: 80 })
}

pub(crate) fn bytes(offset: u64, len: u64) -> Citation {
    let mut citation = Citation::new(SourceId(1), Span::Bytes { offset, len, address: None });
    citation.digest = Some("9f86d081884c".into());
    citation
}

pub(crate) fn event(
    seconds_before: i64,
    kind: &'static str,
    severity: Severity,
    message: &str,
    number: u64,
) -> Event {
    Event {
        at: Some(at(seconds_before)),
        citation: Some(line(number)),
        ..Event::new(kind, severity, message)
    }
}

pub(crate) fn incident(material: Material) -> Incident {
    assemble(material, &Redactor::new(Policy::On))
}

pub(crate) fn segfault() -> Material {
    Material {
        sources: vec![
            Source {
                id: SourceId(1),
                path: "evidence/core.412.zst".into(),
                kind: "core".into(),
                bytes: 1_234_567,
                sha256: Some("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into()),
                shifted_ms: None,
            },
            Source {
                id: SourceId(2),
                path: "evidence/shop.log".into(),
                kind: "log".into(),
                bytes: 4_096,
                sha256: None,
                shifted_ms: None,
            },
        ],
        documents: vec![core(), heap(), logs()],
        findings: vec![null_dereference(), exception_in_flight()],
        events: vec![
            event(62, "request-started", Severity::Info, "POST /charge order=499", 1017),
            event(60, "error-burst", Severity::Warning, "order 499 retried", 1020),
            event(30, "error-burst", Severity::Warning, "order 499 retried", 1027),
            event(2, "traceback", Severity::Error, "KeyError: 'amount'", 1042),
            event(0, "fatal-error", Severity::Critical, "Fatal Python error: Segmentation fault", 1050),
        ],
        gaps: vec![
            Gap::new(GapKind::NotDumped, "locals of frame handle", "page 0x7f0012340000 is not dumped")
                .remedy("set coredump_filter to 0x33 so that anonymous pages are dumped")
                .at(bytes(0x3f_0000, 4096)),
            Gap::new(GapKind::Missing, "native function names", "the extension's file was not given"),
        ],
        died_at: None,
    }
}

fn null_dereference() -> Finding {
    Finding::new(
        "crash-null-dereference",
        Severity::Critical,
        Confidence::Strong,
        "The process read address 0x0 while charge was running",
    )
    .about("thread 412")
    .with_evidence(Evidence::new(Basis::Observed, "si_addr of NT_SIGINFO is 0x0").cite(bytes(0x3f_8a10, 128)))
    .with_evidence(Evidence::new(Basis::Derived, "no mapping covers 0x0").cite(bytes(0x40, 56)))
    .with_against(
        Evidence::new(Basis::Observed, "the log was written for two seconds after the first error")
            .cite(line(1042)),
    )
    .refuted_if("the instruction at the fault does not access memory")
}

fn exception_in_flight() -> Finding {
    Finding::new(
        "exception-in-flight",
        Severity::Warning,
        Confidence::Certain,
        "KeyError: 'amount' was being handled",
    )
    .with_evidence(
        Evidence::new(Basis::Observed, "exc_info of thread 412 holds a KeyError").cite(bytes(0x2000, 8)),
    )
}

fn core() -> Value {
    let frame = |function: &str, qualname: &str, file: &str, line: u64| json!({"function": function, "qualname": qualname, "file": file, "line": line});
    let mut charge = frame("charge", "Terminal.charge", "/app/shop/pay.py", 42);
    charge["locals"] = json!([
        {"name": "order", "kind": "argument", "type": "shop.models.Order", "repr": "Order(id=499, token='t-123')", "truncated": false},
        {"name": "api_key", "kind": "local", "type": "str", "repr": "'k-456'"},
        {"name": "amount", "kind": "local", "type": "int", "repr": "1999"},
    ]);
    let pool = |tid: u64| {
        json!({"tid": tid, "name": format!("pool-{tid}"), "waiting_on": {"kind": "lock", "path": "shop.locks.LEDGER", "owner_tid": 412},
            "python_frames": [frame("wait", "Condition.wait", "/usr/lib/python3.12/threading.py", 355), frame("work", "work", "/app/shop/pool.py", 9)]})
    };
    json!({
        "schema": "pycoroner.core/1",
        "process": {"pid": 412, "argv": ["python3", "-m", "shop.web", "--token", "x-789"], "arch": "x86_64", "env": {"DB_URL": "postgres://u:p@db/shop"},
            "python": {"version": "3.12.1", "flavor": "release", "located_by": "symbol", "layout_from": ["dwarf", "table"]}},
        "crash": {"signal": 11, "signal_name": "SIGSEGV", "code": "SEGV_MAPERR", "fault_address": "0x0", "tid": 412, "fatal_message": null,
            "verdict": {"id": "null-dereference", "confidence": "strong", "summary": "A null pointer was read", "because": ["the fault address is 0x0"], "against": []}},
        "threads": [
            pool(413),
            {"tid": 412, "name": "MainThread", "crashed": true, "holds_gil": true,
             "python_frames": [charge, frame("handle", "handle", "/app/shop/web.py", 88), frame("main", "main", "/app/shop/web.py", 120)],
             "native_frames": [{"function": null, "module": "/app/shop/_pay.so", "offset": "0x1139", "found_by": "cfi"}],
             "frames": [{"native": 0}, {"python": 0}, {"python": 1}, {"python": 2}], "stopped_because": "bottom",
             "exceptions": [{"role": "handled", "type": "KeyError", "module": "builtins", "message": "'amount'", "notes": [],
                "traceback": [{"function": "handle", "file": "/app/shop/web.py", "line": 86}],
                "cause": {"type": "Timeout", "module": "shop.net", "message": "no answer; password=p-321", "traceback": [{"function": "ask", "file": "/app/shop/net.py", "line": 12}], "cause": {}, "context": {}},
                "context": {}, "suppress_context": true, "exceptions": []}]},
            pool(414),
        ],
        "locks": [{"path": "shop.locks.LEDGER", "address": "0x7f0000001000", "kind": "lock", "owner_tid": 412, "owner_name": "MainThread", "waiters": [{"tid": 413}, {"tid": 414}]}],
        "deadlocks": [],
        "asyncio": {"tasks": [{"name": "job-1", "coroutine": "worker", "state": "pending", "stack": [{"function": "worker", "file": "/app/shop/jobs.py", "line": 7}], "waits_on": "_asyncio.Future"}]},
        "memory_logs": [{"logger": "shop.audit", "level": "WARNING", "time": "2024-05-01T12:00:02Z", "message": "order 499 failed: code-2"}],
        "findings": [serde_json::to_value(null_dereference()).unwrap()],
        "gaps": [],
    })
}

fn heap() -> Value {
    json!({
        "schema": "pycoroner.heap/1",
        "totals": {"objects": 1_234_567, "references": 4_000_000, "shallow_bytes": 268_435_456, "dumped_bytes": 536_870_912},
        "ledger": [{"owner": "python-objects", "bytes": 268_435_456}, {"owner": "stacks", "bytes": 8_388_608}],
        "types": [
            {"type": "shop.models.Session", "count": 200_000, "shallow_bytes": 9_600_000, "retained_bytes": 166_000_000},
            {"type": "dict", "count": 210_000, "shallow_bytes": 40_000_000, "retained_bytes": null}],
        "owners": [{"path": "shop.cache._SESSIONS", "type": "dict", "length": 200_000, "retained_bytes": 166_000_000, "retained_objects": 800_001}],
        "suspects": [{"path": "shop.cache._SESSIONS", "type": "dict", "retained_bytes": 166_000_000, "percent": 61.8,
            "accumulates": {"type": "shop.models.Session", "count": 200_000, "each_bytes": 830}, "why": "one dict holds all of them", "refuted_if": "the cache is that large by design"}],
        "findings": [], "gaps": [],
    })
}

fn logs() -> Value {
    json!({
        "schema": "pycoroner.logs/1",
        "sources": [{"id": 2, "path": "evidence/shop.log", "format": "python-logging", "bytes": 4096, "records": 1050, "unparsed_bytes": 12, "first": "2024-05-01T11:00:00Z", "last": "2024-05-01T12:00:03Z"}],
        "levels": {"ERROR": 3, "INFO": 1040, "WARNING": 7},
        "tracebacks": [
            {"kind": "traceback", "type": "shop.net.Timeout", "message": "no answer", "relation": "cause", "count": 2, "source": 0, "line": 1036, "parent": 1, "frames": [{"file": "/app/shop/net.py", "line": 12, "function": "ask"}]},
            {"kind": "traceback", "type": "KeyError", "message": "'amount'", "count": 2, "first": "2024-05-01T12:00:01Z", "source": 0, "line": 1042, "parent": null, "frames": [{"file": "/app/shop/web.py", "line": 86, "function": "handle"}]}],
        "events": [{"kind": "fatal-error", "severity": "critical", "time": "2024-05-01T12:00:03Z", "message": "Fatal Python error: Segmentation fault", "source": 0, "line": 1050}],
        "templates": [
            {"template": "order <n> retried", "level": "WARNING", "count": 7, "first": "2024-05-01T11:59:03Z", "new_in_window": true},
            {"template": "GET <path>", "level": "INFO", "count": 900, "new_in_window": false}],
        "window": {"from": "2024-05-01T11:58:03Z", "to": "2024-05-01T12:00:33Z", "levels_over_time": {"bucket_ms": 30_000, "buckets": [
            {"from": "2024-05-01T11:58:30Z", "records": 12, "levels": [{"level": "INFO", "count": 12}]},
            {"from": "2024-05-01T11:59:00Z", "records": 20, "levels": [{"level": "INFO", "count": 18}, {"level": "WARNING", "count": 2}]},
            {"from": "2024-05-01T12:00:00Z", "records": 3, "levels": [{"level": "ERROR", "count": 3}]}]}},
        "warnings": [
            {"time": "2024-05-01T11:59:58Z", "time_basis": "stated", "time_uncertainty_ms": 1, "level": "WARNING", "message": "slow answer from the gateway", "source": 0, "line": 1035, "last_line": 1035, "offset": 82_800, "bytes": 80},
            {"time": "2024-05-01T12:00:01Z", "level": "ERROR", "message": "said by the traceback", "source": 0, "line": 1042, "last_line": 1046, "offset": 83_360, "bytes": 400}],
        "separations": {"end": "SIGSEGV", "deaths": 23, "with_records": 23,
            "test": {"name": "Fisher's exact test, one-sided", "comparisons": 3},
            "found": [{"template": "no price for SKU-<n>", "what": "SKU-<n>", "by": "at-least", "value": "951", "nearest": "948",
                "died": 23, "died_with": 23, "others": 77, "others_with": 0, "others_meanwhile": 16, "others_meanwhile_with": 0, "p_value": 1.3e-10,
                "died_places": [{"source": 0, "line": 1042, "last_line": 1042, "offset": 83_360, "bytes": 400}],
                "other_places": [{"source": 0, "line": 1035, "last_line": 1035, "offset": 82_800, "bytes": 80}]}]},
        "process": {"last_records": [
            {"time": "2024-05-01T12:00:03Z", "level": "ERROR", "message": "charge failed for order 499: session_id=s-654", "source": 0, "line": 1049}]},
        "findings": [], "gaps": [],
    })
}

/// A core that was taken of a process in which two threads wait for each other's locks.
pub(crate) fn deadlock() -> Material {
    let thread = |tid: u64, name: &str, function: &str, lock: &str, owner: u64| {
        json!({"tid": tid, "name": name, "state": format!("waiting for rlock {lock}, held by {owner}"),
            "waiting_on": {"kind": "rlock", "path": lock, "owner_tid": owner},
            "python_frames": [{"function": function, "file": "/app/shop.py", "line": 12}]})
    };
    let row = |lock: &str, owner: u64, waiter: u64| json!({"path": lock, "kind": "rlock", "owner_tid": owner, "owner_found_by": "owner-field", "waiters": [{"tid": waiter}]});
    let circle = Finding::new(
        "deadlock",
        Severity::Critical,
        Confidence::Strong,
        "2 threads wait for each other in a circle",
    )
    .with_evidence(
        Evidence::new(Basis::Derived, "each holds what the other one waits for").cite(bytes(0x2000, 8)),
    );
    let alive = Finding::new("no-crash", Severity::Info, Confidence::Strong, "no signal: nothing crashed")
        .with_evidence(Evidence::new(Basis::Observed, "no thread was hit by a deadly signal"));
    let core = json!({
        "schema": "pycoroner.core/1",
        "process": {"pid": 77, "argv": ["python3", "shop.py"], "python": {"version": "3.12.1"}},
        "crash": {"verdict": {"id": "no-crash", "confidence": "strong", "summary": "nothing crashed", "because": ["no thread was hit by a deadly signal"]}},
        "threads": [thread(77, "MainThread", "pay", "shop.STOCK", 78), thread(78, "worker", "restock", "shop.LEDGER", 77)],
        "locks": [row("shop.LEDGER", 77, 78), row("shop.STOCK", 78, 77)],
        "deadlocks": [{"tids": [77, 78], "locks": ["shop.STOCK", "shop.LEDGER"],
            "taken": [{"function": "pay", "file": "/app/shop.py", "line": 11}, {"function": "Store.open", "file": "/app/store.py"}]}],
    });
    Material { documents: vec![core], findings: vec![circle, alive], ..Material::default() }
}

/// What exports say, with what telemetry concludes from it.
pub(crate) fn judged(document: Value) -> Value {
    let telemetry = serde_json::from_value(document).unwrap();
    serde_json::to_value(pycoroner_telemetry::judge(telemetry, &[], Some(at(0)))).unwrap()
}

/// A leak that ended in a kill for want of memory: no core, but metrics, alerts, spans, stacks and the kernel's word.
pub(crate) fn leak() -> Material {
    let cited = |pointer: &str| json!({"source": 1, "span": {"kind": "pointer", "pointer": pointer}});
    let mib = |value: f64| value * 1_048_576.0;
    let memory: Vec<Value> = (0..40)
        .filter(|step| !(20..24).contains(step))
        .map(|step| json!([at(600 - step * 15).time, mib(100.0 + 10.0 * step as f64)]))
        .collect();
    let up: Vec<Value> =
        (0..44).map(|step| json!([at(600 - step * 15).time, if step == 40 { 0.0 } else { 1.0 }])).collect();
    let labels = json!([{"name": "instance", "value": "shop:8000"}]);
    let frame =
        |function: &str, line: u64| json!({"function": function, "file": "/app/shop/cache.py", "line": line});
    let telemetry = json!({
        "schema": "pycoroner.telemetry/1",
        "exports": [{"id": 1, "format": "prometheus-query", "records": 80, "first": at(600).time, "last": at(-45).time}],
        "series": [
            {"name": "process_resident_memory_bytes", "labels": labels, "points": memory, "citation": cited("/data/result/0")},
            {"name": "up", "labels": labels, "points": up, "citation": cited("/data/result/1")},
            {"name": "shop_sessions", "labels": labels, "points": memory, "citation": cited("/data/result/2")}],
        "spans": [
            {"trace_id": "ab12", "span_id": "01", "name": "POST /login", "start": at(2).time, "failed": false, "citation": cited("/spans/0")},
            {"trace_id": "ab13", "span_id": "02", "name": "GET /cart", "start": at(9).time, "end": at(8).time, "failed": true, "error": "503", "citation": cited("/spans/1")}],
        "stacks": [{"time": at(120).time, "time_basis": "stated", "time_uncertainty_ms": 1000, "pid": 4242, "citation": cited("/stacks/0"),
            "threads": [{"id": "4242", "name": "MainThread", "active": true, "samples": 1, "frames": [frame("remember", 12), frame("handle", 40)]}]}],
        "allocations": [
            {"frames": [frame("remember", 12)], "bytes": 300_000_000, "blocks": 1_200_000, "citation": cited("/allocations/0")},
            {"frames": [frame("render", 77)], "bytes": 2_000_000, "blocks": 900, "citation": cited("/allocations/1")}],
        "containers": [{"name": "shop/web", "exit_code": 137, "reason": "OOMKilled", "oom_killed": true, "restarts": 1,
            "finished": at(0).time, "memory_limit": 536_870_912, "citation": cited("/status/containerStatuses/0")}],
        "context": {"service": "shop", "environment": "prod", "owners": ["checkout team"], "impact": "logins were refused for a minute",
            "changes": [{"time": at(3000).time, "kind": "deploy", "what": "shop 4.2.0"}], "citation": cited("/context")},
        "events": [],
    });
    let killed =
        "Memory cgroup out of memory: Killed process 4242 (python3) total-vm:812344kB, anon-rss:511020kB";
    let oom = Finding::new(
        "oom-kill-logged",
        Severity::Critical,
        Confidence::Certain,
        "The kernel killed process 4242 for want of memory (memory of its control group)",
    )
    .about("process 4242")
    .with_evidence(Evidence::new(Basis::Observed, killed).cite(line(88)));
    let alert = |seconds, kind: &'static str, severity| Event {
        producer: Some("shop:8000".into()),
        ..event(seconds, kind, severity, "ShopMemoryHigh: shop uses 90 % of its memory", 5)
    };
    Material {
        sources: vec![Source {
            id: SourceId(1),
            path: "evidence/query_range.json".into(),
            kind: "prometheus".into(),
            bytes: 9_000,
            sha256: None,
            shifted_ms: None,
        }],
        documents: vec![judged(telemetry)],
        findings: vec![oom],
        events: vec![
            event(3000, "deploy", Severity::Info, "deploy: shop 4.2.0", 1),
            event(200, "log-warning", Severity::Warning, "slow answer", 2),
            alert(60, "alert-started", Severity::Warning),
            alert(-40, "alert-ended", Severity::Info),
            Event { pid: Some(4242), ..event(0, "oom-kill", Severity::Critical, killed, 88) },
            event(-8, "container-started", Severity::Info, "container shop/web started", 90),
        ],
        ..Material::default()
    }
}
