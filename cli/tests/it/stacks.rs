//! `pycoroner core` against the processes' own statements.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use pycoroner_fixtures::{Fixture, Truth, TruthException, TruthFrame, TruthLocal, cores, incident};
use serde_json::Value;

use crate::program::{args, run};

/// Collects differences, so that a failure shows all of them.
#[derive(Default)]
struct Differences {
    compared: usize,
    marked: usize,
    found: Vec<String>,
}

/// What a text says that could not be known from the core: it is not right, but it does not claim to be.
const MARKS: [&str; 3] = ["__repr__ not run", "<unknown type at 0x", "<not dumped at 0x"];

impl Differences {
    #[expect(clippy::needless_pass_by_value, reason = "callers build what they compare")]
    fn equal<T: PartialEq + Debug>(&mut self, what: &str, ours: T, truth: T) {
        self.compared += 1;
        if ours != truth {
            self.found.push(format!("{what}: {ours:?}, and the process said {truth:?}"));
        }
    }

    /// Takes a text that is right, or says what it is.
    fn right_or_marked(&mut self, what: &str, ours: Option<&str>, truth: &str) {
        if ours.is_some_and(|ours| ours != truth && MARKS.iter().any(|mark| ours.contains(mark))) {
            self.marked += 1;
        } else {
            self.equal(what, ours, Some(truth));
        }
    }
}

#[test]
fn every_committed_core_is_read_as_its_process_stated() {
    let mut differences = Vec::new();
    let (mut compared, mut marked) = (0, 0);
    for fixture in cores().into_iter().chain([incident("checkout-segfault")]) {
        let mut found = compare(&fixture);
        assert!(found.compared > fixture.truth.threads.len() * 6, "{}: {}", fixture.name, found.compared);
        compared += found.compared;
        marked += found.marked;
        differences.append(&mut found.found);
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(compared > 20_000, "only {compared} values were compared");
    // For each medley: a bound method of an object with its own repr, a match object, and mostly an iterator of C; an array,
    // where its module is part of the stripped executable.
    assert!(marked <= 32, "{marked} of {compared} values could not be told");
}

fn compare(fixture: &Fixture) -> Differences {
    let options = args![
        "core",
        fixture.core,
        "--locals",
        "--format",
        "json",
        "--redact",
        "off",
        "--sysroot",
        "/nonexistent"
    ];
    // Builds without a global lock keep no lists of their objects, and the answer says that it is not whole.
    let document = run(options).exits(if fixture.name.ends_with("-3.13t") { 3 } else { 0 }).json();
    let (name, truth) = (&fixture.name, &fixture.truth);
    let mut differences = Differences::default();
    compare_process(&mut differences, name, &document, truth);
    let threads = list(&document["threads"]);
    for expected in &truth.threads {
        let what = format!("{name} thread {}", expected.name.as_deref().unwrap_or("?"));
        let Some(thread) = threads.iter().find(|thread| thread["tid"] == expected.tid) else {
            differences.found.push(format!("{what} is missing"));
            continue;
        };
        differences.equal(&format!("{what} crashed"), thread["crashed"].as_bool(), Some(expected.crashed));
        differences.equal(&format!("{what} name"), thread["name"].as_str(), expected.name.as_deref());
        differences.equal(&format!("{what} ident"), thread["ident"].as_str(), Some(&*expected.ident));
        compare_frames(&mut differences, &what, list(&thread["python_frames"]), &expected.frames);
        let ours = list(&thread["exceptions"]);
        // The program tells of the innermost ones; further out there may be more.
        if ours.len() < expected.exceptions.len() {
            differences.found.push(format!("{what} has {} exceptions", ours.len()));
        }
        for (ours, expected) in ours.iter().zip(&expected.exceptions) {
            compare_exception(&mut differences, &what, ours, expected);
        }
    }
    differences
}

fn compare_process(differences: &mut Differences, name: &str, document: &Value, truth: &Truth) {
    let (process, crash) = (&document["process"], &document["crash"]);
    differences.equal(&format!("{name} pid"), process["pid"].as_u64(), Some(truth.pid.into()));
    differences.equal(&format!("{name} argv"), texts(&process["argv"]), truth.argv.clone());
    let version = process["python"]["version"].as_str();
    differences.equal(&format!("{name} version"), version, Some(&*truth.python.version));
    differences.equal(&format!("{name} gc"), process["gc_enabled"].as_bool(), Some(truth.gc_enabled));
    differences.equal(&format!("{name} signal"), crash["signal"].as_i64(), Some(truth.signal.into()));
    // The emulator that made this core writes no signal information.
    let code = truth.code.as_deref().filter(|_| !name.ends_with("-arm64-debian"));
    differences.equal(&format!("{name} code"), crash["code"].as_str(), code);
    if truth.fault_address.is_some() {
        differences.equal(
            &format!("{name} fault"),
            crash["fault_address"].as_str(),
            truth.fault_address.as_deref(),
        );
    }
    differences.equal(&format!("{name} tid"), crash["tid"].as_u64(), Some(truth.crashed_tid.into()));
}

fn compare_frames(differences: &mut Differences, what: &str, ours: &[Value], truth: &[TruthFrame]) {
    differences.equal(&format!("{what} frames"), ours.len(), truth.len());
    for (index, (ours, truth)) in ours.iter().zip(truth).enumerate() {
        let what = format!("{what} #{index} {}", truth.function);
        differences.equal(&what, ours["function"].as_str(), Some(&*truth.function));
        differences.equal(&what, ours["file"].as_str(), Some(&*truth.file));
        differences.equal(&what, number(&ours["line"]), truth.line);
        if truth.qualname.is_some() && ours.get("qualname").is_some() {
            differences.equal(&what, ours["qualname"].as_str(), truth.qualname.as_deref());
        }
        if truth.end_line.is_some() {
            let place = |frame: &Value| {
                [number(&frame["end_line"]), number(&frame["column"]), number(&frame["end_column"])]
            };
            differences.equal(&what, place(ours), [truth.end_line, truth.column, truth.end_column]);
        }
        if let Some(locals) = &truth.locals {
            compare_locals(differences, &what, list(&ours["locals"]), locals);
        }
    }
}

fn compare_locals(differences: &mut Differences, what: &str, ours: &[Value], truth: &[TruthLocal]) {
    for expected in truth {
        let what = format!("{what} {}", expected.name);
        let Some(ours) = ours.iter().find(|local| local["name"] == *expected.name) else {
            differences.found.push(format!("{what} is missing"));
            continue;
        };
        differences.right_or_marked(&what, ours["type"].as_str(), &expected.type_name);
        // An argument that a closure captures is both.
        if !(ours["kind"] == "argument" && expected.kind == "cell") {
            differences.equal(&what, ours["kind"].as_str(), Some(&*expected.kind));
        }
        differences.equal(&what, ours["address"].as_str(), Some(&*expected.address));
        // Code that would have to run says what these look like, and both sides cut long texts where they like.
        let is_cut = expected.truncated || ours["truncated"] == true;
        if !expected.python_repr && !is_cut {
            differences.right_or_marked(&what, ours["repr"].as_str(), &expected.repr);
        }
        // A text that both could show whole is shown whole.
        if expected.repr.len() < 1000 && !expected.python_repr {
            differences.equal(&format!("{what} cut"), ours["truncated"].as_bool(), Some(false));
        }
    }
}

fn compare_exception(differences: &mut Differences, what: &str, ours: &Value, truth: &TruthException) {
    let what = format!("{what} {}", truth.type_name);
    differences.equal(&what, ours["type"].as_str(), Some(&*truth.type_name));
    differences.equal(&what, ours["module"].as_str(), Some(&*truth.module));
    if !truth.python_str {
        differences.equal(&what, ours["message"].as_str().unwrap_or_default(), &*truth.message);
    }
    differences.equal(&what, texts(&ours["notes"]), truth.notes.clone());
    differences.equal(&what, ours["suppress_context"].as_bool(), Some(truth.suppress_context));
    compare_frames(differences, &what, list(&ours["traceback"]), &truth.traceback);
    for (role, truth) in [("cause", &truth.cause), ("context", &truth.context)] {
        if let Some(truth) = truth {
            compare_exception(differences, &format!("{what} {role}"), &ours[role], truth);
        }
    }
    let members = list(&ours["exceptions"]);
    differences.equal(&what, members.len(), truth.exceptions.len());
    for (ours, truth) in members.iter().zip(&truth.exceptions) {
        if let Some(truth) = truth {
            compare_exception(differences, &format!("{what} member"), ours, truth);
        }
    }
}

/// The text of the demo, as a person reads it. `UPDATE_SNAPSHOTS=1` writes it anew.
#[test]
fn the_demo_reads_well() {
    let core = incident("checkout-segfault").core;
    let text = run(args!["core", core, "--color", "never", "--sysroot", "/nonexistent"]).exits(0).stdout;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots/core.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &text).expect("the snapshot can be written");
    }
    let expected = fs::read_to_string(&path).expect("the snapshot; UPDATE_SNAPSHOTS=1 writes it");
    assert_eq!(text, expected, "UPDATE_SNAPSHOTS=1 accepts it");
}

#[test]
fn secrets_are_masked_unless_asked_for() {
    let fixture = incident("checkout-segfault");
    let secret = fixture.truth.threads.iter().flat_map(|thread| &thread.frames);
    let secret =
        secret.flat_map(|frame| frame.locals.iter().flatten()).find(|local| local.name == "api_token");
    let secret = secret.expect("the fixture has a secret").repr.trim_matches('\'').to_owned();
    let shown = |redact: &str, format: &str| {
        run(args!["core", fixture.core, "--locals", "--redact", redact, "--format", format]).exits(0).stdout
    };
    for format in ["text", "json"] {
        assert!(shown("off", format).contains(&secret), "{format}");
        let masked = shown("on", format);
        assert!(!masked.contains(&secret), "{format}");
        assert!(masked.contains("api_token") && masked.contains("<redacted>"), "{format}");
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn texts(value: &Value) -> Vec<String> {
    list(value).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}
