//! Templates of messages, counted in bounded memory.
//!
//! Which templates there are depends on the messages only. When there are more than are kept, those whose texts have
//! the smallest hashes stay, warnings and errors before all others (bottom-k sampling, E. Cohen and H. Kaplan, PODC
//! 2007): what stays is the same in whatever order the messages come, and its counts are exact. The others are
//! counted by their first words.

mod mask;
mod memo;
mod slots;

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

use crate::ascii::lossy;
use crate::keyed::keyed_hash;
use crate::level::Level;
use crate::requests::RequestId;
use crate::tally::{Batch, Tally};
pub(crate) use mask::{RULES, mask};
use memo::{Memo, Recalled};
pub(crate) use slots::slots;

const MAX_TEMPLATES: usize = 4096;
const MAX_COARSE: usize = 512;
/// Bytes of a message that count.
const MESSAGE_LIMIT: usize = 256;

/// One kind of message.
#[derive(Clone, Debug)]
pub(crate) struct Mined {
    pub(crate) text: String,
    pub(crate) level: Option<Level>,
    pub(crate) tally: Tally,
    name: u64,
    rank: Rank,
}

impl Mined {
    fn new(name: u64, level: Option<Level>, text: String, tally: Tally) -> Self {
        let rank = Rank::of(level, &text);
        Self { text, level, tally, name, rank }
    }
}

/// What stays when there are too many: the smaller, the longer. The same in each run of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(bool, u64);

impl Rank {
    fn of(level: Option<Level>, text: &str) -> Self {
        let mut hasher = FxHasher::default();
        (level, text).hash(&mut hasher);
        Self(level < Some(Level::Warning), hasher.finish())
    }
}

/// What a message's template is called, and what else was seen while it was masked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'m> {
    /// The keyed hash of the template and its level.
    pub(crate) name: u64,
    /// The id of a request that it names.
    pub(crate) request_id: Option<&'m [u8]>,
}

impl<'m> Named<'m> {
    /// The request that the record names: in its head, or else in its message.
    #[inline]
    pub(crate) fn request(&self, in_head: &'m [u8]) -> Option<RequestId<'m>> {
        let id = if in_head.is_empty() { self.request_id? } else { in_head };
        RequestId::of(id)
    }
}

/// Tells templates of messages, without counting them.
#[derive(Default)]
pub(crate) struct Namer {
    masked: Vec<u8>,
    memo: Memo,
}

impl Namer {
    #[inline]
    pub(crate) fn name<'m>(&mut self, message: &'m [u8], level: Option<Level>) -> Named<'m> {
        let message = head(message);
        let Some(Recalled { mask, request_id }) = self.memo.recall(message) else {
            return self.masked(message, level);
        };
        let request_id = request_id.and_then(|range| message.get(range));
        Named { name: name_of(mask, level), request_id }
    }

    /// The same of a message that is not remembered.
    #[inline(never)]
    fn masked<'m>(&mut self, message: &'m [u8], level: Option<Level>) -> Named<'m> {
        self.masked.clear();
        let request_id = mask(message, &mut self.masked).and_then(|range| message.get(range));
        let mask = keyed_hash(&self.masked);
        self.memo.learn(message, mask);
        Named { name: name_of(mask, level), request_id }
    }

    fn text(&mut self, message: &[u8]) -> String {
        self.masked.clear();
        mask(head(message), &mut self.masked);
        lossy(&self.masked, MESSAGE_LIMIT * 4)
    }
}

/// Counts messages by template.
#[derive(Default)]
pub(crate) struct TemplateMiner {
    kept: Bottom,
    coarse: Bottom,
    namer: Namer,
    /// Records that are counted by no template.
    pub(crate) uncounted: u64,
}

/// The lowest ranks.
#[derive(Debug, Default)]
struct Bottom {
    by_name: FxHashMap<u64, u32>,
    entries: Vec<Mined>,
    /// Nothing above this rank is taken in any more.
    limit: Option<Rank>,
}

impl TemplateMiner {
    /// Tells the template of a message that nobody has looked at.
    pub(crate) fn name<'m>(&mut self, message: &'m [u8], level: Option<Level>) -> Named<'m> {
        self.namer.name(message, level)
    }

    /// Counts messages of one template, one of which is given.
    pub(crate) fn add(
        &mut self,
        name: u64,
        level: Option<Level>,
        message: &[u8],
        count: impl FnOnce(&mut Tally),
    ) {
        if let Some(known) = self.kept.get_mut(name) {
            return count(&mut known.tally);
        }
        let mut tally = Tally::default();
        count(&mut tally);
        let text = self.namer.text(message);
        self.put(Mined::new(name, level, text, tally));
    }

    /// Whether many messages of a template may be counted at once with the same result.
    pub(crate) fn takes(&self, name: u64, batch: &Batch) -> bool {
        match self.kept.get(name) {
            Some(known) => known.tally.takes(batch),
            // What is counted by its first words is merged one by one.
            None => batch.tells_its_earliest() && self.kept.limit.is_none(),
        }
    }

    /// Whether so many new templates drop none of those that are kept.
    pub(crate) fn has_room(&self, templates: usize) -> bool {
        self.kept.entries.len() + templates < MAX_TEMPLATES * 2
    }

    fn put(&mut self, mined: Mined) {
        if let Some(mined) = self.kept.put(mined) {
            self.put_coarse(mined);
        }
        if self.kept.entries.len() >= MAX_TEMPLATES * 2 {
            for mined in self.kept.cut(MAX_TEMPLATES) {
                self.put_coarse(mined);
            }
        }
    }

    /// Counts by the first words what is not kept.
    fn put_coarse(&mut self, mined: Mined) {
        let text = first_words(&mined.text);
        let name = name_of(keyed_hash(text.as_bytes()), mined.level);
        if let Some(mined) = self.coarse.put(Mined::new(name, mined.level, text, mined.tally)) {
            self.uncounted += mined.tally.count;
        }
        if self.coarse.entries.len() >= MAX_COARSE * 2 {
            self.uncounted += self.coarse.cut(MAX_COARSE).map(|mined| mined.tally.count).sum::<u64>();
        }
    }

    /// The templates, the highest level and the most frequent first.
    pub(crate) fn finish(&mut self) -> Templates {
        for mined in self.kept.cut(MAX_TEMPLATES).collect::<Vec<_>>() {
            self.put_coarse(mined);
        }
        self.uncounted += self.coarse.cut(MAX_COARSE).map(|mined| mined.tally.count).sum::<u64>();
        let mut all = std::mem::take(&mut self.kept.entries);
        all.append(&mut self.coarse.entries);
        all.sort_by(|a, b| {
            b.level.cmp(&a.level).then(b.tally.count.cmp(&a.tally.count)).then_with(|| a.text.cmp(&b.text))
        });
        let mut templates = Templates::default();
        let mut by_shape: FxHashMap<(Option<Level>, String), usize> = FxHashMap::default();
        for mined in all {
            let next = templates.mined.len();
            let index = *by_shape.entry((mined.level, shape(&mined.text))).or_insert(next);
            templates.index_of.insert(mined.name, index);
            match templates.mined.get_mut(index) {
                Some(known) => known.tally.merge(&mined.tally),
                None => templates.mined.push(mined),
            }
        }
        templates
    }
}

/// What was mined.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    pub(crate) mined: Vec<Mined>,
    /// Where the template of a name stands.
    pub(crate) index_of: FxHashMap<u64, usize>,
}

/// The template of a message.
pub(crate) fn template_of(message: &[u8]) -> String {
    Namer::default().text(message)
}

/// The template of a message, with all kinds of numbers as one.
pub(crate) fn shape_of(message: &[u8]) -> String {
    shape(&template_of(message))
}

/// The text with all kinds of numbers as one: an id of random hexadecimal digits is a plain number now and then.
fn shape(text: &str) -> String {
    const KINDS: [&str; 6] = ["<hex>", "<id>", "<duration>", "<size>", "<version>", "<n>"];
    let mut shape = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (head, tail) = rest.split_at(at);
        shape.push_str(head);
        let kind = KINDS.iter().find(|kind| tail.starts_with(**kind));
        shape.push_str(if kind.is_some() { "<n>" } else { "<" });
        rest = tail.get(kind.map_or(1, |kind| kind.len())..).unwrap_or_default();
    }
    shape.push_str(rest);
    shape
}

impl Bottom {
    fn get(&self, name: u64) -> Option<&Mined> {
        self.entries.get(*self.by_name.get(&name)? as usize)
    }

    fn get_mut(&mut self, name: u64) -> Option<&mut Mined> {
        let index = *self.by_name.get(&name)?;
        self.entries.get_mut(index as usize)
    }

    /// Takes it in or adds it to what is known; gives it back when its rank is too high.
    fn put(&mut self, mined: Mined) -> Option<Mined> {
        if let Some(known) = self.get_mut(mined.name) {
            known.tally.merge(&mined.tally);
            return None;
        }
        if self.limit.is_some_and(|limit| mined.rank > limit) {
            return Some(mined);
        }
        self.by_name.insert(mined.name, self.entries.len() as u32);
        self.entries.push(mined);
        None
    }

    /// Keeps the lowest `most`; the others.
    fn cut(&mut self, most: usize) -> impl Iterator<Item = Mined> + use<> {
        self.entries.sort_by_key(|mined| mined.rank);
        let others = self.entries.split_off(most.min(self.entries.len()));
        if !others.is_empty() {
            self.limit = self.entries.last().map(|mined| mined.rank);
        }
        self.by_name = self.entries.iter().zip(0..).map(|(mined, index)| (mined.name, index)).collect();
        others.into_iter()
    }
}

/// The name of a template, by the hash of its mask.
#[inline]
fn name_of(mask: u64, level: Option<Level>) -> u64 {
    // Odd, so that no two levels give one name.
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    mask.wrapping_add(STEP.wrapping_mul(level.map_or(0, |level| level as u64 + 1)))
}

/// The part that counts; a word that the limit cuts is left out, for its rest may vary.
fn head(message: &[u8]) -> &[u8] {
    let Some(head) = message.get(..MESSAGE_LIMIT) else { return message };
    let cut = memchr::memrchr(b' ', head).filter(|at| *at > MESSAGE_LIMIT / 2).unwrap_or(MESSAGE_LIMIT);
    head.get(..cut).unwrap_or(head)
}

/// Two words, with a mark that others follow.
fn first_words(text: &str) -> String {
    let mut words = text.split_ascii_whitespace();
    match (words.next(), words.next()) {
        (Some(first), Some(second)) => format!("{first} {second} <…>"),
        (Some(first), None) => format!("{first} <…>"),
        _ => "<…>".to_owned(),
    }
}

#[cfg(test)]
mod tests;
