//! Which record is whose, and which ones are complete, where records are handed out one by one.

use super::Stream;
use super::waiting::Waiting;
use crate::collector::Collector;
use crate::records::Item;

impl Stream {
    /// Numbers a record that begins.
    pub(crate) fn begin_item(&mut self, collector: &mut Collector<'_>) -> Option<Item> {
        self.last.item = collector.next_item(self.index);
        self.last.item
    }

    /// Numbers a stack that no record carries.
    pub(crate) fn item_of_stack(&self, collector: &mut Collector<'_>) -> Option<Item> {
        collector.next_item(self.index)
    }

    /// The record that began last.
    pub(crate) fn last_item(&self) -> Option<Item> {
        self.last.item
    }

    /// The first record that a stack under assembly, or one that waits for its time, belongs to.
    pub(crate) fn oldest_held(&self) -> Option<Item> {
        let open = self.open.iter().chain(&self.interleaved).map(|open| open.carrier.item);
        let waiting = self.waiting.iter().map(|waiting| match waiting {
            Waiting::Tree(_, carrier) | Waiting::Dump(_, carrier) => carrier.item,
            Waiting::Fact(..) => None,
        });
        open.chain(waiting).flatten().min_by_key(|item| item.number)
    }
}
