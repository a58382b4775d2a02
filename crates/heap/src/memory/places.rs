//! Offsets of the members that passes over all objects read, looked up once.

use pycoroner_coredump::{Bits, Layout, Member, Python, ReadError, Refcount, member as m};

use crate::memory::image::Bytes;

macro_rules! places {
    (always { $($name:ident: $member:path $(, $older:path)?;)* } optional { $($optional:ident: $optional_member:path;)* }) => {
        /// Where members lie in this build's structures, in bytes; sizes end in `_size`.
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct Places {
            $(pub(crate) $name: u64,)*
            $(pub(crate) $optional: Option<u64>,)*
            /// How objects count their references.
            pub(crate) counts: Refcount,
            /// Which of a thread's heaps a page of mimalloc belongs to (3.13).
            pub(crate) mimalloc_page_tag: Option<BitField>,
        }

        impl Places {
            /// Takes the places out of the layout.
            pub(crate) fn new(python: &Python<'_>) -> Result<Self, ReadError> {
                let layout = python.layout();
                let mut places = Self {
                    $($name: layout.offset($member)$(.or_else(|_| layout.offset($older)))??,)*
                    $($optional: offset(layout, $optional_member),)*
                    counts: python.dialect().refcount,
                    mimalloc_page_tag: BitField::new(layout, m::MIMALLOC_PAGE_TAG).ok(),
                };
                if places.counts == Refcount::Biased {
                    // The collector of free-threaded builds goes by mimalloc's pages, not by headers.
                    places.gc_head_size = 0;
                }
                Ok(places)
            }
        }
    };
}

/// The header that the collector had before 3.7.4: three words, in blocks that are multiples of 8 bytes (bpo-27987).
const OLD_GC_HEAD: u64 = 24;

impl Places {
    /// How many bytes into its block an object may start: behind nothing, a header, or a header and two more words.
    pub(crate) fn starts(&self) -> [u64; 3] {
        let unit = self.start_unit();
        [0, unit, 2 * unit]
    }

    /// What all of [`Places::starts`] are multiples of.
    pub(crate) fn start_unit(&self) -> u64 {
        if self.gc_head_size == OLD_GC_HEAD { OLD_GC_HEAD } else { 16 }
    }
}

fn offset<S, T>(layout: &Layout, member: Member<S, T>) -> Option<u64> {
    layout.offset(member).ok()
}

places! {
    always {
    of_type: m::OBJECT_TYPE;
    object_size: m::OBJECT_SIZE;
    var_len: m::VAR_SIZE;
    gc_next: m::GC_HEAD_NEXT, m::GC_HEAD_NEXT_3_7;
    gc_prev: m::GC_HEAD_PREV, m::GC_HEAD_PREV_3_7;
    gc_head_size: m::GC_HEAD_SIZE;

    pool_count: m::POOL_COUNT;
    pool_free_block: m::POOL_FREE_BLOCK;
    pool_size_class: m::POOL_SIZE_CLASS;
    pool_next_offset: m::POOL_NEXT_OFFSET;
    pool_max_next_offset: m::POOL_MAX_NEXT_OFFSET;
    pool_header_size: m::POOL_HEADER_SIZE;
    pool_arena_index: m::POOL_ARENA_INDEX;

    type_basicsize: m::TYPE_BASICSIZE;
    type_itemsize: m::TYPE_ITEMSIZE;
    type_flags: m::TYPE_FLAGS;
    type_base: m::TYPE_BASE;
    type_bases: m::TYPE_BASES;
    type_dict: m::TYPE_DICT;
    type_mro: m::TYPE_MRO;
    type_cache: m::TYPE_CACHE;
    type_subclasses: m::TYPE_SUBCLASSES;
    type_dictoffset: m::TYPE_DICTOFFSET;
    type_weaklistoffset: m::TYPE_WEAKLISTOFFSET;
    type_size: m::TYPE_SIZE;
    heap_type_name: m::HEAP_TYPE_NAME;
    heap_type_qualname: m::HEAP_TYPE_QUALNAME;
    heap_type_slots: m::HEAP_TYPE_SLOTS;
    heap_type_cached_keys: m::HEAP_TYPE_CACHED_KEYS;
    heap_type_size: m::HEAP_TYPE_SIZE;

    unicode_length: m::UNICODE_LENGTH;
    unicode_utf8: m::UNICODE_UTF8;
    unicode_utf8_length: m::UNICODE_UTF8_LENGTH;
    unicode_data: m::UNICODE_DATA;
    unicode_ascii_size: m::UNICODE_ASCII_SIZE;
    unicode_compact_size: m::UNICODE_COMPACT_SIZE;
    unicode_size: m::UNICODE_SIZE;
    bytearray_alloc: m::BYTEARRAY_ALLOC;
    bytearray_bytes: m::BYTEARRAY_BYTES;
    tuple_items: m::TUPLE_ITEMS;
    list_items: m::LIST_ITEMS;
    list_allocated: m::LIST_ALLOCATED;

    dict_used: m::DICT_USED;
    dict_keys: m::DICT_KEYS;
    dict_values: m::DICT_VALUES;
    keys_refcount: m::KEYS_REFCOUNT;
        keys_usable: m::KEYS_USABLE;
    keys_nentries: m::KEYS_NENTRIES;
    keys_indices: m::KEYS_INDICES;
    entry_key: m::DICT_ENTRY_KEY;
    entry_value: m::DICT_ENTRY_VALUE;
    entry_size: m::DICT_ENTRY_SIZE;

    set_used: m::SET_USED;
    set_mask: m::SET_MASK;
    set_table: m::SET_TABLE;
    set_entry_key: m::SET_ENTRY_KEY;
    set_entry_size: m::SET_ENTRY_SIZE;

    weakref_callback: m::WEAKREF_CALLBACK;

    }
    optional {
    bytes_data: m::BYTES_DATA;
    refcount: m::OBJECT_REFCNT;
    ref_local: m::OBJECT_REF_LOCAL;
    ref_shared: m::OBJECT_REF_SHARED;
    arena_address: m::ARENA_ADDRESS;
    arena_total_pools: m::ARENA_TOTAL_POOLS;
    arena_object_size: m::ARENA_OBJECT_SIZE;
    mimalloc_segment_cookie: m::MIMALLOC_SEGMENT_COOKIE;
    mimalloc_segment_info_slices: m::MIMALLOC_SEGMENT_INFO_SLICES;
    mimalloc_segment_slice_count: m::MIMALLOC_SEGMENT_SLICE_COUNT;
    mimalloc_segment_entries: m::MIMALLOC_SEGMENT_ENTRIES;
    mimalloc_segment_slices: m::MIMALLOC_SEGMENT_SLICES;
    mimalloc_page_size: m::MIMALLOC_PAGE_SIZE;
    mimalloc_page_slice_count: m::MIMALLOC_PAGE_SLICE_COUNT;
    mimalloc_page_slice_offset: m::MIMALLOC_PAGE_SLICE_OFFSET;
    mimalloc_page_capacity: m::MIMALLOC_PAGE_CAPACITY;
    mimalloc_page_free: m::MIMALLOC_PAGE_FREE;
    mimalloc_page_local_free: m::MIMALLOC_PAGE_LOCAL_FREE;
    mimalloc_page_thread_free: m::MIMALLOC_PAGE_THREAD_FREE;
    mimalloc_page_used: m::MIMALLOC_PAGE_USED;
    mimalloc_page_block_size: m::MIMALLOC_PAGE_BLOCK_SIZE;
    mimalloc_page_block_size_word: m::MIMALLOC_PAGE_BLOCK_SIZE_WORD;
    mimalloc_page_start: m::MIMALLOC_PAGE_START;
    mimalloc_page_heap_tag: m::MIMALLOC_PAGE_HEAP_TAG;
    mimalloc_page_heap: m::MIMALLOC_PAGE_HEAP;
    mimalloc_heap_delayed_free: m::MIMALLOC_HEAP_DELAYED_FREE;
    gc_refs: m::GC_HEAD_REFS_3_7;
    interp_static_types: m::INTERP_STATIC_TYPES;
    static_type_dict: m::STATIC_TYPE_DICT;
    static_type_size: m::STATIC_TYPE_SIZE;
    interp_managed_types: m::INTERP_MANAGED_TYPES;
    managed_type_dict: m::MANAGED_TYPE_DICT;
    managed_type_size: m::MANAGED_TYPE_SIZE;
    heap_type_module: m::HEAP_TYPE_MODULE;
    long_tag: m::LONG_TAG;
    long_tagged_digits: m::LONG_TAGGED_DIGITS;
    long_digits: m::LONG_DIGITS;
    unicode_wstr: m::UNICODE_WSTR;
    unicode_wstr_length: m::UNICODE_WSTR_LENGTH;
    keys_size: m::KEYS_SIZE;
    keys_log2_size: m::KEYS_LOG2_SIZE;
    keys_log2_index_bytes: m::KEYS_LOG2_INDEX_BYTES;
    keys_kind: m::KEYS_KIND;
    str_entry_key: m::DICT_STR_ENTRY_KEY;
    str_entry_value: m::DICT_STR_ENTRY_VALUE;
    str_entry_size: m::DICT_STR_ENTRY_SIZE;
    values_array: m::VALUES_ARRAY;
    values_valid: m::VALUES_VALID;
    odict_fast_nodes_size: m::ODICT_FAST_NODES_SIZE;
    odict_node_size: m::ODICT_NODE_SIZE;
    deque_left_block: m::DEQUE_LEFT_BLOCK;
    deque_left_index: m::DEQUE_LEFT_INDEX;
    deque_block_data: m::DEQUE_BLOCK_DATA;
    deque_block_right: m::DEQUE_BLOCK_RIGHT;
    deque_block_size: m::DEQUE_BLOCK_SIZE;
    array_allocated: m::ARRAY_ALLOCATED;
    array_items: m::ARRAY_ITEMS;
    array_descr: m::ARRAY_DESCR;
    array_descr_itemsize: m::ARRAY_DESCR_ITEMSIZE;
    code_cell2arg: m::CODE_CELL2ARG;
    code_cellvars: m::CODE_CELLVARS;
    code_freevars: m::CODE_FREEVARS;
    code_nlocals: m::CODE_NLOCALS;
    code_nlocalsplus: m::CODE_NLOCALSPLUS;
    code_stacksize: m::CODE_STACKSIZE;
    frame_code: m::FRAME_CODE;
    frame_builtins: m::FRAME_BUILTINS;
    frame_back: m::FRAME_BACK;
    frame_trace: m::FRAME_TRACE;
    frame_stacktop: m::FRAME_STACKTOP;
    frame_stackdepth: m::FRAME_STACKDEPTH;
    frame_valuestack: m::FRAME_VALUESTACK;
    frame_localsplus: m::FRAME_LOCALSPLUS;
    frame_frame: m::FRAME_FRAME;
    frame_own_frame: m::FRAME_OWN_FRAME;
    iframe_code: m::IFRAME_CODE;
    iframe_executable: m::IFRAME_EXECUTABLE;
    iframe_func: m::IFRAME_FUNC;
    iframe_funcobj: m::IFRAME_FUNCOBJ;
    iframe_locals: m::IFRAME_LOCALS;
    iframe_frame_obj: m::IFRAME_FRAME_OBJ;
    iframe_stacktop: m::IFRAME_STACKTOP;
    iframe_stackpointer: m::IFRAME_STACKPOINTER;
    iframe_localsplus: m::IFRAME_LOCALSPLUS;
    gen_iframe: m::GEN_IFRAME;
    gen_frame_state: m::GEN_FRAME_STATE;
    gen_frame: m::GEN_FRAME;
    gen_name: m::GEN_NAME;
    code_name: m::CODE_NAME;
    code_lnotab: m::CODE_LNOTAB;
    code_linetable: m::CODE_LINETABLE;
    code_varnames: m::CODE_VARNAMES;
    code_localsplusnames: m::CODE_LOCALSPLUSNAMES;
    function_closure: m::FUNCTION_CLOSURE;
    function_code: m::FUNCTION_CODE;
    function_defaults: m::FUNCTION_DEFAULTS;
    function_kwdefaults: m::FUNCTION_KWDEFAULTS;
    function_dict: m::FUNCTION_DICT;
    function_globals: m::FUNCTION_GLOBALS;
    function_annotations: m::FUNCTION_ANNOTATIONS;
    function_module: m::FUNCTION_MODULE;
    function_name: m::FUNCTION_NAME;
    method_func: m::METHOD_FUNC;
    method_self: m::METHOD_SELF;
    module_dict: m::MODULE_DICT;
    cell_ref: m::CELL_REF;
    exc_dict: m::EXC_DICT;
    exc_args: m::EXC_ARGS;
    exc_traceback: m::EXC_TRACEBACK;
    exc_context: m::EXC_CONTEXT;
    exc_cause: m::EXC_CAUSE;
    traceback_next: m::TRACEBACK_NEXT;
    traceback_frame: m::TRACEBACK_FRAME;
    frame_locals: m::FRAME_LOCALS;
    frame_globals: m::FRAME_GLOBALS;
    partial_fn: m::PARTIAL_FN;
    partial_args: m::PARTIAL_ARGS;
    partial_kw: m::PARTIAL_KW;
    defaultdict_factory: m::DEFAULTDICT_FACTORY;
    descr_member: m::DESCR_MEMBER;
    member_def_offset: m::MEMBER_DEF_OFFSET;
    local_localdicts: m::LOCAL_LOCALDICTS;
    weakref_object: m::WEAKREF_OBJECT;
    memoryview_obj: m::MEMORYVIEW_OBJ;
    memoryview_len: m::MEMORYVIEW_LEN;
    memoryview_dimension_count: m::MEMORYVIEW_DIMENSION_COUNT;
    memoryview_shape: m::MEMORYVIEW_SHAPE;
    bytearray_object: m::BYTEARRAY_OBJECT;
    simple_queue_items: m::SIMPLE_QUEUE_ITEMS;
    simple_queue_capacity: m::SIMPLE_QUEUE_CAPACITY;
    simple_queue_first: m::SIMPLE_QUEUE_FIRST;
    simple_queue_count: m::SIMPLE_QUEUE_COUNT;
    lru_cache: m::LRU_CACHE;
    lru_func: m::LRU_FUNC;
    lru_link_previous: m::LRU_LINK_PREVIOUS;
    lru_link_next: m::LRU_LINK_NEXT;
    lru_link_key: m::LRU_LINK_KEY;
    lru_link_result: m::LRU_LINK_RESULT;
    element_tag: m::ELEMENT_TAG;
    element_text: m::ELEMENT_TEXT;
    element_tail: m::ELEMENT_TAIL;
    element_extra: m::ELEMENT_EXTRA;
    element_extra_attrib: m::ELEMENT_EXTRA_ATTRIB;
    element_extra_length: m::ELEMENT_EXTRA_LENGTH;
    element_extra_children: m::ELEMENT_EXTRA_CHILDREN;
    context_var_name: m::CONTEXT_VAR_NAME;
    context_var_default: m::CONTEXT_VAR_DEFAULT;
    gen_code: m::GEN_CODE;
    element_extra_allocated: m::ELEMENT_EXTRA_ALLOCATED;
    element_extra_own_children: m::ELEMENT_EXTRA_OWN_CHILDREN;
    element_extra_size: m::ELEMENT_EXTRA_SIZE;
    struct_codes: m::STRUCT_CODES;
    struct_code_size: m::STRUCT_CODE_SIZE;
    decimal_flags: m::DECIMAL_FLAGS;
    decimal_alloc: m::DECIMAL_ALLOC;
    decimal_data: m::DECIMAL_DATA;
    buffered_buffer: m::BUFFERED_BUFFER;
    buffered_buffer_size: m::BUFFERED_BUFFER_SIZE;
    mmap_size: m::MMAP_SIZE;
    bytes_io_buffer: m::BYTES_IO_BUFFER;
    bytes_io_length: m::BYTES_IO_LENGTH;
    cdata_size: m::CDATA_SIZE;
    cdata_length: m::CDATA_LENGTH;
    ndarray_data: m::NDARRAY_DATA;
    ndarray_dimension_count: m::NDARRAY_DIMENSION_COUNT;
    ndarray_dimensions: m::NDARRAY_DIMENSIONS;
    ndarray_base: m::NDARRAY_BASE;
    ndarray_dtype: m::NDARRAY_DTYPE;
    ndarray_flags: m::NDARRAY_FLAGS;
    dtype_kind: m::DTYPE_KIND;
    dtype_item_size: m::DTYPE_ITEM_SIZE;
    dtype_2_item_size: m::DTYPE_2_ITEM_SIZE;
    future_loop: m::FUTURE_LOOP;
    future_callbacks: m::FUTURE_CALLBACKS;
    future_callback0: m::FUTURE_CALLBACK0;
    future_exception: m::FUTURE_EXCEPTION;
    task_coro: m::TASK_CORO;
    task_fut_waiter: m::TASK_FUT_WAITER;
    task_name: m::TASK_NAME;
    cfunction_self: m::CFUNCTION_SELF;
    cfunction_module: m::CFUNCTION_MODULE;
    mappingproxy_mapping: m::MAPPINGPROXY_MAPPING;
    dict_view_dict: m::DICT_VIEW_DICT;
    buffered_raw: m::BUFFERED_RAW;
    text_io_buffer: m::TEXT_IO_BUFFER;
    exc_notes: m::EXC_NOTES;
    function_doc: m::FUNCTION_DOC;
    function_qualname: m::FUNCTION_QUALNAME;
    module_name: m::MODULE_NAME;
    }
}

impl Places {
    /// The reference count of an object, when it has one that can be told.
    pub(crate) fn count_of(&self, object: Bytes<'_>) -> Option<u64> {
        match self.counts {
            Refcount::Biased => self.biased_count(object),
            counts => counts.stated(object.word(self.refcount?)?),
        }
    }

    /// `Py_REFCNT` of a free-threaded build (`Include/internal/pycore_object.h` at v3.13.5): what the
    /// thread that owns the object counts and what the others do, whose two lowest bits are flags.
    fn biased_count(&self, object: Bytes<'_>) -> Option<u64> {
        /// `_Py_REF_DEFERRED`, which stands for references that are not counted.
        const DEFERRED: i64 = i64::MAX / 8;
        let (local, shared) = (object.half(self.ref_local?)?, object.signed(self.ref_shared?)? >> 2);
        if local == u32::MAX {
            return Some(u64::from(local));
        }
        let shared = if shared > DEFERRED / 2 { shared - DEFERRED } else { shared };
        u64::try_from(i64::from(local).checked_add(shared)?).ok()
    }
}

/// Where the bit fields of a str's `state` lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StrState {
    pub(crate) kind: BitField,
    pub(crate) compact: BitField,
    pub(crate) ascii: BitField,
}

/// A bit field within a 32-bit word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BitField {
    offset: u64,
    shift: u8,
    mask: u32,
}

impl StrState {
    pub(crate) fn new(layout: &Layout) -> Result<Self, ReadError> {
        Ok(Self {
            kind: BitField::new(layout, m::UNICODE_KIND)?,
            compact: BitField::new(layout, m::UNICODE_COMPACT)?,
            ascii: BitField::new(layout, m::UNICODE_ASCII)?,
        })
    }
}

impl BitField {
    fn new<S>(layout: &Layout, member: Member<S, Bits>) -> Result<Self, ReadError> {
        let (offset, shift, width) = layout.bit_field(member)?;
        let mask = 1u32.checked_shl(width.into()).unwrap_or(0).wrapping_sub(1);
        Ok(Self { offset, shift: shift.min(31), mask })
    }

    pub(crate) fn of(self, object: Bytes<'_>) -> Option<u32> {
        Some(object.half(self.offset)? >> self.shift & self.mask)
    }
}
