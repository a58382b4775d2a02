//! `int` objects of any size, to numbers and to decimal text.

use std::fmt::Write;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, LongObject, VarObject};
use crate::objects::kind::{self, Kind};
use crate::runtime::dialect::IntFormat;
use crate::runtime::python::Python;

/// Bits in a digit (`PyLong_SHIFT`); builds with 15-bit digits are refused.
const SHIFT: u32 = 30;
/// Bytes that a digit takes in memory.
const DIGIT_BYTES: u64 = 4;
/// Digits of 30 bits that hold any number of 4,300 decimal ones; of more, `repr()` raises a `ValueError`
/// (`sys.int_info.default_max_str_digits`).
const MAX_DIGITS: u64 = 477;
/// Largest power of ten in a limb of the conversion.
const LIMB: u64 = 1_000_000_000;

/// An `int`: sign and digits of 30 bits, the least significant first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Int {
    negative: bool,
    digits: Vec<u32>,
}

/// An `int` that is too large to be read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LargeInt {
    /// Whether it is below zero.
    pub negative: bool,
    /// Number of bits of its magnitude.
    pub bits: u64,
    /// The most significant bits of the magnitude, at most 60.
    pub leading: u64,
}

/// What an `int` object holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntValue {
    /// All of it.
    Whole(Int),
    /// More than Python would print.
    Large(LargeInt),
}

impl Int {
    /// The number, when it fits.
    pub fn to_i128(&self) -> Option<i128> {
        if self.digits.len() > 4 {
            return None;
        }
        let magnitude =
            self.digits.iter().rev().fold(0_i128, |value, &digit| value << SHIFT | i128::from(digit));
        Some(if self.negative { -magnitude } else { magnitude })
    }

    /// The number, when it is not negative and fits.
    pub fn to_u128(&self) -> Option<u128> {
        let shift_in = |value: u128, &digit: &u32| {
            (value >> (u128::BITS - SHIFT) == 0).then(|| value << SHIFT | u128::from(digit))
        };
        self.digits.iter().rev().try_fold(0, shift_in).filter(|_| !self.negative)
    }

    /// Decimal text, as `repr()` gives it.
    pub fn to_decimal(&self) -> String {
        // Schoolbook conversion to base 10^9; quadratic, over at most 477 digits.
        let mut limbs: Vec<u64> = Vec::new();
        for &digit in self.digits.iter().rev() {
            let mut carry = u64::from(digit);
            for limb in &mut limbs {
                let value = (*limb << SHIFT) + carry;
                *limb = value % LIMB;
                carry = value / LIMB;
            }
            while carry > 0 {
                limbs.push(carry % LIMB);
                carry /= LIMB;
            }
        }
        let Some((first, rest)) = limbs.split_last() else { return "0".to_owned() };
        let mut text = if self.negative { format!("-{first}") } else { first.to_string() };
        for limb in rest.iter().rev() {
            let _ = write!(text, "{limb:09}");
        }
        text
    }
}

impl IntValue {
    /// Text as `repr()` gives it, and whether that is all; of a larger number only size and leading digits.
    pub fn to_text(&self) -> (String, bool) {
        match self {
            Self::Whole(int) => (int.to_decimal(), true),
            Self::Large(large) => {
                let sign = if large.negative { "-" } else { "" };
                (format!("<int of {} bits: {sign}{:#x}…>", large.bits, large.leading), false)
            }
        }
    }
}

/// Reads an `int`, or an instance of a class derived from it.
///
/// # Errors
/// When it is not there, is no `int`, or has digits that no `int` can have.
pub fn read(python: &Python<'_>, object: Ptr<LongObject>) -> Result<IntValue, ReadError> {
    let of = python.type_of(object.cast())?;
    if kind::flags(python, of)?.kind() != Kind::Int {
        return Err(invalid(object, "not an int"));
    }
    let (negative, count, start) = header(python, object)?;
    if python.read(of, member::TYPE_ITEMSIZE)? != DIGIT_BYTES as i64 {
        return Err(invalid(object, "int with digits that are not of 30 bits"));
    }
    if count > MAX_DIGITS {
        return large(python, object, negative, count, start).map(IntValue::Large);
    }
    let bytes = python.bytes(start, count * DIGIT_BYTES)?;
    let target = python.space().target();
    let digits: Vec<u32> =
        bytes.chunks_exact(DIGIT_BYTES as usize).map(|digit| target.unsigned(digit) as u32).collect();
    if digits.iter().any(|&digit| digit >> SHIFT != 0) || digits.last() == Some(&0) {
        return Err(invalid(object, "int with impossible digits"));
    }
    Ok(IntValue::Whole(Int { negative, digits }))
}

/// Reads an `int` that is used as an unsigned number, such as a thread's ident.
///
/// # Errors
/// When it is not there, is no `int`, or does not fit.
pub fn read_u64(python: &Python<'_>, object: Ptr<LongObject>) -> Result<u64, ReadError> {
    let value = read_i128(python, object)?;
    u64::try_from(value).map_err(|_| invalid(object, "int does not fit into 64 bits"))
}

/// Reads an `int` that is used as a number of bounded size.
///
/// # Errors
/// When it is not there, is no `int`, or does not fit.
pub fn read_i128(python: &Python<'_>, object: Ptr<LongObject>) -> Result<i128, ReadError> {
    match read(python, object)? {
        IntValue::Whole(int) => {
            int.to_i128().ok_or_else(|| invalid(object, "int does not fit into 128 bits"))
        }
        IntValue::Large(_) => Err(invalid(object, "int does not fit into 128 bits")),
    }
}

/// Number of digits of an `int`, which is what its size in memory depends on.
///
/// # Errors
/// When its header is not there.
pub fn digit_count(python: &Python<'_>, object: Ptr<LongObject>) -> Result<u64, ReadError> {
    Ok(header(python, object)?.1)
}

/// Sign, number of digits, and where they start.
fn header(python: &Python<'_>, object: Ptr<LongObject>) -> Result<(bool, u64, Address), ReadError> {
    match python.dialect().int_format {
        IntFormat::SignedSize => {
            let size = python.read(object.cast::<VarObject>(), member::VAR_SIZE)?;
            Ok((size < 0, size.unsigned_abs(), python.address_of(object, member::LONG_DIGITS)?))
        }
        IntFormat::Tag => {
            // Include/internal/pycore_long.h at v3.12.0: NON_SIZE_BITS 3, SIGN_MASK 3.
            let tag = python.read(object, member::LONG_TAG)?;
            Ok((tag & 3 == 2, tag >> 3, python.address_of(object, member::LONG_TAGGED_DIGITS)?))
        }
    }
}

fn large(
    python: &Python<'_>,
    object: Ptr<LongObject>,
    negative: bool,
    count: u64,
    start: Address,
) -> Result<LargeInt, ReadError> {
    let offset = count.checked_mul(DIGIT_BYTES).and_then(|size| start.checked_add(size));
    let end = offset.ok_or_else(|| invalid(object, "int larger than memory"))?;
    let digit =
        |back: u64| python.space().unsigned(end.wrapping_sub(back * DIGIT_BYTES), DIGIT_BYTES as usize);
    let leading = digit(1)? << SHIFT | digit(2)?;
    if leading >> (2 * SHIFT) != 0 || leading >> SHIFT == 0 {
        return Err(invalid(object, "int with impossible digits"));
    }
    let bits = (count - 2) * u64::from(SHIFT) + u64::from(u64::BITS - leading.leading_zeros());
    Ok(LargeInt { negative, bits, leading })
}

fn invalid(object: Ptr<LongObject>, what: &'static str) -> ReadError {
    ReadError::Invalid { at: object.address(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(negative: bool, digits: &[u32], expected: &str) {
        assert_eq!(Int { negative, digits: digits.to_vec() }.to_decimal(), expected);
    }

    #[test]
    fn decimal_text() {
        check(false, &[], "0");
        check(true, &[1], "-1");
        check(false, &[(1 << 30) - 1], "1073741823");
        check(false, &[0, 1], "1073741824");
        check(false, &[0, 0, 1], "1152921504606846976");
        check(true, &[0, 0, 0, 1 << 10], "-1267650600228229401496703205376");
        check(false, &[1_000_000_000], "1000000000");
        check(false, &[(1 << 30) - 1, (1 << 30) - 1, 15], "18446744073709551615");
    }

    #[test]
    fn numbers() {
        let int = |negative, digits: &[u32]| Int { negative, digits: digits.to_vec() }.to_i128();
        assert_eq!(int(true, &[0, 1]), Some(-(1 << 30)));
        assert_eq!(int(false, &[]), Some(0));
        assert_eq!(int(false, &[1; 5]), None);
    }
}
