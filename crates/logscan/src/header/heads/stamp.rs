//! Times at the starts of lines: each most often stands where the last one stood, and tells the same second.

use crate::stated_time::{StatedTime, iso};

/// Bytes of `2024-05-01 12:00:00`.
pub(super) const SECOND: usize = 19;
/// Bytes of the longest time, rounded up to a power of two.
pub(super) const LONGEST: usize = 32;

/// Multiplied by a byte: eight of it.
const ONES: u64 = 0x0101_0101_0101_0101;

/// Where a line has its time, and how long a fraction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    in_brackets: bool,
    /// Bytes with the point or comma.
    fraction: u8,
}

impl Shape {
    #[inline]
    pub(super) fn key_at(self) -> usize {
        usize::from(self.in_brackets) + SECOND + usize::from(self.fraction)
    }

    /// Milliseconds by which a time may be off.
    pub(super) fn uncertainty_ms(self) -> u64 {
        if self.fraction == 0 { 1_000 } else { 1 }
    }

    fn of(line: &[u8]) -> Option<Self> {
        let in_brackets = *line.first()? == b'[';
        let behind = line.get(SECOND + usize::from(in_brackets)..)?;
        let fraction = match behind.first()? {
            b',' | b'.' => match behind.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count() {
                digits @ (3 | 6) => digits as u8 + 1,
                _ => return None,
            },
            _ => 0,
        };
        Some(Self { in_brackets, fraction })
    }
}

/// The time of the last line.
pub(super) struct Stamp {
    pub(super) shape: Shape,
    second: [u8; SECOND],
    /// Seconds since 1970 as if the clock had shown UTC.
    pub(super) seconds: i64,
    /// Ones for the digits of a fraction, among the eight bytes behind the second.
    digits: u64,
}

impl Default for Stamp {
    fn default() -> Self {
        let shape = Shape { in_brackets: false, fraction: 0 };
        Self { shape, second: [0; SECOND], seconds: 0, digits: 0 }
    }
}

impl Stamp {
    /// Nanoseconds behind the second, when the time differs from the last one in nothing else.
    #[inline]
    pub(super) fn nanos_of(&self, line: &[u8; LONGEST]) -> Option<u32> {
        let at = usize::from(self.shape.in_brackets);
        let (second, behind) = line.get(at..)?.split_first_chunk::<SECOND>()?;
        let behind = u64::from_le_bytes(*behind.first_chunk()?);
        let is_same = *second == self.second && (line[0] == b'[') == self.shape.in_brackets;
        if is_same { self.fraction(behind) } else { None }
    }

    /// Nanoseconds of a fraction as long as the last one.
    #[inline]
    fn fraction(&self, behind: u64) -> Option<u32> {
        let is_point = matches!(behind as u8, b',' | b'.');
        if self.digits == 0 {
            return (!is_point).then_some(0);
        }
        let values = (behind ^ (ONES * u64::from(b'0'))) & self.digits;
        // A digit is below ten, and only so stays below 128 behind the addition.
        let others = ((values & (ONES * 0x7f)) + ONES * (128 - 10)) | values;
        let next = (behind >> (8 * self.shape.fraction)) as u8;
        if others & (ONES << 7) != 0 || !is_point || next.is_ascii_digit() {
            return None;
        }
        let values = values >> 8;
        let pairs = values.wrapping_mul(10) + (values >> 8);
        let [first, second, third] = [0, 16, 32].map(|shift| (pairs >> shift) as u32 & 0xff);
        Some(1_000 * (10_000 * first + 100 * second + third))
    }

    /// Reads a time as a whole, and remembers it; its nanoseconds.
    #[cold]
    #[inline(never)]
    pub(super) fn read(&mut self, line: &[u8; LONGEST]) -> Option<u32> {
        let shape = Shape::of(line)?;
        let second = line.get(usize::from(shape.in_brackets)..)?.first_chunk::<SECOND>()?;
        if *second != self.second {
            let (StatedTime::Civil { seconds, .. }, SECOND) = iso(second)? else { return None };
            self.second = *second;
            self.seconds = seconds;
        }
        self.shape = shape;
        self.digits = match shape.fraction {
            4 => 0xffff_ff00,
            7 => 0x00ff_ffff_ffff_ff00,
            _ => 0,
        };
        self.nanos_of(line)
    }
}
