//! Lock objects: where a thread that waits for one is blocked, and who holds it.

use rustc_hash::FxHashMap;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, LockObject, Object, RLockObject, SemLock, SimpleQueue, TypeObject};
use crate::objects::dict::lookup_str;
use crate::objects::types::module_dict;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::python::Python;

/// What kind of lock an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockKind {
    /// `_thread.lock`, which `threading.Lock()` makes: it does not know who holds it.
    Plain,
    /// `_thread.RLock`.
    Recursive,
    /// `_multiprocessing.SemLock`, which the locks of `multiprocessing` are made of.
    Process,
    /// `_queue.SimpleQueue`: whoever wants an item waits for it as for a lock.
    Queue,
}

/// A lock as it was left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lock {
    /// The object.
    pub(crate) object: Ptr<Object>,
    /// Its kind.
    pub(crate) kind: LockKind,
    /// The address that those who wait for it are blocked at.
    pub(crate) waits_at: Address,
    /// Whether somebody holds it.
    pub(crate) held: bool,
    /// `threading.get_ident()` of whoever holds it, where the object says so.
    pub(crate) owner: Option<u64>,
    /// How often its owner has taken it, where the object says so.
    pub(crate) count: Option<u64>,
    /// Whether its owner can take it again.
    pub(crate) reentrant: bool,
}

/// The types whose instances are locks.
#[derive(Debug, Default)]
pub(crate) struct LockTypes(FxHashMap<Ptr<TypeObject>, LockKind>);

/// Where the types of locks are found: module, name in it, kind.
const TYPES: &[(&str, &str, LockKind)] = &[
    ("_thread", "LockType", LockKind::Plain),
    ("_thread", "RLock", LockKind::Recursive),
    ("_multiprocessing", "SemLock", LockKind::Process),
    ("_queue", "SimpleQueue", LockKind::Queue),
];

impl LockTypes {
    /// Finds the types in the modules of every interpreter; each has its own where they are heap types (3.10+).
    pub(crate) fn of(runtime: &PythonRuntime<'_>) -> Self {
        let python = runtime.python();
        let mut types = FxHashMap::default();
        for modules in runtime.interpreters().iter().filter_map(|&interpreter| runtime.modules(interpreter)) {
            for &(module, name, kind) in TYPES {
                let found = lookup_str(python, modules.cast(), module).ok().flatten();
                let globals = found.and_then(|module| module_dict(python, module));
                let of = globals.and_then(|globals| lookup_str(python, globals, name).ok().flatten());
                if let Some(of) = of {
                    types.insert(of.cast(), kind);
                }
            }
        }
        Self(types)
    }

    /// The kind of lock that instances of a type are.
    pub(crate) fn kind(&self, of: Ptr<TypeObject>) -> Option<LockKind> {
        self.0.get(&of).copied()
    }

    /// Takes an object for a lock when it is one.
    pub(crate) fn read(&self, python: &Python<'_>, object: Ptr<Object>) -> Option<Lock> {
        let kind = self.kind(python.type_of(object).ok()?)?;
        read(python, object, kind).ok()
    }
}

/// A mutex of one byte whose lowest bit is set while it is locked (`PyMutex`; `Include/cpython/lock.h` at v3.14.0).
const LOCKED: u8 = 1;
/// `RECURSIVE_MUTEX` of Modules/_multiprocessing/semaphore.c.
const RECURSIVE_MUTEX: i32 = 0;

/// Reads an object that is known to be a lock of that kind.
pub(crate) fn read(python: &Python<'_>, object: Ptr<Object>, kind: LockKind) -> Result<Lock, ReadError> {
    let layout = python.layout();
    let free = Lock {
        object,
        kind,
        waits_at: Address(0),
        held: false,
        owner: None,
        count: None,
        reentrant: kind == LockKind::Recursive,
    };
    match kind {
        LockKind::Plain if layout.has(member::LOCK_MUTEX) => {
            let lock = object.cast::<LockObject>();
            let held = python.read(lock, member::LOCK_MUTEX)? & LOCKED != 0;
            Ok(Lock { waits_at: python.address_of(lock, member::LOCK_MUTEX)?, held, ..free })
        }
        LockKind::Plain => {
            let lock = object.cast::<LockObject>();
            let held = python.read(lock, member::LOCK_LOCKED)? != 0;
            Ok(Lock { waits_at: python.read(lock, member::LOCK_LOCK)?, held, ..free })
        }
        LockKind::Recursive => recursive(python, object.cast(), free),
        LockKind::Process => {
            let lock = object.cast::<SemLock>();
            let count = u64::try_from(python.read(lock, member::SEM_LOCK_COUNT)?).unwrap_or(0);
            let reentrant = python.read(lock, member::SEM_LOCK_KIND)? == RECURSIVE_MUTEX;
            // One of several permits of a semaphore belongs to nobody.
            let owned = count > 0 && python.read(lock, member::SEM_LOCK_MAXVALUE)? == 1;
            let owner = if owned { Some(python.read(lock, member::SEM_LOCK_LAST_TID)?) } else { None };
            let waits_at = python.read(lock, member::SEM_LOCK_HANDLE)?;
            Ok(Lock { waits_at, held: owned, owner, count: owner.map(|_| count), reentrant, ..free })
        }
        LockKind::Queue => {
            let queue = object.cast::<SimpleQueue>();
            let waits_at = if layout.has(member::SIMPLE_QUEUE_LOCK) {
                python.read(queue, member::SIMPLE_QUEUE_LOCK)?
            } else {
                python.address_of(queue, member::SIMPLE_QUEUE_WAITING)?
            };
            Ok(Lock { waits_at, ..free })
        }
    }
}

fn recursive(python: &Python<'_>, lock: Ptr<RLockObject>, free: Lock) -> Result<Lock, ReadError> {
    if python.layout().has(member::RLOCK_MUTEX) {
        let held = python.read(lock, member::RLOCK_MUTEX)? & LOCKED != 0;
        let owner = python.read(lock, member::RLOCK_THREAD)?;
        let level = python.read(lock, member::RLOCK_LEVEL)?;
        let held_by = (held && owner != 0).then_some(owner);
        return Ok(Lock {
            waits_at: python.address_of(lock, member::RLOCK_MUTEX)?,
            held,
            owner: held_by,
            count: held_by.map(|_| level.saturating_add(1)),
            ..free
        });
    }
    let owner = python.read(lock, member::RLOCK_OWNER)?;
    let count = python.read(lock, member::RLOCK_COUNT)?;
    let held = count > 0;
    Ok(Lock {
        waits_at: python.read(lock, member::RLOCK_LOCK)?,
        held,
        owner: held.then_some(owner),
        count: held.then_some(count),
        ..free
    })
}
