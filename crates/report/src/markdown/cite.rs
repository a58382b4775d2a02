//! Citations, and which file of the register a document speaks of.

use pycoroner_findings::{Citation, SourceId};

use super::inert::{Inert, code};
use crate::Incident;

/// Citations one after the other.
pub(crate) fn citations<'a>(all: impl IntoIterator<Item = &'a Citation>) -> Inert {
    Inert::join(all.into_iter().map(citation), " ")
}

/// One citation, with the short hash of its bytes when they were read.
pub(crate) fn citation(cited: &Citation) -> Inert {
    let text = cited.to_string();
    match &cited.digest {
        Some(digest) => code(&format!("{text} {digest}")),
        None => code(&text),
    }
}

/// The whole core file, for facts that were put together from many of its bytes.
pub(crate) fn core(incident: &Incident) -> Inert {
    match incident.sources.iter().find(|source| source.kind.starts_with("core")) {
        Some(source) => whole(source.id),
        None => Inert::default(),
    }
}

/// A line of a log, by the number that the log document gives to the file.
pub(crate) fn log_line(incident: &Incident, source: Option<usize>, line: Option<u64>) -> Inert {
    let Some(logs) = &incident.logs else { return Inert::default() };
    let Some(log) = source.and_then(|index| logs.sources.get(index)) else { return Inert::default() };
    let registered =
        || incident.sources.iter().find(|source| source.path == log.path).map(|source| source.id);
    let Some(id) = log.id.or_else(registered) else { return Inert::default() };
    match line {
        Some(line) => code(&format!("[{id}:L{line}]")),
        None => whole(id),
    }
}

fn whole(id: SourceId) -> Inert {
    code(&format!("[{id}]"))
}
