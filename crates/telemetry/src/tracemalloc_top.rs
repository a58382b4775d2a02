//! What programs print of tracemalloc: statistics as `str()` gives them, differences of two snapshots, and the
//! `display_top` and the blocks of the
//! [examples](https://docs.python.org/3.13/library/tracemalloc.html#pretty-top) of Python's documentation.
//!
//! Sizes are rounded there (`tracemalloc._format_size` of `Lib/tracemalloc.py`, v3.13.0: one digit behind the point up
//! to 100 of a unit), so that sums of them are no totals.

use pycoroner_findings::{Gap, GapKind, SourceId};

use crate::document::{AllocationSite, Counted, Export, StackFrame, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::place::cite_line;

/// Most sites that are read of one file.
const MOST_SITES: usize = 10_000;
/// Most frames that are kept of one site.
const MOST_FRAMES: usize = 64;

/// Whether the first line that says anything is a site.
pub(crate) fn is_top(head: &Head<'_>) -> bool {
    let mut lines = head.lines().filter_map(|line| std::str::from_utf8(line).ok());
    lines.find(|line| !line.is_empty() && !is_heading(line)).is_some_and(|line| row(line).is_some())
}

/// `[ Top 10 ]`, `[ Top 10 differences ]`, `Top 10 lines`.
fn is_heading(line: &str) -> bool {
    line.starts_with("[ Top ") || (line.starts_with("Top ") && line.ends_with(" lines"))
}

/// Reads where how much memory was allocated.
pub(crate) fn read_top(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let (mut offset, mut odd) = (0, 0_u64);
    // The lines of source code below a site are not said to be odd.
    let mut is_below = false;
    for (number, line) in (1_u64..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let citation = cite_line(source, number, offset, line);
        offset += line.len();
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        if let Some(row) = row(text) {
            if telemetry.allocations.len() >= MOST_SITES {
                let why = format!("{MOST_SITES} are read of one file");
                telemetry.gaps.push(Gap::new(GapKind::Limit, "the rest of the sites", why).at(citation));
                break;
            }
            is_below = true;
            telemetry.allocations.push(AllocationSite {
                frames: row.frame.into_iter().collect(),
                bytes: Some(row.bytes),
                blocks: row.blocks,
                growth: row.new_blocks,
                growth_bytes: row.new_bytes,
                type_name: None,
                counted: Counted::Live,
                heaviest: None,
                citation,
            });
        } else if let Some(frame) = traceback_line(text).filter(|_| is_below) {
            // Oldest call first (3.7 and later): the last line is where it was allocated.
            let site = telemetry.allocations.last_mut();
            if let Some(site) = site.filter(|site| site.frames.len() < MOST_FRAMES) {
                site.frames.insert(0, frame);
            }
        } else if !text.is_empty() && !is_heading(text) && !is_total(text) {
            odd += u64::from(!(is_below && text.starts_with(' ')));
        }
    }
    if odd > 0 {
        let what = format!("{odd} lines beside the sites");
        telemetry.gaps.push(Gap::new(GapKind::Unknown, what, "tracemalloc prints no such lines"));
    }
    let sites = telemetry.allocations.len();
    telemetry.exports.push(Export::of(source, ExportFormat::TracemallocTop, sites, &[]));
    telemetry
}

/// One site as it is printed.
#[derive(Debug, PartialEq)]
struct Row {
    /// None where a traceback follows.
    frame: Option<StackFrame>,
    bytes: u64,
    blocks: Option<u64>,
    new_bytes: Option<u64>,
    new_blocks: Option<u64>,
}

fn row(line: &str) -> Option<Row> {
    statistic(line).or_else(|| ranked(line)).or_else(|| blocks(line))
}

/// `/srv/app.py:12: size=1.2 MiB (+1.1 MiB), count=3 (+2), average=410 KiB`
fn statistic(line: &str) -> Option<Row> {
    let (place, rest) = line.rsplit_once(": size=")?;
    let (bytes, rest) = rest.split_once(", count=")?;
    let (count, average) =
        rest.split_once(", average=").map_or((rest, None), |(count, size_)| (count, Some(size_)));
    if average.is_some_and(|average| size(average).is_none()) {
        return None;
    }
    let (bytes, new_bytes) = with_change(bytes);
    let (count, new_count) = with_change(count);
    Some(Row {
        frame: Some(frame(place)?),
        bytes: size(bytes)?,
        blocks: Some(count.parse().ok()?),
        // What shrank did not grow.
        new_bytes: new_bytes.and_then(|change| size(change.strip_prefix('+')?)),
        new_blocks: new_count.and_then(|change| change.strip_prefix('+')?.parse().ok()),
    })
}

/// `1.2 MiB (+1.1 MiB)` as both of its parts.
fn with_change(text: &str) -> (&str, Option<&str>) {
    match text.split_once(" (") {
        Some((now, change)) => (now, change.strip_suffix(')')),
        None => (text, None),
    }
}

/// `#1: lib/base64.py:414: 419.8 KiB`
fn ranked(line: &str) -> Option<Row> {
    let (rank, rest) = line.strip_prefix('#')?.split_once(": ")?;
    rank.parse::<u32>().ok()?;
    let (place, bytes) = rest.rsplit_once(": ")?;
    Some(Row {
        frame: Some(frame(place)?),
        bytes: size(bytes)?,
        blocks: None,
        new_bytes: None,
        new_blocks: None,
    })
}

/// `153 memory blocks: 290.4 KiB`
fn blocks(line: &str) -> Option<Row> {
    let (count, bytes) = line.split_once(" memory blocks: ")?;
    let blocks = Some(count.parse().ok()?);
    Some(Row { frame: None, bytes: size(bytes)?, blocks, new_bytes: None, new_blocks: None })
}

/// `3 other: 279.6 KiB` and `Total allocated size: 5303.1 KiB`.
fn is_total(line: &str) -> bool {
    let bytes = line.strip_prefix("Total allocated size: ").or_else(|| {
        let (count, bytes) = line.split_once(" other: ")?;
        count.parse::<u64>().ok().map(|_| bytes)
    });
    bytes.is_some_and(|bytes| size(bytes).is_some())
}

/// `  File "/srv/app.py", line 12`
fn traceback_line(line: &str) -> Option<StackFrame> {
    let (file, number) = line.strip_prefix("  File \"")?.split_once("\", line ")?;
    Some(StackFrame {
        function: String::new(),
        file: Some(file.to_owned()),
        line: Some(number.parse().ok()?),
    })
}

/// `/srv/app.py:12`; statistics by file have the line 0.
fn frame(place: &str) -> Option<StackFrame> {
    let (file, line) = place.rsplit_once(':')?;
    let line: u64 = line.parse().ok()?;
    let is_file = !file.is_empty() && !file.starts_with([' ', '\t']);
    is_file.then(|| StackFrame {
        function: String::new(),
        file: Some(file.to_owned()),
        line: Some(line).filter(|line| *line > 0),
    })
}

/// `419.8 KiB` in bytes, as exactly as it is printed.
fn size(text: &str) -> Option<u64> {
    let (number, unit) = text.split_once(' ')?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !number.is_empty();
    let shift = match unit {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    let value: f64 = number.parse().ok().filter(|_| is_number)?;
    Some((value * (1_u64 << shift) as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `file:line bytes blocks +bytes +blocks` of a line, with `-` for what it does not say.
    #[test]
    fn lines() {
        let check = |line: &str, expected: Option<&str>| {
            let number =
                |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
            let found = row(line).map(|row| {
                let place = row.frame.map_or_else(String::new, |frame| {
                    format!("{}:{}", frame.file.unwrap_or_default(), number(frame.line))
                });
                let numbers = [Some(row.bytes), row.blocks, row.new_bytes, row.new_blocks].map(number);
                format!("{place} {}", numbers.join(" "))
            });
            assert_eq!(found.as_deref(), expected, "{line}");
        };
        check(
            "/srv/app.py:31: size=21.8 MiB, count=268555, average=85 B",
            Some("/srv/app.py:31 22858956 268555 - -"),
        );
        check(
            "/srv/a b:c.py:7: size=1536 B (+512 B), count=3 (+1), average=512 B",
            Some("/srv/a b:c.py:7 1536 3 512 1"),
        );
        check("/srv/app.py:9: size=0 B (-40.0 KiB), count=0 (-2)", Some("/srv/app.py:9 0 0 - -"));
        check(
            "<frozen abc>:0: size=599 KiB, count=2374, average=258 B",
            Some("<frozen abc>:- 613376 2374 - -"),
        );
        check("#1: lib/base64.py:414: 419.8 KiB", Some("lib/base64.py:414 429875 - - -"));
        check("153 memory blocks: 290.4 KiB", Some(" 297369 153 - -"));
        for line in [
            "",
            "size=1 B",
            "#x: a.py:1: 2 KiB",
            "a.py:1: size=1 XB, count=1",
            "3 other: 2 KiB",
            "a.py:b: size=1 B, count=1",
            "#1: a.py:1: 1e9 KiB",
        ] {
            check(line, None);
        }
    }
}
