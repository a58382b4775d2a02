use pycoroner_findings::{Gap, GapKind, SourceId};

use crate::document::{AllocationSite, Counted, Export, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::place::cite_line;

/// Types of which any process has many.
const COMMON: [&str; 14] = [
    "function",
    "dict",
    "tuple",
    "list",
    "wrapper_descriptor",
    "builtin_function_or_method",
    "method_descriptor",
    "weakref",
    "ReferenceType",
    "getset_descriptor",
    "cell",
    "set",
    "type",
    "property",
];
/// Most lines that are read.
const MOST_TYPES: usize = 10_000;

/// Whether a file is what `show_most_common_types` and `show_growth` print, and nothing else.
pub(crate) fn is_counts(head: &Head<'_>) -> bool {
    let count = head.lines().count();
    let lines = || head.lines().take(count.saturating_sub(1).max(1)).filter(|line| !line.is_empty());
    let name = |line: &[u8]| std::str::from_utf8(line).ok().and_then(row).map(|(name, ..)| name.to_owned());
    lines().count() >= 2
        && lines().all(|line| name(line).is_some())
        && lines().filter_map(name).any(|name| COMMON.contains(&name.as_str()))
}

/// Reads how many objects of which types the collector tracked.
pub(crate) fn read_counts(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let (mut offset, mut odd) = (0, 0_u64);
    for (number, line) in (1_u64..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let citation = cite_line(source, number, offset, line);
        offset += line.len();
        let text = String::from_utf8_lossy(line);
        let Some((name, count, growth)) = row(text.trim_end()) else {
            odd += u64::from(!text.trim().is_empty());
            continue;
        };
        if telemetry.allocations.len() >= MOST_TYPES {
            let why = format!("{MOST_TYPES} lines are read of one file");
            telemetry.gaps.push(Gap::new(GapKind::Limit, "the rest of the types", why).at(citation));
            break;
        }
        telemetry.allocations.push(AllocationSite {
            frames: Vec::new(),
            bytes: None,
            blocks: Some(count),
            growth,
            growth_bytes: None,
            type_name: Some(name.to_owned()),
            counted: Counted::Live,
            heaviest: None,
            citation,
        });
    }
    if odd > 0 {
        let what = format!("{odd} lines of the counts");
        telemetry.gaps.push(Gap::new(GapKind::Unknown, what, "they are no counts of objgraph"));
    }
    telemetry.exports.push(Export::of(
        source,
        ExportFormat::ObjgraphCounts,
        telemetry.allocations.len(),
        &[],
    ));
    telemetry
}

/// `dict    1056`, or with its growth `dict   986   +986`
fn row(line: &str) -> Option<(&str, u64, Option<u64>)> {
    let mut words = line.split_ascii_whitespace();
    let (name, count, growth, more) = (words.next()?, words.next()?, words.next(), words.next());
    let is_name = name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && name.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '.' | '<' | '>'));
    let growth = match growth {
        Some(growth) => Some(growth.strip_prefix('+')?.parse().ok()?),
        None => None,
    };
    (is_name && more.is_none() && !line.starts_with([' ', '\t'])).then_some((
        name,
        count.parse().ok()?,
        growth,
    ))
}
