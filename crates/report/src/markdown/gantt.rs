//! The timeline to scale, as a Mermaid chart, so that pauses are seen as pauses.
//!
//! Mermaid reads its own markup in labels: they hold kinds of events, cut down to letters, digits and hyphens, and
//! never text of the evidence.

use pycoroner_findings::{Severity, UtcTime};

use super::timeline::kind_in_words;
use crate::Incident;
use crate::timeline::{Alike, Row};
use crate::views::impact::{Fact, impact};

/// Most marks in the chart; more lie on top of each other.
const MOST_MARKS: usize = 14;
/// Most bars of one section.
const MOST_BARS: usize = 5;
/// Longest label, in characters.
const LONGEST: usize = 32;

/// The lines of the chart; none when there are fewer than two moments to show.
pub(super) fn lines(incident: &Incident, rows: &[Row<'_>]) -> Vec<String> {
    let marks = marks(rows);
    if marks.len() < 2 {
        return Vec::new();
    }
    let mut lines = vec![
        "gantt".to_owned(),
        "    title Key events (UTC, to scale)".to_owned(),
        "    dateFormat YYYY-MM-DDTHH:mm:ss.SSS".to_owned(),
        format!("    axisFormat {}", axis(&marks)),
    ];
    for (severity, name) in [
        (Severity::Critical, "critical"),
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Info, "info"),
    ] {
        let of_severity = marks.iter().filter(|mark| mark.alike.first.severity == severity);
        let drawn: Vec<String> = of_severity.map(Mark::line).collect();
        if !drawn.is_empty() {
            lines.push(format!("    section {name}"));
            lines.extend(drawn);
        }
    }
    lines.extend(bars(incident));
    lines
}

/// One row of the timeline in the chart.
struct Mark<'a> {
    alike: &'a Alike<'a>,
    from: UtcTime,
    to: UtcTime,
}

impl Mark<'_> {
    /// A mark for one moment, a bar for what happened again and again.
    fn line(&self) -> String {
        let is_critical = self.alike.first.severity == Severity::Critical;
        let name = label(&kind_in_words(&self.alike.first.kind));
        if self.from == self.to {
            let tag = if is_critical { "crit, milestone" } else { "milestone" };
            return format!("    {name} :{tag}, {}, 0s", stamp(self.from));
        }
        let tag = if is_critical { "crit" } else { "active" };
        format!("    {name} {} times :{tag}, {}, {}", self.alike.times(), stamp(self.from), stamp(self.to))
    }
}

fn marks<'a>(rows: &'a [Row<'a>]) -> Vec<Mark<'a>> {
    let timed = rows.iter().filter_map(|row| match row {
        Row::Event(alike) => Some(Mark { alike, from: alike.first.at?.time, to: alike.last_at()?.time }),
        Row::LeftOut(_) | Row::Quiet(_) => None,
    });
    let mut marks: Vec<_> = timed.collect();
    // The last ones are nearest to the end; the first one shows when it began.
    if marks.len() > MOST_MARKS {
        let nearest = marks.split_off(marks.len() - (MOST_MARKS - 1));
        marks.truncate(1);
        marks.extend(nearest);
    }
    marks
}

/// Alerts while they fired, those near the death; a mark where the end of one is not shown.
fn bars(incident: &Incident) -> Vec<String> {
    let alerts = impact(incident).into_iter().filter_map(|trace| match trace.fact {
        Fact::Alert { name, from, to, .. } => Some((from, label(&name), to)),
        _ => None,
    });
    let mut alerts: Vec<_> = alerts.take(MOST_BARS).collect();
    alerts.sort();
    if alerts.is_empty() {
        return Vec::new();
    }
    let bars = alerts.into_iter().map(|(from, name, to)| bar(&name, from, to));
    ["    section alerts".to_owned()].into_iter().chain(bars).collect()
}

fn bar(name: &str, from: UtcTime, to: Option<UtcTime>) -> String {
    match to {
        Some(to) => format!("    {name} :active, {}, {}", stamp(from), stamp(to)),
        None => format!("    {name} end not shown :milestone, {}, 0s", stamp(from)),
    }
}

/// With the date when the chart spans more than a day.
fn axis(marks: &[Mark<'_>]) -> &'static str {
    let first = marks.iter().map(|mark| mark.from.0).min().unwrap_or(0);
    let last = marks.iter().map(|mark| mark.to.0).max().unwrap_or(0);
    if last.saturating_sub(first) > 86_400_000_000_000 { "%m-%d %H:%M" } else { "%H:%M:%S" }
}

/// `2024-05-01T12:00:03.000`.
fn stamp(time: UtcTime) -> String {
    let whole = UtcTime(time.0 - time.0.rem_euclid(1_000_000));
    let text = whole.to_string();
    let text = text.trim_end_matches('Z');
    if text.contains('.') { text.to_owned() } else { format!("{text}.000") }
}

/// What Mermaid can only read as a name.
fn label(text: &str) -> String {
    let letters = text.chars().take(LONGEST);
    let plain: String = letters
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { ' ' })
        .collect();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if plain.is_empty() { "event".to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_hold_no_markup() {
        let check = |text: &str, expected: &str| assert_eq!(label(text), expected);
        check("worker-timeout", "worker-timeout");
        check("a: b; c #d %% <script> `e`\n", "a b c d script e");
        check("\u{202e}", "event");
        assert_eq!(label(&"x".repeat(100)).len(), LONGEST);
    }

    #[test]
    fn stamps() {
        assert_eq!(stamp(UtcTime(0)), "1970-01-01T00:00:00.000");
        assert_eq!(stamp(UtcTime(1_234_567_890)), "1970-01-01T00:00:01.234");
    }
}
