//! Who wrote the records of a run, and their last ones.

use super::Lines;
use super::course::{Course, Spot};
use super::run::OpenRun;
use crate::dead_process::LAST;
use crate::header::{Counted, Names};
use crate::level::Level;

/// Voices of a run; one more ends it.
const MOST: usize = 16;

/// The records of a run that one process wrote.
pub(crate) struct Process {
    pub(crate) pid: Option<u64>,
    pub(crate) course: Course,
}

/// The last records of a run that are by one process, thread and logger.
pub(crate) struct Voice<'b> {
    pub(crate) pid: Option<u64>,
    pub(crate) names: Names<'b>,
    /// Its process, counted from the run's first.
    process: usize,
    count: usize,
    last: [Utterance<'b>; LAST],
}

/// One record of a voice.
#[derive(Clone, Copy, Default)]
pub(crate) struct Utterance<'b> {
    pub(crate) spot: Spot,
    pub(crate) nanos: i64,
    pub(crate) level: Option<Level>,
    pub(crate) message: &'b [u8],
    pub(crate) request_id: &'b [u8],
}

impl<'b> Voice<'b> {
    fn add(&mut self, utterance: Utterance<'b>) {
        if let Some(slot) = self.last.get_mut(self.count % LAST) {
            *slot = utterance;
        }
        self.count += 1;
    }

    /// The last ones, in no order.
    pub(crate) fn last(&self) -> &[Utterance<'b>] {
        self.last.get(..self.count.min(LAST)).unwrap_or(&self.last)
    }
}

impl OpenRun {
    /// Notes who wrote a record; `false` when the run is to end with it.
    pub(super) fn hear<'b>(
        &mut self,
        counted: &Counted<'b>,
        names: Names<'b>,
        request_id: &'b [u8],
        spot: Spot,
        found: &mut Lines<'b>,
    ) -> bool {
        let (nanos, pid) = (counted.time(), counted.pid);
        let Counted { level, message, .. } = *counted;
        let utterance = Utterance { spot, nanos, level: Some(level), message, request_id };
        let processes = found.processes.get_mut(self.processes..).unwrap_or_default();
        let voices = found.voices.get_mut(self.voices..).unwrap_or_default();
        // The voice of the last record is most often the next one's.
        let is_same = |voice: &Voice<'_>| voice.pid == pid && voice.names == names;
        let known = match voices.get(self.voice) {
            Some(voice) if is_same(voice) => Some(self.voice),
            _ => voices.iter().rposition(is_same),
        };
        if let Some(at) = known
            && let Some(voice) = voices.get_mut(at)
        {
            self.voice = at;
            voice.add(utterance);
            if let Some(process) = processes.get_mut(voice.process) {
                process.course.add(nanos, spot);
            }
            return true;
        }
        self.voice = voices.len();
        let process = processes.iter().position(|process| process.pid == pid).unwrap_or(processes.len());
        match processes.get_mut(process) {
            Some(process) => process.course.add(nanos, spot),
            None => found.processes.push(Process { pid, course: Course::of(nanos, spot) }),
        }
        let mut voice = Voice { pid, names, process, count: 0, last: [Utterance::default(); LAST] };
        voice.add(utterance);
        found.voices.push(voice);
        self.voice + 1 < MOST
    }
}
