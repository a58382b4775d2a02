//! The records of one request, as plain data.

use pycoroner_findings::UtcTime;
use serde::{Deserialize, Serialize};

use super::without_prefix;
use crate::document::{LogEvent, Place, Traceback};
use crate::level::Level;
use crate::window::Anchor;
use crate::workers::Worker;

/// Requests that records name by an id, and which of them never finished.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requests {
    /// Ids that were followed to the end of the logs.
    pub followed: u64,
    /// Of these, requests whose end is among the records.
    pub finished: u64,
    /// Of these, requests that started and whose end is missing.
    pub unfinished: u64,
    /// Ids that were given up, the longest silent first, since a scan follows only so many.
    pub given_up: u64,
    /// What was learnt to be an end; each is the last record of nearly all requests that have it.
    pub ends: Vec<RequestEnd>,
    /// Requests worth showing: unfinished ones, those open at the death first, and those with errors.
    pub threads: Vec<RequestThread>,
}

impl Requests {
    /// Tells which unfinished requests ended with another process; those that did before the death were not open at it.
    pub(crate) fn end_with(&mut self, workers: &[Worker], events: &[LogEvent], death: &Anchor) {
        for thread in &mut self.threads {
            let ([pid], Some(last)) = (thread.pids.as_slice(), thread.last) else { continue };
            if thread.state != RequestState::Unfinished || thread.same_process || thread.cut_off {
                continue;
            }
            let had_it = |worker: &&Worker| worker.pid == *pid && worker.lived_at(last, events);
            let server = workers.iter().rfind(had_it).and_then(|worker| worker.end_stated(events));
            if let Some(end) = server.filter(|end| end.earliest() <= death.latest()) {
                thread.ended_with = Some(*pid);
                thread.open_at_death &= end.latest() > death.earliest();
            }
        }
    }

    /// Adds the tracebacks whose records name a request.
    pub(crate) fn name_tracebacks(&mut self, tracebacks: &[Traceback]) {
        for thread in &mut self.threads {
            let id = without_prefix(thread.id.as_bytes());
            let names = |entry: &Traceback| {
                entry.request_id.as_ref().is_some_and(|named| without_prefix(named.as_bytes()) == id)
            };
            thread.tracebacks =
                (0..).zip(tracebacks).filter(|(_, entry)| names(entry)).map(|(index, _)| index).collect();
        }
    }
}

/// A kind of record that ends requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEnd {
    /// Index of its template.
    pub template: usize,
    /// Requests that have it.
    pub requests: u64,
    /// Requests that have it as their last record.
    pub last: u64,
}

/// One request or trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestThread {
    /// Its id as the records have it.
    pub id: String,
    /// Whether it came to an end.
    pub state: RequestState,
    /// Its last record is the last one of the thread that crashed, or of the dead process where no thread is known.
    #[serde(default)]
    pub cut_off: bool,
    /// It had started before the death, and nothing was said of it later.
    #[serde(default)]
    pub open_at_death: bool,
    /// The process that its records name, when that was another one and ended before the death, or at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_with: Option<u64>,
    /// A record of it names the dead process's id.
    #[serde(default)]
    pub same_process: bool,
    /// Its records.
    pub records: u64,
    /// Time of the first.
    pub first: Option<UtcTime>,
    /// Time of the last.
    pub last: Option<UtcTime>,
    /// The highest level of its records.
    pub level: Option<Level>,
    /// Sources that hold its records.
    pub sources: Vec<usize>,
    /// Processes that its records name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pids: Vec<u64>,
    /// Its first and its last records by time, with what lies between them left out when there are many.
    pub entries: Vec<RequestRecord>,
    /// Indexes of tracebacks that name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracebacks: Vec<usize>,
    /// Of an unfinished one: why its end is taken to be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<UnfinishedRule>,
}

/// Whether a request came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestState {
    /// A record that ends requests, or a line of an access log, is among its records.
    Finished,
    /// It has no end, and it has a record that starts requests and stops where requests go on, or it was cut off.
    Unfinished,
    /// Too few requests were seen to tell, or it looks like none of them.
    Unknown,
}

/// What other requests show about one that stops early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnfinishedRule {
    /// Other requests that have a record like its first one.
    pub like_first: u64,
    /// Of these, those that start with it.
    pub started: u64,
    /// Other requests that have a record like its last one.
    pub like_last: u64,
    /// Of these, those that went on after it.
    pub went_on: u64,
    /// Of those like the last one, the ones that were followed to the end of the logs.
    pub followed: u64,
    /// Of these, those that came to an end.
    pub finished: u64,
}

/// One record of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// Its time.
    pub time: Option<UtcTime>,
    /// Its level.
    pub level: Option<Level>,
    /// Index of its template; missing when that is counted by its first words only.
    pub template: Option<usize>,
    /// Its message; only of the first and the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
}
