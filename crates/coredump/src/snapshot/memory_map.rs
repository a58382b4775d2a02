//! The mappings of a process, added up by what they were for.

use crate::address::Address;
use crate::elf::parse::{Core, Segment};
use crate::runtime::native_threads::stack_pointer;
use crate::runtime::process::DeadProcess;
use crate::snapshot::document::{MappingKind, MappingRow, MemoryRow, MemorySection};

/// Single mappings that are listed, the largest ones.
const MOST_MAPPINGS: usize = 12;

/// Adds up all mappings of the core.
pub(super) fn of_process(process: &DeadProcess<'_>) -> Option<MemorySection> {
    let core = process.core();
    if core.segments().is_empty() {
        return None;
    }
    let heap = heap(process);
    let stacks = stacks(core);
    let mut rows: Vec<MappingRow> = core
        .segments()
        .iter()
        .map(|segment| {
            let (kind, path) = kind_of(process, segment, heap, &stacks);
            MappingRow {
                kind,
                start: segment.address,
                bytes: segment.len,
                dumped_bytes: segment.present,
                path,
            }
        })
        .collect();
    let mut totals: Vec<MemoryRow> = Vec::new();
    for row in &rows {
        let at = totals.iter().position(|total| total.kind == row.kind);
        let at = at.unwrap_or_else(|| {
            totals.push(MemoryRow { kind: row.kind, mappings: 0, bytes: 0, dumped_bytes: 0 });
            totals.len() - 1
        });
        let Some(total) = totals.get_mut(at) else { continue };
        total.mappings += 1;
        total.bytes = total.bytes.saturating_add(row.bytes);
        total.dumped_bytes = total.dumped_bytes.saturating_add(row.dumped_bytes);
    }
    totals.sort_by_key(|total| (std::cmp::Reverse(total.bytes), total.kind));
    rows.sort_by_key(|row| (std::cmp::Reverse(row.bytes), row.start));
    rows.truncate(MOST_MAPPINGS);
    Some(MemorySection { totals, largest: rows })
}

fn kind_of(
    process: &DeadProcess<'_>,
    segment: &Segment,
    heap: Option<Address>,
    stacks: &[Address],
) -> (MappingKind, Option<String>) {
    let core = process.core();
    let within = |address: &Address| segment.address <= *address && *address < segment.end();
    if stacks.iter().any(within) {
        return (MappingKind::Stack, None);
    }
    let files = &core.notes().files;
    let after = files.partition_point(|file| file.start <= segment.address);
    let file =
        after.checked_sub(1).and_then(|index| files.get(index)).filter(|file| segment.address < file.end);
    let module = process.modules().find(|module| module.contains(segment.address));
    match (file, module) {
        (_, Some(module)) => (MappingKind::Module, Some(module.path.clone()).filter(|path| !path.is_empty())),
        (Some(file), None) => (MappingKind::File, Some(file.path.clone())),
        (None, None) if heap.is_some_and(|heap| within(&heap)) => (MappingKind::Heap, None),
        (None, None) if !segment.writable && !segment.executable => (MappingKind::Reserved, None),
        (None, None) => (MappingKind::Anonymous, None),
    }
}

/// Where `brk` memory begins: the first writable mapping without a file behind the executable. The kernel puts it
/// there, with a random distance (`arch_randomize_brk`).
fn heap(process: &DeadProcess<'_>) -> Option<Address> {
    const AT_ENTRY: u64 = 9;
    /// The random distance is at most this (arm64, Linux 6.6: 1 GiB; x86: 32 MiB).
    const FARTHEST: u64 = 1 << 30;
    let core = process.core();
    let &(_, entry) = core.notes().auxv.iter().find(|(kind, _)| *kind == AT_ENTRY)?;
    let executable = process.modules().find(|module| module.contains(Address(entry)))?;
    let named = |segment: &Segment| {
        core.notes().files.iter().any(|file| file.start <= segment.address && segment.address < file.end)
    };
    let behind = core.segments().iter().filter(|segment| segment.address >= executable.end);
    let first =
        behind.filter(|segment| segment.writable && !named(segment)).map(|segment| segment.address).next()?;
    (first.0 - executable.end.0 <= FARTHEST).then_some(first)
}

fn stacks(core: &Core<'_>) -> Vec<Address> {
    core.notes().threads.iter().filter_map(|thread| stack_pointer(core.machine(), thread)).collect()
}
