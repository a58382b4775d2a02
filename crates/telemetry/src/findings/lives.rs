use std::collections::{BTreeMap, BTreeSet};

use pycoroner_findings::{Citation, Span, UtcTime};

use crate::document::{Label, Series};

/// A pause of more than this many intervals is one.
const PAUSE: f64 = 2.5;
/// Start times that differ by less are the same: they are computed from the clock's own ticks.
const SAME_START_SECONDS: f64 = 1.0;
const START_TIME: &str = "process_start_time_seconds";

/// A restart of a target, between two samples.
#[derive(Clone, Debug)]
pub(super) struct Restart {
    /// The last sample of the old process.
    pub(super) after: UtcTime,
    /// The first sample of the new one.
    pub(super) until: UtcTime,
    /// When the new process started, where its metrics say so.
    pub(super) started: Option<UtcTime>,
    /// Counters that fell.
    pub(super) counters: BTreeSet<String>,
    /// The samples that show it: of the start time before and after, else of counters.
    pub(super) citations: Vec<Citation>,
}

impl Restart {
    fn between(after: UtcTime, until: UtcTime) -> Self {
        Self { after, until, started: None, counters: BTreeSet::new(), citations: Vec::new() }
    }

    /// One by which nothing but a time is known.
    pub(super) fn at(time: UtcTime) -> Self {
        Self::between(time, time)
    }
}

/// A counter that falls at so many samples, and at least at every fourth, is not one process's.
const MOST_FALLS: usize = 3;

/// Of which processes the samples of each target are.
#[derive(Debug, Default)]
pub(super) struct Lives {
    /// The restarts of each target, by time.
    restarts: BTreeMap<String, Vec<Restart>>,
    /// Targets whose samples are of several processes that answer in turn, such as workers that share a port; what falls
    /// there is no restart.
    mixed: BTreeSet<String>,
}

impl Lives {
    /// The restarts of a target, by time.
    pub(super) fn restarts_of(&self, target: &str) -> &[Restart] {
        self.restarts.get(target).map_or(&[], Vec::as_slice)
    }

    /// All targets that restarted.
    pub(super) fn restarted(&self) -> impl Iterator<Item = (&String, &Vec<Restart>)> {
        self.restarts.iter()
    }

    /// Whether several processes answer in turn as a target.
    pub(super) fn is_mixed(&self, target: &str) -> bool {
        self.mixed.contains(target)
    }

    /// All targets as which several processes answer in turn.
    pub(super) fn mixed(&self) -> impl Iterator<Item = &String> {
        self.mixed.iter()
    }
}

fn mixed(series: &[Series]) -> BTreeSet<String> {
    let is_mixed = |series: &&Series| {
        let falls = series.points.windows(2).filter(|pair| match pair {
            [(_, old), (_, new)] if series.name == START_TIME => old - new > SAME_START_SECONDS,
            [(_, old), (_, new)] => new < old,
            _ => false,
        });
        let falls = falls.count();
        // A process cannot have been started before the one that it took over from.
        (series.name == START_TIME && falls > 0)
            || (series.is_counter && falls >= MOST_FALLS && falls * 4 >= series.points.len())
    };
    series.iter().filter(is_mixed).map(Series::target).collect()
}

/// Finds restarts: the start time of the process changed, or counters fell, which they never do in one process.
pub(super) fn find(series: &[Series]) -> Lives {
    let mixed = mixed(series);
    let mut lives: BTreeMap<String, Vec<Restart>> = BTreeMap::new();
    for series in series {
        let is_start_time = series.name == START_TIME;
        if (!is_start_time && !series.is_counter) || mixed.contains(&series.target()) {
            continue;
        }
        for (index, pair) in series.points.windows(2).enumerate() {
            let [(after, old), (until, new)] = pair else { continue };
            let has_restarted = if is_start_time { new - old > SAME_START_SECONDS } else { new < old };
            if !has_restarted {
                continue;
            }
            let restarts = lives.entry(series.target()).or_default();
            let known = restarts.iter().position(|known| known.after < *until && *after < known.until);
            let place = known.unwrap_or(restarts.len());
            if known.is_none() {
                restarts.push(Restart::between(*after, *until));
            }
            let Some(restart) = restarts.get_mut(place) else { continue };
            // Each series says "between these two"; all together say more.
            restart.after = restart.after.max(*after);
            restart.until = restart.until.min(*until);
            let cited = [series.cite(index), series.cite(index + 1)];
            if is_start_time {
                restart.started = crate::time::epoch_seconds(*new);
                // What states the start itself shows it alone; counters only bear it out.
                restart.citations = cited.to_vec();
            } else {
                restart.counters.insert(series.name.clone());
                if restart.started.is_none() && restart.citations.len() < 6 {
                    restart.citations.extend(cited);
                }
            }
        }
    }
    for restarts in lives.values_mut() {
        restarts.sort_by_key(|restart| restart.after);
    }
    Lives { restarts: lives, mixed }
}

impl Series {
    /// The value of a label.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|label| label.name == name).map(|label| label.value.as_str())
    }

    /// What was measured, by the labels that tell targets apart.
    pub(super) fn target(&self) -> String {
        const TELLING: &[&str] =
            &["job", "instance", "namespace", "pod", "service.name", "service.instance.id"];
        let is_telling = |label: &&Label| TELLING.contains(&label.name.as_str());
        let parts: Vec<&str> =
            self.labels.iter().filter(is_telling).map(|label| label.value.as_str()).collect();
        if parts.is_empty() { "the target".to_owned() } else { parts.join(" ") }
    }

    /// Cites the sample of a point, where points and samples have the same numbers.
    pub(super) fn cite(&self, index: usize) -> Citation {
        match &self.citation.span {
            Span::Pointer { pointer } if pointer.ends_with("/values") => {
                Citation::new(self.citation.source, Span::Pointer { pointer: format!("{pointer}/{index}") })
            }
            _ => self.citation.clone(),
        }
    }

    /// The usual time between two samples, in nanoseconds: the median.
    pub(super) fn interval(&self) -> Option<i64> {
        usual_interval(self.points.iter().map(|(time, _)| *time))
    }

    /// The stretches of points of one life without a pause; what lies between two stretches is not known.
    pub(super) fn stretches(&self, restarts: &[Restart]) -> Vec<std::ops::Range<usize>> {
        let mut stretches = Vec::new();
        let mut start = 0;
        let interval = self.interval();
        for (index, pair) in self.points.windows(2).enumerate() {
            let [(time, _), (next, _)] = pair else { continue };
            let is_paused = interval.is_some_and(|interval| is_pause(*time, *next, interval));
            let has_restarted = restarts.iter().any(|restart| restart.after < *next && *time < restart.until);
            if is_paused || has_restarted {
                stretches.push(start..index + 1);
                start = index + 1;
            }
        }
        stretches.push(start..self.points.len());
        stretches
    }
}

/// The median time between times that follow each other; `None` for less than four times.
pub(super) fn usual_interval(times: impl Iterator<Item = UtcTime>) -> Option<i64> {
    let times: Vec<UtcTime> = times.collect();
    let mut distances: Vec<i64> = times
        .windows(2)
        .filter_map(|pair| pair.last()?.0.checked_sub(pair.first()?.0))
        .filter(|distance| *distance > 0)
        .collect();
    if distances.len() < 3 {
        return None;
    }
    let middle = distances.len() / 2;
    let (_, interval, _) = distances.select_nth_unstable(middle);
    Some(*interval)
}

/// Whether nothing was sampled for longer than usual.
pub(super) fn is_pause(time: UtcTime, next: UtcTime, interval: i64) -> bool {
    (next.0 as f64 - time.0 as f64) > PAUSE * interval as f64
}
