//! The values that a template has wildcards for.

use std::ops::Range;

use super::head;
use super::mask::{Step, Wildcard, mask_in_steps};

/// The value of one wildcard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Which wildcard it is, counted from the first.
    pub(crate) ordinal: u16,
    /// Where it stands in the message, with its sign.
    pub(crate) range: Range<usize>,
    /// Several values of a list stand for one wildcard.
    pub(crate) is_list: bool,
    /// What it is one of its kind by: an id, or a time.
    pub(crate) names_one: bool,
}

/// The values in a message, in their order; as many of its bytes count as for its template.
pub(crate) fn slots(message: &[u8]) -> Vec<Slot> {
    let message = head(message);
    let mut steps: Vec<(Option<Wildcard>, Range<usize>)> = Vec::new();
    let mut sign = None;
    mask_in_steps(message, &mut Vec::new(), |at, step| match step {
        Step::Sign => sign = Some(at),
        Step::Wildcard(wildcard, len) => {
            let start = sign.take().filter(|sign| sign + 1 == at).unwrap_or(at);
            steps.push((Some(wildcard), start..at + len.max(1)));
        }
        Step::Parts(len) => steps.push((None, at..at + len)),
        Step::Email(_) => steps.push((Some(Wildcard::Quoted), at..at)),
        Step::Keep(_) => {}
    });
    let mut slots: Vec<Slot> = Vec::new();
    let mut before: Option<Wildcard> = None;
    for (wildcard, range) in steps {
        let between = slots.last().and_then(|last| message.get(last.range.end..range.start));
        let is_repeated = wildcard.is_some() && wildcard == before && matches!(between, Some(b"," | b", "));
        before = wildcard;
        match slots.last_mut().filter(|_| is_repeated) {
            Some(list) => (list.is_list, list.range.end) = (true, range.end),
            None => slots.push(Slot {
                ordinal: u16::try_from(slots.len()).unwrap_or(u16::MAX),
                range,
                is_list: false,
                names_one: wildcard.is_some_and(names_one),
            }),
        }
    }
    slots
}

fn names_one(wildcard: Wildcard) -> bool {
    use Wildcard::{Mac, QuotedRequestId, RequestId, Time, Uuid};
    matches!(wildcard, RequestId | QuotedRequestId | Uuid | Time | Mac)
}
