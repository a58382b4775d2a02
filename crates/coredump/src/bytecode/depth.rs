//! How deep the stack is before an instruction: all paths from the start of the code are followed once.

use crate::bytecode::opcodes::{Jump, Opcode, Opcodes};

/// Instructions after which the next one does not run.
const ENDS: [&str; 9] = [
    "INTERPRETER_EXIT",
    "JUMP_ABSOLUTE",
    "JUMP_BACKWARD",
    "JUMP_BACKWARD_NO_INTERRUPT",
    "JUMP_FORWARD",
    "RAISE_VARARGS",
    "RERAISE",
    "RETURN_CONST",
    "RETURN_VALUE",
];

/// What is known of the place before an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// No path has come here yet.
    Unseen,
    Deep(Depth),
    /// The paths do not agree, or one of them is not known.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Depth {
    values: i64,
    /// In how many `finally` blocks the code is whose depth depends on the way that led there (3.8): they are
    /// entered with one value by `BEGIN_FINALLY` and `CALL_FINALLY`, with six by an exception, and counted with six
    /// (`stackdepth` of Python/compile.c at v3.8.18).
    finally: u32,
}

/// An entry of an exception table: the handler, and the depth there.
pub(crate) struct Handler {
    pub(crate) target: usize,
    pub(crate) depth: i64,
}

/// The depth before the instruction that starts at `unit`, with its argument and what it is; `None` where that
/// cannot be told. Units are of two bytes.
pub(crate) fn depth_at<'o>(
    opcodes: &'o Opcodes,
    code: &[u8],
    unit: usize,
    is_generator: bool,
    handlers: &[Handler],
) -> Option<(i64, &'o Opcode, u32)> {
    let instructions = decode(opcodes, code);
    let mut walk = Walk {
        before: vec![Before::Unseen; instructions.len()],
        entered: vec![false; instructions.len()],
        open: Vec::new(),
    };
    walk.note_finally(opcodes, &instructions);
    let values = if is_generator { opcodes.generator_start } else { 0 };
    walk.meet(0, Before::Deep(Depth { values, finally: 0 }));
    for handler in handlers {
        walk.meet(handler.target, Before::Deep(Depth { values: handler.depth, finally: 0 }));
    }
    // Each place is met anew at most twice: when it is first seen, and when paths do not agree; `finally` only grows
    // where the number of its blocks does, which is bounded too.
    let mut steps = instructions.len().saturating_mul(MOST_VISITS);
    while let Some(at) = walk.open.pop() {
        steps = steps.checked_sub(1)?;
        walk.step(opcodes, &instructions, at);
    }
    let (opcode, argument) = instructions.get(unit).copied().flatten()?;
    match *walk.before.get(unit)? {
        Before::Deep(Depth { values, finally: 0 }) if values >= 0 => Some((values, opcode, argument)),
        _ => None,
    }
}

/// How often an instruction is looked at, on the average.
const MOST_VISITS: usize = 40;

/// An instruction with its argument; none for caches and what is no instruction.
pub(crate) type Instruction<'o> = Option<(&'o Opcode, u32)>;

type Instructions<'o> = [Instruction<'o>];

/// Instructions by unit; `None` for caches and what is no instruction.
pub(crate) fn decode<'o>(opcodes: &'o Opcodes, code: &[u8]) -> Vec<Instruction<'o>> {
    let mut instructions = vec![None; code.len() / 2];
    let (mut at, mut extended) = (0, 0u32);
    while let Some(&[byte, argument]) = code.get(at * 2..at * 2 + 2) {
        let opcode = opcodes.get(byte);
        let argument = extended << 8 | u32::from(argument);
        if let Some(place) = instructions.get_mut(at) {
            *place = opcode.map(|opcode| (opcode, argument));
        }
        extended = if opcode.is_some_and(|opcode| opcode.name == "EXTENDED_ARG") { argument } else { 0 };
        at += 1 + opcode.map_or(0, |opcode| opcode.caches);
    }
    instructions
}

struct Walk {
    before: Vec<Before>,
    /// Targets of `CALL_FINALLY`.
    entered: Vec<bool>,
    open: Vec<usize>,
}

impl Walk {
    fn note_finally(&mut self, opcodes: &Opcodes, instructions: &Instructions<'_>) {
        for (at, instruction) in instructions.iter().enumerate() {
            if let Some((opcode, argument)) = instruction
                && opcode.name == "CALL_FINALLY"
                && let Some(entered) =
                    jump_target(opcodes, opcode, *argument, at).and_then(|at| self.entered.get_mut(at))
            {
                *entered = true;
            }
        }
    }

    fn step(&mut self, opcodes: &Opcodes, instructions: &Instructions<'_>, at: usize) {
        let Some(&before) = self.before.get(at) else { return };
        let Some((opcode, argument)) = instructions.get(at).copied().flatten() else { return };
        let after = |effect: Option<i64>| match (before, effect) {
            (Before::Deep(depth), Some(change)) => {
                Before::Deep(Depth { values: depth.values.saturating_add(change), finally: depth.finally })
            }
            _ => Before::Unknown,
        };
        if let Some(target) =
            jump_target(opcodes, opcode, argument, at).filter(|_| opcode.name != "CALL_FINALLY")
        {
            self.meet(target, after(opcode.jump_effect.map(|effect| effect.of(argument))));
        }
        if ENDS.contains(&opcode.name) {
            return;
        }
        let mut next = after(opcode.effect.map(|effect| effect.of(argument)));
        if let Before::Deep(depth) = &mut next {
            match opcode.name {
                "BEGIN_FINALLY" => depth.finally += 1,
                "END_FINALLY" | "POP_FINALLY" => depth.finally = depth.finally.saturating_sub(1),
                _ => {}
            }
        }
        self.meet(at + 1 + opcode.caches, next);
    }

    /// A path comes to an instruction.
    fn meet(&mut self, at: usize, mut path: Before) {
        if let (Before::Deep(depth), Some(true)) = (&mut path, self.entered.get(at)) {
            depth.finally = depth.finally.max(1);
        }
        let Some(before) = self.before.get_mut(at) else { return };
        let joined = match (*before, path) {
            (Before::Unseen, path) => path,
            (Before::Deep(one), Before::Deep(other)) if one.values == other.values => {
                Before::Deep(Depth { finally: one.finally.max(other.finally), ..one })
            }
            _ => Before::Unknown,
        };
        if joined != *before {
            *before = joined;
            self.open.push(at);
        }
    }
}

/// Where a jump leads.
pub(crate) fn jump_target(opcodes: &Opcodes, opcode: &Opcode, argument: u32, at: usize) -> Option<usize> {
    let argument = usize::try_from(argument).ok()?;
    let units = if opcodes.jumps_in_units { argument } else { argument / 2 };
    let next = at + 1 + opcode.caches;
    match opcode.jump? {
        Jump::Absolute => Some(units),
        Jump::Forward => next.checked_add(units),
        Jump::Backward => next.checked_sub(units),
    }
}
