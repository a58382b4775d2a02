//! Runs the program and takes its answer.

use std::ffi::OsStr;
use std::process::Command;

use serde_json::Value;

/// What a run left behind.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `pycoroner` with these arguments.
pub(crate) fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_pycoroner")).args(args).output().expect("pycoroner runs");
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).expect("output in UTF-8").to_owned();
    Run { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

impl Run {
    /// Asserts the exit code; shows what was said when it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stderr: {}\nstdout: {:.2000}", self.stderr, self.stdout);
        self
    }

    /// The output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\nstderr: {}\nstdout: {:.2000}", self.stderr, self.stdout))
    }
}

/// Arguments of different kinds as one list.
macro_rules! args {
    ($($arg:expr),* $(,)?) => { [$(std::ffi::OsStr::new(&$arg).to_owned()),*] };
}
pub(crate) use args;
