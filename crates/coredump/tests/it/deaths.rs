//! Ways to die: the verdict of each, on fresh cores of every interpreter, when `PYCORONER_LIVE=1` asks for it.

use pycoroner_coredump::{
    CaptureOptions, Core, CoreFile, DeadProcess, ModuleFinder, ProcessSnapshot, PythonRuntime, UnpackLimits,
    capture,
};
use pycoroner_findings::SourceId;
use pycoroner_fixtures::{Truth, live};

/// Modes of `programs/deaths.py` that work with every version. A mode whose compiler is missing is left out.
const MODES: [&str; 26] = [
    "null_read",
    "null_member",
    "null_call",
    "data_call",
    "read_only",
    "unmapped",
    "non_canonical",
    "poisoned",
    "freed_chunk",
    "own_abort",
    "c_assert",
    "double_free",
    "stack_smash",
    "terminate",
    "terminate_int",
    "panic",
    "fatal_error",
    "truncated_file",
    "divide",
    "illegal",
    "c_recursion",
    "thread_recursion",
    "killed_segv",
    "killed_abort",
    "own_signal",
    "faulthandler_segv",
];

#[test]
fn verdicts_agree_with_what_was_done() {
    if !live::enabled() {
        return;
    }
    let mut checked = 0;
    for interpreter in live::interpreters() {
        for mode in MODES {
            let Ok(made) = live::make_core_with(&interpreter, "deaths", &[mode]) else { continue };
            checked += 1;
            let nowhere = ModuleFinder { sysroot: Some("/nonexistent".into()), ..ModuleFinder::default() };
            for (finder, binaries) in [(ModuleFinder::default(), true), (nowhere, false)] {
                let file = CoreFile::open(&made.core, UnpackLimits::default()).expect("the core");
                let process = DeadProcess::new(Core::parse(&file, SourceId(1)).expect("a core"), &finder);
                let options = CaptureOptions::default();
                let snapshot = capture(&process, PythonRuntime::attach(&process).as_ref(), &options);
                check(
                    &format!("{mode} on {interpreter}, binaries: {binaries}"),
                    &snapshot,
                    &made.truth,
                    binaries,
                );
            }
        }
    }
    assert!(checked > 0, "no interpreter left a core");
}

fn check(name: &str, found: &ProcessSnapshot, truth: &Truth, binaries: bool) {
    let stated = |key: &str| truth.others.get(key).and_then(|value| value.as_str());
    let crash = &found.crash;
    let verdict = crash.verdict.as_ref().expect("a verdict");
    assert_eq!(Some(verdict.id), stated("verdict"), "{name}: {verdict:?}");
    if truth.code.is_some() {
        assert_eq!(crash.code, truth.code, "{name}");
    }
    if let Some(address) = truth.fault_address.as_deref().or(stated("first_fault")) {
        assert_eq!(crash.fault_address.map(|fault| fault.to_string()).as_deref(), Some(address), "{name}");
    }
    if let Some(text) = stated("says") {
        let words = format!("{} {}", verdict.summary, verdict.because.join(" "));
        assert!(words.contains(text), "{name}: {words}");
    }
    match stated("abort_message") {
        Some(text) => {
            assert!(crash.abort_message.as_ref().is_some_and(|found| found.contains(text)), "{name}");
        }
        None => assert_eq!(crash.abort_message, None, "{name}"),
    }
    assert_eq!(crash.fatal_message.as_deref(), stated("fatal_message"), "{name}");
    if let Some(text) = stated("native_message") {
        let said = crash.native_exception.as_ref().and_then(|exception| exception.message.as_deref());
        assert!(said.is_some_and(|said| said.contains(text)), "{name}: {said:?}");
    }
    // The names of C++ types stand in the constants of their module.
    if let Some(type_name) = stated("native_exception").filter(|_| binaries) {
        let exception = crash.native_exception.as_ref().expect("an exception");
        assert_eq!(exception.type_name.as_deref(), Some(type_name), "{name}");
    }
    let call = crash.repeated_call.as_ref().map(|repeated| &repeated.call);
    let repeats = call.and_then(|call| call.module.as_deref()?.rsplit('/').next());
    assert_eq!(repeats, stated("repeats"), "{name}: {:?}", crash.repeated_call);
    if repeats.is_some() {
        let function = call.and_then(|call| call.function.as_deref());
        // Small modules lie in the core whole, symbols included.
        assert!(function == Some("dd_recurse") || (function.is_none() && !binaries), "{name}: {function:?}");
        assert!(found.findings.iter().any(|finding| finding.id == "native-recursion"), "{name}");
    }
    let module = crash.extension.as_ref().and_then(|extension| extension.module.rsplit('/').next());
    assert_eq!(module, stated("extension"), "{name}");
}
