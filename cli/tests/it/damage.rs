//! Damaged and hostile cores: a partial answer that says so, never a panic, never a hang.

use std::fs;
use std::io::Write;

use pycoroner_fixtures::{
    CoreBuilder, Damage, Fixture, Machine, Register, Segment, Thread, core_named, incident,
};
use tempfile::NamedTempFile;

use crate::program::{Run, args, run};

fn file_of(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Runs every command that reads a core; each must end by itself with an answer or a reason.
#[track_caller]
fn survive(core: &NamedTempFile, what: &str) -> [Run; 3] {
    let runs = [
        run(args!["core", core.path(), "--locals", "--format", "json"]),
        run(args!["heap", core.path(), "--format", "json"]),
        run(args!["analyze", core.path(), "--format", "json"]),
    ];
    for run in &runs {
        assert!(matches!(run.code, Some(0 | 2 | 3)), "{what}: {:?}\n{}", run.code, run.stderr);
        if run.code == Some(2) {
            assert!(run.stderr.starts_with("pycoroner: "), "{what}: {}", run.stderr);
        } else {
            run.json();
        }
    }
    runs
}

#[test]
fn cut_cores_give_what_they_have() {
    let check = |fixture: &Fixture| {
        let whole = fixture.core_bytes();
        for percent in [90, 50, 10] {
            let cut = file_of(&whole[..whole.len() / 100 * percent]);
            let what = format!("{} at {percent} %", fixture.name);
            for run in survive(&cut, &what) {
                assert_eq!(run.code, Some(3), "{what}: {}", run.stderr);
                let document = run.json();
                assert!(!document["gaps"].as_array().unwrap().is_empty(), "{what}");
            }
            let core = run(args!["core", cut.path(), "--format", "json"]).exits(3).json();
            assert_eq!(core["crash"]["signal"], fixture.truth.signal, "{what}");
            assert_eq!(core["process"]["pid"], fixture.truth.pid, "{what}");
            assert!(core["threads"].as_array().unwrap().len() >= fixture.truth.threads.len(), "{what}");
        }
    };
    check(&incident("checkout-segfault"));
    check(&core_named("medley-3.8"));
    check(&core_named("heap_owners-3.13"));
}

#[test]
fn compressed_cores_that_are_cut_give_what_they_have() {
    let packed = fs::read(incident("checkout-segfault").core).unwrap();
    survive(&file_of(&packed[..packed.len() / 2]), "half of a compressed core");
}

#[test]
fn zeroed_pages_are_survived() {
    let whole = incident("checkout-segfault").core_bytes();
    for start in (1..16).map(|part| whole.len() / 16 * part) {
        let mut damaged = whole.clone();
        let end = (start + 64 * 4096).min(damaged.len());
        damaged[start..end].fill(0);
        survive(&file_of(&damaged), &format!("zeros from {start:#x}"));
    }
}

#[test]
fn hostile_headers_and_notes_are_survived() {
    let check = |damage: Damage| {
        let what = format!("{damage:?}");
        let core = CoreBuilder::new(Machine::X86_64)
            .thread(Thread::new(71).signal(11).register(Register::ProgramCounter, 0x40_1000))
            .thread(Thread::new(72))
            .segment(Segment::zeroed(0x40_0000, 0x4000))
            .segment(Segment::zeroed(0x7000_0000, 0x2000).memory_size(0x8000))
            .damage(damage)
            .build();
        survive(&file_of(&core), &what);
    };
    for index in 0..2 {
        check(Damage::NoteSizes { index, name_size: u32::MAX, description_size: 4 });
        check(Damage::NoteSizes { index, name_size: 5, description_size: u32::MAX });
        check(Damage::NoteSizes { index, name_size: 0, description_size: 0 });
    }
    for count in [0, 1, 0x7fff, 0xffff] {
        check(Damage::HeaderCount(count));
    }
    for size in [u64::MAX, 1 << 63, u64::MAX - 0x6fff_ffff] {
        check(Damage::FileSize { segment: 0, size });
        check(Damage::MemorySize { segment: 1, size });
        check(Damage::FileOffset { segment: 0, offset: size });
        check(Damage::Address { segment: 1, address: size });
    }
    check(Damage::Address { segment: 1, address: 0x40_0000 });
    for len in [17, 40, 63, 64, 100, 200, 500, 1000] {
        check(Damage::Truncate(len));
    }
    check(Damage::ZeroPage(0x40_0000));
}

#[test]
fn a_core_without_python_tells_its_end() {
    let core = CoreBuilder::new(Machine::X86_64)
        .thread(Thread::new(71).signal(11))
        .segment(Segment::zeroed(0x40_0000, 0x1000))
        .build();
    let document = run(args!["core", file_of(&core).path(), "--format", "json"]).exits(3).json();
    assert_eq!(document["crash"]["signal_name"], "SIGSEGV");
    let gaps = document["gaps"].as_array().unwrap();
    assert!(gaps.iter().any(|gap| gap["what"] == "everything about Python"), "{gaps:?}");
}
