use std::collections::{BTreeMap, BTreeSet};

use pycoroner_findings::{Event, Severity, SourceId};

use super::Figure;
use super::end_scale::{EndScale, end_of};
use super::svg::Svg;
use crate::Incident;
use crate::timeline::{Row, key_rows};

/// Room for the name of a lane.
const NAMES: f64 = 190.0;
const LANE: f64 = 26.0;

/// The key events: a lane for each source, a dot for each event.
pub(super) fn draw(incident: &Incident) -> Option<Figure> {
    let end = end_of(incident)?;
    let rows = key_rows(&incident.timeline, incident.died_at);
    let events: Vec<&Event> = rows
        .iter()
        .filter_map(|row| match row {
            Row::Event(alike) => Some(alike.events().filter(|event| event.at.is_some())),
            Row::LeftOut(_) | Row::Quiet(_) => None,
        })
        .flatten()
        .collect();
    if events.len() < 2 {
        return None;
    }
    let mut lanes: BTreeMap<Option<SourceId>, Vec<&Event>> = BTreeMap::new();
    for event in &events {
        lanes.entry(event.citation.as_ref().map(|citation| citation.source)).or_default().push(event);
    }
    let height = 10.0 + LANE * lanes.len() as f64;
    let mut svg = Svg::new(height + 24.0, "Key events by source and time from the end");
    let scale = EndScale::new(end, events.iter().filter_map(|event| Some(event.at?.time)), NAMES);
    for (lane, (source, events)) in lanes.iter().enumerate() {
        let y = 18.0 + LANE * lane as f64;
        svg.line("axis", [NAMES, y, scale.x(end), y]);
        svg.text("", 0.0, y + 4.0, NAMES - 12.0, &name_of(incident, *source));
        // Of dots that would lie on each other, one is drawn.
        let mut drawn = BTreeSet::new();
        for event in events {
            let Some(at) = event.at else { continue };
            let (class, x) = (class_of(event.severity), scale.x(at.time));
            if drawn.insert((class, x.round() as i64)) {
                svg.dot(class, x, y, &format!("{} {}: {}", at.time, event.kind, event.message));
            }
        }
    }
    scale.draw(&mut svg, 6.0, height);
    let caption = "Key events by source; the nearer to the end, the more room a second has. \
                   Red: critical, orange: error, yellow: warning. Point at a dot for its text."
        .to_owned();
    Some(Figure { section: "timeline", caption, svg: svg.finish() })
}

/// `E2 app.log`.
fn name_of(incident: &Incident, source: Option<SourceId>) -> String {
    let Some(id) = source else { return "not cited".to_owned() };
    let path = incident.sources.iter().find(|known| known.id == id).map_or("", |known| &known.path);
    let file = path.rsplit('/').next().unwrap_or(path);
    format!("{id} {file}")
}

fn class_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}
