//! The instructions of each version, as its own `dis` module describes them.
//!
//! The tables are made by `fixtures/make_opcodes.py`, which says what their lines mean.

/// The instructions of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpcodeSet {
    /// 3.8.
    V3_8,
    /// 3.9.
    V3_9,
    /// 3.10.
    V3_10,
    /// 3.11.
    V3_11,
    /// 3.12.
    V3_12,
    /// 3.13.
    V3_13,
    /// 3.14.
    V3_14,
    /// 3.15.
    V3_15,
}

impl OpcodeSet {
    fn table(self) -> &'static str {
        match self {
            Self::V3_8 => include_str!("opcodes/3.8.opcodes"),
            Self::V3_9 => include_str!("opcodes/3.9.opcodes"),
            Self::V3_10 => include_str!("opcodes/3.10.opcodes"),
            Self::V3_11 => include_str!("opcodes/3.11.opcodes"),
            Self::V3_12 => include_str!("opcodes/3.12.opcodes"),
            Self::V3_13 => include_str!("opcodes/3.13.opcodes"),
            Self::V3_14 => include_str!("opcodes/3.14.opcodes"),
            Self::V3_15 => include_str!("opcodes/3.15.opcodes"),
        }
    }
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opcode {
    pub(crate) name: &'static str,
    /// Units behind it that are no instructions.
    pub(crate) caches: usize,
    pub(crate) jump: Option<Jump>,
    /// What it does to the depth of the stack when the next one follows; `None` where that is not known.
    pub(crate) effect: Option<Effect>,
    /// The same when it jumps.
    pub(crate) jump_effect: Option<Effect>,
}

/// What the argument of a jump counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jump {
    Absolute,
    Forward,
    Backward,
}

/// A change of the stack's depth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effect {
    base: i64,
    linear: i64,
    bits: [i64; 4],
}

impl Effect {
    /// The change for an argument.
    pub(crate) fn of(&self, argument: u32) -> i64 {
        let bits = self.bits.iter().enumerate();
        let set: i64 = bits.filter(|(bit, _)| argument >> bit & 1 != 0).map(|(_, change)| change).sum();
        self.base.saturating_add(self.linear.saturating_mul(i64::from(argument))).saturating_add(set)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(',').map(|number| number.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self { base: next()?, linear: next()?, bits: [next()?, next()?, next()?, next()?] })
    }
}

/// All instructions of a version.
#[derive(Debug)]
pub(crate) struct Opcodes {
    by_number: Vec<Option<Opcode>>,
    /// What each byte of code that ran stands for.
    base: Vec<u8>,
    /// Jumps count units of two bytes, not bytes.
    pub(crate) jumps_in_units: bool,
    /// How deep the stack is where the code of a generator begins.
    pub(crate) generator_start: i64,
}

impl Opcodes {
    /// Reads the table of a version.
    pub(crate) fn of(set: OpcodeSet) -> Self {
        let mut opcodes = Self {
            by_number: vec![None; 256],
            base: (0..=u8::MAX).collect(),
            jumps_in_units: true,
            generator_start: 0,
        };
        for line in set.table().lines() {
            opcodes.add(line);
        }
        opcodes
    }

    fn add(&mut self, line: &'static str) -> Option<()> {
        let mut words = line.split(' ');
        match words.next()? {
            "#" => {}
            "jumps" => self.jumps_in_units = words.next()? == "units",
            "start" => self.generator_start = words.next()?.parse().ok()?,
            number => {
                let number: u8 = number.parse().ok()?;
                let name = words.next()?;
                if name == "=" {
                    *self.base.get_mut(usize::from(number))? = words.next()?.parse().ok()?;
                    return Some(());
                }
                let caches = words.next()?.parse().ok()?;
                let jump = match words.next()? {
                    "absolute" => Some(Jump::Absolute),
                    "forward" => Some(Jump::Forward),
                    "backward" => Some(Jump::Backward),
                    _ => None,
                };
                let mut effect = || words.next().and_then(Effect::parse);
                let opcode = Opcode { name, caches, jump, effect: effect(), jump_effect: effect() };
                *self.by_number.get_mut(usize::from(number))? = Some(opcode);
            }
        }
        Some(())
    }

    /// The instruction that a byte of code stands for, whatever the interpreter wrote over it.
    pub(crate) fn get(&self, byte: u8) -> Option<&Opcode> {
        let base = self.base.get(usize::from(byte))?;
        self.by_number.get(usize::from(*base))?.as_ref()
    }

    /// Whether the version has an instruction of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_number.iter().flatten().any(|opcode| opcode.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: [OpcodeSet; 8] = [
        OpcodeSet::V3_8,
        OpcodeSet::V3_9,
        OpcodeSet::V3_10,
        OpcodeSet::V3_11,
        OpcodeSet::V3_12,
        OpcodeSet::V3_13,
        OpcodeSet::V3_14,
        OpcodeSet::V3_15,
    ];

    #[test]
    fn every_version_has_its_table() {
        for set in SETS {
            let opcodes = Opcodes::of(set);
            let count = opcodes.by_number.iter().flatten().count();
            assert!((100..256).contains(&count), "{set:?} has {count}");
            for name in ["LOAD_CONST", "RETURN_VALUE", "FOR_ITER", "CALL_FUNCTION_EX"] {
                assert!(opcodes.has(name), "{set:?} {name}");
            }
            let is_there = |base: &u8| opcodes.by_number[usize::from(*base)].is_some();
            let written_over =
                opcodes.base.iter().enumerate().filter(|&(byte, &base)| byte != usize::from(base));
            assert!(written_over.clone().all(|(_, base)| is_there(base)), "{set:?}");
            assert_eq!(written_over.count() > 50, opcodes.has("RESUME"), "{set:?}");
        }
    }

    #[test]
    fn effects_of_arguments() {
        let check = |set, name: &str, argument, expected| {
            let opcodes = Opcodes::of(set);
            let opcode = opcodes.by_number.iter().flatten().find(|opcode| opcode.name == name).unwrap();
            assert_eq!(opcode.effect.unwrap().of(argument), expected, "{set:?} {name} {argument}");
        };
        check(OpcodeSet::V3_8, "CALL_FUNCTION", 3, -3);
        check(OpcodeSet::V3_10, "CALL_FUNCTION_KW", 3, -4);
        check(OpcodeSet::V3_11, "LOAD_GLOBAL", 7, 2);
        check(OpcodeSet::V3_12, "MAKE_FUNCTION", 9, -2);
        check(OpcodeSet::V3_13, "CALL_KW", 2, -4);
        check(OpcodeSet::V3_14, "CALL_FUNCTION_EX", 1, -3);
        check(OpcodeSet::V3_14, "BUILD_SLICE", 3, -2);
    }
}
