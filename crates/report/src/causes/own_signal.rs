//! The process sent the signal to itself.

use super::commands::command;
use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "own-signal",
    statement: "The process sent the signal to itself: its own code decided to stop it",
    needs: &[&["crash-own-signal"]],
    refuted_if: "no code of the process or of its libraries sends this signal",
    next: "Look at the stack for os.kill, signal.raise_signal or a library's way to give up.",
    commands: |_| {
        vec![command(
            "grep -rnE 'os\\.kill|raise_signal|pthread_kill' DIR",
            "where the program's code sends signals",
        )]
    },
    ..BASE
};
