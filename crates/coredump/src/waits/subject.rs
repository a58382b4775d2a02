//! What a thread that is blocked in the kernel waits for.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::{Address, Ptr};
use crate::crash::registers::Registers;
use crate::elf::notes::ThreadStatus;
use crate::layout::member::{self, Object, ThreadHandleObject};
use crate::objects::dict::{self, lookup_str};
use crate::objects::repr::CCallable;
use crate::objects::types::module_dict;
use crate::objects::{attributes, integer};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::Frame;
use crate::waits::held::Holders;
use crate::waits::idiom::{self, Idiom};
use crate::waits::lock::{Lock, LockKind, LockTypes};
use crate::waits::syscall::{SystemCall, WaitsFor};
use crate::waits::{Walked, gil, is_on_stack, slots};

/// What a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Nothing: it runs, or is in a call that does not block.
    Nothing,
    /// The GIL of its interpreter.
    Gil,
    /// A lock.
    Lock(Ptr<Object>),
    /// Something that the standard library builds on locks.
    Idiom(Idiom),
    /// The end of the thread with this index.
    Join(usize),
    /// A mutex of the C library, and the native id of its owner.
    Mutex { at: Address, owner: u64 },
    /// What its system call says.
    Call,
    /// A word in memory that nothing is known about.
    Unknown { at: Address },
}

impl Subject {
    /// The objects that it is about.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Ptr<Object>> + use<> {
        match *self {
            Self::Lock(object) => [Some(object), None],
            Self::Idiom(idiom) => [idiom.object, idiom.condition],
            _ => [None, None],
        }
        .into_iter()
        .flatten()
    }
}

/// Finds what threads wait for; knows the locks that were seen so far.
pub(crate) struct Finder<'f, 'p> {
    runtime: &'f PythonRuntime<'p>,
    types: &'f LockTypes,
    /// Locks by the address that their waiters are blocked at.
    by_address: FxHashMap<Address, Lock>,
    /// Threads by the address that those who wait for their end are blocked at.
    ends: FxHashMap<Address, usize>,
    tids: FxHashSet<u64>,
}

/// Most threads of `threading._active` that are looked at.
const MAX_THREADS: usize = 1 << 16;

impl<'f, 'p> Finder<'f, 'p> {
    pub(crate) fn new(runtime: &'f PythonRuntime<'p>, types: &'f LockTypes, walked: &[Walked]) -> Self {
        let tids = runtime.process().core().notes().threads.iter().map(|thread| thread.tid).collect();
        let ends = ends(runtime, types, walked);
        Self { runtime, types, by_address: FxHashMap::default(), ends, tids }
    }

    /// Makes locks known; of two at one address the first one stays.
    pub(crate) fn add_locks(&mut self, objects: &[Ptr<Object>]) {
        for lock in objects.iter().filter_map(|&object| self.types.read(self.runtime.python(), object)) {
            if lock.waits_at.0 != 0 {
                self.by_address.entry(lock.waits_at).or_insert(lock);
            }
        }
    }

    /// What a thread waits for.
    pub(crate) fn subject(
        &mut self,
        one: &Walked,
        call: Option<SystemCall>,
        status: Option<&ThreadStatus>,
    ) -> Subject {
        let Some(call) = call else { return Subject::Nothing };
        if !matches!(call.waits_for, WaitsFor::Futex | WaitsFor::Restarted) {
            return if call.waits_for == WaitsFor::Nothing { Subject::Nothing } else { Subject::Call };
        }
        let [address, ..] = call.arguments;
        if gil::addresses(self.runtime, &one.thread).is_some_and(|gil| gil.contains(&address)) {
            return Subject::Gil;
        }
        let futex = Address(address);
        let at = self.parked_at(futex, status).unwrap_or(futex);
        let subject = self.at_address(one, at).or_else(|| self.mutex(futex));
        match (subject, call.waits_for) {
            (Some(subject), _) => subject,
            (None, WaitsFor::Futex) => Subject::Unknown { at },
            (None, _) => Subject::Nothing,
        }
    }

    /// The lock that a thread was taking when a Python signal handler ran in between: `acquire` and `__enter__` of a
    /// lock call no other Python code, and go on waiting once the handler returns (`acquire_timed` of
    /// `Modules/_threadmodule.c` at v3.12.0). What the handler itself waits for stays.
    pub(crate) fn interrupted(&mut self, subject: &Subject, outer: &[(usize, CCallable)]) -> Option<Subject> {
        if !matches!(subject, Subject::Nothing | Subject::Call) {
            return None;
        }
        let python = self.runtime.python();
        let (_, call) = outer.iter().find(|(_, call)| {
            matches!(call.name.rsplit('.').next(), Some("acquire" | "acquire_lock" | "__enter__"))
        })?;
        let object = call.receiver?;
        let lock =
            self.types.read(python, object).filter(|lock| lock.held && lock.kind != LockKind::Queue)?;
        self.add_locks(&[object]);
        Some(Subject::Lock(lock.object))
    }

    /// The lock, or what is built on it, whose waiters are blocked at `at`.
    fn at_address(&mut self, one: &Walked, at: Address) -> Option<Subject> {
        let idiom = idiom::of_stack(self.runtime, &one.stack);
        if let Some(&index) = self.ends.get(&at) {
            return Some(Subject::Join(index));
        }
        let python = self.runtime.python();
        let waits_at = |object| self.types.read(python, object).map(|lock| lock.waits_at);
        // The thread in `Condition.wait` made a lock for itself; any other lock is the condition's own.
        if let Some(idiom) = idiom.filter(|idiom| idiom.waiter.and_then(waits_at) == Some(at)) {
            return Some(Subject::Idiom(idiom));
        }
        if !self.by_address.contains_key(&at) {
            let innermost = one.stack.frames.first();
            let objects = innermost.map(|frame| self.objects_of(frame)).unwrap_or_default();
            self.add_locks(&objects);
        }
        let lock = *self.by_address.get(&at)?;
        Some(if lock.kind == LockKind::Queue {
            let object = Some(lock.object);
            Subject::Idiom(Idiom { kind: "queue", object, ..Idiom::default() })
        } else {
            Subject::Lock(lock.object)
        })
    }

    /// What a frame has in its variables and on its stack.
    fn objects_of(&self, frame: &Frame) -> Vec<Ptr<Object>> {
        let python = self.runtime.python();
        let bound = self.runtime.bindings(frame).into_iter().filter_map(|binding| binding.object.ok());
        let mut objects: Vec<_> = bound.chain(slots::all(python, frame)).collect();
        let parts: Vec<_> = objects
            .iter()
            .flat_map(|&object| [inner_lock(self.runtime, object), bound_to(self.runtime, object)])
            .flatten()
            .collect();
        objects.extend(parts);
        objects
    }

    /// The address that a thread is parked at (3.13+): it waits for a semaphore in an entry on its own stack, and
    /// the entry says for what (`struct wait_entry` of `Python/parking_lot.c` at v3.13.0).
    fn parked_at(&self, futex: Address, status: Option<&ThreadStatus>) -> Option<Address> {
        let python = self.runtime.python();
        let offset = python.layout().offset(member::WAIT_ENTRY_SEMA).ok()?;
        let machine = self.runtime.process().core().machine();
        let top = Registers::new(machine, status?.registers.clone()).stack_pointer()?;
        let entry = Ptr::new(futex.wrapping_sub(offset)).filter(|entry| is_on_stack(entry.address(), top))?;
        python.read(entry, member::WAIT_ENTRY_ADDR).ok().filter(|address| address.0 != 0)
    }

    /// A `pthread_mutex_t` of glibc that somebody waits for: the word is 2, then a count, then the owner's native
    /// id (`sysdeps/nptl/bits/struct_mutex.h` at glibc-2.36).
    fn mutex(&self, at: Address) -> Option<Subject> {
        const CONTENDED: u64 = 2;
        let space = self.runtime.process().space();
        let owner = space.unsigned(at.wrapping_add(8), 4).ok()?;
        let is_mutex = space.unsigned(at, 4).ok()? == CONTENDED && self.tids.contains(&owner);
        is_mutex.then_some(Subject::Mutex { at, owner })
    }

    /// All locks that somebody holds or waits for.
    pub(crate) fn into_locks(
        self,
        subjects: &[Subject],
        holders: &Holders,
        met: &[Ptr<Object>],
    ) -> FxHashMap<Ptr<Object>, Lock> {
        let waited: FxHashSet<_> = subjects
            .iter()
            .filter_map(|subject| if let Subject::Lock(object) = subject { Some(*object) } else { None })
            .collect();
        let objects = waited.iter().copied().chain(holders.objects()).chain(met.iter().copied());
        let python = self.runtime.python();
        let locks = objects.filter_map(|object| self.types.read(python, object));
        locks
            .filter(|lock| {
                waited.contains(&lock.object) || lock.owner.is_some() || holders.holds(lock.object)
            })
            .map(|lock| (lock.object, lock))
            .collect()
    }
}

/// The lock inside a condition, or inside a lock of `multiprocessing`.
pub(crate) fn inner_lock(runtime: &PythonRuntime<'_>, object: Ptr<Object>) -> Option<Ptr<Object>> {
    let attribute = |name| attributes::get(runtime.python(), object, name).ok().flatten();
    if idiom::is_instance(runtime, object, "threading.Condition") {
        return attribute("_lock");
    }
    if idiom::is_instance(runtime, object, "multiprocessing.synchronize.SemLock") {
        return attribute("_semlock");
    }
    None
}

/// What a method is bound to: `lock.acquire` on the stack of the frame that calls it. `builtin_method`, which knows
/// the class that defines it (3.9+), is derived from the plain kind.
pub(crate) fn bound_to(runtime: &PythonRuntime<'_>, object: Ptr<Object>) -> Option<Ptr<Object>> {
    if !idiom::is_instance(runtime, object, "builtin_function_or_method") {
        return None;
    }
    runtime.python().read(object.cast(), member::CFUNCTION_SELF).ok()?
}

/// Where those are blocked who wait for the end of a thread: up to 3.12 at a lock that the thread holds while it
/// runs, later at an event in its handle.
fn ends(runtime: &PythonRuntime<'_>, types: &LockTypes, walked: &[Walked]) -> FxHashMap<Address, usize> {
    let python = runtime.python();
    let by_ident: FxHashMap<u64, usize> =
        walked.iter().enumerate().map(|(index, one)| (one.thread.ident, index)).collect();
    let mut found = FxHashMap::default();
    for modules in runtime.interpreters().iter().filter_map(|&interpreter| runtime.modules(interpreter)) {
        let threading = lookup_str(python, modules.cast(), "threading").ok().flatten();
        let globals = threading.and_then(|module| module_dict(python, module));
        let active = globals.and_then(|globals| lookup_str(python, globals, "_active").ok().flatten());
        let Some(active) = active else { continue };
        for (ident, thread) in dict::entries(python, active.cast(), MAX_THREADS).unwrap_or_default().items {
            let index = integer::read_u64(python, ident.cast()).ok().and_then(|ident| by_ident.get(&ident));
            if let (Some(&index), Some(address)) = (index, end_of(runtime, types, thread)) {
                found.insert(address, index);
            }
        }
    }
    found
}

fn end_of(runtime: &PythonRuntime<'_>, types: &LockTypes, thread: Ptr<Object>) -> Option<Address> {
    let python = runtime.python();
    let attribute = |name| attributes::get(python, thread, name).ok().flatten();
    // `Thread._handle` became `_os_thread_handle` in 3.14.
    if let Some(handle) = attribute("_handle").or_else(|| attribute("_os_thread_handle")) {
        let handle =
            python.read(handle.cast::<ThreadHandleObject>(), member::THREAD_HANDLE_HANDLE).ok()??;
        return python.address_of(handle, member::THREAD_HANDLE_EXITING).ok();
    }
    let lock = attribute("_tstate_lock")?;
    types.read(python, lock).map(|lock| lock.waits_at).filter(|address| address.0 != 0)
}
