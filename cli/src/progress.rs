//! How far a long analysis is: a line on stderr that goes when it is done, and only where a person watches.

use std::cell::Cell;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pycoroner_heap::Phase;

/// The line; hidden when stderr is no terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Objects that the first phase found.
    objects: Cell<u64>,
}

impl Progress {
    /// A line that appears with the first report; with `silent`, never.
    pub(crate) fn new(silent: bool) -> Self {
        let target =
            if silent { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(8) };
        let bar = ProgressBar::with_draw_target(None, target).with_style(style("{msg}"));
        Self { bar, objects: Cell::new(0) }
    }

    /// Takes a report of the heap's analysis.
    pub(crate) fn of_heap(&self, phase: Phase, done: u64) {
        let (number, what) = match phase {
            Phase::Objects => (1, "finding objects"),
            Phase::References => (2, "reading references"),
            Phase::Dominators => (3, "computing what keeps what alive"),
            Phase::Answers => (4, "naming paths"),
        };
        if phase == Phase::Objects {
            self.objects.set(done);
        }
        if phase == Phase::References {
            // More are found on the way: those outside of the allocator's pools.
            self.bar.set_length(self.objects.get().max(done));
            self.bar.set_position(done);
            self.bar.set_style(style("{msg} {bar:30} {human_pos} of {human_len} objects"));
        } else {
            self.bar.set_style(style("{msg}"));
        }
        self.bar.set_message(format!("{number}/4 {what}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A style of this file's own templates, which are right.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
