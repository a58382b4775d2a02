//! What a journal says of when the machine had been up for so long: its entries have the time of both clocks.
//!
//! Source: `docs/JOURNAL_EXPORT_FORMATS.md` and `journalctl(1)` of systemd v255: `__REALTIME_TIMESTAMP` and
//! `__MONOTONIC_TIMESTAMP` count microseconds, the second since the boot that `_BOOT_ID` names.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

use pycoroner_findings::UtcTime;

use crate::evidence::{Evidence, Item};
use crate::sniff::{self, Kind};

/// Journals that are longer are not read to their end.
const MOST_BYTES: u64 = 256 << 20;
/// Bytes in which a journal shows that it is one.
const HEAD_BYTES: usize = 1 << 16;
/// Longest line that is read as one.
const MOST_OF_LINE: u64 = 1 << 20;
/// Most boots that are told apart.
const MOST_BOOTS: usize = 1000;

const REALTIME: &str = "__REALTIME_TIMESTAMP";
const MONOTONIC: &str = "__MONOTONIC_TIMESTAMP";
const BOOT: &str = "_BOOT_ID";

/// What the entries of one boot say, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Boot {
    /// Both clocks of the entry that is nearest.
    realtime: i64,
    monotonic: i64,
    /// The first and the last time since boot.
    first: i64,
    last: i64,
}

/// When the machine had been up for so many seconds, by the entry that was written nearest to that.
///
/// Of several boots only one may have been written both before and after; what fits more is no answer.
pub(super) fn wall_time(evidence: &Evidence, uptime_seconds: f64) -> Option<UtcTime> {
    let uptime = (uptime_seconds * 1e6).round() as i64;
    let mut boots = BTreeMap::new();
    for item in evidence.of(&Kind::Log) {
        add_boots(&mut boots, item, uptime);
    }
    let mut fitting =
        boots.values().filter(|boot| boots.len() == 1 || (boot.first..=boot.last).contains(&uptime));
    let boot = fitting.next().filter(|_| fitting.next().is_none())?;
    let micros = boot.realtime.checked_add(uptime.checked_sub(boot.monotonic)?)?;
    micros.checked_mul(1000).map(UtcTime)
}

fn add_boots(boots: &mut BTreeMap<String, Boot>, item: &Item, uptime: i64) {
    let Ok(file) = sniff::open(&item.path) else { return };
    let mut lines = BufReader::with_capacity(HEAD_BYTES, file.take(MOST_BYTES));
    let is_journal = lines.fill_buf().is_ok_and(|head| String::from_utf8_lossy(head).contains(MONOTONIC));
    let mut entry = Entry::default();
    let mut line = Vec::new();
    // What is longer comes in parts, so that no line takes much memory.
    let mut read_line = |line: &mut Vec<u8>| lines.by_ref().take(MOST_OF_LINE).read_until(b'\n', line);
    while is_journal && read_line(&mut line).is_ok_and(|read| read > 0) {
        entry.line(boots, String::from_utf8_lossy(&line).trim(), uptime);
        line.clear();
    }
    entry.end(boots, uptime);
}

/// The entry that is being read.
#[derive(Default)]
struct Entry {
    realtime: Option<i64>,
    monotonic: Option<i64>,
    boot: String,
}

impl Entry {
    /// Takes a line of the export format, or one of JSON, which has all of an entry or one of its members.
    fn line(&mut self, boots: &mut BTreeMap<String, Boot>, line: &str, uptime: i64) {
        if line.is_empty() || line.starts_with('{') || line.starts_with("__CURSOR=") {
            self.end(boots, uptime);
        }
        let number = |name| value(line, name)?.parse().ok();
        self.realtime = number(REALTIME).or(self.realtime);
        self.monotonic = number(MONOTONIC).or(self.monotonic);
        if let Some(boot) = value(line, BOOT) {
            boot.get(..32).unwrap_or(boot).clone_into(&mut self.boot);
        }
        if line.ends_with('}') {
            self.end(boots, uptime);
        }
    }

    fn end(&mut self, boots: &mut BTreeMap<String, Boot>, uptime: i64) {
        let Self { realtime, monotonic, boot } = std::mem::take(self);
        let Some((realtime, monotonic)) = realtime.zip(monotonic) else { return };
        if boots.len() >= MOST_BOOTS && !boots.contains_key(&boot) {
            return;
        }
        let new = Boot { realtime, monotonic, first: monotonic, last: monotonic };
        let known = boots.entry(boot).or_insert(new);
        if monotonic.abs_diff(uptime) < known.monotonic.abs_diff(uptime) {
            (known.realtime, known.monotonic) = (realtime, monotonic);
        }
        (known.first, known.last) = (known.first.min(monotonic), known.last.max(monotonic));
    }
}

/// The value of a field: of `NAME=value`, or of `"NAME" : "value"`, which no text in JSON contains unescaped.
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let until_end = |value: &'a str| value.split(|letter: char| !letter.is_ascii_alphanumeric()).next();
    if let Some(value) = line.strip_prefix(name) {
        return until_end(value.strip_prefix('=')?);
    }
    line.match_indices(name).find_map(|(at, _)| {
        let before = line.get(..at)?.strip_suffix('"')?;
        let behind = line.get(at + name.len()..)?.strip_prefix('"')?.trim_start();
        let value = behind.strip_prefix(':')?.trim_start();
        until_end(value.strip_prefix('"').unwrap_or(value)).filter(|_| !before.ends_with('\\'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let check = |line: &str, expected: Option<&str>| {
            assert_eq!(value(line, MONOTONIC), expected, "{line}");
        };
        check("__MONOTONIC_TIMESTAMP=682136503", Some("682136503"));
        check(r#"{"a":"b","__MONOTONIC_TIMESTAMP":"7","c":"d"}"#, Some("7"));
        check(r#"  "__MONOTONIC_TIMESTAMP" : "7","#, Some("7"));
        check(r#"{"MESSAGE":"\"__MONOTONIC_TIMESTAMP\":\"1\"","__MONOTONIC_TIMESTAMP":2}"#, Some("2"));
        check("MESSAGE=__MONOTONIC_TIMESTAMP=5", None);
        check("__MONOTONIC_TIMESTAMP", None);
    }
}
