//! Messages of several lines, and groups, behind what collectors and loggers put in front of every line.

use pycoroner_logscan::{Introduction, Options, looks_like_log, starts_with_json};

use crate::shown::{assert_lines, scan_text, stacks};

#[track_caller]
fn check(input: &str, expected: &str) {
    assert_lines(&stacks(&scan_text(input, &Options::default())), expected, input);
}

const STACK: &str = "Traceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\n    g(1)\n";
const CAUSE: &str = "The above exception was the direct cause of the following exception:";

/// Prefixes that are no head of a record of their own kind, or are one on every line.
const PREFIXES: [&str; 4] = [
    "2024-05-01T12:00:00.123456+00:00 app/web.1: ",
    "2024-05-01T12:00:00.1234567Z ",
    "2024-05-01 12:00:00.123 77 ERROR nova.api ",
    "2024-05-01 12:00:00,123 ERROR ",
];

fn prefixed(prefix: &str, text: &str) -> String {
    text.lines().map(|line| format!("{prefix}{line}\n")).collect()
}

#[test]
fn chains_with_messages_of_several_lines() {
    let chain =
        format!("{STACK}ValueError: got {{\n  'a': [1,\n2]\n}}\nnote\n\n{CAUSE}\n\n{STACK}KeyError: 1\n");
    for prefix in PREFIXES {
        check(
            &prefixed(prefix, &chain),
            "ValueError: \"got {\\n  'a': [1,\\n2]\\n}\\nnote\" <cause 1> [f:3]\nKeyError: \"1\" [f:3]",
        );
    }
}

#[test]
fn records_behind_a_traceback_are_no_part_of_it() {
    for prefix in PREFIXES {
        let text = prefixed(prefix, &format!("{STACK}KeyError: 1\norder placed\nERROR:shop:lost\ndone\n"));
        let scan = scan_text(&text, &Options::default());
        assert_eq!(stacks(&scan), "KeyError: \"1\" [f:3]\n", "{text}");
        assert!(scan.tracebacks[0].trailing.is_empty(), "{text}");
    }
}

const GROUP: &str = "  + Exception Group Traceback (most recent call last):
  |   File \"/srv/a.py\", line 1, in f
  |     g('x')
  | ExceptionGroup: batch (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File \"/srv/a.py\", line 2, in g
    |     h()
    | KeyError: 'x'
    +---------------- 2 ----------------
    | OSError: no space
    +------------------------------------
";
const READ: &str = "ExceptionGroup: \"batch (2 sub-exceptions)\" [f:1]
    KeyError: \"'x'\" <group-member 0> [g:2]
    OSError: \"no space\" <group-member 0> []";

#[test]
fn groups() {
    for prefix in PREFIXES {
        check(&prefixed(prefix, GROUP), READ);
        let text = GROUP.replace("no space\n", "no space\nleft\n");
        check(&prefixed(prefix, &text), &READ.replace("no space", "no space\\nleft"));
    }
    let escaped = GROUP.trim_end().replace('\n', "\\n");
    check(&format!("2024-05-01 12:00:00,123 ERROR shop: failed: {escaped}\n"), READ);
    let page = GROUP.replace('"', "&quot;").replace('\'', "&#x27;");
    check(&page, READ);
}

/// CPython 3.11 and 3.12 print the further lines of a member's message without the margin.
#[test]
fn lines_of_a_group_without_its_margin() {
    let text = GROUP.replace("no space\n", "no space\nleft\n");
    let read = READ.replace("no space", "no space\\nleft");
    check(&text, &read);
    // One that no line of the group follows is somebody else's.
    let (head, _) = text.split_once("    +------------------------------------\n").unwrap();
    let scan = scan_text(&format!("{head}up\n"), &Options::default());
    assert_eq!(scan.tracebacks[2].message, "no space");
    check(
        &format!("{text}\n{CAUSE}\n\n{STACK}ValueError: 2\n"),
        &format!("{}\nValueError: \"2\" [f:3]", read.replace("exceptions)\" [", "exceptions)\" <cause 3> [")),
    );
}

/// What stands in front of the header on its own line is not in front of the other ones.
#[test]
fn headers_behind_other_words() {
    let stack = format!("{STACK}KeyError: 1\n");
    for prefix in [
        "ERROR 05-11 14:16:39 [core.py:39] ",
        "(Core pid=7) ERROR 05-11 14:16:39 [core.py:39] ",
        "(Core pid=7) ",
        "[rank0]: ",
        "2024-05-01 12:00:00,123 ERROR shop ",
    ] {
        let lines = |text: &str| prefixed(prefix, text).replacen(prefix, &format!("{prefix}failed: "), 1);
        check(&lines(&stack), "KeyError: \"1\" [f:3]");
        check(&lines(GROUP), READ);
    }
}

#[test]
fn where_a_call_stood_is_no_message() {
    let text =
        format!("{STACK}KeyError: 1\nStack (most recent call last):\n  File \"/srv/b.py\", line 7, in g\n");
    check(
        &format!("{}\n", serde_json::json!({"level": "ERROR", "message": "m", "exc_info": text})),
        "KeyError: \"1\" [f:3]",
    );
    check(
        &format!(
            "2024-05-01 12:00:00,123 ERROR shop: both\n{STACK}KeyError: 1\nStack (most recent call last):\n  File \"/srv/b.py\", line 7, in <module>\n    f()\n2024-05-01 12:00:01,123 INFO shop: next\n"
        ),
        "KeyError: \"1\" [f:3]",
    );
}

#[test]
fn lines_in_brackets_are_no_json() {
    for text in [
        "[W 21:24:39.054 NotebookApp] Error loading server extension\n",
        "[2024-05-01 12:00:00,917 INFO a.py line 78 13090] => creating model ...\n",
        "[7] started\nTraceback (most recent call last):\n",
        "[rank0]: Traceback (most recent call last):\n",
        "{app} Traceback (most recent call last):\n",
    ] {
        assert!(!starts_with_json(text.as_bytes()), "{text}");
        assert!(looks_like_log(text.as_bytes()).is_some(), "{text}");
    }
    for text in ["{\"a\": 1}\n{\"b\": 2}\n", "[1, 2]", "[{\"a\": \"caf\u{e9}", "[\n", " {}", "[]\n[]\n"] {
        assert!(starts_with_json(text.as_bytes()), "{text}");
    }
}

/// The messages of a scan, with what may belong to them.
fn messages(input: &str) -> Vec<(String, Vec<String>)> {
    let scan = scan_text(input, &Options::default());
    scan.tracebacks.into_iter().map(|entry| (entry.message, entry.trailing)).collect()
}

const HEADS: [(&str, &str); 5] = [
    ("2024-05-01 12:00:00,123 ERROR shop: m", "2024-05-01 12:00:01,123 INFO shop: n"),
    ("ERROR 2024-05-01 12:00:00,123 views 7 8 m", "INFO 2024-05-01 12:00:01,123 views 7 8 n"),
    ("[2024-05-01 12:00:00 +0000] [7] [ERROR] m", "[2024-05-01 12:00:01 +0000] [7] [INFO] n"),
    ("ERROR:    m", "INFO:     n"),
    ("ERROR:shop:m", "INFO:shop:n"),
];

/// A message as it was raised, in every place of a log where it may stand: what is read of it, and what is marked.
#[track_caller]
fn check_message(type_name: &str, message: &str, (start, trailing): (&str, &[&str])) {
    let raised = format!("{STACK}{type_name}: {message}\n");
    let trailing = trailing.iter().map(|line| (*line).to_owned()).collect();
    let read = vec![(start.to_owned(), trailing)];
    assert_eq!(messages(&raised), read, "{raised}");
    for (head, next) in HEADS {
        let last = format!("{head}\n{raised}");
        assert_eq!(messages(&last), read, "{last}");
        let log = format!("{last}{next}\n");
        assert_eq!(messages(&log), read, "{log}");
    }
    let record = serde_json::json!({"level": "ERROR", "message": "m", "exc_info": raised});
    let whole = vec![(message.to_owned(), Vec::new())];
    assert_eq!(messages(&format!("{record}\n")), whole, "{record}");
    let chain = format!("{raised}\n{CAUSE}\n\n{STACK}KeyError: 1\n");
    assert_eq!(messages(&chain)[0].0, message, "{chain}");
}

#[test]
fn messages_with_empty_lines() {
    check_message("ValueError", "a\n\nb", ("a", &["", "b"]));
    check_message("ValueError", "a\n\n\nb\nc", ("a", &["", "", "b", "c"]));
    let sql = "(sqlite3.OperationalError) no such table: t\n[SQL: SELECT a,\n\nb FROM t\n\nWHERE c]\n(Background on this error at: https://sqlalche.me/e/20/e3q8)";
    check_message("sqlalchemy.exc.OperationalError", sql, (sql, &[]));
    let refused = "(psycopg2.errors.X) no\n\nsuch thing\n[SQL: SELECT a]";
    check_message("sqlalchemy.exc.ProgrammingError", refused, (refused, &[]));
}

/// What is printed behind a traceback that a record carries looks like the further lines of a message.
#[test]
fn what_is_printed_behind_a_traceback_is_no_message() {
    for printed in [
        "Done.",
        "Killed",
        "Retrying in 2 seconds...",
        "Summary\n=======\nfailed: 1",
        " * Restarting with stat",
        "{\"ok\": false}",
        "^CShutting down gracefully",
        "Error: Job failed, see log",
    ] {
        for text in [printed.to_owned(), format!("\n{printed}")] {
            let trailing: Vec<&str> = text.lines().collect();
            for (head, next) in HEADS {
                let log = format!("{head}\n{STACK}KeyError: 1\n{text}\n{next}\n");
                let [(message, marked)] = &messages(&log)[..] else { panic!("{log}") };
                assert_eq!(
                    (message.as_str(), marked),
                    ("1", &trailing.iter().map(|line| (*line).to_owned()).collect()),
                    "{log}"
                );
            }
        }
    }
    // A progress bar is nobody's message, nor is what `socketserver` draws.
    for printed in [
        "  0%|     | 0/5 [00:00<?]\r100%|#####| 5/5 [00:01<00:00]",
        "----------------------------------------",
    ] {
        let read = messages(&format!("{STACK}KeyError: 1\n{printed}\nup\n"));
        assert_eq!(read, [("1".to_owned(), Vec::new())], "{printed}");
    }
    // A bracket that is never closed takes nothing in.
    let read = messages(&format!("{STACK}ValueError: cannot parse ' c: [1, 2' :(\nup\n"));
    assert_eq!(read, [("cannot parse ' c: [1, 2' :(".to_owned(), vec!["up".to_owned()])]);
}

/// Messages whose further lines no print has.
#[test]
fn messages_of_known_forms() {
    for (type_name, message) in [
        (
            "jsonschema.exceptions.ValidationError",
            "'x' is not of type 'integer'\n\nFailed validating 'type' in schema['a']:\n    {'type': 'integer'}\n\nOn instance['a']:\n    'x'",
        ),
        (
            "kubernetes.client.exceptions.ApiException",
            "(404)\nReason: Not Found\nHTTP response headers: HTTPHeaderDict({'Date': 'x'})\nHTTP response body: {\"code\":404}",
        ),
        (
            "httpx.HTTPStatusError",
            "Client error '404 Not Found' for url 'http://x/'\nFor more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/404",
        ),
        (
            "RuntimeError",
            "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1.\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.",
        ),
        (
            "grpc._channel._InactiveRpcError",
            "<_InactiveRpcError of RPC that terminated with:\n\tstatus = StatusCode.UNAVAILABLE\n\tdetails = \"x\"\n>",
        ),
        (
            "playwright._impl._errors.TimeoutError",
            "Page.goto: Timeout 30000ms exceeded.\nCall log:\n  - navigating to \"http://x/\"",
        ),
    ] {
        check_message(type_name, message, (message, &[]));
    }
}

/// An exception that was never raised, behind records of the same prefix, is none of the traceback in front of these.
#[test]
fn never_raised_behind_records() {
    let never = format!("KeyError: 2\n\n{CAUSE}\n\n{STACK}OSError: 3\n");
    for prefix in PREFIXES {
        let text = prefixed(prefix, &format!("{STACK}LookupError: 1\nplaced\n{never}"));
        let read = messages(&text);
        assert_eq!((read[0].0.as_str(), read.last().unwrap().0.as_str()), ("1", "3"), "{text}");
        let scan = scan_text(&text, &Options::default());
        assert!(scan.tracebacks[0].parent.is_none(), "{text}");
    }
    let record = serde_json::json!({"level": "ERROR", "message": "m", "exc_info": never});
    check(&format!("{record}\n"), "KeyError: \"2\" <cause 1> []\nOSError: \"3\" [f:3]");
}

/// tornado's formatter indents all lines of a traceback.
#[test]
fn messages_that_are_indented_with_their_traceback() {
    let raised = format!("{STACK}ValueError: a\nb\n\n  c\n");
    let indented: String = raised.lines().map(|line| format!("    {line}\n")).collect();
    let read = messages(&format!("[E 240501 12:00:00 web:1875] m\n{indented}up\n"));
    assert_eq!(read, [("a\nb\n\n  c".to_owned(), vec!["up".to_owned()])]);
}

/// Undoing escapes breaks source lines that hold some of their own.
#[test]
fn escaped_sources_with_escapes() {
    let escaped = "Traceback (most recent call last):\\n  File \"/srv/a.py\", line 3, in f\\n    raise ValueError('a\\nb c\\n')\\nValueError: a\\nb c";
    let log = format!("2024-05-01 12:00:00,123 ERROR shop: m {escaped}\n");
    check(&log, "ValueError: \"a\\nb c\" [f:3]");
}

/// Many empty lines are no end of what is in quotation marks.
#[test]
fn empty_lines_of_carried_messages() {
    let remote =
        format!("multiprocessing.pool.RemoteTraceback: \n\"\"\"\n{STACK}ValueError: a\n\n\n\nb\n\"\"\"\n");
    let read = messages(&format!("{remote}\n{CAUSE}\n\n{STACK}ValueError: a\n"));
    let found: Vec<&str> = read.iter().map(|(message, _)| message.as_str()).collect();
    assert_eq!(found, ["a\n\n\n\nb", "a"]);
}

/// The quotation marks have no margin.
#[test]
fn groups_that_were_carried_over() {
    let text = format!(
        "concurrent.futures.process._RemoteTraceback: \n\"\"\"\n{GROUP}\"\"\"\n\n{CAUSE}\n\n{STACK}OSError: b\n"
    );
    let read = READ.replace("exceptions)\" [", "exceptions)\" <cause 3> [").replace(']', "] remote");
    for prefix in ["", PREFIXES[0]] {
        check(&prefixed(prefix, &text), &format!("{read}\nOSError: \"b\" [f:3]"));
    }
}

/// Behind times of a collector, each line is a record; so is the one with the opening quotation marks.
#[test]
fn carried_messages_behind_times() {
    let remote = format!("multiprocessing.pool.RemoteTraceback: \n\"\"\"\n{STACK}ValueError: a\n\"\"\"\n");
    let text = format!("{remote}\n{CAUSE}\n\n{STACK}OSError: b\n");
    for prefix in
        ["2024-05-01T12:00:00.123456789Z stderr F ", "2024-05-01T12:00:00.123456+00:00 app[web.1]: ", ""]
    {
        let scan = scan_text(&prefixed(prefix, &text), &Options::default());
        let read: Vec<_> =
            scan.tracebacks.iter().map(|entry| (entry.message.as_str(), entry.remote)).collect();
        assert_eq!(read, [("a", true), ("b", false)], "{prefix}");
    }
}

/// The name of a field is told by what stands behind it.
#[test]
fn messages_of_pydantic() {
    let second = "2 validation errors for O\na\n  Value error, first\n\nsecond part\nthird [type=value_error, input_value=1]\n    For further information visit https://errors.pydantic.dev/2.14/v/value_error\nb\n  Input should be a valid string [type=string_type]\n    For further information visit https://errors.pydantic.dev/2.14/v/string_type";
    check_message("pydantic_core._pydantic_core.ValidationError", second, (second, &[]));
    let first = "1 validation error for O\na\n  first\n\nsecond (type=value_error)";
    check_message("pydantic.error_wrappers.ValidationError", first, (first, &[]));
    let log = format!("{STACK}pydantic.ValidationError: {second}\norder placed\n");
    assert_eq!(messages(&log), [(second.to_owned(), vec!["order placed".to_owned()])]);
}

/// What stands behind an empty line may be another's; what surely is goes its own way.
#[test]
fn lines_behind_an_empty_one_are_no_part_of_a_message() {
    let head = "2024-05-01 12:00:00,123 ERROR shop: m";
    let behind = |text: &str| messages(&format!("{head}\n{STACK}KeyError: 1\n\n{text}\n"));
    for text in ["2024-05-01 12:00:01,123 INFO shop: n\nx", "Worker (pid:8) was sent SIGSEGV!"] {
        assert_eq!(behind(text), [("1".to_owned(), Vec::new())], "{text}");
    }
    // A record of another kind is among them.
    let marked = [("1".to_owned(), vec![String::new(), "x".to_owned(), "at 12:00:01 y".to_owned()])];
    assert_eq!(behind("x\nat 12:00:01 y"), marked);
    for introduction in
        ["Exception in thread Thread-7 (run):", "Original exception was:", "Process Worker-2:"]
    {
        let two = behind(&format!("{introduction}\n{STACK}ValueError: 2"));
        let found: Vec<&str> = two.iter().map(|(message, _)| message.as_str()).collect();
        assert_eq!(found, ["1", "2"], "{introduction}");
    }
    let log = format!("{STACK}KeyError: 1\n\nProcess Worker-2:\n{STACK}ValueError: 2\n");
    let scan = scan_text(&log, &Options::default());
    assert_eq!(scan.tracebacks[1].introduced_by, Some(Introduction::ExceptionInProcess));
    let task = format!("{STACK}KeyError: 1\n\nTask exception was never retrieved\n{STACK}ValueError: 2\n");
    let scan = scan_text(&task, &Options::default());
    assert_eq!(scan.tracebacks[1].introduced_by, Some(Introduction::NeverRetrieved));
    // No more is kept than may be of use.
    let long = format!("{STACK}KeyError: 1\n\n{}", "x\n".repeat(500));
    assert_eq!(messages(&long)[0].1.len(), 12);
    let carried = format!("{head}\n{long}");
    assert_eq!((messages(&carried)[0].0.as_str(), messages(&carried)[0].1.len()), ("1", 12));
}

/// A message that quotes a traceback is cut where that begins.
#[test]
fn a_quoted_traceback_may_be_part_of_the_message() {
    let header = "Traceback (most recent call last):".to_owned();
    let read = messages(&format!("{STACK}RuntimeError: worker failed:\n\n{STACK}KeyError: 1\n"));
    assert_eq!(read, [("worker failed:".to_owned(), vec![header]), ("1".to_owned(), Vec::new())]);
}

/// CPython 3.11 and 3.12 print the further lines of a group's own message without the margin, too.
#[test]
fn messages_of_groups_with_empty_lines() {
    let text = GROUP
        .replace("batch (2 sub-exceptions)\n", "batch\n\nof two (2 sub-exceptions)\n")
        .replace("no space\n", "no space\n\nleft\n");
    let read = READ.replace("batch (2", "batch\\n\\nof two (2").replace("no space", "no space\\n\\nleft");
    check(&text, &read);
    let margins = GROUP.replace("no space\n", "no space\n    | \n    | left\n");
    check(&margins, &READ.replace("no space", "no space\\n\\nleft"));
}
