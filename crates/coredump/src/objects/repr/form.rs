//! The pieces that the text of an object is put together from.

use std::borrow::Cow;

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{DictObject, Object};
use crate::objects::attributes::Attributes;
use crate::objects::dict;
use crate::objects::repr::rule::Formatter;
use crate::objects::repr::{Objects, mark};
use crate::objects::sequence::Elements;
use crate::objects::unicode::read_string;

/// Longest name that is printed whole.
const MAX_NAME: usize = 256;

/// A piece of text, or what gives one.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// Text as it is.
    Text(Cow<'static, str>),
    /// `repr()` of an object, or of a null pointer.
    Object(Option<Ptr<Object>>),
    /// What a base class would print.
    As(Ptr<Object>, Formatter),
    /// Something was left out.
    Cut,
    /// The text is not what Python would print.
    Inexact,
    /// Something could not be read.
    Fault(ReadError),
}

/// In which order names stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As they were added.
    Inserted,
    /// Sorted.
    ByName,
}

/// The pieces of an object's text.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    pub(super) parts: Vec<Part>,
}

impl Form {
    /// Nothing but text.
    pub(super) fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Self { parts: vec![Part::Text(text.into())] }
    }

    /// Adds text.
    #[must_use]
    pub(super) fn and(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.parts.push(Part::Text(text.into()));
        self
    }

    /// Adds an object's `repr()`.
    #[must_use]
    pub(super) fn object(mut self, object: Option<Ptr<Object>>) -> Self {
        self.parts.push(Part::Object(object));
        self
    }

    /// Adds what a base class would print.
    #[must_use]
    pub(super) fn base(mut self, object: Ptr<Object>, formatter: Formatter) -> Self {
        self.parts.push(Part::As(object, formatter));
        self
    }

    /// Says that the text is not what Python would print.
    #[must_use]
    pub(super) fn inexact(mut self) -> Self {
        self.parts.push(Part::Inexact);
        self
    }

    /// Adds elements with `, ` between them, and what is missing of them.
    #[must_use]
    pub(super) fn elements(mut self, elements: &Elements) -> Self {
        for (index, &element) in elements.items.iter().enumerate() {
            self.separate(index);
            self.parts.push(Part::Object(element));
        }
        self.rest(elements.items.len(), elements.len, elements.fault)
    }

    /// Adds `key: value` pairs with `, ` between them, and what is missing of them.
    #[must_use]
    pub(super) fn pairs(
        mut self,
        pairs: &[(Ptr<Object>, Ptr<Object>)],
        between: &'static str,
        len: u64,
        fault: Option<ReadError>,
    ) -> Self {
        for (index, &(key, value)) in pairs.iter().enumerate() {
            self.separate(index);
            self.parts.push(Part::Object(Some(key)));
            self.parts.push(Part::Text(between.into()));
            self.parts.push(Part::Object(Some(value)));
        }
        self.rest(pairs.len(), len, fault)
    }

    /// Adds the entries of a dict of names as `name=repr(value)`, at most `limit`.
    pub(super) fn keywords(
        mut self,
        objects: &Objects<'_>,
        attributes: Ptr<DictObject>,
        order: Order,
        limit: usize,
    ) -> Result<Self, ReadError> {
        let entries = dict::entries(objects.python(), attributes, limit)?;
        let name = |key: Ptr<Object>| match read_string(objects.python(), key.cast(), MAX_NAME) {
            Ok(name) => name,
            Err(error) => mark(&error),
        };
        let mut named: Vec<_> = entries.items.iter().map(|&(key, value)| (name(key), value)).collect();
        if order == Order::ByName {
            named.sort_by(|a, b| a.0.cmp(&b.0));
        }
        self = self.named(named);
        Ok(self.rest(entries.items.len(), entries.len, entries.fault))
    }

    /// Adds `name=repr(value)` pairs with `, ` between them.
    #[must_use]
    pub(super) fn named(mut self, items: Vec<(String, Ptr<Object>)>) -> Self {
        for (index, (name, value)) in items.into_iter().enumerate() {
            self.separate(index);
            self = self.and(name).and("=").object(Some(value));
        }
        self
    }

    /// Adds what is missing of attributes.
    #[must_use]
    pub(super) fn end_of_attributes(self, found: &Attributes) -> Self {
        let shown = found.items.len();
        self.rest(shown, shown as u64 + u64::from(found.truncated), found.fault)
    }

    /// Says that the rest was left out.
    #[must_use]
    pub(super) fn cut(mut self) -> Self {
        self.parts.push(Part::Cut);
        self
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.parts.push(Part::Text(", ".into()));
        }
    }

    /// After `shown` of `len` elements: a mark when that is not all.
    #[must_use]
    pub(super) fn rest(mut self, shown: usize, len: u64, fault: Option<ReadError>) -> Self {
        match fault {
            Some(error) => {
                self.separate(shown);
                self.parts.push(Part::Fault(error));
            }
            None if (shown as u64) < len => {
                self.separate(shown);
                self.parts.push(Part::Cut);
            }
            // More elements than the object counts: it was being changed, or is damaged.
            None if shown as u64 != len => self.parts.push(Part::Inexact),
            None => {}
        }
        self
    }
}
