//! The text that targets expose, as `curl …/metrics`, `/federate` and `promtool tsdb dump-openmetrics` write it.
//!
//! [Exposition formats](https://prometheus.io/docs/instrumenting/exposition_formats/) and
//! [OpenMetrics 1.0](https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md).

use std::collections::BTreeMap;

use pycoroner_findings::{Citation, Gap, GapKind, SourceId};

use super::{MOST_SERIES, sample, series};
use crate::document::{Export, Series, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::place::cite_line;
use crate::time::epoch_seconds;

/// Lines that are looked at to tell the format.
const FIRST_LINES: usize = 30;
/// Times from here on are milliseconds: as seconds they would be in the year 5138.
const LEAST_MILLIS: f64 = 1e11;

/// Whether a file is such text: its first lines are samples and comments, with a type or labels among them.
pub(crate) fn is_exposition(head: &Head<'_>) -> bool {
    let mut is_certain = false;
    let mut lines: Vec<_> = head.lines().take(FIRST_LINES + 1).collect();
    // The last line may be cut.
    lines.pop();
    for line in lines.iter().filter(|line| !line.is_empty()) {
        let Ok(text) = std::str::from_utf8(line) else { return false };
        match text.strip_prefix("# ") {
            Some(comment) => is_certain |= comment.starts_with("TYPE ") || comment.starts_with("HELP "),
            None => match parse_sample(text) {
                Some(sample) => is_certain |= !sample.labels.is_empty() && text.contains("=\""),
                None => return false,
            },
        }
    }
    is_certain
}

/// Reads series; samples without a time become values without one.
pub(crate) fn read_exposition(export: &[u8], source: SourceId) -> Telemetry {
    let mut reader = Reader::default();
    let mut offset = 0;
    for (number, line) in export.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let citation = || cite_line(source, number as u64 + 1, offset, line);
        let text = String::from_utf8_lossy(line);
        let text = text.trim();
        if let Some(comment) = text.strip_prefix('#') {
            reader.comment(comment.trim_start());
        } else if !text.is_empty() {
            reader.sample(text, &citation);
        }
        offset += line.len();
    }
    reader.finish(source)
}

#[derive(Default)]
struct Reader {
    series: BTreeMap<(String, Vec<(String, String)>), Series>,
    /// What `# TYPE` says of metric families.
    counters: BTreeMap<String, bool>,
    samples: usize,
    not_numbers: usize,
    left_out: usize,
    broken: usize,
    first_broken: Option<Citation>,
}

impl Reader {
    fn comment(&mut self, comment: &str) {
        let mut words = comment.split_ascii_whitespace();
        if let (Some("TYPE"), Some(name), Some(kind)) = (words.next(), words.next(), words.next())
            && self.counters.len() < MOST_SERIES
        {
            self.counters.insert(name.to_owned(), kind == "counter");
        }
    }

    fn sample(&mut self, text: &str, citation: &dyn Fn() -> Citation) {
        let Some(parsed) = parse_sample(text) else {
            self.broken += 1;
            self.first_broken.get_or_insert_with(citation);
            return;
        };
        self.samples += 1;
        let Some(value) = parsed.value else {
            self.not_numbers += 1;
            return;
        };
        let name = parsed.labels.get("__name__").cloned().unwrap_or_default();
        let key = (name, parsed.labels.clone().into_iter().collect());
        if self.series.len() >= MOST_SERIES && !self.series.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        let is_counter = self.is_counter(&key.0);
        let series = self.series.entry(key).or_insert_with(|| {
            let mut series = series(parsed.labels, citation());
            series.is_counter = is_counter.unwrap_or(series.is_counter);
            series
        });
        match parsed.time {
            Some(time) => series.points.push((time, value)),
            None => series.value = Some(value),
        }
    }

    /// What the type of the sample's family says; `OpenMetrics` names a counter's family without `_total`.
    fn is_counter(&self, name: &str) -> Option<bool> {
        let family = self.counters.get(name).or_else(|| self.counters.get(name.strip_suffix("_total")?));
        family.copied()
    }

    fn finish(self, source: SourceId) -> Telemetry {
        let mut telemetry = Telemetry { series: self.series.into_values().collect(), ..Telemetry::default() };
        for series in &mut telemetry.series {
            series.points.sort_by_key(|(time, _)| *time);
        }
        let mut gap = |count: usize, kind: GapKind, what: &str, why: String| {
            (count > 0).then(|| telemetry.gaps.push(Gap::new(kind, format!("{count} {what}"), why)));
        };
        gap(self.not_numbers, GapKind::Unknown, "samples", "they are NaN or infinite".to_owned());
        gap(self.left_out, GapKind::Limit, "samples", format!("{MOST_SERIES} series are read of one export"));
        let untimed = telemetry.series.iter().filter(|series| series.value.is_some()).count();
        if untimed > 0 {
            let gap = Gap::new(
                GapKind::Missing,
                format!("the time of {untimed} samples"),
                "the export states none",
            );
            let remedy = "export a range of them: curl 'http://PROMETHEUS/api/v1/query_range?query=…'";
            telemetry.gaps.push(gap.remedy(remedy));
        }
        if let Some(citation) = self.first_broken {
            let gap = Gap::new(
                GapKind::Unknown,
                format!("{} lines of the export", self.broken),
                "they are no samples",
            );
            telemetry.gaps.push(gap.at(citation));
        }
        let export = Export::of_series(source, ExportFormat::MetricsText, self.samples, &telemetry.series);
        telemetry.exports.push(export);
        telemetry
    }
}

/// One line with a sample.
struct Sample {
    /// With the name as `__name__`.
    labels: BTreeMap<String, String>,
    value: Option<f64>,
    time: Option<pycoroner_findings::UtcTime>,
}

/// Parses `name{label="value"} 1.5 1700000000.1 # {trace_id="…"} 1`; the exemplar behind `#` is left out.
fn parse_sample(line: &str) -> Option<Sample> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = line.find(|c| !is_name(c)).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if !name.is_empty() {
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        labels.insert("__name__".to_owned(), name.to_owned());
    }
    if let Some(inside) = rest.strip_prefix('{') {
        rest = parse_labels(inside, &mut labels)?;
    }
    if !labels.contains_key("__name__") || !rest.starts_with([' ', '\t']) {
        return None;
    }
    let mut words = rest.split_ascii_whitespace().take_while(|word| *word != "#");
    let value = words.next()?;
    value.parse::<f64>().ok()?;
    let time = match words.next() {
        Some(word) => Some(word.parse::<f64>().ok()?),
        None => None,
    };
    let time = time.and_then(|time| epoch_seconds(if time >= LEAST_MILLIS { time / 1e3 } else { time }));
    words.next().is_none().then(|| Sample { labels, value: sample(value), time })
}

/// Parses labels up to the closing brace and gives what is behind it; a quoted item without a value is the name.
fn parse_labels<'a>(mut rest: &'a str, labels: &mut BTreeMap<String, String>) -> Option<&'a str> {
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(behind) = rest.strip_prefix('}') {
            return Some(behind);
        }
        let key = if rest.starts_with('"') {
            let (key, behind) = quoted(rest)?;
            rest = behind;
            if !rest.trim_start().starts_with('=') {
                labels.insert("__name__".to_owned(), key);
                continue;
            }
            key
        } else {
            let end = rest.find(['=', '"', '}', ','])?;
            let (key, behind) = rest.split_at(end);
            rest = behind;
            key.trim().to_owned()
        };
        let (value, behind) = quoted(rest.trim_start().strip_prefix('=')?.trim_start())?;
        labels.insert(key, value);
        rest = behind;
    }
}

/// Parses a string in double quotes, and gives what is behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.strip_prefix('"')?.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            // The quote at the beginning is one byte, the one at the end another.
            '"' => return Some((value, text.get(at + 2..)?)),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples() {
        let check = |line: &str, expected: &str| {
            let found = parse_sample(line).map(|sample| {
                let labels: Vec<_> =
                    sample.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                let time = sample.time.map_or("-".to_owned(), |time| time.to_string());
                let value = sample.value.map_or("-".to_owned(), |value| value.to_string());
                format!("{} {value} {time}", labels.join(","))
            });
            assert_eq!(found.unwrap_or_default(), expected, "{line}");
        };
        check("up 1", "__name__=up 1 -");
        check(
            r#"a:b{x="1", y="q\"\\\n,}",} 2.5e3 1714564800123"#,
            "__name__=a:b,x=1,y=q\"\\\n,} 2500 2024-05-01T12:00:00.123Z",
        );
        check("a 1 1714564800.5", "__name__=a 1 2024-05-01T12:00:00.500Z");
        check(r#"a_bucket{le="1"} 3 # {trace_id="ab"} 0.5 1714564800"#, "__name__=a_bucket,le=1 3 -");
        check(r#"{"http.requests", "x y"="1"} 4"#, "__name__=http.requests,x y=1 4 -");
        check("a NaN", "__name__=a - -");
        check("a +Inf", "__name__=a - -");
        check("a 1 1e300", "__name__=a 1 -");
        for broken in [
            "",
            "a",
            "1 2",
            "a{",
            "a{x} 1",
            "a{x=\"1} 2",
            "a{x=1} 2",
            "a b",
            "a 1 2 3",
            "{} 1",
            "a{x=\"\\",
            "é 1",
        ] {
            check(broken, "");
        }
    }
}
