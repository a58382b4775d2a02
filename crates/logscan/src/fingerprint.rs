//! A name for equal failures that survives edits of the code.
//!
//! It is made of the exception's type and of the application's frames: base name of the file and function, repeated
//! frames once. Line numbers, folders, messages and source lines do not count. Frames of the standard library and of
//! installed packages count only when there are no others.

use crate::frame::Frame;

/// 16 hexadecimal digits (FNV-1a, 64 bits).
pub(crate) fn of(type_name: Option<&str>, frames: &[Frame]) -> String {
    let mut hash = Fnv::new();
    hash.write(type_name.unwrap_or("?").as_bytes());
    let own = frames.iter().filter(|frame| is_in_app(&frame.file));
    if own.clone().next().is_some() {
        hash_frames(&mut hash, own);
    } else {
        hash_frames(&mut hash, frames.iter());
    }
    format!("{:016x}", hash.0)
}

/// The file belongs to the application, and not to Python or to a package it installed.
pub(crate) fn is_in_app(file: &str) -> bool {
    const FOREIGN: [&str; 6] =
        ["site-packages", "dist-packages", "/lib/python3", "/lib/python2", "\\lib\\", "/usr/lib64/python"];
    !file.starts_with('<') && !FOREIGN.iter().any(|part| file.contains(part))
}

fn hash_frames<'a>(hash: &mut Fnv, frames: impl Iterator<Item = &'a Frame>) {
    let mut previous = ("", "");
    for frame in frames {
        let base = frame.file.rsplit(['/', '\\']).next().unwrap_or_default();
        let place = (base, frame.function.as_deref().unwrap_or_default());
        if place != previous {
            hash.write(b"\0");
            hash.write(place.0.as_bytes());
            hash.write(b":");
            hash.write(place.1.as_bytes());
        }
        previous = place;
    }
}

/// Fowler-Noll-Vo 1a.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(file: &str, line: u64, function: &str) -> Frame {
        Frame { file: file.into(), line: Some(line), function: Some(function.into()), ..Frame::default() }
    }

    #[test]
    fn what_counts() {
        let base =
            of(Some("KeyError"), &[frame("/srv/a.py", 3, "f"), frame("/venv/site-packages/x.py", 9, "g")]);
        let check = |type_name: &str, frames: &[Frame], equal: bool| {
            assert_eq!(of(Some(type_name), frames) == base, equal, "{type_name} {frames:?}");
        };
        check("KeyError", &[frame("/opt/a.py", 77, "f")], true);
        check("KeyError", &[frame("/srv/a.py", 1, "f"), frame("/srv/a.py", 2, "f")], true);
        check("ValueError", &[frame("/srv/a.py", 3, "f")], false);
        check("KeyError", &[frame("/srv/a.py", 3, "h")], false);
        check("KeyError", &[], false);
    }
}
