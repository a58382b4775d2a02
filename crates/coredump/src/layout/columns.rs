//! The columns that are compiled in, one per minor version; `pycoroner layout` generated each.
//!
//! They were taken from release builds for `x86_64` and hold for every 64-bit Linux, but for [`is_portable`].

use crate::elf::parse::Machine;
use crate::layout::column::Column;
use crate::layout::member;

/// A compiled-in column with the versions that it was generated for.
pub(crate) struct Shipped {
    /// Major and minor version.
    pub(crate) version: (u8, u8),
    text: &'static str,
}

/// The machine that all of them were generated on.
pub(crate) const MACHINE: Machine = Machine::X86_64;

/// All of them, newest first.
pub(crate) const SHIPPED: &[Shipped] = &[
    Shipped { version: (3, 13), text: include_str!("columns/cpython-3.13.layout") },
    Shipped { version: (3, 12), text: include_str!("columns/cpython-3.12.layout") },
    Shipped { version: (3, 11), text: include_str!("columns/cpython-3.11.layout") },
    Shipped { version: (3, 10), text: include_str!("columns/cpython-3.10.layout") },
    Shipped { version: (3, 9), text: include_str!("columns/cpython-3.9.layout") },
    Shipped { version: (3, 8), text: include_str!("columns/cpython-3.8.layout") },
];

impl Shipped {
    /// The column itself.
    pub(crate) fn column(&self) -> Column {
        // A test parses every shipped column; a broken one would read as empty and be refused by the anchors.
        Column::parse(self.text).unwrap_or_default()
    }

    /// What of the column holds on `machine`.
    pub(crate) fn column_on(&self, machine: Machine) -> Column {
        let column = self.column();
        if machine == MACHINE {
            return column;
        }
        let mut portable = Column::default();
        portable.provenance.clone_from(&column.provenance);
        for path in member::Id::ALL.iter().map(|id| id.path()).filter(|path| is_portable(path)) {
            if let Some(place) = column.place(path) {
                portable.insert(path, place);
            }
        }
        portable
    }
}

/// Whether `path` lies at the same place on all 64-bit machines.
///
/// CPython's structures consist of pointers, `long` and `int`, which are alike there, and of glibc's
/// `pthread_mutex_t`: 40 bytes on `x86_64`, 48 on aarch64. Whatever lies behind one is moved: in
/// `_PyRuntimeState` up to 3.11 all that is behind `ceval.gil`, in `PyInterpreterState` from 3.12 on all that is
/// behind `_gil`. (The state of the garbage collector lies before, in both.)
fn is_portable(path: &str) -> bool {
    const BEHIND_A_MUTEX: [&str; 2] = ["_PyRuntimeState.gilstate.", "PyInterpreterState.types."];
    !BEHIND_A_MUTEX.iter().any(|start| path.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_column_parses() {
        for shipped in SHIPPED {
            let column = Column::parse(shipped.text).unwrap();
            assert!(column.place("PyObject.ob_type").is_some(), "{:?}", shipped.version);
            assert!(!column.provenance.is_empty(), "{:?}", shipped.version);
        }
    }
    /// Checks one line of each column, oldest first; an empty line stands for a member that is not there.
    fn check(path: &str, expected: [&str; 6]) {
        let lines: Vec<String> = SHIPPED.iter().rev().map(|shipped| line_of(shipped, path)).collect();
        assert_eq!(lines, expected, "{path}");
    }

    fn line_of(shipped: &Shipped, path: &str) -> String {
        let place = |line: &str| line.strip_prefix(path)?.strip_prefix(' ').map(str::to_owned);
        shipped.text.lines().find_map(place).unwrap_or_default()
    }

    #[test]
    fn other_machines_get_what_is_portable() {
        let dropped = |shipped: &Shipped, machine| {
            let kept = shipped.column_on(machine).to_string();
            let gone = |line: &&str| !kept.lines().any(|other| other == *line);
            shipped.column().to_string().lines().filter(gone).map(str::to_owned).collect::<Vec<_>>()
        };
        for shipped in SHIPPED {
            assert!(dropped(shipped, MACHINE).is_empty());
            for line in dropped(shipped, Machine::Aarch64) {
                let structure = if shipped.version < (3, 12) {
                    "_PyRuntimeState.gilstate.tstate_current "
                } else {
                    "PyInterpreterState.types."
                };
                assert!(line.starts_with(structure), "{:?}: {line}", shipped.version);
            }
        }
        assert_eq!(dropped(&SHIPPED[2], Machine::Aarch64), ["_PyRuntimeState.gilstate.tstate_current 576"]);
    }

    /// Values that follow from the headers of each version (`Include/` at the tags v3.8.18 to v3.13.0).
    #[test]
    fn columns_agree_with_the_headers() {
        check("PyObject.ob_type", ["8"; 6]);
        check("PyVarObject.ob_size", ["16"; 6]);
        check("PyFloatObject.ob_fval", ["16"; 6]);
        check("PyTypeObject.tp_name", ["24"; 6]);
        check("PyTypeObject.tp_flags", ["168"; 6]);
        check("PyListObject.ob_item", ["24"; 6]);
        check("PyGC_Head", ["16"; 6]);
        check("PyASCIIObject.state.kind", ["32 2:3"; 6]);
        // `wstr` went in 3.12 (PEP 623).
        check("PyASCIIObject", ["48", "48", "48", "48", "40", "40"]);
        check("PyLongObject.ob_digit", ["24", "24", "24", "24", "", ""]);
        check("PyLongObject.long_value.lv_tag", ["", "", "", "", "16", "16"]);
        check("PyDictKeysObject.dk_indices", ["40", "40", "40", "32", "32", "32"]);
        check("PyThreadState.cframe", ["", "", "48", "56", "56", ""]);
        check("PyBaseExceptionObject.notes", ["", "", "", "32", "32", "32"]);
        // Embedded behind `_PyRuntimeState.ceval.gil` up to 3.11, thread-local from 3.12.
        check("_PyRuntimeState.gilstate.tstate_current", ["1368", "568", "568", "576", "", ""]);
    }
}
