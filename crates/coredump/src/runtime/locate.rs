//! Where `_PyRuntime` may be.

use memchr::memmem;

use crate::address::{Address, Ptr};
use crate::elf::module_file::ModuleFile;
use crate::elf::modules::{self, Module};
use crate::layout::debug_offsets::COOKIE;
use crate::layout::member::RuntimeState;
use crate::runtime::native_threads::stack_pointer;
use crate::runtime::process::DeadProcess;

/// How the runtime was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LocatedBy {
    /// By the symbol `_PyRuntime` of a module's file (3.6: `interp_head`).
    Symbol,
    /// By the section `.PyRuntime` of a module's file (3.13+).
    Section,
    /// By the cookie with which `_Py_DebugOffsets` begins (3.13+).
    Cookie,
    /// By a word that points at an interpreter state whose first thread points back.
    Scan,
    /// Not at all: its memory is lost, and what is left was recovered by its shape.
    Recovered,
}

/// A place where the runtime may be; verification decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) runtime: Ptr<RuntimeState>,
    pub(crate) located_by: LocatedBy,
}

/// Places that a symbol names, in the order of the modules.
pub(crate) fn by_symbol<'p>(process: &'p DeadProcess<'_>) -> impl Iterator<Item = Candidate> + 'p {
    let target = process.core().target();
    likely_first(process).into_iter().filter(|file| may_hold_python(&file.module)).filter_map(move |file| {
        let address = modules::symbol_address(file.bytes(target)?, file.module.bias?, "_PyRuntime")?;
        Some(Candidate { runtime: Ptr::new(address)?, located_by: LocatedBy::Symbol })
    })
}

/// Places of the list of interpreters of 3.6, which has no `_PyRuntime`.
pub(crate) fn by_list_symbol<'p>(process: &'p DeadProcess<'_>) -> impl Iterator<Item = Candidate> + 'p {
    let target = process.core().target();
    let named = |file: &&ModuleFile| file.module.name().contains("python") && may_hold_python(&file.module);
    likely_first(process).into_iter().filter(named).filter_map(move |file| {
        let address = modules::symbol_address(file.bytes(target)?, file.module.bias?, "interp_head")?;
        Some(Candidate { runtime: Ptr::new(address)?, located_by: LocatedBy::Symbol })
    })
}

/// Places where a section for the runtime begins: a program that embeds Python need not export its symbols
/// (`GENERATE_DEBUG_SECTION` of `Include/internal/pycore_debug_offsets.h` at v3.14.10).
pub(crate) fn by_section<'p>(process: &'p DeadProcess<'_>) -> impl Iterator<Item = Candidate> + 'p {
    let target = process.core().target();
    likely_first(process).into_iter().filter(|file| may_hold_python(&file.module)).filter_map(move |file| {
        let address = modules::section_address(file.bytes(target)?, file.module.bias?, ".PyRuntime")?;
        Some(Candidate { runtime: Ptr::new(address)?, located_by: LocatedBy::Section })
    })
}

/// The memory that is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    /// Writable memory of the modules, the likely ones first.
    Modules,
    /// Other writable memory, for cores that do not say which modules were loaded.
    Unnamed,
}

/// Places where the cookie stands in writable memory.
pub(crate) fn by_cookie<'p>(
    process: &'p DeadProcess<'_>,
    area: Area,
) -> impl Iterator<Item = Candidate> + 'p {
    let places = writable_memory(process, area).into_iter().flat_map(|(start, bytes)| {
        memmem::find_iter(bytes, COOKIE).map(move |at| start.wrapping_add(at as u64)).collect::<Vec<_>>()
    });
    places
        .filter(|address| address.is_aligned(8))
        .filter_map(|address| Some(Candidate { runtime: Ptr::new(address)?, located_by: LocatedBy::Cookie }))
}

/// Writable memory of an area, as far as the core holds it.
pub(crate) fn writable_memory<'p>(process: &'p DeadProcess<'_>, area: Area) -> Vec<(Address, &'p [u8])> {
    match area {
        Area::Modules => {
            let files = likely_first(process).into_iter();
            files.flat_map(|file| writable_of_module(process, &file.module)).collect()
        }
        Area::Unnamed => unnamed_memory(process),
    }
}

/// What the core holds of a module's writable parts.
pub(crate) fn writable_of_module<'p>(
    process: &'p DeadProcess<'_>,
    module: &'p Module,
) -> impl Iterator<Item = (Address, &'p [u8])> + 'p {
    let core = process.core();
    module.writable.iter().flat_map(move |&(start, len)| {
        let end = start.0.saturating_add(len);
        let first = core.segments().partition_point(|segment| segment.end() <= start);
        let segments = core.segments().iter().skip(first).take_while(move |segment| segment.address.0 < end);
        segments.map(move |segment| {
            let bytes = core.segment_bytes(segment);
            let skip = start.0.saturating_sub(segment.address.0).min(bytes.len() as u64);
            let take = (end - segment.address.0).min(bytes.len() as u64);
            let aligned = skip.next_multiple_of(8);
            let part = bytes.get(aligned as usize..take as usize).unwrap_or_default();
            (segment.address.wrapping_add(aligned), part)
        })
    })
}

/// How much of one mapping is searched: `_PyRuntime` stands in the data of a program or library.
const MAX_UNNAMED_MAPPING: usize = 32 << 20;
/// How much is searched of all mappings together.
const MAX_UNNAMED: usize = 256 << 20;

/// Writable mappings that belong to no known module and are no thread's stack. Data of a program lies right
/// behind what it may not write; such mappings come first.
fn unnamed_memory<'p>(process: &'p DeadProcess<'_>) -> Vec<(Address, &'p [u8])> {
    let core = process.core();
    let known: Vec<_> = process.modules().flat_map(|module| module.writable.iter().copied()).collect();
    let of_module =
        |address: Address| known.iter().any(|&(start, len)| start <= address && address.0 - start.0 < len);
    let stacks: Vec<_> = core
        .notes()
        .threads
        .iter()
        .filter_map(|thread| core.segment_at(stack_pointer(core.machine(), thread)?))
        .map(|segment| segment.address)
        .collect();
    let segments = core.segments();
    let mut found: Vec<(bool, Address, &[u8])> = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        if !segment.writable || of_module(segment.address) || stacks.contains(&segment.address) {
            continue;
        }
        let before = index.checked_sub(1).and_then(|before| segments.get(before));
        let behind_data = before.is_some_and(|before| !before.writable && before.end() == segment.address);
        let bytes = core.segment_bytes(segment);
        let part = bytes.get(..bytes.len().min(MAX_UNNAMED_MAPPING)).unwrap_or_default();
        found.push((!behind_data, segment.address, part));
    }
    found.sort_by_key(|&(late, address, _)| (late, address));
    let mut left = MAX_UNNAMED;
    let within_budget = found.into_iter().map_while(|(_, address, part)| {
        let part = part.get(..part.len().min(left)).filter(|part| !part.is_empty())?;
        left -= part.len();
        Some((address, part))
    });
    within_budget.collect()
}

/// Modules that are called like Python, then the rest (a program that embeds it may link it statically).
fn likely_first<'p>(process: &'p DeadProcess<'_>) -> Vec<&'p ModuleFile> {
    let mut files: Vec<_> = process.module_files().iter().collect();
    files.sort_by_key(|file| !file.module.name().contains("python"));
    files
}

/// Whether a module's path names the version, as `libpython3.12.so.1.0` and `lib/python3.12/` do.
pub(crate) fn paths_mention(process: &DeadProcess<'_>, (major, minor): (u8, u8)) -> bool {
    let name = format!("python{major}.{minor}");
    let follows = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_digit());
    process.modules().any(|module| module.path.split(&name).skip(1).any(follows))
}

/// Extension modules and the C library never define the runtime; not opening them saves time.
fn may_hold_python(module: &Module) -> bool {
    !module.path.contains("/lib-dynload/")
        && !module.name().starts_with("libc.")
        && !module.name().starts_with("ld-linux")
}
