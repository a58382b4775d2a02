//! The command line, as clap reads it and `--help` shows it.

mod heap;
mod report;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use heap::{Folding, HeapArgs, HeapFormat, HeapView, SortKey};
pub(crate) use report::{AnalyzeArgs, ReportArgs, ReportForm, ReportFormat, ShowArgs, VerifyArgs, Written};

const AFTER_HELP: &str = "\
Examples:
  pycoroner analyze core.412.zst app.log -o incident.md
      the whole report: what stopped, where in the Python code, and what the log said
  pycoroner core core.412 --locals
      the stacks of all threads with their variables, in the terminal
  pycoroner logs /var/log/shop/ --core core.412
      the tracebacks and warnings of the minutes around the crash

Nothing but the files is needed: no debugger, no Python, no debug symbols; for the core not even the
interpreter's binary. Cores may be compressed with zstd, lz4, xz, bzip2 or gzip.

Where DEBUGINFOD_URLS is set, those servers are asked for binaries of the same build that are not here.

Exit codes:
  0  done
  1  what a report states does not hold (verify, show)
  2  wrong usage, or nothing could be read
  3  done, but the evidence was incomplete: a file is cut or damaged, or parts were not understood;
     the section \"Gaps\" of the output names each
Data goes to stdout, everything else to stderr.";

/// Post-mortem analysis of Python services: core files and logs in, incident report out.
#[derive(Debug, Parser)]
#[command(name = "pycoroner", version, about, after_help = AFTER_HELP, max_term_width = 110)]
#[command(propagate_version = true, arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Analyze(AnalyzeArgs),
    Core(CoreArgs),
    Heap(HeapArgs),
    Logs(LogsArgs),
    Report(ReportArgs),
    Show(ShowArgs),
    Verify(VerifyArgs),
    Layout(LayoutArgs),
    Schema(SchemaArgs),
}

/// Options that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Common {
    /// Write to FILE instead of stdout: whole or not at all, readable by you only
    #[arg(short, long, value_name = "FILE", global = true)]
    pub(crate) output: Option<PathBuf>,
    /// Say less on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Don't show on stderr how far a long analysis is; it is shown on terminals only
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Say more on stderr
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Colors and weights in text output; `auto` also follows `NO_COLOR` and `CLICOLOR_FORCE`
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true, hide_possible_values = true)]
    pub(crate) color: ColorWhen,
    /// Mask what looks like a secret, and all values of the environment; `emails` masks mail addresses, too
    #[arg(
        long,
        value_name = "on|emails|off",
        default_value = "on",
        global = true,
        hide_possible_values = true
    )]
    pub(crate) redact: Redact,
}

/// Where the files of the dead process are looked for.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Files of the dead process (none is needed)")]
pub(crate) struct Binaries {
    /// Look for its binaries and Python sources under DIR only, by their recorded paths; `/` for this machine
    #[arg(long, value_name = "DIR")]
    pub(crate) sysroot: Option<PathBuf>,
    /// Use FILE as its executable, if the build ID is the same
    #[arg(long, value_name = "FILE")]
    pub(crate) exe: Option<PathBuf>,
    /// Look for its libraries in DIR and below first, by file name and build ID; may be given more than once
    #[arg(long, value_name = "DIR")]
    pub(crate) module_path: Vec<PathBuf>,
}

/// When text output has colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Redact {
    On,
    Emails,
    Off,
}

/// The forms of a command's own document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentFormat {
    Text,
    Json,
}

/// The forms of what a core says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CoreFormat {
    Text,
    Json,
    Speedscope,
    Folded,
}

/// Show what a core says: how the process ended, every thread's Python stack, the exceptions in force
///
/// Stacks are innermost frame first. Threads with equal stacks are shown once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pycoroner core core.412
  pycoroner core core.412.zst --locals --all | less -R
  pycoroner core core.412 --sysroot ./image-root --locals      with source lines from an unpacked image
  pycoroner core core.412 --format json | jq '.threads[0].python_frames[0]'
  pycoroner core core.412 --format folded | flamegraph.pl > stacks.svg
  pycoroner core core.412 --format speedscope -o stacks.json      for https://www.speedscope.app")]
pub(crate) struct CoreArgs {
    /// The core file, plain or compressed with zstd, lz4, xz, bzip2 or gzip
    #[arg(value_name = "CORE")]
    pub(crate) core: PathBuf,
    /// Show the variables of every frame
    #[arg(long)]
    pub(crate) locals: bool,
    #[command(flatten)]
    pub(crate) values: ValueLimits,
    /// Show every thread, also when many have the same stack
    #[arg(long)]
    pub(crate) all: bool,
    /// Show native frames as well, merged with the Python frames that they run
    #[arg(long)]
    pub(crate) native: bool,
    /// Text or JSON, or the stacks alone for flame viewers; when omitted, by the ending of the output file, else text
    #[arg(long, value_name = "text|json|speedscope|folded", hide_possible_values = true)]
    pub(crate) format: Option<CoreFormat>,
    #[command(flatten)]
    pub(crate) binaries: Binaries,
}

/// How much of a value is printed.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ValueLimits {
    /// Print containers in containers N levels deep
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub(crate) depth: usize,
    /// Print at most N items of a container, attributes of an object, or references
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) max_items: usize,
    /// Print at most SIZE of text for one value
    #[arg(long, value_name = "SIZE", default_value = "4K", value_parser = size)]
    pub(crate) max_string: u64,
}

/// Show what logs say: tracebacks, fatal errors, events, and messages that are new
///
/// Plain logging formats, JSON lines and what collectors wrap around them; zstd, lz4, xz, bzip2 and gzip are unpacked,
/// UTF-16 is read. The files of a rotated log are read as one, in the order of their times.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pycoroner logs app.log
  pycoroner logs app.log* --around '2026-11-23 09:25:56' --window 2m
  pycoroner logs /var/log/shop/ --core core.412 --tz Europe/Berlin
  kubectl logs shop-0 --previous | pycoroner logs -

TIME is 2026-11-23T09:25:56Z, with any offset, or 2026-11-23 09:25:56 in the zone of --tz.
DUR is 90s, 5m, 1h30m.")]
pub(crate) struct LogsArgs {
    /// Logs and directories of them; `-` is stdin
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Look at what was written from TIME on
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Look at what was written up to TIME
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Look at the time around TIME: five minutes before it, one behind
    #[arg(long, value_name = "TIME", conflicts_with_all = ["since", "until"])]
    pub(crate) around: Option<String>,
    /// With --around or --core: so much before the time, and as much behind
    #[arg(long, value_name = "DUR", conflicts_with_all = ["since", "until"])]
    pub(crate) window: Option<String>,
    /// Look at the time around the death of the process that left CORE
    #[arg(long, value_name = "CORE", conflicts_with_all = ["since", "until", "around"])]
    pub(crate) core: Option<PathBuf>,
    /// Say of each log what was taken for what, how its times are known, and what was not parsed
    #[arg(long)]
    pub(crate) explain: bool,
    /// Text or JSON; when omitted, by the ending of the output file, else text
    #[arg(long, value_name = "text|json", hide_possible_values = true)]
    pub(crate) format: Option<DocumentFormat>,
    /// Read large logs as a whole, where the window and what lies before it would do
    #[arg(long)]
    pub(crate) whole_logs: bool,
    /// Read on N threads; as many as there are processors when omitted. What is found is the same
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
    #[command(flatten)]
    pub(crate) zone: ZoneArg,
}

/// A bound on memory.
#[derive(Debug, Args)]
pub(crate) struct MemoryArg {
    /// Stop the heap's analysis before it takes more memory than SIZE: 512M, 8G
    #[arg(long, value_name = "SIZE", default_value = "8G", value_parser = size)]
    pub(crate) max_memory: u64,
}

/// Reads `512M`, `8G`, `8GiB` or plain bytes; units are powers of 1024.
fn size(text: &str) -> Result<u64, String> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let shift = match unit.to_ascii_uppercase().trim_end_matches("IB").trim_end_matches('B') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err("write 512M, 8G or a number of bytes".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "write 512M, 8G or a number of bytes".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "that is more than any machine has".to_owned())
}

/// The zone of times without one.
#[derive(Debug, Args)]
pub(crate) struct ZoneArg {
    /// Zone of times that name none: UTC, +02:00 or a name such as Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(crate) tz: String,
}

/// Print the structure offsets of a CPython build, out of its DWARF
///
/// This is how a new CPython version is added: the output is a column of the layout table.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pycoroner layout /usr/lib/debug/libpython3.12.so.1.0.debug -o cpython-3.12.layout
  pycoroner layout libpython3.12.so.1.0 lib-dynload/_datetime.*.so lib-dynload/array.*.so lib-dynload/_decimal.*.so")]
pub(crate) struct LayoutArgs {
    /// An executable, library or separate debug file with DWARF
    #[arg(value_name = "ELF")]
    pub(crate) elf: PathBuf,
    /// Extension modules of the same build; they add structures that the first file does not describe
    #[arg(value_name = "MODULE")]
    pub(crate) modules: Vec<PathBuf>,
}

/// Print the JSON Schema of a document, for programs that read it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pycoroner schema core > core.schema.json
  pycoroner schema heap > heap.schema.json
  pycoroner schema telemetry > telemetry.schema.json")]
pub(crate) struct SchemaArgs {
    /// Which document
    #[arg(value_enum, value_name = "NAME")]
    pub(crate) name: SchemaName,
}

/// Documents that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaName {
    /// `pycoroner core CORE --format json`
    Core,
    /// `pycoroner heap CORE --format json`
    Heap,
    /// `pycoroner analyze PATH... --format json`
    Incident,
    /// What exports of metrics, traces, alerts and the like say: `telemetry` of `pycoroner analyze --format json`
    Telemetry,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(size(text).ok(), expected, "{text}");
        check("512", Some(512));
        check("2k", Some(2048));
        check("8GiB", Some(8 << 30));
        check("1MB", Some(1 << 20));
        for text in ["", "G", "8X", "-1", "99999999999T"] {
            check(text, None);
        }
    }
}
