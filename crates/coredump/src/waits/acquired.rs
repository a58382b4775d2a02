//! Locks that functions have taken by a bare `lock.acquire()`, and not let go of on the way to where they stand.
//!
//! A lock does not say who holds it. What a function's code says is evidence: it can be where it is only by way of the
//! call, and no `release` stands between. Anybody may have let go of the lock since, so it must be held as well.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::address::Ptr;
use crate::bytecode::{Instruction, Opcodes, decode, jump_target};
use crate::layout::ReadError;
use crate::layout::member::{self, CodeObject, Object, TupleObject};
use crate::objects::dict::lookup_str;
use crate::objects::unicode::read_string;
use crate::objects::{attributes, bytes, kind, sequence};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::{Frame, FramePlace, instruction_offset};
use crate::waits::{c_call, slots};

/// Most names of one code object.
const MAX_NAMES: usize = 1 << 14;
/// Longest name that is read.
const MAX_NAME: usize = 256;
/// Most attributes of one receiver, as in `self.pool.lock`.
const MAX_ATTRIBUTES: usize = 8;
/// Most base classes that are asked for an attribute.
const MAX_BASES: usize = 64;

/// Finds such calls; each code object is looked at once.
pub(super) struct Acquires<'r, 'p> {
    runtime: &'r PythonRuntime<'p>,
    opcodes: Opcodes,
    known: FxHashMap<Ptr<CodeObject>, Option<Rc<Body>>>,
}

/// What matters of a function's code.
#[derive(Debug, Default, PartialEq, Eq)]
struct Body {
    calls: Vec<Call>,
    /// Where `release` is looked up.
    releases: Vec<usize>,
    /// Where a variable is bound, by what a receiver says of it.
    stores: Vec<(usize, Base)>,
    /// From where to where code may go on besides the next instruction.
    jumps: Vec<(usize, usize)>,
}

/// A call of `acquire` whose result is thrown away.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    /// The first unit of the receiver.
    start: usize,
    /// The unit that throws the result away.
    end: usize,
    receiver: Receiver,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Receiver {
    base: Base,
    attributes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Base {
    /// A local variable by its place.
    Local(usize),
    /// A cell or free variable by its place among them (up to 3.10).
    Cell(usize),
    /// A name in the module, or the namespace of a class body.
    Name(String),
}

impl Body {
    /// The calls that code has come by when it stands at `at`, with no `release` since.
    fn held_at(&self, at: usize) -> impl Iterator<Item = &Call> {
        let is_held = move |call: &&Call| {
            let between = |unit: usize| call.end < unit && unit <= at;
            let skips = |&(from, to): &(usize, usize)| {
                let comes_back = from > at && self.releases.iter().any(|&unit| at < unit && unit < from);
                between(to) && (from < call.end || comes_back)
            };
            let is_bound_anew = |(unit, base): &(usize, Base)| between(*unit) && *base == call.receiver.base;
            call.end < at
                && !self.stores.iter().any(is_bound_anew)
                && !self.releases.iter().any(|&unit| between(unit))
                && !self.jumps.iter().any(skips)
        };
        self.calls.iter().filter(is_held)
    }
}

impl<'r, 'p> Acquires<'r, 'p> {
    /// `None` for a version whose instructions are not known.
    pub(super) fn new(runtime: &'r PythonRuntime<'p>) -> Option<Self> {
        let opcodes = Opcodes::of(runtime.python().dialect().opcodes?);
        Some(Self { runtime, opcodes, known: FxHashMap::default() })
    }

    /// The objects that a frame has taken so, with the first unit of each call.
    pub(super) fn of_frame(&mut self, frame: &Frame) -> Vec<(Ptr<Object>, usize)> {
        let code = frame.code.address;
        let body = if let Some(body) = self.known.get(&code) {
            body.clone()
        } else {
            let body = self.body(code).ok().flatten().map(Rc::new);
            self.known.insert(code, body.clone());
            body
        };
        let Some(body) = body else { return Vec::new() };
        let python = self.runtime.python();
        let Ok(Some(offset)) = instruction_offset(python, frame.place, code) else { return Vec::new() };
        let Ok(at) = usize::try_from(offset / slots::INSTRUCTION) else { return Vec::new() };
        let taken = |call: &Call| Some((self.value(frame, &call.receiver)?, call.start));
        body.held_at(at).filter_map(taken).collect()
    }

    /// `None` for code that never speaks of `acquire`.
    fn body(&self, code: Ptr<CodeObject>) -> Result<Option<Body>, ReadError> {
        let python = self.runtime.python();
        let names = python.read(code, member::CODE_NAMES)?.ok_or(ReadError::Null("co_names"))?;
        let names = sequence::tuple(python, names.cast::<TupleObject>(), MAX_NAMES)?.items;
        let text = |name: Option<Ptr<Object>>| read_string(python, name?.cast(), MAX_NAME).ok();
        let names: Vec<String> = names.into_iter().map(|name| text(name).unwrap_or_default()).collect();
        if !names.iter().any(|name| name == "acquire") {
            return Ok(None);
        }
        let bytes = c_call::instructions(self.runtime, code)?;
        let instructions = decode(&self.opcodes, &bytes);
        let mut body = read_body(&self.opcodes, &instructions, &names);
        if python.layout().has(member::CODE_EXCEPTIONTABLE)
            && let Some(table) = python.read(code, member::CODE_EXCEPTIONTABLE)?
        {
            let table = bytes::bytes(python, table.cast(), slots::MAX_TABLE)?;
            body.jumps.extend(slots::handlers(&table.data).filter_map(|entry| {
                Some((usize::try_from(entry.start).ok()?, usize::try_from(entry.target).ok()?))
            }));
        }
        Ok(Some(body))
    }

    fn value(&self, frame: &Frame, receiver: &Receiver) -> Option<Ptr<Object>> {
        let python = self.runtime.python();
        let bound = |name: &str| {
            let found =
                self.runtime.bindings(frame).into_iter().find(|binding| binding.variable.name == name);
            found.and_then(|binding| binding.object.ok())
        };
        let mut object = match &receiver.base {
            Base::Local(at) => bound(&frame.code.variables.get(*at)?.name)?,
            Base::Cell(at) => bound(&self.cell_name(frame, *at)?)?,
            Base::Name(name) => {
                let globals = match frame.place {
                    FramePlace::Object(at) => python.read(at, member::FRAME_GLOBALS),
                    FramePlace::Interpreter(at) => python.read(at, member::IFRAME_GLOBALS),
                };
                lookup_str(python, globals.ok()??.cast(), name).ok()??
            }
        };
        for name in &receiver.attributes {
            object = self.attribute(object, name)?;
        }
        Some(object)
    }

    fn cell_name(&self, frame: &Frame, at: usize) -> Option<String> {
        let python = self.runtime.python();
        let names = [member::CODE_CELLVARS, member::CODE_FREEVARS].into_iter().filter_map(|names| {
            sequence::tuple(python, python.read(frame.code.address, names).ok()??, MAX_NAMES).ok()
        });
        let name = names.flat_map(|names| names.items).nth(at)??;
        read_string(python, name.cast(), MAX_NAME).ok()
    }

    /// An attribute of the object, else of its class; of a class, of itself and its bases.
    fn attribute(&self, object: Ptr<Object>, name: &str) -> Option<Ptr<Object>> {
        let python = self.runtime.python();
        let class = kind::as_type(python, object);
        if class.is_none()
            && let Some(found) = attributes::get(python, object, name).ok().flatten()
        {
            return Some(found);
        }
        let mut next = class.or_else(|| python.type_of(object).ok());
        for _ in 0..MAX_BASES {
            let class = next?;
            let dict = self.runtime.types().dict_of(python, class).ok().flatten();
            if let Some(found) = dict.and_then(|dict| lookup_str(python, dict, name).ok().flatten()) {
                return Some(found);
            }
            next = python.read(class, member::TYPE_BASE).ok().flatten();
        }
        None
    }
}

fn read_body(opcodes: &Opcodes, instructions: &[Instruction<'_>], names: &[String]) -> Body {
    let mut body = Body::default();
    let reader = Reader { opcodes, names };
    // Instructions in their order, without caches and prefixes.
    let plain: Vec<(usize, &'static str, u32)> = instructions
        .iter()
        .enumerate()
        .filter_map(|(at, instruction)| instruction.map(|(opcode, argument)| (at, opcode.name, argument)))
        .filter(|(_, name, _)| !matches!(*name, "EXTENDED_ARG" | "PRECALL" | "NOP"))
        .collect();
    for (index, &(at, name, argument)) in plain.iter().enumerate() {
        if let Some((opcode, _)) = instructions.get(at).copied().flatten() {
            body.jumps.extend(jump_target(opcodes, opcode, argument, at).map(|to| (at, to)));
        }
        body.stores.extend(reader.stores(name, argument).into_iter().map(|base| (at, base)));
        match reader.name_of(name, argument) {
            Some("release") => body.releases.push(at),
            Some("acquire") if matches!(name, "LOAD_ATTR" | "LOAD_METHOD") => {
                body.calls.extend(reader.call(&plain, index));
            }
            _ => {}
        }
    }
    body
}

struct Reader<'a> {
    opcodes: &'a Opcodes,
    names: &'a [String],
}

impl Reader<'_> {
    /// The name that an instruction looks up. A bit of the argument says more: of `LOAD_GLOBAL` from 3.11 on, of
    /// `LOAD_ATTR` where there is no `LOAD_METHOD` any more (3.12+).
    fn name_of(&self, name: &str, argument: u32) -> Option<&str> {
        let shift = match name {
            "LOAD_GLOBAL" => u32::from(self.opcodes.has("RESUME")),
            "LOAD_ATTR" => u32::from(!self.opcodes.has("LOAD_METHOD")),
            "LOAD_METHOD" | "LOAD_NAME" => 0,
            _ => return None,
        };
        self.names.get(usize::try_from(argument >> shift).ok()?).map(String::as_str)
    }

    /// The variables that an instruction binds.
    fn stores(&self, name: &str, argument: u32) -> Vec<Base> {
        let place = argument as usize;
        let named = || self.names.get(place).cloned().map(Base::Name);
        match name {
            "STORE_FAST" | "DELETE_FAST" => vec![Base::Local(place)],
            "STORE_FAST_STORE_FAST" => vec![Base::Local(place >> 4), Base::Local(place & 0xf)],
            "STORE_FAST_LOAD_FAST" => vec![Base::Local(place >> 4)],
            "STORE_DEREF" if self.opcodes.has("RESUME") => vec![Base::Local(place)],
            "STORE_DEREF" => vec![Base::Cell(place)],
            "STORE_GLOBAL" | "STORE_NAME" => named().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The call whose `acquire` is looked up at `index`, when it has no arguments and its result is thrown away.
    fn call(&self, plain: &[(usize, &'static str, u32)], index: usize) -> Option<Call> {
        match plain.get(index + 1..index + 3)? {
            &[(_, "CALL" | "CALL_METHOD" | "CALL_FUNCTION", 0), (end, "POP_TOP", _)] => {
                let (start, receiver) = self.receiver(plain, index)?;
                Some(Call { start, end, receiver })
            }
            _ => None,
        }
    }

    /// What stands right before `index`: a variable, and attributes of it.
    fn receiver(&self, plain: &[(usize, &'static str, u32)], index: usize) -> Option<(usize, Receiver)> {
        let mut attributes = Vec::new();
        let mut index = index;
        for _ in 0..=MAX_ATTRIBUTES {
            index = index.checked_sub(1)?;
            let &(at, name, argument) = plain.get(index)?;
            let place = usize::try_from(argument).ok()?;
            let base = match name {
                "LOAD_ATTR" => {
                    attributes.push(self.name_of(name, argument)?.to_owned());
                    continue;
                }
                "LOAD_FAST" | "LOAD_FAST_CHECK" | "LOAD_FAST_BORROW" => Base::Local(place),
                // Two at once, the second on top.
                "LOAD_FAST_LOAD_FAST" | "LOAD_FAST_BORROW_LOAD_FAST_BORROW" => Base::Local(place & 0xf),
                "LOAD_DEREF" if self.opcodes.has("RESUME") => Base::Local(place),
                "LOAD_DEREF" => Base::Cell(place),
                "LOAD_GLOBAL" | "LOAD_NAME" => Base::Name(self.name_of(name, argument)?.to_owned()),
                _ => return None,
            };
            attributes.reverse();
            return Some((at, Receiver { base, attributes }));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_around_a_call() {
        let receiver = Receiver { base: Base::Local(0), attributes: Vec::new() };
        let check = |releases: &[usize], jumps: &[(usize, usize)], at, expected: bool| {
            let calls = vec![Call { start: 10, end: 13, receiver: receiver.clone() }];
            let stores = vec![(40, Base::Local(0)), (18, Base::Local(1))];
            let body = Body { calls, releases: releases.to_vec(), stores, jumps: jumps.to_vec() };
            assert_eq!(body.held_at(at).count() == 1, expected, "{releases:?} {jumps:?} {at}");
        };
        check(&[], &[], 20, true);
        // Inside the call, or before it.
        check(&[], &[], 12, false);
        check(&[], &[], 13, false);
        check(&[15], &[], 20, false);
        check(&[25], &[], 20, true);
        // Code that leads around it, in itself, and past where it stands.
        check(&[], &[(5, 16)], 20, false);
        check(&[], &[(14, 16)], 20, true);
        check(&[], &[(5, 30)], 20, true);
        // A loop that lets go of it at its end.
        check(&[25], &[(28, 16)], 20, false);
        check(&[], &[(28, 16)], 20, true);
        check(&[25], &[(28, 8)], 20, true);
        // The variable has another value by now.
        check(&[], &[], 40, false);
    }
}
