//! Messages of several lines, and groups, behind what collectors and loggers put in front of every line.

use pycoroner_logscan::{Options, looks_like_log, starts_with_json};

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
