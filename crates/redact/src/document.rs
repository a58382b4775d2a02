//! Whole JSON documents: what a key says about the value under it.

use std::borrow::Cow;

use serde_json::Value;

use crate::names::secret_name;
use crate::pairs::is_plural;
use crate::redactor::whole;
use crate::rules::ENVIRONMENT;
use crate::{Ledger, Redactor};

/// What is known about a value from where it stands.
#[derive(Clone, Copy)]
enum Place {
    /// Nothing: strings are text.
    Anywhere,
    /// Under a secret key: every string and number is secret.
    Secret(usize),
    /// Under a key that names several secrets, or counts them: every string is secret.
    Counted(usize),
    /// An attribute or variable with a secret name: what `repr` and `value` hold of it is secret.
    Named(usize),
}

/// Masks what is secret in a document; walks with a stack of its own.
pub(crate) fn mask(redactor: Redactor, document: &mut Value, ledger: &mut Ledger) {
    let mut left = vec![(document, Place::Anywhere)];
    while let Some((value, place)) = left.pop() {
        match (value, place) {
            (Value::String(text), Place::Secret(rule) | Place::Counted(rule)) => {
                *text = whole(text, rule, ledger).into_owned();
            }
            (Value::String(text), _) => {
                let masked = match redactor.text(text, ledger) {
                    Cow::Owned(masked) => Some(masked),
                    Cow::Borrowed(_) => None,
                };
                if let Some(masked) = masked {
                    *text = masked;
                }
            }
            (number @ Value::Number(_), Place::Secret(rule)) => {
                *number = Value::String(whole("number", rule, ledger).into_owned());
            }
            (Value::Array(items), _) => left.extend(items.iter_mut().rev().map(|item| (item, place))),
            (Value::Object(members), _) => {
                let named = members.get("name").and_then(Value::as_str).and_then(secret_name);
                let place = match (place, named) {
                    (Place::Anywhere, Some(rule)) => Place::Named(rule),
                    _ => place,
                };
                for (key, value) in members.iter_mut().rev() {
                    if key == "argv" && value.is_array() {
                        mask_argv(redactor, value, ledger);
                    } else {
                        left.push((value, place_of(key, place)));
                    }
                }
            }
            (Value::Null | Value::Bool(_) | Value::Number(_), _) => {}
        }
    }
}

fn place_of(key: &str, parent: Place) -> Place {
    match (parent, key) {
        (Place::Secret(_) | Place::Counted(_), _) | (Place::Named(_), "attributes" | "items") => parent,
        (Place::Named(rule), "repr" | "value") => Place::Secret(rule),
        (_, "env" | "environ" | "environment") => Place::Secret(ENVIRONMENT),
        _ => match secret_name(key) {
            Some(rule) if is_plural(key) => Place::Counted(rule),
            Some(rule) => Place::Secret(rule),
            None => Place::Anywhere,
        },
    }
}

fn mask_argv(redactor: Redactor, value: &mut Value, ledger: &mut Ledger) {
    let Value::Array(items) = value else { return };
    let arguments: Vec<String> =
        items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect();
    for (item, masked) in items.iter_mut().zip(redactor.argv(&arguments, ledger)) {
        if item.is_string() {
            *item = Value::String(masked);
        }
    }
}
