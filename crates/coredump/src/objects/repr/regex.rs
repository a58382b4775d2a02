//! Text of the objects of `re` (Modules/_sre at v3.13.0).

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, MatchObject, Object, PatternObject};
use crate::objects::kind::{self, Kind};
use crate::objects::repr::form::Form;
use crate::objects::repr::{Objects, ReprLimits};
use crate::objects::{bytes, quoted, unicode};

/// Names of flags, in the order in which `pattern_repr` of Modules/_sre tries them.
const PATTERN_FLAGS: &[(&str, i32)] = &[
    ("re.TEMPLATE", 1),
    ("re.IGNORECASE", 2),
    ("re.LOCALE", 4),
    ("re.MULTILINE", 8),
    ("re.DOTALL", 16),
    ("re.UNICODE", 32),
    ("re.VERBOSE", 64),
    ("re.DEBUG", 128),
    ("re.ASCII", 256),
];
const LOCALE: i32 = 4;
const UNICODE: i32 = 32;
const ASCII: i32 = 256;

/// Most units of the searched text that are looked at for a match.
const MAX_UNITS: usize = 1 << 20;

type Made = Result<Form, ReadError>;

/// `pattern_repr` of Modules/_sre: at most 200 characters of the pattern.
pub(super) fn pattern(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let pattern = object.cast::<PatternObject>();
    let source =
        python.read(pattern, member::PATTERN_PATTERN)?.ok_or(ReadError::Null("PatternObject.pattern"))?;
    let mut flags = python.read(pattern, member::PATTERN_FLAGS)?;
    let is_str = kind::of(python, source)? == Kind::Str;
    if is_str && flags & (LOCALE | UNICODE | ASCII) == UNICODE {
        flags &= !UNICODE;
    }
    let mut names = Vec::new();
    for &(name, bit) in PATTERN_FLAGS {
        if flags & bit != 0 {
            names.push(name.to_owned());
            flags &= !bit;
        }
    }
    if flags != 0 {
        names.push(format!("{flags:#x}"));
    }
    let shown = objects.repr(source, &ReprLimits { bytes: 1024, ..ReprLimits::default() });
    let mut form = Form::text("re.compile(").and(shown.text.chars().take(200).collect::<String>());
    if !shown.exact {
        form = form.inexact();
    }
    if !names.is_empty() {
        form = form.and(format!(", {}", names.join("|")));
    }
    Ok(form.and(")"))
}

/// `match_repr`: the span of the whole match and its text.
pub(super) fn match_object(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let found = object.cast::<MatchObject>();
    let word = python.space().target().word_size as u64;
    let marks = python.address_of(found, member::MATCH_MARK)?;
    let mark = |index: u64| python.word(Address(marks.0.wrapping_add(index * word))).map(|mark| mark as i64);
    let (start, end) = (mark(0)?, mark(1)?);
    let name = if python.dialect().repr_style.sre_type_names { "_sre.SRE_Match" } else { "re.Match" };
    let form = Form::text(format!("<{name} object; span=({start}, {end}), match="));
    let string = python.read(found, member::MATCH_STRING)?;
    let Some(string) = string else { return Ok(form.and("<released>>").inexact()) };
    let range =
        usize::try_from(start).ok().zip(usize::try_from(end).ok()).filter(|(start, end)| start <= end);
    let invalid = ReadError::Invalid { at: object.address(), what: "impossible span of a match" };
    let (start, end) = range.ok_or(invalid)?;
    let mut text = String::new();
    let whole = match kind::of(python, string)? {
        Kind::Str if end <= MAX_UNITS => {
            let source = unicode::read(python, string.cast(), end)?;
            source.fault().map_or(Ok(()), |fault| Err(ReadError::from(fault)))?;
            let codes: Vec<u32> = source.chars().skip(start).collect();
            quoted::push_codes(&mut text, &codes, limit)
        }
        Kind::Bytes if end <= MAX_UNITS => {
            let source = bytes::bytes(python, string.cast(), end)?;
            source.fault.map_or(Ok(()), |fault| Err(ReadError::from(fault)))?;
            text.push('b');
            quoted::push_bytes(&mut text, source.data.get(start..).unwrap_or_default(), true, limit)
        }
        _ => return Ok(form.and("<not read>>").inexact()),
    };
    let form = form.and(text);
    Ok(if whole { form.and(">") } else { form.cut() })
}
