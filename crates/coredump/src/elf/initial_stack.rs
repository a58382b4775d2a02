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
