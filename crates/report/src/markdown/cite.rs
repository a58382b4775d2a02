//! Citations, and which file of the register a document speaks of.

use pycoroner_findings::{Citation, SourceId};

use super::inert::{self, Inert};
use crate::Incident;
use crate::sections::LogPlace;

/// Citations one after the other, each once.
pub(crate) fn citations<'a>(all: impl IntoIterator<Item = &'a Citation>) -> Inert {
    let mut shown: Vec<Inert> = Vec::new();
    for cited in all.into_iter().map(citation) {
        if !shown.contains(&cited) {
            shown.push(cited);
        }
    }
    Inert::join(shown, " ")
}

/// One citation, with the short hash of its bytes when they were read.
pub(crate) fn citation(cited: &Citation) -> Inert {
    let text = cited.to_string();
    match &cited.digest {
        Some(digest) => inert::cited(&format!("{text} {digest}")),
        None => inert::cited(&text),
    }
}

/// The whole core file, for facts that were put together from many of its bytes.
pub(crate) fn core(incident: &Incident) -> Inert {
    match incident.sources.iter().find(|source| source.kind.starts_with("core")) {
        Some(source) => whole(source.id),
        None => Inert::default(),
    }
}

/// A place in a log; without the offsets of its bytes, by its line.
pub(crate) fn log_line(incident: &Incident, place: &LogPlace) -> Inert {
    if let Some(cited) = &place.citation {
        return citation(cited);
    }
    let Some(logs) = &incident.logs else { return Inert::default() };
    let Some(log) = place.source.and_then(|index| logs.sources.get(index)) else { return Inert::default() };
    let registered =
        || incident.sources.iter().find(|source| source.path == log.path).map(|source| source.id);
    let Some(id) = log.id.or_else(registered) else { return Inert::default() };
    match place.line {
        Some(line) => inert::cited(&format!("[{id}:L{line}]")),
        None => whole(id),
    }
}

fn whole(id: SourceId) -> Inert {
    inert::cited(&format!("[{id}]"))
}
