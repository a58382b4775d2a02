//! Objects one by one, by address, without a list of all.

use std::cell::RefCell;

use pycoroner_coredump::objects::repr::{Objects, ReprLimits, Text};
use pycoroner_coredump::{Address, InstanceDict, Ptr, PythonRuntime, ReadError, for_each_tracked};
use rustc_hash::FxHashMap;

use crate::analysis::Options;
use crate::answers::roots::objects_of;
use crate::expression::literal::Literal;
use crate::heap::Heap;
use crate::memory::image::Bytes;
use crate::objects::kinds::Shape;
use crate::objects::sizes::Size;
use crate::objects::types::{MAX_REFCOUNT, TypeFacts, Types};
use crate::references::reader::Reader;
use crate::references::visit::Step;

/// Longest name or key that is written into a path, in characters.
pub(crate) const MAX_KEY: u64 = 200;

/// Reads single objects of a process.
pub(crate) struct Look<'l, 'r, 'p> {
    pub(crate) runtime: &'r PythonRuntime<'p>,
    pub(crate) reader: &'l Reader<'p>,
    types: RefCell<Types<'r, 'p>>,
    objects: Objects<'r>,
}

impl<'l, 'r, 'p> Look<'l, 'r, 'p> {
    pub(crate) fn new(runtime: &'r PythonRuntime<'p>, reader: &'l Reader<'p>) -> Self {
        let pre_headers = reader.instance_dict != InstanceDict::Pointer;
        Self {
            runtime,
            reader,
            types: RefCell::new(Types::new(runtime, &reader.places, pre_headers)),
            objects: Objects::new(runtime.python(), runtime.types()),
        }
    }

    /// The bytes from an object's start on.
    pub(crate) fn bytes(&self, address: u64) -> Option<Bytes<'p>> {
        self.reader.image.from(address)
    }

    /// What the type of the object at `address` says; `None` when there is no object.
    pub(crate) fn facts(&self, address: u64) -> Option<TypeFacts> {
        if !address.is_multiple_of(crate::memory::image::WORD) {
            return None;
        }
        let object = self.bytes(address)?;
        let of_type = object.word(self.reader.places.of_type)?;
        if !matches!(self.reader.places.count_of(object)?, 1..=MAX_REFCOUNT) {
            return None;
        }
        let mut types = self.types.borrow_mut();
        if types.counts_like_state(&self.reader.image, object) {
            return None;
        }
        let id = types.id_of(&self.reader.image, of_type)?;
        Some(types.facts(id))
    }

    /// The name of an object's type; empty when there is no object.
    pub(crate) fn type_name(&self, address: u64) -> String {
        let name = || {
            let of_type = self.bytes(address)?.word(self.reader.places.of_type)?;
            let mut types = self.types.borrow_mut();
            let id = types.id_of(&self.reader.image, of_type)?;
            Some(types.name(id))
        };
        name().unwrap_or_default()
    }

    /// What `sys.getsizeof` says of an object, as far as that can be told.
    pub(crate) fn size(&self, address: u64) -> Option<Size> {
        Some(self.reader.size_of(self.bytes(address)?, &self.facts(address)?))
    }

    /// Hands every reference of the object at `address` to `take`; not all need lead to an object.
    pub(crate) fn visit(&self, address: u64, mut take: impl FnMut(u64, Step)) {
        if let (Some(object), Some(facts)) = (self.bytes(address), self.facts(address)) {
            self.reader.visit(address, object, &facts, &mut |target: u64, step: Step| {
                if target != 0 {
                    take(target, step);
                }
            });
        }
    }

    /// The text of a str, whole; `None` when it is longer than `limit` or not one that can be written.
    pub(crate) fn text(&self, address: u64, limit: u64) -> Option<String> {
        self.reader.whole_text(address, limit)
    }

    /// The constant that an object is; `None` for what Python has no literal for, and for long ones.
    pub(crate) fn literal(&self, address: u64) -> Option<Literal> {
        let facts = self.facts(address)?;
        match facts.shape {
            Shape::Str => self.text(address, MAX_KEY).map(Literal::Str),
            Shape::Int if self.type_name(address) == "bool" => {
                self.reader.small_int(address).map(|value| Literal::Bool(value != 0))
            }
            Shape::Int => match self.reader.small_int(address) {
                Some(value) => Some(Literal::Int(value.to_string())),
                None => self.repr_as_literal(address),
            },
            Shape::Atom | Shape::Tuple => self.repr_as_literal(address),
            _ => None,
        }
    }

    fn repr_as_literal(&self, address: u64) -> Option<Literal> {
        const LIMITS: ReprLimits = ReprLimits { depth: 8, items: 16, bytes: MAX_KEY as usize };
        let text = self.repr(address, &LIMITS)?;
        if text.exact && !text.truncated { Literal::of(&text.text) } else { None }
    }

    /// What `repr()` would print.
    pub(crate) fn repr(&self, address: u64, limits: &ReprLimits) -> Option<Text> {
        Some(self.objects.repr(Ptr::new(Address(address))?, limits))
    }

    /// What prints objects, and reads some of them.
    pub(crate) fn objects(&self) -> &Objects<'r> {
        &self.objects
    }

    /// The object at `address`, for coredump's readers.
    pub(crate) fn pointer<T>(address: u64) -> Result<Ptr<T>, ReadError> {
        Ptr::new(Address(address)).ok_or(ReadError::Null("the object"))
    }

    /// Items of a dict: the key's address, and the value.
    pub(crate) fn dict_items(&self, dict: u64, mut take: impl FnMut(u64, u64)) {
        if let Some(object) = self.bytes(dict) {
            let _ = self.reader.visit_dict(object, &mut |target: u64, step: Step| {
                if let Step::Item(key) | Step::Attribute(key) = step {
                    take(key, target);
                }
            });
        }
    }

    /// The value under a str in a dict.
    pub(crate) fn dict_item(&self, dict: u64, name: &str) -> Option<u64> {
        let mut found = None;
        self.dict_items(dict, |key, value| {
            if found.is_none() && self.reader.is_text(key, name) && self.is_str(key) {
                found = Some(value);
            }
        });
        found
    }

    /// Whether an object is a str.
    pub(crate) fn is_str(&self, address: u64) -> bool {
        self.facts(address).is_some_and(|facts| facts.shape == Shape::Str)
    }

    /// The dict of a module.
    pub(crate) fn module_dict(&self, module: u64) -> Option<u64> {
        let dict = self.bytes(module)?.word(self.reader.places.module_dict?)?;
        (self.facts(dict)?.shape == Shape::Dict).then_some(dict)
    }

    /// The name of the class at an address.
    pub(crate) fn name_of_class(&self, class: u64) -> String {
        let of = Ptr::new(Address(class));
        of.map_or_else(String::new, |of| self.runtime.types().name_of(self.runtime.python(), of).display())
    }

    /// Whether a class has a name or derives from one that has.
    pub(crate) fn is_derived(&self, class: u64, type_name: &str) -> bool {
        const MAX_BASES: usize = 64;
        let base =
            |class: &u64| self.bytes(*class)?.word(self.reader.places.type_base).filter(|&base| base != 0);
        let mut classes = std::iter::successors(Some(class), base).take(MAX_BASES);
        classes.any(|class| self.name_of_class(class) == type_name)
    }

    /// All `threading.local` objects: those that the collector tracks, else, where it has no lists, those in memory.
    pub(crate) fn thread_locals(&self) -> Vec<u64> {
        /// A process that has more objects takes longer than one question is worth.
        const MOST: u64 = 100_000_000;
        let mut known: FxHashMap<u64, bool> = FxHashMap::default();
        let mut found = Vec::new();
        let mut has_lists = true;
        for &interpreter in self.runtime.interpreters() {
            let walk = for_each_tracked(self.runtime, interpreter, MOST, |object, of, _| {
                let class = of.address().0;
                if *known.entry(class).or_insert_with(|| self.is_derived(class, "_thread._local")) {
                    found.push(object.address().0);
                }
            });
            has_lists &= !walk.no_lists;
        }
        if !has_lists && let Ok(heap) = Heap::enumerate(self.runtime, &Options::default()) {
            return objects_of(&heap, "_thread._local");
        }
        found
    }
}
