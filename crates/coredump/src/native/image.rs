//! The ELF image of a module, from its file or, where its pages were dumped, from the core itself.

use std::ops::Range;

use goblin::container::{Container, Ctx};
use goblin::elf::program_header::{PT_DYNAMIC, PT_GNU_EH_FRAME, PT_LOAD, ProgramHeader};

use crate::address::{Address, LoadBias};
use crate::elf::parse::Core;
use crate::memory::Memory;

/// Bytes of a module by link-time address.
#[derive(Debug)]
pub(crate) struct Image<'p> {
    loads: Vec<Load<'p>>,
    /// Link-time ranges that can be executed, whether their bytes are there or not.
    code: Vec<Range<u64>>,
    eh_frame_hdr: Option<u64>,
    dynamic: Option<u64>,
    pub(crate) little_endian: bool,
}

/// A loadable segment.
#[derive(Debug)]
struct Load<'p> {
    start: u64,
    bytes: &'p [u8],
}

/// How much of a module is looked at for its program headers.
const HEAD_BYTES: usize = 4096;

impl<'p> Image<'p> {
    /// The image as its file has it.
    pub(crate) fn of_file(file: &'p [u8]) -> Option<Self> {
        let head = file.get(..file.len().min(HEAD_BYTES))?;
        Self::new(head, |header| {
            let start = usize::try_from(header.p_offset).ok()?;
            let rest = file.get(start..)?;
            rest.get(..rest.len().min(usize::try_from(header.p_filesz).ok()?))
        })
    }

    /// The image as far as the core holds it.
    pub(crate) fn of_core(core: &'p Core<'_>, start: Address, bias: LoadBias) -> Option<Self> {
        let head = core.bytes(start, HEAD_BYTES).or_else(|_| core.bytes(start, 1024)).ok()?;
        Self::new(&head, |header| {
            let address = bias.apply(header.p_vaddr);
            let segment = core.segment_at(address)?;
            let rest =
                core.segment_bytes(segment).get(usize::try_from(address.0 - segment.address.0).ok()?..)?;
            rest.get(..rest.len().min(usize::try_from(header.p_filesz).ok()?))
        })
    }

    fn new(head: &[u8], bytes: impl Fn(&ProgramHeader) -> Option<&'p [u8]>) -> Option<Self> {
        let elf = goblin::elf::Elf::parse_header(head).ok()?;
        let endianness = elf.endianness().ok()?;
        let start = usize::try_from(elf.e_phoff).ok()?;
        let ctx = Ctx::new(Container::Big, endianness);
        let room = head.len().saturating_sub(start) / ProgramHeader::size(ctx);
        let count = usize::from(elf.e_phnum).min(room);
        let headers = ProgramHeader::parse(head, start, count, ctx).ok()?;
        let at = |kind| headers.iter().find(|header| header.p_type == kind).map(|header| header.p_vaddr);
        let load = |header: &ProgramHeader| {
            let bytes = bytes(header).filter(|bytes| !bytes.is_empty())?;
            Some(Load { start: header.p_vaddr, bytes })
        };
        let loads = || headers.iter().filter(|header| header.p_type == PT_LOAD);
        let range = |header: &ProgramHeader| header.p_vaddr..header.p_vaddr.saturating_add(header.p_memsz);
        Some(Self {
            code: loads().filter(|header| header.is_executable()).map(range).collect(),
            eh_frame_hdr: at(PT_GNU_EH_FRAME),
            dynamic: at(PT_DYNAMIC),
            loads: loads().filter_map(load).collect(),
            little_endian: endianness.is_little(),
        })
    }

    /// What is there from a link-time address to the end of its segment.
    pub(crate) fn rest(&self, address: u64) -> Option<&'p [u8]> {
        self.loads.iter().find_map(|load| {
            let rest = load.bytes.get(usize::try_from(address.checked_sub(load.start)?).ok()?..)?;
            Some(rest).filter(|rest| !rest.is_empty())
        })
    }

    /// Link-time address of the search table over `.eh_frame` (`PT_GNU_EH_FRAME`).
    pub(crate) fn eh_frame_hdr(&self) -> Option<u64> {
        self.eh_frame_hdr
    }

    /// Link-time address of the dynamic section.
    pub(crate) fn dynamic(&self) -> Option<u64> {
        self.dynamic
    }

    /// Link-time address of the first executable segment, which text-relative pointers count from.
    pub(crate) fn text(&self) -> u64 {
        self.code.first().map_or(0, |range| range.start)
    }

    /// Whether a link-time address can be executed.
    pub(crate) fn is_code(&self, address: u64) -> bool {
        self.code.iter().any(|range| range.contains(&address))
    }
}
