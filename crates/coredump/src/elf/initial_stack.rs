//! The strings that the kernel laid out for `main`: arguments and environment.

use crate::address::Address;
use crate::elf::parse::Core;
use crate::memory::Space;

/// Arguments, environment and executable path as `execve` left them.
///
/// They lie at the top of the initial stack: `argc`, `argv[]`, NULL, `envp[]`, NULL, the auxiliary vector
/// (System V ABI, "Initial Stack and Register State"). `NT_AUXV` holds a copy of the vector, so its bytes lead
/// to the place; a process that overwrote its own arguments shows what it wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitialStack {
    /// `argv`, in order.
    pub arguments: Vec<String>,
    /// `envp` as `KEY=VALUE`, in order.
    pub environment: Vec<String>,
    /// `AT_EXECFN`: the path given to `execve`.
    pub executable: Option<String>,
}

const AT_EXECFN: u64 = 31;
const MAX_STRINGS: usize = 65_536;
const MAX_STRING: usize = 131_072; // MAX_ARG_STRLEN
/// The kernel gives arguments and environment three quarters of 8 MiB (`bprm_stack_limits`, fs/exec.c at v6.6).
const MAX_ALL: usize = 6 << 20;

/// Reads the initial stack; empty where the core does not hold it.
pub(crate) fn read(core: &Core<'_>) -> InitialStack {
    let space = Space::new(core, core.target());
    let Some(executable_at) =
        core.notes().auxv.iter().find(|(kind, _)| *kind == AT_EXECFN).map(|&(_, value)| value)
    else {
        return InitialStack::default();
    };
    let executable = string_at(&space, executable_at);
    let vectors = auxv_address(core, Address(executable_at)).map(|auxv| vectors_before(&space, auxv));
    let (arguments, environment) = vectors.unwrap_or_default();
    InitialStack { arguments, environment, executable }
}

/// The auxiliary vector as the initial stack holds it, for cores without `NT_AUXV`.
///
/// The kernel writes `AT_PHDR`, `AT_PHENT` and `AT_PHNUM` behind each other (`create_elf_tables`, `fs/binfmt_elf.c` at
/// v6.6), and the initial stack is one of the highest mappings.
pub(crate) fn auxv_on_stack(core: &Core<'_>) -> Vec<(u64, u64)> {
    /// Mappings that are searched.
    const MOST_SEGMENTS: usize = 8;
    let highest = core.segments().iter().rev().filter(|segment| segment.writable && segment.present > 0);
    let mut found = highest.take(MOST_SEGMENTS).map(|segment| auxv_in(core, core.segment_bytes(segment)));
    found.find(|auxv| !auxv.is_empty()).unwrap_or_default()
}

fn auxv_in(core: &Core<'_>, stack: &[u8]) -> Vec<(u64, u64)> {
    const AT_PHENT: u64 = 4;
    const AT_PHNUM: u64 = 5;
    /// Types are small numbers (include/uapi/linux/auxvec.h).
    const KINDS: std::ops::RangeInclusive<u64> = 1..=63;
    /// Strings that may lie above it, with some room.
    const MOST_BYTES: usize = MAX_ALL + (1 << 20);
    let target = core.target();
    let skipped = stack.len().saturating_sub(MOST_BYTES);
    let Some(stack) = stack.get(skipped - skipped % 16..) else { return Vec::new() };
    let words: Vec<u8> = [AT_PHENT, 56, AT_PHNUM]
        .into_iter()
        .flat_map(|word| if target.little_endian { word.to_le_bytes() } else { word.to_be_bytes() })
        .collect();
    let Some(at) = memchr::memmem::rfind(stack, &words).filter(|at| at % 8 == 0) else { return Vec::new() };
    let pair = |at: usize| {
        let mut words = target.words(stack.get(at..at.checked_add(16)?)?);
        Some((words.next()?, words.next()?)).filter(|(kind, _)| KINDS.contains(kind))
    };
    let is_before = |back: &usize| at.checked_sub(back * 16).and_then(pair).is_some();
    let first = (1..64).take_while(is_before).last().unwrap_or(0);
    (0..64).map_while(|index| pair(at - first * 16 + index * 16)).collect()
}

/// Where the auxiliary vector stands in the stack that also holds `AT_EXECFN`'s string.
fn auxv_address(core: &Core<'_>, stack: Address) -> Option<Address> {
    let segment = core.segment_at(stack)?;
    let little_endian = core.target().little_endian;
    let to_bytes = |word: u64| if little_endian { word.to_le_bytes() } else { word.to_be_bytes() };
    let pattern: Vec<u8> = core
        .notes()
        .auxv
        .iter()
        .take(6)
        .flat_map(|&(kind, value)| [to_bytes(kind), to_bytes(value)])
        .flatten()
        .collect();
    let found = memchr::memmem::rfind(core.segment_bytes(segment), &pattern)?;
    segment.address.checked_add(found as u64)
}

/// The two NULL-terminated vectors that end right before `auxv`, read backwards.
fn vectors_before(space: &Space<'_>, auxv: Address) -> (Vec<String>, Vec<String>) {
    let word = space.target().word_size as u64;
    let mut at = auxv.wrapping_sub(word);
    let mut vector = || {
        let mut strings = Vec::new();
        // `at` stands on the vector's terminating NULL; go down to the previous NULL or to argc.
        while strings.len() < MAX_STRINGS {
            at = at.wrapping_sub(word);
            match space.word(at) {
                Ok(pointer) if pointer > MAX_STRINGS as u64 => strings.push(pointer),
                _ => break,
            }
        }
        strings.reverse();
        strings
    };
    let (environment, arguments) = (vector(), vector());
    // Pointers that are damaged may all lead to one long string.
    let mut left = MAX_ALL;
    let mut strings = |pointers: Vec<u64>| {
        let texts = pointers.into_iter().filter_map(|at| string_at(space, at));
        let fits = |text: &String| {
            let rest = left.checked_sub(text.len());
            left = rest.unwrap_or(0);
            rest.is_some()
        };
        texts.take_while(fits).collect()
    };
    (strings(arguments), strings(environment))
}

fn string_at(space: &Space<'_>, address: u64) -> Option<String> {
    let bytes = space.c_string(Address(address), MAX_STRING).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
