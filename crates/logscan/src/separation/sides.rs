//! The second reading: which values the other records of a message have, counted without keeping them.

use pycoroner_findings::UtcTime;
use rustc_hash::FxHashMap;

use super::last_words::Message;
use super::slot::Slot;
use super::test::Table;
use super::values::{Key, each_value};
use super::{SeparatedBy, Separation, SeparationTest, Separations, Spoken};
use crate::changes::Rounded;
use crate::document::Place;
use crate::template::{Namer, shape_of};

/// A value goes with the deaths when chance brings it about no more often than this.
const MOST_P: f64 = 0.001;
/// Values that are told.
const MAX_FOUND: usize = 5;
/// Names of templates that are remembered.
const MAX_NAMES: usize = 1 << 16;

/// The messages that are compared.
pub(crate) struct Sides {
    end: String,
    deaths: u64,
    with_records: u64,
    compared: Vec<Compared>,
    namer: Namer,
    /// Which message a template is, by its name.
    known: FxHashMap<u64, Option<usize>>,
}

/// A message, with its last records and what is counted of the others.
struct Compared {
    message: Message,
    /// The first and the last of the last records.
    meanwhile: [UtcTime; 2],
    others: u64,
    slots: Vec<Slot>,
}

impl Sides {
    pub(super) fn new(end: String, [deaths, with_records]: [u64; 2], messages: Vec<Message>) -> Self {
        let compared = messages.into_iter().filter_map(Compared::new).collect();
        Self { end, deaths, with_records, compared, namer: Namer::default(), known: FxHashMap::default() }
    }

    pub(super) fn take(&mut self, spoken: &Spoken<'_>) {
        let (message, level) = (spoken.header.message, spoken.context.level);
        let name = spoken.named.map_or_else(|| self.namer.name(message, level).name, |named| named.name);
        let index = if let Some(known) = self.known.get(&name) {
            *known
        } else {
            let shape = shape_of(message);
            let is_same = |one: &Compared| one.message.level == level && one.message.template == shape;
            let found = self.compared.iter().position(is_same);
            if self.known.len() < MAX_NAMES {
                self.known.insert(name, found);
            }
            found
        };
        if let Some(compared) = index.and_then(|index| self.compared.get_mut(index)) {
            compared.take(spoken);
        }
    }

    pub(super) fn finish(self) -> Separations {
        let Self { end, deaths, with_records, compared, .. } = self;
        let comparisons = compared.iter().flat_map(|one| &one.slots).map(Slot::comparisons).sum::<u64>();
        let mut found: Vec<Separation> =
            compared.iter().flat_map(|one| one.found(comparisons as f64)).collect();
        // What all others are without says most.
        found.sort_by(|a, b| {
            (a.others_with > 0).cmp(&(b.others_with > 0)).then(a.p_value.0.total_cmp(&b.p_value.0))
        });
        found.truncate(MAX_FOUND);
        let test = SeparationTest { comparisons, ..SeparationTest::default() };
        Separations { end, deaths, with_records, test, found }
    }
}

impl Compared {
    fn new(message: Message) -> Option<Self> {
        let times = || message.records.iter().map(|record| record.time);
        let meanwhile = [times().min()?, times().max()?];
        let mut keys: Vec<&Key> = message.records.iter().flat_map(|record| record.values.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let slots = keys.into_iter().filter_map(|key| Slot::new(key, &message.records)).collect();
        Some(Self { meanwhile, others: 0, slots, message })
    }

    fn take(&mut self, spoken: &Spoken<'_>) {
        let context = spoken.context;
        let place = context.place();
        let is_last = self.message.records.iter().any(|record| record.place == place);
        self.others += u64::from(!is_last);
        let [from, to] = self.meanwhile;
        let time = context.stamp.map(|stamp| stamp.time);
        let is_meanwhile = time.is_some_and(|time| (from..=to).contains(&time));
        let slots = &mut self.slots;
        each_value(spoken.line, spoken.header.message, context.pid, |at, text, number| {
            let Some(slot) = slots.iter_mut().find(|slot| slot.key.is(at)) else { return };
            let is_new = slot.meet(context.pid, text, number);
            if !is_last {
                slot.count(text, number, place, [is_new, is_new && is_meanwhile]);
            }
        });
    }

    fn found(&self, comparisons: f64) -> impl Iterator<Item = Separation> + '_ {
        let sides = self.slots.iter().flat_map(Slot::sides);
        sides.filter_map(move |side| {
            let of = |counted: [u64; 2]| Table {
                died: self.message.records.len() as u64,
                died_with: side.died_with.len() as u64,
                others: counted[0],
                others_with: counted[1],
            };
            let p_of = |table: Table| {
                let choices = if side.by == SeparatedBy::Equal { table.choices() } else { 1.0 };
                table.p_value() * choices
            };
            let (whole, meanwhile) = (of(side.all), of(side.meanwhile));
            let p_value = p_of(whole).max(p_of(meanwhile)) * comparisons;
            (p_value <= MOST_P).then(|| self.told(&side, p_value))
        })
    }

    fn told(&self, side: &super::slot::Side<'_>, p_value: f64) -> Separation {
        let records = &self.message.records;
        let died_places: Vec<Place> = side
            .died_with
            .iter()
            .filter_map(|index| records.get(*index))
            .map(|record| record.place)
            .collect();
        Separation {
            template: self.message.template.clone(),
            level: self.message.level,
            what: side.label.to_owned(),
            by: side.by,
            value: side.value.clone(),
            nearest: side.nearest.clone(),
            is_last: records.iter().all(|record| record.is_last),
            died: records.len() as u64,
            died_with: side.died_with.len() as u64,
            others: self.others,
            others_with: side.records_with,
            others_meanwhile: side.meanwhile[0],
            others_meanwhile_with: side.meanwhile[1],
            p_value: Rounded(p_value.min(1.0)),
            died_places: died_places.into_iter().take(super::slot::MAX_PLACES).collect(),
            other_places: side.other_places.clone(),
        }
    }
}
