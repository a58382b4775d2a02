//! Greenlets that wait to be switched to.

use std::collections::BTreeMap;

use pycoroner_findings::{Gap, GapKind};

use crate::address::{Address, Ptr};
use crate::layout::columns;
use crate::layout::member::{self, Object, TypeObject};
use crate::objects::dict::lookup_str;
use crate::objects::kind::{self, Kind, TypeFlags};
use crate::objects::types::derives_from;
use crate::objects::unicode::read_string;
use crate::objects::{attributes, integer};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::{Stack, Stopped};
use crate::runtime::greenlets::{Doing, Greenlets};
use crate::runtime::python::Python;
use crate::snapshot::document::SuspendedSection;
use crate::snapshot::held::{Held, Interest};
use crate::snapshot::threads::frame_section;

const MAX_NAME: usize = 256;
/// Those whose layouts are known.
const KNOWN_VERSIONS: &str = "1.0 to 3.5";

/// The frames of all that are suspended, at most `most` of them. What could not be read is a gap for each reason.
pub(super) fn suspended(
    runtime: &PythonRuntime<'_>,
    held: &Held,
    most: usize,
    frames_left: &mut usize,
    gaps: &mut Vec<Gap>,
) -> Vec<SuspendedSection> {
    let all = held.of(Interest::Greenlet);
    if all.is_empty() {
        return Vec::new();
    }
    let version = version(runtime);
    let what = format!("the frames of greenlets (version {})", version.as_deref().unwrap_or("not known"));
    let numbers = version.as_deref().and_then(columns::greenlet_version);
    let known = Greenlets::of_version(runtime, numbers).filter(|known| are_as_large(runtime, known));
    let Some(known) = known else {
        let why = format!("the layout of {} of them is not known for this build", all.len());
        gaps.push(Gap::new(GapKind::Unknown, what, why));
        return Vec::new();
    };
    let gevent = Gevent::of(runtime);
    let mut sections = Vec::new();
    // What went wrong, and with how many: the address of one says no more than that of another.
    let mut broken: BTreeMap<String, u64> = BTreeMap::new();
    for (index, &object) in all.iter().enumerate() {
        if sections.len() >= most || *frames_left == 0 {
            let why = format!("{} of {} were not looked at", all.len() - index, all.len());
            gaps.push(Gap::new(GapKind::Limit, what.clone(), why));
            break;
        }
        let stack = match known.read(object) {
            Ok(Doing::Suspended(stack)) => stack,
            Ok(Doing::Nothing | Doing::NoFramesOfItsOwn) => continue,
            Err(error) => {
                *broken.entry(error.to_string()).or_default() += 1;
                continue;
            }
        };
        if let Some(why) = stopped_early(&stack) {
            *broken.entry(why).or_default() += 1;
        }
        if stack.frames.is_empty() {
            continue;
        }
        *frames_left = frames_left.saturating_sub(stack.frames.len());
        let stack = stack.frames.iter().map(|frame| frame_section(runtime, frame)).collect();
        sections.push(SuspendedSection {
            kind: "greenlet",
            name: Some(name(runtime, gevent.as_ref(), object)),
            stack,
            exceptions: Vec::new(),
        });
    }
    let all_broken: u64 = broken.values().sum();
    if let Some((why, _)) = broken.into_iter().max_by_key(|(_, count)| *count) {
        let (kind, why) = if all_broken == all.len() as u64 {
            (GapKind::Unknown, format!("none is laid out as in greenlet {KNOWN_VERSIONS}: {why}"))
        } else {
            (GapKind::Corrupt, format!("{all_broken} of {} are not whole: {why}", all.len()))
        };
        gaps.push(Gap::new(kind, what, why));
    }
    sections
}

/// Whether the type of greenlets is as large as the layout says.
fn are_as_large(runtime: &PythonRuntime<'_>, known: &Greenlets<'_, '_>) -> bool {
    let python = runtime.python();
    let size = || {
        let module = runtime.module_globals("greenlet._greenlet")?;
        let of = kind::as_type(python, lookup_str(python, module, "greenlet").ok()??)?;
        u64::try_from(python.read(of, member::TYPE_BASICSIZE).ok()?).ok()
    };
    size().is_some_and(|size| known.size() == Ok(size))
}

/// `greenlet.__version__`.
fn version(runtime: &PythonRuntime<'_>) -> Option<String> {
    let globals = runtime.module_globals("greenlet")?;
    text(runtime, lookup_str(runtime.python(), globals, "__version__").ok()??)
}

fn stopped_early(stack: &Stack) -> Option<String> {
    match stack.stopped {
        Stopped::Bottom => None,
        Stopped::Fault(error) => Some(error.to_string()),
        Stopped::Cycle(Address(at)) => Some(format!("a frame comes up twice: {at:#x}")),
        Stopped::Limit => Some("more frames than are looked at".to_owned()),
    }
}

/// The name that it was given; of gevent's without one, what their `repr()` shows: a name made of their number, or the
/// function that they run. Else that of its class.
fn name(runtime: &PythonRuntime<'_>, gevent: Option<&Gevent>, object: Ptr<Object>) -> String {
    let python = runtime.python();
    let given = || text(runtime, attributes::get(python, object, "name").ok()??);
    let number = || gevent?.number(runtime, object).map(|number| format!("Greenlet-{number}"));
    let class = || Some(runtime.types().name_of(python, python.type_of(object).ok()?).name().to_owned());
    if let Some(name) = given().or_else(number) {
        return name;
    }
    let class = class().unwrap_or_else(|| "greenlet".to_owned());
    match gevent.and_then(|gevent| gevent.function(runtime, object)) {
        Some(function) => format!("{class} at {object:?}: {function}"),
        None => class,
    }
}

/// The class of gevent's greenlets (`src/gevent/greenlet.py` and `_greenlet.pxd` of gevent at 24.2.1 and 26.9.0).
struct Gevent {
    class: Ptr<TypeObject>,
    /// Where the last two of its members lie in the objects, when it is compiled: `_formatted_info` and `_ident`.
    members: Option<(u64, u64)>,
}

impl Gevent {
    fn of(runtime: &PythonRuntime<'_>) -> Option<Self> {
        let python = runtime.python();
        let globals = runtime.module_globals("gevent.greenlet")?;
        let class = kind::as_type(python, lookup_str(python, globals, "Greenlet").ok()??)?;
        let is_compiled = !kind::flags(python, class).ok()?.has(TypeFlags::HEAP_TYPE);
        let word = python.space().target().word_size as u64;
        let size = u64::try_from(python.read(class, member::TYPE_BASICSIZE).ok()?).ok()?;
        let members = size.checked_sub(2 * word).map(|first| (first, first + word));
        Some(Self { class, members: members.filter(|_| is_compiled) })
    }

    fn made(&self, python: &Python<'_>, object: Ptr<Object>) -> bool {
        python.type_of(object).is_ok_and(|of| derives_from(python, of, self.class))
    }

    /// `_formatted_info`, where it is text or None, and `_ident`.
    fn members(&self, runtime: &PythonRuntime<'_>, object: Ptr<Object>) -> Option<[Option<Ptr<Object>>; 2]> {
        let python = runtime.python();
        let (info, ident) = self.members.filter(|_| self.made(python, object))?;
        let at = |offset| Ptr::new(Address(python.word(object.address().wrapping_add(offset)).ok()?));
        let is_text = |object: Ptr<Object>| kind::of(python, object) == Ok(Kind::Str);
        let is_none = |object: Ptr<Object>| {
            let of = python.type_of(object).ok()?;
            Some(runtime.types().name_of(python, of).name() == "NoneType")
        };
        let info = at(info)?;
        let known = is_text(info) || is_none(info) == Some(true);
        known.then(|| [Some(info).filter(|&info| is_text(info)), at(ident)])
    }

    /// `minimal_ident`, when it was ever asked for.
    fn number(&self, runtime: &PythonRuntime<'_>, object: Ptr<Object>) -> Option<i128> {
        let python = runtime.python();
        let ident = match self.members {
            Some(_) => self.members(runtime, object)?[1]?,
            None => attributes::get(python, object, "_ident").ok()??,
        };
        let is_number = kind::of(python, ident) == Ok(Kind::Int);
        is_number.then(|| integer::read_i128(python, ident.cast()).ok())?
    }

    /// What it runs: with its arguments, when `repr()` was asked for before.
    fn function(&self, runtime: &PythonRuntime<'_>, object: Ptr<Object>) -> Option<String> {
        let python = runtime.python();
        if let Some([Some(info), _]) = self.members(runtime, object) {
            return text(runtime, info);
        }
        let function = attributes::get(python, object, "_run").ok()?.filter(|_| self.made(python, object))?;
        let of =
            |object| Some(runtime.types().name_of(python, python.type_of(object).ok()?).name().to_owned());
        let (function, name) = match of(function)?.as_str() {
            "function" => (function, member::FUNCTION_NAME),
            "method" => (python.read(function.cast(), member::METHOD_FUNC).ok()??, member::FUNCTION_QUALNAME),
            _ => return None,
        };
        if of(function)? != "function" {
            return None;
        }
        read_string(python, python.read(function.cast(), name).ok()??, MAX_NAME).ok()
    }
}

fn text(runtime: &PythonRuntime<'_>, object: Ptr<Object>) -> Option<String> {
    let python = runtime.python();
    let is_text = kind::of(python, object).ok()? == Kind::Str;
    is_text.then(|| read_string(python, object.cast(), MAX_NAME).ok())?
}
