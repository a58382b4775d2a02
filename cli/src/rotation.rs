//! Files of one log that was rotated: told by their names, verified by the times in them, put in order of time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use pycoroner_findings::{Gap, GapKind, SourceId, UtcTime};
use pycoroner_logscan::{Input, Options, scan};

use crate::evidence::Item;
use crate::sniff::{self, Kind};

/// Bytes at both ends of a file in which times are looked for.
const END_BYTES: u64 = 1 << 16;
/// Writers may finish a record in the old file after the new one was begun.
const SLACK_MS: i64 = 2_000;

/// What a name says of the place of a file in its set; the order is from old to new.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// `app.log.3`: the higher, the older.
    Index(std::cmp::Reverse<u32>),
    /// `app.log-20240501`, `app.2024-05-01.log`: the digits, as they sort.
    Date(String),
    /// `app.log`: what is written to.
    Current,
}

/// Puts the files of each rotated log behind one another, the oldest first, and marks them as one log.
///
/// Files whose names look like a rotation and whose times overlap are left as they are, which is a gap.
pub(crate) fn arrange(items: Vec<Item>, gaps: &mut Vec<Gap>) -> Vec<Item> {
    let mut sets: BTreeMap<PathBuf, Vec<(Turn, usize)>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate().filter(|(_, item)| item.kind == Kind::Log) {
        if let Some((log, turn)) = turn_of(&item.path) {
            sets.entry(log).or_default().push((turn, index));
        }
    }
    let mut followers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut taken = vec![false; items.len()];
    for (log, mut members) in sets.into_iter().filter(|(_, members)| members.len() > 1) {
        members.sort();
        match in_order_of_time(&items, &members) {
            Ok(order) => {
                let place = members.iter().map(|(_, index)| *index).min().unwrap_or_default();
                for index in &order {
                    taken[*index] = true;
                }
                followers.insert(place, order);
            }
            Err(why) => {
                let what = format!("whether the files of {} are one rotated log", log.display());
                gaps.push(Gap::new(GapKind::Unknown, what, why));
            }
        }
    }
    let mut left: Vec<Option<Item>> = items.into_iter().map(Some).collect();
    let mut arranged = Vec::new();
    for index in 0..left.len() {
        if let Some(order) = followers.remove(&index) {
            for (turn, member) in order.into_iter().enumerate() {
                let Some(mut item) = left[member].take() else { continue };
                item.continues = turn > 0;
                arranged.push(item);
            }
        } else if !taken[index] {
            arranged.extend(left[index].take());
        }
    }
    for (index, item) in arranged.iter_mut().enumerate() {
        item.id = SourceId(u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1));
    }
    arranged
}

/// The members from old to new, when their times allow it.
fn in_order_of_time(items: &[Item], members: &[(Turn, usize)]) -> Result<Vec<usize>, String> {
    let mut spans: Vec<(usize, Option<UtcTime>, Option<UtcTime>)> = members
        .iter()
        .map(|(_, index)| {
            let (first, last) = span(&items[*index].path);
            (*index, first, last)
        })
        .collect();
    if spans.iter().all(|(_, first, _)| first.is_some()) {
        // The sort is stable: the names decide among equals.
        spans.sort_by_key(|(_, first, _)| *first);
    } else if !is_in_order(spans.iter().filter_map(|(_, first, _)| *first))
        || !is_in_order(spans.iter().filter_map(|(index, ..)| items[*index].modified))
    {
        return Err("not all of them have times, and those there are contradict their names".to_owned());
    }
    for pair in spans.windows(2) {
        let [(before, begun, Some(last)), (after, Some(first), _)] = pair else { continue };
        // Files that begin at the same time are written side by side, however short they are.
        let side_by_side = *begun == Some(*first) && last > first;
        if side_by_side || first.millis_since(*last) < -SLACK_MS {
            return Err(format!(
                "their times overlap: {} ends at {last}, {} begins at {first}",
                items[*before].shown, items[*after].shown
            ));
        }
    }
    Ok(spans.into_iter().map(|(index, ..)| index).collect())
}

fn is_in_order(times: impl Iterator<Item = UtcTime>) -> bool {
    let times: Vec<UtcTime> = times.collect();
    times.is_sorted()
}

/// The first time at the start of a file, and the last at its end; the end of a packed file is not looked at.
fn span(path: &Path) -> (Option<UtcTime>, Option<UtcTime>) {
    let first = sniff::open(path).ok().and_then(|file| times(file.take(END_BYTES)).0);
    let last = if sniff::is_plain(path).unwrap_or(false) { tail_time(path).ok().flatten() } else { None };
    (first, last)
}

fn tail_time(path: &Path) -> io::Result<Option<UtcTime>> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(END_BYTES)))?;
    Ok(times(file.take(END_BYTES)).1)
}

fn times(mut reader: impl Read + Send) -> (Option<UtcTime>, Option<UtcTime>) {
    let input = Input::new(SourceId(1), "", &mut reader);
    let scan = scan([input], &Options { templates: false, ..Options::default() });
    scan.sources.first().map_or((None, None), |source| (source.first, source.last))
}

/// The log that a file is part of by its name, and its turn in it.
fn turn_of(path: &Path) -> Option<(PathBuf, Turn)> {
    let name = path.file_name()?.to_str()?;
    let name = [".gz", ".zst", ".xz", ".bz2", ".lz4", ".Z"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name);
    let (log, turn) = split_name(name);
    Some((path.with_file_name(log), turn))
}

fn split_name(name: &str) -> (String, Turn) {
    // `app.log.3`
    if let Some((log, digits)) = name.rsplit_once('.')
        && let Some(index) = index_of(digits)
    {
        return (log.to_owned(), Turn::Index(std::cmp::Reverse(index)));
    }
    // `app.log-20240501`, `app.log.2024-05-01_12`
    if let Some((log, date)) = split_date(name) {
        return (log.to_owned(), Turn::Date(date));
    }
    // `app.2024-05-01.log`, `app.3.log`
    if let Some((stem, ending)) = name.rsplit_once('.').filter(|(_, ending)| is_log_ending(ending)) {
        if let Some((log, date)) = split_date(stem) {
            return (format!("{log}.{ending}"), Turn::Date(date));
        }
        if let Some((log, digits)) = stem.rsplit_once('.')
            && let Some(index) = index_of(digits)
        {
            return (format!("{log}.{ending}"), Turn::Index(std::cmp::Reverse(index)));
        }
    }
    (name.to_owned(), Turn::Current)
}

fn is_log_ending(ending: &str) -> bool {
    ["log", "txt", "json", "jsonl", "out", "err"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

fn index_of(digits: &str) -> Option<u32> {
    let is_index = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_index)
}

/// A name, a separator, and what is a date from there on: digits, and what stands between those of dates.
fn split_date(name: &str) -> Option<(&str, String)> {
    name.char_indices().filter(|(_, separator)| matches!(separator, '-' | '.' | '_')).find_map(|(at, _)| {
        let rest = name.get(at + 1..)?;
        let is_between = |byte: u8| matches!(byte, b'-' | b'_' | b'T' | b'.' | b':');
        let is_date = rest.bytes().all(|byte| byte.is_ascii_digit() || is_between(byte));
        let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
        let year: u32 = digits.get(..4)?.parse().ok()?;
        (at > 0 && is_date && digits.len() >= 8 && (1990..2100).contains(&year))
            .then(|| (&name[..at], digits))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |name: &str, expected: &str| {
            let shown = turn_of(Path::new(name)).map(|(log, turn)| {
                let turn = match turn {
                    Turn::Index(index) => format!("#{}", index.0),
                    Turn::Date(date) => date,
                    Turn::Current => "current".to_owned(),
                };
                format!("{} {turn}", log.display())
            });
            assert_eq!(shown.as_deref(), Some(expected), "{name}");
        };
        check("/var/log/app.log", "/var/log/app.log current");
        check("app.log.1", "app.log #1");
        check("app.log.2.gz", "app.log #2");
        check("app.3.log", "app.log #3");
        check("app.log-20240501", "app.log 20240501");
        check("app.log-20240501.gz", "app.log 20240501");
        check("app.log-20240501-1714521600.xz", "app.log 202405011714521600");
        check("app.log.2024-05-01", "app.log 20240501");
        check("app.log.2024-05-01_12-00", "app.log 202405011200");
        check("app.2024-05-01.log", "app.log 20240501");
        check("app.2024-05-01_12-00-00_123456.log", "app.log 20240501120000123456");
        check("app-2024-05-01.log.bz2", "app.log 20240501");
        check("shop-1.4.2.log", "shop-1.4.log #2");
        check("syslog.1", "syslog #1");
        check("0.log.20240501-120000.gz", "0.log 20240501120000");
        check("1f2e-json.log.1", "1f2e-json.log #1");
    }
}
