//! Puts records together from what the scan says of lines, and hands them on when nothing more can belong to them.
//!
//! A record is complete when the next one of its producer began and no stack is open that belongs to it, or to a
//! record in front of it: so the records of a producer stay in order. What waits is bounded; when the bound is met, all
//! that waits is handed on as it is.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Record, Text};
use crate::collector::Carrier;
use crate::document::Traceback;
use crate::header::Header;
use crate::lines::Buffer;
use crate::stream::{LineContext, Stream};

/// Bytes of all records that wait.
const MAX_WAITING_BYTES: usize = 16 << 20;
/// Bytes of one record's further lines.
const MAX_FURTHER_BYTES: usize = 1 << 20;

/// A record, or a stack that no record carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Index of its producer.
    pub(crate) stream: usize,
    /// Greater than the number of each item that began before it.
    pub(crate) number: u64,
}

/// The records that are not complete, or not yet fetched.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    numbers: u64,
    /// The block whose lines are taken in: texts share it.
    block: Option<Arc<Buffer>>,
    /// By producer.
    queues: Vec<Queue>,
    /// What may hold on to the block.
    touched: Vec<Item>,
    complete: Vec<(u64, Record)>,
    waiting_bytes: usize,
    /// Further lines of records that were handed on before.
    pub(crate) lost_lines: u64,
}

#[derive(Debug, Default)]
struct Queue {
    producer: Option<Arc<str>>,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    record: Record,
    /// Bytes that are counted for it.
    charged: usize,
    further_bytes: usize,
}

impl Assembly {
    pub(crate) fn next_item(&mut self, stream: usize) -> Item {
        self.numbers += 1;
        Item { stream, number: self.numbers }
    }

    /// The next lines are those of a block.
    pub(crate) fn share(&mut self, block: Option<Arc<Buffer>>) {
        self.block = block;
    }

    /// A record begins.
    pub(crate) fn begin(
        &mut self,
        item: Item,
        producer: Option<&str>,
        header: &Header<'_>,
        context: &LineContext,
    ) {
        let text = |bytes: &[u8]| (!bytes.is_empty()).then(|| self.text(bytes));
        let record = Record {
            time: context.stamp,
            level: context.level,
            logger: text(header.logger),
            thread: text(header.thread),
            request_id: text(header.request_id),
            pid: context.pid,
            producer: None,
            format: Some(header.format),
            message: self.text(&header.message_text()),
            further: Vec::new(),
            omitted_bytes: 0,
            place: context.place(),
            tracebacks: Vec::new(),
        };
        self.put(item, record, producer);
    }

    /// A line that belongs to a record and is no part of a stack.
    pub(crate) fn further_line(&mut self, item: Item, line: &[u8], context: &LineContext) {
        let text = line.trim_ascii_end();
        let text = if text.is_empty() { None } else { Some(self.text(text)) };
        let Some(Waiting { record, further_bytes, .. }) = self.waiting(item) else {
            self.lost_lines += 1;
            return;
        };
        if record.place.source != context.source {
            return;
        }
        record.place.include(context);
        if let Some(text) = text {
            *further_bytes += text.weight();
            if *further_bytes > MAX_FURTHER_BYTES {
                record.omitted_bytes += text.as_bytes().len() as u64;
            } else {
                record.further.push(text);
            }
        }
        self.touch(item);
    }

    /// A stack that is complete.
    pub(crate) fn add_stack(&mut self, entries: Vec<Traceback>, carrier: &Carrier) {
        let item = carrier.item.unwrap_or_else(|| self.next_item(0));
        if let Some(Waiting { record, .. }) = self.waiting(item) {
            record.tracebacks.push(entries);
            self.touch(item);
        } else {
            let record = Record::of_stack(entries, carrier);
            self.put(item, record, carrier.producer.as_deref());
        }
    }

    /// The records that are complete by what their producers have open.
    pub(crate) fn complete(&mut self, streams: &[Stream]) -> impl Iterator<Item = Record> + use<> {
        for (queue, stream) in self.queues.iter_mut().zip(streams) {
            let held = stream.oldest_held().map_or(u64::MAX, |item| item.number);
            let last = stream.last_item().map(|item| item.number);
            while let Some(first) = queue.waiting.front()
                && first.number < held
                && Some(first.number) != last
            {
                let Some(first) = queue.waiting.pop_front() else { break };
                self.waiting_bytes -= first.charged;
                self.complete.push((first.number, first.record));
            }
        }
        self.detach();
        if self.waiting_bytes > MAX_WAITING_BYTES {
            self.hand_on_all();
        }
        self.take_complete()
    }

    /// The records that were complete before.
    pub(crate) fn take_complete(&mut self) -> impl Iterator<Item = Record> + use<> {
        let mut complete = std::mem::take(&mut self.complete);
        complete.sort_by_key(|(number, _)| *number);
        complete.into_iter().map(|(_, record)| record)
    }

    /// Nothing continues the producers: all records are complete.
    pub(crate) fn end_streams(&mut self) {
        self.hand_on_all();
        self.queues.clear();
    }

    fn hand_on_all(&mut self) {
        let waiting = self.queues.iter_mut().flat_map(|queue| queue.waiting.drain(..));
        self.complete.extend(waiting.map(|waiting| (waiting.number, waiting.record)));
        self.waiting_bytes = 0;
    }

    /// What waits lets go of the block, which would be held by it for any time.
    fn detach(&mut self) {
        for item in std::mem::take(&mut self.touched) {
            let Some(waiting) = self.waiting(item) else { continue };
            waiting.record.detach();
            let weight = waiting.record.weight();
            let charged = std::mem::replace(&mut waiting.charged, weight);
            self.waiting_bytes = self.waiting_bytes - charged + weight;
        }
    }

    /// Puts a record into its place among those of its producer.
    fn put(&mut self, item: Item, mut record: Record, producer: Option<&str>) {
        if self.queues.len() <= item.stream {
            self.queues.resize_with(item.stream + 1, Queue::default);
        }
        self.touch(item);
        let Some(queue) = self.queues.get_mut(item.stream) else { return };
        if queue.producer.is_none() {
            queue.producer = producer.map(Arc::from);
        }
        record.producer.clone_from(&queue.producer);
        let waiting = Waiting { number: item.number, record, charged: 0, further_bytes: 0 };
        let at = queue.waiting.partition_point(|known| known.number < item.number);
        queue.waiting.insert(at, waiting);
    }

    fn waiting(&mut self, item: Item) -> Option<&mut Waiting> {
        let waiting = &mut self.queues.get_mut(item.stream)?.waiting;
        let at = waiting.binary_search_by_key(&item.number, |waiting| waiting.number).ok()?;
        waiting.get_mut(at)
    }

    fn touch(&mut self, item: Item) {
        if self.touched.last() != Some(&item) {
            self.touched.push(item);
        }
    }

    /// Shares the bytes where they are the block's, and copies them where they are not.
    fn text(&self, bytes: &[u8]) -> Text {
        let shared = self.block.as_ref().and_then(|block| Text::within(block, bytes));
        shared.unwrap_or_else(|| Text::copy_of(bytes))
    }
}
