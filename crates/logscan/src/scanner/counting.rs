//! What is counted of a record: its template, its rate, its writer, its request.

use super::SourceScanner;
use crate::dead_process::Said;
use crate::header::Header;
use crate::level::Level;
use crate::requests::{Mention, is_access_log};
use crate::stream::LineContext;
use crate::tally::{Moment, Sighting};
use crate::template::Named;
use crate::window::Position;

impl SourceScanner<'_> {
    /// Counts a record whose context holds its time, level and process.
    pub(super) fn count_message(
        &mut self,
        stream: usize,
        header: &Header<'_>,
        context: &LineContext,
        position: Position,
        named: Option<Named<'_>>,
    ) {
        let LineContext { stamp, pid, level, .. } = *context;
        let comparison = self.collector.comparison;
        let moment = comparison.map_or(Moment::Elsewhere, |comparison| comparison.moment(position, stamp));
        let place = context.place();
        let time = stamp.map(|stamp| stamp.time);
        let sighting = Sighting { time, moment, place, log: self.log };
        let templates = &mut self.collector.templates;
        let named = named.unwrap_or_else(|| templates.name(header.message, level));
        let name = named.name;
        templates.add(name, level, header.message, |tally| tally.add(&sighting));
        if let Some(id) = named.request(header.request_id) {
            let message = header.message;
            let is_access_log = is_access_log(header.format, message);
            let mention = Mention { id, time, level, pid, template: name, message, is_access_log, place };
            self.collector.requests.add(&mention);
        }
        if comparison.is_some() {
            if level >= Some(Level::Error) {
                self.collector.errors.add(&sighting);
            }
            self.count_writer(stream, header, context, &sighting);
        }
    }

    fn count_writer(
        &mut self,
        stream: usize,
        header: &Header<'_>,
        context: &LineContext,
        sighting: &Sighting,
    ) {
        let Some(anchor) = &self.collector.options().anchor else { return };
        let Some(state) = self.streams.get(stream) else { return };
        let said = Said {
            at: context.stamp,
            level: context.level,
            message: header.message,
            format: header.format,
            logger: header.logger,
            thread: header.thread,
            request_id: header.request_id,
            place: context.place(),
        };
        self.collector.writers.add(sighting, state.producer.as_deref(), context.pid, &said, anchor);
    }

    pub(super) fn keep_warning(
        &mut self,
        stream: usize,
        header: &Header<'_>,
        context: &LineContext,
        position: Position,
    ) {
        let is_handed_out = self.collector.assembly.is_some() || self.collector.look.is_some();
        if is_handed_out || self.collector.window.is_some() && position != Position::Inside {
            return;
        }
        let Some(state) = self.streams.get_mut(stream) else { return };
        state.kept = Some(self.collector.warnings.add(header, context, state.producer.as_deref()));
    }
}
