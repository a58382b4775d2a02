//! Finds how a record is laid out.

use super::literal_len;
use crate::json::closing_quote;
use crate::json_record::{Field, MAX_OBJECTS, Place};

/// Values of a record whose layout is remembered.
const MAX_VALUES: usize = 64;
/// Objects and arrays in each other.
const MAX_DEPTH: usize = 16;

/// What stands behind a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    String(Option<Field>),
    Literal(Option<Field>),
    End,
}

/// The leads of a record's values, and what stands behind each.
///
/// `None` for what is no strict JSON, too large, or a record of which more than its head is needed: without a message,
/// with a list as a part of its head, or with parts that are not read in the order in which they stand.
pub(super) fn layout_of(line: &[u8]) -> Option<Vec<(&[u8], Behind)>> {
    let mut reader = Reader { text: line, ..Reader::default() };
    reader.value(None, Some(Place::Record))?;
    let mut is_behind_value = false;
    while let Some(level) = reader.levels.last().copied() {
        match (reader.peek()?, level.is_object) {
            (b'}', true) | (b']', false) => {
                reader.levels.pop();
                reader.at += 1;
                is_behind_value = true;
            }
            (b',', _) if is_behind_value => {
                reader.at += 1;
                is_behind_value = false;
            }
            _ if is_behind_value => return None,
            _ => is_behind_value = reader.member(level)?,
        }
    }
    if reader.at != line.len() || !reader.has_message {
        return None;
    }
    reader.found.push((line.get(reader.lead_from..)?, Behind::End));
    Some(reader.found)
}

/// An object or array that is open.
#[derive(Clone, Copy)]
struct Level {
    is_object: bool,
    /// What its members count as, if they do.
    place: Option<Place>,
}

/// Reads strict JSON, blanks between its tokens included.
#[derive(Default)]
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// Behind the last value.
    lead_from: usize,
    levels: Vec<Level>,
    /// Objects whose members count.
    places: usize,
    found: Vec<(&'a [u8], Behind)>,
    /// The depth at which each of a head's parts was last set.
    depths: [usize; PARTS],
    has_message: bool,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.text.get(self.at)?, b' ' | b'\t') {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// Reads a member of an object or an item of an array; `false` when it was stepped into.
    fn member(&mut self, level: Level) -> Option<bool> {
        let (mut field, mut inside) = (None, None);
        if level.is_object {
            let key = self.key()?;
            if let Some(place) = level.place {
                field = Field::at(place, key);
                inside = place.inside(key);
            }
        }
        self.value(field, inside)
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let end = closing_quote(self.text, start)?.at;
        self.at = end + 1;
        if self.peek()? != b':' {
            return None;
        }
        self.at += 1;
        self.text.get(start..end)
    }

    /// Reads a value; `false` when it was stepped into.
    fn value(&mut self, field: Option<Field>, inside: Option<Place>) -> Option<bool> {
        let open = self.peek()?;
        let start = self.at;
        let of_head = field.filter(|field| part_of(*field).is_some());
        match open {
            b'{' | b'[' => {
                let is_object = open == b'{';
                let place = inside.filter(|_| is_object);
                let is_needed = of_head.is_some() || field == Some(Field::Attributes);
                self.places += usize::from(place.is_some());
                if self.levels.len() >= MAX_DEPTH || self.places > MAX_OBJECTS || place.is_none() && is_needed
                {
                    return None;
                }
                self.levels.push(Level { is_object, place });
                self.at += 1;
                return Some(false);
            }
            b'"' => {
                let behind = Behind::String(of_head);
                self.found.push((self.text.get(self.lead_from..=start)?, behind));
                self.at = closing_quote(self.text, start + 1)?.at + 1;
            }
            _ => {
                let len = literal_len(self.text, start);
                if len == 0 {
                    return None;
                }
                let behind = Behind::Literal(of_head);
                self.found.push((self.text.get(self.lead_from..start)?, behind));
                self.at = start + len;
            }
        }
        self.note(field)?;
        self.lead_from = self.at;
        (self.found.len() <= MAX_VALUES).then_some(true)
    }

    /// Notes a part of the head; `None` when more than a head would be needed.
    fn note(&mut self, field: Option<Field>) -> Option<()> {
        let Some(field) = field else { return Some(()) };
        if field == Field::JournalTime {
            return None;
        }
        if let Some(part) = part_of(field) {
            // Objects inside are read after the members of the one that they stand in.
            let depth = self.depths.get_mut(part as usize)?;
            if *depth > self.levels.len() {
                return None;
            }
            *depth = self.levels.len();
            self.has_message |= matches!(field, Field::Message | Field::Body);
        }
        Some(())
    }
}

/// The part of a head that a field sets.
#[derive(Clone, Copy)]
enum Part {
    Time,
    Level,
    Message,
    Logger,
    Process,
    Thread,
    Request,
}

const PARTS: usize = 7;

fn part_of(field: Field) -> Option<Part> {
    Some(match field {
        Field::Time => Part::Time,
        Field::Level | Field::OtelSeverity => Part::Level,
        Field::Message | Field::Body => Part::Message,
        Field::Logger => Part::Logger,
        Field::Process => Part::Process,
        Field::ProcessName | Field::Thread => Part::Thread,
        Field::RequestId | Field::TraceId => Part::Request,
        _ => return None,
    })
}
