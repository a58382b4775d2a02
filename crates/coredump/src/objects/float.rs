//! Text of `float` and `complex` values, as `repr()` gives it.

/// `float.__repr__`: the shortest digits that read back as the same number (Python/pystrtod.c, format `r`).
pub fn float_repr(value: f64) -> String {
    with_fraction(value, ".0")
}

/// `complex.__repr__`: parts without `.0`, the real one left out when it is +0.0.
pub fn complex_repr(real: f64, imaginary: f64) -> String {
    let imaginary_text = with_fraction(imaginary, "");
    if real == 0.0 && real.is_sign_positive() {
        return format!("{imaginary_text}j");
    }
    let plus = if imaginary_text.starts_with('-') { "" } else { "+" };
    format!("({}{plus}{imaginary_text}j)", with_fraction(real, ""))
}

/// Shortest digits; `fraction` is what whole numbers end with.
fn with_fraction(value: f64, fraction: &str) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    // Rust's exponent form has the shortest digits that round-trip, as Python's has.
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let digits: String = mantissa.chars().filter(|&digit| digit != '.').collect();
    if !(-4..16).contains(&exponent) {
        let (first, rest) = digits.split_at(1.min(digits.len()));
        let point = if rest.is_empty() { "" } else { "." };
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}e{exponent_sign}{:02}", exponent.unsigned_abs());
    }
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits}{}{fraction}", "0".repeat(whole - digits.len()));
    }
    let (whole, rest) = digits.split_at(whole);
    format!("{sign}{whole}.{rest}")
}

#[cfg(test)]
#[expect(clippy::unreadable_literal, reason = "digits stand as Python prints them")]
mod tests {
    use super::*;

    /// Expected texts are those of CPython 3.12.
    #[test]
    fn floats() {
        let check = |value: f64, expected: &str| assert_eq!(float_repr(value), expected);
        check(0.0, "0.0");
        check(-0.0, "-0.0");
        check(1.0, "1.0");
        check(0.5, "0.5");
        check(0.1, "0.1");
        check(100.0, "100.0");
        check(123456789.125, "123456789.125");
        check(1e15, "1000000000000000.0");
        check(9999999999999998.0, "9999999999999998.0");
        check(1e16, "1e+16");
        check(1e22, "1e+22");
        check(1.5e300, "1.5e+300");
        check(0.0001, "0.0001");
        check(0.00001, "1e-05");
        check(0.00012345, "0.00012345");
        check(1.2345e-5, "1.2345e-05");
        check(5e-324, "5e-324");
        check(1.7976931348623157e308, "1.7976931348623157e+308");
        check(2.2250738585072014e-308, "2.2250738585072014e-308");
        check(-3.25, "-3.25");
        check(1.0 / 3.0, "0.3333333333333333");
        check(1e23, "1e+23");
        check(123456789012345680.0, "1.2345678901234568e+17");
        check(f64::INFINITY, "inf");
        check(f64::NEG_INFINITY, "-inf");
        check(f64::NAN, "nan");
        check(-f64::NAN, "nan");
    }

    #[test]
    fn complex_numbers() {
        let check = |real, imaginary, expected: &str| assert_eq!(complex_repr(real, imaginary), expected);
        check(1.5, -2.0, "(1.5-2j)");
        check(-0.0, -0.0, "(-0-0j)");
        check(0.0, 1.0, "1j");
        check(0.0, -0.0, "-0j");
        check(1e16, 1e-5, "(1e+16+1e-05j)");
        check(-1.0, 0.0, "(-1+0j)");
        check(f64::NAN, f64::INFINITY, "(nan+infj)");
        check(0.0, f64::NAN, "nanj");
    }
}
