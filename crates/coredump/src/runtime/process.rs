//! A dead process: its core, and the files of its modules where they are there.

use std::borrow::Cow;

use crate::address::Address;
use crate::elf::finder::ModuleFinder;
use crate::elf::initial_stack::{self, InitialStack};
use crate::elf::module_file::ModuleFile;
use crate::elf::modules::{self, Module, ModuleMemory};
use crate::elf::parse::Core;
use crate::memory::{Fault, Memory, Overlay, Space};
use crate::runtime::known_words::KnownWords;

/// A core file together with whatever binaries of the same build can be found.
#[derive(Debug)]
pub struct DeadProcess<'d> {
    memory: Overlay<Core<'d>, ModuleMemory>,
    known: KnownWords,
}

impl<'d> DeadProcess<'d> {
    /// Looks for the modules of `core` as `finder` says; the core alone is enough.
    pub fn new(core: Core<'d>, finder: &ModuleFinder) -> Self {
        let modules = modules::of_core(&core);
        let files = ModuleMemory::new(&core, modules, finder);
        Self { memory: Overlay { first: core, second: files }, known: KnownWords::default() }
    }

    /// The core file.
    pub fn core(&self) -> &Core<'d> {
        &self.memory.first
    }

    /// Executable and shared libraries, as the core lists them.
    pub fn modules(&self) -> impl Iterator<Item = &Module> {
        self.module_files().iter().map(|file| &file.module)
    }

    /// Arguments and environment that the process was started with.
    pub fn initial_stack(&self) -> InitialStack {
        initial_stack::read(self.core())
    }

    pub(crate) fn module_files(&self) -> &[ModuleFile] {
        self.memory.second.files()
    }

    /// What recovery found out about memory that is lost; empty unless it ran.
    pub(crate) fn known(&self) -> &KnownWords {
        &self.known
    }

    pub(crate) fn space(&self) -> Space<'_> {
        Space::new(self, self.core().target())
    }
}

impl Memory for DeadProcess<'_> {
    fn bytes(&self, address: Address, len: usize) -> Result<Cow<'_, [u8]>, Fault> {
        self.memory
            .bytes(address, len)
            .or_else(|fault| self.known.bytes(address, len).map(Cow::Owned).ok_or(fault))
    }
}
