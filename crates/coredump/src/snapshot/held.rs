//! Objects of the kinds that a snapshot shows, out of all that the garbage collector keeps track of: one pass for all.

use pycoroner_findings::{Gap, GapKind};
use rustc_hash::FxHashMap;

use crate::address::Ptr;
use crate::layout::member::{self, InterpreterState, Object, TypeObject};
use crate::layout::{Member, SizeOf};
use crate::objects::dict::lookup_str;
use crate::objects::kind;
use crate::objects::types::derives_from;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::reachable;
use crate::runtime::tracked::{self, Walk};
use crate::snapshot::capture::gap_of;
use crate::tasks::futures::Futures;

/// Most objects that are looked at; a GiB of the smallest ones.
const MAX_OBJECTS: u64 = 20_000_000;
/// Most objects of one kind that are kept.
const MAX_KEPT: usize = 1 << 20;
/// Most objects that are followed from modules and frames, where there are no lists.
const MAX_REACHED: usize = 2_000_000;

/// What an object is of interest for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Interest {
    Generator,
    LogRecord,
    LogHandler,
    ThreadLocal,
    TextStream,
    ByteStream,
    Greenlet,
    Task,
}

/// Objects by what they are of interest for, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Held {
    found: FxHashMap<Interest, Vec<Ptr<Object>>>,
    is_cut: bool,
}

impl Held {
    /// Those of one kind.
    pub(super) fn of(&self, interest: Interest) -> &[Ptr<Object>] {
        self.found.get(&interest).map(Vec::as_slice).unwrap_or_default()
    }

    fn add(&mut self, interest: Interest, object: Ptr<Object>) {
        let kept = self.found.entry(interest).or_default();
        if kept.len() < MAX_KEPT {
            kept.push(object);
        } else {
            self.is_cut = true;
        }
    }
}

/// The objects of all interpreters.
pub(super) fn collect(runtime: &PythonRuntime<'_>, gaps: &mut Vec<Gap>) -> Held {
    let mut held = Held::default();
    let mut most = MAX_OBJECTS;
    let shares_lists = !runtime.python().layout().has(member::INTERP_GC_GENERATIONS);
    for (index, &interpreter) in runtime.interpreters().iter().enumerate() {
        let mut kinds = Kinds::of_interpreter(runtime, interpreter);
        // Up to 3.8 all interpreters have their objects in the same lists.
        if shares_lists && index > 0 {
            continue;
        }
        let walk = tracked::for_each(runtime, interpreter, most, |object, of, _| {
            if let Some(interest) = kinds.interest(runtime, of) {
                held.add(interest, object);
            }
        });
        most = most.saturating_sub(walk.objects);
        push_gaps(&walk, gaps);
        if walk.no_lists {
            let is_cut = reachable::for_each(runtime, interpreter, MAX_REACHED, |object, of| {
                if let Some(interest) = kinds.interest(runtime, of) {
                    held.add(interest, object);
                }
            });
            if is_cut {
                let why = format!("more than {MAX_REACHED} objects can be reached");
                gaps.push(Gap::new(GapKind::Limit, WHAT, why));
            }
        }
    }
    if held.is_cut {
        gaps.push(Gap::new(GapKind::Limit, WHAT, format!("more than {MAX_KEPT} of one kind")));
    }
    held
}

const WHAT: &str =
    "suspended generators, failed tasks, log records and thread locals that only other objects refer to";

fn push_gaps(walk: &Walk, gaps: &mut Vec<Gap>) {
    gaps.extend(walk.faults.iter().map(|error| gap_of(WHAT, error)));
    if walk.is_cut {
        gaps.push(Gap::new(GapKind::Limit, WHAT, format!("more than {MAX_OBJECTS} objects are tracked")));
    }
    if walk.no_lists {
        let why = "this build keeps no lists of its objects, or they are not known; what modules and frames lead to was searched";
        gaps.push(Gap::new(GapKind::Unknown, WHAT, why));
    }
}

/// Which types are of interest in one interpreter.
struct Kinds {
    bases: Vec<(Ptr<TypeObject>, Interest)>,
    known: FxHashMap<Ptr<TypeObject>, Option<Interest>>,
}

impl Kinds {
    fn of_interpreter(runtime: &PythonRuntime<'_>, interpreter: Ptr<InterpreterState>) -> Self {
        let mut kinds = Self { bases: Vec::new(), known: FxHashMap::default() };
        let class = |module, name| {
            let globals = runtime.module_globals_of(interpreter, module)?;
            kind::as_type(runtime.python(), lookup_str(runtime.python(), globals, name).ok()??)
        };
        for (module, name, interest) in [
            ("logging", "LogRecord", Interest::LogRecord),
            ("logging", "Handler", Interest::LogHandler),
            ("greenlet._greenlet", "greenlet", Interest::Greenlet),
        ] {
            kinds.bases.extend(class(module, name).map(|of| (of, interest)));
        }
        if let Some(futures) = Futures::of_interpreter(runtime, interpreter) {
            kinds.bases.extend(futures.task_classes().map(|of| (of, Interest::Task)));
        }
        let mut add_c_type = |module, name, interest, size: Result<u64, _>| {
            // What is laid out otherwise than is known is left out.
            let Some(of) = class(module, name) else { return };
            let found = runtime.python().read(of, member::TYPE_BASICSIZE).ok();
            if found.and_then(|found| u64::try_from(found).ok()) == size.ok() {
                kinds.bases.push((of, interest));
            }
        };
        let size = |of| size_of(runtime, of);
        add_c_type("_thread", "_local", Interest::ThreadLocal, size(member::LOCAL_SIZE));
        let text = size_of(runtime, member::TEXT_IO_SIZE);
        add_c_type("_io", "TextIOWrapper", Interest::TextStream, text);
        for name in ["BufferedWriter", "BufferedRandom"] {
            add_c_type("_io", name, Interest::ByteStream, size_of(runtime, member::BUFFERED_SIZE));
        }
        kinds
    }

    fn interest(&mut self, runtime: &PythonRuntime<'_>, of: Ptr<TypeObject>) -> Option<Interest> {
        if let Some(known) = self.known.get(&of) {
            return *known;
        }
        let python = runtime.python();
        let base = self.bases.iter().find(|base| derives_from(python, of, base.0)).map(|base| base.1);
        let is_generator = runtime.generator_types().kind(runtime, of).is_some();
        let interest = base.or(is_generator.then_some(Interest::Generator));
        self.known.insert(of, interest);
        interest
    }
}

fn size_of<S>(runtime: &PythonRuntime<'_>, of: Member<S, SizeOf>) -> Result<u64, crate::layout::ReadError> {
    runtime.python().layout().size_of(of)
}
