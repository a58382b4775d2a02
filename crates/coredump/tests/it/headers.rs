//! What a core says before any Python is looked for, on cores that were built for the purpose.

use pycoroner_coredump::{
    Address, CaptureOptions, Core, CoreError, DeadProcess, FaultKind, Memory, ModuleFinder, PythonRuntime,
    capture,
};
use pycoroner_findings::{GapKind, SourceId};
use pycoroner_fixtures::{CoreBuilder, Damage, Endian, Machine, Register, Segment, Thread};

fn parse(bytes: &[u8]) -> Result<Core<'_>, CoreError> {
    Core::parse(bytes, SourceId(1))
}

#[test]
fn memory_knows_four_faults() {
    let file = CoreBuilder::new(Machine::X86_64)
        .segment(Segment::new(0x1000, vec![7; 4096]))
        .segment(Segment::new(0x2000, vec![8; 4096]))
        .segment(Segment::not_dumped(0x8000, 4096))
        .build();
    let core = parse(&file[..file.len() - 96]).unwrap();
    let check = |address, len, expected| {
        let found = core.bytes(Address(address), len).map(|bytes| bytes.len()).map_err(|fault| fault.kind);
        assert_eq!(found, expected, "{address:#x}+{len}");
    };
    check(0x1000, 16, Ok(16));
    check(0x1ff8, 16, Ok(16));
    check(0x5000, 1, Err(FaultKind::Unmapped));
    check(0x8000, 1, Err(FaultKind::NotDumped));
    check(0x2fff, 1, Err(FaultKind::Truncated));
    check(0x1000, usize::MAX, Err(FaultKind::Overflow));
    check(0x2000, 1 << 40, Err(FaultKind::Truncated));
    assert!(core.gaps().iter().any(|gap| gap.kind == GapKind::Truncated));
}

#[test]
fn both_byte_orders_and_many_segments() {
    for endian in [Endian::Little, Endian::Big] {
        let file = CoreBuilder::new(Machine::Aarch64)
            .endian(endian)
            .extended_numbering()
            .segment(Segment::zeroed(0x10_000, 64).write_words(0x10_000, endian, &[0x1122_3344_5566_7788]))
            .build();
        let core = parse(&file).unwrap();
        assert_eq!(core.target().unsigned(&core.bytes(Address(0x10_000), 8).unwrap()), 0x1122_3344_5566_7788);
        assert_eq!(core.machine().name(), "aarch64");
    }
}

#[test]
fn aarch64_has_a_note_for_the_thread_pointer_and_tags_in_pointers() {
    const NT_ARM_TLS: u32 = 0x401;
    let build = |machine| {
        CoreBuilder::new(machine)
            .thread(Thread::new(41))
            .note("LINUX", NT_ARM_TLS, 0x7f12_3456_7000_u64.to_le_bytes().to_vec())
            .segment(Segment::new(0x10_000, vec![7; 4096]))
            .build()
    };
    let (arm, other) = (build(Machine::Aarch64), build(Machine::X86_64));
    let (arm, other) = (parse(&arm).unwrap(), parse(&other).unwrap());
    let pointer = |core: &Core<'_>| core.notes().threads.first().and_then(|thread| thread.tpidr);
    assert_eq!((pointer(&arm), pointer(&other)), (Some(0x7f12_3456_7000), None));
    let is_there = |core: &Core<'_>, address| core.bytes(Address(address), 8).is_ok();
    assert!(is_there(&arm, 0x0b00_0000_0001_0000) && !is_there(&other, 0x0b00_0000_0001_0000));
    assert!(!is_there(&arm, 0xffff_0000_0001_0000));
    let cited = |core: &Core<'_>, address| core.cite(Address(address), 8).is_some();
    assert!(cited(&arm, 0x0b00_0000_0001_0000) && !cited(&other, 0x0b00_0000_0001_0000));
}

#[test]
fn other_files_are_refused_by_name() {
    let message = |bytes: &[u8]| parse(bytes).map(|_| ()).unwrap_err().to_string();
    assert!(message(b"").contains("empty"), "{}", message(b""));
    assert!(message(b"hello, world").contains("not an ELF file"));
    let mut executable = CoreBuilder::new(Machine::X86_64).build();
    executable[16] = 2;
    assert!(message(&executable).contains("no core"));
    executable[4] = 1;
    assert!(message(&executable).contains("32-bit"));
}

#[test]
fn hostile_headers_leave_gaps() {
    let segment = || Segment::new(0x1000, vec![1; 4096]);
    let build = |damage| CoreBuilder::new(Machine::X86_64).segment(segment()).damage(damage).build();
    for damage in [
        Damage::FileSize { segment: 0, size: u64::MAX },
        Damage::MemorySize { segment: 0, size: u64::MAX },
        Damage::FileOffset { segment: 0, offset: u64::MAX - 7 },
        Damage::Address { segment: 0, address: u64::MAX - 15 },
        Damage::HeaderCount(u16::MAX - 1),
        Damage::HeaderCount(u16::MAX),
    ] {
        let file = build(damage);
        let core = parse(&file).unwrap();
        for address in [0, 0x1000, u64::MAX - 8, u64::MAX] {
            for len in [0, 1, 4096, 1 << 20] {
                let _ = core.bytes(Address(address), len);
            }
        }
        let _ = crate::snapshot(&file);
    }
}

#[test]
fn corrupt_notes_leave_the_ones_before() {
    for (name_size, description_size) in
        [(u32::MAX, 4), (5, u32::MAX), (0x7fff_ffff, 0x7fff_ffff), (5, 0x2000)]
    {
        let file = CoreBuilder::new(Machine::X86_64)
            .thread(Thread::new(41))
            .thread(Thread::new(42))
            .segment(Segment::new(0x1000, vec![1; 4096]))
            .damage(Damage::NoteSizes { index: 1, name_size, description_size })
            .build();
        let core = parse(&file).unwrap();
        assert_eq!(core.notes().threads.first().map(|thread| thread.tid), Some(41));
        assert!(!core.gaps().is_empty(), "{name_size:#x} {description_size:#x}");
    }
}

#[test]
fn sizes_that_add_up_to_more_than_there_is() {
    let huge = |segment| Damage::FileSize { segment, size: u64::MAX };
    let memory = |segment| Damage::MemorySize { segment, size: u64::MAX };
    let builder = CoreBuilder::new(Machine::X86_64)
        .segment(Segment::zeroed(0x1000, 4096))
        .segment(Segment::zeroed(0x10000, 4096));
    let damaged = [huge(0), memory(0), huge(1), memory(1)].into_iter().fold(builder, CoreBuilder::damage);
    let file = damaged.build();
    let core = parse(&file).unwrap();
    assert!(core.gaps().iter().any(|gap| gap.kind == GapKind::Truncated));
}

/// A mapping ends where addresses end, whatever its header says that the file holds.
#[test]
fn a_segment_at_the_end_of_all_addresses_holds_no_more_than_it_maps() {
    let address = u64::MAX - 0xfff;
    let bytes = CoreBuilder::new(Machine::X86_64).segment(Segment::zeroed(address, 0x4000)).build();
    let core = Core::parse(&bytes, SourceId(1)).unwrap();
    let segment = &core.segments()[0];
    assert_eq!((segment.len, segment.dumped, segment.present), (0xfff, 0xfff, 0xfff));
}

/// A debugger that cannot read a stack as a whole leaves it out and says nothing.
#[test]
fn a_stack_of_zeros_is_said_to_be_none() {
    let thread = |tid: i32, stack: u64| Thread::new(tid).register(Register::StackPointer, stack);
    let file = CoreBuilder::new(Machine::X86_64)
        .thread(thread(41, 0x10_000))
        .thread(thread(42, 0x20_000))
        .segment(Segment::new(0x10_000, vec![7; 8192]))
        .segment(Segment::zeroed(0x20_000, 8192))
        .build();
    let process = DeadProcess::new(parse(&file).unwrap(), &ModuleFinder::default());
    let runtime = PythonRuntime::attach(&process);
    let snapshot = capture(&process, runtime.as_ref(), &CaptureOptions::default());
    let said = snapshot.gaps.iter().find(|gap| gap.what.starts_with("the native stacks"));
    assert_eq!(
        said.map(|gap| gap.what.as_str()),
        Some("the native stacks of 1 of 2 threads"),
        "{:?}",
        snapshot.gaps
    );
}
