//! What the ELF format says about a core file, before any Python is looked for.

pub(crate) mod core_file;
pub(crate) mod finder;
mod fingerprint;
pub(crate) mod initial_stack;
mod link_map;
pub(crate) mod module_file;
pub(crate) mod modules;
pub(crate) mod notes;
pub(crate) mod parse;
mod residence;
pub(crate) mod stored;
mod sysroot;
pub(crate) mod words;
