//! How often, when and at what pace something was seen, before a death and around it.

use pycoroner_findings::UtcTime;

use crate::document::Place;

/// Stretches before the window, each as long as the window up to the death, that are counted one by one.
pub(crate) const STRETCHES: usize = 64;

/// One record, as far as counting goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sighting {
    pub(crate) time: Option<UtcTime>,
    pub(crate) moment: Moment,
    pub(crate) place: Place,
    /// The log that it stands in, as a bit; a log and its rotated predecessors are one.
    pub(crate) log: u64,
}

/// Many records in their order, all of one moment, log and source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    pub(crate) count: u64,
    pub(crate) moment: Moment,
    pub(crate) log: u64,
    /// Where the first one stands.
    pub(crate) place: Place,
    /// Where the last one stands that has the latest time.
    pub(crate) newest: Place,
    /// The time of the first one.
    pub(crate) start: UtcTime,
    /// The earliest and the latest time.
    pub(crate) ends: [UtcTime; 2],
    /// The longest step from what was the latest time to a later one.
    pub(crate) gap: [UtcTime; 2],
}

impl Batch {
    /// Whether it is known where the earliest record stands, where that is asked: behind the death.
    pub(crate) fn tells_its_earliest(&self) -> bool {
        !self.moment.is_behind() || self.start == self.ends[0]
    }
}

/// Where a record lies in relation to what is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the window; in which stretch, counted back from it.
    Before(u32),
    /// In the window, before the death.
    Inside,
    /// In the window, behind the time of the death and no further from it than that is uncertain. It has no part in
    /// rates, so that what starts anew does not raise those before the death.
    AroundDeath,
    /// In the window, after the death.
    AfterDeath,
    /// Behind the window, or at no known time, or there is no window.
    Elsewhere,
}

impl Moment {
    /// The last records of such moments are kept.
    pub(crate) fn is_kept(self) -> bool {
        matches!(self, Self::Inside | Self::Before(_) | Self::AroundDeath)
    }

    /// No pace is told of it.
    fn is_after(self) -> bool {
        matches!(self, Self::AroundDeath | Self::AfterDeath | Self::Elsewhere)
    }

    /// What was silent at the death and is seen then has come back.
    fn is_behind(self) -> bool {
        matches!(self, Self::AroundDeath | Self::AfterDeath)
    }
}

/// Counts of something.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    pub(crate) before: u64,
    pub(crate) inside: u64,
    pub(crate) after_death: u64,
    /// In the window, and as far behind the death as that is uncertain.
    pub(crate) around_death: u64,
    pub(crate) first: Option<UtcTime>,
    pub(crate) last: Option<UtcTime>,
    /// Where the first one stands.
    pub(crate) place: Option<Place>,
    /// Where the first one in the window stands.
    pub(crate) place_in_window: Option<Place>,
    /// Where the last one before the death stands.
    pub(crate) place_before_death: Option<Place>,
    /// When and where it was seen first behind the death, in the window.
    pub(crate) back: Option<(UtcTime, Place)>,
    pub(crate) logs: u64,
    stretches: Option<Box<[u32; STRETCHES]>>,
    pub(crate) pace: Pace,
}

impl Tally {
    pub(crate) fn add(&mut self, sighting: &Sighting) {
        let Sighting { time, moment, place, log } = *sighting;
        self.count += 1;
        self.logs |= log;
        self.place = Some(self.place.map_or(place, |known| earlier(known, place)));
        if let Some(time) = time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
        match moment {
            Moment::Elsewhere => return,
            Moment::Before(stretch) => {
                self.before += 1;
                self.count_stretch(stretch, 1);
            }
            Moment::Inside | Moment::AroundDeath | Moment::AfterDeath => {
                let slot = &mut self.place_in_window;
                *slot = Some(slot.map_or(place, |known| earlier(known, place)));
                *self.in_window(moment) += 1;
            }
        }
        if let Some(time) = time.filter(|_| moment.is_behind()) {
            self.back = first_back(self.back, Some((time, place)));
        }
        if let Some(time) = time.filter(|_| !moment.is_after()) {
            self.pace.add(place.source, time);
            if self.pace.last() == Some(time) {
                self.place_before_death = Some(place);
            }
        }
    }

    /// The count of one of the moments of the window.
    fn in_window(&mut self, moment: Moment) -> &mut u64 {
        match moment {
            Moment::Inside => &mut self.inside,
            Moment::AroundDeath => &mut self.around_death,
            _ => &mut self.after_death,
        }
    }

    /// Whether [`Self::add_all`] tells the same as adding the records one by one.
    pub(crate) fn takes(&self, batch: &Batch) -> bool {
        batch.tells_its_earliest() && (batch.moment.is_after() || self.pace.takes(batch))
    }

    /// Adds many at once.
    pub(crate) fn add_all(&mut self, batch: &Batch) {
        let Batch { count, moment, log, place, ends: [first, last], .. } = *batch;
        let of = |counter: &mut u64| *counter += count;
        of(&mut self.count);
        self.logs |= log;
        self.place = Some(self.place.map_or(place, |known| earlier(known, place)));
        self.first = Some(self.first.map_or(first, |known| known.min(first)));
        self.last = self.last.max(Some(last));
        match moment {
            Moment::Elsewhere => {}
            Moment::Before(stretch) => {
                of(&mut self.before);
                self.count_stretch(stretch, u32::try_from(count).unwrap_or(u32::MAX));
            }
            Moment::Inside | Moment::AroundDeath | Moment::AfterDeath => {
                let slot = &mut self.place_in_window;
                *slot = Some(slot.map_or(place, |known| earlier(known, place)));
                *self.in_window(moment) += count;
            }
        }
        if moment.is_behind() {
            self.back = first_back(self.back, Some((batch.start, place)));
        }
        if !moment.is_after() {
            self.pace.add_all(batch);
            if self.pace.last() == Some(last) {
                self.place_before_death = Some(batch.newest);
            }
        }
    }

    fn count_stretch(&mut self, stretch: u32, count: u32) {
        let stretches = self.stretches.get_or_insert_with(|| Box::new([0; STRETCHES]));
        if let Some(known) = stretches.get_mut(stretch as usize) {
            *known = known.saturating_add(count);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let least = |a: Option<UtcTime>, b: Option<UtcTime>| a.into_iter().chain(b).min();
        let first_of = |a: Option<Place>, b: Option<Place>| a.into_iter().chain(b).reduce(earlier);
        if other.pace.last() > self.pace.last() {
            self.place_before_death = other.place_before_death;
        }
        self.count += other.count;
        self.before += other.before;
        self.inside += other.inside;
        self.after_death += other.after_death;
        self.around_death += other.around_death;
        self.first = least(self.first, other.first);
        self.last = self.last.max(other.last);
        self.place = first_of(self.place, other.place);
        self.place_in_window = first_of(self.place_in_window, other.place_in_window);
        self.back = first_back(self.back, other.back);
        self.logs |= other.logs;
        if let Some(theirs) = &other.stretches {
            let ours = self.stretches.get_or_insert_with(|| Box::new([0; STRETCHES]));
            for (ours, theirs) in ours.iter_mut().zip(theirs.iter()) {
                *ours = ours.saturating_add(*theirs);
            }
        }
        self.pace.merge(&other.pace);
    }

    /// The counts of the `known` stretches next to the window.
    pub(crate) fn stretches(&self, known: usize) -> impl Iterator<Item = u64> + '_ {
        (0..known.min(STRETCHES)).map(|index| {
            let stretches = self.stretches.as_ref();
            stretches.and_then(|counts| counts.get(index)).map_or(0, |count| u64::from(*count))
        })
    }
}

/// The earlier of two sightings.
fn first_back(a: Option<(UtcTime, Place)>, b: Option<(UtcTime, Place)>) -> Option<(UtcTime, Place)> {
    a.into_iter().chain(b).min_by_key(|(time, place)| (*time, place.source, place.line))
}

fn earlier(a: Place, b: Place) -> Place {
    if (b.source, b.line) < (a.source, a.line) { b } else { a }
}

/// The gaps between the times of something, by source: only within one are times in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    runs: Vec<Run>,
}

/// Times of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    source: usize,
    pub(crate) first: UtcTime,
    pub(crate) last: UtcTime,
    pub(crate) longest_gap_ms: i64,
}

impl Pace {
    /// Runs that are told apart; a scan has few sources that hold the same message.
    const MOST: usize = 32;

    fn add(&mut self, source: usize, time: UtcTime) {
        if let Some(run) = self.runs.last_mut().filter(|run| run.source == source) {
            run.longest_gap_ms = run.longest_gap_ms.max(time.millis_since(run.last));
            run.first = run.first.min(time);
            run.last = run.last.max(time);
        } else {
            self.runs.push(Run { source, first: time, last: time, longest_gap_ms: 0 });
            self.bound();
        }
    }

    /// Whether the longest gap of a batch would be found one by one, too: times of before it may lie behind its start.
    fn takes(&self, batch: &Batch) -> bool {
        let [from, to] = batch.gap;
        match self.runs.last().filter(|run| run.source == batch.place.source) {
            Some(run) => run.last <= from || to.millis_since(from) <= run.longest_gap_ms,
            // One more run must not join all of them.
            None => self.runs.len() < Self::MOST,
        }
    }

    fn add_all(&mut self, batch: &Batch) {
        let source = batch.place.source;
        self.add(source, batch.start);
        let Some(run) = self.runs.last_mut().filter(|run| run.source == source) else { return };
        let [from, to] = batch.gap;
        run.longest_gap_ms = run.longest_gap_ms.max(to.millis_since(from));
        run.first = run.first.min(batch.ends[0]);
        run.last = run.last.max(batch.ends[1]);
    }

    fn merge(&mut self, other: &Self) {
        self.runs.extend_from_slice(&other.runs);
        self.bound();
    }

    fn bound(&mut self) {
        if self.runs.len() > Self::MOST
            && let Some(whole) = self.whole()
        {
            self.runs = vec![whole];
        }
    }

    fn last(&self) -> Option<UtcTime> {
        self.runs.iter().map(|run| run.last).max()
    }

    /// All runs as one. Where they overlap, the longest gap is an upper bound.
    pub(crate) fn whole(&self) -> Option<Run> {
        let mut runs = self.runs.clone();
        runs.sort_by_key(|run| (run.first, run.last));
        runs.into_iter().reduce(|known, next| Run {
            source: next.source,
            first: known.first,
            last: known.last.max(next.last),
            longest_gap_ms: known
                .longest_gap_ms
                .max(next.longest_gap_ms)
                .max(next.first.millis_since(known.last)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UtcTime {
        UtcTime(seconds * 1_000_000_000)
    }

    #[test]
    fn gaps() {
        let check = |times: &[(usize, i64)], expected: (i64, i64, i64)| {
            let mut pace = Pace::default();
            for (source, seconds) in times {
                pace.add(*source, at(*seconds));
            }
            let whole = pace.whole().unwrap();
            let seconds = |time: UtcTime| time.0 / 1_000_000_000;
            assert_eq!((seconds(whole.first), seconds(whole.last), whole.longest_gap_ms / 1000), expected);
        };
        check(&[(0, 10), (0, 13), (0, 15)], (10, 15, 3));
        // A rotated log: the gap lies between the files, in whatever order they are read.
        check(&[(0, 30), (0, 31), (1, 10), (1, 12)], (10, 31, 18));
        check(&[(0, 10), (0, 20), (1, 15), (1, 16)], (10, 20, 10));
        check(&[(0, 10), (0, 9), (0, 12)], (9, 12, 2));
    }

    #[test]
    fn merged_tallies_are_one() {
        let sighting = |second: i64, line: u64, moment: Moment| Sighting {
            time: Some(at(second)),
            moment,
            place: Place { line, ..Place::default() },
            log: 1,
        };
        let all = [
            sighting(10, 1, Moment::Before(1)),
            sighting(20, 2, Moment::Before(0)),
            sighting(30, 3, Moment::Inside),
            sighting(45, 4, Moment::AfterDeath),
            sighting(40, 5, Moment::AfterDeath),
        ];
        let tally = |sightings: &[Sighting]| {
            let mut tally = Tally::default();
            for sighting in sightings {
                tally.add(sighting);
            }
            tally
        };
        let whole = tally(&all);
        let mut merged = tally(&all[2..]);
        merged.merge(&tally(&all[..2]));
        let told = |tally: &Tally| {
            let counts = (tally.count, tally.before, tally.inside, tally.after_death + tally.around_death);
            let pace = tally.pace.whole().unwrap();
            let stretches: Vec<u64> = tally.stretches(2).collect();
            assert_eq!(tally.back.map(|(time, place)| (time, place.line)), Some((at(40), 5)));
            (
                counts,
                tally.first,
                tally.last,
                tally.place,
                tally.place_in_window,
                pace.longest_gap_ms,
                stretches,
            )
        };
        assert_eq!(told(&merged), told(&whole));
        assert_eq!(told(&whole).0, (5, 2, 1, 2));
    }
}
