//! Snapshots as [`tracemalloc.Snapshot.dump`](https://docs.python.org/3.13/library/tracemalloc.html#tracemalloc.Snapshot.dump)
//! writes them: pickles, which are read and never loaded.
//!
//! A trace is `(domain, size, frames)`, since 3.9 with the number of frames that there were before the limit cut them
//! off; frames are `(file name, line)`, innermost first (`Lib/tracemalloc.py` and `Python/tracemalloc.c`, v3.6.0 to
//! v3.13.0).

use std::collections::{BTreeMap, HashMap};

use pycoroner_findings::{Citation, Gap, GapKind, SourceId, Span};

use crate::document::{
    AllocationProfile, AllocationSite, Counted, DomainBytes, Export, StackFrame, StackShare, Telemetry,
};
use crate::findings::allocations;
use crate::format::ExportFormat;
use crate::head::Head;
use crate::pickle::{Pickle, Refusal, Store, Value, run};

/// The classes of a snapshot, and their numbers.
const CLASSES: &[(&str, &str)] = &[("tracemalloc", "Snapshot"), ("tracemalloc", "_Traces")];
const SNAPSHOT: u8 = 0;
const TRACES: u8 = 1;
/// Sites that are kept, those with the most bytes.
const MOST_SITES: usize = 50;
/// Frames that are kept of one site; tracemalloc keeps one unless it is told otherwise.
const MOST_FRAMES: usize = 64;
/// The names of the first class stand in this many bytes of a snapshot.
const HEAD: usize = 64;

/// Whether bytes are the beginning of a pickle, protocols 2 to 5.
pub(crate) fn is_pickle(head: &[u8]) -> bool {
    matches!(head, [0x80, 2..=5, first, ..] if !first.is_ascii_control() || *first == 0x95)
}

/// Whether bytes are the beginning of a pickle whose first class is a snapshot.
pub(crate) fn is_snapshot(head: &Head<'_>) -> bool {
    let head = head.bytes.get(..HEAD).unwrap_or(head.bytes);
    let has = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
    is_pickle(head) && (has(b"ctracemalloc\nSnapshot\n") || has(b"tracemalloc\x94\x8c\x08Snapshot"))
}

/// Reads a snapshot: the sites that hold the most memory, and the exact totals of all.
pub(crate) fn read_snapshot(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let Pickle { store, result } = run(bytes, CLASSES);
    let (traces, limit) = match found(&store, result, source) {
        Ok(found) => found,
        Err(gap) => {
            let is_cut = gap.kind == GapKind::Truncated;
            telemetry.gaps.push(*gap);
            if !is_cut {
                return telemetry;
            }
            (store.longest_list(), None)
        }
    };
    let sums = Sums::of(&store, traces);
    if sums.malformed > 0 {
        let what = format!("{} of {} traces", sums.malformed, traces.len());
        telemetry.gaps.push(Gap::new(GapKind::Corrupt, what, "they are no traces of tracemalloc"));
    }
    let profile = sums.profile(source, limit);
    telemetry.exports.push(Export::of(source, ExportFormat::Tracemalloc, traces.len(), &[]));
    telemetry.allocations = sums.sites(&store, source);
    telemetry.findings.extend(allocations::largest_site(&profile, &telemetry.allocations));
    telemetry.profiles.push(profile);
    telemetry
}

/// The traces and the limit of frames, or why there are none.
fn found<'s>(
    store: &'s Store<'_>,
    result: Result<Value, Refusal>,
    source: SourceId,
) -> Result<(&'s [Value], Option<u64>), Box<Gap>> {
    match result {
        Ok(root) => members(store, root).ok_or_else(|| {
            let why = "it is no tracemalloc.Snapshot with traces";
            Box::new(Gap::new(GapKind::Unknown, "all of the snapshot", why))
        }),
        Err(refusal) if refusal.is_cut() => Err(Box::new(cut(&refusal, source))),
        Err(refusal) => Err(Box::new(refused(&refusal, source))),
    }
}

/// The traces and the limit of frames of a whole snapshot.
fn members<'s>(store: &'s Store<'_>, root: Value) -> Option<(&'s [Value], Option<u64>)> {
    let traces = store.attribute(root, SNAPSHOT, "traces")?;
    let traces = store.list(store.attribute(traces, TRACES, "_traces")?)?;
    let limit = store.attribute(root, SNAPSHOT, "traceback_limit").and_then(|limit| store.int(limit));
    Some((traces, limit.and_then(|limit| u64::try_from(limit).ok())))
}

fn cut(refusal: &Refusal, source: SourceId) -> Gap {
    let what = "the rest of the snapshot's traces";
    Gap::new(GapKind::Truncated, what, refusal.to_string())
        .at(cite(source, refusal.offset, 1))
        .remedy("copy the file again, whole; the sums are those of the traces before the cut")
}

fn refused(refusal: &Refusal, source: SourceId) -> Gap {
    Gap::new(GapKind::Unknown, "all of the snapshot", refusal.to_string()).at(cite(source, refusal.offset, 1)).remedy(
        "dump a plain snapshot: tracemalloc.take_snapshot().dump(path); other pickles are not read, as loading one runs what it names",
    )
}

fn cite(source: SourceId, offset: u64, len: u64) -> Citation {
    Citation::new(source, Span::Bytes { offset, len, address: None })
}

/// File name and line of a frame.
type Line<'a> = (&'a [u8], i64);

/// Bytes and blocks of all traces that share something.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    bytes: u64,
    blocks: u64,
}

impl Share {
    fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.blocks += other.blocks;
    }
}

/// One traceback, and what was allocated with it.
#[derive(Clone, Copy, Debug)]
struct Traceback {
    /// The tuple of its frames.
    frames: Value,
    /// Its first trace, which is cited for it.
    trace: Value,
    share: Share,
}

/// What the traces sum up to.
#[derive(Debug, Default)]
struct Sums {
    total: Share,
    domains: BTreeMap<u64, Share>,
    tracebacks: Vec<Traceback>,
    /// Traces whose traceback had more frames than were kept.
    cut: u64,
    malformed: u64,
    /// The bytes of the file that hold all traces.
    range: Option<(u32, u32)>,
}

impl Sums {
    fn of(store: &Store<'_>, traces: &[Value]) -> Self {
        let mut sums = Self::default();
        // Equal tracebacks are one tuple in all that tracemalloc writes; others meet again by line.
        let mut rows: HashMap<u32, usize, rustc_hash::FxBuildHasher> = HashMap::default();
        for trace in traces {
            let Some((domain, size, frames, depth)) = fields(store, *trace) else {
                sums.malformed += 1;
                continue;
            };
            let share = Share { bytes: size, blocks: 1 };
            sums.total.add(share);
            sums.domains.entry(domain).or_default().add(share);
            let Value::Tuple(row) = frames else { continue };
            let next = sums.tracebacks.len();
            let place = *rows.entry(row).or_insert(next);
            if place == next {
                sums.tracebacks.push(Traceback { frames, trace: *trace, share: Share::default() });
            }
            if let Some(traceback) = sums.tracebacks.get_mut(place) {
                traceback.share.add(share);
            }
            let kept = store.items(frames).map_or(0, <[Value]>::len);
            sums.cut += u64::from(depth.is_some_and(|depth| depth > kept as u64));
            if let Some(row) = store.tuple(*trace) {
                let (start, end) = sums.range.unwrap_or((row.start, row.end));
                sums.range = Some((start.min(row.start), end.max(row.end)));
            }
        }
        sums
    }

    fn profile(&self, source: SourceId, limit: Option<u64>) -> AllocationProfile {
        let (start, end) = self.range.unwrap_or_default();
        let share = |(domain, share): (&u64, &Share)| DomainBytes {
            domain: *domain,
            bytes: share.bytes,
            blocks: share.blocks,
        };
        AllocationProfile {
            tool: "tracemalloc".to_owned(),
            counted: Counted::Live,
            bytes: Some(self.total.bytes),
            blocks: Some(self.total.blocks),
            peak_bytes: None,
            pid: None,
            traceback_limit: limit,
            cut_tracebacks: Some(self.cut).filter(|cut| *cut > 0),
            domains: self.domains.iter().map(share).collect(),
            citation: cite(source, u64::from(start), u64::from(end.saturating_sub(start))),
        }
    }

    /// The sites by falling bytes: all tracebacks with the same innermost line are one.
    fn sites(&self, store: &Store<'_>, source: SourceId) -> Vec<AllocationSite> {
        let mut lines: HashMap<Line<'_>, (Share, Vec<&Traceback>)> = HashMap::new();
        for traceback in &self.tracebacks {
            let line =
                frame(store, store.items(traceback.frames).and_then(<[Value]>::first)).unwrap_or_default();
            let (share, tracebacks) = lines.entry(line).or_default();
            share.add(traceback.share);
            tracebacks.push(traceback);
        }
        let mut lines: Vec<_> = lines.into_iter().collect();
        lines.sort_unstable_by(|(left_line, (left, _)), (right_line, (right, _))| {
            right.bytes.cmp(&left.bytes).then_with(|| left_line.cmp(right_line))
        });
        lines.truncate(MOST_SITES);
        lines
            .into_iter()
            .filter_map(|(_, (share, tracebacks))| site(store, source, share, &tracebacks))
            .collect()
    }
}

/// Domain, size, frames and depth of a trace; before 3.6 there was no domain, before 3.9 no depth.
fn fields(store: &Store<'_>, trace: Value) -> Option<(u64, u64, Value, Option<u64>)> {
    let number = |value: Value| store.int(value).and_then(|number| u64::try_from(number).ok());
    let (domain, size, frames, depth) = match *store.items(trace)? {
        [domain, size, frames, depth] => (domain, size, frames, Some(depth)),
        [domain, size, frames] => (domain, size, frames, None),
        _ => return None,
    };
    // A depth that is None was not counted.
    Some((number(domain)?, number(size)?, frames, depth.and_then(number)))
}

/// File name and line of a frame.
fn frame<'s>(store: &Store<'s>, frame: Option<&Value>) -> Option<Line<'s>> {
    match *store.items(*frame?)? {
        [file, line] => Some((store.text(file)?, store.int(line)?)),
        _ => None,
    }
}

/// A site with the frames that all its tracebacks share.
fn site(
    store: &Store<'_>,
    source: SourceId,
    share: Share,
    tracebacks: &[&Traceback],
) -> Option<AllocationSite> {
    let frames = |traceback: &Traceback| {
        let items = store.items(traceback.frames).unwrap_or_default();
        items
            .iter()
            .take(MOST_FRAMES)
            .map(|item| frame(store, Some(item)).unwrap_or_default())
            .collect::<Vec<_>>()
    };
    // The first of equal ones, as the order of the file is all that is fixed.
    let heaviest = tracebacks.iter().rev().max_by_key(|traceback| traceback.share.bytes)?;
    let stack = frames(heaviest);
    let mut shared = stack.len();
    for traceback in tracebacks {
        let common = frames(traceback).iter().zip(&stack).take_while(|(left, right)| left == right).count();
        shared = shared.min(common);
    }
    let shown = |frames: &[Line<'_>]| {
        let frame = |(file, line): &Line<'_>| StackFrame {
            function: String::new(),
            file: Some(String::from_utf8_lossy(file).into_owned()),
            line: u64::try_from(*line).ok(),
        };
        frames.iter().map(frame).collect::<Vec<_>>()
    };
    let row = store.tuple(heaviest.trace)?;
    let others = tracebacks.len() > 1 && shared < stack.len();
    Some(AllocationSite {
        frames: shown(stack.get(..shared)?),
        bytes: Some(share.bytes),
        blocks: Some(share.blocks),
        growth: None,
        growth_bytes: None,
        type_name: None,
        counted: Counted::Live,
        heaviest: others.then(|| StackShare {
            frames: shown(&stack),
            bytes: heaviest.share.bytes,
            blocks: heaviest.share.blocks,
        }),
        citation: cite(source, u64::from(row.start), u64::from(row.end.saturating_sub(row.start))),
    })
}
