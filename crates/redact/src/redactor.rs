use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde_json::Value;

use crate::card::card_numbers;
use crate::literal::literal;
use crate::names::{needles, secret_name};
use crate::pairs::{Secret, name_around, secret_pair};
use crate::rules::{EMAIL, ENVIRONMENT, Signs, rules};
use crate::shapes::{Shape, compile};
use crate::{Ledger, document};

/// What stands in the place of a secret.
pub const MASK: &str = "<redacted>";

/// How often a text is looked at again after something was masked.
const MOST_PASSES: usize = 8;

/// Whether secrets are masked at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Secrets are masked.
    #[default]
    On,
    /// Secrets and mail addresses are masked.
    OnWithEmails,
    /// Everything is shown as it is.
    Off,
}

/// Masks secrets; see the crate's documentation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Redactor {
    policy: Policy,
}

impl Redactor {
    /// Follows a policy.
    pub fn new(policy: Policy) -> Self {
        Self { policy }
    }

    /// Masks what is secret in free text: log messages, reprs, paths.
    ///
    /// Masking masked text again changes nothing.
    pub fn text<'a>(&self, text: &'a str, ledger: &mut Ledger) -> Cow<'a, str> {
        if self.policy == Policy::Off {
            return Cow::Borrowed(text);
        }
        let mut shown = Cow::Borrowed(text);
        // A mask can uncover a name that had stood inside of a longer word.
        for _ in 0..MOST_PASSES {
            let secrets = secrets(&shown, self.policy);
            if secrets.is_empty() {
                break;
            }
            shown = Cow::Owned(masked(&shown, secrets, ledger));
        }
        shown
    }

    /// Masks the value of a variable, attribute or key as a whole when its name calls it secret, otherwise as text.
    ///
    /// `None`, truth values and empty strings are shown even so: that a secret is missing is no secret.
    pub fn value<'a>(&self, name: &str, repr: &'a str, ledger: &mut Ledger) -> Cow<'a, str> {
        match secret_name(name) {
            Some(rule) if self.policy != Policy::Off => whole(repr, rule, ledger),
            _ => self.text(repr, ledger),
        }
    }

    /// Masks the value of an environment variable, whatever its name.
    pub fn env<'a>(&self, value: &'a str, ledger: &mut Ledger) -> Cow<'a, str> {
        match self.policy {
            Policy::Off => Cow::Borrowed(value),
            Policy::On | Policy::OnWithEmails => whole(value, ENVIRONMENT, ledger),
        }
    }

    /// Masks what is secret in the arguments of a process, `--password x` over two of them included.
    pub fn argv(&self, arguments: &[String], ledger: &mut Ledger) -> Vec<String> {
        let mut named = None;
        let mut masked = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let text = match named.take() {
                Some(rule) if !argument.starts_with('-') => whole(argument, rule, ledger),
                _ => self.text(argument, ledger),
            };
            masked.push(text.into_owned());
            let option = argument
                .strip_prefix('-')
                .filter(|option| !option.contains('=') && self.policy != Policy::Off);
            named = option.and_then(secret_name);
        }
        masked
    }

    /// Masks what is secret in a JSON document, in place.
    ///
    /// Members are judged by their key; members `repr` and `value` also by the member `name` beside them; what
    /// stands under `env` is an environment, under `argv` a command line; all other strings are text.
    pub fn json(&self, document: &mut Value, ledger: &mut Ledger) {
        if self.policy != Policy::Off {
            document::mask(*self, document, ledger);
        }
    }
}

fn masked(text: &str, mut secrets: Vec<Secret>, ledger: &mut Ledger) -> String {
    secrets.sort_by_key(|secret| (secret.span.start, secret.rule));
    let mut masked = String::with_capacity(text.len());
    let mut copied = 0;
    for secret in secrets {
        if secret.span.start >= copied {
            masked.push_str(&text[copied..secret.span.start]);
            masked.push_str(MASK);
            ledger.add(secret.rule);
        }
        copied = copied.max(secret.span.end);
    }
    masked.push_str(&text[copied..]);
    masked
}

/// Masks a value that is known to be secret.
pub(crate) fn whole<'a>(value: &'a str, rule: usize, ledger: &mut Ledger) -> Cow<'a, str> {
    let harmless = value.is_empty()
        || value == MASK
        || literal(value, 0).is_some_and(|literal| literal.harmless && literal.span == (0..value.len()));
    if harmless {
        return Cow::Borrowed(value);
    }
    ledger.add(rule);
    Cow::Borrowed(MASK)
}

/// What a needle in a text points at.
#[derive(Clone, Copy)]
enum Hint {
    Name,
    Shape(usize),
}

/// One pass for all rules: text without any needle is not looked at again.
struct Prefilter {
    automaton: AhoCorasick,
    hints: Vec<Hint>,
    shapes: Vec<Shape>,
}

static PREFILTER: LazyLock<Prefilter> = LazyLock::new(|| {
    let shapes = compile();
    let mut words = needles();
    let mut hints = vec![Hint::Name; words.len()];
    for (index, shape) in shapes.iter().enumerate() {
        if let Signs::Shape { needles, .. } = rules()[shape.rule].signs {
            words.extend(needles.iter().map(|needle| (*needle).to_owned()));
            hints.resize(words.len(), Hint::Shape(index));
        }
    }
    #[expect(clippy::expect_used, reason = "the needles are constants, and every test builds the automaton")]
    let automaton = AhoCorasick::builder()
        // As a table for each state it is several times as fast, and some hundred KiB large.
        .kind(Some(AhoCorasickKind::DFA))
        .ascii_case_insensitive(true)
        .build(&words)
        .expect("constant needles");
    Prefilter { automaton, hints, shapes }
});

fn secrets(text: &str, policy: Policy) -> Vec<Secret> {
    let prefilter = &*PREFILTER;
    let mut secrets: Vec<Secret> =
        card_numbers(text).into_iter().map(|span| Secret { span, rule: rules().len() - 1 }).collect();
    let mut seen_shapes = vec![false; prefilter.shapes.len()];
    let mut examined = 0;
    for found in prefilter.automaton.find_overlapping_iter(text) {
        match prefilter.hints[found.pattern().as_usize()] {
            Hint::Shape(index) => seen_shapes[index] = true,
            Hint::Name if found.start() >= examined => {
                if let Some(secret) = secret_pair(text, found.start()) {
                    examined = secret.span.end;
                    secrets.push(secret);
                } else {
                    examined = name_around(text.as_bytes(), found.start()).end;
                }
            }
            Hint::Name => {}
        }
    }
    for (shape, _) in prefilter.shapes.iter().zip(&seen_shapes).filter(|(_, seen)| **seen) {
        if policy == Policy::OnWithEmails || rules()[shape.rule].id != EMAIL {
            shape.find(text, &mut secrets);
        }
    }
    secrets
}
