//! Names of values: which of them name a secret.

use std::sync::LazyLock;

use crate::rules::{HARMLESS_FIRST, HARMLESS_LAST, Signs, rules};

/// Longest name that is looked at, in bytes; no real name is longer.
pub(crate) const LONGEST_NAME: usize = 96;

/// The index of the rule that calls a name secret.
pub(crate) fn secret_name(name: &str) -> Option<usize> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let words = words(name);
    if words.first().is_some_and(|word| HARMLESS_FIRST.contains(&word.as_str()))
        || words.last().is_some_and(|word| HARMLESS_LAST.contains(&word.as_str()))
    {
        return None;
    }
    PHRASES.iter().find(|phrase| holds(&words, phrase.words)).map(|phrase| phrase.rule)
}

/// Every spelling that a secret name has inside of text, for a first quick look; lower case.
pub(crate) fn needles() -> Vec<String> {
    let mut needles = Vec::new();
    for phrase in &*PHRASES {
        match phrase.words {
            ["pass"] => needles.extend(["_pass".to_owned(), "-pass".to_owned()]),
            [word] => needles.push((*word).to_owned()),
            words => needles.extend(["", "_", "-", "."].map(|separator| words.join(separator))),
        }
    }
    needles
}

struct Phrase {
    rule: usize,
    words: &'static [&'static str],
}

static PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let mut phrases = Vec::new();
    for (rule, signs) in rules().iter().map(|rule| &rule.signs).enumerate() {
        if let Signs::Names(all) = signs {
            phrases.extend(all.iter().map(|words| Phrase { rule, words }));
        }
    }
    phrases
});

/// Splits a name into lower-case words: `X-Api-Key`, `apiKey` and `API_KEY` all end in `api`, `key`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for letter in name.chars() {
        let starts_word = letter.is_ascii_uppercase() && after_lower;
        if (starts_word || !letter.is_alphanumeric()) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(letter.to_ascii_lowercase());
        }
        after_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn holds(words: &[String], phrase: &[&str]) -> bool {
    match phrase {
        // Alone it is a verb: `pass: 3 fail: 0`.
        ["pass"] => words.len() > 1 && words.last().is_some_and(|word| word == "pass"),
        [secret] => words.iter().any(|word| is_form_of(word, secret)),
        _ => {
            let joined = phrase.concat();
            words
                .windows(phrase.len())
                .any(|run| run.iter().zip(phrase).all(|(word, part)| is_form_of(word, part)))
                || words.iter().any(|word| is_form_of(word, &joined))
        }
    }
}

/// Whether a word is the secret word, its plural, or ends in it (`pgpassword`); short ones must stand alone.
fn is_form_of(word: &str, secret: &str) -> bool {
    let singular = word.strip_suffix('s').unwrap_or(word);
    if secret.len() < 5 {
        word == secret || singular == secret
    } else {
        word.ends_with(secret) || singular.ends_with(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(secret_name(name).map(|rule| rules()[rule].id), expected, "{name}");
        };
        for name in ["password", "db_password", "PGPASSWORD", "userPassword", "passwords", "DB_PASS", "pwd"] {
            check(name, Some("password"));
        }
        for name in ["api_key", "apikey", "X-Api-Key", "apiKey", "API_KEYS", "aws.access.key", "accessKeyId"]
        {
            check(name, Some("api-key"));
        }
        for name in ["token", "access_token", "authToken", "csrftoken", "tokens", "id-token"] {
            check(name, Some("token"));
        }
        for name in ["Set-Cookie", "cookies"] {
            check(name, Some("cookie"));
        }
        for name in ["session_id", "sessionid", "PHPSESSID", "JSESSIONID", "sid"] {
            check(name, Some("session-id"));
        }
        check("HTTP_AUTHORIZATION", Some("authorization"));
        check("private_key", Some("private-key"));
        check("client_secret", Some("secret"));
        for name in [
            "tokenize",
            "tokenizer",
            "author",
            "authors",
            "passenger",
            "passengers",
            "pass",
            "pass_through",
            "keys",
            "side",
            "max_tokens",
            "token_count",
            "has_password",
            "password_hashers",
            "session",
            "monkey",
            "token.py",
            "",
            "_",
            "é",
        ] {
            check(name, None);
        }
    }
}
