//! Numbers as people read them.

/// `198.8 MiB`; exact below a kibibyte.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1 << 10 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `57,893`.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let check = |value: u64, expected: [&str; 2]| assert_eq!([size(value), number(value)], expected);
        check(0, ["0 bytes", "0"]);
        check(1023, ["1023 bytes", "1,023"]);
        check(208_474_048, ["198.8 MiB", "208,474,048"]);
        check(u64::MAX, ["16777216.0 TiB", "18,446,744,073,709,551,615"]);
    }
}
