//! What became of whoever raised an exception, as far as the log tells.

use pycoroner_findings::Confidence;
use pycoroner_logscan::Options;

use crate::shown::scan_text;

const BARE: &str = "Traceback (most recent call last):\n  File \"/srv/job.py\", line 9, in <module>\n    load()\n  \
                    File \"/srv/job.py\", line 4, in load\n    return rows[7]\nKeyError: 7\n";
/// What a function prints of an exception that it handles begins at its own frame.
const PRINTED: &str = "Traceback (most recent call last):\n  File \"/srv/job.py\", line 4, in load\n    return rows[7]\nKeyError: 7\n";

/// Id, title and confidence of what the only exception of a log did.
fn outcome(text: &str) -> (String, String, Confidence) {
    let findings = scan_text(text, &Options::default()).findings();
    let mut told = findings.iter().filter(|finding| finding.id.contains("exception"));
    let found = told.next().unwrap_or_else(|| panic!("nothing of {text}"));
    assert!(told.next().is_none(), "{findings:#?}");
    (found.id.to_string(), found.title.clone(), found.confidence)
}

#[test]
fn outcomes() {
    use Confidence::{Certain, Moderate, Strong};
    let check = |text: &str, id: &str, title: &str, confidence| {
        assert_eq!(outcome(text), (id.to_owned(), title.to_owned(), confidence), "{text}");
    };
    let record = "2024-05-01 12:00:00,000 INFO shop: loading\n";
    let place = "raised in load (/srv/job.py:4)";
    let unhandled = format!("Unhandled KeyError: 7, {place}");
    // The interpreter printed it last: that was its end.
    check(&format!("{record}{BARE}\n"), "unhandled-exception-logged", &unhandled, Strong);
    // Somebody wrote on behind it: this process, or the next one.
    check(&format!("{record}{BARE}{record}"), "unhandled-exception-logged", &unhandled, Moderate);
    check(&format!("{record}{PRINTED}"), "exception-logged", "KeyError: 7 was logged", Certain);
    check(
        &format!("2024-05-01 12:00:00,000 ERROR shop: cannot load\n{BARE}"),
        "exception-logged",
        "KeyError: 7 was logged",
        Certain,
    );
    check(
        &format!("2024-05-01 12:00:00,000 CRITICAL shop: cannot load\n{BARE}"),
        "unhandled-exception-logged",
        &format!("KeyError: 7, {place}, was logged as critical"),
        Moderate,
    );
    check(
        &format!("Exception in thread loader-1:\n{PRINTED}"),
        "thread-exception-logged",
        &format!("A thread ended with KeyError: 7, {place}"),
        Certain,
    );
    check(&format!("Process SpawnProcess-1:\n{PRINTED}"), "unhandled-exception-logged", &unhandled, Strong);
    check(
        &format!(
            "2024-05-01 12:00:00,000 ERROR asyncio: Task exception was never retrieved\n\
             future: <Task finished name='Task-2' coro=<load() done, defined at /srv/job.py:3> exception=KeyError(7)>\n{PRINTED}"
        ),
        "task-exception-never-retrieved",
        &format!("A task ended with KeyError: 7, {place}, and nobody asked for its result"),
        Certain,
    );
}
