//! Sizes of a zoo of objects against what `sys.getsizeof` said of them (`fixtures/programs/heap_sizes.py`).

use std::path::Path;

use pycoroner_coredump::{Core, DeadProcess, ModuleFinder, PythonRuntime};
use pycoroner_findings::SourceId;
use pycoroner_fixtures::{Truth, cores, live};
use pycoroner_heap::{Inquiry, InquiryOptions, Options, Question};
use serde::Deserialize;

use crate::owners::with_runtime;

#[derive(Deserialize)]
struct Sized {
    name: String,
    address: String,
    bytes: u64,
    /// The class computes it by code of its own.
    open: bool,
}

/// All sizes are right with the files of the process; without them, what a static interpreter says of the items of an
/// array is nowhere, and then no size is given.
fn check(who: &str, core: &Path, root: &Path, truth: &Truth) {
    let bytes = std::fs::read(core).unwrap();
    for (files, sysroot) in [(true, root), (false, Path::new("/nonexistent"))] {
        let finder = ModuleFinder { sysroot: Some(sysroot.into()), ..ModuleFinder::default() };
        let process = DeadProcess::new(Core::parse(&bytes, SourceId(1)).unwrap(), &finder);
        let runtime = PythonRuntime::attach(&process).unwrap();
        check_runtime(&format!("{who}, files: {files}"), files, &runtime, truth);
    }
}

fn check_runtime(who: &str, has_files: bool, runtime: &PythonRuntime<'_>, truth: &Truth) {
    let zoo: Vec<Sized> = serde_json::from_value(truth.others["sizes"].clone()).unwrap();
    let asked: Vec<String> = zoo.iter().map(|sized| sized.address.clone()).collect();
    let options = InquiryOptions { retained: false, ..InquiryOptions::default() };
    let inquiry = Inquiry::new(runtime).unwrap();
    let document = inquiry.answer(Question::Object, &asked, &options, &Options::default()).unwrap();
    assert_eq!(document.unresolved, [], "{who}");
    let found = document.objects.unwrap();
    let is_unknown = |sized: &Sized, bytes: Option<u64>| {
        !has_files && bytes.is_none() && sized.name.starts_with("array") && !document.gaps.is_empty()
    };
    let wrong: Vec<String> = zoo
        .iter()
        .zip(&found)
        .filter(|(sized, row)| match row.shallow_bytes {
            _ if is_unknown(sized, row.shallow_bytes) => false,
            found => found != Some(sized.bytes).filter(|_| !sized.open),
        })
        .map(|(sized, row)| format!("{}: {:?}, truth {}", sized.name, row.shallow_bytes, sized.bytes))
        .collect();
    assert!(wrong.is_empty(), "{who}: {wrong:#?}");
    let said = document.gaps.iter().any(|gap| gap.what.contains("_pickle.Pickler (1)"));
    assert!(said, "{who}: {:?}", document.gaps);
}

#[test]
fn sizes_are_as_the_process_said() {
    let made = live::made().unwrap();
    for core in made.iter().filter(|core| core.name.ends_with("/heap_sizes")) {
        check(&core.name, &core.core, core.root.as_deref().unwrap_or(Path::new("/")), &core.truth);
    }
    if !live::enabled() {
        return;
    }
    let mut checked = 0;
    for interpreter in live::interpreters() {
        let Ok(made) = live::make_core(&interpreter, "heap_sizes") else { continue };
        check(&interpreter.to_string(), &made.core, Path::new("/"), &made.truth);
        checked += 1;
    }
    assert!(checked > 0, "no interpreter left a core");
}

/// `arraydescr.itemsize` is a constant of the program where that need not be relocated: no core has it.
#[test]
fn a_size_that_cannot_be_told_is_left_open() {
    let array = ["<thread 'MainThread'>.<frame containers>.doubles".to_owned()];
    // The array has two items of eight bytes.
    for (core, expected) in
        [("medley-3.12", Some(80 + 2 * 8)), ("medley-3.11-debian", None), ("medley-3.14-debian", None)]
    {
        let fixture = cores().into_iter().find(|fixture| fixture.name == core).unwrap();
        let document = with_runtime(&fixture.core_bytes(), |runtime| {
            let inquiry = Inquiry::new(runtime).unwrap();
            let options = InquiryOptions::default();
            inquiry.answer(Question::Object, &array, &options, &Options::default()).unwrap()
        });
        let row = &document.objects.as_ref().unwrap()[0];
        assert_eq!((row.r#type.as_str(), row.length), ("array.array", Some(2)), "{core}");
        assert_eq!(row.shallow_bytes, expected, "{core}");
        assert_eq!(document.gaps.is_empty(), expected.is_some(), "{core}: {:?}", document.gaps);
    }
}
