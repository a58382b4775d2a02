//! What a core says about the end of its process: facts only, which `findings` judges.

pub(crate) mod abort_message;
pub(crate) mod fatal_message;
pub(crate) mod frames;
pub(crate) mod instruction;
pub(crate) mod native_exception;
pub(crate) mod place;
pub(crate) mod pointers;
pub(crate) mod registers;
pub(crate) mod repeats;
pub(crate) mod signal_frame;
pub(crate) mod signals;

use pycoroner_findings::Citation;

use crate::address::Address;
use crate::elf::notes::{SignalInfo, ThreadStatus};
use crate::elf::parse::Core;
use crate::runtime::process::DeadProcess;
use abort_message::AbortMessage;
use frames::NearFrame;
use instruction::Refused;
use native_exception::NativeException;
use place::Place;
use pointers::{BrokenPointer, FreedBlock};
use registers::Registers;
use repeats::Repeated;
use signal_frame::SignalFrame;

/// How a process ended, as the core has it.
#[derive(Debug)]
pub(crate) struct Death {
    /// The signal of the core; none for a copy of a live process.
    pub(crate) signal: Option<u32>,
    /// `siginfo_t` of that signal.
    pub(crate) info: Option<SignalInfo>,
    /// The thread that it hit.
    pub(crate) tid: Option<u64>,
    /// The signal that a handler caught before it raised it again.
    pub(crate) caught: Option<SignalFrame>,
    /// Registers at the fault: of the caught signal, else of the thread.
    pub(crate) registers: Registers,
    /// What lies at the fault address.
    pub(crate) place: Option<Place>,
    /// Registers that hold no address.
    pub(crate) broken: Vec<BrokenPointer>,
    /// A freed block that a pointer was read from.
    pub(crate) freed: Option<FreedBlock>,
    /// The instruction that the processor did not take.
    pub(crate) refused: Option<Refused>,
    /// What called itself on a stack that ran over.
    pub(crate) repeated: Option<Repeated>,
    /// What the C library wrote before it aborted.
    pub(crate) abort_message: Option<AbortMessage>,
    /// A C++ exception or a Rust panic.
    pub(crate) native_exception: Option<NativeException>,
    /// The innermost native frames at the fault.
    pub(crate) frames: Vec<NearFrame>,
    /// The process's own id.
    pub(crate) pid: Option<u64>,
    /// The notes that say so.
    pub(crate) citations: Vec<Citation>,
}

impl Death {
    /// The signal that came first: the caught one, else that of the core.
    pub(crate) fn first(&self) -> Option<&SignalInfo> {
        match &self.caught {
            Some(caught) => caught.info.as_ref(),
            None => self.info.as_ref(),
        }
    }

    /// Where the first signal says that an access failed.
    pub(crate) fn fault_address(&self) -> Option<Address> {
        self.first().and_then(|info| info.fault_address)
    }

    /// Whether the process, or the kernel on its behalf, ended itself.
    pub(crate) fn is_own(&self) -> Option<bool> {
        match (self.first(), &self.caught) {
            (Some(info), _) => Some(info.sender?.0 == self.pid?),
            (None, Some(caught)) => Some(caught.was_sending),
            (None, None) => None,
        }
    }
}

/// Reads the end of the process.
pub(crate) fn read(process: &DeadProcess<'_>) -> Death {
    let core = process.core();
    let notes = core.notes();
    let thread = notes.threads.first();
    let signal = deadly_signal(core, thread);
    let info = signal.and_then(|signal| notes.signal.clone().filter(|info| info.signal == signal));
    let own = thread.map(|thread| Registers::new(core.machine(), thread.registers.clone()));
    let own = own.filter(|_| signal.is_some()).unwrap_or_default();
    let pid = notes.process.as_ref().map(|process| process.pid);
    let raised_again =
        info.as_ref().is_none_or(|info| info.sender.is_some_and(|(from, _)| Some(from) == pid));
    let caught = signal
        .filter(|_| raised_again)
        .and_then(|signal| signal_frame::find(core, own.stack_pointer()?, signal, thread?.tid));
    let registers = caught.as_ref().map_or_else(|| own.clone(), |caught| caught.registers.clone());
    let abort_message = if signal == Some(signals::SIGABRT) { abort_message::read(process) } else { None };
    // What a handler caught is the death; the note is about the signal that it raised again.
    let first = caught.iter().map(|caught| caught.citation.clone());
    let citations = first
        .chain(info.iter().map(|info| info.citation.clone()))
        .chain(thread.map(|thread| thread.citation.clone()))
        .collect();
    let mut death = Death {
        signal,
        info,
        tid: signal.and(thread).map(|thread| thread.tid),
        caught,
        registers,
        place: None,
        broken: Vec::new(),
        freed: None,
        refused: None,
        repeated: None,
        abort_message,
        native_exception: None,
        frames: Vec::new(),
        pid,
        citations,
    };
    read_fault(process, &mut death);
    if death.signal.is_some_and(|signal| signals::is_fault(signal) || signal == signals::SIGABRT) {
        death.frames = frames::read(process, &death);
    }
    if death.signal == Some(signals::SIGABRT)
        && death.abort_message.is_none()
        && death.is_own() != Some(false)
    {
        death.native_exception = native_exception::find(process, &death);
    }
    death
}

/// Adds what lies at the fault address and in the registers.
fn read_fault(process: &DeadProcess<'_>, death: &mut Death) {
    let core = process.core();
    if !death.signal.is_some_and(signals::is_fault) {
        return;
    }
    if death.signal == Some(signals::SIGILL) {
        death.refused = death.registers.program_counter().and_then(|pc| instruction::at(process, pc));
    }
    let stack = death.registers.stack_pointer();
    if let Some(address) = death.fault_address() {
        death.place = Some(place::of(core, address, stack));
        death.freed = pointers::freed_block(process, &death.registers, address);
        if matches!(death.place, Some(Place::StackEnd { .. })) {
            death.repeated = repeats::find(process, &death.registers);
        }
    } else {
        death.broken = pointers::impossible(core, &death.registers);
    }
}

fn deadly_signal(core: &Core<'_>, thread: Option<&ThreadStatus>) -> Option<u32> {
    let stated = match (&core.notes().signal, thread) {
        (Some(info), _) if info.signal != 0 => Some(info.signal),
        (_, Some(thread)) if thread.signal != 0 => Some(thread.signal),
        _ => None,
    };
    // Debuggers stop a live process to copy it; what they leave in the notes is no cause of death.
    stated.filter(|&signal| match signal {
        signals::SIGTRAP => is_kernel_core(core),
        _ => !signals::spares(signal),
    })
}

/// The kernel writes `NT_SIGINFO`; what a debugger writes of a live process has none, or one without a cause.
fn is_kernel_core(core: &Core<'_>) -> bool {
    core.notes().signal.as_ref().is_some_and(|info| info.signal != 0)
}
