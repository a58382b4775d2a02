use std::fmt;

use serde::{Deserialize, Serialize};

/// What the lines of a source were taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FormatName {
    /// A `logging` layout: a time, a level, perhaps logger, thread and process, a message.
    PythonLogging,
    /// `logging.basicConfig`'s default, `LEVEL:logger:message`, and other records without a time.
    LevelFirst,
    /// gunicorn's error log, `[time +0000] [pid] [LEVEL] message`.
    Gunicorn,
    /// uvicorn's default, `INFO:     message`.
    Uvicorn,
    /// celery's, `[time: LEVEL/Process] message`.
    Celery,
    /// loguru's, `time | LEVEL    | module:function:line - message`.
    Loguru,
    /// structlog's console, `time [level    ] event key=value`.
    Structlog,
    /// airflow's, `[time] {file.py:1} LEVEL - message`.
    Airflow,
    /// uWSGI's request lines and time-stamped remarks.
    Uwsgi,
    /// One JSON object per line.
    Json,
    /// One JSON document that holds records: exports of log stores.
    JsonDocument,
    /// `key=value` pairs.
    Logfmt,
    /// A time and a message, without a level.
    Timestamped,
    /// Syslog, or journald's short forms: time, host, `ident[pid]:`.
    Syslog,
    /// The kernel's ring buffer as `dmesg` prints it.
    Dmesg,
    /// klog, `E0501 12:00:00.123456 pid file:line] message`.
    Klog,
    /// Access logs in the common or combined form.
    AccessLog,
    /// Apache's error log, where `mod_wsgi` writes.
    ApacheError,
    /// The journal as `journalctl -o json` and `-o export` write it.
    Journal,
    /// `kubectl logs --prefix`.
    Kubectl,
    /// `docker logs --timestamps` and `kubectl logs --timestamps`.
    DockerTimes,
    /// Loki's `logcli`, as it prints by default.
    Logcli,
    /// Docker's json-file driver: one JSON object per line of output.
    DockerJson,
    /// The container runtime interface's files, `time stdout F message`.
    Cri,
    /// Compose's output, `container  | message`.
    Compose,
    /// `heroku logs` and dokku, `time app[web.1]: message`.
    Heroku,
    /// `fly logs`, `time app[machine] region [info]message`.
    Fly,
    /// `aws logs tail`, `time stream message`.
    AwsTail,
    /// stern, `pod container message`.
    Stern,
    /// kubetail, `[pod] message`.
    Kubetail,
    /// foreman, honcho and their like, `12:00:00 web.1  | message`.
    Foreman,
    /// Text without records: an interpreter's bare standard error.
    Plain,
}

impl FormatName {
    /// The name as documents spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::PythonLogging => "python-logging",
            Self::LevelFirst => "level-first",
            Self::Gunicorn => "gunicorn",
            Self::Uvicorn => "uvicorn",
            Self::Celery => "celery",
            Self::Loguru => "loguru",
            Self::Structlog => "structlog",
            Self::Airflow => "airflow",
            Self::Uwsgi => "uwsgi",
            Self::Json => "json",
            Self::JsonDocument => "json-document",
            Self::Logfmt => "logfmt",
            Self::Timestamped => "timestamped",
            Self::Syslog => "syslog",
            Self::Dmesg => "dmesg",
            Self::Klog => "klog",
            Self::AccessLog => "access-log",
            Self::ApacheError => "apache-error",
            Self::Journal => "journal",
            Self::Kubectl => "kubectl",
            Self::DockerTimes => "docker-times",
            Self::Logcli => "logcli",
            Self::DockerJson => "docker-json",
            Self::Cri => "cri",
            Self::Compose => "compose",
            Self::Heroku => "heroku",
            Self::Fly => "fly",
            Self::AwsTail => "aws-tail",
            Self::Stern => "stern",
            Self::Kubetail => "kubetail",
            Self::Foreman => "foreman",
            Self::Plain => "plain",
        }
    }

    pub(crate) const ALL: [Self; 32] = [
        Self::PythonLogging,
        Self::LevelFirst,
        Self::Gunicorn,
        Self::Uvicorn,
        Self::Celery,
        Self::Loguru,
        Self::Structlog,
        Self::Airflow,
        Self::Uwsgi,
        Self::Json,
        Self::JsonDocument,
        Self::Logfmt,
        Self::Timestamped,
        Self::Syslog,
        Self::Dmesg,
        Self::Klog,
        Self::AccessLog,
        Self::ApacheError,
        Self::Journal,
        Self::Kubectl,
        Self::DockerTimes,
        Self::Logcli,
        Self::DockerJson,
        Self::Cri,
        Self::Compose,
        Self::Heroku,
        Self::Fly,
        Self::AwsTail,
        Self::Stern,
        Self::Kubetail,
        Self::Foreman,
        Self::Plain,
    ];
}

impl fmt::Display for FormatName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn all_are_documented() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/logs.md");
        let page = fs::read_to_string(page).unwrap();
        for format in FormatName::ALL {
            assert!(page.contains(&format!("`{}`", format.name())), "{}", format.name());
        }
    }
}
