//! Takes the numbers of lines out of what is said of sources that were read in part: they are not known.

use crate::changes::Silence;
use crate::document::{LogEvent, LogRecord, LogSource, Place, Template};
use crate::scan::Scan;

/// Forgets the lines of a place when its source was read in part.
pub(crate) fn forget_lines_of_place(place: &mut Place, sources: &[LogSource]) {
    if sources.get(place.source).is_some_and(|source| source.part.is_some()) {
        (place.line, place.last_line) = (0, 0);
    }
}

/// Lines were counted from where the reading began, to keep things in order; nobody is to take them for the file's.
pub(crate) fn forget_lines(scan: &mut Scan) {
    let is_part: Vec<bool> = scan.sources.iter().map(|source| source.part.is_some()).collect();
    if !is_part.contains(&true) {
        return;
    }
    let forget = |place: &mut Place| {
        if is_part.get(place.source).copied().unwrap_or(false) {
            (place.line, place.last_line) = (0, 0);
        }
    };
    for source in &mut scan.sources {
        forget_in_source(source, forget);
    }
    for entry in &mut scan.tracebacks {
        [Some(&mut entry.place), entry.rest.as_mut(), entry.latest.as_mut()]
            .into_iter()
            .flatten()
            .for_each(forget);
    }
    let of_events = |events: &mut Vec<LogEvent>| events.iter_mut().for_each(|event| forget(&mut event.place));
    let of_records =
        |records: &mut Vec<LogRecord>| records.iter_mut().for_each(|record| forget(&mut record.place));
    of_events(&mut scan.events);
    of_records(&mut scan.warnings);
    of_records(&mut scan.sender_records);
    scan.last_record.iter_mut().for_each(|record| forget(&mut record.place));
    for template in &mut scan.templates {
        forget_in_template(template, forget);
    }
    let threads = scan.requests.iter_mut().flat_map(|requests| &mut requests.threads);
    threads.flat_map(|thread| &mut thread.entries).for_each(|entry| forget(&mut entry.place));
    if let Some(process) = &mut scan.process {
        of_events(&mut process.ends);
        of_records(&mut process.last_records);
        of_records(&mut process.crashed_thread_records);
        process.boot.iter_mut().for_each(|boot| forget(&mut boot.place));
        process.silence.iter_mut().flat_map(Silence::places_mut).for_each(forget);
    }
}

fn forget_in_source(source: &mut LogSource, forget: impl Fn(&mut Place)) {
    let unparsed = source.explanation.iter_mut().flat_map(|explanation| &mut explanation.unparsed);
    unparsed.for_each(|unparsed| forget(&mut unparsed.place));
}

fn forget_in_template(template: &mut Template, forget: impl Fn(&mut Place)) {
    forget(&mut template.place);
    template.place_in_window.iter_mut().for_each(&forget);
    template.silence.iter_mut().flat_map(Silence::places_mut).for_each(forget);
}
