//! What `str()` of an exception would give.
//!
//! Source: the `*_str` functions of Objects/exceptions.c at v3.12.1.

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, BaseExceptionObject, Object, TypeObject};
use crate::objects::dict::lookup_str;
use crate::objects::kind::{self, Kind, TypeFlags};
use crate::objects::{bytes, repr, sequence, unicode};
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
    ImportError,
    SyntaxError,
    Unicode(Action),
}

/// What a codec was doing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Encode,
    Decode,
    Translate,
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
        Form::ImportError => import_error(runtime, values, at),
        Form::SyntaxError => syntax_error(runtime, values, at),
        Form::Unicode(action) => unicode_error(runtime, values, at, action),
        form @ (Form::Arguments | Form::KeyError) => arguments(runtime, values, at, form),
    };
    let caveat = classes
        .own_str
        .map(|class| format!("class {class} defines __str__; this is the text of its arguments"));
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
                "ImportError" => Some(Form::ImportError),
                "SyntaxError" => Some(Form::SyntaxError),
                "UnicodeEncodeError" => Some(Form::Unicode(Action::Encode)),
                "UnicodeDecodeError" => Some(Form::Unicode(Action::Decode)),
                "UnicodeTranslateError" => Some(Form::Unicode(Action::Translate)),
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

/// `ImportError_str`: its message where that is a `str`.
fn import_error(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    at: Ptr<BaseExceptionObject>,
) -> Result<String, ReadError> {
    let python = runtime.python();
    match python.read(at.cast(), member::IMPORT_ERROR_MSG)? {
        Some(message) if kind::of(python, message)? == Kind::Str => Ok(str_of(runtime, values, message)),
        _ => arguments(runtime, values, at, Form::Arguments),
    }
}

/// `SyntaxError_str`: `invalid syntax (app.py, line 3)`.
fn syntax_error(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    at: Ptr<BaseExceptionObject>,
) -> Result<String, ReadError> {
    let python = runtime.python();
    let error = at.cast();
    let of_kind = |object: Option<Ptr<Object>>, wanted| {
        object.filter(|&object| kind::of(python, object).is_ok_and(|kind| kind == wanted))
    };
    let file = of_kind(python.read(error, member::SYNTAX_ERROR_FILENAME)?, Kind::Str);
    let line = of_kind(python.read(error, member::SYNTAX_ERROR_LINENO)?, Kind::Int);
    let message = match python.read(error, member::SYNTAX_ERROR_MSG)? {
        Some(message) => str_of(runtime, values, message),
        None => "None".to_owned(),
    };
    let file = file.map(|file| {
        let path = str_of(runtime, values, file);
        path.rsplit('/').next().unwrap_or_default().to_owned()
    });
    let line = line.map(|line| values.repr(line).text);
    Ok(match (file, line) {
        (Some(file), Some(line)) => format!("{message} ({file}, line {line})"),
        (Some(file), None) => format!("{message} ({file})"),
        (None, Some(line)) => format!("{message} (line {line})"),
        (None, None) => message,
    })
}

/// `UnicodeEncodeError_str` and its two siblings.
fn unicode_error(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    at: Ptr<BaseExceptionObject>,
    action: Action,
) -> Result<String, ReadError> {
    let python = runtime.python();
    let error = at.cast();
    // Not initialised: `str()` is empty.
    let Some(object) = python.read(error, member::UNICODE_ERROR_OBJECT)? else { return Ok(String::new()) };
    let text = |object: Option<Ptr<Object>>| {
        object.map_or_else(|| "None".to_owned(), |object| str_of(runtime, values, object))
    };
    let reason = text(python.read(error, member::UNICODE_ERROR_REASON)?);
    let codec = || -> Result<String, ReadError> {
        Ok(format!("'{}' codec ", text(python.read(error, member::UNICODE_ERROR_ENCODING)?)))
    };
    let start = python.read(error, member::UNICODE_ERROR_START)?;
    let end = python.read(error, member::UNICODE_ERROR_END)?;
    let single = (end == start.wrapping_add(1)).then(|| unit_at(runtime, object, start)).flatten();
    let position = match single {
        Some(_) => format!("in position {start}: {reason}"),
        None => format!("in position {start}-{}: {reason}", end.wrapping_sub(1)),
    };
    Ok(match (action, single) {
        (Action::Decode, Some(byte)) => format!("{}can't decode byte 0x{byte:02x} {position}", codec()?),
        (Action::Decode, None) => format!("{}can't decode bytes {position}", codec()?),
        (Action::Encode, Some(code)) => {
            format!("{}can't encode character '{}' {position}", codec()?, escaped(code))
        }
        (Action::Encode, None) => format!("{}can't encode characters {position}", codec()?),
        (Action::Translate, Some(code)) => {
            format!("can't translate character '{}' {position}", escaped(code))
        }
        (Action::Translate, None) => format!("can't translate characters {position}"),
    })
}

/// The character or byte number `index` of a `str` or `bytes`.
fn unit_at(runtime: &PythonRuntime<'_>, object: Ptr<Object>, index: i64) -> Option<u32> {
    /// Further in, the text would have to be read too far.
    const MOST_UNITS: usize = 1 << 20;
    let python = runtime.python();
    let index = usize::try_from(index).ok().filter(|&index| index < MOST_UNITS)?;
    match kind::of(python, object).ok()? {
        Kind::Str => unicode::read(python, object.cast(), index + 1).ok()?.chars().nth(index),
        Kind::Bytes => {
            let bytes = bytes::bytes(python, object.cast(), index + 1).ok()?;
            bytes.data.get(index).map(|&byte| u32::from(byte))
        }
        _ => None,
    }
}

fn escaped(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
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
