//! The columns that are compiled in, one per minor version and flavor; `pycoroner layout` generated each.
//!
//! They were taken from release builds for `x86_64` and hold for every 64-bit Linux, but for [`is_portable`].

use crate::elf::parse::Machine;
use crate::layout::column::{Column, Place};
use crate::layout::flavor::Flavor;
use crate::layout::member;

/// A compiled-in column with the versions that it was generated for.
pub(crate) struct Shipped {
    /// Major and minor version.
    pub(crate) version: (u8, u8),
    /// How the build was configured.
    pub(crate) flavor: Flavor,
    /// The patch levels of which it holds.
    patches: (u8, u8),
    moved: Moved,
    /// Whether it was tried on cores of such a build.
    pub(crate) tried: bool,
    /// Of the same version and flavor there is another column, which is tried first.
    is_variant: bool,
    text: &'static str,
}

/// The machine that all of them were generated on.
pub(crate) const MACHINE: Machine = Machine::X86_64;

const fn shipped(minor: u8, flavor: Flavor, text: &'static str) -> Shipped {
    Shipped {
        version: (3, minor),
        flavor,
        patches: (0, u8::MAX),
        moved: &[],
        tried: true,
        is_variant: false,
        text,
    }
}

impl Shipped {
    const fn patches(self, first: u8, last: u8) -> Self {
        Self { patches: (first, last), ..self }
    }

    const fn variant(self) -> Self {
        Self { is_variant: true, ..self }
    }

    const fn untried(self) -> Self {
        Self { tried: false, ..self }
    }

    const fn moved(self, moved: Moved) -> Self {
        Self { moved, ..self }
    }
}

/// `_thread.lock` holds a `PyMutex` since 3.13.1 (cpython#125116; `lockobject` of Modules/_threadmodule.c at v3.13.0
/// and v3.13.1). The generations of the collector were seen in one place in 3.13.0 and in another in 3.13.18.
const MOVED_IN_3_13: Moved = &[(0, &["lockobject."]), (17, &["PyInterpreterState.gc.generations"])];

/// The header of the collector is aligned to 16 bytes since 3.7.4 (bpo-27987), which moves all that is behind its lists. Of
/// 3.6, the builds of Debian and Ubuntu have the smaller one (seen in 3.6.5 and 3.6.9), and those of pyenv the larger one
/// (3.6.15). [Verification](crate::runtime::verify) tells which it is.
const MOVED_BEFORE_3_7_4: Moved = &[(
    u8::MAX,
    &[
        "PyGC_Head",
        "gc_generation",
        "_PyRuntimeState.gc.",
        "_PyRuntimeState.ceval.",
        "_PyRuntimeState.gilstate.",
    ],
)];

/// The collector of 3.14 was incremental up to 3.14.4 and is generational since 3.14.5, as before and as in 3.15
/// (`struct _gc_runtime_state` of `Include/internal/pycore_interp_structs.h` at v3.14.4 and v3.14.5): its own
/// members and all that lies behind it in the interpreter's state are elsewhere. What `_Py_DebugOffsets` states
/// of them is right, the rest is not known.
const MOVED_IN_3_14: Moved = &[(
    4,
    &[
        "PyInterpreterState.gc.",
        "PyInterpreterState.stoptheworld.",
        "PyInterpreterState.types.",
        "PyInterpreterState.asyncio_",
    ],
)];

/// Up to which patch level paths are elsewhere than in a column, and not known where.
type Moved = &'static [(u8, &'static [&'static str])];

/// All of them, newest first; of one version the most common flavor first.
pub(crate) const SHIPPED: &[Shipped] = &[
    shipped(15, Flavor::Release, include_str!("columns/cpython-3.15.layout")),
    shipped(15, Flavor::Debug, include_str!("columns/cpython-3.15d.layout")),
    shipped(15, Flavor::FreeThreaded, include_str!("columns/cpython-3.15t.layout")).untried(),
    shipped(14, Flavor::Release, include_str!("columns/cpython-3.14.layout")).moved(MOVED_IN_3_14),
    shipped(14, Flavor::Debug, include_str!("columns/cpython-3.14d.layout")).moved(MOVED_IN_3_14),
    shipped(14, Flavor::FreeThreaded, include_str!("columns/cpython-3.14t.layout"))
        .moved(MOVED_IN_3_14)
        .untried(),
    shipped(13, Flavor::Release, include_str!("columns/cpython-3.13.layout"))
        .patches(1, u8::MAX)
        .moved(MOVED_IN_3_13),
    shipped(13, Flavor::Release, include_str!("columns/cpython-3.13.0.layout")).patches(0, 0),
    shipped(13, Flavor::FreeThreaded, include_str!("columns/cpython-3.13t.layout")).moved(MOVED_IN_3_13),
    shipped(13, Flavor::Debug, include_str!("columns/cpython-3.13d.layout")).moved(MOVED_IN_3_13),
    shipped(12, Flavor::Release, include_str!("columns/cpython-3.12.layout")),
    shipped(12, Flavor::Debug, include_str!("columns/cpython-3.12d.layout")),
    shipped(11, Flavor::Release, include_str!("columns/cpython-3.11.layout")),
    shipped(11, Flavor::Debug, include_str!("columns/cpython-3.11d.layout")),
    shipped(10, Flavor::Release, include_str!("columns/cpython-3.10.layout")),
    shipped(10, Flavor::Debug, include_str!("columns/cpython-3.10d.layout")),
    shipped(9, Flavor::Release, include_str!("columns/cpython-3.9.layout")),
    shipped(9, Flavor::Debug, include_str!("columns/cpython-3.9d.layout")),
    shipped(8, Flavor::Release, include_str!("columns/cpython-3.8.layout")),
    shipped(8, Flavor::Debug, include_str!("columns/cpython-3.8d.layout")),
    shipped(7, Flavor::Release, include_str!("columns/cpython-3.7.layout")),
    shipped(7, Flavor::Release, include_str!("columns/cpython-3.7.layout"))
        .patches(0, 3)
        .moved(MOVED_BEFORE_3_7_4)
        .untried()
        .variant(),
    shipped(7, Flavor::Debug, include_str!("columns/cpython-3.7d.layout")),
    shipped(6, Flavor::Release, include_str!("columns/cpython-3.6.layout")),
    shipped(6, Flavor::Release, include_str!("columns/cpython-3.6.15.layout")).variant(),
    shipped(6, Flavor::Debug, include_str!("columns/cpython-3.6d.layout")),
];

/// The minor versions that are known, newest first.
pub(crate) fn versions() -> impl Iterator<Item = (u8, u8)> {
    let release = |shipped: &&Shipped| {
        shipped.flavor == Flavor::Release && shipped.patches.1 == u8::MAX && !shipped.is_variant
    };
    SHIPPED.iter().filter(release).map(|shipped| shipped.version)
}

/// The versions that are known, as text: `3.6 to 3.15`.
pub(crate) fn supported() -> String {
    let (Some(oldest), Some(newest)) = (versions().min(), versions().max()) else { return String::new() };
    format!("{}.{} to {}.{}", oldest.0, oldest.1, newest.0, newest.1)
}

impl Shipped {
    /// The column itself.
    pub(crate) fn column(&self) -> Column {
        // A test parses every shipped column; a broken one would read as empty and be refused by the anchors.
        Column::parse(self.text).unwrap_or_default()
    }

    /// Whether the column is for that patch level, where it is known.
    pub(crate) fn holds_for(&self, patch: Option<u8>) -> bool {
        patch.is_none_or(|patch| (self.patches.0..=self.patches.1).contains(&patch))
    }

    /// What of the column holds on `machine` and at that patch level, where it is known.
    pub(crate) fn column_on(&self, machine: Machine, patch: Option<u8>) -> Column {
        let column = self.column();
        let moved = self.moved.iter().filter(|(last, _)| patch.is_none_or(|patch| patch <= *last));
        let moved: Vec<&str> = moved.flat_map(|(_, paths)| paths.iter().copied()).collect();
        let holds = |path: &str| {
            (machine == MACHINE || is_portable(path)) && !moved.iter().any(|start| path.starts_with(start))
        };
        let mut held = Column::default();
        held.provenance.clone_from(&column.provenance);
        for path in member::Id::ALL.iter().map(|id| id.path()).filter(|path| holds(path)) {
            if let Some(place) = column.place(path) {
                held.insert(path, place);
            }
        }
        held
    }
}

/// Structures of extension modules whose C interface fixes them, for every CPython.
const C_INTERFACES: &[&str] = &[include_str!("columns/numpy.layout")];
/// The object header that they were generated with.
const HEADER_OF_INTERFACES: u64 = 16;

/// The structures of [`C_INTERFACES`] for builds whose object header is that of `column`: each structure begins
/// with the header, and what follows is aligned to words, so all of it moves together.
pub(crate) fn c_interfaces(column: &Column) -> Column {
    let header = column.place("PyObject").map_or(HEADER_OF_INTERFACES, |place| place.offset);
    let mut moved = Column::default();
    for text in C_INTERFACES {
        // A test parses each of them.
        let interface = Column::parse(text).unwrap_or_default();
        for path in member::Id::ALL.iter().map(|id| id.path()) {
            if let Some(place) = interface.place(path) {
                let offset = (place.offset + header).saturating_sub(HEADER_OF_INTERFACES);
                moved.insert(path, Place { offset, ..place });
            }
        }
    }
    moved
}

/// The structures of greenlet, which hold some of CPython's by value; each text has a part for each version of greenlet
/// from which on they lie elsewhere, the newest first. From 3.1.1 to 3.5, what is read of them lies alike.
const GREENLETS: &[((u8, u8), &str)] = &[
    ((3, 6), include_str!("columns/greenlet-3.6.layout")),
    ((3, 7), include_str!("columns/greenlet-3.7.layout")),
    ((3, 8), include_str!("columns/greenlet-3.8.layout")),
    ((3, 9), include_str!("columns/greenlet-3.9.layout")),
    ((3, 10), include_str!("columns/greenlet-3.10.layout")),
    ((3, 11), include_str!("columns/greenlet-3.11.layout")),
    ((3, 12), include_str!("columns/greenlet-3.12.layout")),
    ((3, 13), include_str!("columns/greenlet-3.13.layout")),
    ((3, 14), include_str!("columns/greenlet-3.14.layout")),
    ((3, 15), include_str!("columns/greenlet-3.15.layout")),
];

/// A version of greenlet: major, minor and patch level.
pub(crate) type GreenletVersion = (u16, u16, u16);

/// The structures of greenlet of that version (the newest where it is not known) in a CPython of `version`, unless its
/// object header, of that size, is another one than they were generated with.
pub(crate) fn greenlets(version: (u8, u8), header: u64, greenlet: Option<GreenletVersion>) -> Option<Column> {
    let (_, text) = GREENLETS.iter().find(|(of, _)| *of == version)?;
    let mut parts = text.split("# greenlet ").filter_map(|part| {
        let first = part.split(',').next()?;
        Some((greenlet_version(first)?, part))
    });
    let (_, part) = parts.find(|&(first, _)| greenlet.is_none_or(|greenlet| greenlet >= first))?;
    // A test parses each of them.
    Column::parse(&format!("# greenlet {part}")).ok().filter(|_| header == HEADER_OF_INTERFACES)
}

/// The numbers of `greenlet.__version__`.
pub(crate) fn greenlet_version(text: &str) -> Option<GreenletVersion> {
    let number = |part: &str| part.split(|next: char| !next.is_ascii_digit()).next()?.parse().ok();
    let mut parts = text.split('.').map(number);
    Some((parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)))
}

/// Whether `path` lies at the same place on all 64-bit machines.
///
/// CPython's structures consist of pointers, `long` and `int`, which are alike there, and of glibc's
/// `pthread_mutex_t`: 40 bytes on `x86_64`, 48 on aarch64. Whatever lies behind one is moved: in
/// `_PyRuntimeState` up to 3.11 all that is behind `ceval.gil`, in `PyInterpreterState` from 3.12 on all that is
/// behind `_gil`. (The state of the garbage collector lies before, in both.)
fn is_portable(path: &str) -> bool {
    const BEHIND_A_MUTEX: [&str; 4] = [
        "_PyRuntimeState.gilstate.",
        "PyInterpreterState.stoptheworld.",
        "PyInterpreterState.types.",
        "PyInterpreterState.asyncio_tasks_head",
    ];
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

    #[test]
    fn every_c_interface_parses() {
        for text in C_INTERFACES {
            assert!(!Column::parse(text).unwrap().provenance.is_empty());
        }
        let column = SHIPPED[0].column();
        assert_eq!(
            c_interfaces(&column).place("PyArrayObject_fields.data").map(|place| place.offset),
            Some(16)
        );
    }

    #[test]
    fn greenlets_of_every_version_are_known() {
        for version in versions() {
            let newest = greenlets(version, HEADER_OF_INTERFACES, None);
            // What is handled is kept as three objects up to 3.10, as one since 3.11; by the thread itself in 3.6.
            let exceptions = if version < (3, 11) { 4 } else { 2 };
            let switch_args = 24 + 8 * exceptions;
            // No greenlet 3 is made for 3.6.
            if version >= (3, 7) {
                let column = newest.unwrap();
                let offset = |path| column.place(path).map(|place| place.offset);
                assert_eq!(offset("PyGreenlet"), Some(40));
                assert_eq!(offset("PyGreenlet.pimpl"), Some(32));
                assert_eq!(offset("greenlet::Greenlet._self"), Some(8));
                let start = offset("greenlet::Greenlet.stack_state._stack_start");
                assert_eq!(start, Some(switch_args + 16), "{version:?}");
            }
            assert!(greenlets(version, 32, None).is_none());
        }
    }

    #[test]
    fn greenlets_of_older_versions_are_known() {
        let check = |version, greenlet: &str, expected: [Option<u64>; 3]| {
            let column = greenlets(version, HEADER_OF_INTERFACES, greenlet_version(greenlet));
            let offset = |path| column.as_ref()?.place(path).map(|place| place.offset);
            let found = [
                offset("PyGreenlet.stack_start"),
                offset("greenlet::UserGreenlet._self"),
                offset("greenlet::Greenlet._self"),
            ];
            assert_eq!(found, expected, "{version:?} {greenlet}");
        };
        check((3, 8), "1.1.3.post0", [Some(16), None, None]);
        check((3, 8), "2.0.0a1", [None, Some(128), None]);
        check((3, 12), "3.1.0", [None, Some(160), None]);
        check((3, 12), "3.0.2", [None, Some(168), None]);
        check((3, 11), "3.1.1", [None, Some(8), Some(8)]);
        check((3, 8), "0.4.17", [None; 3]);
    }

    /// Checks one line of each release column, oldest first; an empty line stands for a member that is not there.
    fn check(path: &str, expected: [&str; 11]) {
        let release =
            SHIPPED.iter().rev().filter(|shipped| shipped.flavor == Flavor::Release && !shipped.is_variant);
        let lines: Vec<String> = release.map(|shipped| line_of(shipped, path)).collect();
        assert_eq!(lines, expected, "{path}");
    }

    /// Checks a line of a free-threaded column, and that of the release column of the same version.
    fn check_free_threaded(path: &str, expected: (&str, &str)) {
        let line = |flavor| {
            let shipped =
                SHIPPED.iter().find(|shipped| (shipped.version, shipped.flavor) == ((3, 13), flavor));
            line_of(shipped.unwrap(), path)
        };
        let found = (line(Flavor::FreeThreaded), line(Flavor::Release));
        assert_eq!(found, (expected.0.to_owned(), expected.1.to_owned()), "{path}");
    }

    fn line_of(shipped: &Shipped, path: &str) -> String {
        let place = |line: &str| line.strip_prefix(path)?.strip_prefix(' ').map(str::to_owned);
        shipped.text.lines().find_map(place).unwrap_or_default()
    }

    #[test]
    fn other_machines_get_what_is_portable() {
        let dropped = |shipped: &Shipped, machine| {
            let kept = shipped.column_on(machine, Some(u8::MAX)).to_string();
            let gone = |line: &&str| !kept.lines().any(|other| other == *line);
            shipped.column().to_string().lines().filter(gone).map(str::to_owned).collect::<Vec<_>>()
        };
        for shipped in SHIPPED.iter().filter(|shipped| !shipped.is_variant) {
            assert!(dropped(shipped, MACHINE).is_empty());
            for line in dropped(shipped, Machine::Aarch64) {
                let expected: &[&str] = if shipped.version < (3, 12) {
                    &["_PyRuntimeState.gilstate.tstate_current "]
                } else {
                    &[
                        "PyInterpreterState.stoptheworld.",
                        "PyInterpreterState.types.",
                        "PyInterpreterState.asyncio_tasks_head ",
                    ]
                };
                let is_expected = expected.iter().any(|start| line.starts_with(start));
                assert!(is_expected, "{:?}: {line}", shipped.version);
            }
        }
        let v3_11 = SHIPPED.iter().find(|shipped| shipped.version == (3, 11)).unwrap();
        assert_eq!(dropped(v3_11, Machine::Aarch64), ["_PyRuntimeState.gilstate.tstate_current 576"]);
    }

    #[test]
    fn what_moved_within_a_version_is_dropped() {
        let v3_14 = SHIPPED.iter().find(|shipped| shipped.version == (3, 14)).unwrap();
        let has = |hex, path| v3_14.column_on(MACHINE, hex).place(path).is_some();
        assert!(!has(Some(4), "PyInterpreterState.types.builtins"));
        assert!(!has(None, "PyInterpreterState.types.builtins"));
        assert!(has(Some(5), "PyInterpreterState.types.builtins"));
        assert!(has(Some(4), "PyInterpreterState.builtins"));
    }

    /// Values that follow from the headers of each version (`Include/` at the tags v3.8.18 to v3.13.0).
    #[test]
    fn columns_agree_with_the_headers() {
        check("PyObject.ob_type", ["8"; 11]);
        check("PyVarObject.ob_size", ["16"; 11]);
        check("PyFloatObject.ob_fval", ["16"; 11]);
        check("PyTypeObject.tp_name", ["24"; 11]);
        check("PyTypeObject.tp_flags", ["168"; 11]);
        check("PyListObject.ob_item", ["24"; 11]);
        // Of three words up to 3.7, aligned to 16 bytes from 3.7.4 on.
        check("PyGC_Head", ["24", "32", "16", "16", "16", "16", "16", "16", "16", "16", "16"]);
        check("PyASCIIObject.state.kind", ["32 2:3"; 11]);
        // `wstr` went in 3.12 (PEP 623).
        check("PyASCIIObject", ["48", "48", "48", "48", "48", "48", "40", "40", "40", "40", "40"]);
        check("PyLongObject.ob_digit", ["24", "24", "24", "24", "24", "24", "", "", "", "", ""]);
        check("PyLongObject.long_value.lv_tag", ["", "", "", "", "", "", "16", "16", "16", "16", "16"]);
        check(
            "PyDictKeysObject.dk_indices",
            ["40", "40", "40", "40", "40", "32", "32", "32", "32", "32", "32"],
        );
        check("PyThreadState.cframe", ["", "", "", "", "48", "56", "56", "", "", "", ""]);
        check("PyBaseExceptionObject.notes", ["", "", "", "", "", "32", "32", "32", "32", "32", "32"]);
        // Tuples keep their hash since 3.14.
        check("PyTupleObject.ob_item", ["24", "24", "24", "24", "24", "24", "24", "24", "24", "32", "32"]);
        // Embedded behind `_PyRuntimeState.ceval.gil` up to 3.11, thread-local from 3.12.
        check(
            "_PyRuntimeState.gilstate.tstate_current",
            ["", "1480", "1368", "568", "568", "576", "", "", "", "", ""],
        );
        // A mutex of one byte since 3.13.1.
        check("lockobject.locked", ["32", "32", "32", "32", "32", "32", "32", "32", "", "", ""]);
        // Thread id, flags, mutex, state of the collector and two reference counts, before the type.
        check_free_threaded("PyObject.ob_type", ("24", "8"));
        check_free_threaded("PyObject", ("32", "16"));
        check_free_threaded("PyTypeObject.tp_flags", ("184", "168"));
        check_free_threaded("_gil_runtime_state.enabled", ("0", ""));
    }
}
