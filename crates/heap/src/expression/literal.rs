//! Constants as Python writes them: the keys of dicts, the members of sets.

use std::fmt;

use super::error::ExpressionError;

/// Tuples in tuples that are read.
const MAX_DEPTH: usize = 16;

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    /// `None`.
    None,
    /// `True` and `False`.
    Bool(bool),
    /// An `int` in decimal digits, as long as it may be.
    Int(String),
    /// A `float`.
    Float(f64),
    /// A `str`.
    Str(String),
    /// A `bytes`.
    Bytes(Vec<u8>),
    /// A `tuple`.
    Tuple(Vec<Literal>),
}

impl Literal {
    /// Reads a text that is one constant and nothing else.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut cursor = Cursor::new(text);
        let found = read(&mut cursor).ok()?;
        cursor.rest().is_empty().then_some(found)
    }

    /// Whether Python would find one of them under the other: `True` is 1, and 1.0 is too.
    pub(crate) fn is_same_key(&self, other: &Self) -> bool {
        if let (Some(one), Some(other)) = (self.number(), other.number()) {
            return one == other;
        }
        match (self, other) {
            (Self::Tuple(ours), Self::Tuple(theirs)) => {
                ours.len() == theirs.len()
                    && ours.iter().zip(theirs).all(|(one, other)| one.is_same_key(other))
            }
            _ => self == other,
        }
    }

    /// A number in one form: whole ones in decimal digits.
    fn number(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(u8::from(*value).to_string()),
            Self::Int(digits) => Some(digits.clone()),
            Self::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
                Some(format!("{}", *value as i64))
            }
            Self::Float(value) => Some(format!("{value:e}")),
            _ => None,
        }
    }

    /// The number as an index.
    pub(crate) fn index(&self) -> Option<i64> {
        match self {
            Self::Int(digits) => digits.parse().ok(),
            Self::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Int(digits) => f.write_str(digits),
            Self::Float(value) => f.write_str(&pycoroner_coredump::objects::float::float_repr(*value)),
            Self::Str(text) => write_quoted(f, text.chars().map(u32::from)),
            Self::Bytes(bytes) => {
                f.write_str("b")?;
                write_quoted_bytes(f, bytes)
            }
            Self::Tuple(items) => {
                f.write_str("(")?;
                for (number, item) in items.iter().enumerate() {
                    let separator = if number == 0 { "" } else { ", " };
                    write!(f, "{separator}{item}")?;
                }
                f.write_str(if items.len() == 1 { ",)" } else { ")" })
            }
        }
    }
}

/// A text in quotes, as an expression and Python read it.
pub(crate) fn quoted(text: &str) -> String {
    Literal::Str(text.to_owned()).to_string()
}

fn write_quoted(f: &mut fmt::Formatter<'_>, codes: impl Iterator<Item = u32> + Clone) -> fmt::Result {
    let has = |quote: char| codes.clone().any(|code| code == u32::from(quote));
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    write!(f, "{quote}")?;
    for code in codes {
        match char::from_u32(code) {
            Some('\\') => f.write_str("\\\\")?,
            Some('\n') => f.write_str("\\n")?,
            Some('\r') => f.write_str("\\r")?,
            Some('\t') => f.write_str("\\t")?,
            Some(other) if other == quote => write!(f, "\\{other}")?,
            Some(other) if other.is_control() => write!(f, "\\x{code:02x}")?,
            Some(other) => write!(f, "{other}")?,
            None => write!(f, "\\u{code:04x}")?,
        }
    }
    write!(f, "{quote}")
}

fn write_quoted_bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    write!(f, "{}", char::from(quote))?;
    for &byte in bytes {
        match byte {
            b'\\' => f.write_str("\\\\")?,
            b'\n' => f.write_str("\\n")?,
            b'\r' => f.write_str("\\r")?,
            b'\t' => f.write_str("\\t")?,
            _ if byte == quote => write!(f, "\\{}", char::from(byte))?,
            b' '..=b'~' => write!(f, "{}", char::from(byte))?,
            _ => write!(f, "\\x{byte:02x}")?,
        }
    }
    write!(f, "{}", char::from(quote))
}

/// A place in a text.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// What was read since `start`, a place of before.
    pub(crate) fn since(&self, start: &Self) -> &'t str {
        self.text.get(start.at..self.at).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes the next character.
    pub(crate) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Takes `text` when it comes next.
    pub(crate) fn take(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        self.at += if is_next { text.len() } else { 0 };
        is_next
    }

    /// Takes all characters that `of` allows.
    pub(crate) fn take_while(&mut self, of: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let len = rest.find(|character| !of(character)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// Passes over `bytes` of the text, which end at a character.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.text.len());
    }

    pub(crate) fn skip_spaces(&mut self) {
        self.take_while(|character| character == ' ');
    }

    /// The column of the next character, counted from one.
    pub(crate) fn column(&self) -> usize {
        self.text.get(..self.at).map_or(0, |read| read.chars().count()) + 1
    }

    pub(crate) fn error(&self, why: impl Into<String>) -> ExpressionError {
        ExpressionError { column: self.column(), why: why.into() }
    }
}

/// Reads a constant. Tuples are put together on a stack of their own.
pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Literal, ExpressionError> {
    let mut open: Vec<Vec<Literal>> = Vec::new();
    loop {
        cursor.skip_spaces();
        let mut value = if cursor.take("(") {
            if open.len() == MAX_DEPTH {
                return Err(cursor.error(format!("tuples are read {MAX_DEPTH} deep")));
            }
            open.push(Vec::new());
            cursor.skip_spaces();
            if !cursor.take(")") {
                continue;
            }
            Literal::Tuple(open.pop().unwrap_or_default())
        } else {
            simple(cursor)?
        };
        // Closes as many tuples as end here.
        loop {
            let Some(items) = open.last_mut() else { return Ok(value) };
            items.push(value);
            cursor.skip_spaces();
            let is_more = cursor.take(",");
            cursor.skip_spaces();
            if !cursor.take(")") {
                if is_more {
                    break;
                }
                return Err(cursor.error("a comma or a closing parenthesis is missing"));
            }
            value = Literal::Tuple(open.pop().unwrap_or_default());
        }
    }
}

fn simple(cursor: &mut Cursor<'_>) -> Result<Literal, ExpressionError> {
    for (prefix, is_bytes) in [("b'", true), ("b\"", true), ("'", false), ("\"", false)] {
        if cursor.rest().starts_with(prefix) {
            cursor.skip(prefix.len() - 1);
            return if is_bytes { bytes(cursor) } else { string(cursor).map(Literal::Str) };
        }
    }
    for (word, value) in
        [("None", Literal::None), ("True", Literal::Bool(true)), ("False", Literal::Bool(false))]
    {
        if cursor.take(word) {
            return Ok(value);
        }
    }
    number(cursor)
}

fn number(cursor: &mut Cursor<'_>) -> Result<Literal, ExpressionError> {
    let start = cursor.clone();
    let negative = cursor.take("-");
    if cursor.take("0x") || cursor.take("0X") {
        let digits = cursor.take_while(|character| character.is_ascii_hexdigit());
        let value = u128::from_str_radix(digits, 16).map_err(|_| start.error("this is no number"))?;
        return Ok(Literal::Int(whole(&value.to_string(), negative)));
    }
    let digits = cursor.take_while(|character| character.is_ascii_digit() || character == '_');
    let is_whole = !matches!(cursor.peek(), Some('.' | 'e' | 'E'));
    if is_whole {
        let digits: String = digits.chars().filter(|&digit| digit != '_').collect();
        if digits.is_empty() {
            return Err(start
                .error("a constant is missing: a number, 'text', b'bytes', None, True, False or a tuple"));
        }
        return Ok(Literal::Int(whole(&digits, negative)));
    }
    cursor.take_while(|character| character.is_ascii_digit() || character == '.');
    if cursor.take("e") || cursor.take("E") {
        let _ = cursor.take("-") || cursor.take("+");
        cursor.take_while(|character| character.is_ascii_digit());
    }
    let text: String = cursor.since(&start).chars().filter(|&character| character != '_').collect();
    text.parse().map(Literal::Float).map_err(|_| start.error("this is no number"))
}

fn whole(digits: &str, negative: bool) -> String {
    let digits = digits.trim_start_matches('0');
    match (digits, negative) {
        ("", _) => "0".to_owned(),
        (digits, true) => format!("-{digits}"),
        (digits, false) => digits.to_owned(),
    }
}

/// A text in single or double quotes.
pub(crate) fn string(cursor: &mut Cursor<'_>) -> Result<String, ExpressionError> {
    let mut text = String::new();
    units(cursor, |code| text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)))?;
    Ok(text)
}

fn bytes(cursor: &mut Cursor<'_>) -> Result<Literal, ExpressionError> {
    let start = cursor.clone();
    let mut bytes = Vec::new();
    let mut is_bytes = true;
    units(cursor, |code| match u8::try_from(code) {
        Ok(byte) => bytes.push(byte),
        Err(_) => is_bytes = false,
    })?;
    if is_bytes {
        Ok(Literal::Bytes(bytes))
    } else {
        Err(start.error("bytes have characters up to \\xff only"))
    }
}

/// The code points between two quotes.
fn units(cursor: &mut Cursor<'_>, mut take: impl FnMut(u32)) -> Result<(), ExpressionError> {
    let start = cursor.clone();
    let quote = cursor.next();
    loop {
        let at = cursor.clone();
        match cursor.next() {
            None => return Err(start.error("the text that begins here has no closing quote")),
            next if next == quote => return Ok(()),
            Some('\\') => take(escape(cursor).ok_or_else(|| at.error("this escape is not known"))?),
            Some(other) => take(u32::from(other)),
        }
    }
}

fn escape(cursor: &mut Cursor<'_>) -> Option<u32> {
    let digits = match cursor.next()? {
        'n' => return Some(10),
        'r' => return Some(13),
        't' => return Some(9),
        '0' => return Some(0),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        plain @ ('\\' | '\'' | '"') => return Some(u32::from(plain)),
        _ => return None,
    };
    let text = cursor.rest().get(..digits)?;
    let code = u32::from_str_radix(text, 16).ok()?;
    cursor.skip(digits);
    Some(code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn constants_are_read_as_python_reads_them() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                Literal::of(text).map(|literal| literal.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        };
        check("'a'", "'a'");
        check("\"it's\"", "\"it's\"");
        check("'\\x00\\u20ac\\U0001F680\\n'", "'\\x00€🚀\\n'");
        check("b'\\xff\\'\"'", "b'\\xff\\'\"'");
        check("-007", "-7");
        check("0x1F", "31");
        check("1_000", "1000");
        check("123456789012345678901234567890", "123456789012345678901234567890");
        check("1.50", "1.5");
        check("1e16", "1e+16");
        check("None", "None");
        check("(1,)", "(1,)");
        check("()", "()");
        check("( 1 , ('a', b\"b\") )", "(1, ('a', b'b'))");
        for text in ["", "'a", "(1", "(1 2)", "1)", "nan", "b'\u{20ac}'", "'\\q'", "(,)", "[1]"] {
            assert_eq!(Literal::of(text), None, "{text}");
        }
        assert_eq!(Literal::of(&"(".repeat(100_000)), None);
    }

    #[test]
    fn equal_keys_are_the_same_key() {
        let same =
            |one: &str, other: &str| Literal::of(one).unwrap().is_same_key(&Literal::of(other).unwrap());
        assert!(same("1", "True") && same("1.0", "1") && same("(0, 'a')", "(False, 'a')"));
        assert!(!same("1", "'1'") && !same("1.5", "1") && !same("(1,)", "(1, 2)"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in any::<String>(), bytes in any::<Vec<u8>>(), number: i64, float: f64) {
            let items = vec![
                Literal::Str(text), Literal::Bytes(bytes), Literal::Int(number.to_string()), Literal::None,
            ];
            let mut all = items.clone();
            all.push(Literal::Tuple(items));
            if float.is_finite() {
                all.push(Literal::Float(float));
            }
            for literal in all {
                prop_assert_eq!(Literal::of(&literal.to_string()), Some(literal));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = Literal::of(&text);
        }
    }
}
