//! `%` formatting of strings, as `str.__mod__` does it.
//!
//! Source: `unicode_format_arg_parse` and what it calls, Objects/unicodeobject.c at v3.12.1.

use std::fmt::Write as _;

/// What asks for a larger width or precision is not formatted; Rust itself formats no more than 65535 digits.
const MAX_WIDTH: usize = 4096;

/// A message that grows longer is not formatted: a short template can ask for its arguments any number of times.
const MAX_FORMATTED: usize = 64 << 10;

/// What one argument gives in each way that it can be asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Argument {
    /// `str()`.
    pub(super) str: String,
    /// `repr()`.
    pub(super) repr: String,
    /// Its value, when it is a number.
    pub(super) number: Option<Number>,
}

/// A number.
#[derive(Clone, Debug)]
pub(super) enum Number {
    /// An `int`; its decimal text, and its value where that fits.
    Int(String, Option<i128>),
    /// A `float`.
    Float(f64),
}

/// The arguments of a format: a tuple of them, or one that is looked up by names.
pub(super) enum Arguments<'a> {
    /// By position.
    Tuple(&'a [Argument]),
    /// By name.
    Mapping(&'a dyn Fn(&str) -> Option<Argument>),
}

/// A conversion such as `%-5.2f`.
#[expect(clippy::struct_excessive_bools, reason = "one for each flag that a conversion can have")]
#[derive(Default)]
struct Conversion {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// Formats as `template % arguments` does; `None` where Python raises, or where the value is not known.
pub(super) fn format(template: &str, arguments: &Arguments<'_>) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    let mut taken = 0;
    while let Some(at) = rest.find('%') {
        out.push_str(rest.get(..at)?);
        rest = rest.get(at + 1..)?;
        rest = convert(&mut out, rest, arguments, &mut taken)?;
        if out.len() > MAX_FORMATTED {
            return None;
        }
    }
    out.push_str(rest);
    match arguments {
        // All arguments must be used.
        Arguments::Tuple(all) if taken != all.len() => None,
        _ => Some(out),
    }
}

/// Writes one conversion; returns what follows it.
fn convert<'t>(
    out: &mut String,
    mut rest: &'t str,
    arguments: &Arguments<'_>,
    taken: &mut usize,
) -> Option<&'t str> {
    let mut named = None;
    if let Some(after) = rest.strip_prefix('(') {
        let end = closing(after)?;
        let Arguments::Mapping(lookup) = arguments else { return None };
        named = Some(lookup(after.get(..end)?)?);
        rest = after.get(end + 1..)?;
    }
    let mut next = || -> Option<Argument> {
        if let Some(named) = named.clone() {
            return Some(named);
        }
        let Arguments::Tuple(all) = arguments else { return None };
        *taken += 1;
        all.get(*taken - 1).cloned()
    };
    let mut conversion = Conversion::default();
    rest = flags(&mut conversion, rest);
    (conversion.width, rest) = match rest.strip_prefix('*') {
        Some(after) => {
            let width = whole(&next()?)?;
            conversion.left |= width < 0;
            (bounded(width.unsigned_abs())?, after)
        }
        None => digits(rest)?,
    };
    if let Some(after) = rest.strip_prefix('.') {
        let (precision, after) = match after.strip_prefix('*') {
            Some(after) => (bounded(whole(&next()?)?.max(0).unsigned_abs())?, after),
            None => digits(after)?,
        };
        conversion.precision = Some(precision);
        rest = after;
    }
    rest = rest.strip_prefix(['h', 'l', 'L']).unwrap_or(rest);
    let kind = rest.chars().next()?;
    let rest = rest.get(kind.len_utf8()..)?;
    if kind == '%' {
        out.push('%');
        return Some(rest);
    }
    write_converted(out, kind, &conversion, &next()?)?;
    Some(rest)
}

/// Where the parenthesis closes that was opened just before.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    text.char_indices().find_map(|(at, character)| {
        match character {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        (open == 0).then_some(at)
    })
}

fn flags<'t>(conversion: &mut Conversion, mut rest: &'t str) -> &'t str {
    loop {
        let flag = match rest.as_bytes().first() {
            Some(b'-') => &mut conversion.left,
            Some(b'+') => &mut conversion.plus,
            Some(b' ') => &mut conversion.space,
            Some(b'#') => &mut conversion.alternate,
            Some(b'0') => &mut conversion.zero,
            _ => return rest,
        };
        *flag = true;
        rest = rest.get(1..).unwrap_or_default();
    }
}

/// A width or precision in digits, 0 without any.
fn digits(text: &str) -> Option<(usize, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let number = if number.is_empty() { 0 } else { number.parse().ok()? };
    Some((bounded(number)?, rest))
}

/// A width or precision that is not larger than [`MAX_WIDTH`].
fn bounded(number: u128) -> Option<usize> {
    usize::try_from(number).ok().filter(|&number| number <= MAX_WIDTH)
}

fn whole(argument: &Argument) -> Option<i128> {
    match argument.number.as_ref()? {
        Number::Int(_, value) => *value,
        Number::Float(_) => None,
    }
}

fn write_converted(out: &mut String, kind: char, conversion: &Conversion, argument: &Argument) -> Option<()> {
    let cut = |text: &str| match conversion.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    let text = match kind {
        's' => cut(&argument.str),
        'r' => cut(&argument.repr),
        'a' => cut(&ascii(&argument.repr)),
        'c' => match whole(argument) {
            Some(code) => char::from_u32(u32::try_from(code).ok()?)?.to_string(),
            None if argument.number.is_none() && argument.str.chars().count() == 1 => argument.str.clone(),
            None => return None,
        },
        _ => return write_number(out, kind, conversion, argument.number.as_ref()?),
    };
    pad(out, "", &text, conversion, false);
    Some(())
}

/// `ascii()`: what is not ASCII is escaped.
fn ascii(repr: &str) -> String {
    let mut text = String::new();
    for character in repr.chars() {
        let _ = match character as u32 {
            0..=0x7f => write!(text, "{character}"),
            code @ 0x80..=0xff => write!(text, "\\x{code:02x}"),
            code @ 0x100..=0xffff => write!(text, "\\u{code:04x}"),
            code => write!(text, "\\U{code:08x}"),
        };
    }
    text
}

fn write_number(out: &mut String, kind: char, conversion: &Conversion, number: &Number) -> Option<()> {
    let (negative, digits) = match kind {
        'd' | 'i' | 'u' | 'o' | 'x' | 'X' => int_digits(kind, conversion, number)?,
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            let value = match number {
                Number::Float(value) => *value,
                Number::Int(_, value) => (*value)? as f64,
            };
            (value.is_sign_negative() && !value.is_nan(), float_digits(kind, conversion, value.abs()))
        }
        _ => return None,
    };
    let sign = match (negative, conversion.plus, conversion.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    };
    let base = match kind {
        'o' if conversion.alternate => "0o",
        'x' if conversion.alternate => "0x",
        'X' if conversion.alternate => "0X",
        _ => "",
    };
    pad(out, &format!("{sign}{base}"), &digits, conversion, true);
    Some(())
}

/// Sign and digits; `%d` cuts a float off, `%x` takes none.
fn int_digits(kind: char, conversion: &Conversion, number: &Number) -> Option<(bool, String)> {
    let (negative, mut digits) = match (number, kind) {
        (Number::Int(text, _), 'd' | 'i' | 'u') => match text.strip_prefix('-') {
            Some(digits) => (true, digits.to_owned()),
            None => (false, text.clone()),
        },
        (Number::Float(value), 'd' | 'i' | 'u') if value.is_finite() => {
            (*value <= -1.0, format!("{:.0}", value.abs().trunc()))
        }
        (Number::Int(_, Some(value)), _) => {
            let size = value.unsigned_abs();
            let digits = match kind {
                'o' => format!("{size:o}"),
                'x' => format!("{size:x}"),
                _ => format!("{size:X}"),
            };
            (*value < 0, digits)
        }
        _ => return None,
    };
    let missing = conversion.precision.unwrap_or(0).saturating_sub(digits.len());
    digits.insert_str(0, &"0".repeat(missing));
    Some((negative, digits))
}

fn float_digits(kind: char, conversion: &Conversion, value: f64) -> String {
    let precision = conversion.precision.unwrap_or(6);
    let text = if value.is_nan() {
        "nan".to_owned()
    } else if value.is_infinite() {
        "inf".to_owned()
    } else {
        match kind.to_ascii_lowercase() {
            'f' => with_point(format!("{value:.precision$}"), conversion),
            'e' => exponent_form(value, precision, conversion),
            _ => general_form(value, precision.max(1), conversion),
        }
    };
    if kind.is_ascii_uppercase() { text.to_ascii_uppercase() } else { text }
}

fn with_point(text: String, conversion: &Conversion) -> String {
    if conversion.alternate && !text.contains('.') { text + "." } else { text }
}

/// `1.5e+06`: at least two digits in the exponent.
fn exponent_form(value: f64, precision: usize, conversion: &Conversion) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", with_point(mantissa.to_owned(), conversion), exponent.unsigned_abs())
}

/// `%g`: the shorter of both forms, without zeros at the end.
fn general_form(value: f64, precision: usize, conversion: &Conversion) -> String {
    let exponent = format!("{value:.*e}", precision - 1);
    let exponent: i64 = exponent.split_once('e').and_then(|split| split.1.parse().ok()).unwrap_or(0);
    let stripped = |text: &str| {
        if conversion.alternate || !text.contains('.') {
            return text.to_owned();
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if exponent < -4 || exponent >= precision as i64 {
        let text = exponent_form(value, precision - 1, conversion);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{exponent}", stripped(mantissa));
    }
    let digits = usize::try_from(precision as i64 - 1 - exponent).unwrap_or(0);
    stripped(&with_point(format!("{value:.digits$}"), conversion))
}

fn pad(out: &mut String, prefix: &str, text: &str, conversion: &Conversion, is_number: bool) {
    let missing = conversion.width.saturating_sub(prefix.chars().count() + text.chars().count());
    let (before, zeros, after) = match (conversion.left, conversion.zero && is_number) {
        (true, _) => (0, 0, missing),
        (false, true) => (0, missing, 0),
        (false, false) => (missing, 0, 0),
    };
    out.extend(std::iter::repeat_n(' ', before));
    out.push_str(prefix);
    out.extend(std::iter::repeat_n('0', zeros));
    out.push_str(text);
    out.extend(std::iter::repeat_n(' ', after));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(value: i128) -> Argument {
        let text = value.to_string();
        Argument { str: text.clone(), repr: text.clone(), number: Some(Number::Int(text, Some(value))) }
    }

    fn float(value: f64) -> Argument {
        let text = crate::objects::float::float_repr(value);
        Argument { str: text.clone(), repr: text, number: Some(Number::Float(value)) }
    }

    fn text(value: &str) -> Argument {
        Argument { str: value.to_owned(), repr: format!("'{value}'"), number: None }
    }

    /// What CPython 3.12 gives.
    #[test]
    fn as_python_formats() {
        let check = |template: &str, argument: Argument, expected: &str| {
            assert_eq!(
                format(template, &Arguments::Tuple(&[argument])).as_deref(),
                Some(expected),
                "{template}"
            );
        };
        check("order %d failed", int(499), "order 499 failed");
        check("%5d|", int(-42), "  -42|");
        check("%-6d|", int(42), "42    |");
        check("%06d", int(-42), "-00042");
        check("%+d", int(7), "+7");
        check("% d", int(7), " 7");
        check("%.4d", int(7), "0007");
        check("%d", float(-3.99), "-3");
        check("%d", float(-0.5), "0");
        check("%x", int(-255), "-ff");
        check("%#X", int(255), "0XFF");
        check("%#o", int(8), "0o10");
        check("%#08x", int(255), "0x0000ff");
        check("%f", float(1.5), "1.500000");
        check("%06.2f", float(5.4321), "005.43");
        check("%.0f", float(2.5), "2");
        check("%#.0f", float(2.5), "2.");
        check("%f", float(f64::NEG_INFINITY), "-inf");
        check("%e", float(12345.678), "1.234568e+04");
        check("%E", float(0.0), "0.000000E+00");
        check("%g", float(0.0001), "0.0001");
        check("%g", float(0.00001), "1e-05");
        check("%g", float(123_456_789.0), "1.23457e+08");
        check("%g", float(100_000.0), "100000");
        check("%.3g", int(1234), "1.23e+03");
        check("%#g", float(1.0), "1.00000");
        check("%s", text("né"), "né");
        check("%.1s|%%", text("né"), "n|%");
        check("%5s", text("né"), "   né");
        check("%05s", text("né"), "   né");
        check("%r", text("a"), "'a'");
        check("%a", text("é€😀"), "'\\xe9\\u20ac\\U0001f600'");
        check("%c", int(0x20ac), "€");
        check("%c", text("x"), "x");
        check("%ld%%", int(3), "3%");
    }

    #[test]
    fn stars_names_and_what_raises() {
        let given = [int(-5), int(42)];
        assert_eq!(format("%*d|", &Arguments::Tuple(&given)).as_deref(), Some("42   |"));
        let check =
            |template: &str, given: &[Argument]| assert_eq!(format(template, &Arguments::Tuple(given)), None);
        check("%d", &[]);
        check("%d", &[text("1")]);
        check("none", &[int(1)]);
        check("%x", &[float(1.0)]);
        check("%", &[int(1)]);
        check("%y", &[int(1)]);
        check("%(name)s", &[int(1)]);
        check("%65536.65536f", &[float(1.5)]);
        check("%.65536e", &[float(1.5)]);
        check("%.65535g", &[float(0.001)]);
        check("%99999999999999999999999999999999999999999d", &[int(1)]);
        check("%*d", &[int(i128::MIN), int(1)]);
        check(&"%4000d".repeat(20), &vec![int(1); 20]);
        let lookup = |name: &str| (name == "a(b)").then(|| int(3));
        let named = Arguments::Mapping(&lookup);
        assert_eq!(format("%(a(b))03d and %(a(b))s", &named).as_deref(), Some("003 and 3"));
        assert_eq!(format("%(other)s", &named), None);
        assert_eq!(format("%s", &named), None);
    }
}
