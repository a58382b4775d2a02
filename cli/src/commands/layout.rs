//! `pycoroner layout`: the offsets of a build, out of its DWARF.

use std::path::Path;

use anyhow::{Context, Result};
use pycoroner_coredump::{Column, MappedFile, column_from_dwarf};

use super::Session;
use crate::args::LayoutArgs;
use crate::exit::Outcome;

/// Runs the command.
pub(crate) fn run(session: &Session, args: &LayoutArgs) -> Result<Outcome> {
    let files = || [&args.elf].into_iter().chain(&args.modules).map(std::path::PathBuf::as_path);
    session.output.spare(files())?;
    let mut column = column_of(&args.elf)?;
    for module in &args.modules {
        let name = module.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        column.add(column_of(module)?, name.split('.').next().unwrap_or_default());
    }
    session.output.write(&column.to_string())?;
    Ok(Outcome::Complete)
}

fn column_of(path: &Path) -> Result<Column> {
    let shown = path.display();
    let file = MappedFile::open(path)
        .with_context(|| format!("cannot read {shown}; check the path and the permissions of the file"))?;
    column_from_dwarf(&file).with_context(|| {
        format!("{shown} tells no layout; give a CPython executable, libpython or debug file with DWARF (built with -g)")
    })
}
