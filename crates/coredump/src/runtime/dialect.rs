//! What a table of offsets cannot say: how CPython's formats changed between versions.
//!
//! A [`Dialect`] is chosen once, when the runtime is attached to. Nothing else asks for the version.

use crate::bytecode::OpcodeSet;
use crate::layout::flavor::Flavor;

/// Behavior of one CPython minor version in one flavor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Where the lists of interpreters and what belongs to all of them begin.
    pub roots: Roots,
    /// How a thread's innermost frame is found.
    pub frame_chain: FrameChain,
    /// What a frame says about the instruction it stands on.
    pub instruction: Instruction,
    /// Where the instructions lie that a frame points into.
    pub bytecode: Bytecode,
    /// Which instructions there are; none are known up to 3.7.
    pub(crate) opcodes: Option<OpcodeSet>,
    /// How a frame refers to objects.
    pub references: References,
    /// How an object counts the references to it.
    pub refcount: Refcount,
    /// How instructions map to lines.
    pub line_table: LineTable,
    /// How an int keeps its sign and number of digits.
    pub int_format: IntFormat,
    /// How a dict's keys are laid out.
    pub dict_keys: DictKeysFormat,
    /// Where instances keep their attributes.
    pub instance_dict: InstanceDict,
    /// How the exceptions of a thread are kept.
    pub exception_state: ExceptionState,
    /// What tells whether a suspended generator waits for another one.
    pub suspension: Suspension,
    /// Where it stands which thread holds the GIL.
    pub gil: Gil,
    /// What `repr()` prints for some types.
    pub repr_style: ReprStyle,
}

/// Where the lists of interpreters and what belongs to all of them begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roots {
    /// In variables of their own (3.6; `interp_head` and others of Python/pystate.c at v3.6.15).
    Variables,
    /// In `_PyRuntime` (3.7+).
    Runtime,
}

/// How a thread's innermost frame is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameChain {
    /// `tstate->frame`, frames are objects (up to 3.10).
    FrameObjects,
    /// `tstate->cframe->current_frame` (3.11, 3.12).
    CFrame,
    /// `tstate->current_frame` (3.13+).
    CurrentFrame,
}

/// What a frame says about the instruction it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// `f_lasti` counts bytes (up to 3.9).
    LastiBytes,
    /// `f_lasti` counts two-byte units (3.10).
    LastiUnits,
    /// `prev_instr` points at the instruction that ran last (3.11, 3.12).
    RanLast,
    /// `instr_ptr` points at the instruction that is running, or behind a call (3.13+).
    Current,
}

/// Where the instructions lie that a frame points into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bytecode {
    /// Within the code object.
    InCode,
    /// In the copy of `co_tlbc` that `tlbc_index` of the frame tells (free-threaded 3.14+;
    /// `_PyFrame_GetBytecode` of `Include/internal/pycore_interpframe.h` at v3.14.0).
    PerThread,
}

/// How a frame refers to objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum References {
    /// By their address (up to 3.13).
    Plain,
    /// By a `_PyStackRef`: the lowest bit tells who owns the reference, the two lowest when both are set that
    /// there is an integer in the other bits, and the second alone that there is no object
    /// (3.14+; `Include/internal/pycore_stackref.h` at v3.14.10 and v3.15.2).
    Tagged,
}

impl References {
    /// The object that a frame's `word` refers to, as an address; zero for none, and `None` when the word holds
    /// something else than a reference.
    pub fn address(self, word: u64) -> Option<u64> {
        match self {
            Self::Plain => Some(word),
            Self::Tagged if word & 2 != 0 => None,
            Self::Tagged => Some(word & !1),
        }
    }
}

/// How an object counts the references to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refcount {
    /// In a whole word (up to 3.13).
    Word,
    /// In the lower half of a word, with flags in the uppermost quarter (3.14+; `struct _object` of `Include/object.h`
    /// at v3.14.10).
    LowerHalf,
    /// Shared between the thread that owns the object and all others (free-threaded).
    Biased,
}

impl Refcount {
    /// The count that the first word of an object states, or `None` where no object has such a word.
    pub fn stated(self, word: u64) -> Option<u64> {
        match self {
            Self::Word => Some(word),
            // Between them is room for a count that overflows; in no object one has.
            Self::LowerHalf => ((word >> 32).trailing_zeros() >= 16).then_some(word & 0xffff_ffff),
            Self::Biased => None,
        }
    }
}

/// How instructions map to lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineTable {
    /// `co_lnotab`: pairs of byte and line deltas (up to 3.9; `Objects/lnotab_notes.txt`).
    Lnotab,
    /// `co_linetable` of PEP 626 (3.10): pairs of byte and line deltas, the range first.
    Ranges,
    /// The location table with columns (3.11+; PEP 657, Objects/locations.md).
    Locations,
}

/// How an int keeps its sign and number of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntFormat {
    /// `ob_size`: the number of digits, negative for a negative number (up to 3.11).
    SignedSize,
    /// `lv_tag`: the number of digits shifted by three; the low two bits 0 positive, 1 zero, 2 negative (3.12+).
    Tag,
}

/// How a dict's keys are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DictKeysFormat {
    /// `dk_size` slots; entries of hash, key, value (up to 3.10).
    Size,
    /// `dk_log2_size`, `dk_log2_index_bytes`; `dk_kind` 0: hash, key, value; 1 and 2: key, value (3.11+).
    Log2,
}

/// Where instances of Python classes keep their attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceDict {
    /// A dict pointer at `tp_dictoffset` (up to 3.10).
    Pointer,
    /// `Py_TPFLAGS_MANAGED_DICT`: the values four words before the object, the dict three (3.11).
    ValuesAndDict,
    /// `Py_TPFLAGS_MANAGED_DICT`: three words before the object the dict, or the values when the lowest bit is
    /// set (3.12).
    Tagged,
    /// `Py_TPFLAGS_MANAGED_DICT`: three words before the object the dict; with `Py_TPFLAGS_INLINE_VALUES` the
    /// values behind `tp_basicsize`, while they are valid (3.13+).
    InlineValues,
    /// As [`InstanceDict::InlineValues`], but the dict stands one word before the object, as there is no header of
    /// the garbage collector between them (free-threaded 3.13+; `MANAGED_DICT_OFFSET` of
    /// `Include/internal/pycore_object.h` at v3.13.0).
    InlineValuesWithoutGcHead,
}

/// How the exceptions of a thread are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExceptionState {
    /// Type, value and traceback, for the one being raised and the one being handled; a generator that runs keeps what
    /// its caller handles (3.6; `save_exc_state` of Python/ceval.c at v3.6.15).
    InThread,
    /// Type, value and traceback, for those being raised and those being handled (3.7 to 3.10).
    Triples,
    /// A triple for the one being raised, one object for each being handled (3.11).
    TripleRaised,
    /// One object each (3.12+).
    Single,
}

/// What tells whether a suspended generator waits for another one (`_PyGen_yf` of Objects/genobject.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspension {
    /// The next instruction is `YIELD_FROM`; the frame is an object (up to 3.10).
    YieldFrom,
    /// The next instruction is `RESUME` with an argument of 2 or more (3.11, 3.12).
    ResumeArgument,
    /// `gi_frame_state` is `FRAME_SUSPENDED_YIELD_FROM`, and negative until it runs (3.13, 3.14).
    FrameState,
    /// As before, but counted from `FRAME_CREATED`, which is zero, and the object stands below the topmost word of the
    /// stack (3.15; `enum _framestate` of `Include/internal/pycore_frame.h` at v3.15.2).
    CountedFrameState,
}

/// Where it stands which thread holds the GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gil {
    /// `_PyRuntime.gilstate.tstate_current` (up to 3.11).
    CurrentThreadState,
    /// `interp->ceval.gil`: `locked` and `last_holder` (3.12+).
    PerInterpreter,
}

/// What `repr()` prints for types whose text changed.
#[expect(clippy::struct_excessive_bools, reason = "one flag for each type whose text changed")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReprStyle {
    /// `types.SimpleNamespace` sorts its attributes by name (up to 3.8).
    pub namespace_sorted: bool,
    /// Modules of the built-in importers are shown by `module_repr` of the importer (up to 3.8).
    pub importers_show_modules: bool,
    /// `collections.OrderedDict` shows a dict instead of a list of pairs (3.12+).
    pub ordered_dict_as_dict: bool,
    /// Types of `weakref` and `contextvars` do not say which module they belong to (3.8, 3.9).
    pub bare_type_names: bool,
    /// The iterator of a str of ASCII only is of a type of its own, `str_ascii_iterator` (3.11+).
    pub ascii_str_iterator: bool,
    /// An exception with one argument shows it as a tuple of one, with a comma (3.6).
    pub exception_args_as_tuple: bool,
    /// `datetime.timedelta` shows its parts without their names (3.6).
    pub timedelta_unnamed: bool,
    /// Patterns and matches of `re` are of types of `_sre` (3.6).
    pub sre_type_names: bool,
}

impl Dialect {
    /// The behavior of a version in a flavor, or `None` for one that is not known.
    pub fn of(version: (u8, u8), flavor: Flavor) -> Option<Self> {
        let dialect = Self::of_version(version)?;
        Some(match flavor {
            Flavor::Release | Flavor::Debug => dialect,
            Flavor::FreeThreaded => dialect.without_gil(),
        })
    }

    /// What `--disable-gil` changes.
    fn without_gil(self) -> Self {
        let bytecode = match self.references {
            References::Plain => Bytecode::InCode,
            References::Tagged => Bytecode::PerThread,
        };
        let instance_dict = InstanceDict::InlineValuesWithoutGcHead;
        Self { bytecode, refcount: Refcount::Biased, instance_dict, ..self }
    }

    /// That of 3.6, from which the others differ step by step.
    const fn oldest() -> Self {
        Self {
            roots: Roots::Variables,
            frame_chain: FrameChain::FrameObjects,
            instruction: Instruction::LastiBytes,
            bytecode: Bytecode::InCode,
            opcodes: None,
            references: References::Plain,
            refcount: Refcount::Word,
            line_table: LineTable::Lnotab,
            int_format: IntFormat::SignedSize,
            dict_keys: DictKeysFormat::Size,
            instance_dict: InstanceDict::Pointer,
            exception_state: ExceptionState::InThread,
            suspension: Suspension::YieldFrom,
            gil: Gil::CurrentThreadState,
            repr_style: ReprStyle {
                namespace_sorted: true,
                importers_show_modules: true,
                ordered_dict_as_dict: false,
                bare_type_names: true,
                ascii_str_iterator: false,
                exception_args_as_tuple: true,
                timedelta_unnamed: true,
                sre_type_names: true,
            },
        }
    }

    fn of_version(version: (u8, u8)) -> Option<Self> {
        let oldest = Self::oldest();
        let v3_7 = Self {
            roots: Roots::Runtime,
            exception_state: ExceptionState::Triples,
            repr_style: ReprStyle {
                exception_args_as_tuple: false,
                timedelta_unnamed: false,
                sre_type_names: false,
                ..oldest.repr_style
            },
            ..oldest
        };
        let v3_9 = Self {
            opcodes: Some(OpcodeSet::V3_9),
            repr_style: ReprStyle {
                namespace_sorted: false,
                importers_show_modules: false,
                ..v3_7.repr_style
            },
            ..v3_7
        };
        let v3_10 = Self {
            opcodes: Some(OpcodeSet::V3_10),
            instruction: Instruction::LastiUnits,
            line_table: LineTable::Ranges,
            repr_style: ReprStyle { bare_type_names: false, ..v3_9.repr_style },
            ..v3_9
        };
        let v3_11 = Self {
            opcodes: Some(OpcodeSet::V3_11),
            frame_chain: FrameChain::CFrame,
            instruction: Instruction::RanLast,
            line_table: LineTable::Locations,
            dict_keys: DictKeysFormat::Log2,
            instance_dict: InstanceDict::ValuesAndDict,
            exception_state: ExceptionState::TripleRaised,
            suspension: Suspension::ResumeArgument,
            repr_style: ReprStyle { ascii_str_iterator: true, ..v3_10.repr_style },
            ..v3_10
        };
        let v3_12 = Self {
            opcodes: Some(OpcodeSet::V3_12),
            int_format: IntFormat::Tag,
            instance_dict: InstanceDict::Tagged,
            exception_state: ExceptionState::Single,
            gil: Gil::PerInterpreter,
            repr_style: ReprStyle { ordered_dict_as_dict: true, ..v3_11.repr_style },
            ..v3_11
        };
        let v3_13 = Self {
            opcodes: Some(OpcodeSet::V3_13),
            frame_chain: FrameChain::CurrentFrame,
            instruction: Instruction::Current,
            instance_dict: InstanceDict::InlineValues,
            suspension: Suspension::FrameState,
            ..v3_12
        };
        let v3_14 = Self {
            opcodes: Some(OpcodeSet::V3_14),
            references: References::Tagged,
            refcount: Refcount::LowerHalf,
            ..v3_13
        };
        let v3_15 =
            Self { opcodes: Some(OpcodeSet::V3_15), suspension: Suspension::CountedFrameState, ..v3_14 };
        match version {
            (3, 6) => Some(oldest),
            (3, 7) => Some(v3_7),
            (3, 8) => Some(Self { opcodes: Some(OpcodeSet::V3_8), ..v3_7 }),
            (3, 9) => Some(v3_9),
            (3, 10) => Some(v3_10),
            (3, 11) => Some(v3_11),
            (3, 12) => Some(v3_12),
            (3, 13) => Some(v3_13),
            (3, 14) => Some(v3_14),
            (3, 15) => Some(v3_15),
            _ => None,
        }
    }
}
