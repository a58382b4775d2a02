//! Text of `decimal.Decimal` objects.

use std::fmt::Write;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, DecimalObject, Object};
use crate::objects::repr::Objects;
use crate::objects::repr::form::Form;

/// Flags of `mpd_t` (libmpdec, mpdecimal.h).
const NEGATIVE: u8 = 1;
const INFINITE: u8 = 2;
const NAN: u8 = 4;
const SIGNALING_NAN: u8 = 8;
/// Decimal digits in a word of the coefficient, where words have 64 bits.
const WORD_DIGITS: usize = 19;
/// Words of the coefficient that are printed.
const MAX_WORDS: u64 = 1000;

/// `dec_repr`: `Decimal('…')`, which subclasses print too.
pub(super) fn decimal(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Result<Form, ReadError> {
    let python = objects.python();
    let decimal = object.cast::<DecimalObject>();
    let flags = python.read(decimal, member::DECIMAL_FLAGS)?;
    let sign = if flags & NEGATIVE != 0 { "-" } else { "" };
    let exponent = python.read(decimal, member::DECIMAL_EXP)?;
    let text = if flags & INFINITE != 0 {
        "Infinity".to_owned()
    } else {
        let Some(digits) = coefficient(objects, decimal)? else {
            return Ok(Form::text("Decimal(<too many digits>)").inexact());
        };
        if flags & (NAN | SIGNALING_NAN) != 0 {
            let name = if flags & NAN != 0 { "NaN" } else { "sNaN" };
            // Zero is no payload.
            format!("{name}{}", if digits == "0" { "" } else { &digits })
        } else {
            scientific(&digits, exponent)
        }
    };
    Ok(Form::text(format!("Decimal('{sign}{text}')")))
}

/// The coefficient's decimal digits, or `None` when they are too many.
fn coefficient(objects: &Objects<'_>, decimal: Ptr<DecimalObject>) -> Result<Option<String>, ReadError> {
    let python = objects.python();
    let invalid = ReadError::Invalid { at: decimal.address(), what: "impossible decimal" };
    let words = u64::try_from(python.read(decimal, member::DECIMAL_LEN)?).map_err(|_| invalid)?;
    if words > MAX_WORDS {
        return Ok(None);
    }
    if python.space().target().word_size != 8 {
        return Ok(None);
    }
    let Address(start) = python.read(decimal, member::DECIMAL_DATA)?;
    let bytes = python.bytes(Address(start), words * 8)?;
    let mut text = String::new();
    let words: Vec<u64> = python.space().target().words(&bytes).collect();
    for word in words.iter().rev() {
        if *word >= 10_u64.pow(WORD_DIGITS as u32) {
            return Err(invalid);
        }
        let _ = if text.is_empty() { write!(text, "{word}") } else { write!(text, "{word:0WORD_DIGITS$}") };
    }
    Ok(Some(if text.is_empty() { "0".to_owned() } else { text }))
}

/// `to-scientific-string` of the General Decimal Arithmetic specification.
fn scientific(digits: &str, exponent: i64) -> String {
    let len = digits.len() as i64;
    let adjusted = exponent.saturating_add(len - 1);
    if exponent <= 0 && adjusted >= -6 {
        if exponent == 0 {
            return digits.to_owned();
        }
        let point = len + exponent;
        if point > 0 {
            let (whole, rest) = digits.split_at(point as usize);
            return format!("{whole}.{rest}");
        }
        return format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize));
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{first}{point}{rest}E{adjusted:+}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected texts are those of CPython 3.12.
    #[test]
    fn scientific_text() {
        let check = |digits, exponent, expected: &str| assert_eq!(scientific(digits, exponent), expected);
        check("12345678900", -6, "12345.678900");
        check("0", 0, "0");
        check("0", -2, "0.00");
        check("0", 3, "0E+3");
        check("1", -6, "0.000001");
        check("1", -7, "1E-7");
        check("12", -8, "1.2E-7");
        check("123", 0, "123");
        check("123", 2, "1.23E+4");
        check("5", i64::MAX, "5E+9223372036854775807");
    }
}
