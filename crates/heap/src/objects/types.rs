//! The types of the process, numbered as they are met.

use std::cell::RefCell;

use pycoroner_coredump::{Address, Ptr, PythonRuntime, member};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::memory::image::{Bytes, Image, WORD};
use crate::memory::places::Places;
use crate::objects::kinds::Shape;
use crate::objects::sized_by::{SizeMethods, SizedBy};

/// Number of a type.
pub(crate) type TypeId = u32;

/// What reading an object needs to know of its type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TypeFacts {
    /// The type object.
    pub(crate) address: u64,
    pub(crate) basic_size: u64,
    pub(crate) item_size: u64,
    pub(crate) dict_offset: i64,
    /// Offset of the head of the list of weak references, which the object does not own; 0 when there is none.
    pub(crate) weak_list_offset: u64,
    pub(crate) flags: u64,
    /// Bytes in front of the object: GC header, dict pointer, weak references.
    pub(crate) pre_header: u64,
    pub(crate) shape: Shape,
    /// Size of the part that `shape` describes; slots of derived classes follow.
    pub(crate) shape_size: u64,
    pub(crate) sized_by: SizedBy,
}

/// Bits of `tp_flags` (Include/object.h at v3.13.0).
mod flag {
    pub(super) const INLINE_VALUES: u64 = 1 << 2;
    pub(super) const MANAGED_WEAKREF: u64 = 1 << 3;
    pub(super) const MANAGED_DICT: u64 = 1 << 4;
    pub(super) const HEAP_TYPE: u64 = 1 << 9;
    pub(super) const READY: u64 = 1 << 12;
    pub(super) const HAVE_GC: u64 = 1 << 14;
    pub(super) const BYTES_SUBCLASS: u64 = 1 << 27;
    pub(super) const BASE_EXC_SUBCLASS: u64 = 1 << 30;
    pub(super) const TYPE_SUBCLASS: u64 = 1 << 31;
}

impl TypeFacts {
    /// Whether its objects have a GC header.
    pub(crate) fn has_gc_header(&self) -> bool {
        self.flags & flag::HAVE_GC != 0
    }

    /// Whether it is made at run time: by a class statement, or by `PyType_FromSpec`.
    pub(crate) fn is_heap_type(&self) -> bool {
        self.flags & flag::HEAP_TYPE != 0
    }

    /// Whether its objects are classes.
    pub(crate) fn is_metatype(&self) -> bool {
        self.flags & flag::TYPE_SUBCLASS != 0
    }

    /// Whether its objects are exceptions.
    pub(crate) fn is_exception(&self) -> bool {
        self.flags & flag::BASE_EXC_SUBCLASS != 0
    }

    /// Whether its objects are bytes.
    pub(crate) fn is_bytes(&self) -> bool {
        self.flags & flag::BYTES_SUBCLASS != 0
    }

    /// Whether the attributes of its objects are kept in front of them (3.11+).
    pub(crate) fn has_managed_dict(&self) -> bool {
        self.flags & flag::MANAGED_DICT != 0
    }

    /// Whether the attributes of its objects are kept behind them (3.13+).
    pub(crate) fn has_inline_values(&self) -> bool {
        self.flags & flag::INLINE_VALUES != 0
    }
}

/// All types met so far.
pub(crate) struct Types<'r, 'p> {
    runtime: &'r PythonRuntime<'p>,
    places: Places,
    /// Whether `tp_flags` has the bits for a pre-header (3.11+).
    pre_headers: bool,
    /// `PyType_Type`.
    type_type: u64,
    ids: FxHashMap<u64, TypeId>,
    /// Addresses that are no types, as far as they are remembered.
    others: FxHashSet<u64>,
    facts: Vec<TypeFacts>,
    names: RefCell<FxHashMap<TypeId, String>>,
    size_methods: SizeMethods,
}

/// Most addresses remembered for not being types.
const MAX_OTHERS: usize = 1 << 16;
/// Longest chain from a class over its metaclasses to `type`, or over its bases to `object`.
const MAX_CHAIN: usize = 256;

impl<'r, 'p> Types<'r, 'p> {
    pub(crate) fn new(runtime: &'r PythonRuntime<'p>, places: &Places, pre_headers: bool) -> Self {
        Self {
            runtime,
            places: *places,
            pre_headers,
            type_type: runtime.types().type_type().address().0,
            ids: FxHashMap::default(),
            others: FxHashSet::default(),
            facts: Vec::new(),
            names: RefCell::default(),
            size_methods: SizeMethods::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.facts.len()
    }

    pub(crate) fn facts(&self, id: TypeId) -> TypeFacts {
        self.facts[id as usize]
    }

    /// The number of the type at `address`; `None` when there is none.
    pub(crate) fn id_of(&mut self, image: &Image<'_>, address: u64) -> Option<TypeId> {
        if let Some(&id) = self.ids.get(&address) {
            return Some(id);
        }
        if !address.is_multiple_of(WORD) || address == 0 || self.others.contains(&address) {
            return None;
        }
        let found = self.is_type(image, address).then(|| self.read_facts(image, address)).flatten();
        let Some(facts) = found else {
            if self.others.len() < MAX_OTHERS {
                self.others.insert(address);
            }
            return None;
        };
        let id = self.facts.len() as TypeId;
        self.facts.push(facts);
        self.ids.insert(address, id);
        Some(id)
    }

    /// Whether what should count references is the address of a type. The state of a C module often begins with two
    /// types; where the heap lies at low addresses, that looks like an object with many references.
    pub(crate) fn counts_like_state(&mut self, image: &Image<'_>, object: Bytes<'_>) -> bool {
        self.high_count(object).is_some_and(|count| self.id_of(image, count).is_some())
    }

    /// Whether what should count references is an address, and the collector's header in front of the object belongs to
    /// none of its lists: the rest of an object that was freed and is kept for reuse, with other places in it than this
    /// type's.
    pub(crate) fn counts_like_rest(&self, image: &Image<'_>, object: Bytes<'_>, facts: &TypeFacts) -> bool {
        /// Flags of the collector.
        const LINK: u64 = !3;
        let places = &self.places;
        let head = object.start().wrapping_sub(places.gc_head_size);
        let is_torn = || {
            let next = image.from(head)?.word(places.gc_next)? & LINK;
            // Without a link the object is not tracked.
            let back = image.from(next).and_then(|next| next.word(places.gc_prev));
            Some(next != 0 && back.is_none_or(|back| back & LINK != head))
        };
        let is_address = |count: u64| count.is_multiple_of(WORD) && image.from(count).is_some();
        facts.has_gc_header()
            && places.gc_head_size > 0
            && self.high_count(object).is_some_and(is_address)
            && is_torn().unwrap_or(false)
    }

    /// The count of references, where it could be an address: none is lower, and few objects have more references.
    fn high_count(&self, object: Bytes<'_>) -> Option<u64> {
        const LOW: u64 = 0x1_0000;
        self.places.refcount.and_then(|at| object.word(at)).filter(|&count| count >= LOW)
    }

    /// A type is an object of `type`, or of a class derived from it that is itself a type.
    fn is_type(&self, image: &Image<'_>, address: u64) -> bool {
        let mut at = address;
        for _ in 0..MAX_CHAIN {
            if at == self.type_type {
                return true;
            }
            let Some(object) = image.from(at) else { return false };
            let refcount = self.places.count_of(object);
            let metatype = object.word(self.places.of_type).filter(|metatype| metatype.is_multiple_of(WORD));
            let (Some(1..=MAX_REFCOUNT), Some(metatype)) = (refcount, metatype) else { return false };
            let Some(flags) = image.from(metatype).and_then(|metatype| metatype.word(self.places.type_flags))
            else {
                return false;
            };
            if flags & flag::TYPE_SUBCLASS == 0 {
                return false;
            }
            at = metatype;
        }
        false
    }

    fn read_facts(&mut self, image: &Image<'_>, address: u64) -> Option<TypeFacts> {
        let places = &self.places;
        let object = image.from(address)?;
        let flags = object.word(places.type_flags)?;
        let size = |offset| object.word(offset).filter(|&size| size < 1 << 31);
        let (basic_size, item_size) = (size(places.type_basicsize)?, size(places.type_itemsize)?);
        if flags & flag::READY == 0 || basic_size < places.object_size {
            return None;
        }
        let mut pre_header = if flags & flag::HAVE_GC != 0 { places.gc_head_size } else { 0 };
        if self.pre_headers && flags & (flag::MANAGED_DICT | flag::MANAGED_WEAKREF) != 0 {
            // `_PyType_PreHeaderSize` (Include/internal/pycore_object.h at v3.12.0).
            pre_header += 2 * WORD;
        }
        let (shape, shape_size) = self.shape(image, address, basic_size);
        let sized_by = self.size_methods.of(self.runtime, image, places, object, shape);
        Some(TypeFacts {
            address,
            basic_size,
            item_size,
            dict_offset: object.signed(places.type_dictoffset)?,
            weak_list_offset: object.signed(places.type_weaklistoffset)?.try_into().unwrap_or(0),
            flags: if self.pre_headers { flags } else { flags & !(flag::MANAGED_DICT | flag::INLINE_VALUES) },
            pre_header,
            shape,
            shape_size,
            sized_by,
        })
    }

    /// The shape of the nearest base that has one, and that base's size.
    fn shape(&self, image: &Image<'_>, address: u64, basic_size: u64) -> (Shape, u64) {
        let python = self.runtime.python();
        let mut at = address;
        let mut is_unknown = false;
        for _ in 0..MAX_CHAIN {
            let Some(object) = image.from(at) else { break };
            let size = object.word(self.places.type_basicsize).unwrap_or(basic_size).min(basic_size);
            let named = Ptr::new(Address(at)).and_then(|of| self.runtime.types().find(python, of));
            let shape = named
                .as_ref()
                .and_then(|name| Shape::of_name(name.module.as_deref().unwrap_or_default(), &name.qualname));
            match shape {
                // All objects begin like `object`: that says nothing of what C code put behind it.
                Some(Shape::Instance) if is_unknown => break,
                Some(shape) => return (shape, size),
                None => is_unknown |= self.is_of_c(image, object),
            }
            match object.word(self.places.type_base) {
                Some(base) if base != 0 => at = base,
                _ => break,
            }
        }
        (Shape::Unknown, self.places.object_size)
    }

    /// Whether a class has more in its objects than Python code puts there: slots, a dict, weak references.
    fn is_of_c(&self, image: &Image<'_>, class: Bytes<'_>) -> bool {
        let places = &self.places;
        let flags = class.word(places.type_flags);
        if flags.is_none_or(|flags| flags & flag::HEAP_TYPE == 0) {
            // Exceptions written in C add only references and numbers to `BaseException`.
            return !is_exception(flags);
        }
        let base = class.word(places.type_base).and_then(|base| image.from(base));
        let of = |class: Option<Bytes<'_>>, place| class.and_then(|class| class.signed(place)).unwrap_or(0);
        let grown = of(Some(class), places.type_basicsize) - of(base, places.type_basicsize);
        let slots = class.word(places.heap_type_slots).and_then(|slots| image.from(slots));
        let slots = slots.and_then(|slots| slots.signed(places.var_len)).unwrap_or(0);
        let is_new = |place| i64::from(of(Some(class), place) != 0 && of(base, place) == 0);
        let own = slots + is_new(places.type_dictoffset) + is_new(places.type_weaklistoffset);
        grown > own.saturating_mul(WORD as i64)
    }

    /// Which of some types, by their names, a type is or derives from.
    pub(crate) fn base_among(&self, image: &Image<'_>, id: TypeId, names: &[&str]) -> Option<usize> {
        let mut at = self.facts(id).address;
        for _ in 0..MAX_CHAIN {
            let of = Ptr::<member::TypeObject>::new(Address(at))?;
            let name = self.runtime.types().name_of(self.runtime.python(), of).display();
            if let Some(found) = names.iter().position(|known| *known == name) {
                return Some(found);
            }
            at = image.from(at)?.word(self.places.type_base).filter(|base| *base != 0)?;
        }
        None
    }

    /// The name of a type as reports spell it.
    pub(crate) fn name(&self, id: TypeId) -> String {
        let name = || {
            let of = Ptr::<member::TypeObject>::new(Address(self.facts(id).address));
            of.map_or_else(String::new, |of| {
                self.runtime.types().name_of(self.runtime.python(), of).display()
            })
        };
        self.names.borrow_mut().entry(id).or_insert_with(name).clone()
    }
}

/// Exceptions written in C add only references and numbers to `BaseException`.
fn is_exception(flags: Option<u64>) -> bool {
    flags.is_some_and(|flags| flags & flag::BASE_EXC_SUBCLASS != 0)
}

/// Highest reference count that is taken for one: immortal objects have at most 2^32 - 1 (PEP 683).
pub(crate) const MAX_REFCOUNT: u64 = u32::MAX as u64;
