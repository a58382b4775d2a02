//! Walks the native frames of a thread, from its registers outwards.
//!
//! Call frame information decides where there is any. Else the kernel's signal frames are recognised by their
//! shape, then the chain of frame pointers is followed, and last the stack is searched for a word that looks
//! like a return address. Each frame says which of them found it.

use crate::address::Address;
use crate::elf::notes::ThreadStatus;
use crate::elf::parse::Machine;
use crate::memory::{Memory, Space};
use crate::native::calls::{is_after_call, is_signal_return};
use crate::native::cfi::{Caller, Step};
use crate::native::modules::Modules;
use crate::native::registers::Registers;
use crate::native::signal::{self, SavedSignal};
use crate::snapshot::document::FoundBy;

/// A native frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NativeFrame {
    /// The instruction: the one that ran, or for a frame that waits for a call the one behind the call.
    pub(crate) pc: Address,
    /// Whether `pc` stands behind a call.
    pub(crate) is_return_address: bool,
    /// The frame's lowest address on the stack.
    pub(crate) stack_pointer: Address,
    /// How it was found.
    pub(crate) found_by: FoundBy,
    /// The signal that interrupted it, for the frame under a signal handler.
    pub(crate) signal: Option<SavedSignal>,
}

impl NativeFrame {
    /// An address within the instruction that was running; a call that never returns may be the last
    /// instruction of its function, and the return address then belongs to the next one.
    pub(crate) fn lookup_address(&self) -> Address {
        if self.is_return_address { self.pc.wrapping_sub(1) } else { self.pc }
    }
}

/// The native frames of a thread, innermost first.
#[derive(Clone, Debug, Default)]
pub(crate) struct NativeStack {
    /// Innermost first.
    pub(crate) frames: Vec<NativeFrame>,
    /// Why there are no more.
    pub(crate) stopped: NativeStop,
}

/// Why the walk over native frames ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NativeStop {
    /// The outermost frame was reached: its call frame information says that it has no caller.
    Bottom,
    /// Nothing tells the next frame.
    #[default]
    Lost,
    /// More frames than [`MAX_NATIVE_FRAMES`].
    Limit,
}

/// Walks end after this many native frames; a stack of 8 MiB that overflowed holds some hundred thousand.
pub(crate) const MAX_NATIVE_FRAMES: usize = 20_000;

/// Signal handlers within signal handlers that are followed; the stack may change with each.
const MOST_SIGNALS: usize = 64;
/// Bytes of stack that are searched for one frame: functions with larger variables are rare.
const SCAN_BYTES: u64 = 1 << 19;
/// Bytes of stack that are searched in one walk.
const SCAN_BUDGET: u64 = 1 << 23;
/// Frames that are found by search where no code is there to check them against.
const MOST_UNCHECKED: usize = 500;

/// Walks the stack of a thread.
pub(crate) fn walk(modules: &Modules<'_>, thread: &ThreadStatus) -> NativeStack {
    walk_at_most(modules, thread, MAX_NATIVE_FRAMES)
}

/// Walks at most `most` frames of a thread.
pub(crate) fn walk_at_most(modules: &Modules<'_>, thread: &ThreadStatus, most: usize) -> NativeStack {
    let process = modules.process();
    let Some(registers) = Registers::of_thread(process.core().machine(), thread) else {
        return NativeStack::default();
    };
    Walk::new(modules).run(registers, most)
}

struct Walk<'m, 'p> {
    modules: &'m Modules<'p>,
    /// Bits of an address that are not a pointer authentication code.
    address_bits: u64,
    scan_budget: u64,
    unchecked: usize,
    signals: usize,
}

/// The next frame, and how it was found.
struct Next {
    registers: Registers,
    found_by: FoundBy,
    is_return_address: bool,
    signal: Option<SavedSignal>,
}

impl<'m, 'p> Walk<'m, 'p> {
    fn new(modules: &'m Modules<'p>) -> Self {
        let core = modules.process().core();
        let end = core.segments().last().map_or(0, |segment| segment.end().0);
        let address_bits = match core.machine() {
            // The kernel's half of the address space appears as a segment on some machines (`vsyscall`).
            Machine::Aarch64 if end > 0 && end < 1 << 56 => end.next_power_of_two() - 1,
            _ => u64::MAX,
        };
        Self { modules, address_bits, scan_budget: SCAN_BUDGET, unchecked: 0, signals: 0 }
    }

    fn run(mut self, mut registers: Registers, most: usize) -> NativeStack {
        let mut frames: Vec<NativeFrame> = Vec::new();
        let mut next_found = (FoundBy::Registers, false, None);
        loop {
            let Some(stack_pointer) = registers.stack_pointer() else {
                return NativeStack { frames, stopped: NativeStop::Lost };
            };
            if frames.len() >= most {
                return NativeStack { frames, stopped: NativeStop::Limit };
            }
            let (found_by, is_return_address, signal) = next_found;
            frames.push(NativeFrame { pc: registers.pc, is_return_address, stack_pointer, found_by, signal });
            match self.next(&registers, is_return_address) {
                Ok(next) => {
                    registers = next.registers;
                    next_found = (next.found_by, next.is_return_address, next.signal);
                }
                Err(stopped) => return NativeStack { frames, stopped },
            }
        }
    }

    fn next(&mut self, registers: &Registers, is_return_address: bool) -> Result<Next, NativeStop> {
        match self.by_call_frames(registers, is_return_address) {
            Some(Ok(next)) => return Ok(next),
            Some(Err(stopped)) => return Err(stopped),
            None => {}
        }
        let found = self
            .by_signal_frame(registers, is_return_address)
            .or_else(|| self.by_bad_call(registers, is_return_address))
            .or_else(|| self.by_frame_pointer(registers))
            .or_else(|| self.by_scan(registers));
        found.ok_or(NativeStop::Lost)
    }

    fn by_call_frames(
        &mut self,
        registers: &Registers,
        is_return_address: bool,
    ) -> Option<Result<Next, NativeStop>> {
        let at = if is_return_address { registers.pc.wrapping_sub(1) } else { registers.pc };
        let (_, module) = self.modules.at(at)?;
        let bias = module.bias?;
        let read = |address| self.word(address);
        let frames = module.frames()?;
        // A signal trampoline is entered by no call: its information may begin at the return address itself.
        let step = frames
            .step(bias.remove(at), registers, &read)
            .or_else(|| frames.step(bias.remove(registers.pc), registers, &read))?;
        let Step { caller, is_signal_frame } = step;
        let Caller::Frame(mut caller) = caller else { return Some(Err(NativeStop::Bottom)) };
        if caller.pc.0 == 0 && !is_signal_frame {
            return Some(Err(NativeStop::Bottom));
        }
        if is_signal_frame {
            self.signals += 1;
            if self.signals > MOST_SIGNALS {
                return Some(Err(NativeStop::Limit));
            }
            let signal =
                signal::frame_at(self.modules.process(), registers.stack_pointer()?, &|at| self.is_code(at));
            let found_by = FoundBy::Cfi;
            return Some(Ok(Next { registers: caller, found_by, is_return_address: false, signal }));
        }
        caller.pc = self.strip(caller.pc);
        let assumed = registers.frame_pointer_assumed;
        let plausible = Self::goes_outwards(registers, &caller, is_return_address)
            && self.is_code(caller.pc)
            && (!assumed || self.is_after_call(caller.pc) == Some(true));
        let found_by = if assumed { FoundBy::FramePointer } else { FoundBy::Cfi };
        let next = Next { registers: caller, found_by, is_return_address: true, signal: None };
        plausible.then_some(Ok(next))
    }

    /// The frame that the kernel built for a handler, where nothing but its shape tells.
    fn by_signal_frame(&mut self, registers: &Registers, is_return_address: bool) -> Option<Next> {
        if !is_return_address || self.signals >= MOST_SIGNALS {
            return None;
        }
        let code = self.modules.process().bytes(registers.pc, 9).ok();
        if code.is_some_and(|code| !is_signal_return(registers.machine(), &code)) {
            return None;
        }
        let saved =
            signal::frame_at(self.modules.process(), registers.stack_pointer()?, &|at| self.is_code(at))?;
        self.signals += 1;
        Some(Next {
            registers: saved.registers.clone(),
            found_by: FoundBy::SignalFrame,
            is_return_address: false,
            signal: Some(saved),
        })
    }

    /// A call to where no code is: its return address is still where the call put it.
    fn by_bad_call(&self, registers: &Registers, is_return_address: bool) -> Option<Next> {
        if is_return_address || self.is_code(registers.pc) {
            return None;
        }
        let mut caller = registers.clone();
        match registers.machine() {
            Machine::X86_64 => {
                let at = registers.stack_pointer()?;
                caller.pc = Address(self.word(at)?);
                caller.set(registers.roles()?.stack_pointer, Some(at.checked_add(8)?.0));
            }
            _ => caller.pc = self.strip(Address(registers.get(registers.roles()?.return_address)?)),
        }
        let is_return = self.is_code(caller.pc) && self.is_after_call(caller.pc) != Some(false);
        let found_by = FoundBy::Scan;
        is_return.then_some(Next { registers: caller, found_by, is_return_address: true, signal: None })
    }

    /// The frame record that the frame pointer names: the caller's frame pointer, and the return address.
    fn by_frame_pointer(&self, registers: &Registers) -> Option<Next> {
        let record = registers.frame_pointer()?;
        let (outer, pc) = self.frame_record(registers.stack_pointer()?, record)?;
        let checked = match self.is_after_call(pc) {
            Some(is_after_call) => is_after_call,
            // With no code to look at, one record alone is too little: the next one must be one as well.
            None => outer == Address(0) || self.frame_record(record.checked_add(16)?, outer).is_some(),
        };
        if !checked {
            return None;
        }
        let mut caller = Registers::bare(registers.machine(), pc, record.checked_add(16)?)?;
        caller.set(registers.roles()?.frame_pointer, Some(outer.0));
        Some(Next {
            registers: caller,
            found_by: FoundBy::FramePointer,
            is_return_address: true,
            signal: None,
        })
    }

    fn frame_record(&self, stack_pointer: Address, record: Address) -> Option<(Address, Address)> {
        let in_stack =
            record >= stack_pointer && record.is_aligned(8) && self.same_segment(stack_pointer, record);
        if !in_stack {
            return None;
        }
        let outer = Address(self.word(record)?);
        let pc = self.strip(Address(self.word(record.checked_add(8)?)?));
        let goes_on = outer == Address(0) || (outer > record && self.same_segment(record, outer));
        (goes_on && self.is_code(pc)).then_some((outer, pc))
    }

    /// The next word of the stack that can be a return address.
    fn by_scan(&mut self, registers: &Registers) -> Option<Next> {
        let start = registers.stack_pointer()?;
        let start = Address(start.0.checked_next_multiple_of(8)?);
        let core = self.modules.process().core();
        let segment = core.segment_at(start)?;
        let within = usize::try_from(start.0 - segment.address.0).ok()?;
        let bytes = core.segment_bytes(segment).get(within..)?;
        let budget = SCAN_BYTES.min(self.scan_budget);
        let mut at = start;
        for word in core.target().words(bytes).take(usize::try_from(budget / 8).ok()?) {
            self.scan_budget = self.scan_budget.saturating_sub(8);
            let pc = self.strip(Address(word));
            let place = at;
            at = at.checked_add(8)?;
            if !self.is_code(pc) {
                continue;
            }
            match self.is_after_call(pc) {
                Some(true) => {}
                Some(false) => {
                    // A handler returns into a trampoline that nothing calls.
                    let code = self.modules.process().bytes(pc, 9).ok();
                    if !code.is_some_and(|code| is_signal_return(registers.machine(), &code)) {
                        continue;
                    }
                }
                None => {
                    self.unchecked += 1;
                    if self.unchecked > MOST_UNCHECKED {
                        return None;
                    }
                }
            }
            let mut caller = Registers::bare(registers.machine(), pc, at)?;
            self.assume_frame_pointer(&mut caller, registers, place);
            return Some(Next {
                registers: caller,
                found_by: FoundBy::Scan,
                is_return_address: true,
                signal: None,
            });
        }
        None
    }

    /// Functions mostly save the frame pointer right below their return address, or never touch it.
    fn assume_frame_pointer(&self, caller: &mut Registers, registers: &Registers, return_at: Address) {
        let Some(roles) = registers.roles() else { return };
        let saved = self.word(return_at.wrapping_sub(8)).map(Address);
        let in_stack = |pointer: &Address| {
            *pointer > return_at && pointer.is_aligned(8) && self.same_segment(return_at, *pointer)
        };
        let kept = registers.frame_pointer().filter(in_stack);
        let assumed = kept.or_else(|| saved.filter(in_stack));
        caller.set(roles.frame_pointer, assumed.map(|pointer| pointer.0));
        caller.frame_pointer_assumed = true;
    }

    /// Stacks grow downwards; only a function that called nobody may have used none of it.
    fn goes_outwards(registers: &Registers, caller: &Registers, is_return_address: bool) -> bool {
        match (registers.stack_pointer(), caller.stack_pointer()) {
            (Some(inner), Some(outer)) => {
                outer > inner || (outer == inner && !is_return_address && caller.pc != registers.pc)
            }
            _ => false,
        }
    }

    fn strip(&self, address: Address) -> Address {
        Address(address.0 & self.address_bits)
    }

    /// Debuggers leave out what files hold, and the core then has no segment there.
    fn is_code(&self, address: Address) -> bool {
        match self.modules.process().core().segment_at(address) {
            Some(segment) => segment.executable,
            None => self.modules.at(address).is_some_and(|(_, module)| module.is_code(address)),
        }
    }

    fn same_segment(&self, a: Address, b: Address) -> bool {
        self.modules
            .process()
            .core()
            .segment_at(a)
            .is_some_and(|segment| segment.writable && (segment.address..segment.end()).contains(&b))
    }

    fn is_after_call(&self, pc: Address) -> Option<bool> {
        is_after_call(self.modules.process(), pc)
    }

    /// The word of the stack at an address; stacks are read from the core only.
    fn word(&self, address: Address) -> Option<u64> {
        let core = self.modules.process().core();
        Space::new(core, core.target()).word(address).ok()
    }
}
