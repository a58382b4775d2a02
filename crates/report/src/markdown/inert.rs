//! Text of the evidence, made so that it can be nothing but text.
//!
//! Evidence is written by attackers: a header, a file name or a log message may hold Markdown, HTML, terminal
//! escapes or characters that turn the direction of writing. Only [`Inert`] reaches a page, and evidence becomes
//! inert by [`prose`], [`code`] or [`html`] only, each of bounded length.

use std::fmt::Write as _;

/// Most characters of a text in a sentence.
const LONGEST_PROSE: usize = 400;
/// Most characters of a code span.
const LONGEST_CODE: usize = 240;
/// Most characters of a path (`PATH_MAX`).
const LONGEST_PATH: usize = 4096;
/// Most characters of a line of a code block.
const LONGEST_LINE: usize = 400;

/// Markdown that holds no markup but ours; one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inert(String);

impl Inert {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends more.
    pub(crate) fn then(mut self, more: impl Into<Self>) -> Self {
        self.0.push_str(&more.into().0);
        self
    }

    /// Joins several with our own text between them.
    pub(crate) fn join(items: impl IntoIterator<Item = Self>, between: &'static str) -> Self {
        let texts: Vec<String> =
            items.into_iter().map(|item| item.0).filter(|text| !text.is_empty()).collect();
        Self(texts.join(between))
    }
}

impl From<&'static str> for Inert {
    fn from(ours: &'static str) -> Self {
        Self(ours.to_owned())
    }
}

impl From<u64> for Inert {
    fn from(number: u64) -> Self {
        Self(number.to_string())
    }
}

impl From<usize> for Inert {
    fn from(number: usize) -> Self {
        Self(number.to_string())
    }
}

/// Evidence in a sentence or table cell.
pub(crate) fn prose(text: &str) -> Inert {
    let text = visible(text, LONGEST_PROSE);
    let mut inert = String::with_capacity(text.len() + 16);
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    let mut at_start = true;
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied().unwrap_or(' ');
        match letter {
            '&' => inert.push_str("&amp;"),
            '<' => inert.push_str("&lt;"),
            '>' => inert.push_str("&gt;"),
            '|' => inert.push_str("&#124;"),
            // No bare URL becomes a link.
            ':' if next == '/' => inert.push_str("&#58;"),
            '.' if before.eq_ignore_ascii_case(&'w') => inert.push_str("&#46;"),
            // A word joiner: no one is called, no issue is linked.
            '@' | '#' if next.is_ascii_alphanumeric() => {
                inert.push('\\');
                inert.push(letter);
                inert.push('\u{2060}');
            }
            '_' if before.is_ascii_alphanumeric() && next.is_ascii_alphanumeric() => inert.push('_'),
            // No `!` begins a picture: the bracket behind it is escaped.
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '$' | '@' => {
                inert.push('\\');
                inert.push(letter);
            }
            '-' | '+' | '=' if at_start && (next == ' ' || next == letter) => {
                inert.push('\\');
                inert.push(letter);
            }
            '.' | ')' if next == ' ' && inert.bytes().all(|byte| byte.is_ascii_digit()) => {
                inert.push('\\');
                inert.push(letter);
            }
            letter => inert.push(letter),
        }
        at_start = false;
        before = letter;
    }
    Inert(inert)
}

/// Evidence as a code span; also in a table cell.
pub(crate) fn code(text: &str) -> Inert {
    span(&visible(text, LONGEST_CODE))
}

/// A file's path as a code span, never cut short: it is needed to find the file again.
pub(crate) fn path(text: &str) -> Inert {
    span(&visible(text, LONGEST_PATH))
}

fn span(text: &str) -> Inert {
    if text.trim().is_empty() {
        return Inert("(empty)".to_owned());
    }
    // Pipes end table cells and backticks end code spans, however they are escaped in some renderers.
    // What looks like a citation must not be taken for one of ours.
    if text.contains(['|', '`']) || text.starts_with("[E") {
        Inert(format!("<code>{}</code>", entities(text)))
    } else {
        Inert(format!("`{text}`"))
    }
}

/// A citation of ours as a code span; pointers hold keys of documents, which are evidence.
pub(crate) fn cited(text: &str) -> Inert {
    let text = visible(text, LONGEST_PATH);
    if text.contains(['|', '`']) {
        return Inert(format!("<code>{}</code>", entities(&text)));
    }
    Inert(format!("`{text}`"))
}

/// Evidence where Markdown is not read, as in `<summary>`.
pub(crate) fn html(text: &str) -> Inert {
    Inert(entities(&visible(text, LONGEST_PROSE)))
}

/// Evidence in a page or picture that is no Markdown, cut to so many characters.
pub(crate) fn bounded_html(text: &str, longest: usize) -> String {
    entities(&visible(text, longest))
}

/// A fenced code block; its lines keep their order, and each is bounded.
pub(crate) fn fenced(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| visible(line, LONGEST_LINE)).collect();
    let longest =
        lines.iter().flat_map(|line| line.split(|letter| letter != '`')).map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    format!("{fence}text\n{}\n{fence}\n", lines.join("\n"))
}

/// Writes every character that Markdown, HTML or a link finder reads as a numeric entity.
fn entities(text: &str) -> String {
    let mut inert = String::with_capacity(text.len() * 2);
    let mut letters = text.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        let active = match letter {
            ':' => letters.peek() == Some(&'/'),
            '.' => before.eq_ignore_ascii_case(&'w'),
            '_' => {
                !before.is_ascii_alphanumeric() || !letters.peek().is_some_and(char::is_ascii_alphanumeric)
            }
            _ => "&<>\"'`*[]\\|~#@$!".contains(letter),
        };
        if active {
            let _ = write!(inert, "&#{};", u32::from(letter));
        } else {
            inert.push(letter);
        }
        before = letter;
    }
    inert
}

/// One line of at most `longest` characters, in which nothing is invisible or turns the writing.
fn visible(text: &str, longest: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(longest));
    for (count, letter) in text.chars().enumerate() {
        if count == longest {
            shown.push('…');
            break;
        }
        match letter {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push(' '),
            letter if letter.is_control() && u32::from(letter) < 0x100 => {
                let _ = write!(shown, "\\x{:02x}", u32::from(letter));
            }
            letter if is_deceptive(letter) => {
                let _ = write!(shown, "\\u{:04x}", u32::from(letter));
            }
            letter => shown.push(letter),
        }
    }
    shown
}

/// Invisible characters and those that reorder text (Unicode UAX #9, UTS #39), and our own word joiner.
fn is_deceptive(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_in_sentences() {
        let check = |text: &str, expected: &str| assert_eq!(prose(text).as_str(), expected);
        check("shop.cache._SESSIONS holds 5", "shop.cache.\\_SESSIONS holds 5");
        check("a|b `c` *d* snake_case", "a&#124;b \\`c\\` \\*d\\* snake_case");
        check("<script>&[x](y)![z]", "&lt;script&gt;&amp;\\[x\\](y)!\\[z\\]");
        check("# title", "\\# title");
        check("- item", "\\- item");
        check("1. item", "1\\. item");
        check("http://evil www.evil.example", "http&#58;//evil www&#46;evil.example");
        check("@team #12", "\\@\u{2060}team \\#\u{2060}12");
        check("a\nb\u{202e}c\u{1b}[31m", "a\\\\nb\\\\u202ec\\\\x1b\\[31m");
    }

    #[test]
    fn evidence_in_code() {
        let check = |text: &str, expected: &str| assert_eq!(code(text).as_str(), expected);
        check("<b>_x_</b>", "`<b>_x_</b>`");
        check("a|b", "<code>a&#124;b</code>");
        check("a`<b>", "<code>a&#96;&#60;b&#62;</code>");
        check("\u{1b}[2J", "`\\x1b[2J`");
        check(" ", "(empty)");
        assert_eq!(code(&"x".repeat(1000)).as_str().chars().count(), LONGEST_CODE + 3);
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fenced("a\n```\n````\n"), "`````text\na\n```\n````\n`````\n");
    }
}
