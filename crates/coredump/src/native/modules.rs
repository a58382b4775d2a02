//! The modules of a process with what unwinding and naming need of each, read when first asked for.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::address::{Address, LoadBias};
use crate::elf::module_file::ModuleFile;
use crate::layout::dwarf::Binary;
use crate::memory::Memory;
use crate::native::cfi::CallFrames;
use crate::native::image::Image;
use crate::native::symbols::SymbolTable;
use crate::runtime::process::DeadProcess;

/// The modules of a process.
pub(crate) struct Modules<'p> {
    process: &'p DeadProcess<'p>,
    /// By first address.
    modules: Vec<NativeModule<'p>>,
}

/// One module.
pub(crate) struct NativeModule<'p> {
    process: &'p DeadProcess<'p>,
    start: Address,
    end: Address,
    pub(crate) path: &'p str,
    pub(crate) bias: Option<LoadBias>,
    pub(crate) build_id: Option<String>,
    file: Option<&'p ModuleFile>,
    image: OnceCell<Option<Image<'p>>>,
    frames: OnceCell<Option<CallFrames<'p>>>,
    symbols: OnceCell<SymbolTable<'p>>,
    debug: OnceCell<Option<DebugSections<'p>>>,
}

/// The debug information of a module, unpacked.
pub(crate) type DebugSections<'p> = gimli::DwarfSections<Cow<'p, [u8]>>;

/// `AT_SYSINFO_EHDR`: where the kernel mapped the vDSO (getauxval(3)).
const AT_SYSINFO_EHDR: u64 = 33;
/// The vDSO takes a few pages; its own headers say how many, this bounds them.
const VDSO_BYTES: u64 = 1 << 16;

impl<'p> Modules<'p> {
    pub(crate) fn of(process: &'p DeadProcess<'p>) -> Self {
        let mut modules: Vec<_> =
            process.module_files().iter().map(|file| NativeModule::of_file(process, file)).collect();
        modules.extend(vdso(process));
        modules.sort_by_key(|module| module.start);
        Self { process, modules }
    }

    pub(crate) fn process(&self) -> &'p DeadProcess<'p> {
        self.process
    }

    /// The module of a number.
    pub(crate) fn get(&self, index: usize) -> Option<&NativeModule<'p>> {
        self.modules.get(index)
    }

    /// The module that an address lies in, with its number.
    pub(crate) fn at(&self, address: Address) -> Option<(usize, &NativeModule<'p>)> {
        let after = self.modules.partition_point(|module| module.start <= address);
        let index = after.checked_sub(1)?;
        let module = self.modules.get(index)?;
        (address < module.end).then_some((index, module))
    }
}

impl<'p> NativeModule<'p> {
    fn of_file(process: &'p DeadProcess<'p>, file: &'p ModuleFile) -> Self {
        let module = &file.module;
        Self {
            process,
            start: module.start,
            end: module.end,
            path: &module.path,
            bias: module.bias,
            build_id: module.build_id.as_ref().map(ToString::to_string),
            file: Some(file),
            image: OnceCell::new(),
            frames: OnceCell::new(),
            symbols: OnceCell::new(),
            debug: OnceCell::new(),
        }
    }

    /// The file's bytes, when a file of the same build is there.
    pub(crate) fn file(&self) -> Option<&'p [u8]> {
        self.file?.bytes(self.process.core().target())
    }

    /// Its headers and sections, when its file is there.
    fn binary(&self) -> Option<Binary<'p>> {
        Binary::parse(self.file()?).ok()
    }

    /// Its separate debug file.
    fn debug_binary(&self) -> Option<Binary<'p>> {
        Binary::parse(self.file?.debug_bytes(self.process.core().target())?).ok()
    }

    /// The files that may hold its symbols and debug information, its own first.
    pub(crate) fn binaries(&self) -> impl Iterator<Item = Binary<'p>> {
        self.binary().into_iter().chain(self.debug_binary())
    }

    /// Its image, from the file or from the core.
    pub(crate) fn image(&self) -> Option<&Image<'p>> {
        let image = || match self.file() {
            Some(file) => Image::of_file(file),
            None => Image::of_core(self.process.core(), self.start, self.bias?),
        };
        self.image.get_or_init(image).as_ref()
    }

    /// Whether its headers say that an address of it can be executed.
    pub(crate) fn is_code(&self, address: Address) -> bool {
        match (self.image(), self.bias) {
            (Some(image), Some(bias)) => image.is_code(bias.remove(address)),
            _ => true,
        }
    }

    /// Its call frame information.
    pub(crate) fn frames(&self) -> Option<&CallFrames<'p>> {
        let frames = || {
            let image = self.image()?;
            let eh_frame = self.binary().and_then(|binary| binary.loaded_section(".eh_frame"));
            let debug_frame = self.binaries().find_map(|binary| binary.plain_section(".debug_frame"));
            Some(CallFrames::new(image, eh_frame, debug_frame))
        };
        self.frames.get_or_init(frames).as_ref()
    }

    /// Its debug information, from its own file or the separate one.
    pub(crate) fn debug(&self) -> Option<&DebugSections<'p>> {
        let debug = || {
            let binary = self.binaries().find(|binary| binary.has_section(".debug_info"))?;
            let section = |id: gimli::SectionId| binary.debug_section(id.name());
            gimli::DwarfSections::load(|id| section(id).map(Option::unwrap_or_default)).ok()
        };
        self.debug.get_or_init(debug).as_ref()
    }

    /// Byte order of its debug information.
    pub(crate) fn endian(&self) -> gimli::RunTimeEndian {
        if self.process.core().target().little_endian {
            gimli::RunTimeEndian::Little
        } else {
            gimli::RunTimeEndian::Big
        }
    }

    /// Its functions by address.
    pub(crate) fn symbols(&self) -> &SymbolTable<'p> {
        self.symbols.get_or_init(|| SymbolTable::of(self))
    }
}

/// The image that the kernel maps into every process; its pages are always dumped.
fn vdso<'p>(process: &'p DeadProcess<'p>) -> Option<NativeModule<'p>> {
    let core = process.core();
    let start = core.notes().auxv.iter().find(|(kind, _)| *kind == AT_SYSINFO_EHDR)?.1;
    let start = Address(start);
    if process.modules().any(|module| module.start == start) {
        return None;
    }
    core.bytes(start, 64).ok()?;
    let end = core.segment_at(start)?.end().min(start.checked_add(VDSO_BYTES)?);
    Some(NativeModule {
        process,
        start,
        end,
        path: "[vdso]",
        // The kernel links it at 0.
        bias: Some(LoadBias(start.0)),
        build_id: None,
        file: None,
        image: OnceCell::new(),
        frames: OnceCell::new(),
        symbols: OnceCell::new(),
        debug: OnceCell::new(),
    })
}
