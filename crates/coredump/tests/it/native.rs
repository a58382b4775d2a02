//! Native stacks and their order among Python frames, on fresh cores when `PYCORONER_LIVE=1` asks for them.

use pycoroner_coredump::{
    CaptureOptions, Core, CoreFile, DeadProcess, FoundBy, MergedFrame, ModuleFinder, ProcessSnapshot,
    PythonRuntime, ThreadSection, UnpackLimits, capture,
};
use pycoroner_findings::SourceId;
use pycoroner_fixtures::live::{self, LiveCore};

#[test]
fn calls_between_python_and_c_are_in_order() {
    if !live::enabled() {
        return;
    }
    for interpreter in live::interpreters() {
        let made = live::make_core(&interpreter, "callbacks").expect("a core");
        let merged =
            made.truth.others.get("merged").and_then(|merged| merged.as_object()).expect("the order");
        let alone = ModuleFinder { sysroot: Some("/nonexistent".into()), ..ModuleFinder::default() };
        for (finder, scanned) in [(ModuleFinder::default(), false), (alone, true)] {
            let snapshot = read(&made, &finder);
            for (name, expected) in merged {
                let thread = snapshot.threads.iter().find(|thread| thread.name.as_deref() == Some(name));
                let thread = thread.expect("a thread of that name");
                let found = landmarks(thread);
                let expected: Vec<_> =
                    expected.as_array().expect("names").iter().filter_map(|name| name.as_str()).collect();
                assert_eq!(thread.frames.len(), thread.native_frames.len() + thread.python_frames.len());
                if scanned {
                    // A search also finds what earlier calls left behind.
                    assert!(is_part(&expected, &found), "{interpreter}, {name}: {found:?}");
                } else {
                    assert_eq!(found, expected, "{interpreter}, {name}");
                    assert!(thread.native_frames.iter().all(|frame| frame.found_by != FoundBy::Scan));
                }
            }
        }
    }
}

#[test]
fn a_signal_handler_hides_nothing() {
    if !live::enabled() {
        return;
    }
    for interpreter in live::interpreters() {
        let made = live::make_core(&interpreter, "faulthandler_dump").expect("a core");
        let snapshot = read(&made, &ModuleFinder::default());
        let thread = snapshot.threads.iter().find(|thread| thread.crashed).expect("the crashed thread");
        let found = landmarks(thread);
        assert!(found.starts_with(&["libc", "string_at", "read_header", "load", "run"]), "{found:?}");
        assert!(thread.native_frames.iter().all(|frame| frame.found_by != FoundBy::Scan), "{interpreter}");
    }
}

fn read(made: &LiveCore, finder: &ModuleFinder) -> ProcessSnapshot {
    let file = CoreFile::open(&made.core, UnpackLimits::default()).expect("the core");
    let process = DeadProcess::new(Core::parse(&file, SourceId(1)).expect("a core"), finder);
    let options = CaptureOptions { native: true, ..CaptureOptions::default() };
    capture(&process, PythonRuntime::attach(&process).as_ref(), &options)
}

/// Python functions and the libraries between them, without the interpreter and its extension modules.
fn landmarks(thread: &ThreadSection) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for frame in &thread.frames {
        match frame {
            MergedFrame::Python(index) => found.push(&thread.python_frames[*index].function),
            MergedFrame::Native(index) => {
                let module = thread.native_frames[*index].module.as_deref().unwrap_or_default();
                let module = module.rsplit('/').next().unwrap_or_default();
                let known = ["libc", "libsqlite3"]
                    .into_iter()
                    .find(|name| module.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
                found.extend(known.filter(|name| found.last() != Some(name)));
            }
        }
    }
    found
}

/// Whether `expected` is what is left of `found` when some of its items are taken away.
fn is_part(expected: &[&str], found: &[&str]) -> bool {
    let mut rest = found.iter();
    expected.iter().all(|name| rest.any(|other| other == name))
}
