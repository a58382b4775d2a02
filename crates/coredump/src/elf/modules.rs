//! Executables and shared libraries of the dead process.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use goblin::container::{Container, Ctx};
use goblin::elf::header::{ELFMAG, ET_EXEC};
use goblin::elf::program_header::{PT_LOAD, PT_NOTE, ProgramHeader};
use pycoroner_findings::{Gap, GapKind};

use crate::address::{Address, LoadBias};
use crate::elf::parse::Core;
use crate::mapped_file::MappedFile;
use crate::memory::{Fault, FaultKind, Memory, Target};

/// An executable or shared library, as the core shows it.
#[derive(Clone, Debug)]
pub struct Module {
    /// Path as the process saw it; empty when the core names no files.
    pub path: String,
    /// First address of its first mapping.
    pub start: Address,
    /// One past the last address of its last file mapping.
    pub end: Address,
    /// Run-time minus link-time addresses, when its header was dumped.
    pub bias: Option<LoadBias>,
    /// What identifies the build.
    pub build_id: Option<BuildId>,
    /// Writable parts (`.data`, `.bss`): first address and length.
    pub writable: Vec<(Address, u64)>,
    rows: Vec<MappedRow>,
}

/// The GNU build ID of a module (`NT_GNU_BUILD_ID`).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BuildId(Vec<u8>);

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, Copy, Debug)]
struct MappedRow {
    start: Address,
    end: Address,
    file_offset: u64,
}

impl Module {
    /// The file name without its folder.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether the address belongs to one of its mappings.
    pub fn contains(&self, address: Address) -> bool {
        (self.start..self.end).contains(&address)
            || self.writable.iter().any(|&(start, len)| start <= address && address.0 - start.0 < len)
    }
}

/// The modules of a core, by `NT_FILE`; without that note, by the ELF headers in its memory.
pub(crate) fn of_core(core: &Core<'_>) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    for file in &core.notes().files {
        let row = MappedRow { start: file.start, end: file.end, file_offset: file.file_offset };
        match modules.last_mut().filter(|module| module.path == file.path && file.file_offset != 0) {
            Some(module) => {
                module.end = file.end;
                module.rows.push(row);
            }
            None => modules.push(Module::at(&file.path, row)),
        }
    }
    if modules.is_empty() {
        let headed = core.segments().iter().filter(|segment| core.segment_bytes(segment).starts_with(ELFMAG));
        modules.extend(headed.map(|segment| {
            Module::at("", MappedRow { start: segment.address, end: segment.end(), file_offset: 0 })
        }));
    }
    modules.retain_mut(|module| module.read_header(core));
    modules
}

/// How much of a module's first page is looked at for its program headers and build ID.
const HEADER_BYTES: usize = 4096;

impl Module {
    fn at(path: &str, row: MappedRow) -> Self {
        Self {
            path: path.to_owned(),
            start: row.start,
            end: row.end,
            bias: None,
            build_id: None,
            writable: Vec::new(),
            rows: vec![row],
        }
    }

    /// Fills in what the first page says; false when the mapped file is no module but, say, a locale archive.
    fn read_header(&mut self, core: &Core<'_>) -> bool {
        let Some(head) = first_page(core, self.start) else {
            // Nothing of it was dumped: it may be a module, and its rows still serve to look up the file.
            self.writable = writable_rows(core, &self.rows);
            return true;
        };
        let Some(header) = ElfHead::parse(&head, core.target()) else {
            return false;
        };
        let bias = header.bias(self.start);
        self.bias = Some(bias);
        self.build_id = header.build_id(&head, core.target());
        self.writable = header
            .loads()
            .filter(|load| load.is_write())
            .map(|load| (bias.apply(load.p_vaddr), load.p_memsz))
            .collect();
        if let Some(end) =
            header.loads().map(|load| bias.apply(load.p_vaddr.saturating_add(load.p_memsz))).max()
        {
            self.end = self.end.max(end);
        }
        true
    }
}

fn first_page(core: &Core<'_>, start: Address) -> Option<Vec<u8>> {
    core.bytes(start, HEADER_BYTES).or_else(|_| core.bytes(start, 1024)).ok().map(Cow::into_owned)
}

fn writable_rows(core: &Core<'_>, rows: &[MappedRow]) -> Vec<(Address, u64)> {
    let writable = |row: &&MappedRow| core.segment_at(row.start).is_some_and(|segment| segment.writable);
    rows.iter().filter(writable).map(|row| (row.start, row.end.0.saturating_sub(row.start.0))).collect()
}

/// ELF header and program headers of a module.
struct ElfHead {
    executable_type: u16,
    headers: Vec<ProgramHeader>,
}

impl ElfHead {
    fn parse(head: &[u8], target: Target) -> Option<Self> {
        let elf = goblin::elf::Elf::parse_header(head).ok()?;
        let endianness =
            elf.endianness().ok().filter(|endianness| endianness.is_little() == target.little_endian)?;
        let start = usize::try_from(elf.e_phoff).ok()?;
        let room = head.len().saturating_sub(start) / 56;
        let count = usize::from(elf.e_phnum).min(room);
        let headers = ProgramHeader::parse(head, start, count, Ctx::new(Container::Big, endianness)).ok()?;
        Some(Self { executable_type: elf.e_type, headers })
    }

    fn loads(&self) -> impl Iterator<Item = &ProgramHeader> {
        self.headers.iter().filter(|header| header.p_type == PT_LOAD)
    }

    fn bias(&self, start: Address) -> LoadBias {
        let first = self.loads().map(|load| load.p_vaddr & !0xfff).min().unwrap_or(0);
        if self.executable_type == ET_EXEC { LoadBias(0) } else { LoadBias(start.0.wrapping_sub(first)) }
    }

    /// Notes of the file as far as `head` holds them: type 3 with the name `GNU` is the build ID.
    fn build_id(&self, head: &[u8], target: Target) -> Option<BuildId> {
        let mut notes = self.headers.iter().filter(|header| header.p_type == PT_NOTE);
        notes.find_map(|header| build_id_in(head, header.p_offset as usize, header.p_filesz as usize, target))
    }
}

fn build_id_in(file: &[u8], start: usize, len: usize, target: Target) -> Option<BuildId> {
    const NT_GNU_BUILD_ID: u64 = 3;
    let mut notes = file.get(start..start.checked_add(len)?)?;
    while let Some(head) = notes.get(..12) {
        let mut fields = head.chunks_exact(4).map(|field| target.unsigned(field) as usize);
        let (name_len, len, kind) = (fields.next()?, fields.next()?, fields.next()?);
        let content_at = 12 + name_len.checked_next_multiple_of(4)?;
        let content = notes.get(content_at..content_at.checked_add(len)?)?;
        if kind as u64 == NT_GNU_BUILD_ID && notes.get(12..16) == Some(b"GNU\0") {
            return Some(BuildId(content.to_vec()));
        }
        notes = notes.get(content_at + len.checked_next_multiple_of(4)?..)?;
    }
    None
}

/// Where files of modules are looked for. The default is their recorded paths on this machine.
#[derive(Clone, Debug, Default)]
pub struct ModuleFinder {
    /// All files are looked up under this folder only.
    pub sysroot: Option<PathBuf>,
    /// Stands for the executable.
    pub executable: Option<PathBuf>,
    /// Folders that are searched by file name first.
    pub module_path: Vec<PathBuf>,
}

impl ModuleFinder {
    fn candidates(&self, module: &Module, is_executable: bool) -> Vec<PathBuf> {
        let recorded = module.path.trim_end_matches(" (deleted)");
        let named = self.module_path.iter().map(|folder| folder.join(module.name()));
        let given = self.executable.iter().filter(|_| is_executable).cloned();
        let at_path = match &self.sysroot {
            Some(root) => root.join(recorded.trim_start_matches('/')),
            None => PathBuf::from(recorded),
        };
        given.chain(named).chain(recorded.starts_with('/').then_some(at_path)).collect()
    }
}

/// What came of looking for a module's file.
#[derive(Debug)]
enum Opened {
    File(MappedFile),
    Refused(Box<Gap>),
    NotThere,
}

/// A module's file on this machine, opened when first asked for.
#[derive(Debug)]
pub(crate) struct ModuleFile {
    pub(crate) module: Module,
    candidates: Vec<PathBuf>,
    file: OnceLock<Opened>,
}

impl ModuleFile {
    /// The file's bytes, if a file of the same build is there.
    pub(crate) fn bytes(&self, target: Target) -> Option<&[u8]> {
        match self.file.get_or_init(|| self.open(target)) {
            Opened::File(file) => Some(file),
            Opened::Refused(_) | Opened::NotThere => None,
        }
    }

    /// The bytes of the file's separate debug information, if one of the same build is there.
    #[expect(clippy::unused_self, reason = "nothing looks for separate debug files yet")]
    pub(crate) fn debug_bytes(&self, _target: Target) -> Option<&[u8]> {
        None
    }

    /// What was wrong with the files that were looked at.
    pub(crate) fn gap(&self) -> Option<&Gap> {
        match self.file.get()? {
            Opened::Refused(gap) => Some(gap),
            Opened::File(_) | Opened::NotThere => None,
        }
    }

    fn open(&self, target: Target) -> Opened {
        // Without a build ID nothing tells that a file is the one that was mapped.
        let Some(wanted) = &self.module.build_id else { return Opened::NotThere };
        let mut refused = None;
        for path in &self.candidates {
            let Ok(file) = MappedFile::open(path) else { continue };
            match build_id_of_file(&file, target) {
                Some(found) if found == *wanted => return Opened::File(file),
                found => refused = refused.or_else(|| Some(self.mismatch(path, found.as_ref(), wanted))),
            }
        }
        refused.map_or(Opened::NotThere, |gap| Opened::Refused(Box::new(gap)))
    }

    fn mismatch(&self, path: &Path, found: Option<&BuildId>, wanted: &BuildId) -> Gap {
        let found = found.map_or_else(|| "none".to_owned(), ToString::to_string);
        Gap::new(
            GapKind::Missing,
            format!("the file of {}", self.module.name()),
            format!("{} has build ID {found}, the core was made with {wanted}; it is not used", path.display()),
        )
        .remedy("give the files of the crashed build with --sysroot or --module-path; the core alone is enough for Python")
    }
}

/// The build ID that a module's file states.
pub(crate) fn build_id_of_file(file: &[u8], target: Target) -> Option<BuildId> {
    ElfHead::parse(file, target)?.build_id(file, target)
}

/// What the core left out because the files hold it: code and constants.
#[derive(Debug)]
pub(crate) struct ModuleMemory {
    files: Vec<ModuleFile>,
    /// Read-only rows by address, with the index of their file.
    rows: Vec<(MappedRow, usize)>,
    target: Target,
}

impl ModuleMemory {
    pub(crate) fn new(core: &Core<'_>, modules: Vec<Module>, finder: &ModuleFinder) -> Self {
        const AT_ENTRY: u64 = 9;
        let entry =
            core.notes().auxv.iter().find(|(kind, _)| *kind == AT_ENTRY).map(|&(_, value)| Address(value));
        let mut rows = Vec::new();
        for (index, module) in modules.iter().enumerate() {
            let unwritable =
                |row: &&MappedRow| !core.segment_at(row.start).is_some_and(|segment| segment.writable);
            rows.extend(module.rows.iter().filter(unwritable).map(|&row| (row, index)));
        }
        rows.sort_by_key(|(row, _)| row.start);
        let files = modules
            .into_iter()
            .map(|module| {
                let is_executable = entry.is_some_and(|entry| module.contains(entry));
                let candidates = finder.candidates(&module, is_executable);
                ModuleFile { module, candidates, file: OnceLock::new() }
            })
            .collect();
        Self { files, rows, target: core.target() }
    }

    pub(crate) fn files(&self) -> &[ModuleFile] {
        &self.files
    }
}

impl Memory for ModuleMemory {
    fn bytes(&self, address: Address, len: usize) -> Result<Cow<'_, [u8]>, Fault> {
        let fault = |kind| Fault { address, len: len as u64, kind };
        let after = self.rows.partition_point(|(row, _)| row.start <= address);
        let found = after.checked_sub(1).and_then(|index| self.rows.get(index));
        let Some(&(row, index)) = found.filter(|(row, _)| address < row.end) else {
            return Err(fault(FaultKind::Unmapped));
        };
        let file = self
            .files
            .get(index)
            .and_then(|file| file.bytes(self.target))
            .ok_or_else(|| fault(FaultKind::NotDumped))?;
        let start = row.file_offset.saturating_add(address.0 - row.start.0) as usize;
        file.get(start..start.saturating_add(len))
            .map(Cow::Borrowed)
            .ok_or_else(|| fault(FaultKind::NotDumped))
    }
}

/// The run-time address of a symbol that a module's file defines.
pub(crate) fn symbol_address(file: &[u8], bias: LoadBias, name: &str) -> Option<Address> {
    let (sections, _, ctx) = section_headers(file)?;
    let tables = [goblin::elf::section_header::SHT_DYNSYM, goblin::elf::section_header::SHT_SYMTAB];
    tables.iter().find_map(|&kind| {
        let table = sections.iter().find(|section| section.sh_type == kind)?;
        let strings = sections.get(table.sh_link as usize)?;
        let text = file
            .get(usize::try_from(strings.sh_offset).ok()?..)?
            .get(..usize::try_from(strings.sh_size).ok()?)?;
        let count = usize::try_from(table.sh_size / 24).ok()?;
        let offset = usize::try_from(table.sh_offset).ok()?;
        let symbols = goblin::elf::Symtab::parse(file, offset, count, ctx).ok()?;
        let found = symbols.iter().find(|symbol| {
            let named = text.get(symbol.st_name..).and_then(|rest| rest.get(..=name.len()));
            symbol.st_value != 0
                && named.is_some_and(|named| named.split_last() == Some((&0, name.as_bytes())))
        })?;
        Some(bias.apply(found.st_value))
    })
}

/// The run-time address at which a section of a module's file begins, where it is loaded.
pub(crate) fn section_address(file: &[u8], bias: LoadBias, name: &str) -> Option<Address> {
    let (sections, names, _) = section_headers(file)?;
    let strings = sections.get(names)?;
    let text = file.get(usize::try_from(strings.sh_offset).ok()?..)?;
    let found = sections.iter().find(|section| {
        let named = text.get(section.sh_name..).and_then(|rest| rest.get(..=name.len()));
        section.sh_addr != 0 && named.is_some_and(|named| named.split_last() == Some((&0, name.as_bytes())))
    })?;
    Some(bias.apply(found.sh_addr))
}

/// The section headers of a file, the index of the section with their names, and how numbers are written.
fn section_headers(file: &[u8]) -> Option<(Vec<goblin::elf::SectionHeader>, usize, Ctx)> {
    let header = goblin::elf::Elf::parse_header(file).ok()?;
    let ctx = Ctx::new(Container::Big, header.endianness().ok()?);
    let (start, count) = (usize::try_from(header.e_shoff).ok()?, usize::from(header.e_shnum));
    let sections = goblin::elf::SectionHeader::parse(file, start, count, ctx).ok()?;
    Some((sections, usize::from(header.e_shstrndx), ctx))
}
