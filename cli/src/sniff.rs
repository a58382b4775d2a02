//! What kind of evidence a file is, by its content and never by its name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use encoding_rs_io::DecodeReaderBytes;
use pycoroner_coredump::{Compression, Unpacker};
use pycoroner_logscan::{looks_like_log, starts_with_json};
use pycoroner_telemetry::{ExportFormat, why_not_read};

/// Bytes of the decompressed content that are looked at.
const HEAD: u64 = 1 << 16;

/// Bytes of a text that are searched for a log that begins later, and those that are looked at at once.
const MOST_TEXT: u64 = 1 << 30;
const BLOCK: u64 = 1 << 20;
const MERE_TEXT: &str = "it is text without anything that a log has";

/// What a file was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An ELF core file, maybe compressed.
    Core,
    /// A core that the other one is compared with.
    OlderCore,
    /// A log, maybe compressed.
    Log,
    /// An export of metrics, traces, alerts or the like, maybe compressed.
    Export(ExportFormat),
    /// A file of no bytes: whoever it was for wrote nothing.
    Empty,
    /// Nothing that can be read, and why not.
    NotUnderstood(&'static str),
}

impl Kind {
    /// The word for it in a register of evidence.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::OlderCore => "older core",
            Self::Log => "log",
            Self::Export(format) => format.name(),
            Self::Empty => "empty",
            Self::NotUnderstood(_) => "not understood",
        }
    }
}

/// Looks at the first bytes of a file.
///
/// # Errors
/// When it cannot be opened or read.
pub(crate) fn sniff(path: &Path) -> io::Result<Kind> {
    let mut head = Vec::new();
    let mut content = open(path)?;
    let read = (&mut content).take(HEAD).read_to_end(&mut head);
    // A compressed stream that is damaged further on still gave its beginning.
    if head.is_empty() {
        read?;
    }
    let kind = kind_of(&head);
    let goes_on = head.len() as u64 == HEAD && kind == Kind::NotUnderstood(MERE_TEXT);
    Ok(if goes_on && holds_log(content) { Kind::Log } else { kind })
}

/// Whether a text that begins with prints of a program goes on with what a log has: its last lines are often a traceback.
fn holds_log(content: impl Read) -> bool {
    let mut content = content.take(MOST_TEXT);
    let mut block = Vec::new();
    loop {
        match (&mut content).take(BLOCK).read_to_end(&mut block) {
            Ok(read) if read > 0 => {}
            _ => return false,
        }
        if looks_like_log(&block).is_some() {
            return true;
        }
        // The last line goes on in the next block, unless it is too long to be one.
        let rest = block.iter().rposition(|byte| *byte == b'\n').map_or(block.len(), |at| at + 1);
        let rest = if block.len() - rest > HEAD as usize { block.len() } else { rest };
        block.drain(..rest);
    }
}

/// Opens a file for reading, decompressed.
///
/// # Errors
/// When it cannot be opened, or the compressed stream has no valid beginning.
pub(crate) fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    (&mut file).take(Compression::HEAD_BYTES).read_to_end(&mut head)?;
    io::Seek::rewind(&mut file)?;
    match Compression::of(&head) {
        None if is_utf16(&head) => Ok(decoded(file)),
        None => Ok(Box::new(file)),
        Some(compression) => {
            let unpacker = Unpacker::new(BufReader::with_capacity(1 << 16, file), compression);
            let mut content = BufReader::with_capacity(1 << 16, unpacker);
            // What is wrong with the stream is said when it is read.
            let is_utf16 = content.fill_buf().is_ok_and(is_utf16);
            Ok(if is_utf16 { decoded(content) } else { Box::new(content) })
        }
    }
}

/// Whether the bytes of a file are read as they stand on the disk.
///
/// # Errors
/// When it cannot be opened or read.
pub(crate) fn is_plain(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(Compression::HEAD_BYTES).read_to_end(&mut head)?;
    Ok(Compression::of(&head).is_none() && !is_utf16(&head))
}

/// A byte order mark of UTF-16, as Windows writes it; one of UTF-32 starts alike.
fn is_utf16(head: &[u8]) -> bool {
    matches!(head, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) && !head.starts_with(&[0xff, 0xfe, 0, 0])
}

/// The text of a file in UTF-16 as UTF-8: citations then count bytes of that.
fn decoded(file: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(DecodeReaderBytes::new(file))
}

fn kind_of(head: &[u8]) -> Kind {
    const ET_CORE: u8 = 4;
    if head.is_empty() {
        return Kind::Empty;
    }
    if head.starts_with(b"\x7fELF") {
        // e_type stands at 16, in the byte order that EI_DATA at 5 names.
        let low = if head.get(5) == Some(&2) { 17 } else { 16 };
        let is_core = head.get(low) == Some(&ET_CORE) || head.len() < 18;
        return if is_core {
            Kind::Core
        } else {
            Kind::NotUnderstood(
                "it is an executable or library and no core; such files go to --exe or --module-path",
            )
        };
    }
    if let Some(format) = ExportFormat::sniff(head) {
        return Kind::Export(format);
    }
    if looks_like_log(head).is_some() {
        return Kind::Log;
    }
    if let Some(why) = why_not_read(head) {
        return Kind::NotUnderstood(why);
    }
    Kind::NotUnderstood(if head.contains(&0) {
        "its content is binary, of no known format"
    } else if starts_with_json(head) {
        "it is JSON, of no known export"
    } else {
        MERE_TEXT
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_may_begin_behind_prints() {
        let check = |lines: usize, end: &str, expected: bool| {
            let text = "epoch 3 loss 0.25\n".repeat(lines) + end;
            assert_eq!(holds_log(text.as_bytes()), expected, "{lines} {end}");
        };
        let traceback = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 1\n";
        check(1, traceback, true);
        // The header lies across the end of a block.
        for lines in (1 << 20) / 18 - 3..(1 << 20) / 18 + 2 {
            check(lines, traceback, true);
        }
        check(200_000, traceback, true);
        check(200_000, "done\n", false);
    }

    #[test]
    fn kinds() {
        let check = |head: &[u8], expected: &str| assert_eq!(kind_of(head).name(), expected, "{head:?}");
        let elf = |data: u8, e_type: [u8; 2]| {
            let mut head = vec![0x7f, b'E', b'L', b'F', 2, data, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            head.extend(e_type);
            head
        };
        check(&elf(1, [4, 0]), "core");
        check(&elf(2, [0, 4]), "core");
        check(&elf(1, [3, 0]), "not understood");
        check(b"2024-05-01 12:00:00,123 INFO shop: up\n", "log");
        check(b"Traceback (most recent call last):\n", "log");
        check(br#"[{"labels": {"alertname": "Down"}, "startsAt": "2024-05-01T12:00:00Z"}]"#, "alerts");
        check(br#"{"a": [1, 2]}"#, "not understood");
        check(b"[7] started\nTraceback (most recent call last):\n", "log");
        check(b"Dear diary", "not understood");
        check(b"", "empty");
        check(&[0; 64], "not understood");
        check(b"\x80\x04\x95\x10\0\0\0\0\0\0\0]\x94.", "not understood");
    }
}
