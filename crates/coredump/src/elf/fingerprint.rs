//! Tells whether a file is the one that was mapped when the module states no build ID.
//!
//! Python builds for many systems and libraries inside of wheels are often linked without one. Two things of the file
//! are in a core all the same: the first page with all program headers, and the words that the dynamic linker relocated
//! and then made read-only (`PT_GNU_RELRO`): addresses of functions, strings and types, often thousands of them. A
//! file is taken for the same build when its first page is the same and every such address is what the relocation of the
//! file says. Another build would have to put every one of them at the same place.
//!
//! Emulators leave out first pages as well, and small extensions have few addresses: then the dynamic section is
//! compared, and a file that has the same is used, but marked.

use std::borrow::Cow;

use goblin::elf::header::ELFMAG;
use goblin::elf::program_header::{PT_DYNAMIC, PT_GNU_RELRO, PT_LOAD, ProgramHeader};

use crate::address::LoadBias;
use crate::elf::modules::{ElfHead, Module};
use crate::elf::parse::{Core, Machine};
use crate::memory::{Memory, Target};

/// Bytes of relocated memory that are compared.
const MOST_BYTES: usize = 1 << 20;
/// Fewer relocated addresses prove nothing.
const FEWEST: usize = 64;
/// Entries that a dynamic section has at least; a library's has some twenty.
const FEWEST_ENTRIES: usize = 10;

/// What the core holds of a module's file.
#[derive(Debug)]
pub(crate) struct Fingerprint {
    /// The first page, where it was dumped.
    head: Option<Vec<u8>>,
    bias: LoadBias,
    /// Memory that is read-only once it is relocated: link-time addresses and contents.
    relocated: Vec<(u64, Vec<u8>)>,
    /// Link-time address of the dynamic section, where the dynamic linker told it.
    dynamic: Option<u64>,
    machine: Machine,
}

/// What comparing a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// It is the file that was mapped.
    Same,
    /// Its dynamic section is that of the file that was mapped: where code begins and ends, sizes and places of its
    /// tables. Nothing was there that tells more.
    Alike,
    /// It is not; says why.
    Other(&'static str),
    /// There was too little to compare.
    Unknown,
}

impl Fingerprint {
    /// Takes it of a module, where the core holds enough of it.
    pub(crate) fn of(core: &Core<'_>, module: &Module) -> Option<Self> {
        let bias = module.bias?;
        let head = core.bytes(module.start, 4096).ok().filter(|head| head.starts_with(ELFMAG));
        let relocated = if let Some(head) = &head {
            let headers = ElfHead::parse(head, core.target())?;
            let relro = headers.headers().iter().find(|header| header.p_type == PT_GNU_RELRO)?;
            let len = usize::try_from(relro.p_memsz).ok()?.min(MOST_BYTES);
            vec![(relro.p_vaddr, core.bytes(bias.apply(relro.p_vaddr), len).ok()?.into_owned())]
        } else {
            module.dynamic?;
            read_only(core, module, bias)
        };
        Some(Self {
            head: head.map(Cow::into_owned),
            bias,
            relocated,
            dynamic: module.dynamic.map(|dynamic| bias.remove(dynamic)),
            machine: core.machine(),
        })
    }

    /// Bytes that it takes.
    pub(crate) fn len(&self) -> usize {
        let relocated: usize = self.relocated.iter().map(|(_, content)| content.len()).sum();
        relocated + self.head.as_ref().map_or(0, Vec::len)
    }

    /// Compares a file.
    pub(crate) fn check(&self, file: &[u8], target: Target) -> Comparison {
        if let Some(head) = &self.head
            && file.get(..head.len()) != Some(head)
        {
            return Comparison::Other(
                "has another first page than the core shows, and the module no build ID",
            );
        }
        let Some(compared) = self.compare(file, target) else { return Comparison::Unknown };
        match compared {
            Compared { dynamic: Some(false), .. } => Comparison::Other(
                "has another dynamic section than the core shows, and the core no build ID of it",
            ),
            Compared { differs: true, .. } => {
                Comparison::Other("has other addresses than the core shows, and the module no build ID")
            }
            Compared { addresses, .. } if addresses >= FEWEST => Comparison::Same,
            Compared { dynamic: Some(true), .. } => Comparison::Alike,
            Compared { .. } => Comparison::Unknown,
        }
    }

    fn compare(&self, file: &[u8], target: Target) -> Option<Compared> {
        // The numbers of the relocations that put an address of the module itself; 32 bits of `r_info`.
        let relative = match self.machine {
            Machine::X86_64 => 8,     // R_X86_64_RELATIVE
            Machine::Aarch64 => 1027, // R_AARCH64_RELATIVE
            Machine::Other(_) => return None,
        };
        let headers = ElfHead::parse(file, target)?;
        let mut compared =
            Compared { dynamic: self.same_dynamic(file, &headers, target), ..Compared::default() };
        let table = relocations(file, headers.headers(), target).unwrap_or_default();
        // Elf64_Rela: r_offset, r_info with the type in its low half, r_addend.
        for entry in table.chunks_exact(24) {
            let mut words = target.words(entry);
            let (at, info, addend) = (words.next()?, words.next()?, words.next()?);
            if info & 0xffff_ffff != relative {
                continue;
            }
            let Some(word) = self.word(at, target) else { continue };
            compared.differs |= word != self.bias.apply(addend).0;
            compared.addresses += 1;
        }
        if headers.is_at_fixed_address() {
            self.compare_constants(file, headers.headers(), target, &mut compared);
        }
        Some(compared)
    }

    /// Nothing of an executable that runs where it was linked to is relocated: its read-only data are as in the file,
    /// but for what the dynamic linker fills in, which is zero there or belongs to the dynamic section or the tables
    /// behind it.
    fn compare_constants(
        &self,
        file: &[u8],
        headers: &[ProgramHeader],
        target: Target,
        compared: &mut Compared,
    ) {
        let of_kind = |kind: u32| headers.iter().find(|header| header.p_type == kind);
        let (Some(relro), Some(dynamic)) = (of_kind(PT_GNU_RELRO), of_kind(PT_DYNAMIC)) else { return };
        let len = dynamic.p_vaddr.saturating_sub(relro.p_vaddr).min(MOST_BYTES as u64);
        let Some(content) = usize::try_from(relro.p_offset)
            .ok()
            .and_then(|start| file.get(start..start.checked_add(usize::try_from(len).ok()?)?))
        else {
            return;
        };
        for (index, word) in target.words(content).enumerate().filter(|(_, word)| *word != 0) {
            let Some(found) = self.word(relro.p_vaddr.wrapping_add(index as u64 * 8), target) else {
                continue;
            };
            compared.differs |= found != word;
            compared.addresses += 1;
        }
    }

    /// Whether the dynamic section is that of the file; none where it was not dumped or is too small to tell.
    fn same_dynamic(&self, file: &[u8], headers: &ElfHead, target: Target) -> Option<bool> {
        const DT_NULL: u64 = 0;
        const DT_DEBUG: u64 = 21;
        let dynamic = headers.headers().iter().find(|header| header.p_type == PT_DYNAMIC)?;
        if self.dynamic.is_some_and(|known| known != dynamic.p_vaddr) {
            return Some(false);
        }
        let start = usize::try_from(dynamic.p_offset).ok()?;
        let content = file.get(start..start.checked_add(usize::try_from(dynamic.p_filesz).ok()?)?)?;
        let mut entries = 0;
        for (index, entry) in content.chunks_exact(16).enumerate() {
            let mut words = target.words(entry);
            let (tag, value) = (words.next()?, words.next()?);
            let at = dynamic.p_vaddr.wrapping_add(index as u64 * 16);
            let (found_tag, found) = (self.word(at, target)?, self.word(at.wrapping_add(8), target)?);
            // The dynamic linker of most machines turns link-time addresses into run-time ones in place.
            let is_same = found == value || found == self.bias.apply(value).0 || tag == DT_DEBUG;
            if found_tag != tag || !is_same {
                return Some(false);
            }
            if tag == DT_NULL {
                break;
            }
            entries += 1;
        }
        (entries >= FEWEST_ENTRIES).then_some(true)
    }

    /// The word at a link-time address, where the core holds it.
    fn word(&self, at: u64, target: Target) -> Option<u64> {
        self.relocated.iter().find_map(|(start, content)| {
            let within = usize::try_from(at.checked_sub(*start)?).ok()?;
            Some(target.unsigned(content.get(within..within.checked_add(8)?)?))
        })
    }
}

/// How a file compares.
#[derive(Clone, Copy, Debug, Default)]
struct Compared {
    /// Words that were compared.
    addresses: usize,
    /// One of them is another one.
    differs: bool,
    /// Whether the dynamic section is the same, where it could be compared.
    dynamic: Option<bool>,
}

/// What the core holds of a module that cannot be written, by link-time address.
fn read_only(core: &Core<'_>, module: &Module, bias: LoadBias) -> Vec<(u64, Vec<u8>)> {
    let first = core.segments().partition_point(|segment| segment.end() <= module.start);
    let segments = core.segments().iter().skip(first).take_while(|segment| segment.address < module.end);
    let mut left = MOST_BYTES;
    let mut pieces = Vec::new();
    for segment in segments.filter(|segment| !segment.writable) {
        let bytes = core.segment_bytes(segment);
        let bytes = bytes.get(..bytes.len().min(left)).unwrap_or_default();
        left -= bytes.len();
        if !bytes.is_empty() {
            pieces.push((bias.remove(segment.address), bytes.to_vec()));
        }
    }
    pieces
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
