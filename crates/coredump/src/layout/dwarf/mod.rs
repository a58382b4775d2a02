//! Layouts out of DWARF: reads from a binary's debug information where the members lie.
//!
//! [`elf`] finds and unpacks the sections, [`entries`] reads debugging information entries (DIEs) one at a
//! time within a budget of work, [`structures`] looks for the structures and follows the paths of their
//! members. DWARF 2 to 5 is read. Types that lie in another file (`dwz` supplements, `.dwo`) or in type units
//! are not followed: what needs them is absent from the column, and a column without objects is an error.

mod elf;
mod entries;
mod structures;

use crate::elf::modules::build_id_of_file;
use crate::layout::column::Column;
pub(crate) use crate::layout::dwarf::elf::Binary;
use crate::layout::dwarf::entries::Entries;

/// Why a binary's debug information gives no layout.
#[derive(Debug, thiserror::Error)]
pub enum DwarfError {
    /// It is not a binary that can be read.
    #[error("not a 64-bit ELF executable, shared library or debug file: {0}")]
    NotBinary(String),
    /// There is no debug information in it.
    #[error(
        "no {0} section: the binary is stripped; give its unstripped original, or the file of the debug symbol \
         package with the same build ID"
    )]
    NoDebugInfo(&'static str),
    /// A section cannot be taken out of the file.
    #[error("section {name} at offset {offset:#x}: {what}")]
    Section {
        /// Its name.
        name: &'static str,
        /// Where it begins in the file.
        offset: u64,
        /// What is wrong with it.
        what: String,
    },
    /// Not DWARF, or of a form that is not known.
    #[error("offset {offset:#x} of .debug_info: {source}")]
    Malformed {
        /// Offset in `.debug_info`, unpacked, near which it is.
        offset: u64,
        /// What is wrong.
        source: gimli::Error,
    },
    /// Well-formed, but it makes no sense.
    #[error("offset {offset:#x} of .debug_info: {what}")]
    Senseless {
        /// Offset of the entry in `.debug_info`, unpacked.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// None of the structures is described.
    #[error(
        "the debug information describes none of CPython's structures; is this the binary that contains the \
         interpreter (libpython3.N.so, where there is one)?"
    )]
    NoStructures,
}

/// Takes the offsets of all members that are read from the debug information of a binary.
///
/// `elf` is an interpreter with its debug information, or its separate debug file. The lines on provenance
/// state the version, as far as the file tells it, the processor and the build ID, and no path.
///
/// # Errors
/// When the file is no ELF binary, has no debug information or damaged one, or is not CPython's.
pub fn column_from_dwarf(elf: &[u8]) -> Result<Column, DwarfError> {
    let binary = Binary::parse(elf)?;
    let sections = binary.debug_sections()?;
    let entries = Entries::new(&sections, binary.target().little_endian)?;
    let mut column = structures::find(&entries)?;
    column.provenance = provenance(elf, &binary);
    Ok(column)
}

fn provenance(elf: &[u8], binary: &Binary<'_>) -> Vec<String> {
    let version =
        binary.python_version().unwrap_or_else(|| "(the file does not tell the version)".to_owned());
    let word_size = binary.target().word_size;
    let mut lines =
        vec![format!("CPython {version}"), format!("{}, {word_size}-byte pointers", binary.machine().name())];
    lines.extend(build_id_of_file(elf, binary.target()).map(|id| format!("build ID {id}")));
    lines
}

#[cfg(test)]
mod tests;
