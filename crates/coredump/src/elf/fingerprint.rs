//! Tells whether a file is the one that was mapped when the module states no build ID.
//!
//! Python builds for many systems and libraries inside of wheels are often linked without one. Two things of the file
//! are in a core all the same: the first page with all program headers, and the words that the dynamic linker relocated
//! and then made read-only (`PT_GNU_RELRO`): addresses of functions, strings and types, often thousands of them. A
//! file is taken for the same build when its first page is the same and every such address is what the relocation of the
//! file says. Another build would have to put every one of them at the same place.

use goblin::elf::program_header::{PT_DYNAMIC, PT_GNU_RELRO, PT_LOAD, ProgramHeader};

use crate::address::LoadBias;
use crate::elf::modules::{ElfHead, Module};
use crate::elf::parse::{Core, Machine};
use crate::memory::{Memory, Target};

/// Bytes of relocated memory that are compared.
const MOST_BYTES: usize = 1 << 20;
/// Fewer relocated addresses prove nothing.
const FEWEST: usize = 64;

/// What the core holds of a module's file.
#[derive(Debug)]
pub(crate) struct Fingerprint {
    /// The first page.
    head: Vec<u8>,
    bias: LoadBias,
    /// Relocated read-only memory: link-time address and content.
    relocated: (u64, Vec<u8>),
    machine: Machine,
}

/// What comparing a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// It is the file that was mapped.
    Same,
    /// It is not; says why.
    Other(&'static str),
    /// There was too little to compare.
    Unknown,
}

impl Fingerprint {
    /// Takes it of a module, where the core holds enough of it.
    pub(crate) fn of(core: &Core<'_>, module: &Module) -> Option<Self> {
        let bias = module.bias?;
        let head = core.bytes(module.start, 4096).ok()?.into_owned();
        let headers = ElfHead::parse(&head, core.target())?;
        let relro = headers.headers().iter().find(|header| header.p_type == PT_GNU_RELRO)?;
        let len = usize::try_from(relro.p_memsz).ok()?.min(MOST_BYTES);
        let content = core.bytes(bias.apply(relro.p_vaddr), len).ok()?.into_owned();
        Some(Self { head, bias, relocated: (relro.p_vaddr, content), machine: core.machine() })
    }

    /// Compares a file.
    pub(crate) fn check(&self, file: &[u8], target: Target) -> Comparison {
        if file.get(..self.head.len()) != Some(&self.head) {
            return Comparison::Other(
                "has another first page than the core shows, and the module no build ID",
            );
        }
        match self.compare(file, target) {
            Some((_, false)) => {
                Comparison::Other("has other addresses than the core shows, and the module no build ID")
            }
            Some((count, true)) if count >= FEWEST => Comparison::Same,
            _ => Comparison::Unknown,
        }
    }

    /// How many relocated words were compared, and whether all were as the file says.
    fn compare(&self, file: &[u8], target: Target) -> Option<(usize, bool)> {
        let relative = match self.machine {
            Machine::X86_64 => 8,     // R_X86_64_RELATIVE
            Machine::Aarch64 => 1027, // R_AARCH64_RELATIVE
            Machine::Other(_) => return None,
        };
        let (start, content) = &self.relocated;
        let headers = ElfHead::parse(file, target)?;
        let table = relocations(file, headers.headers(), target)?;
        let mut count = 0;
        // Elf64_Rela: r_offset, r_info with the type in its low half, r_addend.
        for entry in table.chunks_exact(24) {
            let mut words = target.words(entry);
            let (at, info, addend) = (words.next()?, words.next()?, words.next()?);
            if info & 0xffff_ffff != relative {
                continue;
            }
            let Some(at) = at.checked_sub(*start).and_then(|at| usize::try_from(at).ok()) else { continue };
            let Some(word) = at.checked_add(8).and_then(|end| content.get(at..end)) else { continue };
            if target.unsigned(word) != self.bias.apply(addend).0 {
                return Some((count, false));
            }
            count += 1;
        }
        Some((count, true))
    }
}

/// The table that `DT_RELA` and `DT_RELASZ` name.
fn relocations<'f>(file: &'f [u8], headers: &[ProgramHeader], target: Target) -> Option<&'f [u8]> {
    const DT_RELA: u64 = 7;
    const DT_RELASZ: u64 = 8;
    let dynamic = headers.iter().find(|header| header.p_type == PT_DYNAMIC)?;
    let start = usize::try_from(dynamic.p_offset).ok()?;
    let content = file.get(start..start.checked_add(usize::try_from(dynamic.p_filesz).ok()?)?)?;
    let entry = |wanted: u64| {
        content.chunks_exact(16).find_map(|entry| {
            let mut words = target.words(entry);
            (words.next() == Some(wanted)).then(|| words.next()).flatten()
        })
    };
    let (address, len) = (entry(DT_RELA)?, usize::try_from(entry(DT_RELASZ)?).ok()?);
    let load = headers.iter().find(|header| {
        header.p_type == PT_LOAD
            && address.checked_sub(header.p_vaddr).is_some_and(|within| within < header.p_filesz)
    })?;
    let at = usize::try_from(load.p_offset.checked_add(address - load.p_vaddr)?).ok()?;
    file.get(at..at.checked_add(len)?)
}
