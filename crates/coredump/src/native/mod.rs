//! Native stacks: unwinding, names, source lines, and how Python frames lie between the native ones.
//!
//! Other parts that only ask where a thread stands call [`top_frames`]: it reads registers, one module's call frame
//! information and symbols, and no debug information.

pub(crate) mod calls;
mod cfi;
pub(crate) mod demangle;
mod image;
pub(crate) mod lines;
pub(crate) mod merge;
pub(crate) mod modules;
mod registers;
pub(crate) mod search;
pub(crate) mod signal;
mod symbols;
pub(crate) mod unwind;

use crate::address::Address;
use crate::elf::notes::ThreadStatus;
use crate::native::modules::Modules;
use crate::native::unwind::NativeFrame;
use crate::runtime::process::DeadProcess;

/// Where in machine code a frame stands, as far as symbols tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NativePlace {
    /// The instruction's address.
    pub address: Address,
    /// The module's path as the process saw it; absent for code that no file was mapped for.
    pub module: Option<String>,
    /// The module's build ID.
    pub build_id: Option<String>,
    /// Link-time address within the module.
    pub offset: Option<Address>,
    /// The function, demangled; absent where no symbol covers the address.
    pub function: Option<String>,
    /// How far behind the function's first byte the address lies.
    pub function_offset: Option<u64>,
}

/// The innermost frame of a thread: its instruction pointer with a name.
///
/// ```text
/// native::top_frame(process, &process.core().notes().threads[0])
/// ```
pub fn top_frame(process: &DeadProcess<'_>, thread: &ThreadStatus) -> Option<NativePlace> {
    top_frames(process, thread, 1).into_iter().next()
}

/// The innermost `count` frames of a thread with their names, by symbols only: no lines, no inlined functions.
pub fn top_frames(process: &DeadProcess<'_>, thread: &ThreadStatus, count: usize) -> Vec<NativePlace> {
    let modules = Modules::of(process);
    let stack = unwind::walk_at_most(&modules, thread, count);
    stack.frames.iter().map(|frame| place(&modules, frame)).collect()
}

/// Module, offset and function of a frame.
pub(crate) fn place(modules: &Modules<'_>, frame: &NativeFrame) -> NativePlace {
    let mut place = NativePlace { address: frame.pc, ..NativePlace::default() };
    let Some((_, module)) = modules.at(frame.lookup_address()) else { return place };
    place.module = Some(module.path.to_owned()).filter(|path| !path.is_empty());
    place.build_id.clone_from(&module.build_id);
    let Some(bias) = module.bias else { return place };
    place.offset = Some(Address(bias.remove(frame.pc)));
    if let Some(function) = module.symbols().function_at(bias.remove(frame.lookup_address())) {
        place.function_offset = Some(bias.remove(frame.pc).wrapping_sub(function.start));
        place.function = Some(function.name);
    }
    place
}
