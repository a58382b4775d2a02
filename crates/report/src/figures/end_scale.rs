//! Where a time stands in a figure: the nearer to the end, the more room a second has.

use pycoroner_findings::UtcTime;

use super::svg::{Svg, WIDTH};
use crate::Incident;

/// Seconds from the end on a logarithmic scale, to both sides of it.
///
/// The hours before a death and its last seconds are both in one picture. The order of times is kept; distances are
/// not to scale, and the ticks say so.
pub(super) struct EndScale {
    end: UtcTime,
    left: f64,
    right: f64,
    /// Logarithms of the outermost seconds before and after the end.
    before: f64,
    after: f64,
}

const TICKS: [(f64, &str); 9] = [
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3_600.0, "1 h"),
    (21_600.0, "6 h"),
    (86_400.0, "1 day"),
    (604_800.0, "7 days"),
    (2_592_000.0, "30 days"),
];
/// Room for the last label.
const MARGIN: f64 = 26.0;

impl EndScale {
    /// A scale from `left` to the right margin that has room for all times.
    pub(super) fn new(end: UtcTime, times: impl IntoIterator<Item = UtcTime>, left: f64) -> Self {
        let (mut before, mut after) = (strength(10.0), 0.0_f64);
        for time in times {
            let seconds = seconds_from(end, time);
            if seconds < 0.0 {
                before = before.max(strength(-seconds));
            } else {
                after = after.max(strength(seconds));
            }
        }
        Self { end, left, right: WIDTH - MARGIN, before, after }
    }

    /// Where a time stands.
    pub(super) fn x(&self, time: UtcTime) -> f64 {
        let seconds = seconds_from(self.end, time);
        let strength = strength(seconds.abs()).copysign(seconds);
        self.end_x() + strength * self.units_per_strength()
    }

    fn end_x(&self) -> f64 {
        self.left + self.before * self.units_per_strength()
    }

    fn units_per_strength(&self) -> f64 {
        (self.right - self.left) / (self.before + self.after).max(0.1)
    }

    /// Draws the axis at `y`, the ticks, and the end from `top` on.
    pub(super) fn draw(&self, svg: &mut Svg, top: f64, y: f64) {
        svg.line("axis", [self.left, y, self.right, y]);
        let sides = [(-1.0, self.before, "−"), (1.0, self.after, "+")];
        for (sign, outermost, mark) in sides {
            let mut free = 34.0;
            for (seconds, name) in TICKS {
                if strength(seconds) > outermost {
                    break;
                }
                let distance = strength(seconds) * self.units_per_strength();
                let x = self.end_x() + sign * distance;
                svg.line("axis", [x, y, x, y + 4.0]);
                if distance >= free {
                    svg.centered("faint", x, y + 17.0, &format!("{mark}{name}"));
                    free = distance + 52.0;
                }
            }
        }
        svg.line("end", [self.end_x(), top, self.end_x(), y + 4.0]);
        svg.centered("faint", self.end_x(), y + 17.0, "end");
    }
}

/// The time that the figures look back from: the death, else the last event that has a time.
pub(super) fn end_of(incident: &Incident) -> Option<UtcTime> {
    let last = || incident.timeline.iter().filter_map(|event| Some(event.at?.time)).max();
    incident.died_at.map(|at| at.time).or_else(last)
}

fn seconds_from(end: UtcTime, time: UtcTime) -> f64 {
    time.millis_since(end) as f64 / 1_000.0
}

/// `log10(1 + seconds)`, so that the end itself is at 0.
fn strength(seconds: f64) -> f64 {
    (1.0 + seconds.max(0.0)).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_order() {
        let second = |seconds: i64| UtcTime(seconds * 1_000_000_000);
        let times = [-86_400, -3_600, -60, -1, 0, 1, 30].map(second);
        let scale = EndScale::new(second(0), times, 100.0);
        let places = times.map(|time| scale.x(time));
        assert!(places.is_sorted(), "{places:?}");
        assert!(
            (places[0] - 100.0).abs() < 0.01 && (places[6] - (WIDTH - MARGIN)).abs() < 0.01,
            "{places:?}"
        );
    }
}
