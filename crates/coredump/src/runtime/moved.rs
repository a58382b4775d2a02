//! Members of the interpreter state that lie elsewhere on this machine, found by what must stand there.
//!
//! A `pthread_mutex_t` is of another size on other machines and C libraries, and all that lies behind one is moved by
//! as much. How far is not assumed: the table of static types (3.12+) names the very types, so there is one distance
//! at which it can be read.

use crate::address::{Address, Ptr};
use crate::layout::column::Column;
use crate::layout::member::{self, InterpreterState, TypeObject};
use crate::layout::{Inline, Layout, Member};
use crate::objects::dict::lookup_str;
use crate::runtime::python::Python;

/// How far a member may have moved, in bytes: two mutexes and two conditions are some 200.
const FARTHEST: u64 = 512;
/// Static types that every interpreter has.
const TYPES: [&str; 6] = ["object", "int", "str", "list", "dict", "tuple"];
/// Indices of static types are smaller.
const MAX_INDEX: u64 = 1 << 12;

/// The members that `layout` lacks and `column`, of another machine or patch level, knows, where they are now.
pub(crate) fn find(
    python: &Python<'_>,
    interpreter: Ptr<InterpreterState>,
    layout: &Layout,
    column: &Column,
) -> Vec<(&'static str, u64)> {
    let (table, size, of_type) = if column.place(member::INTERP_MANAGED_TYPES.path()).is_some() {
        (member::INTERP_MANAGED_TYPES, member::MANAGED_TYPE_SIZE, member::MANAGED_TYPE_TYPE)
    } else {
        (member::INTERP_STATIC_TYPES, member::STATIC_TYPE_SIZE, member::STATIC_TYPE_TYPE)
    };
    let place =
        |member: Member<InterpreterState, Inline>| column.place(member.path()).map(|place| place.offset);
    let known = (place(table), layout.size_of(size), layout.offset(of_type));
    let ((Some(table_at), Ok(size), Ok(type_at)), false) = (known, layout.has(table)) else {
        return Vec::new();
    };
    let types = indexed_types(python, interpreter);
    let stands = |shift: u64| {
        let first = interpreter.address().wrapping_add(table_at).wrapping_add(shift);
        types.iter().all(|&(index, of)| {
            let at = first.wrapping_add((index - 1).wrapping_mul(size)).wrapping_add(type_at);
            python.word(at).is_ok_and(|word| word == of.address().0)
        })
    };
    if types.len() < TYPES.len() {
        return Vec::new();
    }
    let forth = (0..=FARTHEST).step_by(8);
    let back = (8..=FARTHEST).step_by(8).map(u64::wrapping_neg);
    let Some(shift) = forth.chain(back).find(|&shift| stands(shift)) else { return Vec::new() };
    let moved = [
        member::INTERP_STATIC_TYPES,
        member::INTERP_MANAGED_TYPES,
        member::INTERP_EXTENSION_TYPES,
        member::INTERP_TASKS_HEAD,
    ];
    let at = |member: Member<InterpreterState, Inline>| Some((member, place(member)?.wrapping_add(shift)));
    let holds = |&(member, offset): &(Member<InterpreterState, Inline>, u64)| {
        // A list's head is pointed at by its first entry.
        member.path() != member::INTERP_TASKS_HEAD.path()
            || is_list(python, interpreter.address().wrapping_add(offset))
    };
    let found = moved.into_iter().filter_map(at).filter(holds);
    found.map(|(member, offset)| (member.path(), offset)).collect()
}

/// Builtin types with their index in the interpreter's table, counted from one.
fn indexed_types(python: &Python<'_>, interpreter: Ptr<InterpreterState>) -> Vec<(u64, Ptr<TypeObject>)> {
    let Ok(Some(builtins)) = python.read(interpreter, member::INTERP_BUILTINS) else { return Vec::new() };
    let types = TYPES.iter().filter_map(|name| {
        let of: Ptr<TypeObject> = lookup_str(python, builtins.cast(), name).ok()??.cast();
        let Address(index) = python.read(of, member::TYPE_SUBCLASSES).ok()?;
        (1..=MAX_INDEX).contains(&index).then_some((index, of))
    });
    types.collect()
}

/// Whether a `struct llist_node` is the head of a circular list.
fn is_list(python: &Python<'_>, head: Address) -> bool {
    let word_size = python.space().target().word_size as u64;
    let next = python.word(head).ok().filter(|&next| next != 0);
    next.is_some_and(|next| {
        python.word(Address(next).wrapping_add(word_size)).is_ok_and(|back| back == head.0)
    })
}

#[cfg(test)]
mod tests {
    use pycoroner_findings::SourceId;

    use super::*;
    use crate::elf::parse::{Core, Machine};
    use crate::layout::column::Place;
    use crate::layout::columns::{SHIPPED, Shipped};
    use crate::layout::flavor::Flavor;
    use crate::{DeadProcess, ModuleFinder, PythonRuntime};

    /// As if the column were of another machine, on which all that is behind the mutex lies `shift` bytes before.
    fn check(fixture: &str, version: (u8, u8), shift: i64, is_found: bool) {
        let bytes = pycoroner_fixtures::cores()
            .into_iter()
            .find(|core| core.name == fixture)
            .map(|core| core.core_bytes())
            .unwrap();
        let finder = ModuleFinder { sysroot: Some("/nonexistent".into()), ..ModuleFinder::default() };
        let process = DeadProcess::new(Core::parse(&bytes, SourceId(1)).unwrap(), &finder);
        let runtime = PythonRuntime::attach(&process).unwrap();
        let patch = runtime.version().patch();
        let of_it = |shipped: &&Shipped| {
            (shipped.version, shipped.flavor) == (version, Flavor::Release) && shipped.holds_for(patch)
        };
        let shipped = SHIPPED.iter().find(of_it).unwrap();
        let right = shipped.column();
        let moved = [
            member::INTERP_STATIC_TYPES,
            member::INTERP_MANAGED_TYPES,
            member::INTERP_EXTENSION_TYPES,
            member::INTERP_TASKS_HEAD,
        ];
        let mut column = shipped.column();
        let mut expected = Vec::new();
        for path in moved.map(Member::path) {
            if let Some(place) = right.place(path) {
                expected.push((path, place.offset));
                column.insert(path, Place { offset: place.offset.wrapping_add_signed(shift), ..place });
            }
        }
        let lacking = Layout::new(&shipped.column_on(Machine::Aarch64, Some(u8::MAX)));
        let main = *runtime.interpreters().last().unwrap();
        let found = find(runtime.python(), main, &lacking, &column);
        assert!(!expected.is_empty());
        assert_eq!(found, if is_found { expected } else { Vec::new() }, "{fixture} {shift}");
    }

    #[test]
    fn moved_members_are_found_by_the_types_that_stand_there() {
        for (fixture, version) in
            [("medley-3.12", (3, 12)), ("medley-3.13", (3, 13)), ("medley-3.14-debian", (3, 14))]
        {
            for shift in [0, -24, 48, -512] {
                check(fixture, version, shift, true);
            }
            check(fixture, version, -520, false);
            check(fixture, version, 4, false);
        }
    }
}
