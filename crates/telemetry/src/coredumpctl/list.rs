use pycoroner_findings::{Citation, Gap, GapKind, SourceId};

use super::time::moment;
use super::{MOST_CORES, add, signal};
use crate::document::{Export, ProcessRecord, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::place::cite_line;

/// The list has the time of the entry in the journal, which is written when the core is: up to so much after the death.
pub(super) const WRITING_MS: u64 = 60_000;

/// Whether a file is what `coredumpctl list` prints.
pub(crate) fn is_list(head: &Head<'_>) -> bool {
    head.lines().next().is_some_and(is_header)
}

fn is_header(line: &[u8]) -> bool {
    let names: Vec<_> = line.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty()).collect();
    names.starts_with(&[b"TIME", b"PID", b"UID", b"GID", b"SIG", b"COREFILE", b"EXE"])
}

/// Reads the cores that are listed.
pub(crate) fn read_list(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let mut offset = 0;
    for (number, line) in (1_u64..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let start = offset;
        offset += line.len();
        if line.trim_ascii().is_empty() || is_header(line) {
            continue;
        }
        let citation = cite_line(source, number, start, line);
        if telemetry.processes.len() >= MOST_CORES {
            let why = format!("{MOST_CORES} are read of one file");
            telemetry.gaps.push(Gap::new(GapKind::Limit, "the rest of the listed cores", why).at(citation));
            break;
        }
        let text = String::from_utf8_lossy(line);
        if let Some(row) = row(&text, &citation) {
            add(&mut telemetry, row);
        } else {
            let why = "it does not have the columns of coredumpctl";
            telemetry.gaps.push(Gap::new(GapKind::Unknown, "a line of the list", why).at(citation));
        }
    }
    let export =
        Export::of(source, ExportFormat::CoredumpctlList, telemetry.processes.len(), &telemetry.events);
    telemetry.exports.push(export);
    telemetry
}

/// `Sun 2026-11-22 11:31:52 UTC 29829 0 0 SIGSEGV present /usr/bin/python3.11 1.1M`
fn row(line: &str, citation: &Citation) -> Option<ProcessRecord> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    // The process id is the first number behind the time; its zone is missing in some locales.
    let pid_at =
        (3..words.len().min(6)).find(|at| words.get(*at).is_some_and(|word| word.parse::<u64>().is_ok()))?;
    let [pid, _, _, signal_name, core, rest @ ..] = words.get(pid_at..)? else { return None };
    let mut executable = rest.join(" ");
    // The last column is a size such as 1.1M or -, and older versions have none.
    if let Some((path, size)) = executable.rsplit_once(' ')
        && (size == "-" || size.starts_with(|first: char| first.is_ascii_digit()))
    {
        executable.truncate(path.len());
    }
    Some(ProcessRecord {
        at: moment(words.get(..pid_at)?.join(" ").as_str(), WRITING_MS),
        pid: pid.parse().ok(),
        signal: signal(signal_name),
        executable: Some(executable).filter(|path| !matches!(path.as_str(), "" | "-" | "n/a")),
        core_file: Some((*core).to_owned()),
        ..ProcessRecord::new(citation.clone())
    })
}
