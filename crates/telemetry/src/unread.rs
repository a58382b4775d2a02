use crate::tracemalloc::is_pickle;

/// Says of files that are known but not read why not, and what to give instead; `None` of all others.
pub fn why_not_read(head: &[u8]) -> Option<&'static str> {
    let text = head.trim_ascii_start();
    if is_pickle(head) {
        Some("it is a pickle of something else than a tracemalloc snapshot, and pickles are never loaded")
    } else if head.starts_with(b"memray") {
        Some(
            "it is a capture of memray, which only memray reads; give what `memray stats --json` or `memray transform csv` makes of it",
        )
    } else if text.starts_with(b"<svg") || text.starts_with(b"<?xml") || text.starts_with(b"<!DOCTYPE html") {
        Some(
            "it is a picture or a page; give the data that it was made of (py-spy record -f raw or -f speedscope)",
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_files_that_are_not_read() {
        let check = |head: &[u8], expected: &str| {
            assert!(why_not_read(head).unwrap_or_default().starts_with(expected), "{head:?}");
        };
        check(b"\x80\x04\x95\x10\0\0\0\0\0\0\0]\x94.", "it is a pickle");
        check(b"memray\0\x0c\0\0\0", "it is a capture of memray");
        check(b"<?xml version=\"1.0\"?><!DOCTYPE svg", "it is a picture");
        check(b"\n<svg ", "it is a picture");
        for other in [&b""[..], b"Dear diary", b"\x80", b"{}"] {
            assert_eq!(why_not_read(other), None);
        }
    }
}
