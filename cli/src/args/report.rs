//! Commands that write reports, and read their evidence again.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Binaries, MemoryArg, ZoneArg};

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Md,
    Html,
    Json,
}

/// How a report is written.
#[derive(Debug, Args)]
pub(crate) struct ReportForm {
    /// Markdown, HTML or JSON; when omitted, by the ending of the output file, else Markdown
    #[arg(long, value_name = "md|html|json", hide_possible_values = true)]
    pub(crate) format: Option<ReportFormat>,
    /// Fill in FILE, a template of your team's own report in Markdown (Jinja syntax; see docs/templates.md)
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    pub(crate) template: Option<PathBuf>,
    /// State when the report was written; without it equal evidence gives equal reports
    #[arg(long)]
    pub(crate) stamp: bool,
}

/// Write a report anew from the incident that was kept as JSON, without its evidence
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pycoroner analyze core.412 app.log -o incident.json
  pycoroner report incident.json -o incident.md
  pycoroner report incident.json --template our-postmortem.md.jinja -o postmortem.md")]
pub(crate) struct ReportArgs {
    /// What pycoroner analyze --format json has written
    #[arg(value_name = "INCIDENT")]
    pub(crate) incident: PathBuf,
    #[command(flatten)]
    pub(crate) form: ReportForm,
}

/// A report, and where its evidence lies.
#[derive(Debug, Args)]
pub(crate) struct Written {
    /// The report, in Markdown, HTML or JSON
    #[arg(value_name = "REPORT")]
    pub(crate) report: PathBuf,
    /// Look for the files of the evidence in DIR only; else where the report says, and next to the report
    #[arg(long, value_name = "DIR")]
    pub(crate) evidence_dir: Option<PathBuf>,
}

/// Print the bytes behind a citation of a report: text masked and escaped, all else as hex digits
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pycoroner show '[E2:L1042]' incident.md
  pycoroner show 'E1@0x3f8a10+64' incident.json --evidence-dir /mnt/evidence
  pycoroner show 'E5#/data/result/0' incident.md

Exit code 1: the bytes are not those that the report was written from.")]
pub(crate) struct ShowArgs {
    /// The citation as the report writes it; the brackets may be left out
    #[arg(value_name = "CITE")]
    pub(crate) citation: String,
    #[command(flatten)]
    pub(crate) written: Written,
}

/// Read the evidence of a report again and compare every file and every citation with its hash
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pycoroner verify incident.md
  pycoroner verify incident.json --evidence-dir /mnt/evidence

Exit code 1: a file is missing or has changed, or a citation does not say what it said; each is named.")]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) written: Written,
}

/// Write the incident report: what stopped, when, where in the Python code, and why most probably
///
/// Takes cores, logs and directories in any order and finds out by their content which is which. Every claim of
/// the report cites its bytes; what could not be known stands in its section "Gaps and unknowns".
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pycoroner analyze core.412.zst app.log -o incident.md
  pycoroner analyze core.412 app.log --older core.387 -o incident.md      what has grown since
  pycoroner analyze /var/crash/412/ --tz Europe/Berlin -o incident.html
  journalctl -u shop -o short-iso | pycoroner analyze core.412 - > incident.md

The crash window of the logs is laid around the time of death. That is what a log says about this very process,
else what systemd-coredump stored with the core, else its modification time, else the last record of the logs; the report says which.")]
pub(crate) struct AnalyzeArgs {
    /// Core files, logs, directories of them; `-` is stdin
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// An older core of the same service: says what has grown since; may be given more than once, the oldest first
    #[arg(long, value_name = "CORE")]
    pub(crate) older: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) form: ReportForm,
    /// Add DUR to all times of a source whose clock was wrong: E3=+2s, app.log=-1m30s; may be given more than once
    #[arg(long, value_name = "SRC=DUR")]
    pub(crate) skew: Vec<String>,
    /// Read large logs as a whole, where the time around the death and what lies before it would do
    #[arg(long)]
    pub(crate) whole_logs: bool,
    #[command(flatten)]
    pub(crate) binaries: Binaries,
    #[command(flatten)]
    pub(crate) zone: ZoneArg,
    #[command(flatten)]
    pub(crate) memory: MemoryArg,
}
