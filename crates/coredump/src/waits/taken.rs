//! In which line a function took a lock that it holds.

use crate::bytecode::{Handler, Instruction, Opcodes, decode, depth_at};
use crate::layout::member;
use crate::objects::bytes;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::{Frame, instruction_offset};
use crate::waits::{c_call, slots};

/// Where a thread took a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The frame's place in the thread's stack.
    pub(super) frame: usize,
    pub(super) by: By,
}

/// How a frame took a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// By a `with` block, which begins where the frame's stack is so deep.
    Block(u64),
    /// By a call of `acquire`, whose first unit is this one.
    Call(usize),
    /// By an exit stack, which does not tell where.
    Stack,
}

/// Steps from a handler to the one around it.
const MAX_NESTED: usize = 256;
/// Most instructions between the lookup of `__enter__` and its call.
const MOST_BETWEEN: usize = 4;
/// `CO_GENERATOR`, `CO_COROUTINE` and `CO_ASYNC_GENERATOR` of Include/cpython/code.h.
const CO_ANY_GENERATOR: i32 = 0x20 | 0x80 | 0x200;

/// The line of the `with` statement, or of the call; `None` where the code does not tell.
pub(super) fn line(runtime: &PythonRuntime<'_>, frame: &Frame, by: By) -> Option<u32> {
    let unit = match by {
        By::Block(level) => start_of_block(runtime, frame, level)?,
        By::Call(unit) => unit,
        By::Stack => return None,
    };
    let offset = u64::try_from(unit).ok()? * slots::INSTRUCTION;
    frame.code.position(runtime.python(), Some(offset)).line
}

/// The instruction by which a frame entered the block that it is in at a depth of its stack.
fn start_of_block(runtime: &PythonRuntime<'_>, frame: &Frame, level: u64) -> Option<usize> {
    let python = runtime.python();
    let code = frame.code.address;
    let opcodes = Opcodes::of(python.dialect().opcodes?);
    let bytes = c_call::instructions(runtime, code).ok()?;
    let offset = instruction_offset(python, frame.place, code).ok()??;
    let at = usize::try_from(offset / slots::INSTRUCTION).ok()?;
    let instructions = decode(&opcodes, &bytes);
    if python.layout().has(member::CODE_EXCEPTIONTABLE) {
        let table = python.read(code, member::CODE_EXCEPTIONTABLE).ok()??;
        let table = bytes::bytes(python, table.cast(), slots::MAX_TABLE).ok()?;
        return around(&table.data, at, level).find_map(|start| entry(&instructions, start));
    }
    let is_generator = frame.code.flags & CO_ANY_GENERATOR != 0;
    let depth = |unit| depth_at(&opcodes, &bytes, unit, is_generator, &[] as &[Handler]);
    // What is around the instruction: its block begins behind it, and ends at its handler.
    let enclosing = instructions.iter().enumerate().take(at + 1).filter(|(unit, instruction)| {
        instruction.is_some_and(|(opcode, argument)| {
            let end = crate::bytecode::jump_target(&opcodes, opcode, argument, *unit);
            opcode.name == "SETUP_WITH" && end.is_some_and(|end| end > at)
        })
    });
    let mut begun = enclosing.map(|(unit, _)| unit).filter(|unit| {
        // What is entered lies on the stack before it, and its `__exit__` in its place behind it.
        depth(*unit).is_some_and(|(depth, ..)| u64::try_from(depth).ok() == Some(level))
    });
    begun.next().filter(|_| begun.next().is_none())
}

/// The first instructions of the blocks around an instruction that begin at a depth of the stack, the innermost first:
/// of a `with` block, and of `try` blocks right inside of it.
fn around(table: &[u8], at: usize, level: u64) -> impl Iterator<Item = usize> {
    let entries: Vec<slots::HandlerEntry> = slots::handlers(table).collect();
    let covering = |unit: u64| {
        entries.iter().find(|entry| entry.start <= unit && unit < entry.start.saturating_add(entry.length))
    };
    let mut starts = Vec::new();
    let mut next = u64::try_from(at).ok().and_then(covering);
    for _ in 0..MAX_NESTED {
        let Some(entry) = next else { break };
        if entry.depth == level {
            // Code in the middle of a block that no handler needs splits what it protects.
            let same = entries.iter().filter(|other| other.target == entry.target);
            starts.extend(same.map(|other| other.start).min().and_then(|start| usize::try_from(start).ok()));
        }
        // A handler is protected by the one around it.
        next = covering(entry.target);
    }
    starts.into_iter()
}

/// The instruction in front of a `with` block that enters it: `BEFORE_WITH`, or the call of `__enter__` (3.14+).
fn entry(instructions: &[Instruction<'_>], start: usize) -> Option<usize> {
    let before = instructions.get(..start)?;
    let mut before =
        before.iter().enumerate().rev().filter_map(|(unit, one)| Some((unit, one.as_ref()?.0.name)));
    let (unit, name) = before.next()?;
    let is_entry = match name {
        "BEFORE_WITH" => true,
        "CALL" => before.take(MOST_BETWEEN).any(|(_, name)| name == "LOAD_SPECIAL"),
        _ => false,
    };
    is_entry.then_some(unit)
}
