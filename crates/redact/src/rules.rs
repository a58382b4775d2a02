//! What counts as a secret: one table, read by the code next to it.

/// One kind of secret.
#[derive(Debug)]
pub struct Rule {
    /// Stable kebab-case name, as ledgers and reports print it.
    pub id: &'static str,
    /// What it masks, for the reader of a report.
    pub description: &'static str,
    /// How it is recognised.
    pub(crate) signs: Signs,
}

/// How a rule recognises a secret.
#[derive(Debug)]
pub(crate) enum Signs {
    /// By the name of a value: any phrase, as words in a row, that the name holds.
    ///
    /// `password` also stands for `pgpassword` and `passwords`.
    Names(&'static [&'static [&'static str]]),
    /// By its own form. No text without one of the needles (in any case) holds a match; what is masked is the
    /// group named `secret`, or the whole match when there is none.
    Shape { needles: &'static [&'static str], pattern: &'static str, check: Check },
    /// By a payment card's digits.
    Card,
    /// By where it stands: the value of an environment variable.
    Place,
}

/// What a match of a shape must also fulfil.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Nothing,
    /// Prose does not have digits inside of words.
    HasDigit,
}

use Check::{HasDigit, Nothing};
use Signs::{Card, Names, Place, Shape};

/// All rules, in the order in which they are tried.
pub fn rules() -> &'static [Rule] {
    RULES
}

pub(crate) const ENVIRONMENT: usize = 0;
/// The rule that holds only when it was asked for.
pub(crate) const EMAIL: &str = "email";

const RULES: &[Rule] = &[
    Rule { id: "environment", description: "values of environment variables", signs: Place },
    Rule {
        id: "password",
        description: "values named password, passphrase, pwd and the like",
        signs: Names(&[&["password"], &["passwd"], &["passphrase"], &["passwort"], &["pwd"], &["pass"]]),
    },
    Rule {
        id: "authorization",
        description: "authorization headers",
        signs: Names(&[&["authorization"], &["www", "authenticate"]]),
    },
    Rule { id: "cookie", description: "cookies", signs: Names(&[&["cookie"]]) },
    Rule {
        id: "session-id",
        description: "session identifiers",
        signs: Names(&[&["session", "id"], &["session", "key"], &["sessid"], &["sid"]]),
    },
    Rule {
        id: "private-key",
        description: "private keys, by name or as PEM blocks",
        signs: Names(&[&["private", "key"], &["ssh", "key"], &["signing", "key"], &["encryption", "key"]]),
    },
    Rule {
        id: "api-key",
        description: "values named API key, access key and the like",
        signs: Names(&[&["api", "key"], &["access", "key"], &["auth", "key"], &["account", "key"]]),
    },
    Rule {
        id: "credentials",
        description: "values named credentials or connection string",
        signs: Names(&[&["credential"], &["creds"], &["connection", "string"]]),
    },
    Rule {
        id: "payment-card",
        description: "payment card data, by name",
        signs: Names(&[&["card", "number"], &["cvv"], &["cvc"], &["iban"]]),
    },
    Rule { id: "secret", description: "values named secret", signs: Names(&[&["secret"]]) },
    Rule { id: "token", description: "values named token", signs: Names(&[&["token"], &["jwt"], &["otp"]]) },
    Rule {
        id: "pem",
        description: "PEM blocks of private keys",
        signs: Shape {
            needles: &["-----begin"],
            pattern: r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\z)",
            check: Nothing,
        },
    },
    Rule {
        id: "url-credentials",
        description: "passwords inside of URLs",
        signs: Shape {
            needles: &["://"],
            pattern: r#"://[^\s/@:'"<>\\]*:(?P<secret>[^\s/'"<>\\]+)@"#,
            check: Nothing,
        },
    },
    Rule {
        id: "url-key",
        description: "keys in the user part of URLs",
        signs: Shape { needles: &["://"], pattern: r"://(?P<secret>[A-Za-z0-9_-]{16,})@", check: Nothing },
    },
    Rule {
        id: "bearer",
        description: "bearer and basic credentials",
        signs: Shape {
            needles: &["bearer ", "basic "],
            pattern: r"\b(?i:bearer|basic) +(?P<secret>[A-Za-z0-9._~+/-]{8,}=*)",
            check: HasDigit,
        },
    },
    Rule {
        id: "jwt",
        description: "JSON Web Tokens",
        signs: Shape {
            needles: &["eyj"],
            pattern: r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*",
            check: Nothing,
        },
    },
    Rule {
        id: "aws-key",
        description: "AWS access key ids",
        signs: Shape { needles: &["akia", "asia"], pattern: r"\bA(?:KIA|SIA)[A-Z0-9]{16,}", check: Nothing },
    },
    Rule {
        id: "github-token",
        description: "GitHub tokens",
        signs: Shape {
            needles: &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
            pattern: r"\b(?:gh[opusr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
            check: Nothing,
        },
    },
    Rule {
        id: "gitlab-token",
        description: "GitLab tokens",
        signs: Shape { needles: &["glpat-"], pattern: r"\bglpat-[A-Za-z0-9_-]{16,}", check: Nothing },
    },
    Rule {
        id: "slack-token",
        description: "Slack tokens and webhooks",
        signs: Shape {
            needles: &["xox", "xapp-", "hooks.slack.com"],
            pattern: r"\b(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/(?P<secret>[A-Za-z0-9/_-]+)",
            check: Nothing,
        },
    },
    Rule {
        id: "stripe-key",
        description: "Stripe keys and tokens",
        signs: Shape {
            needles: &["_live_", "_test_", "whsec_"],
            pattern: r"\b(?:(?:sk|rk|pk|tok)_(?:live|test)|whsec)_[A-Za-z0-9_]{8,}",
            check: Nothing,
        },
    },
    Rule {
        id: "google-key",
        description: "Google API keys and OAuth tokens",
        signs: Shape {
            needles: &["aiza", "ya29."],
            pattern: r"\bAIza[A-Za-z0-9_-]{30,}|\bya29\.[A-Za-z0-9_-]{20,}",
            check: Nothing,
        },
    },
    Rule {
        id: "registry-token",
        description: "tokens of PyPI, npm, Hugging Face, SendGrid and DigitalOcean",
        signs: Shape {
            needles: &["pypi-", "npm_", "hf_", "sg.", "dop_v1_"],
            pattern: r"\b(?:pypi-[A-Za-z0-9_-]{50,}|npm_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{30,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|dop_v1_[a-f0-9]{32,})",
            check: Nothing,
        },
    },
    Rule {
        id: "url-signature",
        description: "signatures of pre-signed URLs",
        signs: Shape {
            needles: &["x-amz-signature=", "x-goog-signature=", "?sig=", "&sig="],
            pattern: r"(?i)(?:x-amz-signature|x-goog-signature|[?&]sig)=(?P<secret>[A-Za-z0-9%+/=_-]{16,})",
            check: Nothing,
        },
    },
    Rule {
        id: "encoded-url-credentials",
        description: "passwords inside of percent-encoded URLs",
        signs: Shape {
            needles: &["3a%2f%2f", "3a%252f%252f"],
            pattern: r#"(?i)%(?:25)?3a%(?:25)?2f%(?:25)?2f[^\s%"'&]*%(?:25)?3a(?P<secret>[^\s"'&]+?)%(?:25)?40"#,
            check: Nothing,
        },
    },
    Rule {
        id: "model-key",
        description: "keys that begin with sk-",
        signs: Shape { needles: &["sk-"], pattern: r"\bsk-[A-Za-z0-9_-]{20,}", check: HasDigit },
    },
    Rule {
        id: EMAIL,
        description: "mail addresses, when asked for",
        signs: Shape {
            needles: &["@", "%40"],
            pattern: r"\b[A-Za-z0-9._+-]{1,64}(?:@|%40)(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b",
            check: Nothing,
        },
    },
    Rule { id: "card-number", description: "payment card numbers", signs: Card },
];

/// Last words of names that speak about a secret without being one: `token_count`, `password_hasher`.
pub(crate) const HARMLESS_LAST: &[&str] = &[
    "age",
    "attempts",
    "backend",
    "class",
    "count",
    "enabled",
    "endpoint",
    "error",
    "errors",
    "exception",
    "expires",
    "expiry",
    "field",
    "file",
    "hasher",
    "hashers",
    "header",
    "index",
    "invalid",
    "kind",
    "len",
    "length",
    "limit",
    "manager",
    "max",
    "min",
    "missing",
    "name",
    "names",
    "path",
    "policy",
    "prefix",
    "py",
    "required",
    "size",
    "timeout",
    "ttl",
    "type",
    "uri",
    "url",
    "usage",
    "valid",
    "validator",
    "validators",
    "version",
];

/// First words of names that do the same: `max_tokens`, `has_password`.
pub(crate) const HARMLESS_FIRST: &[&str] =
    &["has", "is", "len", "max", "min", "no", "num", "requires", "total"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_the_environment_is_first() {
        let mut ids: Vec<_> = rules().iter().map(|rule| rule.id).collect();
        assert_eq!(ids[ENVIRONMENT], "environment");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), rules().len());
    }
}
