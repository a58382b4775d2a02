//! What paths begin with: interpreters, modules, threads and their frames.

use pycoroner_coredump::objects::{context, thread_local};
use pycoroner_coredump::{Address, Frame, FramePlace, Ptr, PythonRuntime, Thread, member};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::expression::literal::quoted;
use crate::expression::parse::{attribute, name_in_angle};
use crate::memory::image::WORD;
use crate::naming::edge::Context;

/// How a path from a root begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RootName {
    /// What Python code writes, or a name in angle brackets.
    Text(RootText),
    /// A global variable: the module as paths begin with it, address of the variable's name.
    Global {
        /// The module as paths begin with it.
        module: String,
        /// Address of the variable's name.
        key: u64,
        /// There is a module of the same name, which is something else.
        is_shadowed: bool,
    },
    /// Held by nothing that can be seen, while its reference count says that something does.
    Native,
    /// The same, and the machine stack or a register of a thread points at it: how a path through that stack begins.
    NativeStack(String),
}

/// The beginning of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RootText {
    /// What is written in front of the next step.
    pub(crate) text: String,
    /// What is written when the path ends here, where that is something else.
    pub(crate) exact: Option<String>,
    /// What the object is for the next step.
    pub(crate) context: Context,
}

impl RootText {
    pub(crate) fn plain(text: String) -> Self {
        Self { text, exact: None, context: Context::Plain }
    }

    pub(crate) fn namespace(text: String, exact: String) -> Self {
        Self { text, exact: Some(exact), context: Context::Namespace }
    }
}

/// An object that is alive by itself, and its name.
pub(crate) struct NamedAddress {
    pub(crate) address: u64,
    pub(crate) name: RootText,
}

/// Most frames of one thread whose variables become roots.
const MAX_FRAMES: usize = 100_000;

/// The roots of all interpreters; a `threading.local` that keeps what threads have (3.13+) is not looked for.
pub(crate) fn find(runtime: &PythonRuntime<'_>) -> Vec<NamedAddress> {
    let mut found = Vec::new();
    let python = runtime.python();
    for &interpreter in runtime.interpreters() {
        let prefix = prefix(runtime, interpreter);
        let mut add = |address: u64, name: RootText| found.push(NamedAddress { address, name });
        if let Some(modules) = runtime.modules(interpreter) {
            add(modules.address().0, RootText::plain(format!("{prefix}sys.modules")));
        }
        for (place, module) in [(member::INTERP_SYSDICT, "sys"), (member::INTERP_BUILTINS, "builtins")] {
            if let Ok(Some(object)) = python.read(interpreter, place) {
                let text = format!("{prefix}{module}");
                let exact = format!("{text}.__dict__");
                add(object.address().0, RootText::namespace(text, exact));
            }
        }
        for (thread, label) in threads(runtime, interpreter) {
            of_thread(runtime, &thread, &label, &mut found);
        }
    }
    found
}

/// What paths of an interpreter begin with: nothing for the main one.
pub(crate) fn prefix(runtime: &PythonRuntime<'_>, interpreter: Ptr<member::InterpreterState>) -> String {
    match runtime.python().read(interpreter, member::INTERP_ID) {
        Ok(0) | Err(_) => String::new(),
        Ok(id) => format!("<interpreter {id}>."),
    }
}

/// The threads of an interpreter with what their paths begin with; of threads of one name, the later ones with their ident.
pub(crate) fn threads(
    runtime: &PythonRuntime<'_>,
    interpreter: Ptr<member::InterpreterState>,
) -> Vec<(Thread, String)> {
    let prefix = prefix(runtime, interpreter);
    let mut seen: FxHashMap<String, usize> = FxHashMap::default();
    let label = |thread: Thread| {
        let label = match &thread.name {
            Some(name) => {
                let times = seen.entry(name.clone()).or_default();
                *times += 1;
                match *times {
                    1 => format!("{prefix}<thread {}>", quoted(name)),
                    _ => format!("{prefix}<thread {} {:#x}>", quoted(name), thread.ident),
                }
            }
            None => format!("{prefix}<thread {:#x}>", thread.ident),
        };
        (thread, label)
    };
    runtime.threads(interpreter).0.into_iter().map(label).collect()
}

/// The native threads, by id, with what their paths begin with.
pub(crate) fn native_threads(runtime: &PythonRuntime<'_>) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    let mut known: FxHashSet<u64> = FxHashSet::default();
    for &interpreter in runtime.interpreters() {
        for (thread, label) in threads(runtime, interpreter) {
            if let Some(tid) = thread.tid.filter(|&tid| !thread.gone && known.insert(tid)) {
                found.push((tid, label));
            }
        }
    }
    let without_python = runtime.process().core().notes().threads.iter().map(|thread| thread.tid);
    let unknown = without_python.filter(|&tid| known.insert(tid));
    found.extend(unknown.map(|tid| (tid, format!("<native thread {tid}>"))));
    found
}

/// What paths through the machine stack of a thread begin with.
pub(crate) fn native_stack(thread: &str) -> String {
    format!("{thread}.<C stack>")
}

fn of_thread(runtime: &PythonRuntime<'_>, thread: &Thread, label: &str, found: &mut Vec<NamedAddress>) {
    let python = runtime.python();
    let mut seen: FxHashMap<String, usize> = FxHashMap::default();
    for frame in runtime.stack(thread.state).frames.iter().take(MAX_FRAMES) {
        let times = seen.entry(frame.code.name.clone()).or_default();
        *times += 1;
        // Functions that call themselves: the innermost frame has the plain name.
        let number = if *times > 1 { format!(" #{times}") } else { String::new() };
        let name = format!("{label}.<frame {}{number}>", name_in_angle(&frame.code.name));
        of_frame(runtime, frame, &name, found);
    }
    let mut add = |address: u64, name: RootText| found.push(NamedAddress { address, name });
    for (place, name) in [
        (member::TSTATE_DICT, "<thread-dict>"),
        (member::TSTATE_CONTEXT, "<context>"),
        (member::TSTATE_CURRENT_EXCEPTION, "<exception>"),
        (member::TSTATE_CUREXC_VALUE, "<exception>"),
    ] {
        if let Ok(Some(object)) = python.read(thread.state, place) {
            add(object.address().0, RootText::plain(format!("{label}.{name}")));
        }
    }
    let handled = python.read(thread.state, member::TSTATE_EXC_INFO).ok().flatten();
    if let Some(Ok(Some(object))) = handled.map(|item| python.read(item, member::ERR_EXC_VALUE)) {
        add(object.address().0, RootText::plain(format!("{label}.<handled exception>")));
    }
    found.extend(locals_of_state(runtime, thread.state, label));
}

fn of_frame(runtime: &PythonRuntime<'_>, frame: &Frame, name: &str, found: &mut Vec<NamedAddress>) {
    let python = runtime.python();
    let references = python.dialect().references;
    let mut add = |address: u64, name: RootText| found.push(NamedAddress { address, name });
    let at = match frame.place {
        // A frame object refers to its variables itself.
        FramePlace::Object(at) => {
            let text = RootText { context: Context::Frame, ..RootText::plain(name.to_owned()) };
            return add(at.address().0, text);
        }
        FramePlace::Interpreter(at) => at,
    };
    if let Ok(slots) = python.address_of(at, member::IFRAME_LOCALSPLUS) {
        for (slot, variable) in (0u64..).zip(&frame.code.variables) {
            let word = python.word(slots.wrapping_add(slot * WORD)).ok();
            if let Some(object) = word.and_then(|word| references.address(word)) {
                add(object, variable_text(runtime, object, name, &variable.name));
            }
        }
    }
    for (place, part) in [(member::IFRAME_FUNCOBJ, "<function>"), (member::IFRAME_EXECUTABLE, "f_code")] {
        let word = python.read(at, place).ok();
        if let Some(object) = word.and_then(|Address(word)| references.address(word)) {
            add(object, RootText::plain(format!("{name}.{part}")));
        }
    }
    if let Ok(Some(object)) = python.read(at, member::IFRAME_FUNC) {
        add(object.address().0, RootText::plain(format!("{name}.<function>")));
    }
    if let Ok(Some(object)) = python.read(at, member::IFRAME_LOCALS) {
        add(object.address().0, RootText::namespace(name.to_owned(), format!("{name}.f_locals")));
    }
    if let Ok(Some(code)) = python.read(at, member::IFRAME_CODE) {
        add(code.address().0, RootText::plain(format!("{name}.f_code")));
    }
    if let Ok(Some(object)) = python.read(at, member::IFRAME_FRAME_OBJ) {
        add(object.address().0, RootText::plain(format!("{name}.<frame-object>")));
    }
}

/// A variable; what is in a cell goes by the variable's name.
fn variable_text(runtime: &PythonRuntime<'_>, object: u64, frame: &str, variable: &str) -> RootText {
    let text = format!("{frame}{}", attribute(variable));
    let python = runtime.python();
    let of = Ptr::new(Address(object)).and_then(|object| python.type_of(object).ok());
    let name = of.and_then(|of| runtime.types().find(python, of));
    if name.is_some_and(|name| name.module.as_deref() == Some("builtins") && name.qualname == "cell") {
        let exact = format!("{frame}.<cell {}>", name_in_angle(variable));
        return RootText { text, exact: Some(exact), context: Context::Cell };
    }
    RootText::plain(text)
}

/// The variables that are set in the context in which a thread runs: `<thread 'w'>.<context>['request']`.
pub(crate) fn context_variables(
    runtime: &PythonRuntime<'_>,
    thread: &Thread,
    label: &str,
) -> Vec<NamedAddress> {
    let python = runtime.python();
    let context = python.read(thread.state, member::TSTATE_CONTEXT).ok().flatten();
    let found = context.and_then(|context| context::variables(python, context.cast()).ok());
    let mut taken: Vec<String> = Vec::new();
    let mut named = Vec::new();
    for (name, value) in found.unwrap_or_default() {
        // Names need not be unique; of those that are not, the first has it.
        if !taken.contains(&name) {
            let text = format!("{label}.<context>[{}]", quoted(&name));
            named.push(NamedAddress { address: value.address().0, name: RootText::plain(text) });
            taken.push(name);
        }
    }
    named
}

/// What a thread has in `threading.local` objects, where its thread state keeps it (up to 3.12).
fn locals_of_state(
    runtime: &PythonRuntime<'_>,
    state: Ptr<member::ThreadState>,
    label: &str,
) -> Vec<NamedAddress> {
    let found = thread_local::of_thread_state(runtime.python(), state).unwrap_or_default();
    name_locals(label, found)
}

/// What a thread has in these `threading.local` objects, which keep it themselves (3.13+).
pub(crate) fn locals_of_objects(
    runtime: &PythonRuntime<'_>,
    thread: &Thread,
    label: &str,
    locals: &[u64],
) -> Vec<NamedAddress> {
    let of = |&local: &u64| {
        let local = Ptr::new(Address(local))?;
        thread_local::of_object(runtime.python(), local, thread.state).ok().flatten()
    };
    name_locals(label, locals.iter().filter_map(of).collect())
}

/// The dicts of thread locals as namespaces; one whose names another has as well goes with its address.
fn name_locals(label: &str, mut found: Vec<thread_local::Attributes>) -> Vec<NamedAddress> {
    found.sort_by_key(|attributes| attributes.object);
    let mut names: Vec<String> = Vec::new();
    let mut named = Vec::new();
    for attributes in found {
        let is_taken = attributes.items.iter().any(|(name, _)| names.contains(name));
        let exact = format!("{label}.<thread-local {:#x}>", attributes.object.address().0);
        let text = if is_taken { exact.clone() } else { format!("{label}.<thread-local>") };
        names.extend(attributes.items.into_iter().map(|(name, _)| name));
        let address = attributes.dict.address().0;
        named.push(NamedAddress { address, name: RootText::namespace(text, exact) });
    }
    named
}
