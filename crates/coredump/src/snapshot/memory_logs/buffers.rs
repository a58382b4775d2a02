//! Lines that handlers keep in lists and deques, and text that streams have not written yet.

use pycoroner_findings::{Gap, GapKind};
use rustc_hash::FxHashSet;

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, BufferedObject, FunctionObject, Object, TextIoObject, TypeObject};
use crate::objects::dict::{self, lookup_str};
use crate::objects::kind::{self, Kind, TypeFlags};
use crate::objects::{attributes, bytes, deque, sequence, unicode};
use crate::runtime::attach::PythonRuntime;
use crate::snapshot::capture::gap_of;
use crate::snapshot::document::MemoryLogSection;
use crate::snapshot::memory_logs::{MAX_MESSAGE, Room};
use crate::snapshot::values::Values;

/// Most lines of one container: the newest.
const MAX_LINES: usize = 10_000;
/// Most elements of a container that are looked at.
const MAX_ELEMENTS: usize = 1 << 20;
/// Most attributes of a handler, methods of its class and names in one of them.
const MAX_NAMES: usize = 1000;
/// Most bytes of one stream.
const MAX_UNWRITTEN: u64 = 16 << 20;

/// The strings in what handlers refer to: by an attribute, by an attribute of an attribute, or by the name of a global
/// variable in one of their methods.
pub(super) fn of_handlers(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    handlers: &[Ptr<Object>],
    room: &mut Room,
    gaps: &mut Vec<Gap>,
) -> Vec<MemoryLogSection> {
    let python = runtime.python();
    let mut seen = FxHashSet::default();
    let mut found = Vec::new();
    for &handler in handlers {
        let own = attributes::attributes(python, handler, MAX_NAMES).items;
        let own: Vec<_> = own.into_iter().map(|attribute| attribute.value).collect();
        let nested = own.iter().filter(|&&value| is_instance(runtime, value));
        let nested = nested.flat_map(|&value| attributes::attributes(python, value, MAX_NAMES).items);
        let nested: Vec<_> = nested.map(|attribute| attribute.value).collect();
        let globals = globals_of_methods(runtime, handler).unwrap_or_default();
        for container in own.into_iter().chain(nested).chain(globals) {
            if seen.insert(container) && !room.is_full {
                lines_of(runtime, values, container, &mut found, room, gaps);
            }
        }
    }
    found
}

/// An instance of a class that Python code made.
fn is_instance(runtime: &PythonRuntime<'_>, object: Ptr<Object>) -> bool {
    let python = runtime.python();
    let flags = python.type_of(object).and_then(|of| kind::flags(python, of));
    flags.is_ok_and(|flags| flags.has(TypeFlags::HEAP_TYPE) && flags.kind() == Kind::Other)
}

/// What the methods of a handler's classes call by a global name, up to the classes of `logging` itself.
fn globals_of_methods(
    runtime: &PythonRuntime<'_>,
    handler: Ptr<Object>,
) -> Result<Vec<Ptr<Object>>, ReadError> {
    let python = runtime.python();
    let mut found = Vec::new();
    let mut class: Option<Ptr<TypeObject>> = Some(python.type_of(handler)?);
    for _ in 0..64 {
        let Some(of) = class else { break };
        let name = runtime.types().name_of(python, of);
        if name.module.is_some_and(|module| module == "logging" || module.starts_with("logging.")) {
            break;
        }
        let Some(methods) = runtime.types().dict_of(python, of)? else { break };
        for (_, method) in dict::entries(python, methods, MAX_NAMES)?.items {
            let is_function =
                runtime.types().name_of(python, python.type_of(method)?).qualified() == "function";
            if is_function {
                found.extend(globals_of(runtime, method.cast())?);
            }
        }
        class = python.read(of, member::TYPE_BASE)?;
    }
    Ok(found)
}

fn globals_of(
    runtime: &PythonRuntime<'_>,
    function: Ptr<FunctionObject>,
) -> Result<Vec<Ptr<Object>>, ReadError> {
    let python = runtime.python();
    let (Some(code), Some(globals)) =
        (python.read(function, member::FUNCTION_CODE)?, python.read(function, member::FUNCTION_GLOBALS)?)
    else {
        return Ok(Vec::new());
    };
    let Some(names) = python.read(code, member::CODE_NAMES)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for name in sequence::tuple(python, names.cast(), MAX_NAMES)?.items.into_iter().flatten() {
        let name = unicode::read_string(python, name.cast(), MAX_NAMES)?;
        found.extend(lookup_str(python, globals.cast(), &name)?);
    }
    Ok(found)
}

/// Adds the strings of a list or a deque.
fn lines_of(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    container: Ptr<Object>,
    found: &mut Vec<MemoryLogSection>,
    room: &mut Room,
    gaps: &mut Vec<Gap>,
) {
    let python = runtime.python();
    let Ok(of) = python.type_of(container) else { return };
    let name = runtime.types().name_of(python, of).qualified();
    let (elements, found_in) = match (kind::of(python, container), name.as_str()) {
        (Ok(Kind::List), _) => (sequence::list(python, container.cast(), MAX_ELEMENTS), "buffer"),
        (_, "collections.deque") => (deque::elements(python, container.cast(), MAX_ELEMENTS), "deque"),
        _ => return,
    };
    let what = "lines that a log handler keeps";
    let elements = match elements {
        Ok(elements) => elements,
        Err(error) => return gaps.push(gap_of(what, &error)),
    };
    if let Some(error) = &elements.fault {
        gaps.push(gap_of(what, error));
    }
    let older = elements.items.len().saturating_sub(MAX_LINES);
    if older > 0 {
        gaps.push(Gap::new(GapKind::Limit, what, format!("{older} more than {MAX_LINES}")));
    }
    let newest = elements.items.into_iter().skip(older).flatten().rev();
    let messages = newest.filter_map(|element| {
        let message = match kind::of(python, element) {
            Ok(Kind::Str) => unicode::read_string(python, element.cast(), MAX_MESSAGE).ok(),
            Ok(Kind::Bytes) => {
                let bytes = bytes::bytes(python, element.cast(), MAX_MESSAGE).ok();
                bytes.map(|bytes| String::from_utf8_lossy(&bytes.data).into_owned())
            }
            Ok(Kind::Tuple | Kind::Dict) => Some(values.repr(element).text),
            _ => None,
        };
        message.map(|message| section(message, found_in))
    });
    let start = found.len();
    found.extend(messages.take_while(|section| room.take(section)));
    found.get_mut(start..).unwrap_or_default().reverse();
}

fn section(message: String, found_in: &'static str) -> MemoryLogSection {
    MemoryLogSection { logger: None, level: None, time: None, message, found_in }
}

/// Text that was printed or logged, and that no file has received: what is left in the buffer of a stream of bytes, then what
/// waits in the stream of text above it.
pub(super) fn of_streams(
    runtime: &PythonRuntime<'_>,
    texts: &[Ptr<Object>],
    streams: &[Ptr<Object>],
    room: &mut Room,
    gaps: &mut Vec<Gap>,
) -> Vec<MemoryLogSection> {
    let mut found = Vec::new();
    let mut below = FxHashSet::default();
    for &text in texts {
        if room.is_full {
            return found;
        }
        let under = runtime.python().read(text.cast::<TextIoObject>(), member::TEXT_IO_BUFFER).ok().flatten();
        let under = under.filter(|under| streams.contains(under));
        below.extend(under);
        let unwritten = under
            .map_or(Ok(Vec::new()), |under| unwritten_bytes(runtime, under.cast()))
            .and_then(|bytes| Ok((bytes, pending_text(runtime, text.cast())?)));
        match unwritten {
            Ok((mut bytes, pending)) => {
                bytes.extend(pending);
                found.extend(kept(&bytes, room));
            }
            Err(error) => gaps.push(gap_of("text that a stream has not written", &error)),
        }
    }
    for &stream in streams.iter().filter(|stream| !below.contains(*stream)) {
        if room.is_full {
            return found;
        }
        match unwritten_bytes(runtime, stream.cast()) {
            Ok(bytes) if is_text(&bytes) => found.extend(kept(&bytes, room)),
            Ok(_) => {}
            Err(error) => gaps.push(gap_of("bytes that a stream has not written", &error)),
        }
    }
    found
}

fn kept(bytes: &[u8], room: &mut Room) -> Vec<MemoryLogSection> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| section(line.to_owned(), "buffer")).take_while(|section| room.take(section)).collect()
}

fn is_text(bytes: &[u8]) -> bool {
    let is_plain =
        |character: char| !character.is_control() || matches!(character, '\n' | '\r' | '\t' | '\x1b');
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_plain))
}

/// From `write_pos` to `write_end` of its buffer, while that is used for writing (`_bufferedwriter_flush_unlocked` of
/// `Modules/_io/bufferedio.c` at v3.12.1).
fn unwritten_bytes(runtime: &PythonRuntime<'_>, stream: Ptr<BufferedObject>) -> Result<Vec<u8>, ReadError> {
    let python = runtime.python();
    let start = python.read(stream, member::BUFFERED_WRITE_POS)?;
    let end = python.read(stream, member::BUFFERED_WRITE_END)?;
    let size = python.read(stream, member::BUFFERED_BUFFER_SIZE)?;
    let buffer = python.read(stream, member::BUFFERED_BUFFER)?;
    if buffer.0 == 0 || start < 0 || end <= start {
        return Ok(Vec::new());
    }
    if end > size {
        let what = "a stream with more bytes than its buffer";
        return Err(ReadError::Invalid { at: stream.address(), what });
    }
    let len = (end as u64 - start as u64).min(MAX_UNWRITTEN);
    Ok(python.bytes(buffer.wrapping_add(start as u64), len)?.into_owned())
}

/// `pending_bytes`: a string, bytes, or a list of them (`_textiowrapper_writeflush` of `Modules/_io/textio.c` at v3.12.1).
fn pending_text(runtime: &PythonRuntime<'_>, stream: Ptr<TextIoObject>) -> Result<Vec<u8>, ReadError> {
    let python = runtime.python();
    let Some(pending) = python.read(stream, member::TEXT_IO_PENDING)? else { return Ok(Vec::new()) };
    let pieces = match kind::of(python, pending)? {
        Kind::List => sequence::list(python, pending.cast(), MAX_ELEMENTS)?.items,
        _ => vec![Some(pending)],
    };
    let mut found = Vec::new();
    for piece in pieces.into_iter().flatten() {
        if found.len() as u64 > MAX_UNWRITTEN {
            break;
        }
        match kind::of(python, piece)? {
            Kind::Str => {
                found.extend(unicode::read_string(python, piece.cast(), MAX_UNWRITTEN as usize)?.bytes());
            }
            Kind::Bytes => {
                found.extend_from_slice(&bytes::bytes(python, piece.cast(), MAX_UNWRITTEN as usize)?.data);
            }
            _ => {}
        }
    }
    Ok(found)
}
