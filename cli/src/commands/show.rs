//! `pycoroner show`: the bytes behind a citation.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use pycoroner_findings::{Citation, Span};
use pycoroner_redact::{Ledger, Redactor};

use super::{Session, verify};
use crate::args::ShowArgs;
use crate::cited;
use crate::exit::Outcome;
use crate::render::inert::inert_lines;

/// Most bytes of text that are shown.
const MOST_TEXT: usize = 1 << 20;
/// Most bytes that are shown as hex digits.
const MOST_HEX: usize = 4096;
/// Bytes of one row of hex digits.
const ROW: usize = 16;

/// Runs the command.
pub(crate) fn run(session: &Session, args: &ShowArgs) -> Result<Outcome> {
    let report = verify::read(&args.written.report)?;
    let asked =
        cited::parse(args.citation.split_whitespace().next().unwrap_or_default()).with_context(|| {
            format!(
                "{:?} is no citation; write it as the report does: [E3:L1042], [E1@0x40+8], [E5#/data]",
                args.citation
            )
        })?;
    // The document knows the offsets of lines and the digest; the text form alone does not.
    let citation = report
        .citations
        .iter()
        .find(|citation| citation.to_string() == asked.to_string())
        .cloned()
        .unwrap_or(asked);
    let Some(source) = report.sources.iter().find(|source| source.id == citation.source) else {
        bail!("the report has no {}; its register of evidence lists what there is", citation.source);
    };
    let Some(file) = verify::find(&args.written, &source.path, source.sha256.as_deref()) else {
        bail!("{} is not found; give the folder that holds it to --evidence-dir", source.path);
    };
    let read = || format!("cannot read {}", file.display());
    let Some((bytes, total)) = cited::bytes(&file, &citation, MOST_TEXT).with_context(read)? else {
        bail!("{} has no such place: {citation}", file.display());
    };
    let outcome = compare(session, &file, &citation)?;
    session.output.write(&shown(&citation, &bytes, total, Redactor::new(session.policy)))?;
    Ok(outcome)
}

/// Says on stderr whether the bytes are those of the report.
fn compare(session: &Session, file: &std::path::Path, citation: &Citation) -> Result<Outcome> {
    let found = cited::digests(file, &[citation])?.into_iter().next().flatten().unwrap_or_default();
    match &citation.digest {
        Some(stated) if *stated == found => {
            session.note(&format!("{citation} {found}: as the report states"));
            Ok(Outcome::Complete)
        }
        Some(stated) => {
            session.note(&format!(
                "{citation} is {found}, and the report states {stated}: the file has changed"
            ));
            Ok(Outcome::Refuted)
        }
        None => {
            session.note(&format!("{citation} {found}: the report states no hash of it"));
            Ok(Outcome::Complete)
        }
    }
}

/// Text, masked and escaped; what is no text, as hex digits.
fn shown(citation: &Citation, bytes: &[u8], total: u64, redactor: Redactor) -> String {
    let mut ledger = Ledger::default();
    let left_out = total.saturating_sub(bytes.len() as u64);
    if let Some(text) = as_text(bytes) {
        let masked = redactor.text(text, &mut ledger);
        let mut shown = inert_lines(masked.strip_suffix('\n').unwrap_or(&masked), "");
        shown.push('\n');
        if left_out > 0 {
            let _ = writeln!(shown, "… {left_out} more bytes");
        }
        return shown;
    }
    let offset = match citation.span {
        Span::Bytes { offset, .. } | Span::Lines { offset, .. } => offset,
        Span::Pointer { .. } => 0,
    };
    hex(bytes, offset, total, redactor)
}

/// What a person can read; the end may be cut within a character.
fn as_text(bytes: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let is_plain = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t' | '\x1b');
    (!text.is_empty() && text.chars().all(is_plain)).then_some(text)
}

fn hex(bytes: &[u8], offset: u64, total: u64, redactor: Redactor) -> String {
    let most = bytes.get(..MOST_HEX).unwrap_or(bytes);
    let readable: String = most.iter().map(|byte| printable(*byte)).collect();
    let mut ledger = Ledger::default();
    redactor.text(&readable, &mut ledger);
    if ledger.total() > 0 {
        return format!("{total} bytes that hold what looks like a secret; --redact off shows them\n");
    }
    let mut shown = String::new();
    for (row, at) in most.chunks(ROW).zip((offset..).step_by(ROW)) {
        let digits: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let letters: String = row.iter().map(|byte| printable(*byte)).collect();
        let _ = writeln!(shown, "{at:#010x}  {:<47}  |{letters}|", digits.join(" "));
    }
    let left_out = total.saturating_sub(most.len() as u64);
    if left_out > 0 {
        let _ = writeln!(shown, "… {left_out} more bytes");
    }
    shown
}

fn printable(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' }
}

#[cfg(test)]
mod tests {
    use pycoroner_findings::SourceId;
    use pycoroner_redact::Policy;

    use super::*;

    #[test]
    fn text_and_hex() {
        let check = |bytes: &[u8], expected: &str| {
            let span = Span::Bytes { offset: 0x40, len: bytes.len() as u64, address: None };
            let citation = Citation::new(SourceId(1), span);
            let redactor = Redactor::new(Policy::On);
            assert_eq!(shown(&citation, bytes, bytes.len() as u64, redactor), expected);
        };
        check(b"a line\nanother\n", "a line\nanother\n");
        check("\u{1b}[31mred \u{202e}x\n".as_bytes(), "\\x1b[31mred \\u202ex\n");
        check(b"password=hunter2\n", "password=<redacted>\n");
        check(b"\x00\x01AB", "0x00000040  00 01 41 42                                      |..AB|\n");
        check(
            b"\x00password=hunter2",
            "17 bytes that hold what looks like a secret; --redact off shows them\n",
        );
    }
}
