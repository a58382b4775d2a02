//! What `faulthandler` and the interpreter print.

use pycoroner_findings::Confidence;
use pycoroner_logscan::{Options, TracebackKind};

use crate::shown::{assert_lines, scan_text, stacks};

#[track_caller]
fn check(input: &str, expected: &str) {
    assert_lines(&stacks(&scan_text(input, &Options::default())), expected, input);
}

const SEGV: &str = "Fatal Python error: Segmentation fault\n\nThread 0x00007f8cef8836c0 (most recent call first):\n  File \"/srv/a.py\", line 5 in w\n  File \"/srv/a.py\", line 9 in run\n\nCurrent thread 0x00007f8cf0cd2b80 (most recent call first):\n  Garbage-collecting\n  File \"/srv/a.py\", line 7 in <module>\n\nExtension modules: a._b, c (total: 2)\n";

#[test]
fn threads_innermost_first() {
    check(
        SEGV,
        "Fatal Python error: \"Segmentation fault\" [w:5 run:9]\nFatal Python error: \"Segmentation fault\" [<module>:7] current",
    );
    let scan = scan_text(SEGV, &Options::default());
    assert!(scan.tracebacks.iter().all(|entry| entry.kind == TracebackKind::Faulthandler));
    assert_eq!(scan.tracebacks[0].thread.as_deref(), Some("0x00007f8cef8836c0"));
    assert_eq!(scan.tracebacks[0].extension_modules, ["a._b", "c"]);
    assert!(scan.tracebacks[1].collecting_garbage);
    assert_eq!((scan.events[0].kind.as_ref(), scan.events[0].signal), ("fatal-error", Some(11)));
}

#[test]
fn other_shapes() {
    check(
        "Fatal Python error: init_fs_encoding: failed to get the Python codec\nPython runtime state: core initialized\nModuleNotFoundError: No module named 'encodings'\n\nCurrent thread 0x00007f (most recent call first):\n<no Python frame>\n",
        "Fatal Python error: \"init_fs_encoding: failed to get the Python codec\" [] current",
    );
    check(
        "Timeout (0:00:05)!\nThread 0x00007f (most recent call first):\n  File \"a.py\", line 8 in f\n",
        "Timeout: \"0:00:05\" [f:8]",
    );
    // 3.14: the thread's name, and a C stack.
    let text = "Fatal Python error: Aborted\n\nCurrent thread 0x00007f [python3] (most recent call first):\n  File \"a.py\", line 8 in f\n\nCurrent thread's C stack trace (most recent call first):\n  Binary file \"/usr/bin/python3\", at _Py_DumpStack+0x44 [0x1]\n  <truncated rest of calls>\n\nExtension modules: x (total: 1)\n";
    check(text, "Fatal Python error: \"Aborted\" [f:8] current");
    let scan = scan_text(text, &Options::default());
    assert_eq!(scan.tracebacks[0].thread_name.as_deref(), Some("python3"));
    assert_eq!((scan.tracebacks[0].c_stack.len(), scan.tracebacks[0].extension_modules.len()), (2, 1));
    check(
        "Windows fatal exception: access violation\n\nCurrent thread 0x00001234 (most recent call first):\n  File \"C:\\a.py\", line 8 in f\n",
        "Fatal Python error: \"access violation\" [f:8] current",
    );
    check("2024-05-01 12:00:00 INFO shop: the docs say \"Fatal Python error: Aborted\" is fatal\n", "");
}

#[test]
fn two_dumps_do_not_mix() {
    check(
        &format!(
            "{SEGV}Fatal Python error: Aborted\n\nCurrent thread 0x00007f8cf0cd2b80 (most recent call first):\n  File \"b.py\", line 1 in x\n"
        ),
        "Fatal Python error: \"Segmentation fault\" [w:5 run:9]\nFatal Python error: \"Segmentation fault\" [<module>:7] current\nFatal Python error: \"Aborted\" [x:1] current",
    );
    check(
        "Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f1 (most recent call first):\n  File \"a.py\", liFatal Python error: Aborted\n\nCurrent thread 0x00007f2 (most recent call first):\n  File \"b.py\", line 1 in x\n",
        "Fatal Python error: \"Segmentation fault\" [] torn current\nFatal Python error: \"Aborted\" [x:1] current",
    );
}

#[test]
fn every_line_prefixed() {
    for prefix in [
        "[rank0]: ",
        "web_1  | ",
        "2024-05-01T12:00:00.123456789Z stderr F ",
        "2024-05-01 12:00:00,123 7 ERROR ",
    ] {
        let text: String = SEGV.lines().map(|line| format!("{prefix}{line}\n")).collect();
        check(
            &text,
            "Fatal Python error: \"Segmentation fault\" [w:5 run:9]\nFatal Python error: \"Segmentation fault\" [<module>:7] current",
        );
    }
    // Two ranks write at the same time.
    let woven: String = SEGV.lines().map(|line| format!("[rank0]: {line}\n[rank1]: {line}\n")).collect();
    let both = "Fatal Python error: \"Segmentation fault\" [w:5 run:9]\nFatal Python error: \"Segmentation fault\" [<module>:7] current\n";
    check(&woven, &format!("{both}{both}"));
}

#[test]
fn talk_of_errors_is_no_error() {
    for line in [
        "2024-05-01 12:00:00 INFO shop: the ticket says Fatal Python error: Aborted, again",
        "docs: Fatal Python error: Segmentation fault is printed by faulthandler",
        "SELECT 'Fatal Python error: Aborted'",
    ] {
        check(&format!("{line}\n"), "");
        assert!(scan_text(&format!("{line}\n"), &Options::default()).events.is_empty(), "{line}");
    }
    let scan = scan_text("Fatal Python error: Aborted\n", &Options::default());
    assert_eq!(scan.events.len(), 1);
}

#[test]
fn a_hundred_frames_may_be_more() {
    let mut text =
        "Fatal Python error: Aborted\n\nCurrent thread 0x00007f (most recent call first):\n".to_owned();
    text.push_str(&"  File \"a.py\", line 6 in down\n".repeat(100));
    let scan = scan_text(&text, &Options::default());
    assert_eq!((scan.tracebacks[0].frames.len(), scan.tracebacks[0].truncated), (100, true));
}

#[test]
fn the_time_is_the_neighbours() {
    let text = format!(
        "[2024-05-01 11:00:00 +0000] [7] [INFO] Booting worker with pid: 8\n{SEGV}[2024-05-01 14:00:00 +0000] [7] [WARNING] Worker (pid:8) was sent SIGSEGV!\n"
    );
    let scan = scan_text(&text, &Options::default());
    let event = scan.events.iter().find(|event| event.kind == "fatal-error").unwrap();
    let at = event.at.unwrap();
    assert_eq!(at.time.to_string(), "2024-05-01T14:00:00Z");
    assert_eq!(serde_json::to_value(at.basis).unwrap(), "inferred-neighbour");
    assert!(at.uncertainty_ms >= 3 * 3_600_000);
}

#[test]
fn a_timeouts_abort_is_no_crash() {
    let abort = "Fatal Python error: Aborted\n\nCurrent thread 0x00007f (most recent call first):\n  File \"/srv/app.py\", line 5 in slow\n  File \"/venv/site-packages/gunicorn/workers/sync.py\", line 184 in handle_request\n\n";
    let timeout = "[2024-05-01 12:00:00 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:8)\n";
    let exit = "[2024-05-01 12:00:01 +0000] [8] [INFO] Worker exiting (pid: 8)\n";
    let ids = |text: &str| {
        let scan = scan_text(text, &Options::default());
        scan.findings().iter().map(|finding| finding.id.clone().into_owned()).collect::<Vec<_>>()
    };
    let explained = ids(&format!("{timeout}{abort}{exit}"));
    assert!(explained.contains(&"fatal-error-explained".to_owned()), "{explained:?}");
    assert!(!explained.contains(&"fatal-error-logged".to_owned()), "{explained:?}");
    assert!(ids(abort).contains(&"fatal-error-logged".to_owned()));

    // A worker that ended by the signal after all is said to have done so: that confirms it.
    let killed = "[2024-05-01 12:00:01 +0000] [7] [ERROR] Worker (pid:8) was sent SIGABRT!\n";
    let said = |text: &str| {
        let scan = scan_text(text, &Options::default());
        let finding =
            scan.findings().into_iter().find(|finding| finding.id == "fatal-error-explained").unwrap();
        assert_eq!((&*finding.against, finding.confidence), (&[][..], Confidence::Strong), "{text}");
        finding.evidence.iter().skip(1).map(|evidence| evidence.statement.clone()).collect::<Vec<_>>()
    };
    let exits =
        "gunicorn's SIGABRT to a worker that timed out: the worker then exits by itself, which is no crash";
    let ended = "Worker (pid:8) was sent SIGABRT!";
    assert_eq!(said(&format!("{timeout}{abort}{exit}{killed}")), [exits]);
    assert_eq!(
        said(&format!("{timeout}{abort}{killed}")),
        ["gunicorn timed the worker out, and its SIGABRT ended it", ended]
    );
    let hooked = abort.replace(
        "  File \"/srv/app.py\"",
        "  File \"/srv/gunicorn.conf.py\", line 31 in worker_abort\n  File \"/venv/site-packages/gunicorn/workers/base.py\", line 199 in handle_abort\n  File \"/srv/app.py\"",
    );
    assert_eq!(
        said(&format!("{timeout}{hooked}{killed}")),
        ["gunicorn timed the worker out, and its hook worker_abort aborted it", ended]
    );
}

#[test]
fn a_log_of_gunicorn_without_a_timeout_says_so() {
    let boot = "[2024-05-01 11:00:00 +0000] [7] [INFO] Booting worker with pid: 8\n";
    let abort = "Fatal Python error: Aborted\n\nCurrent thread 0x00007f (most recent call first):\n  File \"/srv/app.py\", line 5 in give_up\n  File \"/venv/site-packages/gunicorn/workers/sync.py\", line 184 in handle_request\n\n";
    let killed = "[2024-05-01 12:00:01 +0000] [7] [ERROR] Worker (pid:8) was sent SIGABRT!\n";
    let earlier = "[2024-05-01 11:00:09 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:8)\n";
    let near = "[2024-05-01 12:00:00 +0000] [7] [INFO] Handling signal: usr1\n";
    let check = |text: &str, confidence: Confidence, is_against: bool, statement: &str| {
        let scan = scan_text(text, &Options::default());
        let findings = scan.findings();
        let finding = findings.iter().find(|finding| finding.id == "fatal-error-logged").unwrap();
        assert_eq!(finding.confidence, confidence, "{text}");
        let told = if is_against { &finding.against } else { &finding.evidence };
        assert_eq!(told.last().unwrap().statement, statement, "{text}");
        assert_eq!(finding.against.len(), usize::from(is_against), "{text}");
    };
    check(
        &format!("{boot}{abort}{killed}"),
        Confidence::Certain,
        false,
        "gunicorn's own log is at hand and holds no WORKER TIMEOUT for process 8: this abort is not its answer to one",
    );
    check(
        abort,
        Confidence::Weak,
        true,
        "gunicorn aborts workers that time out, and no log of its own that covers this time is among these",
    );
    check(
        &format!("{boot}{earlier}{near}{abort}{killed}"),
        Confidence::Weak,
        true,
        "gunicorn aborts workers that time out, and it states a timeout of this one at another time: WORKER TIMEOUT (pid:8)",
    );
}

#[test]
fn a_timeout_behind_words_of_a_collector() {
    let dump = "Timeout (0:00:05)!\nThread 0x00007f3509fdcb80 (most recent call first):\n  File \"/srv/a.py\", line 5 in stuck\n  File \"/srv/a.py\", line 9 in <module>\n";
    let expected = "Timeout: \"0:00:05\" [stuck:5 <module>:9]";
    for prefix in
        ["", "shop-7d9f5c6b8-x2x7q api ", "\u{1b}[36mapi-1  |\u{1b}[0m ", "shop_api.1.x7k2j3h4@node-1    | "]
    {
        check(&dump.lines().map(|line| format!("{prefix}{line}\n")).collect::<String>(), expected);
    }
    check("INFO it said \"Thread 0x1 (most recent call first):\" and no more\n", "");
}
