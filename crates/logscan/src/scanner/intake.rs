//! The sources one behind the other, and what one hands on to the next.

use pycoroner_findings::Timestamp;
use rustc_hash::FxHashMap;

use super::SourceScanner;
use crate::analysis::Lines;
use crate::collector::Collector;
use crate::envelope::Wrapping;
use crate::pipeline::Piece;
use crate::records::{Assembly, Record};
use crate::stream::Stream;

/// What the producers of a source have under assembly when it ends.
pub(crate) struct Carried {
    pub(super) wrapping: Option<Wrapping>,
    pub(super) streams: Vec<Stream>,
    pub(super) by_producer: FxHashMap<Vec<u8>, usize>,
    pub(super) last_stream: usize,
    pub(super) lines: u64,
    /// When the file was last written to.
    pub(super) end: Option<Timestamp>,
}

impl Default for Carried {
    fn default() -> Self {
        Self {
            wrapping: None,
            streams: vec![Stream::new(0, None)],
            by_producer: FxHashMap::default(),
            last_stream: 0,
            lines: 0,
            end: None,
        }
    }
}

impl Carried {
    /// Ends what is open: nothing continues it.
    pub(crate) fn finish(self, collector: &mut Collector<'_>) {
        for mut stream in self.streams {
            stream.finish(self.lines, self.end, collector);
        }
        if let Some(assembly) = &mut collector.assembly {
            assembly.end_streams();
        }
    }
}

/// Takes in the pieces of all sources, one behind the other.
pub(crate) struct Intake<'o> {
    /// An empty one stands here while a source is read, which has it.
    collector: Collector<'o>,
    scanner: Option<SourceScanner<'o>>,
    /// What the last source left open.
    carried: Option<Carried>,
}

impl<'o> Intake<'o> {
    pub(crate) fn new(collector: Collector<'o>) -> Self {
        Self { collector, scanner: None, carried: None }
    }

    pub(crate) fn take(&mut self, piece: &Piece, bytes: &[u8], lines: &Lines<'_>) {
        if let Some(start) = &piece.start {
            let empty = Collector::new(self.collector.options());
            let mut collector = std::mem::replace(&mut self.collector, empty);
            if !start.carries_on
                && let Some(carried) = self.carried.take()
            {
                carried.finish(&mut collector);
            }
            self.scanner = Some(SourceScanner::new(start, self.carried.take(), collector));
        }
        if let (Some(block), Some(scanner)) = (&piece.block, &mut self.scanner) {
            scanner.block(block, piece.shape, bytes, lines);
        }
        if let Some(end) = &piece.end
            && let Some(scanner) = self.scanner.take()
        {
            let error = end.error.as_ref().map(ToString::to_string);
            let (carried, collector) = scanner.finish(end.offset, error.as_deref());
            self.carried = Some(carried);
            self.collector = collector;
        }
    }

    /// What was found so far.
    pub(crate) fn collector(&self) -> &Collector<'o> {
        self.scanner.as_ref().map_or(&self.collector, |scanner| &scanner.collector)
    }

    /// Where the records go that are handed out.
    pub(crate) fn assembly(&mut self) -> Option<&mut Assembly> {
        let collector = self.scanner.as_mut().map_or(&mut self.collector, |scanner| &mut scanner.collector);
        collector.assembly.as_deref_mut()
    }

    /// The records that are complete.
    pub(crate) fn complete_records(&mut self) -> impl Iterator<Item = Record> + use<'o> {
        let (collector, streams) = match (&mut self.scanner, &self.carried) {
            (Some(scanner), _) => (&mut scanner.collector, scanner.streams.as_slice()),
            (None, Some(carried)) => (&mut self.collector, carried.streams.as_slice()),
            (None, None) => (&mut self.collector, &[][..]),
        };
        collector.assembly.as_mut().map(|assembly| assembly.complete(streams)).into_iter().flatten()
    }

    /// All that was found, once the last piece was taken in.
    pub(crate) fn finish(mut self) -> Collector<'o> {
        if let Some(carried) = self.carried.take() {
            carried.finish(&mut self.collector);
        }
        self.collector
    }
}
