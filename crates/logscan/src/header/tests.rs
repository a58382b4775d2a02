//! Headers of records, format by format.

use super::*;

/// Writes what was read as `format level logger thread pid request | message`.
fn shown(line: &str) -> String {
    let Some(header) = parse(line.as_bytes()) else { return "no record".into() };
    let text = |bytes: &[u8]| {
        if bytes.is_empty() { "-".into() } else { String::from_utf8_lossy(bytes).into_owned() }
    };
    format!(
        "{} {} {} {} {} {} |{}",
        header.format,
        header.level.map_or("-", Level::name),
        text(header.logger),
        text(header.thread),
        header.pid.map_or("-".into(), |pid| pid.to_string()),
        text(header.request_id),
        String::from_utf8_lossy(header.message),
    )
}

#[test]
fn layouts() {
    let check = |line: &str, expected: &str| assert_eq!(shown(line), expected, "{line}");
    check(
        "2024-05-01 12:00:00,123 - app.orders - ERROR - charge failed",
        "python-logging ERROR app.orders - - - |charge failed",
    );
    check(
        "2024-05-01 12:00:00,123 ERROR app.orders: charge failed",
        "python-logging ERROR app.orders - - - |charge failed",
    );
    check(
        "2024-05-01 12:00:00,123 ERROR app.orders charge failed",
        "python-logging ERROR app.orders - - - |charge failed",
    );
    check("2024-05-01 12:00:00,123 ERROR charge failed", "python-logging ERROR - - - - |charge failed");
    check(
        "2024-05-01 12:00:00,123 [ERROR] app.orders: charge failed",
        "python-logging ERROR app.orders - - - |charge failed",
    );
    check(
        "2024-05-01 12:00:00,123 ERROR (MainThread) [app.x] [0x4BFF] Traceback (most recent call last):",
        "python-logging ERROR app.x MainThread - 0x4BFF |Traceback (most recent call last):",
    );
    check(
        "2024-05-01 12:00:00,123 [77] [Thread-3] WARNING shop: slow",
        "python-logging WARNING shop Thread-3 77 - |slow",
    );
    check(
        "2024-05-01 12:00:00.123 | ERROR    | shop.app:charge:34 - charge failed",
        "loguru ERROR shop.app - - - |charge failed",
    );
    check(
        "2024-05-01 12:00:00 [error    ] charge_failed   order=7",
        "structlog ERROR - - - - |charge_failed   order=7",
    );
    check(
        "[2026-11-22 11:28:45 +0000] [15390] [CRITICAL] WORKER TIMEOUT (pid:15401)",
        "gunicorn CRITICAL - - 15390 - |WORKER TIMEOUT (pid:15401)",
    );
    check(
        "[2024-05-01 12:00:00,123: ERROR/ForkPoolWorker-1] Task x raised",
        "celery ERROR - ForkPoolWorker-1 - - |Task x raised",
    );
    check(
        "[2024-05-01, 12:00:00 UTC] {taskinstance.py:1851} ERROR - Task failed",
        "airflow ERROR taskinstance - - - |Task failed",
    );
    check(
        "2024-05-01 12:00:00.123 1234 ERROR nova.api.openstack [req-9c2 a b] Unexpected",
        "python-logging ERROR nova.api.openstack - 1234 req-9c2 |Unexpected",
    );
    check(
        "2024-05-01 12:00:00.123 1234 ERROR nova.api   File \"/x.py\", line 1, in f",
        "python-logging ERROR nova.api - 1234 - |  File \"/x.py\", line 1, in f",
    );
    check(
        "2024-05-01 12:00:00,123 ERROR 77 MainThread shop.views charge failed",
        "python-logging ERROR shop.views MainThread 77 - |charge failed",
    );
    check(
        "2024-05-01 12:00:00,123 ERROR 77 items were lost",
        "python-logging ERROR - - - - |77 items were lost",
    );
    check("ERROR:shop.app:charge failed", "level-first ERROR shop.app - - - |charge failed");
    check(
        "INFO:     127.0.0.1:5 - \"GET / HTTP/1.1\" 200 OK",
        "uvicorn INFO - - - - |127.0.0.1:5 - \"GET / HTTP/1.1\" 200 OK",
    );
    check(
        "[INFO/MainProcess] child process calling self.run()",
        "level-first INFO - MainProcess - - |child process calling self.run()",
    );
    check(
        "[E 240501 12:00:00 web:2271] 500 GET / (::1) 2ms",
        "python-logging ERROR - - - - |500 GET / (::1) 2ms",
    );
    check(
        "time=2024-05-01T12:00:00Z level=error msg=\"charge failed\" pid=7",
        "logfmt ERROR - - 7 - |charge failed",
    );
    check("E0501 12:00:00.123456    77 server.go:12] lost", "klog ERROR - - 77 - |lost");
    check(
        "127.0.0.1 - - [22/Nov/2026:11:28:13 +0000] \"GET / HTTP/1.1\" 200 2",
        "access-log - - - - - |\"GET / HTTP/1.1\" 200 2",
    );
    check("[ 1230.508770] RIP: 0033:0x7f", "dmesg - - - - - |RIP: 0033:0x7f");
    check("[Sun Nov 22 11:30:35 2026] cache 8192", "dmesg - - - - - |cache 8192");
    check(
        "kern  :err   : 2026-11-22T11:30:35,521868+00:00 Memory cgroup out",
        "dmesg ERROR - - - - |Memory cgroup out",
    );
    check("Sun Nov 22 11:32:02 2026 - *** HARAKIRI ON WORKER 1", "uwsgi - - - - - |*** HARAKIRI ON WORKER 1");
    check(
        "[pid: 30588|app: 0|req: 1/1] 127.0.0.1 () {24 vars} [Sun Nov 22 11:31:59 2026] GET /",
        "uwsgi - - - 30588 - |127.0.0.1 () {24 vars} [Sun Nov 22 11:31:59 2026] GET /",
    );
    check(
        "2024-05-01 12:00:00 server started on port 80",
        "timestamped - - - - - |server started on port 80",
    );
}

#[test]
fn heads_in_brackets_and_behind_processes() {
    let check = |line: &str, expected: &str| assert_eq!(shown(line), expected, "{line}");
    check(
        "[2024-05-01 12:00:00,917 INFO a.py line 78 77] => creating model",
        "python-logging INFO a.py - - - |=> creating model",
    );
    check("[2024-05-01 12:00:00,917 INFO] shop: up", "python-logging INFO shop - - - |up");
    check("[2024-05-01 12:00:00,917 INFO shop]: up", "python-logging INFO shop - - - |up");
    check("[2024-05-01 12:00:00,917 without a level in this long label] up", "no record");
    check("ERROR 05-11 14:16:39 [core.py:39] down", "python-logging ERROR - - - - |down");
    check("ERROR 05-11 14:16:39 core.py:39] down", "python-logging ERROR core.py - - - |down");
    check(
        "(Core pid=7) (Worker pid=8, ip=::1) INFO 05-11 14:16:39 [core.py:39] up",
        "python-logging INFO - - 8 - |up",
    );
    check("(Core pid=7) up", "no record");
    check("(see below) INFO 05-11 14:16:39 [core.py:39] up", "no record");
    check("[W 21:24:39.054 NotebookApp] up", "python-logging WARNING - - - - |up");
    check("[I 2024-05-01 21:24:39.054 ServerApp] up", "python-logging INFO - - - - |up");
}

#[test]
fn layouts_that_loggers_wrote() {
    let check = |line: &str, expected: &str| assert_eq!(shown(line), expected, "{line}");
    check(
        "2024-05-01 12:00:00,256:ERROR:shop.orders:charge failed",
        "python-logging ERROR shop.orders - - - |charge failed",
    );
    check(
        "ERROR 2024-05-01 12:00:00,258 views 5547 139662110116736 charge failed",
        "python-logging ERROR views 139662110116736 5547 - |charge failed",
    );
    check(
        "ERROR: 2024-05-01 12:00:00,437: shop.orders: charge failed",
        "python-logging ERROR shop.orders - - - |charge failed",
    );
    check(
        "5547 2024-05-01 12:00:00,436 ERROR shop.orders charge failed",
        "python-logging ERROR shop.orders - 5547 - |charge failed",
    );
    check(
        "1714564800.435290 ERROR shop.orders charge failed",
        "python-logging ERROR shop.orders - - - |charge failed",
    );
    check("1714564800.435290 charge failed", "no record");
    check(
        "05/13/2024 09:25:41 AM ERROR shop.orders charge failed",
        "python-logging ERROR shop.orders - - - |charge failed",
    );
    check(
        "13.05.2024 09:25:41 ERROR shop.orders charge failed",
        "python-logging ERROR shop.orders - - - |charge failed",
    );
    check(
        "E 09:25:41.405 shop.orders] charge failed",
        "python-logging ERROR shop.orders - - - |charge failed",
    );
    check(
        "2024-05-01 12:00:00,323 ERROR    [MainThread] shop.orders:14 charge failed",
        "python-logging ERROR shop.orders MainThread - - |charge failed",
    );
    check(
        "2024-05-01 12:00:00,325 ERROR [shop.orders] [app.py:9] [dd.service=shop dd.env=prod dd.trace_id=1234 dd.span_id=9] - charge failed",
        "python-logging ERROR shop.orders - - 1234 |charge failed",
    );
    check(
        "2024-05-01 12:00:00,326 | ERROR | MainProcess(5547) | shop.orders | emit:9 | charge failed",
        "python-logging ERROR shop.orders MainProcess 5547 - |charge failed",
    );
    check(
        "[2024-05-01 12:00:00,978] ERROR in app: Exception on /boom [GET]",
        "python-logging ERROR app - - - |Exception on /boom [GET]",
    );
    check(
        "2024-05-01T12:00:00.635893Z [error    ] charge failed    order=17 request_id=r-9",
        "structlog ERROR - - - r-9 |charge failed    order=17 request_id=r-9",
    );
    check(
        "[2024-05-01 12:00:00,123] {{models.py:1428}} INFO - Executing",
        "airflow INFO models - - - |Executing",
    );
    check(
        "at=ERROR when=\"2024-05-01 12:00:00,166\" logger=shop.orders msg=\"charge \\\"7\\\" failed\" exc_info=\"x\"",
        "logfmt ERROR shop.orders - - - |charge \\\"7\\\" failed",
    );
    check(
        "timestamp='2024-05-01T12:00:00Z' level='error' event='charge failed' request_id='r-9'",
        "logfmt ERROR - - - r-9 |charge failed",
    );
    check(
        "[Wed May 01 12:00:00.123456 2024] [wsgi:error] [pid 123:tid 456] [client 10.0.0.1:55] Traceback",
        "apache-error ERROR wsgi 456 123 - |Traceback",
    );
    check("<3>[ 1230.508770] Out of memory", "dmesg ERROR - - - - |Out of memory");
    check("3,1123,1230508770,-;Out of memory", "dmesg ERROR - - - - |Out of memory");
    check(
        "<11>1 2024-05-01T12:00:00Z h shop 8710 ID47 - charge failed",
        "syslog ERROR shop - 8710 - |charge failed",
    );
}

#[test]
fn lines_that_start_no_record() {
    for line in [
        "",
        "  File \"x.py\", line 1, in f",
        "KeyError: 'k'",
        "Traceback (most recent call last):",
        "x = 1",
        "LINE 5: SELECT",
        "+-+---- 1 ----",
        "ERRORS follow",
    ] {
        assert_eq!(shown(line), "no record", "{line}");
    }
}
