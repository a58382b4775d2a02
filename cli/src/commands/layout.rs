//! `pycoroner layout`: the offsets of a build, out of its DWARF.

use anyhow::{Context, Result};
use pycoroner_coredump::{MappedFile, column_from_dwarf};

use super::Session;
use crate::args::LayoutArgs;
use crate::exit::Outcome;

/// Runs the command.
pub(crate) fn run(session: &Session, args: &LayoutArgs) -> Result<Outcome> {
    session.output.spare([args.elf.as_path()])?;
    let shown = args.elf.display();
    let file = MappedFile::open(&args.elf)
        .with_context(|| format!("cannot read {shown}; check the path and the permissions of the file"))?;
    let column = column_from_dwarf(&file).with_context(|| {
        format!("{shown} tells no layout; give a CPython executable, libpython or debug file with DWARF (built with -g)")
    })?;
    session.output.write(&column.to_string())?;
    Ok(Outcome::Complete)
}
