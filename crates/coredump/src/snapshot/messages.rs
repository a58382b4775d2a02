//! What `str()` of an exception would give.
//!
//! Source: the `*_str` functions of Objects/exceptions.c at v3.12.1.

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, BaseExceptionObject, Object, TypeObject};
use crate::objects::dict::lookup_str;
use crate::objects::kind::{self, Kind, TypeFlags};
use crate::objects::{repr, sequence, unicode};
use crate::runtime::attach::PythonRuntime;
use crate::snapshot::values::Values;

const MAX_MESSAGE: usize = 16 << 10;
const MAX_NOTES: usize = 100;
const MAX_CLASSES: usize = 500;

/// A message and, where it may differ from what `str()` gives, why.
#[derive(Default)]
pub(super) struct Message {
    pub(super) text: Option<String>,
    pub(super) caveat: Option<String>,
}

/// Which function of exceptions.c makes the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Arguments,
    KeyError,
    OsError,
    Group,
    /// A form that is not rebuilt: the arguments stand for it.
    Other(&'static str),
}

/// What `str()` would give, as far as it can be known without running code.
pub(super) fn message(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    at: Ptr<BaseExceptionObject>,
) -> Message {
    let classes = classes(runtime, at);
    let result = match classes.form {
        Form::Group => group(runtime, values, at),
        Form::OsError => os_error(runtime, values, at).and_then(|text| match text {
            Some(text) => Ok(text),
            None => arguments(runtime, values, at, Form::Arguments),
        }),
        form => arguments(runtime, values, at, form),
    };
    let caveat = match (&classes.own_str, classes.form) {
        (Some(class), _) => Some(format!("class {class} defines __str__; this is the text of its arguments")),
        (None, Form::Other(class)) => {
            Some(format!("{class} formats its text itself; these are its arguments"))
        }
        _ => None,
    };
    match result {
        Ok(text) => Message { text: Some(text), caveat },
        Err(error) => Message { text: None, caveat: Some(format!("the message cannot be read: {error}")) },
    }
}

/// `__notes__` (3.11+), in order: an attribute that `add_note` makes, so it stands in the exception's dict. What
/// cannot be read of it is a mark.
pub(super) fn notes(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    at: Ptr<BaseExceptionObject>,
) -> Vec<String> {
    match note_objects(runtime, at) {
        Ok(notes) => notes.into_iter().map(|note| str_of(runtime, values, note)).collect(),
        Err(error) => vec![repr::mark(&error)],
    }
}

fn note_objects(
    runtime: &PythonRuntime<'_>,
    at: Ptr<BaseExceptionObject>,
) -> Result<Vec<Ptr<Object>>, ReadError> {
    let python = runtime.python();
    let Some(dict) = python.read(at, member::EXC_DICT)? else { return Ok(Vec::new()) };
    let Some(list) = lookup_str(python, dict.cast(), "__notes__")? else { return Ok(Vec::new()) };
    if kind::of(python, list)? != Kind::List {
        return Ok(Vec::new());
    }
    let elements = sequence::list(python, list.cast(), MAX_NOTES)?;
    elements.fault.map_or(Ok(elements.items.into_iter().flatten().collect()), Err)
}

struct Classes {
    form: Form,
    own_str: Option<String>,
}

/// Looks along the base types for one that formats its text in its own way.
fn classes(runtime: &PythonRuntime<'_>, at: Ptr<BaseExceptionObject>) -> Classes {
    let python = runtime.python();
    let mut found = Classes { form: Form::Arguments, own_str: None };
    let mut class: Option<Ptr<TypeObject>> = python.type_of(at.cast()).ok();
    for _ in 0..MAX_CLASSES {
        let Some(at) = class else { break };
        let name = runtime.types().name_of(python, at);
        if name.module.as_deref() == Some("builtins") {
            let form = match name.qualname.as_str() {
                "KeyError" => Some(Form::KeyError),
                "OSError" => Some(Form::OsError),
                "BaseExceptionGroup" => Some(Form::Group),
                "SyntaxError" => Some(Form::Other("SyntaxError")),
                "UnicodeDecodeError" | "UnicodeEncodeError" | "UnicodeTranslateError" => {
                    Some(Form::Other("UnicodeError"))
                }
                _ => None,
            };
            if let Some(form) = form {
                found.form = form;
                break;
            }
        } else if found.own_str.is_none() && defines_str(runtime, at) {
            found.own_str = Some(name.display());
        }
        class = python.read(at, member::TYPE_BASE).ok().flatten();
    }
    found
}

fn defines_str(runtime: &PythonRuntime<'_>, class: Ptr<TypeObject>) -> bool {
    let python = runtime.python();
    let look = || -> Result<bool, ReadError> {
        let dict = python.read(class, member::TYPE_DICT)?.ok_or(ReadError::Null("tp_dict"))?;
        Ok(lookup_str(python, dict, "__str__")?.is_some())
    };
    kind::flags(python, class).is_ok_and(|flags| flags.has(TypeFlags::HEAP_TYPE)) && look().unwrap_or(false)
}

/// `BaseException_str` and `KeyError_str`.
fn arguments(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    at: Ptr<BaseExceptionObject>,
    form: Form,
) -> Result<String, ReadError> {
    let python = runtime.python();
    let args = python.read(at, member::EXC_ARGS)?.ok_or(ReadError::Null("the arguments of an exception"))?;
    let elements = sequence::tuple(python, args, 2)?;
    Ok(match (elements.len, elements.items.as_slice()) {
        (0, _) => String::new(),
        (1, &[Some(argument)]) if form == Form::KeyError => values.repr(argument).text,
        (1, &[Some(argument)]) => str_of(runtime, values, argument),
        _ => values.repr(args.cast()).text,
    })
}

/// `OSError_str`: `[Errno 2] No such file or directory: 'x' -> 'y'`; `None` where it has no number and text.
fn os_error(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    at: Ptr<BaseExceptionObject>,
) -> Result<Option<String>, ReadError> {
    let python = runtime.python();
    let os_error = at.cast();
    let (number, text) =
        (python.read(os_error, member::OS_ERROR_ERRNO)?, python.read(os_error, member::OS_ERROR_STRERROR)?);
    let (file, second) = (
        python.read(os_error, member::OS_ERROR_FILENAME)?,
        python.read(os_error, member::OS_ERROR_FILENAME2)?,
    );
    let (Some(number), Some(text)) = (number, text) else { return Ok(None) };
    let head = format!("[Errno {}] {}", str_of(runtime, values, number), str_of(runtime, values, text));
    Ok(Some(match (file, second) {
        (Some(file), Some(second)) => {
            format!("{head}: {} -> {}", values.repr(file).text, values.repr(second).text)
        }
        (Some(file), None) => format!("{head}: {}", values.repr(file).text),
        _ => head,
    }))
}

/// `BaseExceptionGroup_str`: `several (2 sub-exceptions)`.
fn group(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    at: Ptr<BaseExceptionObject>,
) -> Result<String, ReadError> {
    let python = runtime.python();
    let message =
        python.read(at.cast(), member::EXC_GROUP_MSG)?.ok_or(ReadError::Null("the message of a group"))?;
    let members =
        python.read(at.cast(), member::EXC_GROUP_EXCS)?.ok_or(ReadError::Null("the members of a group"))?;
    let count = sequence::len(python, members.cast())?;
    let plural = if count == 1 { "" } else { "s" };
    Ok(format!("{} ({count} sub-exception{plural})", str_of(runtime, values, message)))
}

/// `str()` of an argument: its characters for a string, else what `repr()` gives.
pub(super) fn str_of(runtime: &PythonRuntime<'_>, values: &Values<'_, '_>, object: Ptr<Object>) -> String {
    let python = runtime.python();
    match kind::of(python, object) {
        Ok(Kind::Str) => match unicode::read_string(python, object.cast(), MAX_MESSAGE) {
            Ok(text) => text,
            Err(_) => values.repr(object).text,
        },
        _ => values.repr(object).text,
    }
}
