//! The parts of an ELF binary that a layout is taken from.

use std::borrow::Cow;
use std::io::Read;

use goblin::container::{Container, Ctx};
use goblin::elf::SectionHeader;
use goblin::elf::compression_header::{CompressionHeader, ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD};
use goblin::elf::dynamic::{DT_NULL, DT_SONAME};
use goblin::elf::header::{ELFCLASS64, EM_AARCH64, EM_X86_64, ET_DYN, ET_EXEC, Header};
use goblin::elf::section_header::{SHF_COMPRESSED, SHT_DYNAMIC, SHT_DYNSYM, SHT_NOBITS, SHT_SYMTAB};

use crate::address::LoadBias;
use crate::elf::modules::symbol_address;
use crate::elf::parse::Machine;
use crate::layout::dwarf::DwarfError;
use crate::memory::Target;

/// An executable, a shared library, or the debug file of either.
pub(crate) struct Binary<'d> {
    data: &'d [u8],
    header: Header,
    ctx: Ctx,
    sections: Vec<SectionHeader>,
}

/// The sections that structures are described in, unpacked.
#[derive(Default)]
pub(super) struct DebugSections<'d> {
    pub(super) info: Cow<'d, [u8]>,
    pub(super) abbrev: Cow<'d, [u8]>,
    pub(super) str: Cow<'d, [u8]>,
    pub(super) line_str: Cow<'d, [u8]>,
    pub(super) str_offsets: Cow<'d, [u8]>,
}

/// No section of a Python interpreter comes near this size, unpacked.
const MAX_UNPACKED: u64 = 1 << 28;

impl<'d> Binary<'d> {
    /// Parses headers only.
    pub(crate) fn parse(data: &'d [u8]) -> Result<Self, DwarfError> {
        let not_binary = |error: goblin::error::Error| DwarfError::NotBinary(error.to_string());
        let header = goblin::elf::Elf::parse_header(data).map_err(not_binary)?;
        let class = header.e_ident.get(goblin::elf::header::EI_CLASS);
        if class != Some(&ELFCLASS64) {
            return Err(DwarfError::NotBinary("it is of another class (EI_CLASS at offset 4)".to_owned()));
        }
        // Debug information of an object file makes no sense before its relocations are applied.
        if header.e_type != ET_EXEC && header.e_type != ET_DYN {
            let e_type = header.e_type;
            return Err(DwarfError::NotBinary(format!(
                "it is of another type (e_type {e_type} at offset 16)"
            )));
        }
        let ctx = Ctx::new(Container::Big, header.endianness().map_err(not_binary)?);
        let start = usize::try_from(header.e_shoff).unwrap_or(usize::MAX);
        let count = usize::from(header.e_shnum);
        let sections = SectionHeader::parse(data, start, count, ctx).map_err(not_binary)?;
        Ok(Self { data, header, ctx, sections })
    }

    /// Byte order and pointer width.
    pub(crate) fn target(&self) -> Target {
        Target { little_endian: self.ctx.le.is_little(), word_size: 8 }
    }

    /// The processor.
    pub(super) fn machine(&self) -> Machine {
        match self.header.e_machine {
            EM_X86_64 => Machine::X86_64,
            EM_AARCH64 => Machine::Aarch64,
            other => Machine::Other(other),
        }
    }

    /// The sections that structures are described in.
    pub(super) fn debug_sections(&self) -> Result<DebugSections<'d>, DwarfError> {
        let required = |name| self.debug_section(name)?.ok_or(DwarfError::NoDebugInfo(name));
        let optional = |name| self.debug_section(name).map(Option::unwrap_or_default);
        Ok(DebugSections {
            info: required(".debug_info")?,
            abbrev: required(".debug_abbrev")?,
            str: optional(".debug_str")?,
            line_str: optional(".debug_line_str")?,
            str_offsets: optional(".debug_str_offsets")?,
        })
    }

    /// The symbol tables with their names: the full one, or the dynamic one where that was stripped.
    pub(crate) fn symbol_tables(&self) -> impl Iterator<Item = (&'d [u8], &'d [u8])> {
        [SHT_SYMTAB, SHT_DYNSYM].into_iter().filter_map(|kind| {
            let table = self.sections.iter().find(|section| section.sh_type == kind)?;
            let strings = self.sections.get(usize::try_from(table.sh_link).ok()?)?;
            Some((self.bytes(table)?, self.bytes(strings)?))
        })
    }

    /// A section that is loaded and not packed, with its link-time address.
    pub(crate) fn loaded_section(&self, name: &str) -> Option<(u64, &'d [u8])> {
        let section = self.section(name)?;
        Some((section.sh_addr, self.plain(section)?))
    }

    /// A section that is not packed.
    pub(crate) fn plain_section(&self, name: &str) -> Option<&'d [u8]> {
        self.plain(self.section(name)?)
    }

    /// Whether there is a section of that name with content.
    pub(crate) fn has_section(&self, name: &str) -> bool {
        self.section(name).is_some_and(|section| section.sh_type != SHT_NOBITS)
    }

    fn section(&self, name: &str) -> Option<&SectionHeader> {
        self.sections.iter().find(|section| self.section_name(section) == Some(name.as_bytes()))
    }

    fn plain(&self, section: &SectionHeader) -> Option<&'d [u8]> {
        let packed = section.sh_flags & u64::from(SHF_COMPRESSED) != 0 || section.sh_type == SHT_NOBITS;
        self.bytes(section).filter(|bytes| !packed && !bytes.is_empty())
    }

    /// A section of debug information, unpacked.
    pub(crate) fn debug_section(&self, name: &'static str) -> Result<Option<Cow<'d, [u8]>>, DwarfError> {
        let Some(section) = self.section(name) else {
            return Ok(None);
        };
        if section.sh_type == SHT_NOBITS {
            return Ok(None);
        }
        let fail = |what: String| DwarfError::Section { name, offset: section.sh_offset, what };
        let bytes =
            self.bytes(section).ok_or_else(|| fail("it leaves the file; is the file cut?".to_owned()))?;
        if section.sh_flags & u64::from(SHF_COMPRESSED) == 0 {
            return Ok(Some(Cow::Borrowed(bytes)));
        }
        unpack(bytes, self.ctx).map(|unpacked| Some(Cow::Owned(unpacked))).map_err(fail)
    }

    fn section_name(&self, section: &SectionHeader) -> Option<&'d [u8]> {
        let names = self.sections.get(usize::from(self.header.e_shstrndx))?;
        string_at(self.bytes(names)?, section.sh_name)
    }

    fn bytes(&self, section: &SectionHeader) -> Option<&'d [u8]> {
        let start = usize::try_from(section.sh_offset).ok()?;
        self.data.get(start..start.checked_add(usize::try_from(section.sh_size).ok()?)?)
    }

    /// The version as exactly as the file states it: `Py_Version` (3.11+), else the name `libpython3.N`.
    pub(super) fn python_version(&self) -> Option<String> {
        self.version_constant().or_else(|| self.version_in_soname())
    }

    /// `Py_Version` holds `PY_VERSION_HEX`: major, minor, micro, and a byte for level and serial.
    fn version_constant(&self) -> Option<String> {
        let address = symbol_address(self.data, LoadBias(0), "Py_Version")?.0;
        let loaded = |section: &&SectionHeader| {
            section.sh_type != SHT_NOBITS
                && section.sh_addr != 0
                && (section.sh_addr..section.sh_addr.saturating_add(section.sh_size)).contains(&address)
        };
        let section = self.sections.iter().find(loaded)?;
        let at = usize::try_from(address - section.sh_addr).ok()?;
        let word = self.target().unsigned(self.bytes(section)?.get(at..at.checked_add(8)?)?);
        let hex = u32::try_from(word).ok()?;
        let [major, minor, micro, release] = hex.to_be_bytes();
        let level = match release >> 4 {
            0xa => "a",
            0xb => "b",
            0xc => "rc",
            0xf => return (major >= 3).then(|| format!("{major}.{minor}.{micro}")),
            _ => return None,
        };
        Some(format!("{major}.{minor}.{micro}{level}{}", release & 0xf))
    }

    fn version_in_soname(&self) -> Option<String> {
        let name = std::str::from_utf8(self.soname()?).ok()?;
        let version = name.strip_prefix("libpython")?;
        let end = version.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(version.len());
        let version = version.get(..end)?.trim_end_matches('.');
        version.contains('.').then(|| version.to_owned())
    }

    fn soname(&self) -> Option<&'d [u8]> {
        let dynamic = self.sections.iter().find(|section| section.sh_type == SHT_DYNAMIC)?;
        let strings = self.sections.get(usize::try_from(dynamic.sh_link).ok()?)?;
        let mut words = self.target().words(self.bytes(dynamic)?).collect::<Vec<_>>().into_iter();
        while let (Some(tag), Some(value)) = (words.next(), words.next()) {
            match tag {
                DT_SONAME => return string_at(self.bytes(strings)?, usize::try_from(value).ok()?),
                DT_NULL => return None,
                _ => {}
            }
        }
        None
    }
}

fn string_at(strings: &[u8], offset: usize) -> Option<&[u8]> {
    let rest = strings.get(offset..)?;
    rest.get(..memchr::memchr(0, rest)?)
}

/// Unpacks an `SHF_COMPRESSED` section (gABI, "Section Compression").
fn unpack(bytes: &[u8], ctx: Ctx) -> Result<Vec<u8>, String> {
    let header = CompressionHeader::parse(bytes, 0, ctx).map_err(|error| error.to_string())?;
    let packed = bytes.get(CompressionHeader::size(ctx)..).unwrap_or_default();
    if header.ch_size > MAX_UNPACKED {
        return Err(format!("{} bytes unpacked are more than the {MAX_UNPACKED} allowed", header.ch_size));
    }
    let mut unpacked = Vec::new();
    let read = match header.ch_type {
        ELFCOMPRESS_ZLIB => {
            flate2::read::ZlibDecoder::new(packed).take(header.ch_size).read_to_end(&mut unpacked)
        }
        ELFCOMPRESS_ZSTD => ruzstd::decoding::StreamingDecoder::new(packed)
            .map_err(|error| error.to_string())?
            .take(header.ch_size)
            .read_to_end(&mut unpacked),
        other => return Err(format!("packed in an unknown way (ch_type {other})")),
    };
    read.map_err(|error| error.to_string())?;
    if unpacked.len() as u64 != header.ch_size {
        return Err(format!("it unpacks to {} bytes instead of {}", unpacked.len(), header.ch_size));
    }
    Ok(unpacked)
}
