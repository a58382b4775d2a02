//! Expressions into steps.
//!
//! `.name`, `[constant]`, and what has no name in Python in angle brackets: `.<closure handler>`, `[<Key at 0x7f12>]`.
//! The beginning of an expression, a module or a root, is told by who knows their names.

use super::error::ExpressionError;
use super::literal::{self, Cursor, Literal};

/// Most steps of an expression.
const MAX_STEPS: usize = 10_000;

/// A step from an object to one that it refers to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    /// Where it begins, in characters from one.
    pub(crate) column: usize,
    /// What is wanted.
    pub(crate) wanted: Wanted,
}

/// What a step leads to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wanted {
    /// `.name`
    Attribute(String),
    /// `[constant]`
    Item(Literal),
    /// `.<…>` and `[<…>]`: the text with its angle brackets.
    Angle(String),
}

/// Reads the steps of an expression from where `cursor` stands to its end.
pub(crate) fn steps(cursor: &mut Cursor<'_>) -> Result<Vec<Token>, ExpressionError> {
    let mut found = Vec::new();
    while let Some(next) = cursor.peek() {
        let column = cursor.column();
        if found.len() == MAX_STEPS {
            return Err(cursor.error(format!("an expression has at most {MAX_STEPS} steps")));
        }
        let wanted = match next {
            '.' => after_dot(cursor)?,
            '[' => in_brackets(cursor)?,
            ' ' if cursor.rest().trim_start().is_empty() => break,
            _ => return Err(cursor.error("`.name`, `[key]` or `.<…>` is missing here")),
        };
        found.push(Token { column, wanted });
    }
    Ok(found)
}

fn after_dot(cursor: &mut Cursor<'_>) -> Result<Wanted, ExpressionError> {
    cursor.next();
    if cursor.peek() == Some('<') {
        let text = angle(cursor)?;
        return Ok(attribute_in(&text).map_or(Wanted::Angle(text), Wanted::Attribute));
    }
    let start = cursor.clone();
    let name = cursor.take_while(is_of_name);
    if name.is_empty() || name.starts_with(|character: char| character.is_ascii_digit()) {
        return Err(start.error("a name is missing behind the dot"));
    }
    Ok(Wanted::Attribute(name.to_owned()))
}

fn in_brackets(cursor: &mut Cursor<'_>) -> Result<Wanted, ExpressionError> {
    cursor.next();
    cursor.skip_spaces();
    let wanted = match cursor.peek() {
        Some('<') => Wanted::Angle(angle(cursor)?),
        _ => Wanted::Item(literal::read(cursor)?),
    };
    cursor.skip_spaces();
    if cursor.take("]") { Ok(wanted) } else { Err(cursor.error("a closing bracket is missing")) }
}

/// Reads what stands in angle brackets, the brackets included; they may be nested, and text in quotes may hold any.
pub(crate) fn angle(cursor: &mut Cursor<'_>) -> Result<String, ExpressionError> {
    let start = cursor.clone();
    let mut depth = 0u32;
    let mut before = ' ';
    loop {
        match cursor.peek() {
            Some('\'' | '"') if matches!(before, ' ' | '<') => {
                literal::string(cursor)?;
                before = '\'';
                continue;
            }
            Some('<') => depth += 1,
            Some('>') => depth -= 1,
            Some(_) => {}
            None => return Err(start.error("the angle bracket that opens here is not closed")),
        }
        before = cursor.next().unwrap_or(' ');
        if depth == 0 {
            return Ok(cursor.since(&start).to_owned());
        }
    }
}

/// The address that a text in angle brackets ends with: `<Key at 0x7f12>`.
pub(crate) fn address_in(angle: &str) -> Option<u64> {
    let (_, last) = angle.strip_suffix('>')?.rsplit_once(' ')?;
    u64::from_str_radix(last.strip_prefix("0x")?, 16).ok()
}

/// `<attribute 'a name that is none in Python'>`
fn attribute_in(angle: &str) -> Option<String> {
    match Literal::of(angle.strip_prefix("<attribute ")?.strip_suffix('>')?)? {
        Literal::Str(name) => Some(name),
        _ => None,
    }
}

/// The name or text key in the last step of an expression.
pub(crate) fn last_name(expression: &str) -> Option<String> {
    /// Dots and brackets that are tried for the beginning of the step; a key may hold some.
    const MOST: usize = 200;
    let places = expression.rmatch_indices(['.', '[']).take(MOST);
    let last = places.filter_map(|(at, _)| steps(&mut Cursor::new(&expression[at..])).ok());
    let token = last.filter(|tokens| tokens.len() == 1).flatten().next()?;
    match token.wanted {
        Wanted::Attribute(name) | Wanted::Item(Literal::Str(name)) => Some(name),
        Wanted::Item(Literal::Bytes(name)) => String::from_utf8(name).ok(),
        Wanted::Item(_) | Wanted::Angle(_) => None,
    }
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether a text can be written behind a dot.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(is_of_name)
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

/// `.name`, or `.<attribute '…'>` for what is no name.
pub(crate) fn attribute(name: &str) -> String {
    if is_name(name) { format!(".{name}") } else { format!(".<attribute {}>", literal::quoted(name)) }
}

/// A name in angle brackets: in quotes where it could be taken for something else.
pub(crate) fn name_in_angle(name: &str) -> String {
    let mut depth = 0i64;
    let is_plain = !name.is_empty()
        && name.chars().all(|character| {
            depth += i64::from(character == '<') - i64::from(character == '>');
            depth >= 0 && (is_of_name(character) || ".<>-".contains(character))
        });
    if is_plain && depth == 0 { name.to_owned() } else { literal::quoted(name) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<Wanted>, ExpressionError> {
        Ok(steps(&mut Cursor::new(text))?.into_iter().map(|token| token.wanted).collect())
    }

    #[test]
    fn steps_are_told_apart() {
        let attribute = |name: &str| Wanted::Attribute(name.into());
        let angle = |text: &str| Wanted::Angle(text.into());
        let check =
            |text: &str, expected: &[Wanted]| assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        check(
            ".instances[0].blobs['raw']",
            &[
                attribute("instances"),
                Wanted::Item(Literal::Int("0".into())),
                attribute("blobs"),
                Wanted::Item(Literal::Str("raw".into())),
            ],
        );
        check(".<closure <lambda>>.größe", &[angle("<closure <lambda>>"), attribute("größe")]);
        check(".<frame 'a > b'>.x", &[angle("<frame 'a > b'>"), attribute("x")]);
        check("[ <m.<locals>.Key at 0x7f> ]", &[angle("<m.<locals>.Key at 0x7f>")]);
        check(".<attribute 'a b'>", &[attribute("a b")]);
        assert_eq!(address_in("<m.<locals>.Key at 0x7f>"), Some(0x7f));
    }

    #[test]
    fn the_last_step_has_the_name() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(last_name(text).as_deref(), expected, "{text}");
        check("app.config['api.key[0]']", Some("api.key[0]"));
        check("app.<frame f>.token", Some("token"));
        check("os.environ._data[b'TOKEN']", Some("TOKEN"));
        check("app.keep[0]", None);
        check("0x7f12", None);
    }

    #[test]
    fn errors_name_the_column() {
        let check = |text: &str, column: usize| assert_eq!(read(text).unwrap_err().column, column, "{text}");
        check(".a.", 4);
        check(".ä.<b", 4);
        check("[1", 3);
        check("['a]", 2);
        check(".a]", 3);
        check(".a.1", 4);
        check("[x]", 2);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = read(&text);
        }

        #[test]
        fn names_are_read_back(name in any::<String>()) {
            prop_assert_eq!(read(&attribute(&name)), Ok(vec![Wanted::Attribute(name.clone())]));
            let text = format!("<frame {}>", name_in_angle(&name));
            prop_assert_eq!(read(&format!(".{text}")), Ok(vec![Wanted::Angle(text)]));
        }
    }
}
