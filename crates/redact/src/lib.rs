//! Masks secrets in evidence before it is shown.
//!
//! Producers keep evidence as it is; whatever leaves the program passes through a [`Redactor`] once, at the edge.
//! The caller provides text, a name with its value, or a whole JSON document, and a [`Ledger`] that counts what
//! was masked by which [`Rule`]. A mask says nothing about what it hides, not even its length.
//!
//! It looks at names (`password`, `X-Api-Key`) and at known shapes (JSON Web Tokens, private keys). It will not
//! find a secret that has neither, so evidence and reports stay confidential after it has run. When in doubt it
//! masks: a word too many is lost rather than a secret shown.
//!
//! ```
//! use pycoroner_redact::{Ledger, Policy, Redactor};
//!
//! let redactor = Redactor::new(Policy::On);
//! let mut ledger = Ledger::default();
//! assert_eq!(redactor.text("login(user='bob', password='x')", &mut ledger), "login(user='bob', password=<redacted>)");
//! assert_eq!(redactor.value("token", "'abc'", &mut ledger), "<redacted>");
//! assert_eq!(redactor.value("order", "41", &mut ledger), "41");
//! assert_eq!(ledger.total(), 2);
//! ```

mod card;
mod document;
mod ledger;
mod literal;
mod names;
mod pairs;
mod redactor;
mod rules;
mod shapes;

pub use ledger::Ledger;
pub use redactor::{MASK, Policy, Redactor};
pub use rules::{Rule, rules};
