//! Committed cores against what their processes wrote about themselves.

use pycoroner_coredump::{Core, DeadProcess, ModuleFinder, PythonRuntime};
use pycoroner_findings::{Gap, SourceId};
use pycoroner_fixtures::{Fixture, Truth, TruthOwner, cores, live};
use pycoroner_heap::{Failure, HeapDocument, Options, analyze, growth};

pub(crate) fn with_runtime<T>(bytes: &[u8], then: impl FnOnce(&PythonRuntime<'_>) -> T) -> T {
    let core = Core::parse(bytes, SourceId(1)).unwrap();
    // No module is looked for: the core alone must be enough.
    let finder = ModuleFinder { sysroot: Some("/nonexistent".into()), ..ModuleFinder::default() };
    let process = DeadProcess::new(core, &finder);
    then(&PythonRuntime::attach(&process).unwrap())
}

fn document(fixture: &Fixture) -> HeapDocument {
    document_of(&fixture.core_bytes())
}

fn document_of(core: &[u8]) -> HeapDocument {
    let options = Options { top: usize::MAX, top_owners: 2000, ..Options::default() };
    with_runtime(core, |runtime| analyze(runtime, &options).unwrap().into_document())
}

fn heap_fixtures() -> Vec<(Fixture, HeapDocument)> {
    let found: Vec<_> =
        cores().into_iter().filter(|fixture| fixture.name.starts_with("heap_owners")).collect();
    assert!(!found.is_empty());
    let read = |fixture: Fixture| (document(&fixture), fixture);
    found.into_iter().map(read).map(|(document, fixture)| (fixture, document)).collect()
}

fn check_types(name: &str, truth: &Truth, document: &HeapDocument) {
    for truth in &truth.heap.types {
        let row = document.types.iter().find(|row| row.r#type == truth.type_name);
        let row = row.unwrap_or_else(|| panic!("{name}: no {}", truth.type_name));
        let (ours, theirs) = ((row.count, row.shallow_bytes), (truth.count, truth.shallow_bytes));
        assert_eq!(ours, theirs, "{name}: {}", truth.type_name);
    }
}

fn check_owner(name: &str, document: &HeapDocument, truth: &TruthOwner) {
    let name = format!("{name}: {}", truth.path);
    let owner = document.owners.iter().find(|owner| owner.address.to_string() == truth.address);
    let owner = owner.unwrap_or_else(|| panic!("{name}: no such owner"));
    assert_eq!((&owner.path, &owner.r#type), (&truth.path, &truth.type_name));
    assert_eq!(owner.length, truth.length, "{name}");
    // Some keys are also interned, so that their last reference is not the owner's.
    assert!(owner.retained_bytes * 100 >= truth.retained_at_least * 95, "{name}: {}", owner.retained_bytes);
}

#[test]
fn heaps_are_what_their_programs_say() {
    for (fixture, document) in heap_fixtures() {
        check(&fixture.name, &fixture.truth, &document);
        assert_eq!(document.gaps, [], "{}", fixture.name);
    }
}

fn check(name: &str, truth: &Truth, document: &HeapDocument) {
    check_types(name, truth, document);
    for owner in &truth.heap.owners {
        check_owner(name, document, owner);
    }
    let ragged = document.unreachable.iter().find(|row| row.r#type == "Ragged");
    assert_eq!(ragged.map(|row| row.count), Some(120), "{name}");
    let sum: u64 = document.ledger.iter().map(|row| row.bytes).sum();
    assert_eq!(sum, document.totals.dumped_bytes, "{name}");
}

#[test]
fn fresh_heaps_are_what_their_programs_say() {
    let check_core = |name: &str, core: &std::path::Path, truth: &Truth| {
        let document = document_of(&std::fs::read(core).unwrap());
        check(name, truth, &document);
    };
    let made = live::made().unwrap();
    for core in made.iter().filter(|core| core.name.ends_with("/heap_owners")) {
        check_core(&core.name, &core.core, &core.truth);
    }
    if !live::enabled() {
        return;
    }
    for interpreter in live::old_interpreters().into_iter().chain(live::interpreters()) {
        let made = live::make_core(&interpreter, "heap_owners").expect("a core");
        check_core(&interpreter.to_string(), &made.core, &made.truth);
        println!("{interpreter}: types and owners");
    }
}

#[test]
fn every_dumped_byte_is_in_one_row_of_the_ledger() {
    for fixture in cores() {
        let document = document(&fixture);
        let sum: u64 = document.ledger.iter().map(|row| row.bytes).sum();
        assert_eq!(sum, document.totals.dumped_bytes, "{}", fixture.name);
        // Static interpreters have in their file how large the items of the program's array are.
        let is_open = |gap: &&Gap| gap.what == "the size of an array";
        let is_static = fixture.name.starts_with("medley") && fixture.name.ends_with("-debian");
        assert_eq!(document.gaps.iter().filter(is_open).count(), usize::from(is_static), "{}", fixture.name);
        // The dicts of ctypes' classes compute their size by code of their own; that program alone imports it.
        let is_of_ctypes = |gap: &&Gap| gap.what.contains("`__sizeof__`");
        let imports_ctypes = fixture.name.starts_with("faulthandler_dump");
        assert_eq!(document.gaps.iter().any(|gap| is_of_ctypes(&gap)), imports_ctypes, "{}", fixture.name);
        let is_known = |gap: &Gap| is_open(&gap) || is_of_ctypes(&gap);
        assert!(document.gaps.iter().all(is_known), "{}: {:?}", fixture.name, document.gaps);
    }
}

#[test]
fn free_threaded_heaps_lie_in_pages_of_mimalloc() {
    let fixture = cores().into_iter().find(|fixture| fixture.name.ends_with("-3.13t")).unwrap();
    let document = document(&fixture);
    let row = |owner: &str| document.ledger.iter().find(|row| row.owner == owner).map_or(0, |row| row.bytes);
    // Any interpreter has made thousands of strings and functions before its first line runs.
    let count = |name: &str| document.types.iter().find(|row| row.r#type == name).map_or(0, |row| row.count);
    assert!(count("str") > 5000 && count("function") > 1000, "{} str", count("str"));
    assert!(row("python-objects") > row("anonymous") && row("mimalloc-free") > 0, "{:?}", document.ledger);
    assert_eq!(row("pymalloc-free"), 0);
}

#[test]
fn growth_is_what_differs_between_two_heaps() {
    let (_, old) = heap_fixtures().swap_remove(0);
    let same = growth(&old, &old);
    assert!(same.growth.is_empty() && same.owners.is_empty());
    let mut new = old.clone();
    let session = new.types.iter_mut().find(|row| row.r#type == "shop.models.Session").unwrap();
    session.count += 10;
    session.shallow_bytes += 480;
    let gone = new.owners.remove(0);
    let grown = growth(&old, &new);
    assert_eq!(grown.growth.len(), 1);
    let row = &grown.growth[0];
    assert_eq!((row.count_after - row.count_before, row.bytes_after - row.bytes_before), (10, 480));
    // It may be there still, below those that are listed.
    let owner = grown.owners.iter().find(|owner| owner.path == gone.path).unwrap();
    assert_eq!((owner.retained_before, owner.retained_after), (Some(gone.retained_bytes), None));
}

#[test]
fn a_suspect_comes_with_reasons() {
    let (fixture, _) = heap_fixtures().swap_remove(0);
    let options = Options { suspect_percent: 2.0, ..Options::default() };
    let analysis = with_runtime(&fixture.core_bytes(), |runtime| analyze(runtime, &options).unwrap());
    let suspects = &analysis.document().suspects;
    let sessions = suspects.iter().find(|suspect| suspect.path == "shop.cache._SESSIONS").unwrap();
    let content = sessions.accumulates.as_ref().unwrap();
    assert_eq!((content.r#type.as_str(), content.count), ("shop.models.Session", 1500));
    assert_eq!(analysis.findings().len(), suspects.len());
    assert!(analysis.findings().iter().all(|finding| !finding.evidence[0].citations.is_empty()));
}

#[test]
fn a_bound_on_memory_is_an_error_not_a_crash() {
    let (fixture, _) = heap_fixtures().swap_remove(0);
    let options = Options { max_memory: 1 << 20, ..Options::default() };
    let failure = with_runtime(&fixture.core_bytes(), |runtime| analyze(runtime, &options).unwrap_err());
    assert!(matches!(failure, Failure::Memory { allowed: 0x10_0000, .. }), "{failure}");
}

/// Every 61st word of the writable memory is replaced; nothing may panic, and objects remain.
#[test]
fn damaged_memory_gives_fewer_objects() {
    let (fixture, whole) = heap_fixtures().swap_remove(0);
    for (seed, stride) in [(1u64, 61), (2, 499), (3, 4001)] {
        let mut bytes = fixture.core_bytes();
        let half = (bytes.len() / 2) & !7;
        for (number, word) in (0u64..).zip(bytes[0x10000..half].chunks_exact_mut(8)).step_by(stride) {
            let value = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(seed as u32 * 11);
            word.copy_from_slice(&value.to_le_bytes());
        }
        let core = Core::parse(&bytes, SourceId(1)).unwrap();
        let finder = ModuleFinder { sysroot: Some("/nonexistent".into()), ..ModuleFinder::default() };
        let process = DeadProcess::new(core, &finder);
        let Ok(runtime) = PythonRuntime::attach(&process) else { continue };
        let damaged = analyze(&runtime, &Options::default()).unwrap();
        assert!(damaged.document().totals.objects < whole.totals.objects);
    }
}

/// A core that is cut at any place is read as far as it goes.
#[test]
fn truncated_cores_are_no_errors() {
    let (fixture, _) = heap_fixtures().swap_remove(0);
    let bytes = fixture.core_bytes();
    for tenths in [9, 5, 1] {
        let cut = &bytes[..bytes.len() / 10 * tenths];
        let core = Core::parse(cut, SourceId(1)).unwrap();
        let process = DeadProcess::new(core, &ModuleFinder::default());
        if let Ok(runtime) = PythonRuntime::attach(&process) {
            let document = analyze(&runtime, &Options::default()).unwrap().into_document();
            let sum: u64 = document.ledger.iter().map(|row| row.bytes).sum();
            assert_eq!(sum, document.totals.dumped_bytes);
        }
    }
}
