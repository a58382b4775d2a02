use std::fmt::Write as _;

use pycoroner_findings::UtcTime;

use super::Figure;
use super::end_scale::{EndScale, end_of};
use super::svg::Svg;
use crate::Incident;

const NAMES: f64 = 270.0;
const LANE: f64 = 20.0;
/// Most sources that are drawn.
const MOST_LANES: usize = 24;

/// Which time each source speaks of.
pub(super) fn draw(incident: &Incident) -> Option<Figure> {
    let end = end_of(incident)?;
    let spans = spans(incident);
    if spans.is_empty() {
        return None;
    }
    let left_out = spans.len().saturating_sub(MOST_LANES);
    let spans = &spans[..spans.len().min(MOST_LANES)];
    let times = spans.iter().flat_map(|(_, first, last)| [*first, *last]);
    let scale = EndScale::new(end, times, NAMES);
    let height = 8.0 + LANE * spans.len() as f64;
    let mut svg = Svg::new(height + 24.0, "Which time each source covers");
    for (lane, (name, first, last)) in spans.iter().enumerate() {
        let y = 6.0 + LANE * lane as f64;
        let (from, to) = (scale.x(*first), scale.x(*last));
        svg.ends("", 0.0, y + 11.0, NAMES - 14.0, name);
        svg.rect(
            "bar",
            [from, y + 2.0, (to - from).max(3.0), LANE - 8.0],
            &format!("{name}: {first} to {last}"),
        );
    }
    scale.draw(&mut svg, 2.0, height);
    let mut caption =
        "What the evidence covers: each bar reaches from a file's first time to its last; the nearer to the end, the more \
         room a second has. A core has one moment, that of the end."
            .to_owned();
    if left_out > 0 {
        let _ = write!(caption, " {left_out} more files are not drawn.");
    }
    Some(Figure { section: "evidence-register".to_owned(), caption, svg: svg.finish() })
}

/// Name, first and last time of every source that has times; a core has the moment of its making.
fn spans(incident: &Incident) -> Vec<(String, UtcTime, UtcTime)> {
    let mut spans = Vec::new();
    for source in &incident.sources {
        let file = source.path.rsplit('/').next().unwrap_or(&source.path);
        let name = format!("{} {file}", source.id);
        if source.kind.starts_with("core") {
            spans.extend(incident.died_at.map(|at| (name, at.time, at.time)));
            continue;
        }
        let log =
            incident.logs.as_ref().and_then(|logs| logs.sources.iter().find(|log| log.id == Some(source.id)));
        let export = incident
            .telemetry
            .as_ref()
            .and_then(|telemetry| telemetry.exports.iter().find(|export| export.id == Some(source.id)));
        let span = match (log, export) {
            (Some(log), _) => time(log.first.as_deref()).zip(time(log.last.as_deref())),
            (None, Some(export)) => export.first.zip(export.last),
            (None, None) => None,
        };
        spans.extend(span.map(|(first, last)| (name, first, last)));
    }
    spans
}

/// A time that stands in a document as text.
fn time(text: Option<&str>) -> Option<UtcTime> {
    serde_json::from_value(text?.into()).ok()
}
