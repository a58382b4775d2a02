//! Executables and shared libraries of the dead process.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use goblin::container::{Container, Ctx};
use goblin::elf::header::{ELFMAG, ET_EXEC};
use goblin::elf::program_header::{PT_LOAD, PT_NOTE, ProgramHeader};

use crate::address::{Address, LoadBias};
use crate::elf::finder::{ModuleFinder, Search};
use crate::elf::fingerprint::Fingerprint;
use crate::elf::link_map::{self, Linked};
use crate::elf::module_file::ModuleFile;
use crate::elf::parse::{Core, Segment};
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
    /// Its dynamic section, where the dynamic linker tells of it and the module's own header was not dumped.
    pub(crate) dynamic: Option<Address>,
}

/// The GNU build ID of a module (`NT_GNU_BUILD_ID`).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BuildId(Vec<u8>);

impl BuildId {
    /// The build ID that an ELF file states.
    pub fn of_elf(file: &[u8]) -> Option<Self> {
        let header = goblin::elf::Elf::parse_header(file).ok()?;
        build_id_of_file(file, Target { little_endian: header.endianness().ok()?.is_little(), word_size: 8 })
    }

    /// Its bytes; mostly twenty of them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

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

/// The modules of a core, by `NT_FILE`; what that does not name, by the dynamic linker's list and the ELF headers
/// in memory.
pub(crate) fn of_core(core: &Core<'_>) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    for file in &core.notes().files {
        let row = MappedRow { start: file.start, end: file.end, file_offset: file.file_offset };
        // Rows of one module need not stand side by side, and its first page may be mapped once more for its data.
        let near = modules.iter_mut().rev().take(NEAR).find(|module| module.path == file.path);
        match near.filter(|module| row.start < module.end || (module.bias.is_none() && row.file_offset != 0))
        {
            Some(module) => {
                module.end = module.end.max(row.end);
                module.rows.push(row);
            }
            None => modules.extend(Module::at(&file.path, row, core)),
        }
    }
    // Of what has no header in the core, only that may be a module which was mapped to be run.
    let may_run = |row: &MappedRow| core.segment_at(row.start).is_some_and(|segment| segment.executable);
    modules.retain(|module| module.bias.is_some() || module.rows.iter().any(may_run));
    for module in modules.iter_mut().filter(|module| module.bias.is_none()) {
        module.writable = writable_rows(core, &module.rows);
    }
    if core.notes().files.is_empty() {
        let linked = link_map::of_core(core);
        modules = unnamed(core, &linked);
        let linked = linked.into_iter().filter(|linked| Some(Address(linked.bias.0)) != vdso(core));
        modules.extend(linked.filter_map(|linked| Module::of_linked(linked, core)));
        modules.sort_by_key(|module| module.start);
        modules.dedup_by(|later, first| later.start < first.end && later.dynamic.is_some());
    } else if modules.iter().any(|module| module.bias.is_none()) {
        let linked = link_map::of_core(core);
        for module in modules.iter_mut().filter(|module| module.bias.is_none()) {
            let known = linked.iter().find(|linked| module.contains(linked.dynamic));
            module.bias = known.map(|linked| linked.bias);
            module.dynamic = known.map(|linked| linked.dynamic);
        }
    }
    modules
}

/// Modules that are looked through for the one that a row of `NT_FILE` belongs to.
const NEAR: usize = 8;

/// The modules of a core without `NT_FILE`: segments that begin with an ELF header.
fn unnamed(core: &Core<'_>, linked: &[Linked]) -> Vec<Module> {
    let headed = core.segments().iter().filter(|segment| core.segment_bytes(segment).starts_with(ELFMAG));
    let headed = headed.filter(|segment| Some(segment.address) != vdso(core));
    headed
        .filter_map(|segment| {
            let row = MappedRow { start: segment.address, end: segment.end(), file_offset: 0 };
            let mut module = Module::at("", row, core)?;
            let head = first_page(core, module.start)?;
            let header = ElfHead::parse(&head, core.target())?;
            let bias = module.bias?;
            module.rows = header.loads().filter_map(|load| MappedRow::of_load(load, bias)).collect();
            let known = linked.iter().find(|linked| linked.bias == bias && !linked.path.is_empty());
            module.path = match known {
                Some(linked) => linked.path.clone(),
                None => link_map::soname(core, bias, header.headers()).unwrap_or_default(),
            };
            Some(module)
        })
        .collect()
}

/// Where the kernel mapped its own library.
fn vdso(core: &Core<'_>) -> Option<Address> {
    const AT_SYSINFO_EHDR: u64 = 33;
    core.notes().auxv.iter().find(|(kind, _)| *kind == AT_SYSINFO_EHDR).map(|&(_, at)| Address(at))
}

/// Bytes of all modules that are kept to be compared with files.
const MOST_FINGERPRINTS: usize = 256 << 20;

/// How much of a module's first page is looked at for its program headers and build ID.
const HEADER_BYTES: usize = 4096;

impl Module {
    /// A module that begins with `row`; none when the mapped file is no module but, say, a locale archive.
    fn at(path: &str, row: MappedRow, core: &Core<'_>) -> Option<Self> {
        let mut module = Self {
            path: path.to_owned(),
            start: row.start,
            end: row.end,
            bias: None,
            build_id: None,
            writable: Vec::new(),
            rows: vec![row],
            dynamic: None,
        };
        // Where nothing of it was dumped, it may be a module, and its rows still serve to look up the file.
        if let Some(head) = first_page(core, row.start) {
            module.read_header(&ElfHead::parse(&head, core.target())?, &head, core);
        }
        Some(module)
    }

    /// A module that the dynamic linker knows and whose header was not dumped, as emulators leave it: the mappings
    /// that touch each other around its dynamic section, up to the first that can be written.
    fn of_linked(linked: Linked, core: &Core<'_>) -> Option<Self> {
        let run = core.run_of_segments(linked.dynamic);
        let first = run.iter().position(|segment| segment.end() > Address(linked.bias.0))?;
        let run = run.get(first..)?;
        let behind = |segment: &Segment| segment.writable && segment.end() > linked.dynamic;
        let run = run.get(..=run.iter().position(behind).unwrap_or(run.len() - 1))?;
        let (start, end) = (run.first()?.address, run.last()?.end());
        let writable = run.iter().filter(|segment| segment.writable);
        Some(Self {
            path: linked.path,
            start: start.max(Address(linked.bias.0)),
            end,
            bias: Some(linked.bias),
            build_id: None,
            writable: writable.map(|segment| (segment.address, segment.len)).collect(),
            rows: Vec::new(),
            dynamic: Some(linked.dynamic),
        })
    }

    /// Fills in what the first page says.
    fn read_header(&mut self, header: &ElfHead, head: &[u8], core: &Core<'_>) {
        let bias = header.bias(self.start);
        self.bias = Some(bias);
        self.build_id =
            header.build_id(head, core.target()).or_else(|| header.build_id_in_memory(core, bias));
        self.writable = header
            .loads()
            .filter(|load| load.is_write())
            .map(|load| (bias.apply(load.p_vaddr), load.p_memsz))
            .collect();
        let ends = header.loads().map(|load| bias.apply(load.p_vaddr.saturating_add(load.p_memsz)));
        self.end = ends.max().unwrap_or(self.end).max(self.end);
    }

    /// The path without the mark that the kernel puts behind it when the file was deleted or replaced.
    pub(crate) fn recorded_path(&self) -> &str {
        self.path.strip_suffix(" (deleted)").unwrap_or(&self.path)
    }
}

impl MappedRow {
    /// The row that the dynamic linker or the kernel made of a `PT_LOAD`.
    fn of_load(load: &ProgramHeader, bias: LoadBias) -> Option<Self> {
        let within = load.p_vaddr & (PAGE - 1);
        let end = load.p_vaddr.checked_add(load.p_filesz)?.checked_next_multiple_of(PAGE)?;
        Some(Self {
            start: bias.apply(load.p_vaddr - within),
            end: bias.apply(end),
            file_offset: load.p_offset.checked_sub(within)?,
        })
    }
}

/// What segments are aligned to at least.
const PAGE: u64 = 4096;

fn first_page(core: &Core<'_>, start: Address) -> Option<Vec<u8>> {
    core.bytes(start, HEADER_BYTES).or_else(|_| core.bytes(start, 1024)).ok().map(Cow::into_owned)
}

fn writable_rows(core: &Core<'_>, rows: &[MappedRow]) -> Vec<(Address, u64)> {
    let writable = |row: &&MappedRow| core.segment_at(row.start).is_some_and(|segment| segment.writable);
    rows.iter().filter(writable).map(|row| (row.start, row.end.0.saturating_sub(row.start.0))).collect()
}

/// ELF header and program headers of a module.
pub(crate) struct ElfHead {
    executable_type: u16,
    headers: Vec<ProgramHeader>,
}

impl ElfHead {
    pub(crate) fn parse(head: &[u8], target: Target) -> Option<Self> {
        let elf = goblin::elf::Elf::parse_header(head).ok()?;
        let endianness =
            elf.endianness().ok().filter(|endianness| endianness.is_little() == target.little_endian)?;
        let start = usize::try_from(elf.e_phoff).ok()?;
        let room = head.len().saturating_sub(start) / 56;
        let count = usize::from(elf.e_phnum).min(room);
        let headers = ProgramHeader::parse(head, start, count, Ctx::new(Container::Big, endianness)).ok()?;
        Some(Self { executable_type: elf.e_type, headers })
    }

    /// Whether it runs where it was linked to.
    pub(crate) fn is_at_fixed_address(&self) -> bool {
        self.executable_type == ET_EXEC
    }

    pub(crate) fn headers(&self) -> &[ProgramHeader] {
        &self.headers
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

impl ElfHead {
    /// Notes that lie elsewhere than in the first page, as `patchelf` leaves them.
    fn build_id_in_memory(&self, core: &Core<'_>, bias: LoadBias) -> Option<BuildId> {
        const MOST_NOTES: u64 = 4096;
        let mut notes = self.headers.iter().filter(|header| header.p_type == PT_NOTE);
        notes.find_map(|header| {
            let len = header.p_filesz.min(MOST_NOTES) as usize;
            let content = core.bytes(bias.apply(header.p_vaddr), len).ok()?;
            build_id_in(&content, 0, len, core.target())
        })
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
    /// Files whose rows only their own headers tell.
    headless: Vec<(usize, OnceLock<Vec<MappedRow>>)>,
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
        let without_rows = |(index, module): (usize, &Module)| module.rows.is_empty().then_some(index);
        let headless = modules.iter().enumerate().filter_map(without_rows);
        let headless = headless.map(|index| (index, OnceLock::new())).collect();
        let search = Arc::new(Search::new(finder.clone()));
        let mut left = MOST_FINGERPRINTS;
        let files = modules
            .into_iter()
            .map(|module| {
                let is_executable = entry.is_some_and(|entry| module.contains(entry));
                let unmarked = module.build_id.is_none() && left > 0;
                let fingerprint = unmarked.then(|| Fingerprint::of(core, &module)).flatten();
                left = left.saturating_sub(fingerprint.as_ref().map_or(0, Fingerprint::len));
                ModuleFile::new(module, is_executable, fingerprint, Arc::clone(&search))
            })
            .collect();
        Self { files, rows, headless, target: core.target() }
    }

    /// The row of a module whose rows the core does not tell, by its file.
    fn row_by_file(&self, address: Address) -> Option<(MappedRow, usize)> {
        let here = |(index, _): &&(usize, _)| {
            self.files.get(*index).is_some_and(|file| file.module.contains(address))
        };
        let (index, rows) = self.headless.iter().find(here)?;
        let rows = rows.get_or_init(|| {
            let file = self.files.get(*index);
            let head = file.and_then(|file| ElfHead::parse(file.bytes(self.target)?, self.target));
            let bias = file.and_then(|file| file.module.bias);
            let rows = head.as_ref().zip(bias).into_iter().flat_map(|(head, bias)| {
                let loads = head.loads().filter(|load| !load.is_write());
                loads.filter_map(move |load| MappedRow::of_load(load, bias))
            });
            rows.collect()
        });
        let row = rows.iter().find(|row| row.start <= address && address < row.end)?;
        Some((*row, *index))
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
        let found = found.filter(|(row, _)| address < row.end).copied();
        let Some((row, index)) = found.or_else(|| self.row_by_file(address)) else {
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

/// The content of a section of an ELF file.
pub(crate) fn section<'f>(file: &'f [u8], name: &str) -> Option<&'f [u8]> {
    let (sections, names, _) = section_headers(file)?;
    let found = section_named(file, &sections, names, name)?;
    if found.sh_type == goblin::elf::section_header::SHT_NOBITS {
        return None;
    }
    let start = usize::try_from(found.sh_offset).ok()?;
    file.get(start..start.checked_add(usize::try_from(found.sh_size).ok()?)?)
}

fn section_named<'s>(
    file: &[u8],
    sections: &'s [goblin::elf::SectionHeader],
    names: usize,
    name: &str,
) -> Option<&'s goblin::elf::SectionHeader> {
    let text = file.get(usize::try_from(sections.get(names)?.sh_offset).ok()?..)?;
    sections.iter().find(|section| {
        let named = text.get(section.sh_name..).and_then(|rest| rest.get(..=name.len()));
        named.is_some_and(|named| named.split_last() == Some((&0, name.as_bytes())))
    })
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
    let found = section_named(file, &sections, names, name).filter(|section| section.sh_addr != 0)?;
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
