//! What becomes of a traceback or dump that is complete, or given up.

use pycoroner_findings::{GapKind, Timestamp};

use super::open::{Open, OpenStack};
use super::waiting::{Waiting, between};
use super::{MAX_WAITING, Stream, TORN_LINES};
use crate::collector::Collector;

impl Stream {
    /// Finishes what was open.
    pub(super) fn close(&mut self, open: Open, torn: bool, line: u64, collector: &mut Collector<'_>) {
        let Open { stack, carrier, is_dated, charged, .. } = open;
        collector.open_bytes = collector.open_bytes.saturating_sub(charged);
        match stack {
            OpenStack::Traceback(mut builder) => {
                builder.take_name_in_front();
                let torn = torn && !builder.is_complete();
                if torn {
                    self.torn_until = line + TORN_LINES;
                }
                if !builder.has_content() {
                    let why =
                        "the log ends behind it, or others follow of which none can be told to belong to it";
                    collector.add_gap_at(
                        GapKind::Truncated,
                        "the traceback behind a header",
                        why,
                        carrier.place,
                    );
                    return;
                }
                if builder.hit_limit {
                    let why = "it is longer than a scan keeps of one traceback";
                    collector.add_gap_at(GapKind::Limit, "the rest of a traceback", why, carrier.place);
                }
                let exceptions = builder.finish();
                if is_dated {
                    collector.add_tree(exceptions, &carrier);
                } else {
                    self.wait(Waiting::Tree(exceptions, carrier), charged, collector);
                }
            }
            OpenStack::Dump(builder) => {
                if !builder.has_content() {
                    return;
                }
                let dump = builder.finish();
                if is_dated {
                    collector.add_dump(dump, &carrier);
                } else {
                    self.wait(Waiting::Dump(Box::new(dump), carrier), charged, collector);
                }
            }
        }
    }

    pub(super) fn wait(&mut self, waiting: Waiting, charged: usize, collector: &mut Collector<'_>) {
        if self.waiting.len() >= MAX_WAITING || self.waiting_bytes + charged > collector.room() {
            self.settle(None, collector);
        }
        self.waiting.push(waiting);
        self.waiting_bytes += charged;
        collector.open_bytes += charged;
    }

    /// Dates what waits, between the last record and the next.
    ///
    /// A dump and a fact take the next record's time: it is the reaction to a death, while the last record before it
    /// may be hours old. A traceback takes the last record's.
    pub(crate) fn settle(&mut self, next: Option<Timestamp>, collector: &mut Collector<'_>) {
        collector.open_bytes = collector.open_bytes.saturating_sub(std::mem::take(&mut self.waiting_bytes));
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Tree(exceptions, mut carrier) => {
                    carrier.stamp = between(carrier.stamp.or(next), carrier.stamp, next);
                    collector.add_tree(exceptions, &carrier);
                }
                Waiting::Dump(dump, mut carrier) => {
                    carrier.stamp = between(next.or(carrier.stamp), carrier.stamp, next);
                    collector.add_dump(*dump, &carrier);
                }
                Waiting::Fact(fact, mut carrier) => {
                    carrier.stamp = between(next.or(carrier.stamp), carrier.stamp, next);
                    collector.add_event(*fact, &carrier);
                }
            }
        }
    }
}
