//! ELF headers and segments of a core file, and its memory.

use std::borrow::Cow;
use std::ops::Range;

use goblin::container::{Container, Ctx};
use goblin::elf::header::{self, Header};
use goblin::elf::program_header::{PT_LOAD, PT_NOTE, ProgramHeader};
use pycoroner_findings::{Citation, Gap, GapKind, SourceId, Span};

use crate::address::{Address, FileOffset};
use crate::elf::core_file::CoreFile;
use crate::elf::initial_stack;
use crate::elf::notes::{self, Notes};
use crate::memory::{Fault, FaultKind, Memory, Target};

/// A parsed core file: segments and notes.
///
/// Parsing never fails halfway: what the file does not hold, or holds wrongly, is in [`Core::gaps`].
#[derive(Debug)]
pub struct Core<'d> {
    data: &'d [u8],
    file: Option<&'d CoreFile>,
    target: Target,
    machine: Machine,
    segments: Vec<Segment>,
    /// Where the table of all mappings stands, and its bytes.
    headers: (u64, u64),
    notes: Notes,
    gaps: Vec<Gap>,
    source: SourceId,
}

/// The extent of a file whose holes are not known.
const WHOLE_FILE: Range<u64> = 0..u64::MAX;

/// The processor that the process ran on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// AMD and Intel, 64 bits.
    X86_64,
    /// Arm, 64 bits.
    Aarch64,
    /// Another one, by its ELF number (`e_machine`).
    Other(u16),
}

impl Machine {
    /// The name that `uname -m` gives it.
    pub fn name(self) -> String {
        match self {
            Self::X86_64 => "x86_64".into(),
            Self::Aarch64 => "aarch64".into(),
            Self::Other(number) => format!("ELF machine {number}"),
        }
    }
}

/// A mapping of the dead process as the core describes it (`PT_LOAD`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Address of its first byte.
    pub address: Address,
    /// Bytes mapped.
    pub len: u64,
    /// Bytes the core claims to hold.
    pub dumped: u64,
    /// Bytes the file really holds; fewer when it was cut.
    pub present: u64,
    /// Where in the file they stand.
    pub offset: FileOffset,
    /// The process could read there.
    pub readable: bool,
    /// The process could write there.
    pub writable: bool,
    /// The process could execute there.
    pub executable: bool,
}

impl Segment {
    /// One past its last address.
    pub fn end(&self) -> Address {
        Address(self.address.0.saturating_add(self.len))
    }
}

/// Why a file is no core that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoreError {
    /// The first bytes are not those of an ELF file.
    #[error(
        "not an ELF file (offset 0 holds {found}); expected a core file, or one packed with zstd, lz4, xz, bzip2 or gzip"
    )]
    NotElf {
        /// The first bytes, in words.
        found: String,
    },
    /// It is an ELF file, but no core.
    #[error("an ELF file, but no core (e_type is {e_type} at offset 16): is this the executable?")]
    NotCore {
        /// The type that the header states.
        e_type: u16,
    },
    /// Only 64-bit cores can be read.
    #[error("a 32-bit core (EI_CLASS at offset 4): only 64-bit processes are supported")]
    NotElf64,
    /// The header itself cannot be read.
    #[error("the ELF header cannot be read: {0}; is the file cut within its first 64 bytes?")]
    Header(String),
}

impl<'d> Core<'d> {
    /// Parses an opened core file; what its compression did not give is among the gaps, and its holes are known.
    ///
    /// # Errors
    /// As [`Core::parse`].
    pub fn of_file(file: &'d CoreFile, source: SourceId) -> Result<Self, CoreError> {
        let mut core = Self::parse(file, source)?;
        core.file = Some(file);
        core.gaps.splice(0..0, file.gap().cloned());
        Ok(core)
    }

    /// Parses the bytes of a core file; `source` is the number that citations give it.
    ///
    /// # Errors
    /// When the file is not a 64-bit ELF core at all. Damage behind the header is a gap, not an error.
    pub fn parse(data: &'d [u8], source: SourceId) -> Result<Self, CoreError> {
        if !data.starts_with(header::ELFMAG) {
            return Err(CoreError::NotElf { found: first_bytes(data) });
        }
        if data.get(header::EI_CLASS) != Some(&header::ELFCLASS64) {
            return Err(CoreError::NotElf64);
        }
        let elf =
            goblin::elf::Elf::parse_header(data).map_err(|error| CoreError::Header(error.to_string()))?;
        if elf.e_type != header::ET_CORE {
            return Err(CoreError::NotCore { e_type: elf.e_type });
        }
        let endianness = elf.endianness().map_err(|error| CoreError::Header(error.to_string()))?;
        let target = Target { little_endian: endianness.is_little(), word_size: 8 };
        let machine = match elf.e_machine {
            header::EM_X86_64 => Machine::X86_64,
            header::EM_AARCH64 => Machine::Aarch64,
            other => Machine::Other(other),
        };
        let mut core = Self {
            data,
            file: None,
            target,
            machine,
            segments: Vec::new(),
            headers: (elf.e_phoff, 0),
            notes: Notes::default(),
            gaps: Vec::new(),
            source,
        };
        let headers = core.program_headers(&elf, Ctx::new(Container::Big, endianness));
        core.headers.1 =
            headers.len() as u64 * ProgramHeader::size(Ctx::new(Container::Big, endianness)) as u64;
        core.take_segments(&headers);
        for note in headers.iter().filter(|header| header.p_type == PT_NOTE) {
            notes::read(&mut core.notes, &mut core.gaps, data, note, target, machine, source);
        }
        if core.notes.auxv.is_empty() {
            core.notes.auxv = initial_stack::auxv_on_stack(&core);
        }
        if core.notes.threads.is_empty() {
            core.gaps.push(
                Gap::new(GapKind::Missing, "threads and registers", "the core holds no NT_PRSTATUS note")
                    .remedy("get the whole core file: the notes stand right behind its headers"),
            );
        }
        Ok(core)
    }

    /// The bytes of the file.
    pub fn data(&self) -> &'d [u8] {
        self.data
    }

    /// Byte order and pointer width.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The processor.
    pub fn machine(&self) -> Machine {
        self.machine
    }

    /// Mappings by rising address, without overlap.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// What the notes say.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// What the file does not hold, or holds wrongly.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// The number that citations give the file.
    pub fn source(&self) -> SourceId {
        self.source
    }

    /// The mapping that covers `address`.
    pub fn segment_at(&self, address: Address) -> Option<&Segment> {
        let after = self.segments.partition_point(|segment| segment.address <= address);
        self.segments.get(after.checked_sub(1)?).filter(|segment| address < segment.end())
    }

    /// The mappings that touch each other around an address, by rising address; at most so many to each side.
    pub(crate) fn run_of_segments(&self, address: Address) -> &[Segment] {
        /// A module has some five.
        const MOST: usize = 64;
        let after = self.segments.partition_point(|segment| segment.address <= address);
        let is_in = |segment: &Segment| address < segment.end();
        let Some(at) = after.checked_sub(1).filter(|&at| self.segments.get(at).is_some_and(is_in)) else {
            return &[];
        };
        let touch = |pair: &&[Segment]| matches!(pair, [one, next] if one.end() == next.address);
        let (before, behind) = self.segments.split_at(after);
        let back = before.windows(2).rev().take(MOST).take_while(touch).count();
        let forth = self.segments.get(at..).unwrap_or(behind).windows(2).take(MOST).take_while(touch).count();
        self.segments.get(at - back..=at + forth).unwrap_or_default()
    }

    /// The address that the processor uses. The top byte of a pointer is a tag on aarch64: Linux lets programs set it
    /// (Documentation/arch/arm64/tagged-pointers.rst), as memory tagging does. Bit 55 tells the kernel's own addresses.
    fn untagged(&self, address: Address) -> Address {
        const KERNEL: u64 = 1 << 55;
        const PLAIN: u64 = (1 << 56) - 1;
        let is_tagged = self.machine == Machine::Aarch64 && address.0 & KERNEL == 0;
        if is_tagged { Address(address.0 & PLAIN) } else { address }
    }

    /// The bytes of a segment that the file holds.
    pub fn segment_bytes(&self, segment: &Segment) -> &'d [u8] {
        let start = segment.offset.0 as usize;
        self.data.get(start..start.saturating_add(segment.present as usize)).unwrap_or_default()
    }

    /// The bytes of a segment that the file holds, in pieces that leave out its holes.
    ///
    /// Memory that nobody wrote to is a hole, and may be larger than any disk: scans go by this. Pieces begin and end
    /// at the file system's blocks; where holes are not known, it is one piece.
    pub fn pieces(&self, segment: &Segment) -> impl Iterator<Item = (Address, &'d [u8])> + use<'_, 'd> {
        let whole = segment.offset.0..segment.offset.0.saturating_add(segment.present);
        let extents = self.file.map_or(std::slice::from_ref(&WHOLE_FILE), CoreFile::extents);
        let first = extents.partition_point(|extent| extent.end <= whole.start);
        let address = segment.address;
        extents
            .iter()
            .skip(first)
            .take_while({
                let end = whole.end;
                move |extent| extent.start < end
            })
            .filter_map(move |extent| {
                let (start, end) = (extent.start.max(whole.start), extent.end.min(whole.end));
                let bytes = self.data.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?;
                Some((address.wrapping_add(start - whole.start), bytes))
            })
    }

    /// Where in the file the byte at `address` stands, if it is there.
    pub fn file_offset(&self, address: Address) -> Option<FileOffset> {
        let address = self.untagged(address);
        let segment = self.segment_at(address)?;
        let within = address.0 - segment.address.0;
        (within < segment.present).then(|| FileOffset(segment.offset.0 + within))
    }

    /// A citation of `len` bytes at `address`, if the file holds the first of them.
    pub fn cite(&self, address: Address, len: u64) -> Option<Citation> {
        let FileOffset(offset) = self.file_offset(address)?;
        Some(Citation::new(self.source, Span::Bytes { offset, len, address: Some(address.to_string()) }))
    }

    /// A citation of the table of all mappings: what it has not, was not mapped.
    pub fn cite_mappings(&self) -> Option<Citation> {
        let (offset, len) = self.headers;
        (len > 0).then(|| Citation::new(self.source, Span::Bytes { offset, len, address: None }))
    }

    fn program_headers(&mut self, elf: &Header, ctx: Ctx) -> Vec<ProgramHeader> {
        let claimed = self.program_header_count(elf);
        let entry = ProgramHeader::size(ctx) as u64;
        let room = (self.data.len() as u64).saturating_sub(elf.e_phoff) / entry;
        let count = claimed.min(room);
        if count < claimed {
            self.gaps.push(
                Gap::new(
                    GapKind::Truncated,
                    format!("{} of {claimed} segment headers", claimed - count),
                    format!("the file ends at offset {:#x}", self.data.len()),
                )
                .remedy("get the whole core file"),
            );
        }
        let start = usize::try_from(elf.e_phoff).unwrap_or(usize::MAX);
        ProgramHeader::parse(self.data, start, count as usize, ctx).unwrap_or_else(|error| {
            self.gaps.push(Gap::new(GapKind::Corrupt, "segment headers", error.to_string()));
            Vec::new()
        })
    }

    /// `e_phnum`, or `sh_info` of the first section header when there are more than 65,534 (`PN_XNUM`, elf(5)).
    fn program_header_count(&mut self, elf: &Header) -> u64 {
        const PN_XNUM: u16 = 0xffff;
        const SH_INFO: u64 = 44;
        if elf.e_phnum != PN_XNUM {
            return u64::from(elf.e_phnum);
        }
        let at = usize::try_from(elf.e_shoff.saturating_add(SH_INFO)).unwrap_or(usize::MAX);
        if let Some(bytes) = self.data.get(at..at.saturating_add(4)) {
            self.target.unsigned(bytes)
        } else {
            self.gaps.push(Gap::new(
                GapKind::Truncated,
                "the number of segments",
                format!("the section header at offset {:#x} is behind the end of the file", elf.e_shoff),
            ));
            u64::from(PN_XNUM) - 1
        }
    }

    fn take_segments(&mut self, headers: &[ProgramHeader]) {
        let file_len = self.data.len() as u64;
        let mut lost: u64 = 0;
        for header in headers.iter().filter(|header| header.p_type == PT_LOAD && header.p_memsz > 0) {
            let len = header.p_memsz.min(u64::MAX - header.p_vaddr);
            let dumped = header.p_filesz.min(len);
            let present = file_len.saturating_sub(header.p_offset).min(dumped);
            lost = lost.saturating_add(dumped - present);
            self.segments.push(Segment {
                address: Address(header.p_vaddr),
                len,
                dumped,
                present,
                offset: FileOffset(header.p_offset),
                readable: header.is_read(),
                writable: header.is_write(),
                executable: header.is_executable(),
            });
        }
        self.segments.sort_by_key(|segment| segment.address);
        let before = self.segments.len();
        let mut end = Address(0);
        self.segments.retain(|segment| {
            let fits = segment.address >= end;
            end = end.max(segment.end());
            fits
        });
        if self.segments.len() < before {
            let count = before - self.segments.len();
            let what = format!("{count} segments");
            self.gaps.push(Gap::new(GapKind::Corrupt, what, "they overlap others with a lower address"));
        }
        if lost > 0 {
            self.gaps.push(
                Gap::new(
                    GapKind::Truncated,
                    format!("{lost} bytes of process memory"),
                    format!("the file ends at offset {file_len:#x}, before the segments that it announces"),
                )
                .remedy("raise `ulimit -c`, or the size limits of whatever stored the core"),
            );
        }
    }
}

impl Memory for Core<'_> {
    fn bytes(&self, address: Address, len: usize) -> Result<Cow<'_, [u8]>, Fault> {
        let fault = |kind| Fault { address, len: len as u64, kind };
        let address = self.untagged(address);
        let Some(segment) = self.segment_at(address) else {
            return Err(fault(FaultKind::Unmapped));
        };
        if address.checked_add(len as u64).is_none() {
            return Err(fault(FaultKind::Overflow));
        }
        let within = address.0 - segment.address.0;
        if within.saturating_add(len as u64) <= segment.present {
            let start = (segment.offset.0 + within) as usize;
            let bytes = self.data.get(start..start + len).ok_or_else(|| fault(FaultKind::Truncated))?;
            if let Some(file) = self.file {
                file.read(bytes);
            }
            return Ok(Cow::Borrowed(bytes));
        }
        self.gather(address, len).map(Cow::Owned)
    }
}

impl Core<'_> {
    /// Reads a range that leaves its segment.
    fn gather(&self, address: Address, len: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        let mut at = address;
        while bytes.len() < len {
            let wanted = (len - bytes.len()) as u64;
            let fault = |kind| Fault { address: at, len: wanted, kind };
            let segment = self.segment_at(at).ok_or_else(|| fault(FaultKind::Unmapped))?;
            let within = at.0 - segment.address.0;
            if within >= segment.dumped {
                return Err(fault(FaultKind::NotDumped));
            }
            if within >= segment.present {
                return Err(fault(FaultKind::Truncated));
            }
            let take = wanted.min(segment.present - within);
            let start = (segment.offset.0 + within) as usize;
            let piece =
                self.data.get(start..start + take as usize).ok_or_else(|| fault(FaultKind::Truncated))?;
            bytes.extend_from_slice(piece);
            at = at.checked_add(take).ok_or_else(|| fault(FaultKind::Overflow))?;
        }
        Ok(bytes)
    }
}

fn first_bytes(data: &[u8]) -> String {
    match data.get(..data.len().min(4)) {
        None | Some([]) => "nothing: the file is empty".into(),
        Some(head) => head.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
    }
}
