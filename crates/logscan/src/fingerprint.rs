//! A name for equal failures that survives edits of the code and other installations of it; by [`RULES`].

use crate::frame::Frame;
use crate::template::mask;

/// How tracebacks are grouped, for the reader of a document.
pub(crate) const RULES: &[&str] = &[
    "the type of the exception, as it was printed",
    "of each frame the file's base name (of __init__.py and __main__.py with its folder) and the function",
    "frames of the application only; frames of Python and of installed packages when there are no others",
    "folders, versions in paths, line numbers, source lines, carets and messages do not count",
    "a frame counts once, however often it recurs",
    "comprehensions do not count: CPython 3.12 and later run them in the frame around them",
    "without any frame the message counts, with its variable parts masked as in templates",
];

/// 16 hexadecimal digits (FNV-1a, 64 bits).
pub(crate) fn of(type_name: Option<&str>, frames: &[Frame], message: &str) -> String {
    let mut hash = Fnv::new();
    hash.write(type_name.unwrap_or("?").as_bytes());
    let places: Vec<Place<'_>> = frames.iter().filter_map(Place::of).collect();
    let has_own = places.iter().any(|place| place.is_in_app);
    let mut counted: Vec<&Place<'_>> = Vec::new();
    for place in places.iter().filter(|place| place.is_in_app || !has_own) {
        // A bound on the search: recursion repeats a few frames, and long stacks of different ones are rare.
        if !counted.iter().rev().take(64).any(|known| *known == place) {
            counted.push(place);
            hash.write(b"\0");
            hash.write(place.file.as_bytes());
            hash.write(b":");
            hash.write(place.function.as_bytes());
        }
    }
    if counted.is_empty() {
        let mut masked = Vec::new();
        mask(message.lines().next().unwrap_or_default().as_bytes(), &mut masked);
        hash.write(b"\0");
        hash.write(&masked);
    }
    format!("{:016x}", hash.0)
}

/// What counts of a frame.
#[derive(PartialEq, Eq)]
struct Place<'a> {
    file: &'a str,
    function: &'a str,
    is_in_app: bool,
}

impl<'a> Place<'a> {
    fn of(frame: &'a Frame) -> Option<Self> {
        let function = frame.function.as_deref().unwrap_or_default();
        if matches!(function, "<listcomp>" | "<setcomp>" | "<dictcomp>") {
            return None;
        }
        Some(Self { file: file_name(&frame.file), function, is_in_app: is_in_app(&frame.file) })
    }
}

/// The base name; the folder belongs to it where all packages have a file of that name.
fn file_name(file: &str) -> &str {
    let start_of_name = |text: &str| text.rfind(['/', '\\']).map_or(0, |at| at + 1);
    let start = start_of_name(file);
    let base = file.get(start..).unwrap_or_default();
    if !matches!(base, "__init__.py" | "__main__.py") || start == 0 {
        return base;
    }
    let folder = start_of_name(file.get(..start - 1).unwrap_or_default());
    file.get(folder..).unwrap_or_default()
}

/// The file belongs to the application, and not to Python, to a package it installed, or to a launcher.
pub(crate) fn is_in_app(file: &str) -> bool {
    const FOREIGN: [&str; 9] = [
        "site-packages",
        "dist-packages",
        "/lib/python2",
        "/lib/python3",
        "/lib64/python2",
        "/lib64/python3",
        "/lib-python/",
        "/lib/pypy",
        "\\lib\\",
    ];
    let lower = file.to_ascii_lowercase();
    let is_launcher = !is_named(&lower, "py") && (lower.contains("/bin/") || lower.contains("\\scripts\\"));
    let is_zipped_library =
        lower.split(['/', '\\']).any(|part| part.starts_with("python3") && is_named(part, "zip"));
    let is_foreign = FOREIGN.iter().any(|part| lower.contains(part));
    !(file.starts_with('<') || is_launcher || is_zipped_library || is_foreign)
}

fn is_named(file: &str, ending: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, last)| last == ending)
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

    fn frame(place: &str) -> Frame {
        let mut parts = place.split('|');
        let mut next = || parts.next().unwrap_or_default().to_owned();
        Frame { file: next(), function: Some(next()), line: next().parse().ok(), ..Frame::default() }
    }

    #[test]
    fn what_counts() {
        let frames =
            |places: &str| places.split(' ').filter(|place| !place.is_empty()).map(frame).collect::<Vec<_>>();
        let base = of(Some("KeyError"), &frames("/srv/a.py|f|3 /venv/site-packages/x.py|g|9"), "7");
        let check = |type_name: &str, places: &str, equal: bool| {
            assert_eq!(of(Some(type_name), &frames(places), "8") == base, equal, "{type_name} {places}");
        };
        check("KeyError", "/opt/a.py|f|77", true);
        check("KeyError", "/srv/a.py|f|1 /srv/a.py|f|2", true);
        check("KeyError", "/srv/a.py|f|1 /srv/a.py|<listcomp>|1", true);
        check("KeyError", "/venv/bin/gunicorn|<module>|8 /srv/a.py|f|1", true);
        check("KeyError", "C:\\Python39\\Lib\\queue.py|get|8 C:\\srv\\a.py|f|1", true);
        check("KeyError", "/usr/lib/python313.zip/runpy.py|run|8 /srv/a.py|f|1", true);
        check("KeyError", "<string>|_run_code|88 /srv/a.py|f|1", true);
        check("ValueError", "/srv/a.py|f|3", false);
        check("KeyError", "/srv/a.py|h|3", false);
        check("KeyError", "/srv/a.py|f|3 /srv/b.py|f|3", false);
        check("KeyError", "", false);
    }

    #[test]
    fn recursion_and_packages() {
        let equal = |a: &str, b: &str| {
            let of = |text: &str| of(None, &text.split(' ').map(frame).collect::<Vec<_>>(), "");
            of(a) == of(b)
        };
        assert!(equal("a.py|f|1 a.py|g|2 a.py|f|1 a.py|g|2", "a.py|f|1 a.py|g|2"));
        assert!(equal("/x/1.2/shop/__init__.py|f|1", "/y/1.3/shop/__init__.py|f|2"));
        assert!(!equal("/x/shop/__init__.py|f|1", "/x/cart/__init__.py|f|1"));
    }

    #[test]
    fn messages_count_without_frames() {
        assert_eq!(of(Some("E"), &[], "order 7 at 0x7f12"), of(Some("E"), &[], "order 8 at 0x7f13"));
        assert_ne!(of(Some("E"), &[], "order 7"), of(Some("E"), &[], "user 7"));
    }
}
