//! Times of a report: those of the day of the end are shown without their date, which would be the same in every row.

use pycoroner_findings::{TimeBasis, Timestamp, UtcTime};

use super::inert::{Inert, prose};
use super::quantity::{basis, span, uncertainty};
use crate::Incident;

/// How times are written in one report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    /// The day of the end, as `2024-05-01`.
    day: Option<String>,
    died_at: Option<Timestamp>,
}

impl Clock {
    /// The day of the death, or of the last event that has a time.
    pub(crate) fn of(incident: &Incident) -> Self {
        let last = || incident.timeline.iter().filter_map(|event| Some(event.at?.time)).max();
        let end = incident.died_at.map(|at| at.time).or_else(last);
        let day = end.and_then(|end| Some(end.to_string().split_once('T')?.0.to_owned()));
        Self { day, died_at: incident.died_at }
    }

    /// Where times stand without their date: of which day they are.
    pub(crate) fn day(&self) -> Inert {
        self.day.as_deref().map_or_else(Inert::default, prose)
    }

    /// `12:00:03.250`, to the millisecond; with the date when it is another day's.
    pub(crate) fn show(&self, time: UtcTime) -> Inert {
        prose(&self.plain(time))
    }

    /// [`Clock::show`] where no Markdown is read.
    pub(crate) fn plain(&self, time: UtcTime) -> String {
        let whole = UtcTime(time.0.saturating_sub(time.0.rem_euclid(1_000_000)));
        let text = whole.to_string();
        match text.trim_end_matches('Z').split_once('T') {
            Some((date, clock)) if self.day.as_deref() == Some(date) => clock.to_owned(),
            Some((date, clock)) => format!("{date} {clock}"),
            None => text,
        }
    }

    /// A time with no more digits than are known of it.
    pub(crate) fn moment(&self, at: Timestamp) -> Inert {
        prose(&self.plain_moment(at))
    }

    /// [`Clock::moment`] where no Markdown is read.
    pub(crate) fn plain_moment(&self, at: Timestamp) -> String {
        let digits = known_digits(at);
        let unit = if digits == 0 { 1_000_000_000 } else { 1_000_000 };
        let text = self.plain(UtcTime(at.time.0.saturating_sub(at.time.0.rem_euclid(unit))));
        match text.rsplit_once('.') {
            Some((whole, fraction)) => format!("{whole}.{}", fraction.get(..digits).unwrap_or(fraction)),
            None => text,
        }
    }

    /// A time that stands in a document as text.
    pub(crate) fn text(&self, time: Option<&str>) -> Inert {
        let Some(time) = time else { return Inert::default() };
        match serde_json::from_value(time.into()) {
            Ok(time) => self.show(time),
            Err(_) => prose(time),
        }
    }

    /// `12:00:03 to 12:00:09`, or the one time when both are the same.
    pub(crate) fn range(&self, from: UtcTime, to: UtcTime) -> Inert {
        let (from, to) = (self.show(from), self.show(to));
        if from == to { from } else { from.then(" to ").then(to) }
    }

    /// A time and how well it is known, where that is not simply to the digits shown.
    pub(crate) fn stamp(&self, at: Timestamp) -> Inert {
        let rough = if at.uncertainty_ms > 1 { uncertainty(at) } else { Inert::default() };
        let how: Inert = match at.basis {
            // Of whole files, and told once for each.
            TimeBasis::Stated | TimeBasis::AssumedZone | TimeBasis::InferredYear => Inert::default(),
            other => Inert::from("(").then(basis(other)).then(")"),
        };
        Inert::join([self.moment(at), rough, how], " ")
    }

    /// How long before the death or after it, as exactly as both are known.
    pub(crate) fn until_end(&self, at: Timestamp) -> Inert {
        let Some(death) = self.died_at else { return Inert::default() };
        let ms = at.time.millis_since(death.time);
        let is_rough = at.uncertainty_ms.max(death.uncertainty_ms) >= 1_000;
        let ms = if is_rough { (ms as f64 / 1_000.0).round() as i64 * 1_000 } else { ms };
        let sign = match ms {
            0 => return "0".into(),
            1.. => "+",
            _ => "−",
        };
        Inert::from(sign).then(span(ms))
    }
}

/// Date and clock to the millisecond, without the zone, which is UTC throughout a report.
pub(crate) fn dated(time: UtcTime) -> Inert {
    Clock::default().show(time)
}

/// [`dated`] of a time that stands in a document as text.
pub(crate) fn dated_text(time: Option<&str>) -> Inert {
    Clock::default().text(time)
}

/// [`dated`] with no more digits than are known of the time.
pub(crate) fn dated_moment(at: Timestamp) -> Inert {
    Clock::default().moment(at)
}

/// How many digits of a second's fraction a time is known to.
fn known_digits(at: Timestamp) -> usize {
    match at.uncertainty_ms {
        0..10 => 3,
        10..100 => 2,
        100..1_000 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn at(seconds: i64, basis: TimeBasis, uncertainty_ms: u64) -> Timestamp {
        Timestamp { time: UtcTime(seconds * SECOND), basis, uncertainty_ms }
    }

    #[test]
    fn the_day_of_the_end_goes_without_saying() {
        let clock = Clock { day: Some("1970-01-02".into()), died_at: None };
        let check = |time, expected: &str| assert_eq!(clock.show(UtcTime(time)).as_str(), expected);
        check(86_400 * SECOND, "00:00:00");
        check(86_401 * SECOND + 250_000_999, "00:00:01.250");
        check(0, "1970-01-01 00:00:00");
        assert_eq!(clock.text(Some("1970-01-02T12:00:00Z")).as_str(), "12:00:00");
        assert_eq!(clock.text(Some("no time")).as_str(), "no time");
        assert_eq!(clock.range(UtcTime(0), UtcTime(0)).as_str(), "1970-01-01 00:00:00");
        assert_eq!(Clock::default().show(UtcTime(0)).as_str(), "1970-01-01 00:00:00");
    }

    #[test]
    fn what_is_known_to_a_second_is_told_to_a_second() {
        let clock = |uncertainty| Clock { day: None, died_at: Some(at(10, TimeBasis::Stated, uncertainty)) };
        let half = Timestamp { time: UtcTime(8 * SECOND + SECOND / 2), ..at(0, TimeBasis::Stated, 1) };
        assert_eq!(clock(0).until_end(half).as_str(), "−1.500 s");
        assert_eq!(clock(1_000).until_end(half).as_str(), "−2 s");
        assert_eq!(clock(0).until_end(at(10, TimeBasis::Stated, 0)).as_str(), "0");
        assert_eq!(Clock::default().until_end(half).as_str(), "");
        let stamp = |basis, uncertainty| clock(0).stamp(at(0, basis, uncertainty)).as_str().to_owned();
        assert_eq!(stamp(TimeBasis::Stated, 1), "1970-01-01 00:00:00");
        assert_eq!(stamp(TimeBasis::Stated, 1_000), "1970-01-01 00:00:00 ± 1 s");
        assert_eq!(dated_moment(half).as_str(), "1970-01-01 00:00:08.500");
        let rough = dated_moment(Timestamp { uncertainty_ms: 182, ..half });
        assert_eq!(rough.as_str(), "1970-01-01 00:00:08.5");
        assert_eq!(
            Clock::default().moment(Timestamp { uncertainty_ms: 1_000, ..half }).as_str(),
            "1970-01-01 00:00:08"
        );
        assert_eq!(
            stamp(TimeBasis::InferredNeighbour, 1_000),
            "1970-01-01 00:00:00 ± 1 s (time of the record beside it)"
        );
    }
}
