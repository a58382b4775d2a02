//! Whether a bare number in the heads of a log's records is the process that wrote them.
//!
//! `%(asctime)s %(process)d %(threadName)s %(name)s %(levelname)s …` has no form of its own: the number may as well be a
//! line of source code, a counter or a duration. So the column is judged as a whole, by the first records of a source.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Header, fields, identifier_len};
use crate::ascii::{leading_number, trim_start};
use crate::envelope::Wrapping;
use crate::format::FormatName;
use crate::level::Level;
use crate::stated_time;

/// Records below which a column says nothing by itself.
const FEWEST: usize = 8;
/// `PID_MAX_LIMIT` of Linux (`include/linux/threads.h`).
const MOST: u64 = 1 << 22;
/// What a number must reach that is the only one in its column: ranks, shards and verbosities are smaller.
const LEAST_ALONE: u64 = 1_000;

/// What the number is that stands in the heads of a source's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NumberColumn {
    /// Nothing tells: it is a process only where the layout is one that is known.
    #[default]
    Unknown,
    /// The process that wrote the record.
    Process,
    /// Something else.
    Other,
}

/// Where the number stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Column {
    BeforeLevel,
    BehindLevel,
}

/// A record's number, and what stands around it.
struct Numbered<'a> {
    column: Column,
    number: u64,
    has_zeros: bool,
    /// What stands between the number and the level: at most two names.
    names: [&'a [u8]; 2],
    level: Level,
    /// Behind the number and, where that comes later, the level.
    rest: &'a [u8],
}

impl NumberColumn {
    /// Judges by the first lines of a source; 64 KiB are enough.
    pub(crate) fn learn(head: &[u8], wrapping: Option<Wrapping>) -> Self {
        if wrapping == Some(Wrapping::Export) {
            return Self::Unknown;
        }
        let mut timed = 0;
        let (mut before, mut behind) = (Vec::new(), Vec::new());
        for line in head.split(|byte| *byte == b'\n') {
            let line = match wrapping {
                Some(wrapping) => wrapping.peel(line).map_or(&[][..], |envelope| envelope.text),
                None => line,
            };
            let Some(rest) = behind_time(line) else { continue };
            timed += 1;
            if let Some(numbered) = numbered(rest) {
                match numbered.column {
                    Column::BeforeLevel => before.push(numbered),
                    Column::BehindLevel => behind.push(numbered),
                }
            }
        }
        let records = if before.len() > behind.len() { before } else { behind };
        if records.is_empty() || records.len() * 5 < timed * 4 {
            return Self::Unknown;
        }
        judge(&records, head)
    }
}

fn judge(records: &[Numbered<'_>], head: &[u8]) -> NumberColumn {
    let numbers: Vec<u64> = records.iter().map(|record| record.number).collect();
    let mut distinct = numbers.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.iter().any(|number| !(1..=MOST).contains(number))
        || records.iter().any(|record| record.has_zeros)
    {
        return NumberColumn::Other;
    }
    // A counter, the time since the start, a duration: such numbers hardly come again.
    if records.len() >= FEWEST && distinct.len() * 2 > records.len() {
        return NumberColumn::Other;
    }
    let is_index = distinct.starts_with(&[1, 2]);
    if is_index || distinct.iter().all(|number| LEVEL_NUMBERS.contains(number)) || are_statuses(&distinct) {
        return NumberColumn::Other;
    }
    if distinct.iter().any(|number| is_stated(*number, head)) {
        return NumberColumn::Process;
    }
    if records.len() < FEWEST || distinct.len() * 4 > records.len() {
        return NumberColumn::Unknown;
    }
    match distinct.as_slice() {
        [number] if *number < LEAST_ALONE => NumberColumn::Unknown,
        [_] if sayings(records).values().any(|sayings| sayings.len() > 1) => NumberColumn::Process,
        [_] => NumberColumn::Unknown,
        _ => among_several(records),
    }
}

/// Python's `levelno`.
const LEVEL_NUMBERS: [u64; 5] = [10, 20, 30, 40, 50];

/// Status codes of HTTP, success among them.
fn are_statuses(distinct: &[u64]) -> bool {
    distinct.contains(&200) && distinct.iter().all(|number| (100..600).contains(number))
}

/// A process says various things at various levels; a line of source code says one thing.
fn among_several(records: &[Numbered<'_>]) -> NumberColumn {
    let mut levels: FxHashMap<u64, FxHashSet<Level>> = FxHashMap::default();
    let mut counts: FxHashMap<u64, usize> = FxHashMap::default();
    for record in records {
        levels.entry(record.number).or_default().insert(record.level);
        *counts.entry(record.number).or_default() += 1;
    }
    let all: FxHashSet<Level> = records.iter().map(|record| record.level).collect();
    if all.len() > 1 && levels.values().all(|levels| levels.len() == 1) {
        return NumberColumn::Other;
    }
    let sayings = sayings(records);
    let repeated = counts.values().filter(|count| **count > 1).count();
    let various = sayings.values().filter(|sayings| sayings.len() > 1).count();
    if various * 2 >= repeated { NumberColumn::Process } else { NumberColumn::Other }
}

/// What records with each number say, by their loggers and first words, without the digits in them.
fn sayings(records: &[Numbered<'_>]) -> FxHashMap<u64, FxHashSet<Vec<u8>>> {
    let mut sayings: FxHashMap<u64, FxHashSet<Vec<u8>>> = FxHashMap::default();
    for record in records {
        let words = trim_start(record.rest).split(|byte| *byte == b' ').take(3);
        let said = record.names.into_iter().chain(words).flatten();
        let saying: Vec<u8> = said.copied().filter(|byte| !byte.is_ascii_digit()).collect();
        sayings.entry(record.number).or_default().insert(saying);
    }
    sayings
}

/// Whether the log speaks of a process with this number.
fn is_stated(number: u64, head: &[u8]) -> bool {
    const STATEMENTS: [&[u8]; 7] = [b"pid ", b"pid: ", b"pid:", b"pid=", b"PID ", b"PID: ", b"process ["];
    STATEMENTS.iter().any(|words| {
        memchr::memmem::find_iter(head, words).any(|at| {
            let rest = head.get(at + words.len()..).unwrap_or_default();
            leading_number(rest).is_some_and(|(stated, _)| stated == number)
        })
    })
}

/// What stands behind the time that a line starts with.
fn behind_time(line: &[u8]) -> Option<&[u8]> {
    let inner = line.strip_prefix(b"[");
    let (_, len) = stated_time::iso(inner.unwrap_or(line))?;
    let rest = inner.unwrap_or(line).get(len..)?;
    if inner.is_some() { rest.strip_prefix(b"]") } else { Some(rest) }
}

/// Reads `NUMBER [NAME [NAME]] LEVEL` or `LEVEL NUMBER` from what stands behind the time.
fn numbered(rest: &[u8]) -> Option<Numbered<'_>> {
    let rest = separated(rest);
    if let Some((level, behind)) = level(rest) {
        let (number, has_zeros, behind) =
            bare_number(separated(behind.strip_prefix(b":").unwrap_or(behind)))?;
        return Some(Numbered {
            column: Column::BehindLevel,
            number,
            has_zeros,
            names: [b"", b""],
            level,
            rest: behind,
        });
    }
    let (number, has_zeros, behind) = bare_number(rest)?;
    let mut behind = separated(behind);
    let mut names: [&[u8]; 2] = [b"", b""];
    for at in 0..=names.len() {
        if let Some((level, rest)) = level(behind) {
            return Some(Numbered { column: Column::BeforeLevel, number, has_zeros, names, level, rest });
        }
        let (name, rest) = name(behind)?;
        *names.get_mut(at)? = name;
        behind = separated(rest);
    }
    None
}

/// Drops blanks and a separator.
fn separated(text: &[u8]) -> &[u8] {
    let text = trim_start(text);
    match text {
        [b'-' | b'|', b' ', rest @ ..] => trim_start(rest),
        _ => text,
    }
}

/// A number of at most ten digits with a blank behind it, and whether it starts with a zero.
fn bare_number(text: &[u8]) -> Option<(u64, bool, &[u8])> {
    let (number, digits) = leading_number(text)?;
    let behind = text.get(digits..).filter(|behind| digits <= 10 && behind.first() == Some(&b' '))?;
    Some((number, digits > 1 && text.first() == Some(&b'0'), behind))
}

fn level(text: &[u8]) -> Option<(Level, &[u8])> {
    if let Some(inner) = text.strip_prefix(b"[") {
        let close = memchr::memchr(b']', inner.get(..inner.len().min(12))?)?;
        let level = Level::from_any_case(inner.get(..close)?.trim_ascii())?;
        return Some((level, inner.get(close + 1..)?));
    }
    fields::level_word(text)
}

/// The name of a thread or logger, which may stand in brackets.
fn name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let closing = match text.first()? {
        b'[' => b']',
        b'(' => b')',
        byte if byte.is_ascii_alphabetic() || *byte == b'_' => {
            let (name, behind) = text.split_at_checked(identifier_len(text))?;
            let behind = behind.strip_prefix(b":").unwrap_or(behind);
            return (behind.first() == Some(&b' ')).then_some((name, behind));
        }
        _ => return None,
    };
    let inner = text.get(1..text.len().min(66))?;
    let close = memchr::memchr(closing, inner)?;
    let name = inner.get(..close)?.trim_ascii();
    let is_name = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    Some((name, text.get(close + 2..)?)).filter(|_| is_name)
}

/// A name that is no word of a sentence.
fn is_surely_name(name: &[u8]) -> bool {
    fields::is_thread_name(name) || name.iter().any(|byte| matches!(byte, b'.' | b'_'))
}

/// Reads the fields behind a time where a bare number is among them; `None` when it is read as any other line.
pub(super) fn numbered_fields<'a>(header: &Header<'a>, column: NumberColumn) -> Option<Header<'a>> {
    let first = *separated(header.message).first()?;
    if !first.is_ascii_digit() && column != NumberColumn::Process {
        return None;
    }
    let numbered = numbered(header.message)?;
    let pid = (column == NumberColumn::Process).then_some(numbered.number);
    let [first, second] = numbered.names;
    if column == NumberColumn::Unknown && second.is_empty() {
        return None;
    }
    if column == NumberColumn::Unknown && ![first, second].into_iter().any(is_surely_name)
        || numbered.column == Column::BehindLevel && column != NumberColumn::Process
    {
        return None;
    }
    let (thread, logger) = match (first, second) {
        (b"", _) => (first, second),
        (name, b"") if fields::is_thread_name(name) => (first, second),
        (_, b"") => (second, first),
        (_, name) if fields::is_thread_name(name) => (second, first),
        _ => (first, second),
    };
    let head = Header { pid, thread, logger, level: Some(numbered.level), message: numbered.rest, ..*header };
    Some(fields::fields(Header { format: FormatName::Timestamped, ..head }))
}
