//! Remembers heads of records: neighbours differ in their times, and in little else.
//!
//! What stands between a time's last digit and the message is its own key, so that what is remembered is right or not
//! found. Where reading on could change the head (another field might follow), the line is read as a whole.

use super::fields::next_field;
use super::{Header, NumberColumn, parse_in};
use crate::ascii::until;
use crate::format::FormatName;
use crate::level::Level;
use crate::needles::Needles;
use crate::stated_time::{StatedTime, iso};

/// Bytes of `2024-05-01 12:00:00`.
const SECOND: usize = 19;
/// Bounds of a key; a zone is shorter than the least.
const MIN_KEY: usize = 6;
const MAX_KEY: usize = 96;
/// Heads that are remembered, and those of them that start alike.
const MAX_HEADS: usize = 512;
const MAX_ALIKE: usize = 8;
const SLOTS: usize = 256;

/// Reads heads of records faster than [`parse`], with the same result.
pub(crate) struct Heads {
    /// The last time's text up to its second, and its seconds since 1970.
    second: [u8; SECOND],
    seconds: i64,
    known: Vec<Head>,
    column: NumberColumn,
    /// By the start of the key: one more than the index of the last head that was added.
    slots: Box<[u16; SLOTS]>,
}

/// A remembered head, without its time.
struct Head {
    key: Key,
    /// The next one that starts alike, as in the slots.
    next: u16,
    shape: Shape,
    offset: Option<i32>,
    level: Level,
    logger: Part,
    thread: Part,
    request_id: Part,
    pid: Option<u64>,
    format: FormatName,
    /// Bytes at the end that a needle may start with.
    reach: usize,
}

/// The text between a time's last digit and the message.
struct Key {
    len: usize,
    /// Blocks of sixteen bytes from its start and from its end; of a shorter one the text padded with zeros.
    blocks: [(u128, u128); MAX_KEY / 32],
}

impl Key {
    fn new(text: &[u8]) -> Option<Self> {
        let mut blocks = [(0, 0); MAX_KEY / 32];
        if text.len() < 16 {
            let mut padded = [0; 16];
            padded.get_mut(..text.len())?.copy_from_slice(text);
            *blocks.first_mut()? = (u128::from_le_bytes(padded), 0);
        } else {
            for (index, block) in blocks.iter_mut().enumerate().take(Self::blocks(text.len())) {
                *block = Self::block(text, index)?;
            }
        }
        (text.len() <= MAX_KEY).then_some(Self { len: text.len(), blocks })
    }

    /// Pairs of blocks that cover so many bytes.
    #[inline]
    fn blocks(len: usize) -> usize {
        len.div_ceil(32)
    }

    #[inline]
    fn block(text: &[u8], index: usize) -> Option<(u128, u128)> {
        let start = text.get(16 * index..)?.first_chunk()?;
        let end = text.get(..text.len().checked_sub(16 * index)?)?.last_chunk()?;
        Some((u128::from_le_bytes(*start), u128::from_le_bytes(*end)))
    }

    /// The text behind the key; `None` when another one stands there.
    #[inline]
    fn strip<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        if self.len < 16 {
            let start = u128::from_le_bytes(*text.first_chunk()?) & ((1 << (8 * self.len)) - 1);
            return if start == self.blocks.first()?.0 { text.get(self.len..) } else { None };
        }
        let (own, behind) = text.split_at_checked(self.len)?;
        for (index, known) in self.blocks.iter().enumerate().take(Self::blocks(self.len)) {
            if Self::block(own, index)? != *known {
                return None;
            }
        }
        Some(behind)
    }
}

/// A part of the key.
#[derive(Clone, Copy)]
struct Part {
    start: u8,
    len: u8,
}

impl Part {
    fn of(self, key: &[u8]) -> Option<&[u8]> {
        key.get(usize::from(self.start)..)?.get(..usize::from(self.len))
    }
}

/// Where a line has its time, and how many digits a fraction.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    in_brackets: bool,
    /// With the point or comma.
    fraction: u8,
}

impl Shape {
    #[inline]
    fn of(line: &[u8]) -> Option<Self> {
        let in_brackets = *line.first()? == b'[';
        let rest = line.get(SECOND + usize::from(in_brackets)..)?;
        let behind = u64::from_le_bytes(*rest.first_chunk()?);
        let fraction = if matches!(behind as u8, b',' | b'.') {
            match digits_of(behind >> 8) {
                3 => 4,
                6 => 7,
                _ => return None,
            }
        } else {
            0
        };
        Some(Self { in_brackets, fraction })
    }

    fn key_at(self) -> usize {
        usize::from(self.in_brackets) + SECOND + usize::from(self.fraction)
    }
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            second: [0; SECOND],
            seconds: 0,
            known: Vec::new(),
            column: NumberColumn::Unknown,
            slots: Box::new([0; SLOTS]),
        }
    }
}

/// A line whose head is remembered.
pub(crate) struct Known<'a> {
    head: usize,
    /// Seconds since 1970 as if the clock had shown UTC.
    seconds: i64,
    nanos: u32,
    uncertainty_ms: u64,
    reach: usize,
    pub(crate) level: Level,
    pub(crate) names_request: bool,
    text: &'a [u8],
    pub(crate) message: &'a [u8],
}

impl<'a> Known<'a> {
    /// Where in the text needles may start: none stands wholly in a head.
    #[inline]
    pub(crate) fn needles_from(&self) -> usize {
        (self.text.len() - self.message.len()).saturating_sub(self.reach)
    }

    /// The same, of a text that went on behind the line.
    #[inline]
    pub(crate) fn ending_at(self, line: &'a [u8]) -> Self {
        let head = self.text.len() - self.message.len();
        Self { text: line, message: line.get(head..).unwrap_or_default(), ..self }
    }
}

/// Who wrote a record within its process, as far as its text says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Names<'a> {
    pub(crate) thread: &'a [u8],
    pub(crate) logger: &'a [u8],
}

/// What is counted of a record.
pub(crate) struct Counted<'a> {
    pub(crate) form: Form,
    /// Seconds since 1970 as if the clock had shown UTC.
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
    pub(crate) level: Level,
    pub(crate) pid: Option<u64>,
    pub(crate) message: &'a [u8],
}

impl<'a> Counted<'a> {
    /// `None` when the record has no calendar time or no level.
    pub(crate) fn of(header: &Header<'a>) -> Option<Self> {
        Self::new(header.time.as_ref(), header.level, header.pid, header.message, header.format)
    }

    /// The same of its parts.
    #[inline]
    pub(crate) fn new(
        time: Option<&StatedTime>,
        level: Option<Level>,
        pid: Option<u64>,
        message: &'a [u8],
        format: FormatName,
    ) -> Option<Self> {
        let StatedTime::Civil { seconds, nanos, offset, uncertainty_ms } = *time? else { return None };
        let form = Form { format, offset, uncertainty_ms };
        Some(Self { form, seconds, nanos, level: level?, pid, message })
    }

    /// Its time, as [`Form::time`] takes it.
    #[inline]
    pub(crate) fn time(&self) -> i64 {
        self.seconds * 1_000_000_000 + i64::from(self.nanos)
    }
}

/// What the records of a layout have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) format: FormatName,
    /// Seconds east of UTC, where the text says so.
    pub(crate) offset: Option<i32>,
    pub(crate) uncertainty_ms: u64,
}

impl Form {
    /// A time, by nanoseconds since 1970 as if the clock had shown UTC.
    pub(crate) fn time(self, nanos: i64) -> StatedTime {
        StatedTime::Civil {
            seconds: nanos.div_euclid(1_000_000_000),
            nanos: nanos.rem_euclid(1_000_000_000) as u32,
            offset: self.offset,
            uncertainty_ms: self.uncertainty_ms,
        }
    }
}

impl Heads {
    /// Says what a bare number is in the heads that follow.
    pub(crate) fn set_column(&mut self, column: NumberColumn) {
        if self.column != column {
            *self = Self { column, ..Self::default() };
        }
    }

    /// Reads the head of a record; `None` when the line does not start one.
    pub(crate) fn parse<'a>(&mut self, line: &'a [u8]) -> Option<Header<'a>> {
        match self.recalled(line) {
            Some(known) => self.header(&known),
            None => self.learn(line),
        }
    }

    /// The head of a line that was recalled last.
    pub(crate) fn header<'a>(&self, known: &Known<'a>) -> Option<Header<'a>> {
        let Known { seconds, nanos, uncertainty_ms, text, message, .. } = *known;
        let head = self.known.get(known.head)?;
        let rest = text.get(head.shape.key_at()..)?;
        Some(Header {
            time: Some(StatedTime::Civil { seconds, nanos, offset: head.offset, uncertainty_ms }),
            level: Some(head.level),
            logger: head.logger.of(rest)?,
            thread: head.thread.of(rest)?,
            request_id: head.request_id.of(rest)?,
            pid: head.pid,
            message,
            format: head.format,
        })
    }

    /// Who wrote a line that was recalled last.
    pub(crate) fn names<'a>(&self, known: &Known<'a>) -> Option<Names<'a>> {
        let head = self.known.get(known.head)?;
        let rest = known.text.get(head.shape.key_at()..)?;
        Some(Names { thread: head.thread.of(rest)?, logger: head.logger.of(rest)? })
    }

    /// The request that a line names in its head, which was recalled last.
    pub(crate) fn request_id<'a>(&self, known: &Known<'a>) -> Option<&'a [u8]> {
        let head = self.known.get(known.head)?;
        head.request_id.of(known.text.get(head.shape.key_at()..)?)
    }

    /// What is counted of a line that was recalled last.
    #[inline]
    pub(crate) fn counted<'a>(&self, known: &Known<'a>) -> Option<Counted<'a>> {
        let Known { seconds, nanos, uncertainty_ms, level, message, .. } = *known;
        let head = self.known.get(known.head)?;
        let form = Form { format: head.format, offset: head.offset, uncertainty_ms };
        Some(Counted { form, seconds, nanos, level, pid: head.pid, message })
    }

    /// A text that starts with a line whose head is remembered.
    #[inline(never)]
    pub(crate) fn recalled<'a>(&mut self, text: &'a [u8]) -> Option<Known<'a>> {
        self.recall(text)
    }

    /// The same for the loop in which most lines are read: what is known would be copied twice for each of them
    /// otherwise.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "measured: one scan in ten more time otherwise")]
    pub(crate) fn recall<'a>(&mut self, text: &'a [u8]) -> Option<Known<'a>> {
        if !matches!(text.first()?, b'0'..=b'9' | b'[') {
            return None;
        }
        let shape = Shape::of(text)?;
        let seconds = self.seconds_of(text, shape)?;
        let key_at = shape.key_at();
        let (nanos, uncertainty_ms) = fraction(text.get(key_at - usize::from(shape.fraction)..key_at)?);
        let rest = text.get(key_at..)?;
        let mut next = *self.slots.get(slot_of(rest)?)?;
        while let Some(index) = usize::from(next).checked_sub(1) {
            let head = self.known.get(index)?;
            next = head.next;
            if head.shape == shape
                && let Some(message) = head.key.strip(rest)
            {
                return head.ends_before(message).then_some(Known {
                    head: index,
                    seconds,
                    nanos,
                    uncertainty_ms,
                    reach: head.reach,
                    level: head.level,
                    names_request: head.request_id.len > 0,
                    text,
                    message,
                });
            }
        }
        None
    }

    /// Seconds since 1970 of a time that stands where the shape says.
    #[inline]
    fn seconds_of(&mut self, line: &[u8], shape: Shape) -> Option<i64> {
        let second = line.get(usize::from(shape.in_brackets)..)?.first_chunk::<SECOND>()?;
        if *second == self.second { Some(self.seconds) } else { self.other_second(*second) }
    }

    #[cold]
    #[inline(never)]
    fn other_second(&mut self, second: [u8; SECOND]) -> Option<i64> {
        let (StatedTime::Civil { seconds, .. }, SECOND) = iso(&second)? else { return None };
        self.second = second;
        self.seconds = seconds;
        Some(seconds)
    }

    /// Reads the line as a whole, and remembers its head.
    #[cold]
    #[inline(never)]
    pub(crate) fn learn<'a>(&mut self, line: &'a [u8]) -> Option<Header<'a>> {
        let header = parse_in(line, self.column)?;
        if matches!(line.first()?, b'0'..=b'9' | b'[')
            && let Some(shape) = Shape::of(line)
        {
            self.remember(line, shape, &header);
        }
        Some(header)
    }

    fn remember(&mut self, line: &[u8], shape: Shape, header: &Header<'_>) -> Option<()> {
        let StatedTime::Civil { seconds, nanos, offset, uncertainty_ms } = header.time? else { return None };
        let key_at = shape.key_at();
        let digits = line.get(key_at - usize::from(shape.fraction)..key_at)?;
        if self.seconds_of(line, shape) != Some(seconds) || fraction(digits) != (nanos, uncertainty_ms) {
            return None;
        }
        let rest = line.get(key_at..)?;
        let key = rest.get(..rest.len().checked_sub(header.message.len())?)?;
        // Behind a blank what follows has no say in what the key's own fields are.
        let level = header.level?;
        if !key.ends_with(b" ")
            || !starts_plainly(header.message)
            || !(MIN_KEY..=MAX_KEY).contains(&key.len())
        {
            return None;
        }
        let part = |text: &[u8]| {
            let start = if text.is_empty() { 0 } else { text.as_ptr() as usize - key.as_ptr() as usize };
            (start + text.len() <= key.len()).then_some(Part { start: start as u8, len: text.len() as u8 })
        };
        let mut head = Head {
            next: 0,
            reach: Needles::get().reach(key)?,
            key: Key::new(key)?,
            shape,
            offset,
            level,
            logger: part(header.logger)?,
            thread: part(header.thread)?,
            request_id: part(header.request_id)?,
            pid: header.pid,
            format: header.format,
        };
        if self.known.len() >= MAX_HEADS {
            self.known.clear();
            *self.slots = [0; SLOTS];
        }
        let slot = slot_of(rest)?;
        let alike = std::iter::successors(self.slots.get(slot).copied(), |at| {
            usize::from(*at).checked_sub(1).and_then(|index| self.known.get(index)).map(|head| head.next)
        });
        let is_full = alike.take_while(|at| *at > 0).count() >= MAX_ALIKE;
        let slot = self.slots.get_mut(slot)?;
        head.next = if is_full { 0 } else { *slot };
        self.known.push(head);
        *slot = self.known.len() as u16;
        Some(())
    }
}

impl Head {
    /// Whether the message could not be read as one more field.
    #[inline]
    fn ends_before(&self, message: &[u8]) -> bool {
        self.is_surely_message(message) || starts_plainly(message) && self.is_no_field(message)
    }

    /// Whether it is a message by its first word alone: behind a logger, only a name and a colon are a field.
    #[inline]
    fn is_surely_message(&self, message: &[u8]) -> bool {
        let Some(start) = message.first_chunk() else { return false };
        let start = u64::from_le_bytes(*start);
        // The lowest bit of each is exact.
        let (blanks, colons) = (bytes_that_are(b' ', start), bytes_that_are(b':', start));
        let is_blank_first = blanks.trailing_zeros() < colons.trailing_zeros();
        self.logger.len > 0 && is_blank_first && message.first().is_some_and(u8::is_ascii_alphabetic)
    }

    #[inline(never)]
    fn is_no_field(&self, message: &[u8]) -> bool {
        let message = until(message, b'\n');
        let message = message.strip_suffix(b"\r").unwrap_or(message);
        let mut header = Header::new(Some(StatedTime::Undated), self.format, message);
        header.level = Some(self.level);
        header.pid = self.pid;
        // Of these, only whether they are there counts.
        header.logger = message.get(..usize::from(self.logger.len.min(1))).unwrap_or_default();
        header.thread = message.get(..usize::from(self.thread.len.min(1))).unwrap_or_default();
        header.request_id = message.get(..usize::from(self.request_id.len.min(1))).unwrap_or_default();
        next_field(&mut header, message).is_none()
    }
}

/// Sets the highest bit of each byte that is equal, and perhaps of some above such a byte.
#[inline]
fn bytes_that_are(byte: u8, bytes: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let different = bytes ^ (ONES * u64::from(byte));
    different.wrapping_sub(ONES) & !different & (ONES << 7)
}

/// How many of the first bytes are digits; at most seven.
#[inline]
fn digits_of(bytes: u64) -> u32 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A digit becomes its value, and only a value below ten stays below 128 behind the addition.
    let values = bytes ^ (ONES * 0x30);
    let others = ((values & (ONES * 0x7f)) + ONES * (128 - 10)) | values;
    (others & (ONES << 7)).trailing_zeros() / 8
}

/// No bracket, dash or blank that could belong to the head.
#[inline]
fn starts_plainly(message: &[u8]) -> bool {
    message.first().is_some_and(u8::is_ascii_alphanumeric)
}

/// The slot of a key: by its first bytes, where levels and threads stand.
#[inline]
fn slot_of(rest: &[u8]) -> Option<usize> {
    let first = u64::from_le_bytes(*rest.first_chunk()?) << (8 * (8 - MIN_KEY));
    Some((first.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize)
}

/// Nanoseconds, and the milliseconds that are left open; of nothing, or of a point and three or six digits.
#[inline]
fn fraction(text: &[u8]) -> (u32, u64) {
    let value_of = |digits: &[u8]| digits.iter().fold(0, |value, byte| value * 10 + u32::from(byte & 15));
    match text {
        [] => (0, 1_000),
        [_, millis @ ..] if millis.len() == 3 => (value_of(millis) * 1_000_000, 1),
        [_, micros @ ..] => (value_of(micros) * 1_000, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const HEADS: &[&str] = &[
        "2024-05-01 12:00:00,123 INFO [MainThread] shop.orders: ",
        "2024-05-01 12:00:00,124 INFO [MainThread] shop.orders: ",
        "2024-05-01 12:00:00,123 WARNING [MainThread] shop.cart: ",
        "2024-05-01 12:00:01,123 ERROR shop: ",
        "2024-05-01 12:00:01,123 - shop - ERROR - ",
        "2024-05-01T12:00:01.123456Z INFO shop.x ",
        "2024-05-01T12:00:01.123456789Z INFO shop.x ",
        "2024-05-01T12:00:01.5Z INFO shop.x ",
        "2024-05-01 12:00:01,5 INFO shop.x ",
        "2024-05-01, 12:00:01 INFO shop.x ",
        "2024-05-01 12:00:01 INFO ",
        "2024-05-01 12:00:01 INFO: ",
        "2024-05-01 12:00:01 [INFO]: ",
        "2024-05-01 12:00:01 [INFO] ",
        "[2024-05-01 12:00:00 +0000] [7] [INFO] ",
        "[2024-05-01 12:00:00 +0200] [7] [INFO] ",
        "[2024-05-01 12:00:00,123: INFO/MainProcess] ",
        "[2024-05-01 12:00:00,123] {a.py:1} INFO - ",
        "[2024-05-01 12:00:00,123 INFO a.py line 7 77] ",
        "[2024-05-01 12:00:00,123 INFO] ",
        "2024-05-01 12:00:00.123 | INFO     | mod:f:12 - ",
        "2024-05-01 12:00:00.123 | INFO     | mod: ",
        "2024-05-01 12:00:00.123 77 INFO nova.compute [-] ",
        "2024-05-01 12:00:00.123 77 INFO nova.compute [req-1 - -] ",
        "2024-05-01 12:00:00 ",
        "2024-13-01 12:00:00,123 INFO [MainThread] shop.orders: ",
        "INFO:shop:",
        "[I 240501 12:00:00 web:1] ",
        "127.0.0.1 - - [01/May/2024:12:00:00 +0000] ",
    ];
    const MESSAGES: &[&str] = &[
        "paid 7",
        "",
        " paid",
        "shop: x",
        "a.b.c paid",
        "Thread-1 paid",
        "[8] x",
        "(9) x",
        "- x",
        "| x",
        ": x",
        "INFO x",
        "x - y",
        "mod: x - y",
        "7 x",
        "7 MainThread x",
        "77 MainThread shop.views x",
        "Traceback (most recent call last):",
        "_x: y",
        "MainThread: x",
        "12:00:00 x",
        "a",
        "x [7] y",
        "été",
        "ERROR: x",
    ];

    #[test]
    fn what_is_remembered_is_what_is_read() {
        // Each line as the first, behind one with another message, and behind all the others.
        let lines: Vec<String> = HEADS
            .iter()
            .flat_map(|head| MESSAGES.iter().map(move |message| format!("{head}{message}")))
            .collect();
        let mut seen = Heads::default();
        for _ in 0..2 {
            for line in &lines {
                let expected = format!("{:?}", parse(line.as_bytes()));
                assert_eq!(format!("{:?}", Heads::default().parse(line.as_bytes())), expected, "{line}");
                for other in lines.iter().step_by(11) {
                    let mut pair = Heads::default();
                    pair.parse(other.as_bytes());
                    assert_eq!(
                        format!("{:?}", pair.parse(line.as_bytes())),
                        expected,
                        "{line} behind {other}"
                    );
                }
                assert_eq!(format!("{:?}", seen.parse(line.as_bytes())), expected, "{line} behind all");
            }
        }
    }
}
