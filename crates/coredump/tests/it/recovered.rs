//! Cores that were cut: what is found without the roots of the interpreter is true, or says that it is not whole.

use pycoroner_coredump::{LocatedBy, ProcessSnapshot};
use pycoroner_fixtures::{Fixture, Truth, core_named};

use crate::snapshot;

/// File, line and function of a frame.
type Place = (String, Option<u32>, String);

/// A part of a frame's code is lost, and the frame says so.
fn is_marked((file, line, function): &Place) -> bool {
    line.is_none() || [file, function].iter().any(|text| text.starts_with("<truncated at "))
}

fn stacks_of(truth: &Truth) -> Vec<(u64, Vec<Place>)> {
    let place =
        |frame: &pycoroner_fixtures::TruthFrame| (frame.file.clone(), frame.line, frame.function.clone());
    truth
        .threads
        .iter()
        .map(|thread| (u64::from(thread.tid), thread.frames.iter().map(place).collect()))
        .collect()
}

/// Whether `found` is `whole` with frames left out.
fn is_part_of(found: &[Place], whole: &[Place]) -> bool {
    let mut rest = whole.iter();
    found.iter().all(|place| rest.any(|other| other == place))
}

/// Counts true frames; a frame that is neither true nor marked fails the test.
#[track_caller]
fn true_frames(name: &str, found: &ProcessSnapshot, truth: &[(u64, Vec<Place>)]) -> usize {
    let mut count = 0;
    for thread in &found.threads {
        let places = thread.python_frames.iter();
        let places: Vec<Place> =
            places.map(|frame| (frame.file.clone(), frame.line, frame.function.clone())).collect();
        let whole: Vec<Place> = places.into_iter().filter(|place| !is_marked(place)).collect();
        let fits = truth
            .iter()
            .filter(|(tid, _)| thread.tid.is_none_or(|found| found == *tid))
            .any(|(_, stack)| is_part_of(&whole, stack));
        assert!(fits, "{name}, thread {:?}: {whole:?}", thread.tid);
        count += whole.len();
    }
    count
}

/// Cuts a core and checks that at least `expected` true frames and no false one are found.
#[track_caller]
fn check(fixture: &Fixture, percent: usize, expected: usize) {
    let whole = fixture.core_bytes();
    let name = format!("{} at {percent} %", fixture.name);
    let found = snapshot(&whole[..whole.len() / 100 * percent]);
    let count = true_frames(&name, &found, &stacks_of(&fixture.truth));
    assert!(count >= expected, "{name}: {count} true frames, {:?}", found.gaps);
    let Some(python) = &found.process.python else {
        assert_eq!(expected, 0, "{name}");
        return;
    };
    assert!(fixture.truth.python.version.starts_with(&python.version), "{name}: {}", python.version);
    if python.located_by == LocatedBy::Recovered {
        assert!(python.confidence.is_some() && !python.because.is_empty(), "{name}");
        assert!(python.runtime_address.is_none(), "{name}");
        for thread in found.threads.iter().filter(|thread| !thread.python_frames.is_empty()) {
            assert!(thread.recovered_by.is_some(), "{name}: {:?}", thread.tid);
            assert!(thread.python_frames.iter().all(|frame| frame.recovered_by.is_some()), "{name}");
            assert_eq!(thread.holds_gil, None, "{name}: who held the GIL is lost");
        }
    }
}

#[test]
fn frames_of_cut_cores_are_true_or_marked() {
    for (name, expected) in [
        ("medley-3.8", [(60, 0), (80, 0), (88, 100), (96, 300)]),
        ("medley-3.10", [(60, 0), (80, 0), (88, 0), (96, 100)]),
        ("medley-3.11", [(60, 0), (80, 30), (88, 160), (96, 210)]),
        ("medley-3.12", [(60, 0), (80, 40), (88, 200), (98, 360)]),
        ("medley-3.13", [(60, 0), (82, 30), (88, 210), (98, 360)]),
        ("deep-3.13", [(60, 0), (72, 700), (92, 2200), (96, 3002)]),
    ] {
        let fixture = core_named(name);
        for (percent, frames) in expected {
            check(&fixture, percent, frames);
        }
    }
}

#[test]
fn no_cut_gives_a_false_frame() {
    for name in ["medley-3.9", "medley-3.12"] {
        let fixture = core_named(name);
        for percent in (64..100).step_by(3) {
            check(&fixture, percent, 0);
        }
    }
}

/// A text that says of itself that it is not all.
fn says_what_is_lost(text: &str) -> bool {
    ["<truncated at ", "<unknown type at ", "not run>", "<NULL>"].iter().any(|mark| text.contains(mark))
}

/// Cuts a core: variables, names of threads and the version must be true or marked, and at least so many true.
#[track_caller]
fn check_values(name: &str, percent: usize, least_values: usize, least_names: usize) {
    let fixture = core_named(name);
    let whole = fixture.core_bytes();
    let found = snapshot(&whole[..whole.len() / 100 * percent]);
    let python = found.process.python.as_ref().expect("a version");
    assert_eq!(python.located_by, LocatedBy::Recovered, "{name}");
    assert!(fixture.truth.python.version.starts_with(&python.version), "{name}: {}", python.version);
    let (mut values, mut names) = (0, 0);
    for thread in &found.threads {
        let Some(truth) = fixture.truth.threads.iter().find(|truth| Some(u64::from(truth.tid)) == thread.tid)
        else {
            continue;
        };
        if thread.name.is_some() {
            assert_eq!(thread.name, truth.name, "{name}, thread {}", truth.tid);
            names += 1;
        }
        for local in thread.python_frames.iter().flat_map(|frame| &frame.locals) {
            let Some(address) = local.address.map(|address| address.to_string()) else { continue };
            let locals = truth.frames.iter().flat_map(|frame| frame.locals.iter().flatten());
            let same = |truth: &&pycoroner_fixtures::TruthLocal| {
                truth.address == address && truth.name == local.name && !truth.python_repr && !truth.truncated
            };
            let Some(truth) = { locals }.find(same) else { continue };
            let cut = local.truncated || local.repr.contains('…');
            if !says_what_is_lost(&local.repr) && !cut {
                assert_eq!(local.repr, truth.repr, "{name}: {} of {:?}", local.name, thread.name);
                let of = local.type_name.as_deref().unwrap_or_default();
                assert!(of == truth.type_name || says_what_is_lost(of), "{name}: {} is a {of}", local.name);
                values += 1;
            }
        }
    }
    assert!(values >= least_values, "{name}: {values} true values");
    assert!(names >= least_names, "{name}: {names} names");
}

#[test]
fn values_of_recovered_frames_are_true_or_marked() {
    check_values("medley-3.9", 96, 300, 34);
    check_values("medley-3.11", 92, 200, 34);
    check_values("medley-3.12", 92, 150, 34);
    check_values("medley-3.13", 92, 150, 34);
    check_values("medley-3.14-debian", 95, 250, 34);
    check_values("medley-3.15-debian", 95, 250, 34);
}

/// What exceptions say, with all that hangs on them.
fn said<'s>(
    exceptions: impl Iterator<Item = &'s pycoroner_coredump::ExceptionSection>,
) -> Vec<(String, String)> {
    let mut left: Vec<_> = exceptions.collect();
    let mut found = Vec::new();
    while let Some(section) = left.pop() {
        if let (Some(of), Some(message)) = (&section.type_name, &section.message) {
            found.push((of.clone(), message.clone()));
        }
        left.extend(&section.exceptions);
        left.extend(section.cause.iter().chain(&section.context).map(|linked| &**linked));
    }
    found
}

#[test]
fn exceptions_are_found_by_their_shape() {
    for (name, percent) in [("medley-3.11", 92), ("medley-3.12", 92), ("medley-3.13", 92)] {
        let whole = core_named(name).core_bytes();
        let found = snapshot(&whole[..whole.len() / 100 * percent]);
        assert!(found.recovered_exceptions.iter().all(|section| section.found_by == Some("shape")), "{name}");
        let in_threads = found.threads.iter().flat_map(|thread| &thread.exceptions);
        let said = said(found.recovered_exceptions.iter().chain(in_threads));
        for (of, message) in [("KeyError", "'missing-key'"), ("ValueError", "row 17 is malformed")] {
            let expected = (of.to_owned(), message.to_owned());
            assert!(said.contains(&expected), "{name}: {expected:?} is not in {said:?}");
        }
    }
}
