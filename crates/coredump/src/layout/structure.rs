//! Names of CPython's structures as types, so that a member of one cannot be read from another.

macro_rules! structures {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}
    )*};
}

structures! {
    /// `_PyRuntimeState`: the one per process.
    RuntimeState;
    /// `PyInterpreterState`.
    InterpreterState;
    /// `struct _gil_runtime_state`.
    GilState;
    /// `PyThreadState`.
    ThreadState;
    /// `_PyErr_StackItem`: an exception being handled.
    ErrStackItem;
    /// `_PyCFrame` (3.11, 3.12).
    CFrame;
    /// `_PyStackChunk`: a piece of a thread's data stack, in which its frames lie (3.11+).
    StackChunk;
    /// `PyFrameObject` up to 3.10: the frame itself; from 3.11: a view of it.
    FrameObject;
    /// `_PyInterpreterFrame` (3.11+).
    InterpreterFrame;
    /// `PyCodeObject`.
    CodeObject;
    /// `_PyCodeArray`: copies of a code object's instructions, one for each thread (free-threaded 3.14+).
    CodeArray;
    /// `PyObject`.
    Object;
    /// `PyVarObject`.
    VarObject;
    /// `PyTypeObject`.
    TypeObject;
    /// `static_builtin_state` (3.12), `managed_static_type_state` (3.13): what an interpreter keeps of a C type.
    StaticTypeState;
    /// `PyHeapTypeObject`.
    HeapTypeObject;
    /// `PyASCIIObject` and the structures that begin with it.
    UnicodeObject;
    /// `PyLongObject`.
    LongObject;
    /// `PyFloatObject`.
    FloatObject;
    /// `PyComplexObject`.
    ComplexObject;
    /// `PyBytesObject`.
    BytesObject;
    /// `PyByteArrayObject`.
    ByteArrayObject;
    /// `PyTupleObject`.
    TupleObject;
    /// `PyListObject`.
    ListObject;
    /// `PyDictObject`.
    DictObject;
    /// `PyDictKeysObject`.
    DictKeys;
    /// `PyDictValues` (3.11+), an array of objects before.
    DictValues;
    /// `PySetObject`.
    SetObject;
    /// `PyFunctionObject`.
    FunctionObject;
    /// `PyMethodObject`: a bound method.
    MethodObject;
    /// `PyCFunctionObject`: a built-in function.
    CFunctionObject;
    /// `PyMethodDef`.
    MethodDef;
    /// `PyModuleObject`.
    ModuleObject;
    /// `PyCellObject`.
    CellObject;
    /// `PyGenObject`: generators, coroutines and async generators.
    GenObject;
    /// `PyBaseExceptionObject`.
    BaseExceptionObject;
    /// `PyBaseExceptionGroupObject` (3.11+).
    ExceptionGroupObject;
    /// `PyOSErrorObject`.
    OsErrorObject;
    /// `PyUnicodeErrorObject`.
    UnicodeErrorObject;
    /// `PySyntaxErrorObject`.
    SyntaxErrorObject;
    /// `PyImportErrorObject`.
    ImportErrorObject;
    /// `PySystemExitObject`.
    SystemExitObject;
    /// `PyStopIterationObject`.
    StopIterationObject;
    /// `PyAttributeErrorObject` (3.10+).
    AttributeErrorObject;
    /// `PyNameErrorObject` (3.10+).
    NameErrorObject;
    /// `PyTracebackObject`.
    TracebackObject;
    /// `PyWeakReference`.
    WeakReference;
    /// `PySliceObject`.
    SliceObject;
    /// `PyGC_Head`.
    GcHead;
    /// `struct gc_generation`.
    GcGeneration;
    /// `rlockobject` of `_thread`.
    RLockObject;
    /// `lockobject` of `_thread`.
    LockObject;
    /// `PyMemberDescrObject` and the descriptors that begin with it.
    MemberDescr;
    /// `PyMemberDef`.
    MemberDef;
    /// `PyDictKeyEntry`: an entry of a dict with keys of any type.
    DictEntry;
    /// `PyDictUnicodeEntry`: an entry of a dict with str keys only (3.11+).
    DictStrEntry;
    /// `setentry`.
    SetEntry;
    /// `rangeobject`.
    RangeObject;
    /// `staticmethod`.
    StaticMethod;
    /// `classmethod`.
    ClassMethod;
    /// `_PyDictViewObject`: `dict.keys()`, `.values()`, `.items()`.
    DictView;
    /// `mappingproxyobject`.
    MappingProxy;
    /// `PyMethodDescrObject`.
    MethodDescr;
    /// `gaobject`: `list[int]` (3.9+).
    GenericAlias;
    /// `unionobject`: `int | str` (3.10+).
    UnionObject;
    /// `PyMemoryViewObject`.
    MemoryView;
    /// `lru_cache_object` of `functools`.
    LruCache;
    /// `lru_list_elem` of `functools`: a result that is kept, in a ring by age.
    LruLink;
    /// `ElementObject` of `_elementtree`.
    ElementObject;
    /// `ElementObjectExtra`: the attributes and children of an element.
    ElementExtra;
    /// `PyStructObject` of `_struct`.
    StructObject;
    /// `struct _formatcode` of `_struct`: one item of a format.
    StructCode;
    /// `mmap_object`.
    MmapObject;
    /// `bytesio` of `_io`.
    BytesIoObject;
    /// `tagCDataObject` of `_ctypes`.
    CdataObject;
    /// `superobject`.
    SuperObject;
    /// `partialobject` of `functools`.
    PartialObject;
    /// `PatternObject` of `re`.
    PatternObject;
    /// `MatchObject` of `re`.
    MatchObject;
    /// `PyThreadHandleObject` of `_thread` (3.13+).
    ThreadHandleObject;
    /// `ThreadHandle` of `_thread` (3.13+).
    ThreadHandle;
    /// `wrapperobject`: a bound slot wrapper.
    MethodWrapper;
    /// `PyContextVar`.
    ContextVar;
    /// `defdictobject` of `collections`.
    DefaultDict;
    /// `_odictobject`.
    OrderedDict;
    /// `_odictnode`.
    OrderedDictNode;
    /// `dequeobject` of `collections`.
    DequeObject;
    /// `BLOCK` of `collections.deque`.
    DequeBlock;
    /// `PyDateTime_Date`.
    DateObject;
    /// `PyDateTime_DateTime`.
    DateTimeObject;
    /// `PyDateTime_Time`.
    TimeObject;
    /// `PyDateTime_Delta`.
    TimeDelta;
    /// `PyDateTime_TimeZone`.
    TimeZone;
    /// `arrayobject` of `array`.
    ArrayObject;
    /// `struct arraydescr`.
    ArrayDescr;
    /// `PyDecObject` of `_decimal`.
    DecimalObject;
    /// `PyArrayObject_fields` of NumPy.
    Ndarray;
    /// `PyArray_Descr` of NumPy; NumPy 2 also has `_PyArray_DescrNumPy2`, which begins alike.
    Dtype;
    /// `PyLongScalarObject` of NumPy, and the other scalars of a fixed size, which begin alike.
    NumpyScalar;
    /// `PyGreenlet` of greenlet: the object.
    Greenlet;
    /// `greenlet::Greenlet` of greenlet: what the object stands for.
    GreenletState;
    /// `PyTryBlock`: an entry of a frame's stack of blocks (up to 3.10).
    TryBlock;
    /// `struct wait_entry` of the parking lot (3.13+): a thread that waits for an address.
    WaitEntry;
    /// `simplequeueobject` of `_queue`.
    SimpleQueue;
    /// `SemLockObject` of `_multiprocessing`.
    SemLock;
    /// `struct pool_header` of pymalloc.
    PoolHeader;
    /// `struct arena_object` of pymalloc: what it knows of an arena, in which pools lie.
    ArenaObject;
    /// `mi_segment_t` of mimalloc: 32 MiB, or more, in slices of 64 KiB (free-threaded).
    MimallocSegment;
    /// `mi_page_t` of mimalloc: some slices that hold blocks of one size.
    MimallocPage;
    /// `mi_heap_t` of mimalloc: the pages of a thread for one purpose.
    MimallocHeap;
    /// `FutureObj` of `_asyncio`, and `TaskObj`, which begins like it.
    FutureObject;
    /// `TaskObj` of `_asyncio`.
    TaskObject;
    /// `futureiterobject` of `_asyncio`: what `await` on a future waits with.
    FutureIter;
    /// `struct llist_node`: a link of a list without a type.
    ListNode;
    /// `PyCoroWrapper`: what `__await__` of a coroutine gives.
    CoroutineWrapper;
    /// `PyAsyncGenASend` and `PyAsyncGenAThrow`: a step of an async generator.
    AsyncGenStep;
    /// `anextawaitableobject`: `anext()` with a default (3.10+).
    AnextAwaitable;
    /// `PyContext`.
    ContextObject;
    /// `PyHamtObject`: the mapping of a context.
    HamtObject;
    /// `PyHamtNode`, of one of three kinds.
    HamtNode;
    /// `localobject` of `_thread`: a `threading.local`.
    LocalObject;
    /// `localdummyobject` of `_thread`: what a thread has of a `threading.local` (up to 3.12).
    LocalDummy;
    /// `buffered` of `_io`: a buffered stream of bytes.
    BufferedObject;
    /// `textio` of `_io`: a stream of text.
    TextIoObject;
    /// `stringio` of `_io`.
    StringIoObject;
}
