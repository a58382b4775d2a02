//! The dynamic linker's own list of what it loaded, for cores that name no files.
//!
//! The executable's `DT_DEBUG` points at `struct r_debug`, that at a list of `struct link_map` (glibc 2.36
//! `elf/link.h`, musl 1.2.3 `include/link.h`): both begin alike on all machines with 64-bit pointers.

use std::collections::BTreeSet;

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::program_header::{PT_DYNAMIC, PT_PHDR, ProgramHeader};

use crate::address::{Address, LoadBias};
use crate::elf::initial_stack;
use crate::elf::parse::Core;
use crate::memory::Space;

/// A module as the dynamic linker knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Linked {
    /// `l_addr`.
    pub(crate) bias: LoadBias,
    /// `l_name`; for the executable, the path given to `execve`.
    pub(crate) path: String,
    /// `l_ld`: its dynamic section.
    pub(crate) dynamic: Address,
}

const AT_PHDR: u64 = 3;
const AT_PHNUM: u64 = 5;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;
const DT_DEBUG: u64 = 21;
const MOST_MODULES: usize = 4096;
const MOST_ENTRIES: u64 = 1024;
const MOST_PATH: usize = 4096;

/// Reads the list; empty where the core does not hold it, as of a static executable.
pub(crate) fn of_core(core: &Core<'_>) -> Vec<Linked> {
    let mut linked = Vec::new();
    let space = Space::new(core, core.target());
    let by_headers = executable(core).and_then(|(bias, dynamic)| {
        Some((bias, entry(&space, dynamic, DT_DEBUG).filter(|&debug| debug != 0)?))
    });
    let Some((bias, debug)) = by_headers.or_else(|| by_entry_of_debugger(core)) else { return linked };
    // struct r_debug: int r_version, then r_map; struct link_map: l_addr, l_name, l_ld, l_next.
    let mut at = space.word(Address(debug).wrapping_add(8)).unwrap_or(0);
    let mut seen = BTreeSet::new();
    while at != 0 && seen.insert(at) && linked.len() < MOST_MODULES {
        let word = |offset: u64| space.word(Address(at).wrapping_add(offset));
        let (Ok(address), Ok(name), Ok(dynamic), Ok(next)) = (word(0), word(8), word(16), word(24)) else {
            break;
        };
        let path = text(&space, Address(name)).unwrap_or_default();
        let is_executable = path.is_empty() && LoadBias(address) == bias;
        let path =
            if is_executable { initial_stack::read(core).executable.unwrap_or_default() } else { path };
        linked.push(Linked { bias: LoadBias(address), path, dynamic: Address(dynamic) });
        at = next;
    }
    linked
}

/// The name that a module gives itself (`DT_SONAME`), where the core holds the string.
pub(crate) fn soname(core: &Core<'_>, bias: LoadBias, headers: &[ProgramHeader]) -> Option<String> {
    let dynamic = headers.iter().find(|header| header.p_type == PT_DYNAMIC)?;
    let dynamic = bias.apply(dynamic.p_vaddr);
    let space = Space::new(core, core.target());
    let strings = entry(&space, dynamic, DT_STRTAB)?;
    let name = entry(&space, dynamic, DT_SONAME)?;
    // The dynamic linker of most machines turns link-time addresses into run-time ones in place.
    let as_run_time = text(&space, Address(strings).wrapping_add(name));
    as_run_time
        .or_else(|| text(&space, bias.apply(strings).wrapping_add(name)))
        .filter(|name| !name.is_empty())
}

/// Bias and dynamic section of the executable, by the program headers that the kernel told it of.
fn executable(core: &Core<'_>) -> Option<(LoadBias, Address)> {
    let auxv =
        |wanted: u64| core.notes().auxv.iter().find(|(kind, _)| *kind == wanted).map(|&(_, value)| value);
    let (at, count) = (auxv(AT_PHDR)?, usize::try_from(auxv(AT_PHNUM)?).ok()?.min(1024));
    let space = Space::new(core, core.target());
    let bytes = space.bytes(Address(at), count as u64 * 56).ok()?;
    let endian = if core.target().little_endian { Endian::Little } else { Endian::Big };
    let headers = ProgramHeader::parse(&bytes, 0, count, Ctx::new(Container::Big, endian)).ok()?;
    let of_kind = |kind: u32| headers.iter().find(|header| header.p_type == kind);
    let bias = LoadBias(of_kind(PT_PHDR).map_or(0, |header| at.wrapping_sub(header.p_vaddr)));
    Some((bias, bias.apply(of_kind(PT_DYNAMIC)?.p_vaddr)))
}

/// Bytes among which the dynamic section of the executable is looked for.
const MOST_SCANNED: usize = 64 << 20;
/// Entries that are followed.
const MOST_FOLLOWED: usize = 4096;

/// Bias of the executable and `struct r_debug`, where the program headers were not dumped: its `DT_DEBUG` is the one
/// that leads to a list whose first entry has it in its own dynamic section.
fn by_entry_of_debugger(core: &Core<'_>) -> Option<(LoadBias, u64)> {
    const AT_ENTRY: u64 = 9;
    let space = Space::new(core, core.target());
    let &(_, start) = core.notes().auxv.iter().find(|(kind, _)| *kind == AT_ENTRY)?;
    let (mut left, mut followed) = (MOST_SCANNED, 0);
    for segment in core.run_of_segments(Address(start)) {
        let bytes = core.segment_bytes(segment);
        let bytes = bytes.get(..bytes.len().min(left))?;
        left -= bytes.len();
        for (index, word) in core.target().words(bytes).enumerate() {
            let at = segment.address.wrapping_add(index as u64 * 8);
            if word != DT_DEBUG {
                continue;
            }
            followed += 1;
            let found = leads_back(&space, at);
            if found.is_some() || followed == MOST_FOLLOWED {
                return found;
            }
        }
    }
    None
}

/// What a dynamic entry at `at` leads to, if it is the executable's `DT_DEBUG`.
fn leads_back(space: &Space<'_>, at: Address) -> Option<(LoadBias, u64)> {
    let word = |base: u64, offset: u64| space.word(Address(base).wrapping_add(offset)).ok();
    let debug = word(at.0, 8).filter(|&debug| debug != 0)?;
    let first = word(debug, 8).filter(|&first| first != 0)?;
    let (bias, dynamic, before) = (word(first, 0)?, word(first, 16)?, word(first, 32)?);
    let within = at.0.checked_sub(dynamic)?;
    let is_its_own = before == 0 && within % 16 == 0 && within / 16 < MOST_ENTRIES;
    (is_its_own && entry(space, Address(dynamic), DT_DEBUG) == Some(debug)).then_some((LoadBias(bias), debug))
}

/// The value of an entry of a dynamic section (`Elf64_Dyn`: tag, value; ends with tag 0).
fn entry(space: &Space<'_>, dynamic: Address, wanted: u64) -> Option<u64> {
    for index in 0..MOST_ENTRIES {
        let at = dynamic.wrapping_add(index * 16);
        match space.word(at).ok()? {
            0 => return None,
            tag if tag == wanted => return space.word(at.wrapping_add(8)).ok(),
            _ => {}
        }
    }
    None
}

fn text(space: &Space<'_>, at: Address) -> Option<String> {
    let bytes = space.c_string(at, MOST_PATH).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
