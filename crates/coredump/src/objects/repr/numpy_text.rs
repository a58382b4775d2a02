//! The text of arrays as numpy/_core/arrayprint.py lays it out, with the default options.
//!
//! <https://github.com/numpy/numpy/blob/v2.2.0/numpy/_core/arrayprint.py>

use std::fmt::Write as _;

/// An element of an array.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Bool(bool),
    Int(i128),
    /// A number of IEEE 754's binary16, as its bits.
    Float16(u16),
    Float32(f32),
    Float64(f64),
    /// Text that is printed as it stands.
    Text(String),
}

/// `linewidth` of `numpy.set_printoptions`.
const LINE_WIDTH: usize = 75;
/// `precision` of `numpy.set_printoptions`.
const PRECISION: usize = 8;

/// `name(…)`; `dtype` is given when it is not the one that the elements imply.
pub(super) fn array(name: &str, shape: &[u64], cells: &[Cell], dtype: Option<&str>) -> String {
    let prefix = format!("{name}(");
    let mut text = prefix.clone();
    if cells.is_empty() {
        text.push_str("[]");
        if shape.len() > 1 {
            let shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
            let _ = write!(text, ", shape=({})", shape.join(", "));
        }
    } else {
        let words = words(cells, shape.is_empty());
        // One column is kept for the closing parenthesis, or for the comma before the type.
        let width = LINE_WIDTH - 1;
        text.push_str(&rows(shape, &words, width, prefix.len()));
    }
    let Some(dtype) = dtype else { return text + ")" };
    text.push(',');
    let dtype = format!("dtype={dtype})");
    let last_line = text.chars().rev().take_while(|&character| character != '\n').count();
    if last_line + dtype.chars().count() + 1 > LINE_WIDTH {
        format!("{text}\n{:1$}{dtype}", "", prefix.len())
    } else {
        format!("{text} {dtype}")
    }
}

/// Nested brackets, one level for each dimension, with words that wrap at `width`.
fn rows(shape: &[u64], words: &[String], width: usize, indent: usize) -> String {
    let Some((&last, outer)) = shape.split_last() else { return words.concat() };
    let last = last.max(1) as usize;
    let depth = outer.len();
    let mut text = "[".repeat(depth);
    // `_formatArray` counts a closing bracket for each dimension off the width of the lines inside.
    let width = width.saturating_sub(depth);
    let hanging = indent + 1 + depth;
    let count = words.len() / last;
    for (index, row) in words.chunks(last).enumerate() {
        text.push_str(&line(row, width, hanging));
        let finished = index + 1;
        let mut size = 1;
        let closed = outer.iter().rev().take_while(|&&length| {
            size *= length.max(1) as usize;
            finished % size == 0
        });
        let closed = closed.count();
        text.push_str(&"]".repeat(closed));
        if finished < count {
            text.push(',');
            text.push_str(&"\n".repeat(closed + 1));
            text.push_str(&" ".repeat(hanging - 1 - closed));
            text.push_str(&"[".repeat(closed));
        }
    }
    text
}

/// The words of the innermost dimension.
fn line(words: &[String], width: usize, hanging: usize) -> String {
    let width = width.saturating_sub(1);
    let (mut text, mut length) = ("[".to_owned(), hanging);
    for (index, word) in words.iter().enumerate() {
        let word_length = word.chars().count();
        if length + word_length > width && length > hanging {
            text.truncate(text.trim_end().len());
            text.push('\n');
            text.push_str(&" ".repeat(hanging));
            length = hanging;
        }
        text.push_str(word);
        length += word_length;
        if index + 1 < words.len() {
            text.push_str(", ");
            length += 2;
        }
    }
    text + "]"
}

/// The elements as words of equal width.
fn words(cells: &[Cell], is_scalar: bool) -> Vec<String> {
    let floats: Option<Vec<Number>> = cells.iter().map(Number::of).collect();
    if let Some(floats) = floats {
        return float_words(&floats);
    }
    let plain: Vec<String> = cells
        .iter()
        .map(|cell| match cell {
            Cell::Bool(true) => "True".to_owned(),
            Cell::Bool(false) => "False".to_owned(),
            Cell::Int(value) => value.to_string(),
            Cell::Text(text) => text.clone(),
            Cell::Float16(bits) => half(*bits).to_string(),
            Cell::Float32(value) => value.to_string(),
            Cell::Float64(value) => value.to_string(),
        })
        .collect();
    let width = match cells.first() {
        Some(Cell::Bool(_)) if !is_scalar => 5,
        Some(Cell::Int(_)) => plain.iter().map(String::len).max().unwrap_or(0),
        _ => 0,
    };
    plain.into_iter().map(|word| format!("{word:>width$}")).collect()
}

/// A float with its shortest digits.
#[derive(Clone, Debug)]
struct Number {
    value: f64,
    /// `d.ddde±x`, the shortest that reads back as the same number of its own size.
    shortest: String,
    /// All digits, without an exponent.
    positional: String,
}

impl Number {
    fn of(cell: &Cell) -> Option<Self> {
        Some(match *cell {
            Cell::Float16(bits) => {
                let shortest = shortest_half(bits);
                let positional =
                    shortest.parse::<f64>().map_or_else(|_| shortest.clone(), |value| value.to_string());
                Self { value: f64::from(half(bits)), shortest, positional }
            }
            Cell::Float32(value) => Self {
                value: f64::from(value),
                shortest: format!("{value:e}"),
                positional: format!("{value}"),
            },
            Cell::Float64(value) => {
                Self { value, shortest: format!("{value:e}"), positional: format!("{value}") }
            }
            _ => return None,
        })
    }

    /// Whole and fractional digits, at most [`PRECISION`] of the latter.
    fn digits(&self) -> (String, String) {
        let (whole, fraction) = self.positional.split_once('.').unwrap_or((&self.positional, ""));
        if fraction.is_empty() {
            // Digits before the point are all printed, not only as many as tell the number apart.
            return (format!("{:.0}", self.value), String::new());
        }
        if fraction.len() <= PRECISION {
            return (whole.to_owned(), fraction.to_owned());
        }
        let rounded = format!("{:.PRECISION$}", self.value);
        let (whole, fraction) = rounded.split_once('.').unwrap_or((&rounded, ""));
        (whole.to_owned(), fraction.trim_end_matches('0').to_owned())
    }

    /// Mantissa's digits before and behind the point, and the exponent.
    fn scientific(&self) -> (String, String, i32) {
        let shortest = split_scientific(&self.shortest);
        if shortest.1.len() <= PRECISION {
            return shortest;
        }
        let (whole, fraction, exponent) = split_scientific(&format!("{:.PRECISION$e}", self.value));
        (whole, fraction.trim_end_matches('0').to_owned(), exponent)
    }
}

/// Mantissa's digits before and behind the point, and the exponent, of `d.ddde±x`.
fn split_scientific(text: &str) -> (String, String, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    (whole.to_owned(), fraction.to_owned(), exponent.parse().unwrap_or(0))
}

/// `FloatingFormat` with `floatmode='maxprec'`.
fn float_words(numbers: &[Number]) -> Vec<String> {
    let finite: Vec<&Number> = numbers.iter().filter(|number| number.value.is_finite()).collect();
    let sizes = finite.iter().map(|number| number.value.abs()).filter(|&size| size > 0.0);
    let (least, most) =
        sizes.fold((f64::INFINITY, 0.0_f64), |(least, most), size| (least.min(size), most.max(size)));
    let is_scientific = most > 0.0 && (most >= 1e8 || least < 0.0001 || most / least > 1000.0);
    let (left, right) = if is_scientific { scientific_widths(&finite) } else { positional_widths(&finite) };
    let special = |number: &Number| {
        let text = if number.value.is_nan() {
            "nan"
        } else if number.value > 0.0 {
            "inf"
        } else {
            "-inf"
        };
        format!("{text:>0$}", left + 1 + right)
    };
    // What is not finite may need more room than the rest.
    let widest =
        numbers.iter().filter(|number| !number.value.is_finite()).map(|number| special(number).len());
    let width = widest.max().unwrap_or(0).max(left + 1 + right);
    let word = |number: &Number| {
        let text = if !number.value.is_finite() {
            special(number)
        } else if is_scientific {
            scientific(number, &finite)
        } else {
            let (whole, fraction) = number.digits();
            format!("{whole:>left$}.{fraction:<right$}")
        };
        format!("{text:>width$}")
    };
    numbers.iter().map(word).collect()
}

fn positional_widths(finite: &[&Number]) -> (usize, usize) {
    let digits = finite.iter().map(|number| number.digits());
    digits.fold((0, 0), |(left, right), (whole, fraction)| (left.max(whole.len()), right.max(fraction.len())))
}

fn scientific_widths(finite: &[&Number]) -> (usize, usize) {
    let longest = finite.iter().map(|number| scientific(number, finite).len()).max().unwrap_or(0);
    let left = finite.iter().map(|number| number.scientific().0.len()).max().unwrap_or(0);
    (left, longest.saturating_sub(left + 1))
}

/// All numbers get the fraction of the longest, and two digits of exponent or more.
fn scientific(number: &Number, finite: &[&Number]) -> String {
    let digits = finite.iter().map(|number| number.scientific().1.len()).max().unwrap_or(0);
    let widest = |size: usize, exponent: i32| size.max(exponent.unsigned_abs().to_string().len());
    let exponent_size = finite.iter().fold(2, |size, number| widest(size, number.scientific().2));
    let (whole, mut fraction, mut exponent) = number.scientific();
    let mut whole = whole;
    if fraction.len() < digits {
        // `min_digits` goes on with the digits of the number itself, which need not be zeros.
        (whole, fraction, exponent) = split_scientific(&format!("{:.digits$e}", number.value));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{whole}.{fraction:0<digits$}e{sign}{:0exponent_size$}", exponent.unsigned_abs())
}

/// A number of IEEE 754's binary16.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2_f32.powi(-24),
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f32.powi(exponent - 15),
    };
    if sign == 1 { -magnitude } else { magnitude }
}

/// The fewest digits that no other number of its size is nearer to, as `d.ddde±x`.
fn shortest_half(bits: u16) -> String {
    let value = f64::from(half(bits));
    let spacing = 2_f64.powi(i32::from(bits >> 10 & 0x1f).max(1) - 25);
    let near = |text: &String| text.parse::<f64>().is_ok_and(|read| (read - value).abs() < spacing / 2.0);
    let texts = (0..5).map(|digits| format!("{value:.digits$e}"));
    let found = texts.into_iter().find(|text| near(text) || !value.is_finite());
    let found = found.unwrap_or_else(|| format!("{value:e}"));
    let (mantissa, exponent) = found.split_once('e').unwrap_or((&found, "0"));
    let mantissa =
        if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    format!("{mantissa}e{exponent}")
}

/// `str()` of a `numpy.float32`.
pub(super) fn scalar(value: f32) -> String {
    let number = f64::from(value).abs();
    if value.is_nan() {
        "nan".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "inf" } else { "-inf" }.to_owned()
    } else if number != 0.0 && !(1e-4..1e16).contains(&number) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
    } else {
        let text = format!("{value}");
        if text.contains('.') { text } else { text + ".0" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shape: &[u64], cells: impl AsRef<[Cell]>, dtype: Option<&str>, expected: &str) {
        assert_eq!(array("array", shape, cells.as_ref(), dtype), expected);
    }

    fn floats(values: &[f64]) -> Vec<Cell> {
        values.iter().copied().map(Cell::Float64).collect()
    }

    /// Expected texts are those of NumPy 2.4.
    #[test]
    fn arrays() {
        let ints = |values: std::ops::Range<i128>| values.map(Cell::Int).collect::<Vec<_>>();
        check(&[3], ints(1..4), None, "array([1, 2, 3])");
        check(&[3], ints(-1..2), Some("int8"), "array([-1,  0,  1], dtype=int8)");
        check(&[2, 3], ints(0..6), None, "array([[0, 1, 2],\n       [3, 4, 5]])");
        check(&[2, 1, 2], ints(0..4), None, "array([[[0, 1]],\n\n       [[2, 3]]])");
        check(&[], ints(7..8), None, "array(7)");
        check(&[0], Vec::new(), Some("float64"), "array([], dtype=float64)");
        check(&[0, 3], Vec::new(), Some("float64"), "array([], shape=(0, 3), dtype=float64)");
        check(&[2], vec![Cell::Bool(true), Cell::Bool(false)], None, "array([ True, False])");
        check(&[3], floats(&[1.5, 2.0, 3.25]), None, "array([1.5 , 2.  , 3.25])");
        check(&[3], floats(&[1.0, f64::NAN, -2.0]), None, "array([ 1., nan, -2.])");
        check(&[2], floats(&[1e-10, 1.0]), None, "array([1.e-10, 1.e+00])");
        check(&[2], floats(&[1.25e100, 1.0]), None, "array([1.25e+100, 1.00e+000])");
        check(&[1], floats(&[1.0 / 3.0]), None, "array([0.33333333])");
        check(&[], vec![Cell::Float32(81_831_184.0)], Some("float32"), "array(81831184., dtype=float32)");
        check(&[], vec![Cell::Float16(0xcdae)], Some("float16"), "array(-22.72, dtype=float16)");
        let small = [1.0, 4.732_349_6e-9, 0.294_140_2].map(Cell::Float32).to_vec();
        let expected = "array([1.0000000e+00, 4.7323496e-09, 2.9414019e-01], dtype=float32)";
        check(&[3], small, Some("float32"), expected);
        let wrapped = "array([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16,\n       17, 18, 19, 20, 21, 22, 23, 24])";
        check(&[25], ints(0..25), None, wrapped);
    }
}
