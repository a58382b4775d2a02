//! Secrets that are recognised by their own form.

use regex::Regex;

use crate::pairs::Secret;
use crate::rules::{Check, Signs, rules};

/// One compiled rule.
pub(crate) struct Shape {
    pub(crate) rule: usize,
    regex: Regex,
    check: Check,
}

/// Every shape of the table, compiled.
pub(crate) fn compile() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for (rule, signs) in rules().iter().map(|rule| &rule.signs).enumerate() {
        if let Signs::Shape { pattern, check, .. } = signs {
            #[expect(clippy::expect_used, reason = "patterns are constants, and a test compiles them all")]
            let regex = Regex::new(pattern).expect("constant pattern");
            shapes.push(Shape { rule, regex, check: *check });
        }
    }
    shapes
}

impl Shape {
    /// Appends what the text holds of this shape.
    pub(crate) fn find(&self, text: &str, secrets: &mut Vec<Secret>) {
        for captures in self.regex.captures_iter(text) {
            let Some(secret) = captures.name("secret").or_else(|| captures.get(0)) else { continue };
            if self.check == Check::Nothing || secret.as_str().bytes().any(|byte| byte.is_ascii_digit()) {
                secrets.push(Secret { span: secret.range(), rule: self.rule });
            }
        }
    }
}
