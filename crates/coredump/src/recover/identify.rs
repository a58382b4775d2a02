//! Which CPython it was, told by its code objects alone.
//!
//! All columns are tried on places that look like code objects. One is taken only when nearly all of those places
//! agree on the types that they have, and when no other version explains them as well; what the file names say
//! (`lib/python3.12/`) decides between versions whose code objects look alike.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::layout::Layout;
use crate::layout::columns::{SHIPPED, Shipped};
use crate::layout::debug_offsets::{DebugOffsets, version_text};
use crate::recover::Unrecovered;
use crate::recover::dumped::pages;
use crate::recover::shape::{CodeShape, CoreTypes};
use crate::runtime::locate;
use crate::runtime::process::DeadProcess;

/// Enough likely code objects to decide by.
const ENOUGH: usize = 600;
/// Fewer than this decide nothing.
const TOO_FEW: usize = 24;
/// Fewer file names than this say nothing about the version.
const FEW_PATHS: usize = 8;
/// Code objects start at multiples of this: the alignment of pymalloc and of every `malloc` on 64 bits.
const ALIGNMENT: usize = 16;

/// A version that explains what the core holds.
pub(super) struct Identified {
    /// Its column.
    pub(super) shipped: &'static Shipped,
    /// Its numbers.
    pub(super) layout: Layout,
    /// The types that nearly all code objects have.
    pub(super) types: CoreTypes,
    /// What it rests on, in words.
    pub(super) because: Vec<String>,
}

/// A place that looks like a code object.
struct Sample<'d> {
    bytes: &'d [u8],
    types: CoreTypes,
    file: Vec<u8>,
}

/// Tells the version. What `_Py_DebugOffsets` states goes before everything, where it is still there.
pub(super) fn identify(
    process: &DeadProcess<'_>,
    stated: Option<&DebugOffsets>,
) -> Result<Identified, Unrecovered> {
    let machine = process.core().machine();
    let fits = |shipped: &&Shipped| stated.is_none_or(|stated| stated.is_of(shipped));
    let layout = |shipped: &Shipped| {
        let mut layout = Layout::new(&shipped.column_on(machine, stated.map(DebugOffsets::patch)));
        if let Some(stated) = stated {
            stated.apply(&mut layout);
        }
        layout
    };
    let mut columns: Vec<_> = SHIPPED.iter().filter(fits).map(|shipped| (shipped, layout(shipped))).collect();
    // A version that the names of mapped files state is the only one that can be.
    let is_stated = |shipped: &Shipped| locate::paths_mention(process, shipped.version);
    if columns.iter().any(|(shipped, _)| is_stated(shipped)) {
        columns.retain(|(shipped, _)| is_stated(shipped));
    }
    let mut tried: Vec<CodeShape> = Vec::new();
    for (_, layout) in &columns {
        let Some(shape) = CodeShape::of(layout).filter(|shape| !tried.contains(shape)) else { continue };
        tried.push(shape);
        let samples = samples(process, layout, &shape);
        if let Some((types, agreeing)) = majority(&samples) {
            let mut identified = decide(process, columns, samples, types, agreeing)?;
            identified.because.extend(
                stated.map(|stated| format!("_Py_DebugOffsets states {}", version_text(stated.version))),
            );
            return Ok(identified);
        }
    }
    Err(Unrecovered::NoCode)
}

fn samples<'p>(process: &'p DeadProcess<'_>, layout: &Layout, shape: &CodeShape) -> Vec<Sample<'p>> {
    let space = process.space();
    let mut samples = Vec::new();
    for page in pages(process.core()) {
        for at in (0..page.bytes.len()).step_by(ALIGNMENT) {
            let Some(bytes) = page.onward.get(at..) else { continue };
            if let Some(found) = shape.matches(&space, layout, bytes) {
                samples.push(Sample { bytes, types: found.types, file: found.file });
            }
        }
        if samples.len() >= ENOUGH {
            break;
        }
    }
    samples
}

/// The types that nine of ten samples have, and how many have them.
fn majority(samples: &[Sample<'_>]) -> Option<(CoreTypes, usize)> {
    let mut votes: FxHashMap<CoreTypes, usize> = FxHashMap::default();
    for sample in samples {
        *votes.entry(sample.types).or_default() += 1;
    }
    let (types, agreeing) = votes.into_iter().max_by_key(|&(types, count)| (count, types))?;
    (agreeing >= TOO_FEW && agreeing * 10 >= samples.len() * 9).then_some((types, agreeing))
}

fn decide(
    process: &DeadProcess<'_>,
    columns: Vec<(&'static Shipped, Layout)>,
    samples: Vec<Sample<'_>>,
    types: CoreTypes,
    agreeing: usize,
) -> Result<Identified, Unrecovered> {
    let space = process.space();
    let samples: Vec<_> = samples.into_iter().filter(|sample| sample.types == types).collect();
    let explains = |layout: &Layout| {
        let Some(shape) = CodeShape::of(layout) else { return false };
        let fits = |sample: &&Sample<'_>| {
            shape.matches(&space, layout, sample.bytes).is_some_and(|found| found.types == types)
        };
        samples.iter().filter(fits).count() * 10 >= samples.len() * 9
    };
    let mut fitting: Vec<_> = columns.into_iter().filter(|(_, layout)| explains(layout)).collect();
    let mut because = vec![format!("{agreeing} code objects share the type at {}", types.code)];
    if let Some(Stated { minor, count, total }) = stated_by_paths(&samples)
        && total >= FEW_PATHS
        && count * 10 >= total * 9
    {
        because.push(format!(
            "{count} of {total} file names of the standard library say {}.{}",
            minor.0, minor.1
        ));
        fitting.retain(|(shipped, _)| shipped.version == minor);
        if fitting.is_empty() {
            return Err(Unrecovered::Contradiction(minor));
        }
    }
    let versions: Vec<_> = fitting.iter().map(|(shipped, _)| shipped.version).collect();
    match fitting.into_iter().next() {
        Some((shipped, layout)) if versions.iter().all(|&version| version == shipped.version) => {
            Ok(Identified { shipped, layout, types, because })
        }
        _ => Err(Unrecovered::Ambiguous(versions)),
    }
}

/// What file names say about the version.
struct Stated {
    /// What most of them say.
    minor: (u8, u8),
    /// How many say that.
    count: usize,
    /// How many name any version.
    total: usize,
}

fn stated_by_paths(samples: &[Sample<'_>]) -> Option<Stated> {
    let mut votes: BTreeMap<(u8, u8), usize> = BTreeMap::new();
    for minor in samples.iter().filter_map(|sample| minor_in(&sample.file)) {
        *votes.entry(minor).or_default() += 1;
    }
    let total = votes.values().sum();
    let (minor, count) = votes.into_iter().max_by_key(|&(_, count)| count)?;
    Some(Stated { minor, count, total })
}

/// `(3, 12)` for a path with a folder `python3.12`, or `python312.zip`'s like.
fn minor_in(path: &[u8]) -> Option<(u8, u8)> {
    let path = std::str::from_utf8(path).ok()?;
    path.split('/').find_map(|folder| {
        let minor = folder.strip_prefix("python3.")?;
        let minor = minor.strip_suffix(['t', 'd']).unwrap_or(minor);
        Some((3, minor.parse().ok()?))
    })
}
