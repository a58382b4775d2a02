//! The values of one record: those that its message's template has wildcards for, and the members of an object.

use std::collections::{BTreeMap, VecDeque};

use crate::ascii::lossy;
use crate::json::{Members, Value};
use crate::json_record::{Field, MAX_OBJECTS, Place};
use crate::template::{slots, template_of};

/// Members of an object that are looked at.
const MAX_MEMBERS: usize = 32;
/// Bytes of a value, and of a name.
const VALUE_LIMIT: usize = 128;
const NAME_LIMIT: usize = 64;

/// Where a value stands in every record of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At<'a> {
    /// The wildcard of the template with this number.
    Part(u16),
    /// The member of this name.
    Member(&'a [u8]),
}

/// The same, to be kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Part(u16),
    Member(Vec<u8>),
}

impl Key {
    pub(super) fn is(&self, at: At<'_>) -> bool {
        match (self, at) {
            (Self::Part(own), At::Part(other)) => *own == other,
            (Self::Member(own), At::Member(other)) => own == other,
            _ => false,
        }
    }
}

/// A value that is kept, with what it is called.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) label: String,
    pub(super) text: Vec<u8>,
    pub(super) number: Option<f64>,
}

/// Hands out the values of a record that may be compared: not the process's own number, no ids, no times.
///
/// `told` gets where each stands, its bytes, and the number that it is, with its unit.
pub(super) fn each_value(
    line: &[u8],
    message: &[u8],
    pid: Option<u64>,
    mut told: impl FnMut(At<'_>, &[u8], Option<f64>),
) {
    let own = pid.map(|pid| pid.to_string()).unwrap_or_default();
    let is_compared = |text: &[u8]| !text.is_empty() && text.len() <= VALUE_LIMIT && text != own.as_bytes();
    for slot in slots(message).into_iter().filter(|slot| !slot.is_list && !slot.names_one) {
        let text = message.get(slot.range).unwrap_or_default();
        if is_compared(text) {
            told(At::Part(slot.ordinal), text, number_in(text));
        }
    }
    each_member(line, |name, value| {
        let (text, number) = match value {
            Value::String(text) | Value::Literal(text) => (text, number_of(text)),
            Value::Object(_) | Value::Array(_) => return,
        };
        if is_compared(text) && text != b"null" {
            told(At::Member(name), text, number);
        }
    });
}

/// The members of an object that are no field of a head.
fn each_member<'a>(line: &'a [u8], mut told: impl FnMut(&'a [u8], Value<'a>)) {
    let mut queue: VecDeque<(Place, &[u8])> = VecDeque::from([(Place::Record, line)]);
    let (mut objects, mut members) = (0, 0);
    while let Some((place, object)) = queue.pop_front() {
        for (name, value) in Members::new(object).into_iter().flatten() {
            if let Value::Object(inner) = value {
                objects += 1;
                queue.extend(place.inside(name).filter(|_| objects < MAX_OBJECTS).map(|at| (at, inner)));
            } else if place == Place::Record && Field::at(place, name).is_none() && name.len() <= NAME_LIMIT {
                members += 1;
                if members > MAX_MEMBERS {
                    return;
                }
                told(name, value);
            }
        }
    }
}

/// The same values, to be kept.
pub(super) fn values_of(line: &[u8], message: &[u8], pid: Option<u64>) -> BTreeMap<Key, Kept> {
    let labels = labels(message);
    let mut values = BTreeMap::new();
    each_value(line, message, pid, |at, text, number| {
        let (key, label) = match at {
            At::Part(ordinal) => {
                (Key::Part(ordinal), labels.get(usize::from(ordinal)).cloned().unwrap_or_default())
            }
            At::Member(name) => (Key::Member(name.to_vec()), lossy(name, NAME_LIMIT)),
        };
        values.insert(key, Kept { label, text: text.to_vec(), number });
    });
    values
}

/// What each wildcard is called: with the rest of its word, or the word in front of it.
fn labels(message: &[u8]) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    let mut from = 0;
    for slot in slots(message) {
        let before = message.get(from..slot.range.start).unwrap_or_default();
        let masked = template_of(message.get(slot.range.clone()).unwrap_or_default());
        let start = before.trim_ascii_end().iter().rposition(u8::is_ascii_whitespace);
        let word = before.get(start.map_or(0, |start| start + 1)..).unwrap_or_default();
        let is_said = masked.starts_with('<') && word.iter().any(u8::is_ascii_alphabetic);
        let label = format!("{}{masked}", if is_said { lossy(word, NAME_LIMIT) } else { String::new() });
        let alike = labels.iter().filter(|known| known.starts_with(&label)).count();
        labels.push(if alike > 0 { format!("{label} no. {}", alike + 1) } else { label });
        from = slot.range.end;
    }
    labels
}

/// The number that a part of a message is: alone, with its unit, or as the only figures of a word.
fn number_in(text: &[u8]) -> Option<f64> {
    number_of(text).or_else(|| quantity(text)).or_else(|| {
        let mut runs = text.split(|byte| !byte.is_ascii_digit()).filter(|run| !run.is_empty());
        let only = runs.next().filter(|_| runs.next().is_none());
        only.filter(|_| text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'))
            .and_then(number_of)
    })
}

fn number_of(text: &[u8]) -> Option<f64> {
    let is_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let text = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| is_number(&byte)))?;
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// `1h2m3.5s`, `12MiB`: in seconds, or in bytes.
fn quantity(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != '-')?;
        let (number, behind) = rest.split_at(digits);
        let letters = behind.find(|letter: char| letter.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        sum += number.parse::<f64>().ok()? * scale(unit)?;
        rest = behind;
    }
    Some(sum)
}

fn scale(unit: &str) -> Option<f64> {
    let kibi = |power: i32| 1024_f64.powi(power);
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" | "msec" => 1e-3,
        "s" | "sec" | "secs" | "seconds" | "B" | "bytes" => 1.0,
        "m" | "min" | "mins" => 60.0,
        "h" | "hr" | "hrs" => 3600.0,
        "d" => 86_400.0,
        "k" | "kb" | "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "K" | "Ki" | "KiB" => kibi(1),
        "M" | "Mi" | "MiB" => kibi(2),
        "G" | "Gi" | "GiB" => kibi(3),
        "T" | "Ti" | "TiB" => kibi(4),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str, message: &str) -> Vec<String> {
        let show = |(_, kept): (Key, Kept)| {
            let number = kept.number.map_or("-".to_owned(), |number| number.to_string());
            format!("{}={} {number}", kept.label, lossy(&kept.text, 99))
        };
        values_of(line.as_bytes(), message.as_bytes(), Some(77)).into_iter().map(show).collect()
    }

    #[test]
    fn parts_of_messages() {
        let check = |message: &str, expected: &[&str]| assert_eq!(told("", message), expected, "{message}");
        check("no price for SKU-951 in the feed", &["SKU-<n>=951 951"]);
        check(
            "order of user34 took 1.5ms, -3 left",
            &["user<n>=user34 34", "took <duration>=1.5ms 0.0015", "<n>=-3 -3"],
        );
        check(
            "read /srv/a.bin: 12MiB of 1h2m",
            &["read <path>=/srv/a.bin -", "<size>=12MiB 12582912", "of <duration>=1h2m 3720"],
        );
        // Its own process, an id, a time, a list.
        check("worker 77 of request_id=abc-1 at 2024-05-01 12:00:00: [1, 2]", &[]);
        check("moved 5 to 6", &["moved <n>=5 5", "to <n>=6 6"]);
        check("", &[]);
    }

    #[test]
    fn members() {
        let line = r#"{"time":"2024-05-01T12:00:00Z","level":"INFO","message":"m","process":77,"path":"/price","sku":951,
            "extra":{"user":"u1"},"request_id":"r-1","none":null,"list":[1],"on":true}"#;
        assert_eq!(told(line, "m"), ["on=true -", "path=/price -", "sku=951 951", "user=u1 -"]);
    }
}
