//! Kinds of evidence that were not given, and the exact command that gets each.
//!
//! The commands hold numbers and times of ours and names in capitals to fill in, never text of the evidence: they
//! are made to be copied into a shell.

use pycoroner_findings::UtcTime;

use crate::Incident;

/// A kind of evidence that is not among the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// What is missing.
    pub(crate) what: &'static str,
    /// What it would tell.
    pub(crate) tells: &'static str,
    /// What gets it, to be copied into a shell as it stands; may be empty.
    pub(crate) command: String,
    /// What else is to be known or done; may be empty.
    pub(crate) note: &'static str,
    /// Whether it can still be had; else it must be in place before the next time.
    pub(crate) still: bool,
}

/// So much before the death and behind it is asked for, in seconds.
const BEFORE: i64 = 3600;
const BEHIND: i64 = 600;

/// What was not given, in the order in which it would help.
pub(crate) fn missing(incident: &Incident) -> Vec<Missing> {
    let asks = Asks::of(incident);
    let telemetry = incident.telemetry.as_ref();
    let checks = [
        (incident.core.is_some(), Asks::core(incident)),
        (incident.logs.is_some(), asks.logs()),
        (has_kernel_log(incident), asks.kernel()),
        (telemetry.is_some_and(|telemetry| !telemetry.containers.is_empty()), Asks::container()),
        (telemetry.is_some_and(|telemetry| !super::trend::memory(telemetry).is_empty()), asks.memory()),
        (has_alerts(incident), asks.alerts()),
        (telemetry.is_some_and(|telemetry| !telemetry.spans.is_empty()), asks.traces()),
        (telemetry.is_some_and(|telemetry| !telemetry.stacks.is_empty()), Asks::stacks()),
        (telemetry.is_some_and(|telemetry| telemetry.context.is_some()), Asks::context()),
    ];
    checks.into_iter().filter(|(is_there, _)| !is_there).map(|(_, missing)| missing).collect()
}

/// The time around the death, as `journalctl` takes it.
pub(crate) fn journal_span(incident: &Incident) -> String {
    Asks::of(incident).journal_span()
}

/// Whether alerts were given, and be it that there were none.
pub(crate) fn has_alerts(incident: &Incident) -> bool {
    let mut exports = incident.telemetry.iter().flat_map(|telemetry| &telemetry.exports);
    incident.timeline.iter().any(|event| event.kind.starts_with("alert-"))
        || exports.any(|export| export.format.as_deref() == Some("alerts"))
}

fn has_kernel_log(incident: &Incident) -> bool {
    let by_event = incident
        .timeline
        .iter()
        .any(|event| matches!(&*event.kind, "oom-kill" | "kernel-segfault" | "kernel-trap"));
    let mut logs = incident.logs.iter().flat_map(|logs| &logs.sources);
    by_event
        || logs.any(|log| {
            log.format.as_deref().is_some_and(|format| format.contains("kernel") || format.contains("dmesg"))
        })
}

/// Times and numbers of an incident, as commands take them.
struct Asks {
    from: String,
    to: String,
    from_seconds: String,
    to_seconds: String,
}

impl Asks {
    fn of(incident: &Incident) -> Self {
        let death = incident.died_at.map(|at| at.time);
        let moved = |seconds: i64| death.map(|at| UtcTime(at.0.saturating_add(seconds * 1_000_000_000)));
        let text = |time: Option<UtcTime>, otherwise: &str| match time {
            Some(time) => UtcTime(time.0 - time.0.rem_euclid(1_000_000_000)).to_string(),
            None => otherwise.to_owned(),
        };
        let seconds = |time: Option<UtcTime>, otherwise: &str| {
            time.map_or_else(|| otherwise.to_owned(), |time| time.0.div_euclid(1_000_000_000).to_string())
        };
        Self {
            from: text(moved(-BEFORE), "FROM"),
            to: text(moved(BEHIND), "TO"),
            from_seconds: seconds(moved(-BEFORE), "FROM"),
            to_seconds: seconds(moved(BEHIND), "TO"),
        }
    }

    /// `journalctl` takes no `T` and no `Z`.
    fn journal_span(&self) -> String {
        let plain = |time: &str| match time.strip_suffix('Z') {
            Some(time) => time.replace('T', " ") + " UTC",
            None => time.to_owned(),
        };
        format!("--since '{}' --until '{}' -o short-iso-precise", plain(&self.from), plain(&self.to))
    }

    fn range(&self, query: &str) -> String {
        format!(
            "curl -sG \"$PROMETHEUS/api/v1/query_range\" --data-urlencode 'query={query}' -d start={} -d end={} -d step=15",
            self.from_seconds, self.to_seconds
        )
    }

    fn core(incident: &Incident) -> Missing {
        let stored = incident
            .telemetry
            .iter()
            .flat_map(|telemetry| &telemetry.processes)
            .find(|process| process.core_file.is_some());
        let (command, note, still) = match stored.and_then(|process| process.pid) {
            Some(pid) => (format!("coredumpctl dump {pid} -o core.{pid}"), "", true),
            None => (
                "ulimit -c unlimited; sysctl -w kernel.core_pattern=/var/crash/core.%p.%t".to_owned(),
                "and, for a process that gets SIGKILL, `gcore -o core PID` before it does",
                false,
            ),
        };
        Missing {
            what: "a core file",
            tells: "every thread's Python stack with variables, exceptions, locks, and the heap by owner",
            command,
            note,
            still,
        }
    }

    fn logs(&self) -> Missing {
        Missing {
            what: "the service's log",
            tells: "what it said before it stopped, tracebacks, and the exact time",
            command: format!(
                "journalctl -u UNIT {}; kubectl logs POD --previous --timestamps",
                self.journal_span()
            ),
            note: "",
            still: true,
        }
    }

    fn kernel(&self) -> Missing {
        Missing {
            what: "the kernel's log",
            tells: "whether the kernel killed a process for want of memory, and which faults it saw",
            command: format!("journalctl -k {}", self.journal_span()),
            note: "",
            still: true,
        }
    }

    fn container() -> Missing {
        Missing {
            what: "the container's state",
            tells: "exit code, whether the runtime saw it run out of memory, restarts, limits",
            command: "kubectl get pod POD -o yaml; docker inspect CONTAINER".to_owned(),
            note: "",
            still: true,
        }
    }

    fn memory(&self) -> Missing {
        Missing {
            what: "memory over time",
            tells: "whether memory rose for hours, jumped at once, or was level",
            command: self.range("process_resident_memory_bytes"),
            note: "",
            still: true,
        }
    }

    fn alerts(&self) -> Missing {
        Missing {
            what: "alerts",
            tells: "when somebody was told, against the first symptom",
            command: self.range("ALERTS"),
            note: "",
            still: true,
        }
    }

    fn traces(&self) -> Missing {
        Missing {
            what: "traces",
            tells: "which requests were running, which failed, which never ended",
            command: format!(
                "curl -sG \"$JAEGER/api/traces\" -d service=SERVICE -d start={}000000 -d end={}000000 -d limit=200",
                self.from_seconds, self.to_seconds
            ),
            note: "",
            still: true,
        }
    }

    fn stacks() -> Missing {
        Missing {
            what: "earlier stacks of the process",
            tells: "what changed before the end: the same line for minutes, or another one each time",
            command: "py-spy dump --json --pid PID > stacks.json".to_owned(),
            note: "while it runs",
            still: false,
        }
    }

    fn context() -> Missing {
        Missing {
            what: "what people know",
            tells: "deploys and changes before the incident, the teams that own the service, what users noticed",
            command: String::new(),
            note: "write it into `incident.toml`: service, owners (teams), changes with times, impact",
            still: true,
        }
    }
}
