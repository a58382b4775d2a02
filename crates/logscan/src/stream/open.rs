//! One traceback or dump under assembly, and the lines that belong to it.

use super::LineContext;
use crate::collector::{Carrier, Collector};
use crate::dump::{DumpBuilder, FedDump};
use crate::prefix::Prefix;
use crate::traceback::{Delivery, Fed, TracebackBuilder};

/// A traceback or dump under assembly.
pub(super) struct Open {
    pub(super) stack: OpenStack,
    pub(super) carrier: Carrier,
    /// The time is the record's own, and not only near.
    pub(super) is_dated: bool,
    /// The producer inside the stream whose records carry the lines, as long as that may be.
    pub(super) key: Option<u64>,
    /// What stands in front of the header, and so perhaps in front of every line.
    pub(super) prefix: Option<Prefix>,
    /// Lines with the prefix were taken: no others belong to it.
    pub(super) is_prefixed: bool,
    /// Bytes that the collector counts for it.
    pub(super) charged: usize,
}

pub(super) enum OpenStack {
    Traceback(Box<TracebackBuilder>),
    Dump(Box<DumpBuilder>),
}

impl Open {
    pub(super) fn new(stack: OpenStack, carrier: Carrier, is_dated: bool) -> Self {
        Self { stack, carrier, is_dated, key: None, prefix: None, is_prefixed: false, charged: 0 }
    }

    /// Only the header was read: whether its lines have a prefix, and which, the next one will tell.
    pub(super) fn is_undecided(&self) -> bool {
        match &self.stack {
            OpenStack::Traceback(builder) => {
                (self.key.is_some() || self.prefix.is_some()) && !builder.has_content()
            }
            OpenStack::Dump(builder) => self.prefix.is_some() && !builder.has_threads(),
        }
    }

    /// Takes words in front of the header out of the prefix, which no other line has.
    pub(super) fn shorten_prefix(&mut self, line: &[u8]) {
        if let Some(shorter) = self.prefix.as_ref().and_then(|prefix| prefix.in_front_of_frame(line)) {
            self.prefix = Some(shorter);
        }
    }

    /// Offers a line as what one of the same writer's lines holds behind the prefix.
    pub(super) fn feed_prefixed(&mut self, line: &[u8]) -> Fed {
        match &mut self.stack {
            OpenStack::Traceback(builder) => builder.feed(line, Delivery::Prefixed),
            OpenStack::Dump(builder) => match builder.feed(line) {
                FedDump::Taken => Fed::Stack,
                FedDump::Done | FedDump::Another(_) => Fed::Done,
            },
        }
    }

    /// Takes the line into the place, and charges what the stack holds by now.
    pub(super) fn extend(&mut self, context: &LineContext, collector: &mut Collector<'_>) {
        let weight = match &self.stack {
            OpenStack::Traceback(builder) => builder.weight,
            OpenStack::Dump(builder) => builder.weight,
        };
        collector.open_bytes = (collector.open_bytes + weight).saturating_sub(self.charged);
        self.charged = weight;
        if self.carrier.place.source != context.source {
            // A rotated log goes on in its next file.
            self.carrier.rest.get_or_insert_with(|| context.place());
        }
        let place = match &mut self.carrier.rest {
            Some(rest) => rest,
            None => &mut self.carrier.place,
        };
        place.include(context);
    }

    pub(super) fn is_complete(&self) -> bool {
        match &self.stack {
            OpenStack::Traceback(builder) => builder.is_complete(),
            OpenStack::Dump(_) => true,
        }
    }
}
