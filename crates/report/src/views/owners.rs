//! Owners of memory that are alike, as one row: the sessions of a service are told by their number.

use std::collections::BTreeMap;

/// Rows of a table of owners that differ in the key by which they are held only.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Alike<'a, T> {
    /// The first of them.
    pub(crate) first: &'a T,
    /// How many there are.
    pub(crate) count: usize,
    /// Their path with the keys cut out, where there are several.
    pub(crate) shape: Option<String>,
}

/// Fewer are shown one by one.
const FEWEST: usize = 3;

/// Folds rows whose paths have the same shape and that say the same otherwise; in the order of the first ones.
pub(crate) fn fold<T>(
    rows: &[T],
    path: impl Fn(&T) -> &str,
    says: impl Fn(&T) -> String,
) -> Vec<Alike<'_, T>> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let key = |row: &T| (shape(path(row)), says(row));
    for row in rows {
        *counts.entry(key(row)).or_default() += 1;
    }
    let mut folded = Vec::new();
    let mut done = std::collections::BTreeSet::new();
    for row in rows {
        let key = key(row);
        let count = counts.get(&key).copied().unwrap_or(1);
        if count < FEWEST {
            folded.push(Alike { first: row, count: 1, shape: None });
        } else if done.insert(key.clone()) {
            folded.push(Alike { first: row, count, shape: Some(key.0) });
        }
    }
    folded
}

/// `shop.SESSIONS[…].user` of `shop.SESSIONS['a'].user`; addresses are cut out as well.
fn shape(path: &str) -> String {
    let mut shape = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find(['[', '0']) {
        let (before, from) = rest.split_at(at);
        shape.push_str(before);
        if from.starts_with('[') {
            // A key may hold a bracket itself: it is quoted then.
            let inside = from.get(1..).unwrap_or_default();
            let quote = inside.chars().next().filter(|letter| matches!(letter, '\'' | '"'));
            let end = match quote {
                Some(quote) => inside.get(1..).and_then(|text| Some(text.find(&format!("{quote}]"))? + 4)),
                None => inside.find(']').map(|end| end + 2),
            };
            shape.push_str("[…]");
            rest = end.and_then(|end| from.get(end..)).unwrap_or_default();
        } else if let Some(digits) = from.strip_prefix("0x") {
            let digits = digits.trim_start_matches(|letter: char| letter.is_ascii_hexdigit());
            shape.push('…');
            rest = digits;
        } else {
            shape.push('0');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    shape.push_str(rest);
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let check = |path: &str, expected: &str| assert_eq!(shape(path), expected);
        check("shop.SESSIONS['user10-465']", "shop.SESSIONS[…]");
        check("a['x[1]'].b[7]", "a[…].b[…]");
        check("a[\"it's\"].c", "a[…].c");
        check("<native>.<dict at 0x7f25a8120040>", "<native>.<dict at …>");
        check("page10.rows", "page10.rows");
        check("cut['abc", "cut[…]");
        check("", "");
    }

    #[test]
    fn alike_rows_are_one() {
        let rows = [("a", 9), ("a['1']", 4), ("a['2']", 4), ("a['3']", 4), ("a['4']", 5)];
        let folded = fold(&rows, |row| row.0, |row| row.1.to_string());
        let shown: Vec<_> = folded.iter().map(|row| (row.first.0, row.count, row.shape.as_deref())).collect();
        assert_eq!(shown, [("a", 1, None), ("a['1']", 3, Some("a[…]")), ("a['4']", 1, None)]);
    }
}
