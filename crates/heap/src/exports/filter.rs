//! Filters of objects: `type=dict size>1M under=shop.cache`.
//!
//! ```text
//! FILTER  = TERM { " " TERM }                        all terms must hold
//! TERM    = TEXT ("=" | "!=") PATTERN { "," PATTERN }
//!         | NUMBER ("=" | "!=" | "<" | "<=" | ">" | ">=") AMOUNT
//!         | ("under" | "kept-by") "=" EXPRESSION
//!         | "alive" | "native" | "unreachable"
//! TEXT    = "type" | "module"                        PATTERN: a name; `*` stands for anything
//! NUMBER  = "size" | "retained" | "kept" | "refs" | "length" | "address" | "id" | "generation" | "generation"
//! AMOUNT  = digits [ K | M | G | T ] | "0x" digits   K is 1024
//! ```
//!
//! An expression ends at a space outside of quotes and brackets.

/// Terms that must all hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    pub(crate) terms: Vec<Term>,
}

/// Why a text is no filter, or what in it names nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {why}")]
pub struct FilterError {
    /// Where in the filter, in characters from one.
    pub column: usize,
    /// Why.
    pub why: String,
}

/// What must hold of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Term {
    /// The name of its type, or of the module that the type is from, is one of these, or none of them.
    Name { of: Text, patterns: Vec<String>, wanted: bool },
    /// A number compares so.
    Number { of: Number, compare: Compare, amount: u64 },
    /// The generation of the cyclic garbage collector that it is in, which tells its age, compares so.
    Generation { column: usize, compare: Compare, amount: u64 },
    /// It is in this state.
    State(State),
    /// The shortest path to it goes through what this names.
    Under(Expression),
    /// It would go if the object that this names went.
    KeptBy(Expression),
}

/// An expression, and where it begins in the filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expression {
    pub(crate) column: usize,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Type,
    Module,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Size,
    Retained,
    Kept,
    References,
    Length,
    Address,
    Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What keeps an object alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A root that has a name leads to it, or native code holds what does.
    Alive,
    /// Alive, and held by native code itself: no object that is seen accounts for all of its references.
    Native,
    /// Nothing: garbage in a cycle.
    Unreachable,
}

impl State {
    /// As documents spell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Native => "native",
            Self::Unreachable => "unreachable",
        }
    }
}

impl Compare {
    pub(crate) fn holds(self, number: u64, amount: u64) -> bool {
        match self {
            Self::Equal => number == amount,
            Self::Unequal => number != amount,
            Self::Less => number < amount,
            Self::AtMost => number <= amount,
            Self::More => number > amount,
            Self::AtLeast => number >= amount,
        }
    }
}

const TERMS: &str = "type, module, size, retained, kept, refs, length, generation, address, id, under, kept-by, alive, native or unreachable";

impl Filter {
    /// Reads a filter; an empty one holds for all objects.
    ///
    /// # Errors
    /// When the text is none; the column says where.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut reader = Reader { text, at: 0 };
        let mut terms = Vec::new();
        loop {
            reader.take_while(char::is_whitespace);
            if reader.rest().is_empty() {
                return Ok(Self { terms });
            }
            terms.push(reader.term()?);
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn error<T>(&self, at: usize, why: impl Into<String>) -> Result<T, FilterError> {
        Err(FilterError { column: self.text[..at].chars().count() + 1, why: why.into() })
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|character| !wanted(character)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn term(&mut self) -> Result<Term, FilterError> {
        let start = self.at;
        let name = self.take_while(|character| character.is_ascii_alphanumeric() || "-_".contains(character));
        match name {
            "type" => self.names(Text::Type),
            "module" => self.names(Text::Module),
            "size" => self.number(Number::Size),
            "retained" => self.number(Number::Retained),
            "kept" => self.number(Number::Kept),
            "refs" => self.number(Number::References),
            "length" => self.number(Number::Length),
            "address" => self.number(Number::Address),
            "id" => self.number(Number::Id),
            "generation" => {
                let column = self.text[..start].chars().count() + 1;
                let (compare, amount) = self.comparison()?;
                Ok(Term::Generation { column, compare, amount })
            }
            "under" => Ok(Term::Under(self.expression()?)),
            "kept-by" => Ok(Term::KeptBy(self.expression()?)),
            "alive" => self.state(State::Alive),
            "native" => self.state(State::Native),
            "unreachable" => self.state(State::Unreachable),
            "" => self.error(start, format!("a term is missing here: {TERMS}")),
            _ => self.error(start, format!("there is no `{name}`; terms are {TERMS}")),
        }
    }

    fn state(&mut self, state: State) -> Result<Term, FilterError> {
        if self.rest().starts_with(|next: char| !next.is_whitespace()) {
            return self.error(self.at, "this term stands alone, with a space behind it");
        }
        Ok(Term::State(state))
    }

    fn names(&mut self, of: Text) -> Result<Term, FilterError> {
        let start = self.at;
        let wanted = match self.take_while(|character| "=!<>".contains(character)) {
            "=" => true,
            "!=" => false,
            _ => return self.error(start, "`=` or `!=` is missing here"),
        };
        let patterns: Vec<String> = self.value()?.split(',').map(str::to_owned).collect();
        if patterns.iter().any(String::is_empty) {
            return self.error(start, "a name is missing between commas");
        }
        Ok(Term::Name { of, patterns, wanted })
    }

    fn number(&mut self, of: Number) -> Result<Term, FilterError> {
        let (compare, amount) = self.comparison()?;
        Ok(Term::Number { of, compare, amount })
    }

    fn comparison(&mut self) -> Result<(Compare, u64), FilterError> {
        let start = self.at;
        let compare = match self.take_while(|character| "=!<>".contains(character)) {
            "=" => Compare::Equal,
            "!=" => Compare::Unequal,
            "<" => Compare::Less,
            "<=" => Compare::AtMost,
            ">" => Compare::More,
            ">=" => Compare::AtLeast,
            _ => return self.error(start, "`=`, `!=`, `<`, `<=`, `>` or `>=` is missing here"),
        };
        let start = self.at;
        match amount(self.value()?) {
            Some(amount) => Ok((compare, amount)),
            None => {
                self.error(start, "write a number, with K, M, G or T behind it, or 0x and hexadecimal digits")
            }
        }
    }

    fn expression(&mut self) -> Result<Expression, FilterError> {
        let start = self.at;
        if !self.rest().starts_with('=') {
            return self.error(start, "`=` is missing here");
        }
        self.at += 1;
        let column = self.text[..self.at].chars().count() + 1;
        Ok(Expression { column, text: self.value()?.to_owned() })
    }

    /// What follows up to a space outside of quotes and brackets.
    fn value(&mut self) -> Result<&'t str, FilterError> {
        let rest = self.rest();
        let (mut depth, mut quote, mut is_escaped) = (0u32, None, false);
        let mut end = rest.len();
        for (at, character) in rest.char_indices() {
            match (quote, character) {
                _ if is_escaped => is_escaped = false,
                (Some(_), '\\') => is_escaped = true,
                (Some(open), _) if open == character => quote = None,
                (None, '\'' | '"') => quote = Some(character),
                (None, '[' | '<' | '(') => depth += 1,
                (None, ']' | '>' | ')') => depth = depth.saturating_sub(1),
                (None, _) if depth == 0 && character.is_whitespace() => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        if end == 0 {
            return self.error(self.at, "a value is missing here");
        }
        self.at += end;
        Ok(&rest[..end])
    }
}

fn amount(text: &str) -> Option<u64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok();
    }
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let shift = match unit.to_ascii_uppercase().as_str() {
        "" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Whether a name fits a pattern, in which `*` stands for anything.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terms_are_read() {
        let check = |text: &str, expected: &[Term]| {
            assert_eq!(Filter::parse(text).map(|filter| filter.terms).as_deref(), Ok(expected), "{text}");
        };
        let names = |of, patterns: &[&str], wanted| Term::Name {
            of,
            patterns: patterns.iter().map(|&pattern| pattern.into()).collect(),
            wanted,
        };
        let number = |of, compare, amount| Term::Number { of, compare, amount };
        check("", &[]);
        check(
            " type=dict,shop.* size>1M ",
            &[names(Text::Type, &["dict", "shop.*"], true), number(Number::Size, Compare::More, 1 << 20)],
        );
        check("module!=a", &[names(Text::Module, &["a"], false)]);
        check(
            "address=0x7f10 refs<=3",
            &[
                number(Number::Address, Compare::Equal, 0x7f10),
                number(Number::References, Compare::AtMost, 3),
            ],
        );
        check(
            "unreachable length!=0",
            &[Term::State(State::Unreachable), number(Number::Length, Compare::Unequal, 0)],
        );
        let under = Expression { column: 7, text: "<thread 'a b'>.<frame f>.x['c d']".into() };
        check(
            "under=<thread 'a b'>.<frame f>.x['c d'] id=7",
            &[Term::Under(under), number(Number::Id, Compare::Equal, 7)],
        );
        check("generation>0", &[Term::Generation { column: 1, compare: Compare::More, amount: 0 }]);
        check("kept-by=0x10", &[Term::KeptBy(Expression { column: 9, text: "0x10".into() })]);
    }

    #[test]
    fn errors_name_the_column() {
        let check = |text: &str, column: usize| {
            assert_eq!(Filter::parse(text).map_err(|error| error.column), Err(column), "{text}");
        };
        check("sise>1", 1);
        check("type=dict sise>1", 11);
        check("size>", 6);
        check("size>1Q", 6);
        check("size~1", 5);
        check("size=>1", 5);
        check("type>a", 5);
        check("type=ä,,b =", 5);
        check("type=ä =", 8);
        check("under", 6);
        check("under=", 7);
        check("alive=1", 6);
        check("size>99999999T", 6);
    }

    #[test]
    fn patterns_fit_names() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        };
        check("dict", "dict", true);
        check("dict", "dictx", false);
        check("*", "", true);
        check("shop.*.Order", "shop.models.Order", true);
        check("shop.*.Order", "shop.Order", false);
        check("*a*b*", "xaxbx", true);
        check("*ab*ba", "aba", false);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), term in "(type|size|under|kept-by|refs)(=|<|!=)[ -~ä]{0,9}") {
            let _ = Filter::parse(&text);
            let _ = Filter::parse(&term);
        }
    }
}
