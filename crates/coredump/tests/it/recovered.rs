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
