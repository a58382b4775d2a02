//! What the instruction is that the processor did not take, by its first bytes (Intel SDM volume 2, chapters 2 and
//! 3; AMD64 manual volume 3 for XOP).

use crate::address::Address;
use crate::elf::parse::Machine;
use crate::runtime::process::DeadProcess;

/// The instruction at the program counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Its first bytes.
    pub(crate) bytes: Vec<u8>,
    /// What it is; `None` where that is not known.
    pub(crate) kind: Option<Kind>,
}

/// Why an instruction may be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is there to be refused, by this name.
    Trap(&'static str),
    /// Only processors with an extension have it.
    Extension(&'static str),
}

/// Longest instruction of x86.
const LONGEST: u64 = 15;
/// Bytes of an instruction that are shown.
const SHOWN: usize = 8;

/// Reads the instruction; `None` where its bytes are not at hand, or the machine is another one.
pub(crate) fn at(process: &DeadProcess<'_>, pc: Address) -> Option<Refused> {
    if process.core().machine() != Machine::X86_64 {
        return None;
    }
    let space = process.space();
    // The instruction may be the last of its mapping.
    let bytes = (1..=LONGEST).rev().find_map(|len| space.bytes(pc, len).ok())?;
    Some(Refused { kind: decode(&bytes), bytes: bytes.iter().copied().take(SHOWN).collect() })
}

/// What begins with these bytes, in 64-bit mode.
fn decode(bytes: &[u8]) -> Option<Kind> {
    let is_prefix = |byte: &&u8| {
        matches!(byte, 0x66 | 0xf2 | 0xf3 | 0x2e | 0x36 | 0x3e | 0x26 | 0x64 | 0x65 | 0x67 | 0xf0)
    };
    let prefixes: Vec<u8> = bytes.iter().take_while(is_prefix).copied().collect();
    let rest = bytes.get(prefixes.len()..)?;
    let with = |prefix: u8| prefixes.contains(&prefix);
    let rest = match rest {
        [rex, rest @ ..] if rex & 0xf0 == 0x40 => rest,
        rest => rest,
    };
    let extension = |name| Some(Kind::Extension(name));
    match *rest {
        [0x0f, 0x0b, ..] => Some(Kind::Trap("ud2")),
        [0x0f, 0xb9, ..] => Some(Kind::Trap("ud1")),
        [0x0f, 0xff, ..] => Some(Kind::Trap("ud0")),
        // Map 4 of EVEX is what APX gave to the instructions of old.
        [0x62, payload, ..] if payload & 7 == 4 => extension("APX"),
        [0x62, ..] => extension("AVX-512 or AVX10"),
        [0xc5, _, opcode, ..] => extension(vex(1, 0, opcode)),
        [0xc4, map, pp, opcode, ..] => extension(vex(map & 0x1f, pp & 3, opcode)),
        // `pop` has another meaning for these bytes, with a register field of zero.
        [0x8f, map, ..] if map & 0x1f >= 8 => extension("XOP"),
        [0x0f, 0x38, opcode, ..] => match opcode {
            0xdb..=0xdf if with(0x66) => extension("AES-NI"),
            0xc8..=0xcd => extension("SHA"),
            0xf0 | 0xf1 if with(0xf2) => extension("SSE4.2"),
            0xf0 | 0xf1 => extension("MOVBE"),
            0xf6 => extension("ADX"),
            0x00..=0x0b | 0x1c..=0x1e => extension("SSSE3"),
            0x10..=0x41 if with(0x66) => extension("SSE4.1"),
            0x37 if with(0x66) => extension("SSE4.2"),
            _ => None,
        },
        [0x0f, 0x3a, opcode, ..] if with(0x66) => match opcode {
            0x0f => extension("SSSE3"),
            0x08..=0x42 => extension("SSE4.1"),
            0x44 => extension("PCLMULQDQ"),
            0x60..=0x63 => extension("SSE4.2"),
            0xdf => extension("AES-NI"),
            _ => None,
        },
        [0x0f, 0xb8, ..] if with(0xf3) => extension("POPCNT"),
        [0x0f, 0xc7, modrm, ..] if modrm >= 0xf8 => extension("RDSEED"),
        [0x0f, 0xc7, modrm, ..] if modrm >= 0xf0 => extension("RDRAND"),
        _ => None,
    }
}

/// What an instruction with a VEX prefix needs.
fn vex(map: u8, pp: u8, opcode: u8) -> &'static str {
    match (map, opcode) {
        (1, 0x41..=0x4b | 0x90..=0x93 | 0x98 | 0x99) => "AVX-512",
        (2, 0x96..=0x9f | 0xa6..=0xaf | 0xb6..=0xbf) if pp == 1 => "FMA",
        (2, 0xf2 | 0xf3 | 0xf5..=0xf7) | (3, 0xf0) => "BMI1 or BMI2",
        (2, 0x50..=0x53) => "AVX-VNNI",
        (2, 0x36 | 0x45..=0x47 | 0x58..=0x5a | 0x78 | 0x79 | 0x8c | 0x8e | 0x90..=0x93)
        | (3, 0x00..=0x02 | 0x38 | 0x39 | 0x46) => "AVX2",
        _ => "AVX or AVX2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_their_first_bytes() {
        let check = |bytes: &[u8], expected| assert_eq!(decode(bytes), expected, "{bytes:02x?}");
        let needs = |name| Some(Kind::Extension(name));
        check(&[0x0f, 0x0b], Some(Kind::Trap("ud2")));
        check(&[0x67, 0x0f, 0xb9, 0x40, 0x02], Some(Kind::Trap("ud1")));
        // vpaddd zmm0, zmm1, zmm2; vaddps ymm0, ymm1, ymm2; vpermd ymm0, ymm1, ymm2; vfmadd231ps ymm0, ymm1, ymm2.
        check(&[0x62, 0xf1, 0x75, 0x48, 0xfe, 0xc2], needs("AVX-512 or AVX10"));
        check(&[0xc5, 0xf4, 0x58, 0xc2], needs("AVX or AVX2"));
        check(&[0xc4, 0xe2, 0x75, 0x36, 0xc2], needs("AVX2"));
        check(&[0xc4, 0xe2, 0x75, 0xb8, 0xc2], needs("FMA"));
        // mulx rax, rbx, rcx; kmovw k1, eax; popcnt rax, rbx; crc32 eax, ebx; pshufb xmm0, xmm1; aesenc xmm0, xmm1.
        check(&[0xc4, 0xe2, 0xe3, 0xf6, 0xc1], needs("BMI1 or BMI2"));
        check(&[0xc5, 0xf8, 0x92, 0xc8], needs("AVX-512"));
        check(&[0xf3, 0x48, 0x0f, 0xb8, 0xc3], needs("POPCNT"));
        check(&[0xf2, 0x0f, 0x38, 0xf1, 0xc3], needs("SSE4.2"));
        check(&[0x66, 0x0f, 0x38, 0x00, 0xc1], needs("SSSE3"));
        check(&[0x66, 0x0f, 0x38, 0xdc, 0xc1], needs("AES-NI"));
        // mov rax, rbx; pop rax; a part of an instruction; nothing.
        check(&[0x48, 0x89, 0xd8], None);
        check(&[0x8f, 0xc0], None);
        check(&[0xc4], None);
        check(&[], None);
    }
}
