//! Text of NumPy's arrays, types and scalars.

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, NumpyScalar, Object};
use crate::objects::dict::lookup_str;
use crate::objects::ndarray::{self, Array, Element};
use crate::objects::repr::form::Form;
use crate::objects::repr::numpy_text::{self, Cell};
use crate::objects::repr::rule::Formatter;
use crate::objects::repr::{Objects, rule};
use crate::objects::types::module_dict;
use crate::objects::unicode::read_string;
use crate::objects::{float, quoted};

/// Arrays of more elements are summarised by NumPy (`threshold` of `numpy.set_printoptions`).
const THRESHOLD: u64 = 1000;

type Made = Result<Form, ReadError>;

/// `array_repr` of numpy/_core/arrayprint.py with the default options.
///
/// Elements that are printed exactly: integers, truth values and floats, in arrays that are not summarised.
/// Anything else is shown by its shape and type.
pub(super) fn array(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let array = ndarray::read(objects, object.cast())?;
    let name = objects.type_name_of(object)?.name().to_owned();
    let name = if name == "ndarray" { "array".to_owned() } else { name };
    let cells = if array.element_count().is_some_and(|len| len <= THRESHOLD) {
        cells(objects, &array)?
    } else {
        None
    };
    Ok(match (cells, array.element.name()) {
        (Some(cells), Some(dtype)) => {
            let is_implied = matches!(dtype.as_str(), "int64" | "float64" | "complex128" | "bool");
            let shown = if dtype.starts_with(['<', 'S']) { format!("'{dtype}'") } else { dtype };
            let dtype = (!is_implied || cells.is_empty()).then_some(shown.as_str());
            Form::text(numpy_text::array(&name, &array.shape, &cells, dtype))
        }
        _ => summary(objects, object, &array)?,
    })
}

/// What is shown of an array that is not printed whole.
fn summary(objects: &Objects<'_>, object: Ptr<Object>, array: &Array) -> Made {
    let name = objects.type_name_of(object)?.qualified();
    let shape: Vec<String> = array.shape.iter().map(ToString::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let dtype = array.element.name().unwrap_or_else(|| format!("kind {:?}", char::from(array.element.kind)));
    let text = format!("<{name} shape=({}{comma}) dtype={dtype}; elements not shown>", shape.join(", "));
    Ok(Form::text(text).inexact())
}

/// The elements in the order of the indices; `None` for a type whose text is not known.
fn cells(objects: &Objects<'_>, array: &Array) -> Result<Option<Vec<Cell>>, ReadError> {
    let Element { kind, size, is_native } = array.element;
    if !is_native
        || !matches!((kind, size), (b'b' | b'i' | b'u', 1..=8) | (b'f', 2 | 4 | 8) | (b'U', 4..=4096))
    {
        return Ok(None);
    }
    let mut cells = Vec::new();
    let mut index = vec![0_u64; array.shape.len()];
    let len = array.element_count().unwrap_or_default();
    for _ in 0..len {
        let offset = index.iter().zip(&array.strides).fold(0_i64, |offset, (&index, &stride)| {
            offset.wrapping_add((index as i64).wrapping_mul(stride))
        });
        let bytes = objects.python().bytes(array.data.wrapping_add(offset as u64), size)?;
        cells.push(cell(objects, array.element, &bytes));
        advance(&mut index, &array.shape);
    }
    Ok(Some(cells))
}

/// The next index, the last dimension first.
fn advance(index: &mut [u64], shape: &[u64]) {
    for (at, &length) in index.iter_mut().zip(shape).rev() {
        *at += 1;
        if *at < length {
            return;
        }
        *at = 0;
    }
}

fn cell(objects: &Objects<'_>, element: Element, bytes: &[u8]) -> Cell {
    let target = objects.python().space().target();
    let bits = target.unsigned(bytes);
    match (element.kind, element.size) {
        (b'b', _) => Cell::Bool(bits != 0),
        (b'u', _) => Cell::Int(i128::from(bits)),
        (b'i', size) => {
            let unused = 64 - 8 * size.min(8) as u32;
            Cell::Int(i128::from((bits << unused) as i64 >> unused))
        }
        (b'f', 2) => Cell::Float16(bits as u16),
        (b'f', 4) => Cell::Float32(f32::from_bits(bits as u32)),
        (b'f', _) => Cell::Float64(f64::from_bits(bits)),
        _ => {
            let mut codes: Vec<u32> =
                bytes.chunks_exact(4).map(|unit| target.unsigned(unit) as u32).collect();
            codes.truncate(codes.iter().rposition(|&code| code != 0).map_or(0, |last| last + 1));
            let mut text = String::new();
            quoted::push_codes(&mut text, &codes, usize::MAX);
            Cell::Text(text)
        }
    }
}

/// `dtype.__repr__`: `dtype('float32')`.
pub(super) fn dtype(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let element = ndarray::element(objects, object.cast())?;
    Ok(match element.name() {
        Some(name) if element.is_native && name == "object" => Form::text("dtype('O')"),
        Some(name) if element.is_native => Form::text(format!("dtype('{name}')")),
        _ => Form::text(format!("<dtype of kind {:?}, {} bytes>", char::from(element.kind), element.size))
            .inexact(),
    })
}

/// `__repr__` of the scalars: with the name of the type from NumPy 2 on (NEP 51).
pub(super) fn scalar(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let class = python.type_of(object)?;
    let mut known = rule::resolution_order(objects, class)?.into_iter().map(|class| objects.type_name(class));
    let Some(name) = known.find(|name| name.module.as_deref() == Some("numpy")) else {
        return Ok(
            Form::text(format!("<{} object at {object:?}>", objects.type_name(class).qualified())).inexact()
        );
    };
    let of = name.qualname;
    let value_at = python.address_of(object.cast::<NumpyScalar>(), member::NUMPY_SCALAR_VALUE)?;
    let is_version_2 = version_2(objects);
    let inner = match of.as_str() {
        "bool" | "bool_" => {
            let is_true = python.bytes(value_at, 1)?.iter().any(|&byte| byte != 0);
            return Ok(Form::text(match (is_true, is_version_2) {
                (true, true) => "np.True_",
                (false, true) => "np.False_",
                (true, false) => "True",
                (false, false) => "False",
            }));
        }
        "str_" => Form::default().base(object, Formatter::Str),
        "bytes_" => Form::default().base(object, Formatter::Bytes),
        _ => match number(objects, &of, value_at)? {
            // A complex number's own parentheses give way to those of the type.
            Some(text) if is_version_2 => Form::text(text.trim_matches(['(', ')']).to_owned()),
            Some(text) => Form::text(text),
            None => {
                return Ok(
                    Form::text(format!("<numpy.{of} object at {object:?}; __repr__ not run>")).inexact()
                );
            }
        },
    };
    if !is_version_2 {
        return Ok(inner);
    }
    let mut form = Form::text(format!("np.{of}("));
    form.parts.extend(inner.parts);
    Ok(form.and(")"))
}

/// The digits of a number of the type that is called `of`.
fn number(objects: &Objects<'_>, of: &str, at: Address) -> Result<Option<String>, ReadError> {
    let (kind, size) = match of {
        "longlong" => (b'i', 8),
        "ulonglong" => (b'u', 8),
        _ => {
            let digits = of.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
            let kind = match of.strip_suffix(digits) {
                Some("int") => b'i',
                Some("uint") => b'u',
                Some("float") => b'f',
                Some("complex") => b'c',
                _ => return Ok(None),
            };
            match digits.parse::<u64>() {
                Ok(bits @ (8 | 16 | 32 | 64 | 128)) => (kind, bits / 8),
                _ => return Ok(None),
            }
        }
    };
    let bytes = objects.python().bytes(at, size)?;
    let part = |bytes: &[u8]| {
        let element = Element { kind: b'f', size: bytes.len() as u64, is_native: true };
        cell(objects, element, bytes)
    };
    if kind == b'c' {
        let (real, imaginary) = bytes.split_at(bytes.len() / 2);
        return Ok(match (part(real), part(imaginary)) {
            (Cell::Float64(real), Cell::Float64(imaginary)) => Some(float::complex_repr(real, imaginary)),
            _ => None,
        });
    }
    Ok(match cell(objects, Element { kind, size, is_native: true }, &bytes) {
        Cell::Int(value) => Some(value.to_string()),
        Cell::Float64(value) => Some(float::float_repr(value)),
        Cell::Float32(value) if size == 4 => Some(numpy_text::scalar(value)),
        _ => None,
    })
}

/// Whether the process had NumPy 2 or later loaded; its scalars print the name of their type.
fn version_2(objects: &Objects<'_>) -> bool {
    let version = || {
        let python = objects.python();
        let module = objects.types().module(python, "numpy")?;
        let globals = module_dict(python, module)?;
        let version = lookup_str(python, globals, "__version__").ok()??;
        read_string(python, version.cast(), 64).ok()
    };
    version()
        .and_then(|version| version.split('.').next()?.parse::<u32>().ok())
        .is_some_and(|major| major >= 2)
}
