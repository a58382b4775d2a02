//! Tracebacks in all the shapes that logs have.

use pycoroner_logscan::{Introduction, Options};

use crate::shown::{assert_lines, scan_text, stacks};

#[track_caller]
fn check(input: &str, expected: &str) {
    assert_lines(&stacks(&scan_text(input, &Options::default())), expected, input);
}

const HEAD: &str = "2024-05-01 12:00:00,123 ERROR shop: charge failed\n";
const NEXT: &str = "2024-05-01 12:00:01,000 INFO shop: next\n";
const STACK: &str =
    "Traceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\n    g(1)\n    ~^^^\n";

#[test]
fn bare_and_behind_records() {
    check(&format!("{STACK}KeyError: 'k'\n"), "KeyError: \"'k'\" [f:3]");
    check(&format!("{HEAD}{STACK}KeyError: 'k'\n{NEXT}"), "KeyError: \"'k'\" [f:3]");
    check(&format!("{HEAD}{STACK}KeyboardInterrupt\n"), "KeyboardInterrupt: \"\" [f:3]");
    check(&format!("{STACK}socket.timeout: timed out"), "socket.timeout: \"timed out\" [f:3]");
    check(&format!("{STACK}<class 'x.Y'>: old\n"), "x.Y: \"old\" [f:3]");
    check(&format!("{STACK}KeyError: 'k'\n").replace('\n', "\r\n"), "KeyError: \"'k'\" [f:3]");
    check(
        "2024-05-01 12:00:00 ERROR (MainThread) [app.x] [0x4BFF] Traceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\nE: m\n",
        "E: \"m\" [f:3]",
    );
    check(
        "\x1b[35mTraceback\x1b[0m (most recent call last):\n  File \x1b[35m\"/srv/a.py\"\x1b[0m, line \x1b[35m3\x1b[0m, in \x1b[35mf\x1b[0m\n    \x1b[31mx\x1b[0m\n\x1b[1;35mKeyError\x1b[0m: \x1b[35m1\x1b[0m\n",
        "KeyError: \"1\" [f:3]",
    );
    check(
        "Traceback (most recent call last):\n  File &quot;/srv/a.py&quot;, line 3, in &lt;module&gt;\n    f(&#x27;x&#x27;)\nKeyError: &#x27;k&#x27;\n",
        "KeyError: \"'k'\" [<module>:3]",
    );
}

#[test]
fn between_frames() {
    check(
        "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x = call(\n        1,\n    ...<3 lines>...\n    )\n  File \"a.py\", line 9, in r\n    r()\n  [Previous line repeated 996 more times]\nRecursionError: deep\n",
        "RecursionError: \"deep\" [f:1 r:9*996]",
    );
    // loguru: empty lines and the values of variables.
    check(
        "Traceback (most recent call last):\n\n> File \"a.py\", line 1, in <module>\n    f(x)\n    │ └ 0\n    └ <function f at 0x7f>\n\n  File \"a.py\", line 2, in f\n    1 / x\n        └ 0\n\nZeroDivisionError: division by zero\n",
        "ZeroDivisionError: \"division by zero\" [<module>:1 f:2]",
    );
    check(
        "Traceback (most recent call last):\n  File \"<frozen importlib._bootstrap>\", line 991, in _find_and_load\n  File \"<string>\", line 1, in <module>\n  File \"C:\\app\\x.py\", line 7, in g\nE: m\n",
        "E: \"m\" [_find_and_load:991 <module>:1 g:7]",
    );
}

#[test]
fn messages_of_several_lines() {
    let head = "2024-05-01 12:00:00,123 ERROR shop: charge failed\n";
    check(
        &format!(
            "{head}{STACK}sqlalchemy.exc.ProgrammingError: no column\nLINE 5: SELECT x\n               ^\n\n[SQL: SELECT x]\n{NEXT}"
        ),
        "sqlalchemy.exc.ProgrammingError: \"no column\\nLINE 5: SELECT x\\n               ^\\n\\n[SQL: SELECT x]\" [f:3]",
    );
    // What no record carries goes on with the message when it says so.
    // Brackets in quotation marks open nothing.
    check(&format!("{STACK}ValueError: got b'@(H'\nend\n"), "ValueError: \"got b'@(H'\" [f:3]");
    check(&format!("{STACK}ValueError: a\n  b\n\nsomething else\n"), "ValueError: \"a\\n  b\" [f:3]");
    check(&format!("{STACK}ValueError: got (1,\n2)\nend\n"), "ValueError: \"got (1,\\n2)\" [f:3]");
    check(&format!("{STACK}ValueError: \na\nb\n\nend\n"), "ValueError: \"\\na\\nb\" [f:3]");
    check(&format!("{STACK}ValueError: a\n[exit status 1]\n"), "ValueError: \"a\" [f:3]");
    check(
        &format!("{STACK}V: 1 validation error for Order\nid\n  Field required\n\nend\n"),
        "V: \"1 validation error for Order\\nid\\n  Field required\" [f:3]",
    );
}

#[test]
fn where_a_message_ends() {
    let check = |input: &str, message: &str, trailing: &[&str]| {
        let scan = scan_text(input, &Options::default());
        let entry = &scan.tracebacks[0];
        assert_eq!(
            (entry.message.as_str(), entry.trailing.as_slice()),
            (message, &trailing.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()[..]),
            "{input}"
        );
    };
    // Notes of 3.11, or what was printed, whether a record carries the traceback or not.
    check(&format!("{HEAD}{STACK}ValueError: a\nnote or output\n{NEXT}"), "a", &["note or output"]);
    check(&format!("{STACK}ValueError: a\nnote or output\n"), "a", &["note or output"]);
    check(&format!("{HEAD}{STACK}ValueError: a\n\nworker: Warm shutdown\n{NEXT}"), "a", &[]);
    check(
        &format!("{HEAD}{STACK}ValueError: a\n{{I 11:55:27.977 App}} Saving\n{NEXT}"),
        "a",
        &["{I 11:55:27.977 App} Saving"],
    );
    // gunicorn prints the message once more; flask's banner follows.
    check(&format!("{HEAD}{STACK}ValueError: a\na\n{NEXT}"), "a", &[]);
    check(&format!("{STACK}ValueError: a\n * Debug mode: off\n"), "a", &[" * Debug mode: off"]);
    // What stands in front of a separator was printed with the exception.
    check(
        &format!(
            "{STACK}ValueError: a\nnote\n\nDuring handling of the above exception, another exception occurred:\n\n{STACK}KeyError: 1\n"
        ),
        "a\nnote",
        &[],
    );
}

#[test]
fn what_ends_a_message() {
    let dump = "Fatal Python error: Aborted\n\nCurrent thread 0x00007f (most recent call first):\n  File \"a.py\", line 8 in f\n";
    check(
        &format!("{HEAD}{STACK}KeyError: 1\n{dump}"),
        "KeyError: \"1\" [f:3]\nFatal Python error: \"Aborted\" [f:8] current",
    );
    let scan = scan_text(
        &format!("{STACK}KeyError: 1\nterminate called without an active exception\n"),
        &Options::default(),
    );
    assert_eq!((scan.tracebacks[0].trailing.len(), scan.events.len()), (0, 1));
    check(
        &format!("{STACK}KeyError: 1\nException in thread B:\n{STACK}OSError: 2\n"),
        "KeyError: \"1\" [f:3]\nOSError: \"2\" [f:3]",
    );
}

#[test]
fn carets_mark_a_part_of_the_source() {
    let marked = |text: &str| {
        let scan = scan_text(text, &Options::default());
        let entry = &scan.tracebacks[0];
        entry.location.as_ref().or(entry.frames.last()).unwrap().marked.clone()
    };
    assert_eq!(marked(&format!("{STACK}KeyError: 1\n")).as_deref(), Some("g(1)"));
    assert_eq!(
        marked("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    return x[0] / y\n           ~~~~~^~~\nZeroDivisionError: z\n").as_deref(),
        Some("x[0] / y")
    );
    assert_eq!(
        marked("Traceback (most recent call last):\n  File \"y.py\", line 3\n    def f(\n         ^\nSyntaxError: s\n").as_deref(),
        Some("(")
    );
    assert_eq!(
        marked("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x\nE: m\n"),
        None
    );
}

#[test]
fn syntax_errors_have_a_place() {
    let text = "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    import y\n  File \"y.py\", line 3\n    def f(\n         ^\nSyntaxError: '(' was never closed\n";
    check(text, "SyntaxError: \"'(' was never closed\" [<module>:1]");
    let scan = scan_text(text, &Options::default());
    let location = scan.tracebacks[0].location.as_ref().unwrap();
    assert_eq!(
        (location.file.as_str(), location.line, location.source.as_deref()),
        ("y.py", Some(3), Some("def f("))
    );
}

#[test]
fn chains() {
    let chain = |separator: &str| {
        format!("{HEAD}{STACK}KeyError: 1\n\n{separator}\n\n{STACK}RuntimeError: 2\n{NEXT}")
    };
    check(
        &chain("The above exception was the direct cause of the following exception:"),
        "KeyError: \"1\" <cause 1> [f:3]\nRuntimeError: \"2\" [f:3]",
    );
    check(
        &chain("During handling of the above exception, another exception occurred:"),
        "KeyError: \"1\" <context 1> [f:3]\nRuntimeError: \"2\" [f:3]",
    );
}

#[test]
fn groups_are_trees() {
    check(
        "  + Exception Group Traceback (most recent call last):\n  |   File \"a.py\", line 1, in <module>\n  |     raise eg\n  | ExceptionGroup: batch (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n    |   File \"a.py\", line 2, in f\n    | KeyError: 1\n    | \n    | The above exception was the direct cause of the following exception:\n    | \n    | Traceback (most recent call last):\n    |   File \"a.py\", line 3, in g\n    | ValueError: a\n    +---------------- 2 ----------------\n    | ExceptionGroup: inner (1 sub-exception)\n    +-+---------------- 1 ----------------\n      | OSError: [Errno 28] No space\n      +------------------------------------\nafter\n",
        "ExceptionGroup: \"batch (2 sub-exceptions)\" [<module>:1]
         KeyError: \"1\" <cause 2> [f:2]
         ValueError: \"a\" <group-member 0> [g:3]
         ExceptionGroup: \"inner (1 sub-exception)\" <group-member 0> []
         OSError: \"[Errno 28] No space\" <group-member 3> []",
    );
}

#[test]
fn carried_from_other_processes() {
    check(
        &format!(
            "multiprocessing.pool.RemoteTraceback: \n\"\"\"\n{STACK}ValueError: boom\n\"\"\"\n\nThe above exception was the direct cause of the following exception:\n\n{STACK}ValueError: boom\n"
        ),
        "ValueError: \"boom\" <cause 1> [f:3] remote\nValueError: \"boom\" [f:3]",
    );
    check(
        &format!(
            "{HEAD}{STACK}RuntimeError: Caught KeyError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n  File \"w.py\", line 8, in fetch\n    d[i]\nKeyError: 5\n\n{NEXT}"
        ),
        "RuntimeError: \"Caught KeyError in DataLoader worker process 0.\" [f:3]\nKeyError: \"5\" <cause 0> [fetch:8] remote",
    );
}

#[test]
fn carried_in_a_message() {
    let inner = "Traceback (most recent call last):\n  File \"w.py\", line 8, in run\nKeyError: 5\n";
    check(
        &format!("{STACK}RuntimeError: {inner}\n{NEXT}"),
        "RuntimeError: \"\" [f:3]\nKeyError: \"5\" <cause 0> [run:8] remote",
    );
    check(
        &format!("{HEAD}{STACK}billiard.einfo.ExceptionWithTraceback: \n\"\"\"\n{inner}\"\"\"\n{NEXT}"),
        "billiard.einfo.ExceptionWithTraceback: \"\" [f:3]\nKeyError: \"5\" <cause 0> [run:8] remote",
    );
    check(
        &format!(
            "{STACK}torch.multiprocessing.spawn.ProcessRaisedException: \n\n-- Process 1 terminated with the following error:\n{inner}\n"
        ),
        "torch.multiprocessing.spawn.ProcessRaisedException: \"\\n\\n-- Process 1 terminated with the following error:\" [f:3]\nKeyError: \"5\" <cause 0> [run:8] remote",
    );
    check(
        &format!(
            "{STACK}ray.exceptions.RayTaskError(KeyError): ray::f() (pid=7, ip=192.0.2.1)\n  File \"w.py\", line 8, in run\nKeyError: 5\n"
        ),
        "ray.exceptions.RayTaskError(KeyError): \"ray::f() (pid=7, ip=192.0.2.1)\\n  File \\\"w.py\\\", line 8, in run\" [f:3]",
    );
}

#[test]
fn never_raised() {
    check(
        &format!(
            "KeyError: 1\n\nThe above exception was the direct cause of the following exception:\n\n{STACK}ValueError: 2\n"
        ),
        "KeyError: \"1\" <cause 1> []\nValueError: \"2\" [f:3]",
    );
}

#[test]
fn drawn_in_a_box() {
    check(
        "2024-05-01 12:00:00 [error    ] charge failed\n╭──────────── Traceback (most recent call last) ────────────╮\n│ /srv/app.py:7 in <module>                                 │\n│                                                           │\n│   4 def f():                                              │\n│   5 │   raise KeyError(1)                                 │\n│ ❱ 7 f()                                                   │\n│                                                           │\n│ ╭─ locals ─╮                                              │\n│ │ x = 1    │                                              │\n│ ╰──────────╯                                              │\n│                                                           │\n│ /srv/a/very/long/pa                                       │\n│ th.py:5 in f                                              │\n╰───────────────────────────────────────────────────────────╯\nKeyError: 1\n\n2024-05-01 12:00:01 [info     ] next\n",
        "KeyError: \"1\" [<module>:7 f:5]",
    );
}

/// Where no terminal tells its width, `rich` wraps at 80 columns.
#[test]
fn boxes_with_wrapped_sentences() {
    let drawn = |place: &str| {
        format!(
            "           ╭─ Traceback (most recent call last) ─╮\n           │ {place}                  │\n           │ ❱ 7 f()                             │\n           ╰─────────────────────────────────────╯\n"
        )
    };
    check(
        &format!(
            "[05/01/24 12:00:00] ERROR    charge failed    shop.py:36\n{}           KeyError: 1\n           second line\n\n           The above exception was the direct\n           cause of the following exception:\n\n{}           ValueError: The above is all\n2024-05-01 12:00:01,000 INFO shop: next\n",
            drawn("/srv/a.py:3 in f"),
            drawn("/srv/b.py:4 in g"),
        ),
        "KeyError: \"1\\nsecond line\" <cause 1> [f:3]\nValueError: \"The above is all\" [g:4]",
    );
}

#[test]
fn twisted_failures() {
    check(
        "2024-05-01 12:00:00+0000 [-] Unhandled Error\n\tTraceback (most recent call last):\n\t  File \"a.py\", line 1, in f\n\t    x\n\t--- <exception caught here> ---\n\t  File \"b.py\", line 2, in g\n\t    y\n\tbuiltins.ValueError: v\n\t\n2024-05-01 12:00:01+0000 [-] next\n",
        "builtins.ValueError: \"v\" [f:1 g:2]",
    );
}

#[test]
fn named_in_front() {
    check(
        "[ERROR] KeyError: 'order'\nTraceback (most recent call last):\n  File \"/var/task/app.py\", line 5, in handler\n    return event['order']\nEND RequestId: 6f2\n",
        "KeyError: \"'order'\" [handler:5]",
    );
}

#[test]
fn a_log_that_was_cut_starts_torn() {
    check(
        &format!("    x()\n  File \"/srv/a.py\", line 3, in f\n    y\nKeyError: 1\n{NEXT}"),
        "KeyError: \"1\" [f:3] torn",
    );
    check(&format!("{NEXT}{NEXT}{NEXT}{NEXT}  File \"/srv/a.py\", line 3, in f\nKeyError: 1\n"), "");
}

#[test]
fn what_is_no_traceback() {
    check(
        &format!(
            "--- Logging error ---\n{STACK}TypeError: not all arguments converted\nCall stack:\n  File \"a.py\", line 9, in main\n    log.info()\nMessage: 'x'\nArguments: (1,)\n{NEXT}"
        ),
        "TypeError: \"not all arguments converted\" [f:3]",
    );
    check(
        "2024-05-01 12:00:00 INFO shop: body {\"error\": \"Traceback (most recent call last):\\n  File \\\"a.py\\\", line 1, in f\\nKeyError: 1\"}\n",
        "",
    );
    check(
        "INSERT INTO errors VALUES ('Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 1');\n",
        "",
    );
    check("2024-05-01 12:00:00 WARNING shop: OutOfMemoryError is handled\n", "");
}

#[test]
fn introductions() {
    let check = |line: &str, introduction: Introduction, thread: Option<&str>| {
        let scan = scan_text(&format!("{NEXT}{line}\n{STACK}KeyError: 1\n"), &Options::default());
        let entry = &scan.tracebacks[0];
        assert_eq!((entry.introduced_by, entry.thread.as_deref()), (Some(introduction), thread), "{line}");
    };
    check(
        "Exception in thread Thread-1 (worker):",
        Introduction::ExceptionInThread,
        Some("Thread-1 (worker)"),
    );
    check("Exception ignored in: <function C.__del__ at 0x7f>", Introduction::ExceptionIgnored, None);
    check("ERROR:asyncio:Task exception was never retrieved", Introduction::NeverRetrieved, None);
    check("--- Logging error ---", Introduction::LoggingError, None);
    check("Process importer-1:", Introduction::ExceptionInProcess, Some("importer-1"));
    check("Exception in callback f() at a.py:3", Introduction::ExceptionInCallback, None);
    check("Error in atexit._run_exitfuncs:", Introduction::ExitFunction, None);
    check("Exception ignored in atexit callback <function f at 0x7f>:", Introduction::ExceptionIgnored, None);
    check(
        "Exception ignored while calling deallocator <function f at 0x7f>:",
        Introduction::ExceptionIgnored,
        None,
    );
    check("Error in sys.excepthook:", Introduction::ExceptHook, None);
}

#[test]
fn every_line_prefixed() {
    let prefixed = |prefix: &str| {
        format!("{STACK}KeyError: 'k'\n").lines().map(|line| format!("{prefix}{line}\n")).collect::<String>()
    };
    for prefix in [
        "web_1  | ",
        "2024-05-01T12:00:00.123456789Z stderr F ",
        "May  1 12:00:00 host shop[77]: ",
        "2024-05-01T12:00:00.123456+0000 host shop[77]: ",
        "2024-05-01 12:00:00.123 77 ERROR nova.api ",
        "[pod/web-1/app] ",
        "[rank0]: ",
        "(f pid=77) ",
        "12:00:00 web.1    | ",
        "2024-05-01T12:00:00.123456+00:00 app[web.1]: ",
        "0|app  | ",
        "2024-05-01T12:00:00.1234567Z ",
        "[2024-05-01T12:00:00.123Z] ",
        "[1,0]<stderr>:",
    ] {
        check(&prefixed(prefix), "KeyError: \"'k'\" [f:3]");
    }
    // rsyslog writes control characters as octal numbers, AWS Lambda carriage returns and no-break spaces.
    let text = format!("{STACK}KeyError: 'k'");
    check(
        &format!("2024-05-01 12:00:00 ERROR shop: {}\n", text.replace('\n', "#012")),
        "KeyError: \"'k'\" [f:3]",
    );
    check(
        &format!(
            "2024-05-01 12:00:00 ERROR shop: {}\n",
            text.replace('\n', "\r").replace("\r  ", "\r\u{a0}\u{a0}")
        ),
        "KeyError: \"'k'\" [f:3]",
    );
    // celery's redirect of standard output strips the indentation.
    let celery = "[2024-05-01 12:00:00,123: WARNING/ForkPoolWorker-1] ";
    let flat: String =
        format!("{STACK}KeyError: 'k'\n").lines().map(|line| format!("{celery}{}\n", line.trim())).collect();
    check(&flat, "KeyError: \"'k'\" [f:3]");
    let docker: String = format!("{STACK}KeyError: 'k'\n")
        .lines()
        .map(|line| format!("{}\n", serde_json::json!({"log": format!("{line}\n"), "stream": "stderr", "time": "2024-05-01T12:00:00.1Z"})))
        .collect();
    check(&docker, "KeyError: \"'k'\" [f:3]");
}

#[test]
fn interleaved_producers() {
    let lines: Vec<&str> = STACK.lines().chain(["KeyError: 'k'"]).collect();
    let other = [
        "Traceback (most recent call last):",
        "  File \"/srv/b.py\", line 8, in h",
        "    h()",
        "",
        "OSError: x",
    ];
    let woven = |a: &str, b: &str| -> String {
        lines.iter().zip(other).map(|(one, two)| format!("{a}{one}\n{b}{two}\n")).collect()
    };
    let both = "KeyError: \"'k'\" [f:3]\nOSError: \"x\" [h:8]";
    check(&woven("web_1  | ", "worker_1  | "), both);
    check(&woven("[rank0]: ", "[rank1]: "), both);
    check(&woven("(f pid=77) ", "(f pid=78) "), both);
    check(
        &woven("2024-05-01 12:00:00,123 77 worker_0 ERROR ", "2024-05-01 12:00:00,123 77 worker_1 ERROR "),
        both,
    );
    // Records of the same process and thread, but of another level, stand between.
    let spread: String = format!("{STACK}KeyError: 'k'\n")
        .lines()
        .map(|line| {
            format!("2024-05-01 12:00:00,123 ERROR {line}\n2024-05-01 12:00:00,123 INFO shop: step\n")
        })
        .collect();
    check(&spread, "KeyError: \"'k'\" [f:3]");
    check(
        &woven("2024-05-01 12:00:00.123 77 ERROR nova.api ", "2024-05-01 12:00:00.123 78 ERROR nova.api "),
        both,
    );
    // No line says whose it is: the first is torn, and nothing is made up.
    let scan = scan_text(
        &format!("{HEAD}{STACK}{NEXT}  File \"/srv/a.py\", line 9, in g\n    x\nKeyError: 'k'\n{NEXT}"),
        &Options::default(),
    );
    assert_lines(&stacks(&scan), "?: \"\" [f:3] torn\nKeyError: \"'k'\" [g:9] torn", "");
    assert_eq!(scan.gaps.len(), 2);
}

/// Collectors make a record of each line where nobody told them otherwise.
#[test]
fn a_record_of_json_for_each_line() {
    let lines: Vec<&str> =
        STACK.lines().chain(["KeyError: 'k'", "2024-05-01 12:00:01,000 INFO shop: next"]).collect();
    let check_all = |of_line: &dyn Fn(usize, &str) -> serde_json::Value, count: u64| {
        let log: String =
            lines.iter().enumerate().map(|(at, line)| format!("{}\n", of_line(at, line))).collect();
        let scan = scan_text(&log, &Options::default());
        let shown: Vec<(Option<&str>, &str, usize, u64)> = scan
            .tracebacks
            .iter()
            .map(|entry| {
                (entry.type_name.as_deref(), entry.message.as_str(), entry.frames.len(), entry.count)
            })
            .collect();
        assert_eq!(shown, [(Some("KeyError"), "'k'", 1, count)], "{log}");
        assert!(!scan.tracebacks[0].truncated, "{log}");
    };
    let time = |at: usize| format!("2024-05-01T12:00:0{at}Z");
    check_all(
        &|at, line| serde_json::json!({"textPayload": line, "severity": "ERROR", "timestamp": time(at)}),
        1,
    );
    check_all(&|at, line| serde_json::json!({"message": line, "level": "error", "timestamp": time(at)}), 1);
    check_all(
        &|at, line| serde_json::json!({"message": line, "@timestamp": time(at), "kubernetes": {"pod_name": "a"}}),
        1,
    );
    // Lines of two pods are told apart.
    let both: String = lines
        .iter()
        .enumerate()
        .flat_map(|(at, line)| {
            ["a", "b"].map(|pod| {
                let resource = serde_json::json!({"type": "k8s_container", "labels": {"pod_name": pod}});
                let entry =
                    serde_json::json!({"textPayload": line, "timestamp": time(at), "resource": resource});
                format!("{entry}\n")
            })
        })
        .collect();
    let scan = scan_text(&both, &Options::default());
    assert_eq!(scan.tracebacks.len(), 1);
    assert_eq!((scan.tracebacks[0].count, scan.tracebacks[0].truncated), (2, false));
    assert_eq!(scan.sources[0].producers.len(), 2, "{:?}", scan.sources[0].producers);
}

#[test]
fn inside_json_strings() {
    let text = format!("{STACK}KeyError: 'k'");
    let expected = "KeyError: \"'k'\" [f:3]";
    for record in [
        serde_json::json!({"timestamp": "2024-05-01 12:00:00,123", "level": "ERROR", "message": "m", "exc_info": text}),
        serde_json::json!({"timestamp": "2024-05-01 12:00:00,123", "level": "ERROR", "message": "m", "exception": text.replace('\n', "\\n")}),
        serde_json::json!({"@timestamp": "2024-05-01T12:00:00Z", "log": {"level": "error"}, "message": "m", "error": {"stack_trace": text}}),
        serde_json::json!({"severity": "ERROR", "textPayload": format!("failed\n{text}"), "timestamp": "2024-05-01T12:00:00Z"}),
        serde_json::json!({"text": "x", "record": {"exception": {"type": "KeyError", "traceback": text}, "level": {"name": "ERROR"}, "message": "m", "time": {"timestamp": 1_714_564_800.5}}}),
        serde_json::json!({"line": serde_json::json!({"level": "ERROR", "message": "m", "exc_info": text}).to_string(), "timestamp": "2024-05-01T12:00:00Z"}),
        serde_json::json!({"result": {"_raw": serde_json::json!({"level": "ERROR", "message": "m", "exc_info": text}).to_string(), "_time": "2024-05-01 12:00:00.000 UTC"}}),
        serde_json::json!({"event": "m", "level": "error", "timestamp": "2024-05-01T12:00:00Z", "exception": [{"exc_type": "KeyError", "exc_value": "'k'", "frames": [{"filename": "a.py", "lineno": 3, "name": "f"}], "is_group": false, "exceptions": []}]}),
        serde_json::json!({"event": "m", "level": "error", "timestamp": "2024-05-01T12:00:00Z", "exception": [{"exc_type": "KeyError", "exc_value": "'k'", "frames": [{"filename": "a.py", "lineno": 3, "name": "f", "locals": {"a": "1"}}], "is_cause": false}]}),
    ] {
        check(&format!("{record}\n"), expected);
        let scan = scan_text(&format!("{record}\n"), &Options::default());
        assert_eq!(scan.levels.get("ERROR"), Some(&1), "{record}");
        assert_eq!(
            scan.sources[0].first.map(|time| time.to_string()[..19].to_owned()).as_deref(),
            Some("2024-05-01T12:00:00"),
            "{record}"
        );
    }
    check(
        "2024-05-01 12:00:00 ERROR shop: failed: Traceback (most recent call last):\\n  File \\\"a.py\\\", line 3, in f\\nKeyError: 'k'\n",
        expected,
    );
}

#[test]
fn equal_ones_are_counted() {
    let one = |second: u32, line: u32| {
        format!(
            "2024-05-01 12:00:{second:02},000 ERROR shop: m\nTraceback (most recent call last):\n  File \"a.py\", line {line}, in f\nKeyError: {second}\n"
        )
    };
    let text = format!("{}{}{}", one(1, 5), one(2, 6), one(3, 5));
    check(&text, "KeyError: \"1\" [f:5] x3");
    let scan = scan_text(&text, &Options::default());
    let entry = &scan.tracebacks[0];
    assert_eq!(entry.first.unwrap().to_string(), "2024-05-01T12:00:01Z");
    assert_eq!(entry.last.unwrap().to_string(), "2024-05-01T12:00:03Z");
    assert_eq!(entry.latest.unwrap().line, 10);
}

#[test]
fn groups_as_data() {
    let member = |name: &str| serde_json::json!([{"exc_type": name, "exc_value": "m", "frames": [], "exceptions": []}]);
    let record = serde_json::json!({"event": "m", "level": "error", "timestamp": "2024-05-01T12:00:00Z", "exception": [
        {"exc_type": "ExceptionGroup", "exc_value": "g", "frames": [], "is_group": true, "exceptions": [member("A"), member("B")]},
        {"exc_type": "C", "exc_value": "c", "frames": [], "is_cause": true, "exceptions": []},
    ]});
    check(
        &format!("{record}\n"),
        "ExceptionGroup: \"g\" []
         C: \"c\" <cause 0> []
         A: \"m\" <group-member 0> []
         B: \"m\" <group-member 0> []",
    );
}
