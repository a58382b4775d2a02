//! Which records start and end requests: learnt from what nearly all requests of the logs do.

use pycoroner_findings::UtcTime;
use rustc_hash::FxHashMap;

use super::{
    Followed, KEPT, Kept, MESSAGE_LIMIT, RequestEnd, RequestRecord, RequestState, RequestThread, Requests,
    Tracker, UnfinishedRule,
};
use crate::ascii::lossy;
use crate::document::Place;

/// Requests that are listed.
const MAX_THREADS: usize = 50;
/// Requests that must agree before something is taken for a rule.
const FEWEST: u64 = 10;
/// Templates about which something is learnt.
const MAX_TEMPLATES: usize = 8192;

/// What requests do at one template.
#[derive(Clone, Copy, Debug, Default)]
struct Habit {
    /// Requests that have it among their kept records.
    requests: u64,
    first: u64,
    last: u64,
}

/// What became of the requests that have one template, of those that are still followed.
#[derive(Clone, Copy, Debug, Default)]
struct Ended {
    requests: u64,
    finished: u64,
}

/// Habits by the hash of the template.
#[derive(Debug, Default)]
pub(super) struct Lore {
    habits: FxHashMap<u64, Habit>,
}

impl Lore {
    /// Counts by templates as they were found to be one.
    fn renamed(self, name: &impl Fn(u64) -> u64) -> Self {
        let mut known: Vec<(u64, Habit)> = self.habits.into_iter().collect();
        known.sort_unstable_by_key(|(template, _)| *template);
        let mut habits: FxHashMap<u64, Habit> = FxHashMap::default();
        for (template, habit) in known {
            let sum = habits.entry(name(template)).or_default();
            sum.requests += habit.requests;
            sum.first += habit.first;
            sum.last += habit.last;
        }
        Self { habits }
    }

    pub(super) fn add(&mut self, followed: &Followed) {
        let of = |entry: Option<&Kept>| entry.map(|entry| entry.template);
        let (first, last) = (of(followed.first()), of(followed.last()));
        for template in templates(followed) {
            let is_full = self.habits.len() >= MAX_TEMPLATES;
            if is_full && !self.habits.contains_key(&template) {
                continue;
            }
            let habit = self.habits.entry(template).or_default();
            habit.requests += 1;
            habit.first += u64::from(first == Some(template));
            habit.last += u64::from(last == Some(template));
        }
    }

    fn habit(&self, template: u64) -> Habit {
        self.habits.get(&template).copied().unwrap_or_default()
    }

    fn is_end(&self, template: u64) -> bool {
        let habit = self.habit(template);
        habit.last >= FEWEST && is_nearly(habit.last, habit.requests, 95)
    }

    /// What others did that have the first and the last record of a request, when that makes it an unfinished one.
    fn unfinished(&self, first: u64, last: u64, ended: Ended) -> Option<UnfinishedRule> {
        let (start, stop) = (self.habit(first), self.habit(last));
        // The request itself is no evidence about itself.
        let rule = UnfinishedRule {
            like_first: start.requests.saturating_sub(1),
            started: start.first.saturating_sub(1),
            like_last: stop.requests.saturating_sub(1),
            went_on: stop.requests.saturating_sub(stop.last),
            followed: ended.requests.saturating_sub(1),
            finished: ended.finished,
        };
        let is_start = rule.started >= FEWEST && is_nearly(rule.started, rule.like_first, 95);
        let goes_on = rule.went_on >= FEWEST && is_nearly(rule.went_on, rule.like_last, 95);
        (is_start && goes_on && is_nearly(rule.finished, rule.followed, 90)).then_some(rule)
    }
}

fn is_nearly(part: u64, whole: u64, percent: u64) -> bool {
    part.saturating_mul(100) >= whole.saturating_mul(percent)
}

/// Each template once, in order.
fn templates(followed: &Followed) -> impl Iterator<Item = u64> + use<> {
    let mut templates = [0; KEPT];
    let count = followed.entries().len();
    for (slot, entry) in templates.iter_mut().zip(followed.entries()) {
        *slot = entry.template;
    }
    templates.get_mut(..count).unwrap_or_default().sort_unstable();
    let mut last = None;
    let templates = templates.into_iter().take(count);
    templates.filter(move |template| last.replace(*template) != Some(*template))
}

/// The death, as far as requests go.
pub(crate) struct Death {
    /// The last time at which the process may have lived.
    pub(crate) time: UtcTime,
    pub(crate) pid: Option<u64>,
    /// Where the last record of the thread that crashed stands, or else that of the dead process.
    pub(crate) last_record: Option<Place>,
}

impl Tracker {
    /// What became of the requests; `index_of` finds the templates.
    pub(crate) fn finish(mut self, death: Option<&Death>, index_of: &FxHashMap<u64, usize>) -> Requests {
        // From here on a template goes by its index, and one that is not kept by its hash.
        let name = |template: u64| index_of.get(&template).map_or(template, |index| *index as u64);
        let mut lore = std::mem::take(&mut self.lore).renamed(&name);
        for followed in &mut self.slots {
            followed.entries_mut().iter_mut().for_each(|entry| entry.template = name(entry.template));
        }
        self.followed().for_each(|(followed, _)| lore.add(followed));
        let templates_known = index_of.len();
        let index_of = |name: u64| usize::try_from(name).ok().filter(|index| *index < templates_known);
        let has_end = |followed: &Followed| {
            followed.is_access_logged || templates(followed).any(|template| lore.is_end(template))
        };
        let mut ended: FxHashMap<u64, Ended> = FxHashMap::default();
        for (followed, _) in self.followed() {
            let is_finished = u64::from(has_end(followed));
            for template in templates(followed) {
                let ended = ended.entry(template).or_default();
                ended.requests += 1;
                ended.finished += is_finished;
            }
        }
        let mut requests = Requests { given_up: self.given_up, ..Requests::default() };
        let mut judged: Vec<Judged<'_>> = Vec::new();
        for (followed, last_time) in self.followed() {
            requests.followed += 1;
            let rule = match (followed.first(), followed.last()) {
                (Some(first), Some(last)) if !has_end(followed) => {
                    let ended = ended.get(&last.template).copied().unwrap_or_default();
                    lore.unfinished(first.template, last.template, ended)
                }
                _ => None,
            };
            let is_cut_off = death.is_some_and(|death| {
                death.last_record.is_some() && followed.last().map(Kept::place) == death.last_record
            });
            let state = match &rule {
                _ if has_end(followed) => RequestState::Finished,
                None if !is_cut_off => RequestState::Unknown,
                _ => RequestState::Unfinished,
            };
            requests.finished += u64::from(state == RequestState::Finished);
            requests.unfinished += u64::from(state == RequestState::Unfinished);
            judged.push(Judged::new((followed, last_time), state, is_cut_off, death, rule));
        }
        judged.sort_unstable_by(|a, b| {
            b.rank().cmp(&a.rank()).then_with(|| a.followed.id().cmp(b.followed.id()))
        });
        judged.truncate(MAX_THREADS);
        requests.threads = judged.into_iter().map(|judged| judged.thread(&index_of)).collect();
        requests.ends = ends(&lore, &index_of);
        requests
    }
}

/// A request, and what became of it.
struct Judged<'f> {
    followed: &'f Followed,
    state: RequestState,
    is_cut_off: bool,
    is_open_at_death: bool,
    is_of_dead_process: bool,
    last: Option<UtcTime>,
    rule: Option<UnfinishedRule>,
}

impl<'f> Judged<'f> {
    fn new(
        (followed, last): (&'f Followed, Option<UtcTime>),
        state: RequestState,
        is_cut_off: bool,
        death: Option<&Death>,
        rule: Option<UnfinishedRule>,
    ) -> Self {
        let is_unfinished = state == RequestState::Unfinished;
        let is_before_death = death.is_some_and(|death| last.is_some_and(|last| last <= death.time));
        let pid = death.and_then(|death| death.pid);
        Self {
            followed,
            state,
            is_cut_off: is_cut_off && is_unfinished,
            is_open_at_death: is_unfinished && is_before_death,
            is_of_dead_process: pid.is_some_and(|pid| followed.pids().any(|known| known == pid)),
            last,
            rule,
        }
    }

    /// What is worth most to a reader comes first.
    fn rank(&self) -> impl Ord + use<> {
        let is_unfinished = self.state == RequestState::Unfinished;
        let flags = (is_unfinished, self.is_cut_off, self.is_open_at_death, self.is_of_dead_process);
        (flags, self.followed.level, self.last)
    }

    fn thread(self, index_of: &impl Fn(u64) -> Option<usize>) -> RequestThread {
        let followed = self.followed;
        let last_index = followed.entries().len().saturating_sub(1);
        let record = |(index, entry): (usize, &Kept)| RequestRecord {
            time: entry.time,
            level: entry.level,
            template: index_of(entry.template),
            message: match index {
                0 => Some(lossy(followed.first_message(), MESSAGE_LIMIT)),
                index if index == last_index => Some(lossy(followed.last_message(), MESSAGE_LIMIT)),
                _ => None,
            },
            place: entry.place(),
        };
        RequestThread {
            id: lossy(followed.id(), MESSAGE_LIMIT),
            state: self.state,
            cut_off: self.is_cut_off,
            open_at_death: self.is_open_at_death,
            ended_with: None,
            same_process: self.is_of_dead_process,
            records: followed.records,
            first: followed.first().and_then(|entry| entry.time),
            last: self.last,
            level: followed.level,
            sources: followed.sources(),
            pids: followed.pids().collect(),
            entries: followed.entries().iter().enumerate().map(record).collect(),
            tracebacks: Vec::new(),
            rule: self.rule,
        }
    }
}

/// The ends, the most frequent first.
fn ends(lore: &Lore, index_of: &impl Fn(u64) -> Option<usize>) -> Vec<RequestEnd> {
    let mut hashes: Vec<u64> = lore.habits.keys().copied().filter(|hash| lore.is_end(*hash)).collect();
    hashes.sort_unstable();
    let mut ends: Vec<RequestEnd> = hashes
        .into_iter()
        .filter_map(|hash| {
            let Habit { requests, last, .. } = lore.habit(hash);
            index_of(hash).map(|template| RequestEnd { template, requests, last })
        })
        .collect();
    ends.sort_by_key(|end| (std::cmp::Reverse(end.last), end.template));
    ends.truncate(20);
    ends
}
