//! Source lines and inlined functions of native frames, from debug information.

use addr2line::Context;
use gimli::{EndianSlice, RunTimeEndian};
use rustc_hash::FxHashMap;

use crate::native::demangle::demangle;
use crate::native::modules::{Modules, NativeModule};

type Slice<'m> = EndianSlice<'m, RunTimeEndian>;

/// Reads debug information of the modules that are asked for, and remembers it.
pub(crate) struct SourceLines<'m> {
    modules: &'m Modules<'m>,
    contexts: FxHashMap<usize, Option<Context<Slice<'m>>>>,
}

/// A function at an address, as its source has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceFrame {
    pub(crate) function: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
}

/// Functions inlined into each other that are listed for one address.
const MOST_INLINED: usize = 64;

impl<'m> SourceLines<'m> {
    pub(crate) fn new(modules: &'m Modules<'m>) -> Self {
        Self { modules, contexts: FxHashMap::default() }
    }

    /// The functions at a link-time address of a module, the innermost inlined one first; the last one is the
    /// function that the machine code belongs to. Empty where nothing is known.
    pub(crate) fn at(&mut self, index: usize, address: u64) -> Vec<SourceFrame> {
        let modules = self.modules;
        let context = self.contexts.entry(index).or_insert_with(|| context(modules.get(index)?));
        let Some(context) = context else { return Vec::new() };
        let Ok(mut found) = context.find_frames(address).skip_all_loads() else { return Vec::new() };
        let mut frames = Vec::new();
        while let (Ok(Some(frame)), true) = (found.next(), frames.len() < MOST_INLINED) {
            let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
            let location = frame.location;
            frames.push(SourceFrame {
                function: name.map(|name| demangle(&name)),
                file: location.as_ref().and_then(|location| location.file).map(str::to_owned),
                line: location.and_then(|location| location.line),
            });
        }
        frames
    }
}

fn context<'m>(module: &'m NativeModule<'m>) -> Option<Context<Slice<'m>>> {
    let endian = module.endian();
    let dwarf = module.debug()?.borrow(|section| EndianSlice::new(section, endian));
    Context::from_dwarf(dwarf).ok()
}
