//! Kinds of cores: the same process as other programs and settings would have dumped it.

use pycoroner_coredump::{Address, Core, ProcessSnapshot};
use pycoroner_findings::{GapKind, SourceId};
use pycoroner_fixtures::{Fixture, cores};

use crate::snapshot;

const NT_AUXV: u32 = 6;
const NT_FILE: u32 = 0x4649_4c45;
const NT_SIGINFO: u32 = 0x5349_4749;
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const EHDR: usize = 64;
const PHDR: usize = 56;

/// A committed core, taken apart to be written in another way.
struct Recut {
    fixture: Fixture,
    bytes: Vec<u8>,
    headers: Vec<[u8; PHDR]>,
}

impl Recut {
    fn of(name: &str) -> Self {
        let fixture = cores().into_iter().find(|core| core.name == name).unwrap();
        let bytes = fixture.core_bytes();
        assert_eq!(word(&bytes, 32), EHDR as u64);
        let count = usize::from(u16::from_le_bytes([bytes[56], bytes[57]]));
        let header = |index| {
            let at = EHDR + index * PHDR;
            bytes[at..at + PHDR].try_into().unwrap()
        };
        Self { headers: (0..count).map(header).collect(), fixture, bytes }
    }

    /// Offset, type and end of each note.
    fn notes(&self) -> Vec<(usize, u32, usize)> {
        let segment = self.headers.iter().find(|header| number(*header, 0) == PT_NOTE).unwrap();
        let (mut at, len) = (word(segment, 8) as usize, word(segment, 32) as usize);
        let end = at + len;
        let mut notes = Vec::new();
        while at < end {
            let padded = |offset| (number(&self.bytes, at + offset) as usize).next_multiple_of(4);
            let next = at + 12 + padded(0) + padded(4);
            notes.push((at, number(&self.bytes, at + 8), next));
            at = next;
        }
        notes
    }

    /// Without the notes of these types: they get a type that nobody knows.
    fn without(mut self, kinds: &[u32]) -> Self {
        for (at, kind, _) in self.notes() {
            if kinds.contains(&kind) {
                self.bytes[at + 8..at + 12].copy_from_slice(&0x777_u32.to_le_bytes());
            }
        }
        self
    }

    /// With nothing dumped of the segments that `is_left_out` takes by their bytes and flags.
    fn leaving_out(mut self, is_left_out: impl Fn(&[u8], u32) -> bool) -> Self {
        for header in self.headers.iter_mut().filter(|header| number(*header, 0) == PT_LOAD) {
            let start = word(header, 8) as usize;
            let content = &self.bytes[start..start + word(header, 32) as usize];
            if is_left_out(content, number(header, 4)) {
                header[32..40].fill(0);
            }
        }
        self
    }

    /// With all headers behind the content, their number in section header 0.
    fn with_headers(mut self, headers: Vec<[u8; PHDR]>) -> Self {
        self.headers = headers;
        self
    }

    fn build(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let table = bytes.len() as u64;
        bytes.extend(self.headers.iter().flatten());
        let section = bytes.len() as u64;
        bytes.extend([0; 64]);
        let at = section as usize + 44;
        bytes[at..at + 4].copy_from_slice(&u32::try_from(self.headers.len()).unwrap().to_le_bytes());
        bytes[32..40].copy_from_slice(&table.to_le_bytes());
        bytes[40..48].copy_from_slice(&section.to_le_bytes());
        bytes[56..58].copy_from_slice(&u16::MAX.to_le_bytes());
        bytes
    }

    /// Compares with all that the process said.
    fn check(&self, what: &str) -> ProcessSnapshot {
        let found = snapshot(&self.build());
        crate::truth::check(&format!("{}, {what}", self.fixture.name), &found, &self.fixture.truth);
        found
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn header(kind: u32, words: [u64; 6]) -> [u8; PHDR] {
    let mut bytes = [0; PHDR];
    bytes[..4].copy_from_slice(&kind.to_le_bytes());
    bytes[4..8].copy_from_slice(&4_u32.to_le_bytes());
    for (index, word) in words.iter().enumerate() {
        bytes[8 + index * 8..16 + index * 8].copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

fn names(found: &ProcessSnapshot) -> Vec<&str> {
    let named = |path: &str| !path.is_empty();
    found.process.modules.iter().map(|module| module.path.as_str()).filter(|path| named(path)).collect()
}

#[test]
fn without_notes_of_the_process_threads_and_frames_are_all_there() {
    let whole = Recut::of("medley-3.12").check("whole");
    let found = Recut::of("medley-3.12").without(&[NT_AUXV, NT_SIGINFO]).check("no NT_AUXV, no NT_SIGINFO");
    assert_eq!(found.process.argv, whole.process.argv);
    assert_eq!(found.process.executable, whole.process.executable);
    let found = Recut::of("medley-3.12").without(&[NT_AUXV, NT_FILE]).check("no NT_AUXV, no NT_FILE");
    for name in names(&whole) {
        assert!(names(&found).contains(&name), "{name}: {:?}", names(&found));
    }
    // Where no stack has the vector either, the rest still stands.
    let is_stack = |bytes: &[u8], _| memchr::memmem::find(bytes, b"APP_ENV=demo").is_some();
    let cut = Recut::of("medley-3.12").without(&[NT_AUXV]).leaving_out(is_stack);
    let found = snapshot(&cut.build());
    assert!(found.process.env.is_empty());
    assert!(found.gaps.iter().any(|gap| gap.what.contains("environment")), "{:?}", found.gaps);
}

#[test]
fn the_dynamic_linker_names_modules_whose_headers_were_left_out() {
    let whole = Recut::of("medley-3.12").check("whole");
    let is_module = |bytes: &[u8], _| {
        let is_vdso = memchr::memmem::find(bytes, b"linux-vdso.so").is_some();
        bytes.starts_with(b"\x7fELF") && !is_vdso
    };
    let found = Recut::of("medley-3.12").without(&[NT_FILE]).leaving_out(is_module).check("no headers");
    let mut missing = names(&whole);
    missing.retain(|name| !names(&found).contains(name));
    // The name of the dynamic linker is in the executable, which was not dumped.
    assert!(missing.iter().all(|name| name.contains("ld-linux")), "{missing:?}");
    let python = found.process.python.unwrap();
    assert_eq!(python.module, whole.process.python.unwrap().module);
}

#[test]
fn a_note_segment_for_each_note() {
    let core = Recut::of("medley-3.12");
    let notes = core.notes().into_iter();
    let notes = notes.map(|(at, _, end)| header(PT_NOTE, [at as u64, 0, 0, (end - at) as u64, 0, 4]));
    let loads = core.headers.iter().filter(|header| number(*header, 0) == PT_LOAD).copied();
    let headers = notes.chain(loads).collect();
    core.with_headers(headers).check("many PT_NOTE");
}

#[test]
fn more_segments_than_the_header_can_count() {
    let core = Recut::of("medley-3.12");
    let reserved = (0..70_000_u64)
        .map(|index| header(PT_LOAD, [0, 0x1000_0000_0000 + index * 0x2000, 0, 0, 0x1000, 0x1000]));
    let headers: Vec<_> = core.headers.iter().copied().chain(reserved).collect();
    let core = core.with_headers(headers);
    let bytes = core.build();
    let parsed = Core::parse(&bytes, SourceId(1)).unwrap();
    assert!(parsed.segments().len() > 70_000);
    assert!(parsed.segment_at(Address(0x1000_0000_0000 + 69_999 * 0x2000)).is_some());
    core.check("70,000 segments");
}

#[test]
fn a_filter_that_leaves_all_memory_out_is_named() {
    let writable = |_: &[u8], flags: u32| flags & 2 != 0;
    let found = snapshot(&Recut::of("medley-3.12").leaving_out(writable).build());
    let gap = found.gaps.iter().find(|gap| gap.what == "everything about Python").unwrap();
    assert_eq!(gap.kind, GapKind::NotDumped);
    assert!(gap.why.contains("coredump_filter"), "{}", gap.why);
    assert!(!names(&found).is_empty() && found.crash.signal == Some(6));
}
