use pycoroner_findings::{Severity, Timestamp};

use super::Figure;
use super::end_scale::{EndScale, end_of};
use super::svg::{Svg, WIDTH};
use crate::Incident;
use crate::markdown::clock::Clock;
use crate::markdown::timeline::kind_in_words;
use crate::timeline::{Row, key_rows};

/// Room for the time and the source of an event.
const NAMES: f64 = 150.0;
const ROW: f64 = 21.0;
/// Between a mark and its words.
const GAP: f64 = 11.0;
/// Room beside a bar that words are put into.
const ENOUGH: f64 = 330.0;

/// The key events, one below the other: a mark at its time, and what happened beside it.
pub(super) fn draw(incident: &Incident) -> Option<Figure> {
    let end = end_of(incident)?;
    let rows = key_rows(incident);
    let events: Vec<Shown> = rows.iter().filter_map(Shown::of).collect();
    if events.len() < 2 {
        return None;
    }
    let height = 10.0 + ROW * events.len() as f64;
    let mut svg = Svg::new(height + 24.0, "Key events by time from the end");
    let times = events.iter().flat_map(|event| [event.at.time, event.last.time]);
    let scale = EndScale::new(end, times, NAMES);
    let clock = Clock::of(incident);
    scale.draw(&mut svg, 4.0, height);
    for (row, event) in events.iter().enumerate() {
        let y = 15.0 + ROW * row as f64;
        let source = event.source.map_or_else(String::new, |source| source.to_string());
        svg.text("faint", 0.0, y + 4.0, NAMES - 44.0, &clock.plain_moment(event.at));
        svg.ending("faint", NAMES - 12.0, y + 4.0, 36.0, &source);
        let (from, to) = (scale.x(event.at.time), scale.x(event.last.time));
        let class = class_of(event.severity);
        let is_bar = to > from + 6.0;
        // On the side that has more room for words; where a bar leaves none, above it.
        let (before, behind) = (from - NAMES - GAP, WIDTH - to - GAP);
        let is_above = is_bar && before.max(behind) < ENOUGH;
        let bar = if is_above { y + 5.0 } else { y - 3.0 };
        if is_bar {
            svg.rect(class, [from, bar, to - from, if is_above { 3.0 } else { 6.0 }], &event.words);
        }
        svg.dot(class, from, if is_above { bar + 1.5 } else { y }, &event.words);
        let words = if event.severity >= Severity::Critical { "strong over" } else { "over" };
        if is_above {
            svg.text(words, from + GAP, y + 2.0, WIDTH - from - GAP, &event.words);
        } else if behind > before {
            svg.text(words, to + GAP, y + 4.0, behind, &event.words);
        } else {
            svg.ending(words, from - GAP, y + 4.0, before, &event.words);
        }
    }
    let caption = "Key events (UTC) and the file that tells of each; the nearer to the end, the more room a second has. \
                   Red: critical, orange: error, yellow: warning. A bar reaches from the first to the last of several \
                   alike. Point at a mark for all of its words."
        .to_owned();
    Some(Figure { section: "timeline".to_owned(), caption, svg: svg.finish() })
}

/// One row of the figure.
struct Shown {
    at: Timestamp,
    last: Timestamp,
    severity: Severity,
    source: Option<pycoroner_findings::SourceId>,
    words: String,
}

impl Shown {
    fn of(row: &Row) -> Option<Self> {
        let Row::Event(alike) = row else { return None };
        let (event, at) = (alike.first, alike.first.at?);
        let more = if alike.times() > 1 { format!(" ({} times)", alike.times()) } else { String::new() };
        Some(Self {
            at,
            last: alike.last_at().unwrap_or(at),
            severity: event.severity,
            source: event.citation.as_ref().map(|citation| citation.source),
            words: format!("{}: {}{more}", kind_in_words(&event.kind), event.message),
        })
    }
}

fn class_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}
