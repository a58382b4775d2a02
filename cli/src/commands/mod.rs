//! One file per command: read, redact, render, write.

pub(crate) mod analyze;
mod boot_list;
pub(crate) mod core;
mod death;
mod earlier_stacks;
pub(crate) mod heap;
mod heap_export;
mod heap_objects;
mod heap_picture;
mod journal_clock;
pub(crate) mod layout;
mod log_scan;
pub(crate) mod logs;
mod older_cores;
pub(crate) mod report;
pub(crate) mod schema;
pub(crate) mod show;
mod uptime;
pub(crate) mod verify;

use std::io::Write;

use anyhow::{Context, Result};
use pycoroner_findings::Gap;
use pycoroner_redact::Policy;
use serde::Serialize;
use serde_json::Value;

use crate::args::{Common, DocumentFormat, Redact};
use crate::output::Output;
use crate::progress::Progress;
use crate::redaction::redacted;

/// What all commands share: where results go, what is masked, how much is said on stderr.
#[derive(Debug)]
pub(crate) struct Session {
    /// Where the result goes.
    pub(crate) output: Output,
    /// Whether secrets are masked.
    pub(crate) policy: Policy,
    loudness: Loudness,
    shows_progress: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Loudness {
    Quiet,
    Normal,
    Verbose,
}

impl Session {
    /// Takes what the user asked for.
    pub(crate) fn new(common: &Common) -> Self {
        let policy = match common.redact {
            Redact::On => Policy::On,
            Redact::Emails => Policy::OnWithEmails,
            Redact::Off => Policy::Off,
        };
        let loudness = match (common.quiet, common.verbose) {
            (true, _) => Loudness::Quiet,
            (_, true) => Loudness::Verbose,
            _ => Loudness::Normal,
        };
        Self {
            output: Output::new(common.output.as_deref(), common.color),
            policy,
            loudness,
            shows_progress: !common.no_progress,
        }
    }

    /// Says something on stderr that a user wants to know.
    pub(crate) fn note(&self, message: &str) {
        if self.loudness >= Loudness::Normal {
            say(message);
        }
    }

    /// Says on stderr what is missing, where the format of the output has no place for it.
    pub(crate) fn note_gaps(&self, gaps: &[Gap]) {
        for gap in gaps {
            self.note(&format!("{}: {}", gap.what, gap.why));
        }
    }

    /// Says something on stderr that only a curious user wants to know.
    pub(crate) fn detail(&self, message: &str) {
        if self.loudness >= Loudness::Verbose {
            say(message);
        }
    }

    /// A line that shows how far an analysis is.
    pub(crate) fn progress(&self) -> Progress {
        Progress::new(self.loudness == Loudness::Quiet || !self.shows_progress)
    }

    /// Writes a document, redacted, as JSON or as what `render` makes of it.
    fn write_document(
        &self,
        document: &impl Serialize,
        format: Option<DocumentFormat>,
        render: impl FnOnce(Value) -> serde_json::Result<String>,
    ) -> Result<()> {
        let by_ending = if self.output.ends_in("json") { DocumentFormat::Json } else { DocumentFormat::Text };
        self.write_redacted(document, |redacted| match format.unwrap_or(by_ending) {
            DocumentFormat::Json => pretty(&redacted),
            DocumentFormat::Text => render(redacted).context("the document could not be rendered"),
        })
    }

    /// Writes what `render` makes of a document whose secrets are masked.
    fn write_redacted(
        &self,
        document: &impl Serialize,
        render: impl FnOnce(Value) -> Result<String>,
    ) -> Result<()> {
        self.output.write(&render(redacted(document, self.policy)?)?)
    }
}

fn pretty(document: &impl Serialize) -> Result<String> {
    let mut text = serde_json::to_string_pretty(document).context("the document could not be serialized")?;
    text.push('\n');
    Ok(text)
}

fn say(message: &str) {
    // When stderr is gone, nobody is left to tell.
    let _ = writeln!(std::io::stderr(), "pycoroner: {}", crate::render::inert::inert(message));
}
