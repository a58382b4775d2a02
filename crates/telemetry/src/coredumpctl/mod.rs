//! What [`coredumpctl`](https://github.com/systemd/systemd/blob/v255/src/coredump/coredumpctl.c) prints: the list as
//! text and as JSON, and the details of one or several cores; and what the stored cores themselves say.

pub(crate) mod info;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod stored;
mod time;

use pycoroner_findings::{Event, Severity};

use crate::document::{ProcessRecord, Telemetry};

/// Most cores that are read of one file.
const MOST_CORES: usize = 10_000;

/// Adds what is known of one core, also as an event.
fn add(telemetry: &mut Telemetry, record: ProcessRecord) {
    let pid = record.pid.map_or("a process".to_owned(), |pid| format!("process {pid}"));
    let executable = record.executable.as_ref().map_or(String::new(), |path| format!(" ({path})"));
    let signal = record.signal.map_or(String::new(), |signal| format!(" of signal {signal}"));
    let core = record.core_file.as_ref().map_or(String::new(), |core| format!("; core file: {core}"));
    telemetry.events.push(Event {
        at: record.at,
        pid: record.pid,
        signal: record.signal,
        citation: Some(record.citation.clone()),
        ..Event::new(
            "core-dumped",
            Severity::Critical,
            format!("systemd-coredump stored a core: {pid}{executable} died{signal}{core}"),
        )
    });
    telemetry.processes.push(record);
}

/// The number of a signal of Linux, by its name with or without `SIG`, or by itself.
fn signal(name: &str) -> Option<u32> {
    const NAMES: [&str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
        "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
        "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    let short = name.strip_prefix("SIG").unwrap_or(name);
    let by_name = || (1..).zip(NAMES).find(|(_, known)| *known == short).map(|(number, _)| number);
    name.parse().ok().filter(|number| (1..=64).contains(number)).or_else(by_name)
}
