//! Versions and flavors: which are read, and what is said of others.

use pycoroner_coredump::{AttachError, Core, DeadProcess, Flavor, LocatedBy, ModuleFinder, PythonRuntime};
use pycoroner_findings::SourceId;
use pycoroner_fixtures::core_named;

fn attach<T>(bytes: &[u8], then: impl FnOnce(Result<PythonRuntime<'_>, AttachError>) -> T) -> T {
    let finder = ModuleFinder { sysroot: Some("/nonexistent".into()), ..ModuleFinder::default() };
    let process = DeadProcess::new(Core::parse(bytes, SourceId(1)).expect("a core"), &finder);
    then(PythonRuntime::attach(&process))
}

#[test]
fn flavors_are_told_apart() {
    let check = |name, version: &str, flavor| {
        attach(&core_named(name).core_bytes(), |runtime| {
            let runtime = runtime.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((runtime.version().text.as_str(), runtime.flavor()), (version, flavor), "{name}");
            assert_eq!(runtime.located_by(), LocatedBy::Cookie, "{name}");
            assert!(runtime.is_tried(), "{name}");
        });
    };
    check("medley-3.13", "3.13.0", Flavor::Release);
    check("medley-3.13t", "3.13.5", Flavor::FreeThreaded);
    check("medley-3.14-debian", "3.14.10", Flavor::Release);
    check("medley-3.15-debian", "3.15.2", Flavor::Release);
}

#[test]
fn other_versions_are_refused_by_name() {
    const COOKIE: &[u8] = b"xdebugpy";
    let bytes = core_named("medley-3.13").core_bytes();
    let cookie = bytes.windows(COOKIE.len()).position(|window| window == COOKIE).expect("the cookie");
    let version = cookie + COOKIE.len();
    let check = |hex: u32, free_threaded: u8, expected: &str| {
        let mut bytes = bytes.clone();
        bytes[version..version + 4].copy_from_slice(&hex.to_le_bytes());
        bytes[version + 8] = free_threaded;
        let said = attach(&bytes, |runtime| runtime.err().map(|error| error.to_string()));
        assert!(said.as_ref().is_some_and(|said| said.contains(expected)), "{hex:#x}: {said:?}");
    };
    check(0x0310_00f0, 0, "CPython 3.16.0 is not supported, 3.6 to 3.15 are");
    check(0x030d_00a4, 0, "CPython 3.13.0a4 is not supported, 3.6 to 3.15 are");
    // What a core states is not believed: it has to agree with its own objects.
    check(0x030e_00f0, 0, "");
    check(0x030d_00f0, 1, "");
}
