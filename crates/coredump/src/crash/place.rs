//! What lies at an address that an instruction failed on.

use crate::address::Address;
use crate::elf::notes::FileMapping;
use crate::elf::parse::{Core, Machine, Segment};

/// The lowest pages are hardly ever mapped (`vm.mmap_min_addr` is 64 KiB where it is set at all).
pub(crate) const NULL_ZONE: u64 = 0x1_0000;
/// A function's frame is smaller than this in nearly all code; a fault this near the stack pointer is the stack's.
const STACK_REACH: u64 = 0x10_0000;
const PAGE: u64 = 0x1000;

/// What lies at an address.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// The pages around address 0, which no mapping covers.
    Null,
    /// Below the stack of the thread.
    StackEnd {
        /// A mapping without any permission stands there to catch this.
        guard: bool,
        /// Bytes from there to the end of the stack's mapping.
        stack_bytes: Option<u64>,
    },
    /// No mapping.
    Unmapped {
        /// The mapping that ends less than a page before it.
        just_behind: Option<Mapped>,
    },
    /// A mapping.
    Mapped(Mapped),
}

/// A mapping with the file behind it.
#[derive(Clone, Debug)]
pub(crate) struct Mapped {
    pub(crate) start: Address,
    pub(crate) len: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) executable: bool,
    /// Path as the process saw it.
    pub(crate) file: Option<String>,
}

impl Mapped {
    fn of(core: &Core<'_>, segment: &Segment, at: Address) -> Self {
        Self {
            start: segment.address,
            len: segment.len,
            readable: segment.readable,
            writable: segment.writable,
            executable: segment.executable,
            file: file_at(core, at).map(|file| file.path.clone()),
        }
    }

    /// The mapping in words.
    pub(crate) fn in_words(&self) -> String {
        let kind = match (self.readable, self.writable, self.executable) {
            (false, false, false) => "inaccessible memory",
            (_, false, true) => "code",
            (_, true, true) => "writable code",
            (_, true, false) => "writable memory",
            (true, false, false) => "read-only data",
        };
        match &self.file {
            Some(file) => format!("{kind} of {file}"),
            None => format!("{kind} without a file ({} bytes from {})", self.len, self.start),
        }
    }
}

/// The file mapped at an address (`NT_FILE`).
pub(crate) fn file_at<'c>(core: &'c Core<'_>, at: Address) -> Option<&'c FileMapping> {
    core.notes().files.iter().find(|file| (file.start..file.end).contains(&at))
}

/// Looks up what lies at `at`, for a thread whose stack ends at `stack`.
pub(crate) fn of(core: &Core<'_>, at: Address, stack: Option<Address>) -> Place {
    let segment = core.segment_at(at);
    if at.0 < NULL_ZONE && segment.is_none() {
        return Place::Null;
    }
    if let Some(end) = stack.and_then(|stack| stack_end(core, at, segment, stack)) {
        return end;
    }
    if let Some(segment) = segment {
        return Place::Mapped(Mapped::of(core, segment, at));
    }
    let before = core.segments().iter().rev().find(|segment| segment.address < at);
    let near = before.filter(|segment| at.0 - segment.end().0 < PAGE);
    let just_behind =
        near.map(|segment| Mapped::of(core, segment, Address(segment.end().0.saturating_sub(1))));
    Place::Unmapped { just_behind }
}

/// The end of the stack, when `at` is near the stack pointer and nothing writable or of a file lies there.
fn stack_end(core: &Core<'_>, at: Address, segment: Option<&Segment>, stack: Address) -> Option<Place> {
    if at.0.abs_diff(stack.0) >= STACK_REACH {
        return None;
    }
    let is_free = segment.is_none_or(|segment| {
        !segment.writable && !segment.readable && !segment.executable && file_at(core, at).is_none()
    });
    // The stack goes on above: the mapping that holds the frames that are already there.
    let above = core.segments().iter().find(|segment| segment.end() > at && segment.writable)?;
    let reaches_up = above.address.0.saturating_sub(at.max(stack).0) < STACK_REACH;
    (is_free && reaches_up).then(|| Place::StackEnd {
        guard: segment.is_some(),
        stack_bytes: above.end().0.checked_sub(at.max(above.address).0),
    })
}

/// Whether no processor of this kind can form the address: the high bits are not all alike.
pub(crate) fn is_impossible(machine: Machine, at: Address) -> bool {
    const X86_64_BITS: u32 = 47;
    const AARCH64_BITS: u32 = 52;
    match machine {
        Machine::X86_64 => !matches!(at.0 >> X86_64_BITS, 0 | 0x1_ffff),
        // The top byte may hold a tag.
        Machine::Aarch64 => (at.0 & 0x00ff_ffff_ffff_ffff) >> AARCH64_BITS != 0,
        Machine::Other(_) => false,
    }
}
