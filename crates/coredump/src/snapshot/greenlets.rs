//! Greenlets that wait to be switched to.

use std::collections::BTreeMap;

use pycoroner_findings::{Gap, GapKind};

use crate::address::{Address, Ptr};
use crate::layout::columns;
use crate::layout::member::{self, Object};
use crate::objects::attributes;
use crate::objects::dict::lookup_str;
use crate::objects::kind::{self, Kind};
use crate::objects::unicode::read_string;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::{Stack, Stopped};
use crate::runtime::greenlets::{Doing, Greenlets};
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
    let what =
        format!("the frames of greenlets (version {})", version.as_deref().unwrap_or("not known"));
    let numbers = version.as_deref().and_then(columns::greenlet_version);
    let known = Greenlets::of_version(runtime, numbers).filter(|known| are_as_large(runtime, known));
    let Some(known) = known else {
        let why = format!("the layout of {} of them is not known for this build", all.len());
        gaps.push(Gap::new(GapKind::Unknown, what, why));
        return Vec::new();
    };
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
        sections.push(SuspendedSection { kind: "greenlet", name: Some(name(runtime, object)), stack });
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

/// The name that it was given, as gevent's can be; else that of its class.
fn name(runtime: &PythonRuntime<'_>, object: Ptr<Object>) -> String {
    let python = runtime.python();
    let given = || text(runtime, attributes::get(python, object, "name").ok()??);
    let class = || Some(runtime.types().name_of(python, python.type_of(object).ok()?).name().to_owned());
    given().or_else(class).unwrap_or_else(|| "greenlet".to_owned())
}

fn text(runtime: &PythonRuntime<'_>, object: Ptr<Object>) -> Option<String> {
    let python = runtime.python();
    let is_text = kind::of(python, object).ok()? == Kind::Str;
    is_text.then(|| read_string(python, object.cast(), MAX_NAME).ok())?
}
