//! A signal from outside stopped the process: of another process, or of the kernel.

use super::commands::command;
use super::rule::{BASE, Rule};
use super::signs::FAILURES;

pub(super) const RULE: Rule = Rule {
    id: "external-kill",
    statement: "A signal from outside stopped the process: another process sent it, or the kernel did",
    needs: &[&["crash-external-kill", "exit-code-137", "worker-killed"]],
    // What the process did to itself, nobody did from outside, whatever a supervisor says of its end.
    yields_to: FAILURES,
    raised_by: &[(
        "signal-sender-logged",
        "the process that sent the signal is known, and wrote just before",
    )],
    // What speaks against a lack of memory does not speak against a kill.
    inherits_against: false,
    against: &[
        (
            "worker-timeout",
            "its own supervisor ended it, because it had not answered: that is the cause to look into",
        ),
        ("oom-kill-logged", "the kernel's log names lack of memory as the reason of a kill"),
        ("container-oom-killed", "the container's runtime names lack of memory as the reason"),
        ("deadlock", "that says who ended it, and not why: threads could not go on"),
        ("gil-starvation", "that says who ended it, and not why: threads could not go on"),
        ("files-exhausted", "that says who ended it, and not why: the process could open no file or socket"),
        ("lock-abandoned", "that says who ended it, and not why: threads could not go on"),
    ],
    refuted_if: "the process sent the signal to itself, or the signal was a fault of its own",
    next: "Find the sender: supervisor, orchestrator, kernel or an operator; exit code 137 alone does not show lack of memory.",
    commands: |case| {
        vec![
            command(
                format!("journalctl {}", case.journal_span()),
                "all of the machine's log around the end: who stopped or killed something",
            ),
            command("kubectl describe pod POD", "evictions and failed probes, where it ran in a pod"),
        ]
    },
    ..BASE
};
