//! What reading objects takes: memory, places, and how this version keeps attributes.

use pycoroner_coredump::{
    Address, DeadProcess, InstanceDict, Memory, PythonRuntime, ReadError, References, Suspension,
};

use crate::memory::image::{Bytes, Image, WORD};
use crate::memory::places::{Places, StrState};

/// `FRAME_COMPLETED`, above which there is only `FRAME_CLEARED` (`Include/internal/pycore_frame.h` at v3.13.0).
const FRAME_COMPLETED: i8 = 1;
/// `FRAME_CLEARED`, the last of the states in 3.15 (`Include/internal/pycore_frame.h` at v3.15.2).
const FRAME_CLEARED: i8 = 5;

/// Reads objects out of the dumped memory.
pub(crate) struct Reader<'d> {
    pub(crate) image: Image<'d>,
    process: &'d DeadProcess<'d>,
    pub(crate) places: Places,
    pub(crate) str_state: StrState,
    pub(crate) instance_dict: InstanceDict,
    /// How frames refer to objects.
    pub(crate) references: References,
    /// The least `gi_frame_state` of a generator that will not run again.
    pub(crate) finished_from: i8,
    static_types: Option<StaticTypes>,
}

/// Where the main interpreter keeps the dicts of static built-in types (3.12+).
#[derive(Clone, Copy, Debug)]
struct StaticTypes {
    table: u64,
    entry_size: u64,
    dict: u64,
}

impl<'d> Reader<'d> {
    pub(crate) fn new(runtime: &PythonRuntime<'d>) -> Result<Self, ReadError> {
        let python = runtime.python();
        let places = Places::new(python)?;
        let interpreter = runtime.interpreters().last().map(|interpreter| interpreter.address().0);
        let static_types = || {
            let (table, entry_size, dict) = match places.interp_managed_types {
                Some(table) => (table, places.managed_type_size?, places.managed_type_dict?),
                None => (places.interp_static_types?, places.static_type_size?, places.static_type_dict?),
            };
            Some(StaticTypes { table: interpreter?.wrapping_add(table), entry_size, dict })
        };
        Ok(Self {
            image: Image::new(runtime.process().core()),
            process: runtime.process(),
            places,
            str_state: StrState::new(python.layout())?,
            instance_dict: python.dialect().instance_dict,
            references: python.dialect().references,
            finished_from: match python.dialect().suspension {
                Suspension::CountedFrameState => FRAME_CLEARED,
                _ => FRAME_COMPLETED,
            },
            static_types: static_types(),
        })
    }

    /// Whether the class at `object` is a C structure rather than made at run time.
    pub(crate) fn is_static_type(&self, object: Bytes<'_>) -> bool {
        const HEAP_TYPE: u64 = 1 << 9;
        object.word(self.places.type_flags).is_none_or(|flags| flags & HEAP_TYPE == 0)
    }

    /// The dict of a class: its own, or what the interpreter keeps for a static type.
    pub(crate) fn type_dict(&self, object: Bytes<'_>) -> u64 {
        // Up to `_Py_MAX_STATIC_BUILTIN_TYPES` types, numbered from 1 in `tp_subclasses`.
        const MAX_STATIC_TYPES: u64 = 4096;
        let own = object.word(self.places.type_dict).unwrap_or(0);
        if own != 0 || !self.is_static_type(object) {
            return own;
        }
        let kept = || {
            let types = self.static_types?;
            let number = object.word(self.places.type_subclasses)?;
            let entry = number.checked_sub(1).filter(|&entry| entry < MAX_STATIC_TYPES)?;
            self.image.word(types.table.wrapping_add(entry * types.entry_size + types.dict))
        };
        kept().unwrap_or(0)
    }

    /// The words at `address`, as many of `count` as are there.
    pub(crate) fn words(&self, address: u64, count: u64) -> impl Iterator<Item = u64> + use<'d> {
        self.image.from(address).map(|bytes| bytes.words(0, count)).into_iter().flatten()
    }

    /// The number of four bytes at `address`, from the file of a module where the core left it out: what no process
    /// can change is not dumped.
    pub(crate) fn constant(&self, address: u64) -> Option<u32> {
        let bytes = self.process.bytes(Address(address), size_of::<u32>()).ok()?;
        self.process.core().target().unsigned(&bytes).try_into().ok()
    }

    /// Number of words between two offsets.
    pub(crate) fn word_count(from: u64, to: u64) -> u64 {
        to.saturating_sub(from) / WORD
    }
}
