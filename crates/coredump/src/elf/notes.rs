//! The notes of a core file: threads, signal, process, auxiliary vector, mapped files.

use std::sync::OnceLock;

use goblin::elf::program_header::ProgramHeader;
use pycoroner_findings::{Citation, Gap, GapKind, SourceId, Span};
use rustc_hash::FxHashMap;

use crate::address::Address;
use crate::elf::parse::Machine;
use crate::memory::Target;

/// What the notes say; absent notes leave their part empty.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// One per thread; the kernel and gcore put the thread that was dumped first in front.
    pub threads: Vec<ThreadStatus>,
    /// The process as `ps` would show it.
    pub process: Option<ProcessInfo>,
    /// The signal that ended it.
    pub signal: Option<SignalInfo>,
    /// The auxiliary vector: type and value; from the initial stack where no note has it.
    pub auxv: Vec<(u64, u64)>,
    /// Where files were mapped.
    pub files: Vec<FileMapping>,
    /// Where in `threads` the first one with a native id is; made when it is first asked for.
    by_tid: OnceLock<FxHashMap<u64, usize>>,
}

impl Notes {
    /// The first thread of a native id.
    pub fn thread(&self, tid: u64) -> Option<&ThreadStatus> {
        let by_tid = self.by_tid.get_or_init(|| {
            // Of equal ids the last one collected stays.
            self.threads.iter().enumerate().rev().map(|(index, thread)| (thread.tid, index)).collect()
        });
        self.threads.get(*by_tid.get(&tid)?)
    }
}

/// A thread's registers (`NT_PRSTATUS`, `struct elf_prstatus`).
#[derive(Clone, Debug)]
pub struct ThreadStatus {
    /// Native thread id.
    pub tid: u64,
    /// The signal that it was handling, 0 for none.
    pub signal: u32,
    /// General registers in the kernel's order (`struct user_regs_struct` of the machine).
    pub registers: Vec<u64>,
    /// Processor time in milliseconds, in the program and in the kernel; of the whole process in the note of its first
    /// thread.
    pub cpu_ms: Option<(u64, u64)>,
    /// The thread pointer `tpidr_el0`, which aarch64 has in a note of its own.
    pub tpidr: Option<u64>,
    /// The note.
    pub citation: Citation,
}

/// `NT_PRPSINFO`, `struct elf_prpsinfo`.
#[derive(Clone, Debug)]
pub struct ProcessInfo {
    /// Process id.
    pub pid: u64,
    /// Process id of the parent.
    pub parent_pid: u64,
    /// Real user id.
    pub uid: u64,
    /// Real group id.
    pub gid: u64,
    /// Scheduling priority, from -20 to 19.
    pub nice: i8,
    /// First 15 bytes of the executable's name.
    pub name: String,
    /// First 79 bytes of the command line.
    pub arguments: String,
}

/// `NT_SIGINFO`, `siginfo_t`.
#[derive(Clone, Debug)]
pub struct SignalInfo {
    /// Signal number.
    pub signal: u32,
    /// `si_code`.
    pub code: i32,
    /// `si_addr`, for the signals that carry one.
    pub fault_address: Option<Address>,
    /// Process id and user id of the sender, when a process sent it.
    pub sender: Option<(u64, u64)>,
    /// The note.
    pub citation: Citation,
}

/// One line of `NT_FILE`.
#[derive(Clone, Debug)]
pub struct FileMapping {
    /// First address.
    pub start: Address,
    /// One past the last address.
    pub end: Address,
    /// Offset in the file of the first byte.
    pub file_offset: u64,
    /// Path as the process saw it.
    pub path: String,
}

const NT_PRSTATUS: u64 = 1;
const NT_PRPSINFO: u64 = 3;
const NT_AUXV: u64 = 6;
/// The thread's `NT_PRSTATUS` stands before it (`NT_ARM_TLS`, include/uapi/linux/elf.h).
const NT_ARM_TLS: u64 = 0x401;
const NT_SIGINFO: u64 = 0x5349_4749;
const NT_FILE: u64 = 0x4649_4c45;

/// Note contents with the number format and place that its readers need.
struct Note<'d> {
    kind: u64,
    content: &'d [u8],
    target: Target,
    citation: Citation,
}

impl Note<'_> {
    fn number(&self, offset: usize, size: usize) -> Option<u64> {
        Some(self.target.unsigned(self.content.get(offset..offset + size)?))
    }

    fn text(&self, offset: usize, size: usize) -> Option<String> {
        let bytes = self.content.get(offset..offset + size)?;
        let bytes = bytes.split(|&byte| byte == 0).next()?;
        Some(String::from_utf8_lossy(bytes).trim_end().to_owned())
    }
}

/// Adds the notes of one `PT_NOTE` segment to `notes`, and what is wrong with them to `gaps`.
pub(crate) fn read(
    notes: &mut Notes,
    gaps: &mut Vec<Gap>,
    data: &[u8],
    header: &ProgramHeader,
    target: Target,
    machine: Machine,
    source: SourceId,
) {
    let start = usize::try_from(header.p_offset).unwrap_or(usize::MAX).min(data.len());
    let end = start.saturating_add(usize::try_from(header.p_filesz).unwrap_or(usize::MAX));
    let mut at = start;
    while at < end {
        let Some((note, next)) = note_at(data, at, target, source).filter(|&(_, next)| next <= end + 3)
        else {
            let kind = if end > data.len() { GapKind::Truncated } else { GapKind::Corrupt };
            let why = format!("the note at offset {at:#x} does not fit into its segment or the file");
            gaps.push(Gap::new(kind, "the rest of the notes", why));
            return;
        };
        if take(notes, &note, machine).is_none() {
            let why = format!("note type {:#x} at offset {at:#x} is shorter than its structure", note.kind);
            gaps.push(Gap::new(GapKind::Corrupt, "a note", why).at(note.citation));
        }
        at = next;
    }
}

/// The note at `at` and the offset behind it. Layout: namesz, descsz, type, name, desc, each padded to four
/// bytes (elf(5), "Notes (Nhdr)").
fn note_at(data: &[u8], at: usize, target: Target, source: SourceId) -> Option<(Note<'_>, usize)> {
    let word = |offset: usize| Some(target.unsigned(data.get(offset..offset.checked_add(4)?)?));
    let (name_len, len, kind) = (word(at)?, word(at.checked_add(4)?)?, word(at.checked_add(8)?)?);
    let content_start =
        at.checked_add(12)?.checked_add(usize::try_from(name_len).ok()?)?.checked_next_multiple_of(4)?;
    let content_end = content_start.checked_add(usize::try_from(len).ok()?)?;
    let content = data.get(content_start..content_end)?;
    let span = Span::Bytes { offset: content_start as u64, len, address: None };
    let note = Note { kind, content, target, citation: Citation::new(source, span) };
    Some((note, content_end.checked_next_multiple_of(4)?))
}

/// Adds one note; `None` when it is too short for what its type says.
fn take(notes: &mut Notes, note: &Note<'_>, machine: Machine) -> Option<()> {
    match note.kind {
        NT_PRSTATUS => notes.threads.push(thread_status(note, machine)?),
        NT_PRPSINFO => notes.process = Some(process_info(note)?),
        NT_SIGINFO if notes.signal.is_none() => {
            notes.signal = Some(parse_signal_info(note.content, note.target, note.citation.clone())?);
        }
        NT_AUXV => {
            let mut words = note.target.words(note.content);
            while let (Some(kind), Some(value)) = (words.next(), words.next()) {
                notes.auxv.push((kind, value));
            }
        }
        NT_ARM_TLS if machine == Machine::Aarch64 => {
            if let Some(thread) = notes.threads.last_mut() {
                thread.tpidr = Some(note.number(0, 8)?);
            }
        }
        NT_FILE => notes.files = file_mappings(note)?,
        _ => {}
    }
    Some(())
}

/// `struct elf_prstatus` of a 64-bit Linux (include/uapi/linux/elfcore.h): `pr_cursig` at 12, `pr_pid` at 32,
/// `pr_reg` at 112.
fn thread_status(note: &Note<'_>, machine: Machine) -> Option<ThreadStatus> {
    const REGISTERS_AT: usize = 112;
    let count = match machine {
        Machine::X86_64 => 27,
        Machine::Aarch64 => 34,
        Machine::Other(_) => 0,
    };
    let registers = note.content.get(REGISTERS_AT..REGISTERS_AT + count * 8)?;
    Some(ThreadStatus {
        tid: note.number(32, 4)?,
        signal: note.number(12, 2)? as u32,
        registers: note.target.words(registers).collect(),
        // pr_utime at 48 and pr_stime at 64: seconds and microseconds.
        cpu_ms: milliseconds(note, 48).zip(milliseconds(note, 64)),
        tpidr: None,
        citation: note.citation.clone(),
    })
}

fn milliseconds(note: &Note<'_>, at: usize) -> Option<u64> {
    note.number(at, 8)?.checked_mul(1000)?.checked_add(note.number(at + 8, 8)? / 1000)
}

/// `struct elf_prpsinfo` of a 64-bit Linux.
fn process_info(note: &Note<'_>) -> Option<ProcessInfo> {
    Some(ProcessInfo {
        nice: note.number(3, 1)? as u8 as i8,
        uid: note.number(16, 4)?,
        gid: note.number(20, 4)?,
        pid: note.number(24, 4)?,
        parent_pid: note.number(28, 4)?,
        name: note.text(40, 16)?,
        arguments: note.text(56, 80)?,
    })
}

/// `siginfo_t` (include/uapi/asm-generic/siginfo.h): signal, errno, code, then a union at 16.
pub(crate) fn parse_signal_info(content: &[u8], target: Target, citation: Citation) -> Option<SignalInfo> {
    let number = |offset: usize, size: usize| Some(target.unsigned(content.get(offset..offset + size)?));
    let signal = number(0, 4)? as u32;
    let code = number(8, 4)? as u32 as i32;
    // A code above zero is the kernel's own report of a fault; zero and below name a sender (sigaction(2)).
    let from_kernel = code > 0 && code != SI_KERNEL;
    let fault_address = match signal {
        SIGILL | SIGBUS | SIGFPE | SIGSEGV | SIGTRAP if from_kernel => Some(Address(number(16, 8)?)),
        _ => None,
    };
    let sender = if code <= 0 { Some((number(16, 4)?, number(20, 4)?)) } else { None };
    Some(SignalInfo { signal, code, fault_address, sender, citation })
}

/// The kernel sent it without saying where; `si_addr` is then meaningless.
pub(crate) const SI_KERNEL: i32 = 0x80;
const SIGILL: u32 = 4;
const SIGTRAP: u32 = 5;
const SIGBUS: u32 = 7;
const SIGFPE: u32 = 8;
const SIGSEGV: u32 = 11;

/// `NT_FILE`: count, page size, then start, end, page offset of each, then the names.
fn file_mappings(note: &Note<'_>) -> Option<Vec<FileMapping>> {
    let count = usize::try_from(note.number(0, 8)?).ok()?;
    let page_size = note.number(8, 8)?;
    let names_at = count.checked_mul(24)?.checked_add(16)?;
    let mut names = note.content.get(names_at..)?.split(|&byte| byte == 0);
    let rows = note.content.get(16..names_at)?.chunks_exact(24);
    rows.map(|row| {
        let mut words = note.target.words(row);
        Some(FileMapping {
            start: Address(words.next()?),
            end: Address(words.next()?),
            file_offset: words.next()?.saturating_mul(page_size),
            path: String::from_utf8_lossy(names.next()?).into_owned(),
        })
    })
    .collect()
}
