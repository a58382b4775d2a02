//! Records that are kept for the list of warnings, or handed out one by one.

use super::Collector;
use crate::header::Header;
use crate::records::Item;
use crate::stream::{LineContext, Stream};

impl Collector<'_> {
    /// A number for a record that begins, where records are handed out.
    pub(crate) fn next_item(&mut self, stream: usize) -> Option<Item> {
        self.assembly.as_mut().map(|assembly| assembly.next_item(stream))
    }

    /// Hands a record on, to be handed out when it is complete.
    pub(crate) fn begin_record(&mut self, stream: &mut Stream, header: &Header<'_>, context: &LineContext) {
        let item = stream.begin_item(self);
        if let (Some(assembly), Some(item)) = (&mut self.assembly, item) {
            assembly.begin(item, stream.producer.as_deref(), header, context);
        }
    }

    /// Adds a further line to the last record of a producer, when that is kept or handed out.
    pub(crate) fn further_line(&mut self, stream: &Stream, line: &[u8], context: &LineContext) {
        if let (Some(assembly), Some(item)) = (&mut self.assembly, stream.last_item()) {
            assembly.further_line(item, line, context);
        } else if let Some(number) = stream.kept {
            self.warnings.extend(number, line, context);
        }
    }
}
