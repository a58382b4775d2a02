use std::collections::BTreeMap;

use csv::{ByteRecord, Position, ReaderBuilder};
use pycoroner_findings::{Citation, Gap, GapKind, SourceId, Span};

use super::frame;
use crate::document::{
    AllocationProfile, AllocationSite, Counted, Export, StackFrame, StackShare, Telemetry,
};
use crate::findings::allocations;
use crate::format::ExportFormat;
use crate::head::Head;

/// The header of the rows.
const HEADER: &[u8] = b"allocator,num_allocations,size,tid,thread_name,stack_trace";
/// Sites that are kept, those with the most bytes.
const MOST_SITES: usize = 50;
const MOST_FRAMES: usize = 500;

/// Whether a file is what `memray transform csv` writes.
pub(crate) fn is_rows(head: &Head<'_>) -> bool {
    head.lines().next() == Some(HEADER)
}

/// Stacks with the same innermost frame.
type Group<'a> = Vec<(&'a [u8], &'a Share)>;

/// What was allocated with one stack.
#[derive(Clone, Debug)]
struct Share {
    bytes: u64,
    blocks: u64,
    /// The first row that says so.
    citation: Citation,
}

/// Reads the sites with the most bytes. The file does not say whether the rows are those of the peak or of leaks.
pub(crate) fn read_rows(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let (stacks, rows) = stacks(bytes, source, &mut telemetry.gaps);
    let add = |sum: u64, more: u64| sum.saturating_add(more);
    let profile = AllocationProfile {
        tool: "memray".to_owned(),
        counted: Counted::Unknown,
        bytes: Some(stacks.values().map(|share| share.bytes).fold(0, add)),
        blocks: Some(stacks.values().map(|share| share.blocks).fold(0, add)),
        peak_bytes: None,
        pid: None,
        traceback_limit: None,
        cut_tracebacks: None,
        domains: Vec::new(),
        citation: cite(source, 1, 0, bytes.len()),
    };
    telemetry.allocations = sites(&stacks);
    telemetry.exports.push(Export::of(source, ExportFormat::MemrayCsv, rows, &[]));
    telemetry.findings.extend(allocations::largest_site(&profile, &telemetry.allocations));
    telemetry.profiles.push(profile);
    telemetry
}

fn cite(source: SourceId, line: u64, offset: usize, len: usize) -> Citation {
    let span = Span::Lines { first: line, last: line, offset: offset as u64, len: len as u64 };
    Citation::new(source, span)
}

/// The sums of each stack, innermost frame first, and the number of rows.
fn stacks(bytes: &[u8], source: SourceId, gaps: &mut Vec<Gap>) -> (BTreeMap<Vec<u8>, Share>, usize) {
    let mut stacks: BTreeMap<Vec<u8>, Share> = BTreeMap::new();
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(bytes);
    let (mut record, mut rows, mut odd) = (ByteRecord::new(), 0, None::<(u64, Citation)>);
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            // Rows are bytes, of any number of fields: only reading itself could fail, and bytes do not.
            Err(error) => {
                gaps.push(Gap::new(GapKind::Corrupt, "the rest of the rows", error.to_string()));
                break;
            }
        }
        rows += 1;
        let end = reader.position().byte() as usize;
        let start = record.position().map_or(1, Position::line);
        let offset = record.position().map_or(0, Position::byte) as usize;
        let citation = cite(source, start, offset, end.saturating_sub(offset));
        let number = |field: usize| std::str::from_utf8(record.get(field)?).ok()?.parse::<u64>().ok();
        let (Some(blocks), Some(bytes), Some(stack)) = (number(1), number(2), record.get(5)) else {
            let (count, first) = odd.unwrap_or((0, citation));
            odd = Some((count + 1, first));
            continue;
        };
        if let Some(share) = stacks.get_mut(stack) {
            share.bytes = share.bytes.saturating_add(bytes);
            share.blocks = share.blocks.saturating_add(blocks);
        } else {
            stacks.insert(stack.to_vec(), Share { bytes, blocks, citation });
        }
    }
    if let Some((count, citation)) = odd {
        let what = format!("{count} of {rows} rows");
        gaps.push(Gap::new(GapKind::Corrupt, what, "they do not have the columns of memray").at(citation));
    }
    (stacks, rows)
}

/// The sites by falling bytes: all stacks with the same innermost line are one.
fn sites(stacks: &BTreeMap<Vec<u8>, Share>) -> Vec<AllocationSite> {
    // The rows of one innermost frame stand together, as the stacks are sorted.
    let mut sites: Vec<(u64, Group<'_>)> = Vec::new();
    let innermost = |stack: &[u8]| stack.split(|byte| *byte == b'|').next().unwrap_or_default().to_vec();
    for (stack, share) in stacks {
        match sites
            .last_mut()
            .filter(|(_, group)| group.first().is_some_and(|(known, _)| innermost(known) == innermost(stack)))
        {
            Some((bytes, group)) => {
                *bytes = bytes.saturating_add(share.bytes);
                group.push((stack, share));
            }
            None => sites.push((share.bytes, vec![(stack, share)])),
        }
    }
    sites.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    sites.truncate(MOST_SITES);
    sites.iter().filter_map(|(bytes, group)| site(*bytes, group)).collect()
}

fn site(bytes: u64, group: &[(&[u8], &Share)]) -> Option<AllocationSite> {
    let (stack, heaviest) = group.iter().rev().max_by_key(|(_, share)| share.bytes)?;
    let stack = frames(stack);
    let common =
        |other: &[u8]| frames(other).iter().zip(&stack).take_while(|(left, right)| left == right).count();
    let shared = group.iter().map(|(other, _)| common(other)).min()?;
    let (share, others) = (*heaviest, shared < stack.len());
    Some(AllocationSite {
        frames: stack.get(..shared)?.to_vec(),
        bytes: Some(bytes),
        blocks: Some(group.iter().fold(0, |sum, (_, share)| sum.saturating_add(share.blocks))),
        growth: None,
        growth_bytes: None,
        type_name: None,
        counted: Counted::Unknown,
        heaviest: others.then_some(StackShare { frames: stack, bytes: share.bytes, blocks: share.blocks }),
        citation: share.citation.clone(),
    })
}

/// `function;file;line|function;file;line`, innermost first
fn frames(stack: &[u8]) -> Vec<StackFrame> {
    let text = String::from_utf8_lossy(stack);
    let one = |text: &str| {
        let mut parts = text.rsplitn(3, ';');
        let (line, file) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        parts.next().map_or_else(|| frame(text, "", ""), |function| frame(function, file, line))
    };
    text.split('|').take(MOST_FRAMES).map(one).collect()
}
