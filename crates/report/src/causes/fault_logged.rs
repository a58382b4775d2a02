//! Those who saw the end tell of a fault of native code, and there is no core that says more.

use pycoroner_findings::Confidence;

use super::commands::{self, command};
use super::rule::{BASE, Rule};
use super::signs::{FAILURES, VALUE_OF_DEATHS, joined};

const YIELDS: &[&str] = &joined::<15>(
    FAILURES,
    &[
        "crash-own-signal",
        "crash-external-kill",
        "heap-corrupted",
        "native-abort-logged",
        "interpreter-error-logged",
    ],
);

pub(super) const RULE: Rule = Rule {
    id: "fault-logged",
    statement: "A fault in native code ended the process, as those tell who saw it end",
    needs: &[&[
        "kernel-segfault-logged",
        "fatal-error-logged",
        "worker-faulted",
        "recorded-fault",
        "exit-code-132",
        "exit-code-135",
        "exit-code-136",
        "exit-code-139",
    ]],
    // A core says what kind of fault it was, and words of an allocator or of a check what an abort was.
    yields_to: YIELDS,
    at_most: Confidence::Moderate,
    names: &[
        "fatal-error-logged",
        "recorded-fault",
        "exit-code-139",
        "worker-faulted",
        "kernel-segfault-logged",
    ],
    raised_by: &[VALUE_OF_DEATHS],
    against: &[("no-crash", "the core that was given is of a process that had not crashed")],
    refuted_if: "the process went on after it, or the fault is another process's",
    next: "Get the core: it says which native code failed, and on what.",
    commands: |case| {
        vec![
            command(
                "coredumpctl list",
                "whether systemd kept a core; coredumpctl dump PID -o core.PID gets it",
            ),
            commands::kernel_log(
                case,
                "segfault|trap",
                "the address of the fault, and in which library the instruction stood",
            ),
        ]
    },
    ..BASE
};
