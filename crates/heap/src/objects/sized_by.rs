//! Who computes the size of a class's objects: the first `__sizeof__` among the class and its bases, as for
//! `sys.getsizeof`.

use pycoroner_coredump::objects::dict;
use pycoroner_coredump::{Address, Ptr, PythonRuntime, member};
use rustc_hash::FxHashMap;

use crate::memory::image::{Bytes, Image, WORD};
use crate::memory::places::Places;
use crate::objects::kinds::Shape;
use crate::references::reader::Reader;

/// What the size of an object follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SizedBy {
    /// The shape, whose type has a `__sizeof__` that is known here; also where nobody can be told.
    Shape,
    /// `object.__sizeof__`: the sizes that the class states.
    Class,
    /// One of NumPy's scalars, whose item of so many bytes counts a second time.
    NumpyScalar(u64),
    /// `numpy.bytes_`: its characters count a second time.
    NumpyBytes,
    /// `itertools.product`: an index for each pool.
    Product,
    /// `itertools.combinations`, `combinations_with_replacement`: an index for each item that is taken.
    Combinations,
    /// `itertools.permutations`: an index for each item, a cycle for each that is taken.
    Permutations,
    /// Code of a class that is not known here: Python code, or an extension's.
    OwnCode,
}

/// Longest list of bases that is looked through.
const MAX_BASES: u64 = 256;

/// The classes that define `__sizeof__`, as far as they were looked at.
#[derive(Debug, Default)]
pub(crate) struct SizeMethods {
    defined: FxHashMap<u64, bool>,
}

impl SizeMethods {
    /// Who computes the size of the objects of `class`, which have this shape.
    pub(crate) fn of(
        &mut self,
        runtime: &PythonRuntime<'_>,
        image: &Image<'_>,
        places: &Places,
        class: Bytes<'_>,
        shape: Shape,
    ) -> SizedBy {
        let bases = || {
            let mro = image.from(class.word(places.type_mro)?)?;
            let count = mro.word(places.var_len)?.min(MAX_BASES);
            Some(mro.words(places.tuple_items, count).collect::<Vec<u64>>())
        };
        let bases = bases().unwrap_or_default();
        let Some(&definer) = bases.iter().find(|&&base| self.defines(runtime, base)) else {
            return SizedBy::Shape;
        };
        let Some((module, name)) = name_of(runtime, definer) else { return SizedBy::OwnCode };
        match (module.as_str(), name.as_str()) {
            ("builtins", "object") => SizedBy::Class,
            ("itertools", "product") => SizedBy::Product,
            ("itertools", "combinations" | "combinations_with_replacement") => SizedBy::Combinations,
            ("itertools", "permutations") => SizedBy::Permutations,
            ("numpy", "generic") => numpy_scalar(runtime, &bases),
            _ if Shape::of_name(&module, &name) == Some(shape) && shape.has_size() => SizedBy::Shape,
            _ => SizedBy::OwnCode,
        }
    }

    fn defines(&mut self, runtime: &PythonRuntime<'_>, class: u64) -> bool {
        *self.defined.entry(class).or_insert_with(|| {
            let python = runtime.python();
            let dict_of = |of: Ptr<member::TypeObject>| runtime.types().dict_of(python, of).ok().flatten();
            let found = |of| dict::lookup_str(python, dict_of(of)?, "__sizeof__").ok().flatten();
            Ptr::new(Address(class)).and_then(found).is_some()
        })
    }
}

fn name_of(runtime: &PythonRuntime<'_>, class: u64) -> Option<(String, String)> {
    let name = runtime.types().find(runtime.python(), Ptr::new(Address(class))?)?;
    Some((name.module.unwrap_or_default(), name.qualname))
}

/// `gentype_sizeof` (numpy/_core/src/multiarray/scalartypes.c.src at v2.2.0) adds `dtype.itemsize` to the structure.
fn numpy_scalar(runtime: &PythonRuntime<'_>, bases: &[u64]) -> SizedBy {
    let names = bases.iter().filter_map(|&base| name_of(runtime, base));
    let Some((_, name)) = names.into_iter().find(|(module, _)| module == "numpy") else {
        return SizedBy::OwnCode;
    };
    let bits = name.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    // The C names are other names of the same types.
    let item_size = match name.as_str() {
        "bytes_" => return SizedBy::NumpyBytes,
        "bool" | "bool_" | "byte" | "ubyte" => 1,
        "short" | "ushort" | "half" => 2,
        "intc" | "uintc" | "single" => 4,
        "int_" | "uint" | "long" | "ulong" | "intp" | "uintp" | "longlong" | "ulonglong" | "double"
        | "csingle" => 8,
        "longdouble" | "cdouble" => 16,
        "clongdouble" => 32,
        _ => match bits.parse::<u64>() {
            Ok(bits @ 8..=256) => bits / 8,
            _ => return SizedBy::OwnCode,
        },
    };
    SizedBy::NumpyScalar(item_size)
}

impl Reader<'_> {
    /// What iterators of `itertools` count besides their structure: pool or pools, indices, for permutations cycles,
    /// a result, and how many items are taken (Modules/itertoolsmodule.c at v3.8.18 to v3.15.2).
    pub(super) fn combinatoric_extra(&self, object: Bytes<'_>, sized_by: SizedBy) -> Option<u64> {
        let member = |number: u64| object.word(self.places.object_size + number * WORD);
        let pools = || self.image.from(member(0)?)?.word(self.places.var_len);
        let words = match sized_by {
            SizedBy::Product => pools()?,
            SizedBy::Combinations => member(3)?,
            SizedBy::Permutations => pools()?.checked_add(member(4)?)?,
            _ => return None,
        };
        words.checked_mul(WORD)
    }
}
