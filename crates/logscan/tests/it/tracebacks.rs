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
    // Without records to end it, an empty line does.
    check(&format!("{STACK}ValueError: a\nb\n\nsomething else\n"), "ValueError: \"a\\nb\" [f:3]");
    check(&format!("{STACK}ValueError: a\n[exit status 1]\n"), "ValueError: \"a\" [f:3]");
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
    ] {
        check(&prefixed(prefix), "KeyError: \"'k'\" [f:3]");
    }
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
