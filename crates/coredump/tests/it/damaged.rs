//! Cores that are cut, holed or lie: a partial answer with gaps, never a panic, never without end.

use pycoroner_coredump::{Address, FramePlace, PythonRuntime, member};
use pycoroner_findings::GapKind;
use pycoroner_fixtures::{Sequence, core_named};

use crate::{snapshot, with_process};

const CORES: [&str; 4] = ["medley-3.8", "medley-3.10", "medley-3.12", "medley-3.13"];

#[test]
fn a_cut_core_gives_what_is_there() {
    for name in CORES {
        let whole = core_named(name).core_bytes();
        for percent in [99, 90, 75, 50, 25, 10, 2, 1] {
            let kept = whole.len() * percent / 100;
            let found = snapshot(&whole[..kept]);
            assert!(found.gaps.iter().any(|gap| gap.kind == GapKind::Truncated), "{name} at {percent} %");
            assert_eq!(found.crash.signal, Some(6), "{name} at {percent} %");
        }
        for kept in 0..200 {
            let _ = pycoroner_coredump::Core::parse(&whole[..kept], pycoroner_findings::SourceId(1));
        }
    }
}

#[test]
fn zeroed_pages_never_break_the_walk() {
    for name in CORES {
        let whole = core_named(name).core_bytes();
        let (threads, frames) = {
            let found = snapshot(&whole);
            (
                found.threads.len(),
                found.threads.iter().map(|thread| thread.python_frames.len()).sum::<usize>(),
            )
        };
        let pages = whole.len() / 4096;
        for at in (1..pages).step_by(pages / 40) {
            let mut holed = whole.clone();
            holed[at * 4096..(at + 1) * 4096].fill(0);
            let found = snapshot(&holed);
            let found_frames = found.threads.iter().map(|thread| thread.python_frames.len()).sum::<usize>();
            assert!(found.threads.len() >= threads.min(1), "{name}, page {at}");
            assert!(found_frames <= frames || !found.gaps.is_empty(), "{name}, page {at}");
        }
    }
}

#[test]
fn a_frame_list_that_comes_back_ends() {
    for name in CORES {
        let mut bytes = core_named(name).core_bytes();
        // The innermost frame of the crashed thread becomes its own predecessor.
        let (at, place) = with_process(&bytes, |process| {
            let runtime = PythonRuntime::attach(process).expect("a runtime");
            let (threads, _) = runtime.threads(runtime.interpreters()[0]);
            let crashed = threads.iter().find(|thread| thread.name.as_deref() == Some("MainThread")).unwrap();
            let place = runtime.stack(crashed.state).frames[0].place;
            let layout = runtime.python().layout();
            let member = match place {
                FramePlace::Object(_) => layout.offset(member::FRAME_BACK).unwrap(),
                FramePlace::Interpreter(_) => layout.offset(member::IFRAME_PREVIOUS).unwrap(),
            };
            (process.core().file_offset(Address(place.address().0 + member)).unwrap().0 as usize, place)
        });
        bytes[at..at + 8].copy_from_slice(&place.address().0.to_le_bytes());
        let found = snapshot(&bytes);
        let thread =
            found.threads.iter().find(|thread| thread.name.as_deref() == Some("MainThread")).unwrap();
        assert_eq!(thread.stopped_because, Some("cycle"), "{name}");
        assert_eq!(thread.python_frames.len(), 1, "{name}");
        assert!(found.gaps.iter().any(|gap| gap.kind == GapKind::Corrupt), "{name}");
    }
}

#[test]
fn hostile_lengths_are_bounded_by_what_is_there() {
    for name in CORES {
        let whole = core_named(name).core_bytes();
        let found = snapshot(&whole);
        let locals =
            found.threads.iter().flat_map(|thread| &thread.python_frames).flat_map(|frame| &frame.locals);
        let sized = ["str", "list", "tuple", "dict", "bytes", "int", "set", "bytearray"];
        let mut changed = 0;
        let mut bytes = whole.clone();
        for local in
            locals.filter(|local| local.type_name.as_deref().is_some_and(|name| sized.contains(&name)))
        {
            // The word behind the header is the length, or what stands for it, in all of them.
            let length_at = local.address.expect("a readable variable").0 + 16;
            let offset = with_process(&whole, |process| process.core().file_offset(Address(length_at)));
            if let Some(offset) = offset {
                let at = offset.0 as usize;
                bytes[at..at + 8].copy_from_slice(&(1u64 << 62 | 0x1000 << (changed % 40)).to_le_bytes());
                changed += 1;
            }
        }
        assert!(changed > 20, "{name}");
        let _ = snapshot(&bytes);
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let whole = core_named("medley-3.12").core_bytes();
    let mut sequence = Sequence::new(0x9e37_79b9_7f4a_7c15);
    for _ in 0..30 {
        let mut bytes = whole.clone();
        for _ in 0..20_000 {
            let at = sequence.below(bytes.len());
            bytes[at] = sequence.number() as u8;
        }
        bytes[..64].copy_from_slice(&whole[..64]);
        let _ = snapshot(&bytes);
    }
}
