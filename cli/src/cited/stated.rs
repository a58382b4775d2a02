//! What a written report states of its evidence: files with their digests, and citations with theirs.
//!
//! JSON is read as the document it is; of Markdown and HTML the text is read that people see, so that what is checked
//! is what they read.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use pycoroner_findings::{Citation, SourceId, Span};
use serde_json::Value;

/// A file that a report rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatedSource {
    pub(crate) id: SourceId,
    pub(crate) path: String,
    pub(crate) sha256: Option<String>,
}

/// What a report states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatedReport {
    pub(crate) sources: Vec<StatedSource>,
    /// By text form and digest: each claim once.
    pub(crate) citations: Vec<Citation>,
}

/// Most citations that are checked of one report.
const MOST_CITATIONS: usize = 200_000;
/// Digits of a citation's digest.
const DIGITS: usize = 12;

/// Reads a report in any of its forms.
///
/// # Errors
/// When it is none: no register of evidence is found in it.
pub(crate) fn stated(text: &str) -> Result<StatedReport> {
    let begin = text.trim_start();
    let report = if begin.starts_with('{') {
        of_document(&serde_json::from_str(text).context("it is no JSON document")?)
    } else if begin.starts_with('<') {
        of_text(text, of_html_rows(text))
    } else {
        of_text(text, of_markdown_rows(text))
    };
    if report.sources.is_empty() {
        bail!("it has no register of evidence; give a report of pycoroner in Markdown, HTML or JSON");
    }
    Ok(report)
}

fn of_document(document: &Value) -> StatedReport {
    let mut report = StatedReport::default();
    for source in document.get("sources").and_then(Value::as_array).into_iter().flatten() {
        let Ok(source) = serde_json::from_value::<pycoroner_findings::Source>(source.clone()) else {
            continue;
        };
        report.sources.push(StatedSource { id: source.id, path: source.path, sha256: source.sha256 });
    }
    let mut found = BTreeMap::new();
    let mut left = vec![document];
    while let Some(value) = left.pop() {
        if let Some(citation) = citation_of(value) {
            found.entry((citation.to_string(), citation.digest.clone())).or_insert(citation);
            if found.len() >= MOST_CITATIONS {
                break;
            }
            continue;
        }
        match value {
            Value::Array(items) => left.extend(items),
            Value::Object(members) => left.extend(members.values()),
            _ => {}
        }
    }
    report.citations = found.into_values().collect();
    report
}

fn citation_of(value: &Value) -> Option<Citation> {
    value.get("span")?.get("kind")?;
    serde_json::from_value(value.clone()).ok()
}

fn of_text(text: &str, sources: Vec<StatedSource>) -> StatedReport {
    let mut found = BTreeMap::new();
    for line in text.lines() {
        // In a page, a block begins in the line of its tag.
        let line = line.rsplit_once("<code class=\"language-text\">").map_or(line, |(_, line)| line);
        // In a stack, the names of functions and files may be anything: our citation ends the line, or there is none.
        let is_frame =
            line.starts_with('#') && line.get(1..2).is_some_and(|digit| digit.as_bytes()[0].is_ascii_digit());
        let is_ours = |citation: &Citation| {
            citation.digest.as_ref().is_some_and(|digest| !is_frame || line.trim_end().ends_with(&**digest))
        };
        let in_line: Vec<Citation> = in_line(line);
        let kept = if is_frame { in_line.len().saturating_sub(1) } else { 0 };
        for citation in in_line.into_iter().skip(kept).filter(is_ours) {
            if found.len() < MOST_CITATIONS {
                found.insert((citation.to_string(), citation.digest.clone()), citation);
            }
        }
    }
    StatedReport { sources, citations: found.into_values().collect() }
}

/// The citations of a line, with their digests.
fn in_line(line: &str) -> Vec<Citation> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("[E") {
        let rest = line.get(at..).unwrap_or_default();
        // A pointer may hold brackets: the end is the one that a digest or the end of a code span follows.
        let ends = rest.match_indices(']').map(|(end, _)| end + 1).take(64);
        let mut cited = ends.filter_map(|end| {
            let (text, behind) = rest.split_at_checked(end)?;
            let digest = behind.strip_prefix(' ').and_then(|behind| behind.get(..DIGITS)).filter(|digest| {
                digest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            });
            let mut citation = parse(&unescaped(text))?;
            citation.digest = Some(digest?.to_owned());
            Some(citation)
        });
        found.extend(cited.next());
    }
    found
}

/// Reads the text form of a citation, as [`Citation`] displays it; the brackets may be missing.
///
/// Lines have no offset in it: their length is 0 then.
pub(crate) fn parse(text: &str) -> Option<Citation> {
    let text = text.trim();
    let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let rest = text.strip_prefix('E')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (id, place) = rest.split_at_checked(digits)?;
    let source = SourceId(id.parse().ok()?);
    let span = if let Some(bytes) = place.strip_prefix("@0x") {
        let (offset, len) = bytes.split_once('+')?;
        Span::Bytes { offset: u64::from_str_radix(offset, 16).ok()?, len: len.parse().ok()?, address: None }
    } else if let Some(lines) = place.strip_prefix(":L") {
        let (first, last) = lines.split_once("-L").unwrap_or((lines, lines));
        Span::Lines { first: first.parse().ok()?, last: last.parse().ok()?, offset: 0, len: 0 }
    } else {
        Span::Pointer { pointer: place.strip_prefix('#')?.to_owned() }
    };
    Some(Citation::new(source, span))
}

/// Rows of the register: `| E1 | `path` | kind | size | `sha256` | …`; the hash may stand in a table of its own,
/// `| E1 | `sha256` |`.
fn of_markdown_rows(text: &str) -> Vec<StatedSource> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| E"));
    // The last cell ends with the row, not with the mark between two cells.
    let cells = rows.map(|row| {
        let row = format!("E{row}");
        let row = row.trim_end();
        row.strip_suffix(" |").unwrap_or(row).split(" | ").map(plain).collect::<Vec<String>>()
    });
    of_rows(cells)
}

fn of_html_rows(text: &str) -> Vec<StatedSource> {
    let rows = text.split("<tr").skip(1).filter_map(|row| row.split("</tr>").next());
    let cells = rows.map(|row| {
        row.split("<td")
            .skip(1)
            .map(|cell| {
                let content = cell.split_once('>').map_or("", |(_, content)| content);
                unescaped(&without_tags(content)).trim().to_owned()
            })
            .collect::<Vec<String>>()
    });
    of_rows(cells)
}

/// The sources of the register's rows, with the hashes that stand in rows of their own.
fn of_rows(rows: impl Iterator<Item = Vec<String>>) -> Vec<StatedSource> {
    let (mut sources, mut digests) = (Vec::new(), BTreeMap::new());
    for cells in rows {
        match &*cells {
            [id, digest] if is_digest(digest) => {
                digests.insert(id.clone(), digest.clone());
            }
            cells => sources.extend(source(cells)),
        }
    }
    for source in &mut sources {
        if source.sha256.is_none() {
            source.sha256 = digests.get(&source.id.to_string()).cloned();
        }
    }
    sources
}

fn is_digest(cell: &str) -> bool {
    cell.len() == 64 && cell.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn source(cells: &[String]) -> Option<StatedSource> {
    let id = SourceId(cells.first()?.strip_prefix('E')?.parse().ok()?);
    let sha256 = cells.iter().skip(2).find(|cell| is_digest(cell)).cloned();
    // Other tables have numbers of evidence in their first cells as well; the register has five columns at least.
    (cells.len() >= 5).then(|| StatedSource { id, path: cells[1].clone(), sha256 })
}

/// A cell without the marks of a code span.
fn plain(cell: &str) -> String {
    let cell = cell.trim();
    let code = cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`'));
    code.map_or_else(|| unescaped(&without_tags(cell)), str::to_owned)
}

fn without_tags(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        shown.push_str(before);
        rest = behind.split_once('>').map_or("", |(_, behind)| behind);
    }
    shown + rest
}

/// Replaces the entities that reports write.
fn unescaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        shown.push_str(before);
        let entity = behind.split_once(';').filter(|(name, _)| name.len() <= 8);
        let letter = entity.and_then(|(name, _)| match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            _ => {
                let number = name.strip_prefix('#')?;
                let hex = number.strip_prefix(['x', 'X']).map(|hex| u32::from_str_radix(hex, 16));
                char::from_u32(hex.unwrap_or_else(|| number.parse()).ok()?)
            }
        });
        if let (Some(letter), Some((_, behind))) = (letter, entity) {
            shown.push(letter);
            rest = behind;
        } else {
            shown.push('&');
            rest = behind;
        }
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citations_read_back() {
        let check =
            |text: &str| assert_eq!(parse(text).map(|citation| citation.to_string()).as_deref(), Some(text));
        check("[E1@0x3f8a10+64]");
        check("[E3:L1042]");
        check("[E3:L10-L14]");
        check("[E5#/data/result/0]");
        check("[E5#/a]b/0]");
        check("[E5#]");
        for other in ["", "E", "[E1]", "[E1:L]", "[E1@0xzz+1]", "[E99999999999:L1]", "[F1:L1]", "[E1@0x1]"] {
            assert_eq!(parse(other), None, "{other}");
        }
        assert_eq!(parse("E3:L7"), parse("[E3:L7]"));
    }

    #[test]
    fn citations_in_text() {
        let check = |line: &str, expected: &[&str]| {
            let found: Vec<String> = of_text(line, Vec::new())
                .citations
                .iter()
                .map(|citation| format!("{citation} {}", citation.digest.as_deref().unwrap_or("-")))
                .collect();
            assert_eq!(found, expected, "{line}");
        };
        check(
            "- Observed: x `[E1@0x40+8] 0123456789ab` `[E2:L7] ba9876543210`",
            &["[E1@0x40+8] 0123456789ab", "[E2:L7] ba9876543210"],
        );
        check("such as `[E3:L1042]` (file 3)", &[]);
        check("<code>[E5#/a&#124;b] 0123456789ab</code>", &["[E5#/a|b] 0123456789ab"]);
        check("[E5#/a]b/0] 0123456789ab", &["[E5#/a]b/0] 0123456789ab"]);
        check(
            "#3   f  /a [E1:L5] 000000000000 x.py:3  [E1@0x10+2] 0123456789ab",
            &["[E1@0x10+2] 0123456789ab"],
        );
        check("#3   f [E1:L5] 000000000000  /a [E1:L5] 000000000000:7", &[]);
        check("<pre><code class=\"language-text\">#0   f [E1:L5] 000000000000  /a.py:7", &[]);
    }

    #[test]
    fn registers() {
        let digest = "0".repeat(64);
        let expected = [
            StatedSource { id: SourceId(1), path: "a b.log".into(), sha256: Some(digest.clone()) },
            StatedSource { id: SourceId(2), path: "x|y".into(), sha256: None },
        ];
        let markdown = format!(
            "| No. | File |\n| E1 | `a b.log` | log | 1 B | `{digest}` |  |\n| E2 | <code>x&#124;y</code> | log | 1 B | not hashed |  |\n"
        );
        assert_eq!(stated(&markdown).unwrap().sources, expected);
        let html = format!(
            "<!doctype html><table><tr><th>No.</th></tr><tr><td>E1</td><td><code>a b.log</code></td><td>log</td><td>1 B</td><td><code>{digest}</code></td></tr>\n<tr><td>E2</td><td>x&#124;y</td><td>log</td><td>1</td><td>not hashed</td></tr></table>"
        );
        assert_eq!(stated(&html).unwrap().sources, expected);
        // The hashes in a table of their own, behind the files.
        let markdown = format!(
            "| E1 | `a b.log` | log | 1 B | `{0}…` |  |\n| E2 | <code>x&#124;y</code> | log | 1 B | not hashed |  |\n\n| No. | SHA-256 |\n| E1 | `{digest}` |\n",
            &digest[..12]
        );
        assert_eq!(stated(&markdown).unwrap().sources, expected);
        let html = format!(
            "<!doctype html><table><tr><td>E1</td><td data-label=\"File\"><code>a b.log</code></td><td>log</td><td>1 B</td><td><code>{0}…</code></td></tr>\n<tr><td>E2</td><td>x&#124;y</td><td>log</td><td>1</td><td>not hashed</td></tr></table><table><tr><td>E1</td><td data-label=\"SHA-256\"><code>{digest}</code></td></tr></table>",
            &digest[..12]
        );
        assert_eq!(stated(&html).unwrap().sources, expected);
        assert!(stated("# A page").is_err());
        assert!(stated("{}").is_err());
    }
}
