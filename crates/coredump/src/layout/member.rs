//! The one list of all structure members that pycoroner reads.
//!
//! A line names the constant, the structure that the member belongs to, what it holds, and its path as CPython
//! spells it. Adding a line here is all that reading a new member takes: `pycoroner layout` looks for every
//! path of this list.

use crate::address::{Address, Ptr};
use crate::layout::{Bits, Inline, Member, SizeOf};

pub use crate::layout::structure::*;

macro_rules! members {
    ($($name:ident: $structure:ty, $value:ty, $path:literal;)*) => {
        /// Index of a member in a layout.
        #[allow(non_camel_case_types, reason = "one name serves the index and the typed constant")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Id { $(#[doc = concat!("`", $path, "`")] $name),* }

        impl Id {
            /// All members, by index.
            pub const ALL: &[Id] = &[$(Id::$name),*];

            /// `Struct.member` as CPython spells it; `Struct` alone stands for the size.
            pub const fn path(self) -> &'static str {
                match self { $(Id::$name => $path),* }
            }
        }

        $(#[doc = concat!("`", $path, "`")] pub const $name: Member<$structure, $value> = Member::new(Id::$name);)*
    };
}

type Obj = Option<Ptr<Object>>;

members! {
    RUNTIME_INTERPRETERS_HEAD: RuntimeState, Option<Ptr<InterpreterState>>, "_PyRuntimeState.interpreters.head";
    RUNTIME_TSTATE_CURRENT: RuntimeState, Option<Ptr<ThreadState>>, "_PyRuntimeState.gilstate.tstate_current";
    RUNTIME_GIL: RuntimeState, Inline, "_PyRuntimeState.ceval.gil";
    RUNTIME_FINALIZING: RuntimeState, Address, "_PyRuntimeState._finalizing";
    RUNTIME_FINALIZING_3_8: RuntimeState, Address, "_PyRuntimeState.finalizing";
    RUNTIME_INITIALIZED: RuntimeState, i32, "_PyRuntimeState.initialized";
    RUNTIME_GC_GENERATIONS: RuntimeState, Inline, "_PyRuntimeState.gc.generations";
    RUNTIME_GC_ENABLED: RuntimeState, i32, "_PyRuntimeState.gc.enabled";
    RUNTIME_GC_COLLECTING: RuntimeState, i32, "_PyRuntimeState.gc.collecting";

    INTERP_NEXT: InterpreterState, Option<Ptr<InterpreterState>>, "PyInterpreterState.next";
    INTERP_ID: InterpreterState, i64, "PyInterpreterState.id";
    INTERP_TSTATE_HEAD: InterpreterState, Option<Ptr<ThreadState>>, "PyInterpreterState.tstate_head";
    INTERP_THREADS_HEAD: InterpreterState, Option<Ptr<ThreadState>>, "PyInterpreterState.threads.head";
    INTERP_MODULES: InterpreterState, Obj, "PyInterpreterState.modules";
    INTERP_IMPORTS_MODULES: InterpreterState, Obj, "PyInterpreterState.imports.modules";
    INTERP_SYSDICT: InterpreterState, Obj, "PyInterpreterState.sysdict";
    INTERP_BUILTINS: InterpreterState, Obj, "PyInterpreterState.builtins";
    INTERP_OWN_GIL: InterpreterState, i32, "PyInterpreterState.ceval.own_gil";
    INTERP_FINALIZING: InterpreterState, i32, "PyInterpreterState.finalizing";
    INTERP_GIL: InterpreterState, Option<Ptr<GilState>>, "PyInterpreterState.ceval.gil";
    INTERP_GC_GENERATIONS: InterpreterState, Inline, "PyInterpreterState.gc.generations";
    INTERP_GC_PERMANENT: InterpreterState, Inline, "PyInterpreterState.gc.permanent_generation";
    INTERP_GC_ENABLED: InterpreterState, i32, "PyInterpreterState.gc.enabled";
    INTERP_GC_COLLECTING: InterpreterState, i32, "PyInterpreterState.gc.collecting";

    GIL_LAST_HOLDER: GilState, Option<Ptr<ThreadState>>, "_gil_runtime_state.last_holder";
    GIL_LOCKED: GilState, i32, "_gil_runtime_state.locked";
    GIL_ENABLED: GilState, i32, "_gil_runtime_state.enabled";
    GIL_COND: GilState, Inline, "_gil_runtime_state.cond";
    GIL_SIZE: GilState, SizeOf, "_gil_runtime_state";

    TSTATE_NEXT: ThreadState, Option<Ptr<ThreadState>>, "PyThreadState.next";
    TSTATE_INTERP: ThreadState, Option<Ptr<InterpreterState>>, "PyThreadState.interp";
    TSTATE_FRAME: ThreadState, Option<Ptr<FrameObject>>, "PyThreadState.frame";
    TSTATE_CFRAME: ThreadState, Option<Ptr<CFrame>>, "PyThreadState.cframe";
    TSTATE_ROOT_CFRAME: ThreadState, Inline, "PyThreadState.root_cframe";
    TSTATE_CURRENT_FRAME: ThreadState, Option<Ptr<InterpreterFrame>>, "PyThreadState.current_frame";
    TSTATE_DATASTACK_CHUNK: ThreadState, Option<Ptr<StackChunk>>, "PyThreadState.datastack_chunk";
    TSTATE_DATASTACK_TOP: ThreadState, Address, "PyThreadState.datastack_top";
    TSTATE_THREAD_ID: ThreadState, u64, "PyThreadState.thread_id";
    TSTATE_NATIVE_THREAD_ID: ThreadState, u64, "PyThreadState.native_thread_id";
    TSTATE_CURRENT_EXCEPTION: ThreadState, Obj, "PyThreadState.current_exception";
    TSTATE_CUREXC_TYPE: ThreadState, Obj, "PyThreadState.curexc_type";
    TSTATE_CUREXC_VALUE: ThreadState, Obj, "PyThreadState.curexc_value";
    TSTATE_CUREXC_TRACEBACK: ThreadState, Option<Ptr<TracebackObject>>, "PyThreadState.curexc_traceback";
    TSTATE_EXC_INFO: ThreadState, Option<Ptr<ErrStackItem>>, "PyThreadState.exc_info";
    TSTATE_DICT: ThreadState, Obj, "PyThreadState.dict";
    TSTATE_CONTEXT: ThreadState, Obj, "PyThreadState.context";

    ERR_EXC_TYPE: ErrStackItem, Obj, "_PyErr_StackItem.exc_type";
    ERR_EXC_VALUE: ErrStackItem, Obj, "_PyErr_StackItem.exc_value";
    ERR_EXC_TRACEBACK: ErrStackItem, Option<Ptr<TracebackObject>>, "_PyErr_StackItem.exc_traceback";
    ERR_PREVIOUS: ErrStackItem, Option<Ptr<ErrStackItem>>, "_PyErr_StackItem.previous_item";

    CFRAME_PREVIOUS: CFrame, Option<Ptr<CFrame>>, "_PyCFrame.previous";
    CFRAME_PREVIOUS_3_10: CFrame, Option<Ptr<CFrame>>, "CFrame.previous";
    CFRAME_CURRENT_FRAME: CFrame, Option<Ptr<InterpreterFrame>>, "_PyCFrame.current_frame";

    CHUNK_PREVIOUS: StackChunk, Option<Ptr<StackChunk>>, "_PyStackChunk.previous";
    CHUNK_BYTES: StackChunk, u64, "_PyStackChunk.size";
    CHUNK_TOP: StackChunk, u64, "_PyStackChunk.top";
    CHUNK_DATA: StackChunk, Inline, "_PyStackChunk.data";

    FRAME_BACK: FrameObject, Option<Ptr<FrameObject>>, "PyFrameObject.f_back";
    FRAME_CODE: FrameObject, Option<Ptr<CodeObject>>, "PyFrameObject.f_code";
    FRAME_GLOBALS: FrameObject, Obj, "PyFrameObject.f_globals";
    FRAME_BUILTINS: FrameObject, Obj, "PyFrameObject.f_builtins";
    FRAME_LOCALS: FrameObject, Obj, "PyFrameObject.f_locals";
    FRAME_LASTI: FrameObject, i32, "PyFrameObject.f_lasti";
    FRAME_LINENO: FrameObject, i32, "PyFrameObject.f_lineno";
    FRAME_TRACE: FrameObject, Obj, "PyFrameObject.f_trace";
    FRAME_GEN: FrameObject, Obj, "PyFrameObject.f_gen";
    FRAME_STATE: FrameObject, i8, "PyFrameObject.f_state";
    FRAME_EXECUTING: FrameObject, u8, "PyFrameObject.f_executing";
    FRAME_STACKTOP: FrameObject, Address, "PyFrameObject.f_stacktop";
    FRAME_STACKDEPTH: FrameObject, i32, "PyFrameObject.f_stackdepth";
    FRAME_VALUESTACK: FrameObject, Address, "PyFrameObject.f_valuestack";
    FRAME_LOCALSPLUS: FrameObject, Inline, "PyFrameObject.f_localsplus";
    FRAME_IBLOCK: FrameObject, i32, "PyFrameObject.f_iblock";
    FRAME_BLOCKSTACK: FrameObject, Inline, "PyFrameObject.f_blockstack";
    TRY_BLOCK_LEVEL: TryBlock, i32, "PyTryBlock.b_level";
    TRY_BLOCK_SIZE: TryBlock, SizeOf, "PyTryBlock";
    FRAME_FRAME: FrameObject, Option<Ptr<InterpreterFrame>>, "PyFrameObject.f_frame";
    FRAME_OWN_FRAME: FrameObject, Inline, "PyFrameObject._f_frame_data";
    FRAME_SIZE: FrameObject, SizeOf, "PyFrameObject";

    IFRAME_PREVIOUS: InterpreterFrame, Option<Ptr<InterpreterFrame>>, "_PyInterpreterFrame.previous";
    IFRAME_CODE: InterpreterFrame, Option<Ptr<CodeObject>>, "_PyInterpreterFrame.f_code";
    IFRAME_EXECUTABLE: InterpreterFrame, Address, "_PyInterpreterFrame.f_executable";
    IFRAME_FUNC: InterpreterFrame, Obj, "_PyInterpreterFrame.f_func";
    IFRAME_FUNCOBJ: InterpreterFrame, Address, "_PyInterpreterFrame.f_funcobj";
    IFRAME_GLOBALS: InterpreterFrame, Obj, "_PyInterpreterFrame.f_globals";
    IFRAME_BUILTINS: InterpreterFrame, Obj, "_PyInterpreterFrame.f_builtins";
    IFRAME_LOCALS: InterpreterFrame, Obj, "_PyInterpreterFrame.f_locals";
    IFRAME_FRAME_OBJ: InterpreterFrame, Option<Ptr<FrameObject>>, "_PyInterpreterFrame.frame_obj";
    IFRAME_PREV_INSTR: InterpreterFrame, Address, "_PyInterpreterFrame.prev_instr";
    IFRAME_INSTR_PTR: InterpreterFrame, Address, "_PyInterpreterFrame.instr_ptr";
    IFRAME_STACKTOP: InterpreterFrame, i32, "_PyInterpreterFrame.stacktop";
    IFRAME_OWNER: InterpreterFrame, u8, "_PyInterpreterFrame.owner";
    IFRAME_IS_ENTRY: InterpreterFrame, u8, "_PyInterpreterFrame.is_entry";
    IFRAME_STACKPOINTER: InterpreterFrame, Address, "_PyInterpreterFrame.stackpointer";
    IFRAME_TLBC_INDEX: InterpreterFrame, u32, "_PyInterpreterFrame.tlbc_index";
    IFRAME_LOCALSPLUS: InterpreterFrame, Inline, "_PyInterpreterFrame.localsplus";

    CODE_ARGCOUNT: CodeObject, i32, "PyCodeObject.co_argcount";
    CODE_POSONLYARGCOUNT: CodeObject, i32, "PyCodeObject.co_posonlyargcount";
    CODE_KWONLYARGCOUNT: CodeObject, i32, "PyCodeObject.co_kwonlyargcount";
    CODE_NLOCALS: CodeObject, i32, "PyCodeObject.co_nlocals";
    CODE_STACKSIZE: CodeObject, i32, "PyCodeObject.co_stacksize";
    CODE_FLAGS: CodeObject, i32, "PyCodeObject.co_flags";
    CODE_FIRSTLINENO: CodeObject, i32, "PyCodeObject.co_firstlineno";
    CODE_CODE: CodeObject, Option<Ptr<BytesObject>>, "PyCodeObject.co_code";
    CODE_CODE_ADAPTIVE: CodeObject, Inline, "PyCodeObject.co_code_adaptive";
    CODE_CONSTS: CodeObject, Obj, "PyCodeObject.co_consts";
    CODE_NAMES: CodeObject, Obj, "PyCodeObject.co_names";
    CODE_VARNAMES: CodeObject, Option<Ptr<TupleObject>>, "PyCodeObject.co_varnames";
    CODE_FREEVARS: CodeObject, Option<Ptr<TupleObject>>, "PyCodeObject.co_freevars";
    CODE_CELLVARS: CodeObject, Option<Ptr<TupleObject>>, "PyCodeObject.co_cellvars";
    CODE_LOCALSPLUSNAMES: CodeObject, Option<Ptr<TupleObject>>, "PyCodeObject.co_localsplusnames";
    CODE_LOCALSPLUSKINDS: CodeObject, Option<Ptr<BytesObject>>, "PyCodeObject.co_localspluskinds";
    CODE_NLOCALSPLUS: CodeObject, i32, "PyCodeObject.co_nlocalsplus";
    CODE_FILENAME: CodeObject, Option<Ptr<UnicodeObject>>, "PyCodeObject.co_filename";
    CODE_NAME: CodeObject, Option<Ptr<UnicodeObject>>, "PyCodeObject.co_name";
    CODE_QUALNAME: CodeObject, Option<Ptr<UnicodeObject>>, "PyCodeObject.co_qualname";
    CODE_LNOTAB: CodeObject, Option<Ptr<BytesObject>>, "PyCodeObject.co_lnotab";
    CODE_LINETABLE: CodeObject, Option<Ptr<BytesObject>>, "PyCodeObject.co_linetable";
    CODE_EXCEPTIONTABLE: CodeObject, Obj, "PyCodeObject.co_exceptiontable";
    CODE_SIZE: CodeObject, SizeOf, "PyCodeObject";
    CODE_TLBC: CodeObject, Option<Ptr<CodeArray>>, "PyCodeObject.co_tlbc";
    CODE_ARRAY_SIZE: CodeArray, i64, "_PyCodeArray.size";
    CODE_ARRAY_ENTRIES: CodeArray, Inline, "_PyCodeArray.entries";

    OBJECT_REFCNT: Object, i64, "PyObject.ob_refcnt";
    OBJECT_TYPE: Object, Ptr<TypeObject>, "PyObject.ob_type";
    OBJECT_SIZE: Object, SizeOf, "PyObject";
    VAR_SIZE: VarObject, i64, "PyVarObject.ob_size";

    TYPE_NAME: TypeObject, Address, "PyTypeObject.tp_name";
    TYPE_BASICSIZE: TypeObject, i64, "PyTypeObject.tp_basicsize";
    TYPE_ITEMSIZE: TypeObject, i64, "PyTypeObject.tp_itemsize";
    TYPE_REPR: TypeObject, Address, "PyTypeObject.tp_repr";
    TYPE_FLAGS: TypeObject, u64, "PyTypeObject.tp_flags";
    TYPE_BASE: TypeObject, Option<Ptr<TypeObject>>, "PyTypeObject.tp_base";
    TYPE_BASES: TypeObject, Obj, "PyTypeObject.tp_bases";
    TYPE_DICT: TypeObject, Option<Ptr<DictObject>>, "PyTypeObject.tp_dict";
    TYPE_MRO: TypeObject, Obj, "PyTypeObject.tp_mro";
    TYPE_SUBCLASSES: TypeObject, Address, "PyTypeObject.tp_subclasses";
    TYPE_CACHE: TypeObject, Obj, "PyTypeObject.tp_cache";
    TYPE_DICTOFFSET: TypeObject, i64, "PyTypeObject.tp_dictoffset";
    TYPE_WEAKLISTOFFSET: TypeObject, i64, "PyTypeObject.tp_weaklistoffset";
    TYPE_MEMBERS: TypeObject, Address, "PyTypeObject.tp_members";
    TYPE_SIZE: TypeObject, SizeOf, "PyTypeObject";
    INTERP_STATIC_TYPES: InterpreterState, Inline, "PyInterpreterState.types.builtins";
    INTERP_MANAGED_TYPES: InterpreterState, Inline, "PyInterpreterState.types.builtins.initialized";
    INTERP_EXTENSION_TYPES: InterpreterState, Inline, "PyInterpreterState.types.for_extensions.initialized";
    STATIC_TYPE_TYPE: StaticTypeState, Option<Ptr<TypeObject>>, "static_builtin_state.type";
    STATIC_TYPE_DICT: StaticTypeState, Option<Ptr<DictObject>>, "static_builtin_state.tp_dict";
    STATIC_TYPE_SIZE: StaticTypeState, SizeOf, "static_builtin_state";
    MANAGED_TYPE_TYPE: StaticTypeState, Option<Ptr<TypeObject>>, "managed_static_type_state.type";
    MANAGED_TYPE_DICT: StaticTypeState, Option<Ptr<DictObject>>, "managed_static_type_state.tp_dict";
    MANAGED_TYPE_SIZE: StaticTypeState, SizeOf, "managed_static_type_state";
    HEAP_TYPE_NAME: HeapTypeObject, Option<Ptr<UnicodeObject>>, "PyHeapTypeObject.ht_name";
    HEAP_TYPE_QUALNAME: HeapTypeObject, Option<Ptr<UnicodeObject>>, "PyHeapTypeObject.ht_qualname";
    HEAP_TYPE_SLOTS: HeapTypeObject, Obj, "PyHeapTypeObject.ht_slots";
    HEAP_TYPE_CACHED_KEYS: HeapTypeObject, Option<Ptr<DictKeys>>, "PyHeapTypeObject.ht_cached_keys";
    HEAP_TYPE_MODULE: HeapTypeObject, Obj, "PyHeapTypeObject.ht_module";
    HEAP_TYPE_SIZE: HeapTypeObject, SizeOf, "PyHeapTypeObject";

    UNICODE_LENGTH: UnicodeObject, i64, "PyASCIIObject.length";
    UNICODE_KIND: UnicodeObject, Bits, "PyASCIIObject.state.kind";
    UNICODE_COMPACT: UnicodeObject, Bits, "PyASCIIObject.state.compact";
    UNICODE_ASCII: UnicodeObject, Bits, "PyASCIIObject.state.ascii";
    UNICODE_READY: UnicodeObject, Bits, "PyASCIIObject.state.ready";
    UNICODE_UTF8: UnicodeObject, Address, "PyCompactUnicodeObject.utf8";
    UNICODE_UTF8_LENGTH: UnicodeObject, i64, "PyCompactUnicodeObject.utf8_length";
    UNICODE_DATA: UnicodeObject, Address, "PyUnicodeObject.data";
    UNICODE_ASCII_SIZE: UnicodeObject, SizeOf, "PyASCIIObject";
    UNICODE_COMPACT_SIZE: UnicodeObject, SizeOf, "PyCompactUnicodeObject";
    UNICODE_SIZE: UnicodeObject, SizeOf, "PyUnicodeObject";
    LONG_TAG: LongObject, u64, "PyLongObject.long_value.lv_tag";
    LONG_TAGGED_DIGITS: LongObject, Inline, "PyLongObject.long_value.ob_digit";
    LONG_DIGITS: LongObject, Inline, "PyLongObject.ob_digit";
    LONG_SIZE: LongObject, SizeOf, "PyLongObject";
    FLOAT_VALUE: FloatObject, u64, "PyFloatObject.ob_fval";
    FLOAT_SIZE: FloatObject, SizeOf, "PyFloatObject";
    COMPLEX_REAL: ComplexObject, u64, "PyComplexObject.cval.real";
    COMPLEX_IMAG: ComplexObject, u64, "PyComplexObject.cval.imag";
    BYTES_DATA: BytesObject, Inline, "PyBytesObject.ob_sval";
    BYTES_SIZE: BytesObject, SizeOf, "PyBytesObject";
    BYTEARRAY_ALLOC: ByteArrayObject, i64, "PyByteArrayObject.ob_alloc";
    BYTEARRAY_BYTES: ByteArrayObject, Address, "PyByteArrayObject.ob_bytes";
    BYTEARRAY_START: ByteArrayObject, Address, "PyByteArrayObject.ob_start";
    TUPLE_ITEMS: TupleObject, Inline, "PyTupleObject.ob_item";
    TUPLE_SIZE: TupleObject, SizeOf, "PyTupleObject";
    LIST_ITEMS: ListObject, Address, "PyListObject.ob_item";
    LIST_ALLOCATED: ListObject, i64, "PyListObject.allocated";
    LIST_SIZE: ListObject, SizeOf, "PyListObject";

    DICT_USED: DictObject, i64, "PyDictObject.ma_used";
    DICT_KEYS: DictObject, Option<Ptr<DictKeys>>, "PyDictObject.ma_keys";
    DICT_VALUES: DictObject, Option<Ptr<DictValues>>, "PyDictObject.ma_values";
    DICT_SIZE: DictObject, SizeOf, "PyDictObject";
    KEYS_REFCOUNT: DictKeys, i64, "PyDictKeysObject.dk_refcnt";
    KEYS_SIZE: DictKeys, i64, "PyDictKeysObject.dk_size";
    KEYS_LOOKUP: DictKeys, Address, "PyDictKeysObject.dk_lookup";
    KEYS_LOG2_SIZE: DictKeys, u8, "PyDictKeysObject.dk_log2_size";
    KEYS_LOG2_INDEX_BYTES: DictKeys, u8, "PyDictKeysObject.dk_log2_index_bytes";
    KEYS_KIND: DictKeys, u8, "PyDictKeysObject.dk_kind";
    KEYS_USABLE: DictKeys, i64, "PyDictKeysObject.dk_usable";
    KEYS_NENTRIES: DictKeys, i64, "PyDictKeysObject.dk_nentries";
    KEYS_INDICES: DictKeys, Inline, "PyDictKeysObject.dk_indices";
    VALUES_ARRAY: DictValues, Inline, "_dictvalues.values";
    VALUES_CAPACITY: DictValues, u8, "_dictvalues.capacity";
    VALUES_VALID: DictValues, u8, "_dictvalues.valid";
    VALUES_EMBEDDED: DictValues, u8, "_dictvalues.embedded";

    SET_FILL: SetObject, i64, "PySetObject.fill";
    SET_USED: SetObject, i64, "PySetObject.used";
    SET_MASK: SetObject, i64, "PySetObject.mask";
    SET_TABLE: SetObject, Address, "PySetObject.table";
    SET_SMALLTABLE: SetObject, Inline, "PySetObject.smalltable";
    SET_SIZE: SetObject, SizeOf, "PySetObject";

    FUNCTION_CODE: FunctionObject, Option<Ptr<CodeObject>>, "PyFunctionObject.func_code";
    FUNCTION_GLOBALS: FunctionObject, Obj, "PyFunctionObject.func_globals";
    FUNCTION_NAME: FunctionObject, Option<Ptr<UnicodeObject>>, "PyFunctionObject.func_name";
    FUNCTION_QUALNAME: FunctionObject, Option<Ptr<UnicodeObject>>, "PyFunctionObject.func_qualname";
    FUNCTION_DEFAULTS: FunctionObject, Obj, "PyFunctionObject.func_defaults";
    FUNCTION_KWDEFAULTS: FunctionObject, Obj, "PyFunctionObject.func_kwdefaults";
    FUNCTION_CLOSURE: FunctionObject, Obj, "PyFunctionObject.func_closure";
    FUNCTION_DOC: FunctionObject, Obj, "PyFunctionObject.func_doc";
    FUNCTION_DICT: FunctionObject, Obj, "PyFunctionObject.func_dict";
    FUNCTION_ANNOTATIONS: FunctionObject, Obj, "PyFunctionObject.func_annotations";
    FUNCTION_MODULE: FunctionObject, Obj, "PyFunctionObject.func_module";
    FUNCTION_SIZE: FunctionObject, SizeOf, "PyFunctionObject";
    METHOD_FUNC: MethodObject, Obj, "PyMethodObject.im_func";
    METHOD_SELF: MethodObject, Obj, "PyMethodObject.im_self";
    METHOD_SIZE: MethodObject, SizeOf, "PyMethodObject";
    CFUNCTION_DEF: CFunctionObject, Option<Ptr<MethodDef>>, "PyCFunctionObject.m_ml";
    CFUNCTION_SELF: CFunctionObject, Obj, "PyCFunctionObject.m_self";
    CFUNCTION_MODULE: CFunctionObject, Obj, "PyCFunctionObject.m_module";
    CFUNCTION_SIZE: CFunctionObject, SizeOf, "PyCFunctionObject";
    METHOD_DEF_NAME: MethodDef, Address, "PyMethodDef.ml_name";
    MODULE_DICT: ModuleObject, Option<Ptr<DictObject>>, "PyModuleObject.md_dict";
    MODULE_NAME: ModuleObject, Obj, "PyModuleObject.md_name";
    CELL_REF: CellObject, Obj, "PyCellObject.ob_ref";

    GEN_FRAME: GenObject, Option<Ptr<FrameObject>>, "PyGenObject.gi_frame";
    GEN_CODE: GenObject, Obj, "PyGenObject.gi_code";
    GEN_NAME: GenObject, Option<Ptr<UnicodeObject>>, "PyGenObject.gi_name";
    GEN_QUALNAME: GenObject, Option<Ptr<UnicodeObject>>, "PyGenObject.gi_qualname";
    GEN_IFRAME: GenObject, Inline, "PyGenObject.gi_iframe";
    GEN_FRAME_STATE: GenObject, i8, "PyGenObject.gi_frame_state";
    GEN_EXC_STATE: GenObject, Inline, "PyGenObject.gi_exc_state";

    EXC_DICT: BaseExceptionObject, Obj, "PyBaseExceptionObject.dict";
    EXC_ARGS: BaseExceptionObject, Option<Ptr<TupleObject>>, "PyBaseExceptionObject.args";
    EXC_NOTES: BaseExceptionObject, Obj, "PyBaseExceptionObject.notes";
    EXC_TRACEBACK: BaseExceptionObject, Option<Ptr<TracebackObject>>, "PyBaseExceptionObject.traceback";
    EXC_CONTEXT: BaseExceptionObject, Option<Ptr<BaseExceptionObject>>, "PyBaseExceptionObject.context";
    EXC_CAUSE: BaseExceptionObject, Option<Ptr<BaseExceptionObject>>, "PyBaseExceptionObject.cause";
    EXC_SUPPRESS_CONTEXT: BaseExceptionObject, u8, "PyBaseExceptionObject.suppress_context";
    EXC_SIZE: BaseExceptionObject, SizeOf, "PyBaseExceptionObject";
    EXC_GROUP_MSG: ExceptionGroupObject, Obj, "PyBaseExceptionGroupObject.msg";
    EXC_GROUP_EXCS: ExceptionGroupObject, Option<Ptr<TupleObject>>, "PyBaseExceptionGroupObject.excs";
    OS_ERROR_ERRNO: OsErrorObject, Obj, "PyOSErrorObject.myerrno";
    OS_ERROR_STRERROR: OsErrorObject, Obj, "PyOSErrorObject.strerror";
    OS_ERROR_FILENAME: OsErrorObject, Obj, "PyOSErrorObject.filename";
    OS_ERROR_FILENAME2: OsErrorObject, Obj, "PyOSErrorObject.filename2";
    TRACEBACK_NEXT: TracebackObject, Option<Ptr<TracebackObject>>, "PyTracebackObject.tb_next";
    TRACEBACK_FRAME: TracebackObject, Option<Ptr<FrameObject>>, "PyTracebackObject.tb_frame";
    TRACEBACK_LASTI: TracebackObject, i32, "PyTracebackObject.tb_lasti";
    TRACEBACK_LINENO: TracebackObject, i32, "PyTracebackObject.tb_lineno";

    WEAKREF_OBJECT: WeakReference, Obj, "PyWeakReference.wr_object";
    WEAKREF_CALLBACK: WeakReference, Obj, "PyWeakReference.wr_callback";
    SLICE_START: SliceObject, Obj, "PySliceObject.start";
    SLICE_STOP: SliceObject, Obj, "PySliceObject.stop";
    SLICE_STEP: SliceObject, Obj, "PySliceObject.step";
    GC_HEAD_NEXT: GcHead, Address, "PyGC_Head._gc_next";
    GC_HEAD_PREV: GcHead, Address, "PyGC_Head._gc_prev";
    GC_HEAD_SIZE: GcHead, SizeOf, "PyGC_Head";
    GC_GENERATION_HEAD: GcGeneration, Inline, "gc_generation.head";
    GC_GENERATION_SIZE: GcGeneration, SizeOf, "gc_generation";
    RLOCK_OWNER: RLockObject, u64, "rlockobject.rlock_owner";
    RLOCK_COUNT: RLockObject, u64, "rlockobject.rlock_count";
    RLOCK_LOCK: RLockObject, Address, "rlockobject.rlock_lock";
    LOCK_LOCK: LockObject, Address, "lockobject.lock_lock";
    LOCK_LOCKED: LockObject, u8, "lockobject.locked";
    LOCK_MUTEX: LockObject, u8, "lockobject.lock";
    RLOCK_MUTEX: RLockObject, u8, "rlockobject.lock.mutex";
    RLOCK_THREAD: RLockObject, u64, "rlockobject.lock.thread";
    RLOCK_LEVEL: RLockObject, u64, "rlockobject.lock.level";
    WAIT_ENTRY_ADDR: WaitEntry, Address, "wait_entry.addr";
    WAIT_ENTRY_SEMA: WaitEntry, Inline, "wait_entry.sema";
    SIMPLE_QUEUE_LOCK: SimpleQueue, Address, "simplequeueobject.lock";
    SIMPLE_QUEUE_WAITING: SimpleQueue, Inline, "simplequeueobject.has_threads_waiting";
    SEM_LOCK_HANDLE: SemLock, Address, "SemLockObject.handle";
    SEM_LOCK_LAST_TID: SemLock, u64, "SemLockObject.last_tid";
    SEM_LOCK_COUNT: SemLock, i32, "SemLockObject.count";
    SEM_LOCK_MAXVALUE: SemLock, i32, "SemLockObject.maxvalue";
    SEM_LOCK_KIND: SemLock, i32, "SemLockObject.kind";
    DESCR_NAME: MemberDescr, Option<Ptr<UnicodeObject>>, "PyMemberDescrObject.d_common.d_name";
    DESCR_MEMBER: MemberDescr, Option<Ptr<MemberDef>>, "PyMemberDescrObject.d_member";
    MEMBER_DEF_TYPE: MemberDef, i32, "PyMemberDef.type";
    MEMBER_DEF_OFFSET: MemberDef, i64, "PyMemberDef.offset";
    DESCR_TYPE: MemberDescr, Option<Ptr<TypeObject>>, "PyMemberDescrObject.d_common.d_type";
    METHOD_DESCR_METHOD: MethodDescr, Option<Ptr<MethodDef>>, "PyMethodDescrObject.d_method";

    DICT_ENTRY_KEY: DictEntry, Obj, "PyDictKeyEntry.me_key";
    DICT_ENTRY_VALUE: DictEntry, Obj, "PyDictKeyEntry.me_value";
    DICT_ENTRY_SIZE: DictEntry, SizeOf, "PyDictKeyEntry";
    DICT_STR_ENTRY_KEY: DictStrEntry, Obj, "PyDictUnicodeEntry.me_key";
    DICT_STR_ENTRY_VALUE: DictStrEntry, Obj, "PyDictUnicodeEntry.me_value";
    DICT_STR_ENTRY_SIZE: DictStrEntry, SizeOf, "PyDictUnicodeEntry";
    VALUES_SIZE: DictValues, u8, "_dictvalues.size";
    SET_ENTRY_KEY: SetEntry, Obj, "setentry.key";
    SET_ENTRY_HASH: SetEntry, i64, "setentry.hash";
    SET_ENTRY_SIZE: SetEntry, SizeOf, "setentry";
    RANGE_START: RangeObject, Obj, "rangeobject.start";
    RANGE_STOP: RangeObject, Obj, "rangeobject.stop";
    RANGE_STEP: RangeObject, Obj, "rangeobject.step";
    STATICMETHOD_CALLABLE: StaticMethod, Obj, "staticmethod.sm_callable";
    CLASSMETHOD_CALLABLE: ClassMethod, Obj, "classmethod.cm_callable";
    DICT_VIEW_DICT: DictView, Option<Ptr<DictObject>>, "_PyDictViewObject.dv_dict";
    MAPPINGPROXY_MAPPING: MappingProxy, Obj, "mappingproxyobject.mapping";
    GENERIC_ALIAS_ORIGIN: GenericAlias, Obj, "gaobject.origin";
    GENERIC_ALIAS_ARGS: GenericAlias, Option<Ptr<TupleObject>>, "gaobject.args";
    UNION_ARGS: UnionObject, Option<Ptr<TupleObject>>, "unionobject.args";
    MEMORYVIEW_FLAGS: MemoryView, i32, "PyMemoryViewObject.flags";
    SUPER_TYPE: SuperObject, Option<Ptr<TypeObject>>, "superobject.type";
    SUPER_OBJ: SuperObject, Obj, "superobject.obj";
    SUPER_OBJ_TYPE: SuperObject, Option<Ptr<TypeObject>>, "superobject.obj_type";
    PARTIAL_FN: PartialObject, Obj, "partialobject.fn";
    PARTIAL_ARGS: PartialObject, Option<Ptr<TupleObject>>, "partialobject.args";
    PARTIAL_KW: PartialObject, Option<Ptr<DictObject>>, "partialobject.kw";
    PATTERN_PATTERN: PatternObject, Obj, "PatternObject.pattern";
    PATTERN_FLAGS: PatternObject, i32, "PatternObject.flags";
    METHOD_WRAPPER_DESCR: MethodWrapper, Option<Ptr<MemberDescr>>, "wrapperobject.descr";
    METHOD_WRAPPER_SELF: MethodWrapper, Obj, "wrapperobject.self";
    CONTEXT_VAR_NAME: ContextVar, Obj, "_pycontextvarobject.var_name";
    CONTEXT_VAR_DEFAULT: ContextVar, Obj, "_pycontextvarobject.var_default";
    MATCH_STRING: MatchObject, Obj, "MatchObject.string";
    MATCH_MARK: MatchObject, Inline, "MatchObject.mark";
    THREAD_HANDLE_HANDLE: ThreadHandleObject, Option<Ptr<ThreadHandle>>, "PyThreadHandleObject.handle";
    THREAD_HANDLE_EXITING: ThreadHandle, u8, "ThreadHandle.thread_is_exiting.v";
    DEFAULTDICT_FACTORY: DefaultDict, Obj, "defdictobject.default_factory";
    ODICT_FIRST: OrderedDict, Option<Ptr<OrderedDictNode>>, "_odictobject.od_first";
    ODICT_NODE_KEY: OrderedDictNode, Obj, "_odictnode.key";
    ODICT_NODE_NEXT: OrderedDictNode, Option<Ptr<OrderedDictNode>>, "_odictnode.next";
    DEQUE_LEFT_BLOCK: DequeObject, Option<Ptr<DequeBlock>>, "dequeobject.leftblock";
    DEQUE_LEFT_INDEX: DequeObject, i64, "dequeobject.leftindex";
    DEQUE_MAXLEN: DequeObject, i64, "dequeobject.maxlen";
    DEQUE_BLOCK_DATA: DequeBlock, Inline, "BLOCK.data";
    DEQUE_BLOCK_RIGHT: DequeBlock, Option<Ptr<DequeBlock>>, "BLOCK.rightlink";
    DATE_DATA: DateObject, Inline, "PyDateTime_Date.data";
    DATETIME_HAS_TZINFO: DateTimeObject, u8, "PyDateTime_DateTime.hastzinfo";
    DATETIME_DATA: DateTimeObject, Inline, "PyDateTime_DateTime.data";
    DATETIME_FOLD: DateTimeObject, u8, "PyDateTime_DateTime.fold";
    DATETIME_TZINFO: DateTimeObject, Obj, "PyDateTime_DateTime.tzinfo";
    TIME_HAS_TZINFO: TimeObject, u8, "PyDateTime_Time.hastzinfo";
    TIME_DATA: TimeObject, Inline, "PyDateTime_Time.data";
    TIME_FOLD: TimeObject, u8, "PyDateTime_Time.fold";
    TIME_TZINFO: TimeObject, Obj, "PyDateTime_Time.tzinfo";
    TIMEDELTA_DAYS: TimeDelta, i32, "PyDateTime_Delta.days";
    TIMEDELTA_SECONDS: TimeDelta, i32, "PyDateTime_Delta.seconds";
    TIMEDELTA_MICROSECONDS: TimeDelta, i32, "PyDateTime_Delta.microseconds";
    TIMEZONE_OFFSET: TimeZone, Obj, "PyDateTime_TimeZone.offset";
    TIMEZONE_NAME: TimeZone, Obj, "PyDateTime_TimeZone.name";
    ARRAY_ITEMS: ArrayObject, Address, "arrayobject.ob_item";
    ARRAY_DESCR: ArrayObject, Option<Ptr<ArrayDescr>>, "arrayobject.ob_descr";
    ARRAY_DESCR_TYPECODE: ArrayDescr, u8, "arraydescr.typecode";
    ARRAY_DESCR_ITEMSIZE: ArrayDescr, i32, "arraydescr.itemsize";
    DECIMAL_FLAGS: DecimalObject, u8, "PyDecObject.dec.flags";
    DECIMAL_EXP: DecimalObject, i64, "PyDecObject.dec.exp";
    DECIMAL_DIGITS: DecimalObject, i64, "PyDecObject.dec.digits";
    DECIMAL_LEN: DecimalObject, i64, "PyDecObject.dec.len";
    DECIMAL_DATA: DecimalObject, Address, "PyDecObject.dec.data";
    NDARRAY_DATA: Ndarray, Address, "PyArrayObject_fields.data";
    NDARRAY_DIMENSION_COUNT: Ndarray, i32, "PyArrayObject_fields.nd";
    NDARRAY_DIMENSIONS: Ndarray, Address, "PyArrayObject_fields.dimensions";
    NDARRAY_STRIDES: Ndarray, Address, "PyArrayObject_fields.strides";
    NDARRAY_DTYPE: Ndarray, Option<Ptr<Dtype>>, "PyArrayObject_fields.descr";
    DTYPE_KIND: Dtype, u8, "PyArray_Descr.kind";
    DTYPE_TYPE: Dtype, u8, "PyArray_Descr.type";
    DTYPE_BYTE_ORDER: Dtype, u8, "PyArray_Descr.byteorder";
    DTYPE_ITEM_SIZE: Dtype, i32, "PyArray_Descr.elsize";
    DTYPE_2_ITEM_SIZE: Dtype, i64, "_PyArray_DescrNumPy2.elsize";
    NUMPY_SCALAR_VALUE: NumpyScalar, Inline, "PyLongScalarObject.obval";
    POOL_COUNT: PoolHeader, u32, "pool_header.ref";
    POOL_FREE_BLOCK: PoolHeader, Address, "pool_header.freeblock";
    POOL_SIZE_CLASS: PoolHeader, u32, "pool_header.szidx";
    POOL_NEXT_OFFSET: PoolHeader, u32, "pool_header.nextoffset";
    POOL_MAX_NEXT_OFFSET: PoolHeader, u32, "pool_header.maxnextoffset";
    POOL_HEADER_SIZE: PoolHeader, SizeOf, "pool_header";
    ODICT_FAST_NODES_SIZE: OrderedDict, i64, "_odictobject.od_fast_nodes_size";
    ODICT_NODE_SIZE: OrderedDictNode, SizeOf, "_odictnode";
    DEQUE_BLOCK_SIZE: DequeBlock, SizeOf, "BLOCK";
    ARRAY_ALLOCATED: ArrayObject, i64, "arrayobject.allocated";
    UNICODE_WSTR: UnicodeObject, Address, "PyASCIIObject.wstr";
    UNICODE_WSTR_LENGTH: UnicodeObject, i64, "PyCompactUnicodeObject.wstr_length";
    CODE_CELL2ARG: CodeObject, Address, "PyCodeObject.co_cell2arg";
    CODE_OPCACHE: CodeObject, Address, "PyCodeObject.co_opcache";
    CODE_OPCACHE_SIZE: CodeObject, u8, "PyCodeObject.co_opcache_size";
    CODE_EXTRA: CodeObject, Address, "PyCodeObject.co_extra";
    FUTURE_LOOP: FutureObject, Obj, "FutureObj.fut_loop";
    FUTURE_CALLBACK0: FutureObject, Obj, "FutureObj.fut_callback0";
    FUTURE_CALLBACKS: FutureObject, Obj, "FutureObj.fut_callbacks";
    FUTURE_EXCEPTION: FutureObject, Obj, "FutureObj.fut_exception";
    FUTURE_STATE: FutureObject, i32, "FutureObj.fut_state";
    FUTURE_LOG_TB: FutureObject, Bits, "FutureObj.fut_log_tb";
    FUTURE_AWAITED_BY: FutureObject, Obj, "FutureObj.fut_awaited_by";
    FUTURE_AWAITED_BY_IS_SET: FutureObject, u8, "FutureObj.fut_awaited_by_is_set";
    FUTURE_SIZE: FutureObject, SizeOf, "FutureObj";
    TASK_FUT_WAITER: TaskObject, Obj, "TaskObj.task_fut_waiter";
    TASK_CORO: TaskObject, Obj, "TaskObj.task_coro";
    TASK_NAME: TaskObject, Obj, "TaskObj.task_name";
    TASK_NODE: TaskObject, Inline, "TaskObj.task_node";
    TASK_SIZE: TaskObject, SizeOf, "TaskObj";
    FUTURE_ITER_FUTURE: FutureIter, Obj, "futureiterobject.future";
    FUTURE_ITER_SIZE: FutureIter, SizeOf, "futureiterobject";
    TSTATE_RUNNING_TASK: ThreadState, Obj, "_PyThreadStateImpl.asyncio_running_task";
    TSTATE_TASKS_HEAD: ThreadState, Inline, "_PyThreadStateImpl.asyncio_tasks_head";
    INTERP_TASKS_HEAD: InterpreterState, Inline, "PyInterpreterState.asyncio_tasks_head";
    LIST_NODE_NEXT: ListNode, Option<Ptr<ListNode>>, "llist_node.next";
    CORO_WRAPPER_COROUTINE: CoroutineWrapper, Obj, "PyCoroWrapper.cw_coroutine";
    CORO_WRAPPER_SIZE: CoroutineWrapper, SizeOf, "PyCoroWrapper";
    ASEND_GEN: AsyncGenStep, Obj, "PyAsyncGenASend.ags_gen";
    ASEND_SIZE: AsyncGenStep, SizeOf, "PyAsyncGenASend";
    ATHROW_GEN: AsyncGenStep, Obj, "PyAsyncGenAThrow.agt_gen";
    ATHROW_SIZE: AsyncGenStep, SizeOf, "PyAsyncGenAThrow";
    ANEXT_WRAPPED: AnextAwaitable, Obj, "anextawaitableobject.wrapped";
    ANEXT_SIZE: AnextAwaitable, SizeOf, "anextawaitableobject";
    GEN_SIZE: GenObject, SizeOf, "PyGenObject";
    CONTEXT_VARS: ContextObject, Option<Ptr<HamtObject>>, "_pycontextobject.ctx_vars";
    CONTEXT_SIZE: ContextObject, SizeOf, "_pycontextobject";
    HAMT_ROOT: HamtObject, Option<Ptr<HamtNode>>, "PyHamtObject.h_root";
    HAMT_COUNT: HamtObject, i64, "PyHamtObject.h_count";
    HAMT_BITMAP: HamtNode, u32, "PyHamtNode_Bitmap.b_bitmap";
    HAMT_BITMAP_ITEMS: HamtNode, Inline, "PyHamtNode_Bitmap.b_array";
    HAMT_BITMAP_SIZE: HamtNode, SizeOf, "PyHamtNode_Bitmap";
    HAMT_ARRAY_ITEMS: HamtNode, Inline, "PyHamtNode_Array.a_array";
    HAMT_ARRAY_SIZE: HamtNode, SizeOf, "PyHamtNode_Array";
    HAMT_COLLISION_ITEMS: HamtNode, Inline, "PyHamtNode_Collision.c_array";
    HAMT_COLLISION_SIZE: HamtNode, SizeOf, "PyHamtNode_Collision";
    LOCAL_KEY: LocalObject, Obj, "localobject.key";
    LOCAL_DUMMIES: LocalObject, Obj, "localobject.dummies";
    LOCAL_LOCALDICTS: LocalObject, Obj, "localobject.localdicts";
    LOCAL_SIZE: LocalObject, SizeOf, "localobject";
    LOCAL_DUMMY_DICT: LocalDummy, Obj, "localdummyobject.localdict";
    LOCAL_DUMMY_SIZE: LocalDummy, SizeOf, "localdummyobject";
    TSTATE_LOCAL_KEY: ThreadState, Obj, "PyThreadState.threading_local_key";
    TSTATE_LOCAL_SENTINEL: ThreadState, Obj, "PyThreadState.threading_local_sentinel";
    BUFFERED_BUFFER: BufferedObject, Address, "buffered.buffer";
    BUFFERED_RAW: BufferedObject, Obj, "buffered.raw";
    BUFFERED_WRITE_POS: BufferedObject, i64, "buffered.write_pos";
    BUFFERED_WRITE_END: BufferedObject, i64, "buffered.write_end";
    BUFFERED_BUFFER_SIZE: BufferedObject, i64, "buffered.buffer_size";
    BUFFERED_SIZE: BufferedObject, SizeOf, "buffered";
    TEXT_IO_BUFFER: TextIoObject, Obj, "textio.buffer";
    TEXT_IO_PENDING: TextIoObject, Obj, "textio.pending_bytes";
    TEXT_IO_PENDING_COUNT: TextIoObject, i64, "textio.pending_bytes_count";
    TEXT_IO_SIZE: TextIoObject, SizeOf, "textio";
    STRING_IO_BUFFER: StringIoObject, Address, "stringio.buf";
    STRING_IO_ACCU: StringIoObject, Obj, "stringio.accu";
    STRING_IO_STATE: StringIoObject, i32, "stringio.state";
    STRING_IO_LENGTH: StringIoObject, i64, "stringio.string_size";
    RUNTIME_GC_PERMANENT: RuntimeState, Inline, "_PyRuntimeState.gc.permanent_generation";
}
