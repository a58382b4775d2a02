//! Opening a core and what goes with it.

use std::sync::Arc;

use anyhow::{Context, Result};
use pycoroner_coredump::{
    AttachError, Core, CoreFile, DeadProcess, Download, ModuleFinder, PythonRuntime, UnpackLimits,
};

use crate::args::Binaries;
use crate::debuginfod::Debuginfod;
use crate::evidence::Item;

/// Opens the core, looks for its Python and hands both to `read`; without a Python, `read` still gets the process.
///
/// # Errors
/// When the file cannot be opened or is no core at all, or what `read` says.
pub(crate) fn with_process<T>(
    item: &Item,
    binaries: &Binaries,
    read: impl FnOnce(&DeadProcess<'_>, Result<&PythonRuntime<'_>, &AttachError>) -> Result<T>,
) -> Result<T> {
    with_file(&open(item)?, item, binaries, read)
}

/// As [`with_process`], for what reads a little of all the core: little more than what it reads stays in memory.
///
/// # Errors
/// As [`with_process`].
pub(crate) fn with_lean_process<T>(
    item: &Item,
    binaries: &Binaries,
    read: impl FnOnce(&DeadProcess<'_>, Result<&PythonRuntime<'_>, &AttachError>) -> Result<T>,
) -> Result<T> {
    with_file(&open(item)?.keep_resident(RESIDENT_BYTES), item, binaries, read)
}

/// Bytes around what was read of a core that may stay in memory.
const RESIDENT_BYTES: usize = 4 << 20;

fn open(item: &Item) -> Result<CoreFile> {
    CoreFile::open(&item.path, UnpackLimits::default()).with_context(|| format!("cannot open {}", item.shown))
}

fn with_file<T>(
    file: &CoreFile,
    item: &Item,
    binaries: &Binaries,
    read: impl FnOnce(&DeadProcess<'_>, Result<&PythonRuntime<'_>, &AttachError>) -> Result<T>,
) -> Result<T> {
    let core = Core::of_file(file, item.id).with_context(|| {
        format!("{} cannot be read as a core; was it copied whole? (see `ulimit -c` and the disk it was written to)", item.shown)
    })?;
    let process = DeadProcess::new(core, &finder(binaries));
    let runtime = PythonRuntime::attach(&process);
    read(&process, runtime.as_ref())
}

fn finder(binaries: &Binaries) -> ModuleFinder {
    let debuginfod = Debuginfod::of_environment(|name| std::env::var_os(name));
    ModuleFinder {
        sysroot: binaries.sysroot.clone(),
        executable: binaries.exe.clone(),
        module_path: binaries.module_path.clone(),
        download: debuginfod.map(|client| Arc::new(client) as Arc<dyn Download>),
    }
}
