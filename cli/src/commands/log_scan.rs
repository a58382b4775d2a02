//! Scanning the logs among the evidence, and what they say about the time of a death.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use pycoroner_findings::{Gap, GapKind};
use pycoroner_logscan::{DeathComparison, Input, LogSource, Options, PartialReading, Reader, Scan, scan};

use crate::evidence::{Evidence, Item};
use crate::sniff::{self, Kind};

/// A log of up to so many bytes is turned round in memory, where its newest line stands first.
const MOST_TURNED: u64 = 1 << 20;

/// Threads to read logs on: as many as the machine has processors, unless the user says.
pub(super) fn jobs(asked: Option<NonZeroUsize>) -> usize {
    asked.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

/// When large logs are read in part, unless the user wants all of them.
pub(super) fn partial(whole_logs: bool) -> PartialReading {
    let usual = PartialReading::default();
    PartialReading { above: if whole_logs { u64::MAX } else { usual.above }, ..usual }
}

/// Scans all logs of the evidence, in its order; and once more where several processes died alike, for what those said
/// last.
pub(super) fn scan_logs(evidence: &Evidence, options: &Options) -> Scan {
    let items: Vec<&Item> = evidence.of(&Kind::Log).collect();
    let mut readers: Vec<LazyReader> = items.iter().map(|item| LazyReader::new(item.path.clone())).collect();
    let mut scan = scan(inputs(&items, &mut readers), options);
    if options.templates
        && let Some(deaths) = DeathComparison::of(&scan)
    {
        let last = deaths.read_last_records(inputs(&items, &mut readers), options);
        scan.separations = last.compare(inputs(&items, &mut readers), options);
    }
    scan.gaps.extend(items.iter().zip(&scan.sources).filter_map(|(item, source)| changed(item, source)));
    scan
}

/// The logs, from their starts.
fn inputs<'r>(items: &[&Item], readers: &'r mut [LazyReader]) -> Vec<Input<'r>> {
    let input = |(item, reader): (&&Item, &'r mut LazyReader)| {
        reader.start_anew();
        // Only what stands on the disk as it is read can be read in part, or from its end.
        let is_file = item.bytes > MOST_TURNED && sniff::is_plain(&item.path).unwrap_or(false);
        Input {
            id: item.id,
            path: item.shown.clone(),
            modified: item.modified,
            continues: item.continues,
            reader: if is_file { Reader::File(reader) } else { Reader::Stream(reader) },
        }
    };
    items.iter().zip(readers).map(input).collect()
}

/// A file that others wrote to, or cut, while it was read.
fn changed(item: &Item, source: &LogSource) -> Option<Gap> {
    // Of a part, the scan says itself whether it was there.
    if source.part.is_some() || source.bytes == item.bytes || !sniff::is_plain(&item.path).unwrap_or(false) {
        return None;
    }
    let what = format!("what {} was when the work began", item.shown);
    let why = if source.bytes < item.bytes {
        format!("it was cut while it was read: {} of {} bytes were left", source.bytes, item.bytes)
    } else {
        format!("it grew while it was read: from {} bytes to {}", item.bytes, source.bytes)
    };
    let gap = Gap::new(GapKind::Truncated, what, why);
    Some(gap.remedy("copy the log first, and give the copy"))
}

/// Opens its file when it is first read and closes it at its end: a directory can hold more logs than may be open.
struct LazyReader {
    path: PathBuf,
    file: Option<Opened>,
    is_at_end: bool,
}

enum Opened {
    Stream(Box<dyn Read + Send>),
    /// Opened by a seek: what can be read from any place.
    Plain(File),
}

impl LazyReader {
    fn new(path: PathBuf) -> Self {
        Self { path, file: None, is_at_end: false }
    }

    fn start_anew(&mut self) {
        (self.file, self.is_at_end) = (None, false);
    }
}

impl Read for LazyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_at_end || buffer.is_empty() {
            return Ok(0);
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(Opened::Stream(sniff::open(&self.path)?)),
        };
        let count = match file {
            Opened::Stream(stream) => stream.read(buffer)?,
            Opened::Plain(file) => file.read(buffer)?,
        };
        if count == 0 {
            self.is_at_end = true;
            self.file = None;
        }
        Ok(count)
    }
}

impl Seek for LazyReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.is_at_end = false;
        if let Some(Opened::Plain(file)) = &mut self.file {
            return file.seek(to);
        }
        let mut file = File::open(&self.path)?;
        let at = file.seek(to)?;
        self.file = Some(Opened::Plain(file));
        Ok(at)
    }
}
