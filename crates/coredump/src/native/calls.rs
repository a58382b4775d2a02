//! Machine code around a return address.

use crate::address::Address;
use crate::elf::parse::Machine;
use crate::memory::Memory;
use crate::runtime::process::DeadProcess;

/// Longest call instruction that is looked for: `call *disp32(base,index,scale)` with a prefix.
const LONGEST_CALL: u64 = 8;

/// Whether the instruction in front of `pc` is a call; `None` where the code is not there.
pub(crate) fn is_after_call(process: &DeadProcess<'_>, pc: Address) -> Option<bool> {
    match process.core().machine() {
        Machine::X86_64 => {
            let start = Address(pc.0.checked_sub(LONGEST_CALL)?);
            let code = process.bytes(start, LONGEST_CALL as usize).ok()?;
            Some(ends_in_x86_call(&code))
        }
        Machine::Aarch64 => {
            let code = process.bytes(Address(pc.0.checked_sub(4)?), 4).ok()?;
            Some(is_aarch64_call(u32::from_le_bytes(code.as_ref().try_into().ok()?)))
        }
        Machine::Other(_) => None,
    }
}

/// `E8 rel32`, and `FF /2` in all its lengths (Intel SDM, volume 2, CALL and table 2-2).
fn ends_in_x86_call(code: &[u8]) -> bool {
    let back = |count: usize| code.get(code.len().checked_sub(count)?..);
    if back(5).is_some_and(|call| call.first() == Some(&0xe8)) {
        return true;
    }
    (2..=7).any(|len| match back(len) {
        Some([0xff, form, rest @ ..]) => indirect_len(*form, rest.first().copied()) == Some(len),
        _ => false,
    })
}

/// Bytes of an `FF /2` instruction, by its `ModRM` and SIB bytes.
fn indirect_len(form: u8, scale: Option<u8>) -> Option<usize> {
    if form >> 3 & 7 != 2 {
        return None;
    }
    let (mode, register) = (form >> 6, form & 7);
    if mode == 3 {
        return Some(2);
    }
    let with_scale = usize::from(register == 4);
    let displacement = match mode {
        0 if register == 5 || (register == 4 && scale.is_some_and(|scale| scale & 7 == 5)) => 4,
        0 => 0,
        1 => 1,
        _ => 4,
    };
    Some(2 + with_scale + displacement)
}

/// `BL`, `BLR` and `BLRA*` (Arm ARM, C6.2).
fn is_aarch64_call(instruction: u32) -> bool {
    instruction & 0xfc00_0000 == 0x9400_0000
        || instruction & 0xffff_fc1f == 0xd63f_0000
        || instruction & 0xfeff_f800 == 0xd63f_0800
}

/// Whether code is the trampoline that a signal handler returns to: it asks for `rt_sigreturn`.
pub(crate) fn is_signal_return(machine: Machine, code: &[u8]) -> bool {
    match machine {
        // mov $15,%rax (or %eax); syscall
        Machine::X86_64 => {
            code.starts_with(&[0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05])
                || code.starts_with(&[0xb8, 15, 0, 0, 0, 0x0f, 0x05])
        }
        // mov x8, #139; svc #0
        Machine::Aarch64 => code.starts_with(&[0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4]),
        Machine::Other(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{ends_in_x86_call, is_aarch64_call};

    #[test]
    fn x86_calls() {
        let calls: [&[u8]; 8] = [
            &[0xe8, 1, 2, 3, 4],
            &[0xff, 0xd0],
            &[0x41, 0xff, 0xd5],
            &[0xff, 0x15, 1, 2, 3, 4],
            &[0xff, 0x50, 0x30],
            &[0xff, 0x94, 0x24, 1, 0, 0, 0],
            &[0xff, 0x54, 0xc8, 8],
            &[0xff, 0x14, 0xc8],
        ];
        for call in calls {
            let mut code = vec![0x90; 8 - call.len()];
            code.extend(call);
            assert!(ends_in_x86_call(&code), "{call:x?}");
        }
        for other in [[0x90; 8], [0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xe0]] {
            assert!(!ends_in_x86_call(&other), "{other:x?}");
        }
    }

    #[test]
    fn aarch64_calls() {
        assert!(is_aarch64_call(0x9400_0001) && is_aarch64_call(0xd63f_0100) && is_aarch64_call(0xd73f_0a11));
        assert!(!is_aarch64_call(0x1400_0001) && !is_aarch64_call(0xd65f_03c0));
    }
}
