//! Puts what was found into the sections of the document.

use rustc_hash::FxHashMap;

use crate::address::{Address, Ptr};
use crate::layout::member::Object;
use crate::snapshot::document::{DeadlockSection, LockSection, TakenSection, WaitSection, WaiterSection};
use crate::waits::lock::LockKind;
use crate::waits::subject::Subject;
use crate::waits::{Picture, ThreadWait, Waits, taken, words};

/// The owner states itself in the object, or the kernel and the interpreter do.
pub(crate) const OWNER_FIELD: &str = "owner-field";
/// The owner is in a `with` block of the lock: evidence, no proof.
pub(crate) const WITH_STATEMENT: &str = "with-statement";

/// The owner has a `contextlib.ExitStack` that has entered the lock: evidence, no proof.
pub(crate) const EXIT_STACK: &str = "exit-stack";

/// The owner's code can be where it is only by a call of the lock's `acquire`, with no `release` since: evidence, no proof.
pub(crate) const ACQUIRE_CALL: &str = "acquire-call";

/// Bytes of a lock that its citation covers: the object of the largest kind.
const LOCK_BYTES: u64 = 40;

/// All sections.
pub(super) fn waits(picture: &Picture<'_, '_>) -> Waits {
    let threads = (0..picture.walked.len())
        .map(|index| {
            let waiting_on = waiting_on(picture, index);
            ThreadWait {
                state: words::of_thread(picture, index, waiting_on.as_ref()),
                waiting_on,
                c_call: None,
                outer_c_calls: Vec::new(),
                collecting_garbage: None,
            }
        })
        .collect();
    Waits { threads, locks: locks(picture), deadlocks: deadlocks(picture) }
}

impl Picture<'_, '_> {
    /// The thread that another one waits for, and how that is known.
    pub(super) fn owner(&self, index: usize) -> Option<(usize, &'static str)> {
        match *self.subjects.get(index)? {
            Subject::Lock(object) => self.holder(object),
            Subject::Idiom(idiom) => idiom.joined.and_then(|thread| self.thread_of(thread)).map(stated),
            Subject::Join(index) => Some(stated(index)),
            Subject::Gil => {
                let interpreter = self.walked.get(index)?.thread.interpreter;
                let holder = self.runtime.gil_holder(interpreter)?;
                self.places.states.get(&holder).copied().map(stated)
            }
            Subject::Mutex { owner, .. } => self.places.tids.get(&owner).copied().map(stated),
            _ => None,
        }
    }

    /// The thread that holds a lock, and how that is known.
    fn holder(&self, object: Ptr<Object>) -> Option<(usize, &'static str)> {
        let lock = self.locks.get(&object)?;
        match lock.owner {
            Some(ident) => self.places.idents.get(&ident).copied().map(stated),
            None if lock.kind == LockKind::Plain => self.holders.holder(object),
            None => None,
        }
    }

    /// The thread whose `threading.Thread` an object is.
    fn thread_of(&self, object: Ptr<Object>) -> Option<usize> {
        let python = self.runtime.python();
        let ident = crate::objects::attributes::get(python, object, "_ident").ok()??;
        let ident = crate::objects::integer::read_u64(python, ident.cast()).ok()?;
        self.places.idents.get(&ident).copied()
    }

    /// Native id of a thread.
    pub(super) fn tid(&self, index: usize) -> Option<u64> {
        self.walked.get(index)?.thread.tid
    }

    /// A thread as people call it.
    pub(super) fn label(&self, index: usize) -> String {
        let Some(one) = self.walked.get(index) else { return "an unknown thread".to_owned() };
        let id = one.thread.tid.map_or_else(|| format!("{:#x}", one.thread.ident), |tid| tid.to_string());
        match &one.thread.name {
            Some(name) => format!("{id} {name}"),
            None => id,
        }
    }

    fn kind_of_lock(&self, object: Ptr<Object>) -> &'static str {
        if self.locks.get(&object).is_some_and(|lock| lock.reentrant) { "rlock" } else { "lock" }
    }
}

fn stated(index: usize) -> (usize, &'static str) {
    (index, OWNER_FIELD)
}

fn waiting_on(picture: &Picture<'_, '_>, index: usize) -> Option<WaitSection> {
    let owner_tid = picture.owner(index).and_then(|(owner, _)| picture.tid(owner));
    let interrupted = picture.interrupted.get(index) == Some(&true);
    let section =
        |kind, object: Option<Address>, path| WaitSection { kind, object, path, owner_tid, interrupted };
    Some(match *picture.subjects.get(index)? {
        Subject::Nothing => return None,
        Subject::Gil => section("gil", None, None),
        Subject::Lock(object) => {
            section(picture.kind_of_lock(object), Some(object.address()), picture.names.of(object))
        }
        Subject::Idiom(idiom) => {
            let path = idiom.object.and_then(|object| picture.names.of(object));
            section(idiom.kind, idiom.object.map(Ptr::address), path)
        }
        Subject::Join(_) => section("join", None, None),
        Subject::Mutex { at, owner } => {
            let owner_tid = Some(owner);
            WaitSection { kind: "mutex", object: Some(at), path: None, owner_tid, interrupted }
        }
        Subject::Call => section(picture.calls.get(index)?.as_ref()?.waits_for.kind()?, None, None),
        Subject::Unknown { at } => section("futex", Some(at), None),
    })
}

/// Rows by the object, with the indices of those who wait.
fn locks(picture: &Picture<'_, '_>) -> Vec<LockSection> {
    let mut waiters: FxHashMap<(Address, &'static str), Vec<usize>> = FxHashMap::default();
    let mut rows: FxHashMap<(Address, &'static str), Option<Ptr<Object>>> = FxHashMap::default();
    let locks = picture.locks.values().filter(|lock| lock.kind != LockKind::Queue);
    rows.extend(
        locks.map(|lock| ((lock.object.address(), picture.kind_of_lock(lock.object)), Some(lock.object))),
    );
    for (index, subject) in picture.subjects.iter().enumerate() {
        let (key, object) = match *subject {
            Subject::Lock(object) => ((object.address(), picture.kind_of_lock(object)), Some(object)),
            Subject::Idiom(idiom) => match idiom.condition {
                Some(condition) => ((condition.address(), "condition"), Some(condition)),
                None => continue,
            },
            Subject::Mutex { at, .. } => ((at, "mutex"), None),
            _ => continue,
        };
        rows.insert(key, object);
        waiters.entry(key).or_default().push(index);
    }
    let mut sections: Vec<_> = rows
        .into_iter()
        .map(|((address, kind), object)| {
            let waiting = waiters.remove(&(address, kind)).unwrap_or_default();
            row(picture, address, kind, object, waiting)
        })
        .collect();
    sections
        .sort_by(|a, b| (a.path.is_none(), &a.path, a.address).cmp(&(b.path.is_none(), &b.path, b.address)));
    sections
}

fn row(
    picture: &Picture<'_, '_>,
    address: Address,
    kind: &'static str,
    object: Option<Ptr<Object>>,
    mut waiting: Vec<usize>,
) -> LockSection {
    waiting.sort_by_key(|&index| picture.tid(index));
    let inner = object
        .map(|object| crate::waits::subject::inner_lock(picture.runtime, object).unwrap_or(object))
        .filter(|_| kind != "mutex");
    let owner = match (kind, inner) {
        ("mutex", _) => waiting.first().and_then(|&index| picture.owner(index)),
        (_, Some(lock)) => picture.holder(lock),
        _ => None,
    };
    let lock = object.and_then(|object| picture.locks.get(&object));
    let count = lock.and_then(|lock| match lock.count {
        None if lock.held && owner.is_some() => Some(1),
        count => count,
    });
    LockSection {
        path: object.and_then(|object| picture.names.of(object)),
        address,
        kind,
        count,
        owner_tid: owner.and_then(|(index, _)| picture.tid(index)),
        owner_name: owner.and_then(|(index, _)| picture.walked.get(index)?.thread.name.clone()),
        // An owner that is no thread any more has no name; that it is stated still says something.
        owner_found_by: owner.map(|(_, found_by)| found_by).or_else(|| lock?.owner.map(|_| OWNER_FIELD)),
        taken_in: owner.zip(inner).and_then(|((index, _), lock)| taken_in(picture, lock, index)),
        waiters: waiting
            .into_iter()
            .filter_map(|index| picture.walked.get(index))
            .map(|one| WaiterSection { tid: one.thread.tid, name: one.thread.name.clone() })
            .collect(),
        citation: picture.runtime.process().core().cite(address, LOCK_BYTES),
    }
}

/// Where a thread's code took a lock.
fn taken_in(picture: &Picture<'_, '_>, lock: Ptr<Object>, thread: usize) -> Option<TakenSection> {
    let taken = picture.holders.taken(lock, thread)?;
    let frame = picture.walked.get(thread)?.stack.frames.get(taken.frame)?;
    let code = &frame.code;
    Some(TakenSection {
        function: code.qualname.clone().unwrap_or_else(|| code.name.clone()),
        file: code.file.clone(),
        line: taken::line(picture.runtime, frame, taken.by),
    })
}

/// Circles of threads, each waiting for the next one. A thread waits for one other at most, so every walk along
/// the owners ends, or comes back to where it was.
fn deadlocks(picture: &Picture<'_, '_>) -> Vec<DeadlockSection> {
    let mut walk_of: Vec<Option<usize>> = vec![None; picture.walked.len()];
    let mut sections = Vec::new();
    for start in 0..picture.walked.len() {
        let (mut at, mut path) = (Some(start), Vec::new());
        while let Some(index) = at {
            let Some(seen) = walk_of.get_mut(index) else { break };
            match *seen {
                Some(walk) if walk == start => {
                    let circle = path.iter().skip_while(|&&other| other != index).copied();
                    sections.extend(circle_section(picture, circle.collect()));
                    break;
                }
                Some(_) => break,
                None => *seen = Some(start),
            }
            path.push(index);
            at = picture.owner(index).map(|(owner, _)| owner);
        }
    }
    sections.sort_by(|a, b| a.tids.cmp(&b.tids));
    sections
}

fn circle_section(picture: &Picture<'_, '_>, mut circle: Vec<usize>) -> Option<DeadlockSection> {
    let first = circle.iter().enumerate().min_by_key(|&(_, &index)| picture.tid(index))?.0;
    circle.rotate_left(first);
    let before = circle.iter().cycle().skip(circle.len() - 1);
    let taken = circle.iter().zip(before).map(|(&index, &waiter)| match picture.subjects.get(waiter) {
        Some(&Subject::Lock(object)) => taken_in(picture, object, index),
        _ => None,
    });
    Some(DeadlockSection {
        taken: taken.collect(),
        tids: circle.iter().filter_map(|&index| picture.tid(index)).collect(),
        locks: circle.iter().map(|&index| words::of_subject(picture, index)).collect(),
    })
}
