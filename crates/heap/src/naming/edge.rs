//! How a reference is written in a path, and what the next one is then written after.
//!
//! A path does not spell what Python code would not: the dict of an instance, the tuple of a closure, its cells. An object
//! that is such a part has another name, for when the path ends there: `.__dict__`, `.__closure__[0]`.

use std::fmt;

use crate::expression::literal::{Literal, quoted};
use crate::expression::parse::{self, Wanted, attribute, name_in_angle};
use crate::naming::look::{Look, MAX_KEY};
use crate::naming::members::{self, Member};
use crate::objects::kinds::Shape;
use crate::references::visit::Step;

/// What the path so far leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Context {
    /// An object with a name of its own.
    Plain,
    /// The dict of a module, class or instance: its items are attributes.
    Namespace,
    /// What a `mappingproxy` shows: its items are the proxy's.
    Mapping,
    /// The closure of the function at this address: its cells are variables.
    Closure(u64),
    /// A cell, which the step before named by its variable.
    Cell,
    /// A frame that the step before named.
    Frame,
}

impl Context {
    /// Whether the items of a dict are written as such.
    pub(crate) fn has_items(self) -> bool {
        matches!(self, Self::Plain | Self::Mapping)
    }
}

/// A step as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Name {
    /// `.name`
    Attribute(String),
    /// `[constant]`
    Item(Literal),
    /// `.<…>`, with the angle brackets.
    Angle(String),
    /// `[<…>]`, with the angle brackets.
    AngleItem(String),
}

impl Name {
    /// Whether an expression asks for it.
    pub(crate) fn is(&self, wanted: &Wanted) -> bool {
        match (self, wanted) {
            (Self::Attribute(name), Wanted::Attribute(wanted)) => name == wanted,
            (Self::Item(key), Wanted::Item(wanted)) => key.is_same_key(wanted),
            (Self::Angle(text) | Self::AngleItem(text), Wanted::Angle(wanted)) => text == wanted,
            _ => false,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(name) => f.write_str(&attribute(name)),
            Self::Item(key) => write!(f, "[{key}]"),
            Self::Angle(text) => write!(f, ".{text}"),
            Self::AngleItem(text) => write!(f, "[{text}]"),
        }
    }
}

/// A reference with the names it has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Move {
    /// What is written; nothing for a part that goes without saying.
    pub(crate) names: Vec<Name>,
    /// What is written instead when the path ends at the part that is reached.
    pub(crate) exact: Option<Vec<Name>>,
    /// What the path then leads to.
    pub(crate) next: Context,
    /// The names follow that of the part itself, not of what it is a part of.
    pub(crate) from_part: bool,
    /// What kind of reference it is.
    pub(crate) kind: Kind,
}

/// Kinds of references, as documents name them.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An attribute of an instance, class or module, or a member of a C structure that has a name.
    Attribute,
    /// A value in a dict.
    Item,
    /// A key of a dict.
    Key,
    /// An element of a sequence.
    Index,
    /// A member of a set.
    Member,
    /// A local variable of a frame, generator or coroutine.
    Local,
    /// A value on the stack of a frame.
    Stack,
    /// A variable of an enclosing function.
    Closure,
    /// What a cell holds.
    Cell,
    /// A global variable of a module.
    Global,
    /// A word of a C structure that is known to hold references.
    Word,
    /// A word of a C structure of unknown layout that points at an object.
    Conservative,
    /// A reference that does not keep its object alive.
    Weak,
    /// Something outside of all objects: a thread, an interpreter, native code.
    Root,
}

impl Kind {
    /// As documents spell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Attribute => "attribute",
            Self::Item => "item",
            Self::Key => "key",
            Self::Index => "index",
            Self::Member => "member",
            Self::Local => "local",
            Self::Stack => "stack",
            Self::Closure => "closure",
            Self::Cell => "cell",
            Self::Global => "global",
            Self::Word => "word",
            Self::Conservative => "conservative",
            Self::Weak => "weak",
            Self::Root => "root",
        }
    }
}

impl Move {
    fn plain(name: Name, kind: Kind) -> Self {
        Self { names: vec![name], exact: None, next: Context::Plain, from_part: false, kind }
    }

    fn part(names: Vec<Name>, exact: Vec<Name>, next: Context, kind: Kind) -> Self {
        Self { names, exact: Some(exact), next, from_part: false, kind }
    }
}

/// Attributes that an object or class has besides its dict; behind a dot these come first.
const OF_OBJECTS: [&str; 5] = ["__dict__", "__qualname__", "__mro__", "__base__", "__bases__"];

/// Names the reference `step` from the object at `from` to the one at `target`.
pub(crate) fn transition(
    look: &Look<'_, '_, '_>,
    from: u64,
    context: Context,
    step: Step,
    target: u64,
) -> Move {
    match (step, context) {
        (Step::Item(key) | Step::Attribute(key), Context::Namespace) => match name_of(look, key) {
            Some(name) if !OF_OBJECTS.contains(&name.as_str()) => {
                return Move::plain(Name::Attribute(name), Kind::Attribute);
            }
            _ => return Move { from_part: true, ..Move::plain(item(look, key), Kind::Item) },
        },
        (Step::Item(key), Context::Mapping) => return Move::plain(item(look, key), Kind::Item),
        (Step::Index(index), Context::Closure(function)) => return cell(look, function, index),
        (Step::Word(offset), Context::Cell) if Some(offset) == look.reader.places.cell_ref => {
            return Move { names: Vec::new(), ..Move::plain(Name::Attribute(String::new()), Kind::Cell) };
        }
        (Step::Local(slot), Context::Frame) => return local(look, from, slot, target, Vec::new()),
        (Step::Temporary(slot), Context::Frame) => {
            return Move::plain(Name::Angle(format!("<stack {slot}>")), Kind::Stack);
        }
        _ => {}
    }
    Move { from_part: context != Context::Plain, ..from_plain(look, from, step, target) }
}

fn from_plain(look: &Look<'_, '_, '_>, from: u64, step: Step, target: u64) -> Move {
    match step {
        Step::Attribute(key) if !is_dict(look, from) => match name_of(look, key) {
            Some(name) => Move::plain(Name::Attribute(name), Kind::Attribute),
            None => Move::plain(Name::Angle(format!("<attribute {key:#x}>")), Kind::Attribute),
        },
        Step::Item(key) | Step::Attribute(key) if is_dict(look, from) => {
            Move::plain(item(look, key), Kind::Item)
        }
        Step::Item(key) | Step::Attribute(key) => {
            // The results that `functools.lru_cache` keeps.
            let names = vec![Name::Angle("<cached>".into()), item(look, key)];
            Move { names, ..Move::plain(Name::Attribute(String::new()), Kind::Item) }
        }
        Step::Index(index) => Move::plain(Name::Item(Literal::Int(index.to_string())), Kind::Index),
        Step::Key => Move::plain(Name::Angle(angle(look, "key", target)), Kind::Key),
        Step::Member => Move::plain(Name::Angle(angle(look, "member", target)), Kind::Member),
        Step::Local(slot) => local(look, from, slot, target, vec![frame_or_generator(look, from)]),
        Step::Temporary(slot) => {
            let names = vec![frame_or_generator(look, from), Name::Angle(format!("<stack {slot}>"))];
            Move { names, ..Move::plain(Name::Attribute(String::new()), Kind::Stack) }
        }
        Step::Named("__dict__") => namespace("__dict__"),
        Step::Named("f_locals") if has_own_frame(look, from) => {
            let names = vec![frame_or_generator(look, from)];
            let exact = vec![frame_or_generator(look, from), Name::Attribute("f_locals".into())];
            Move::part(names, exact, Context::Namespace, Kind::Attribute)
        }
        Step::Named(name) => {
            let last = member(name);
            let names = if has_own_frame(look, from) {
                vec![frame_or_generator(look, from), last]
            } else {
                vec![last]
            };
            Move { names, ..Move::plain(Name::Attribute(String::new()), Kind::Attribute) }
        }
        Step::Word(offset) => word(look, from, offset),
    }
}

fn word(look: &Look<'_, '_, '_>, from: u64, offset: u64) -> Move {
    match members::member(look, from, offset) {
        Member::Dict => namespace("__dict__"),
        Member::Mapping => {
            let exact = vec![Name::Angle("<mapping>".into())];
            Move::part(Vec::new(), exact, Context::Mapping, Kind::Attribute)
        }
        Member::Closure => Move::part(
            vec![Name::Angle(format!("<closure {}>", members::function_name(look, from)))],
            vec![Name::Attribute("__closure__".into())],
            Context::Closure(from),
            Kind::Attribute,
        ),
        Member::GeneratorFrame(attribute) => Move::part(
            vec![frame_or_generator(look, from)],
            vec![Name::Attribute(attribute.into())],
            Context::Frame,
            Kind::Attribute,
        ),
        Member::Contents => Move::plain(Name::Attribute("cell_contents".into()), Kind::Cell),
        Member::Named(name) => Move::plain(member(&name), Kind::Attribute),
        Member::Unnamed { conservative } => {
            let kind = if conservative { Kind::Conservative } else { Kind::Word };
            Move::plain(Name::Angle(format!("<word {offset:#x}>")), kind)
        }
    }
}

fn namespace(name: &str) -> Move {
    let exact = vec![Name::Attribute(name.to_owned())];
    Move::part(Vec::new(), exact, Context::Namespace, Kind::Attribute)
}

fn member(name: &str) -> Name {
    if name.starts_with('<') { Name::Angle(name.to_owned()) } else { Name::Attribute(name.to_owned()) }
}

fn cell(look: &Look<'_, '_, '_>, function: u64, index: u64) -> Move {
    let variable = match members::closure_variable(look, function, index) {
        Some(variable) => Name::Attribute(variable),
        None => Name::Angle(format!("<cell {index}>")),
    };
    let exact = vec![Name::Item(Literal::Int(index.to_string()))];
    Move::part(vec![variable], exact, Context::Cell, Kind::Closure)
}

/// A local variable; one that functions inside use is in a cell, which goes without saying.
fn local(look: &Look<'_, '_, '_>, from: u64, slot: u64, target: u64, mut names: Vec<Name>) -> Move {
    let variable = members::local_variable(look, from, slot);
    let is_cell = look.type_name(target) == "cell";
    let exact = is_cell.then(|| {
        let name = variable.as_deref().map_or_else(|| slot.to_string(), name_in_angle);
        vec![frame_or_generator(look, from), Name::Angle(format!("<cell {name}>"))]
    });
    names.push(match variable {
        Some(variable) => Name::Attribute(variable),
        None => Name::Angle(format!("<local {slot}>")),
    });
    let next = if is_cell { Context::Cell } else { Context::Plain };
    Move { names, exact, next, from_part: false, kind: Kind::Local }
}

/// `<frame name>`, or `<generator name>` for what has a frame in it.
fn frame_or_generator(look: &Look<'_, '_, '_>, from: u64) -> Name {
    Name::Angle(members::frame_or_generator(look, from))
}

fn has_own_frame(look: &Look<'_, '_, '_>, from: u64) -> bool {
    look.reader.places.gen_iframe.is_some()
        && look.facts(from).is_some_and(|facts| facts.shape == Shape::Generator)
}

fn is_dict(look: &Look<'_, '_, '_>, from: u64) -> bool {
    look.facts(from).is_some_and(|facts| matches!(facts.shape, Shape::Dict | Shape::OrderedDict))
}

/// A key of a namespace, when it is a str.
fn name_of(look: &Look<'_, '_, '_>, key: u64) -> Option<String> {
    look.facts(key).filter(|facts| facts.shape == Shape::Str)?;
    look.text(key, MAX_KEY)
}

/// An item of a dict by its key.
fn item(look: &Look<'_, '_, '_>, key: u64) -> Name {
    match look.literal(key) {
        Some(literal) => Name::Item(literal),
        None => Name::AngleItem(format!("<{} at {key:#x}>", name_in_angle(&look.type_name(key)))),
    }
}

/// A key or member: the object itself where it is a constant, else its address.
fn angle(look: &Look<'_, '_, '_>, kind: &str, target: u64) -> String {
    match look.literal(target) {
        Some(Literal::Str(text)) => format!("<{kind} {}>", quoted(&text)),
        Some(literal @ (Literal::Int(_) | Literal::Bool(_) | Literal::None)) => format!("<{kind} {literal}>"),
        _ => format!("<{kind} {target:#x}>"),
    }
}

/// Whether a reference can be what is wanted, told cheaply: containers have millions of items.
pub(crate) fn may_be(look: &Look<'_, '_, '_>, step: Step, context: Context, wanted: &Wanted) -> bool {
    match (step, wanted) {
        (Step::Index(_), _) if matches!(context, Context::Closure(_)) => true,
        (Step::Index(index), Wanted::Item(key)) => key.index() == i64::try_from(index).ok(),
        (Step::Index(_), _) | (Step::Key | Step::Member, Wanted::Attribute(_) | Wanted::Item(_)) => false,
        (Step::Item(key) | Step::Attribute(key), Wanted::Attribute(name)) => look.reader.is_text(key, name),
        (Step::Item(key) | Step::Attribute(key), Wanted::Item(Literal::Str(text))) => {
            look.reader.is_text(key, text)
        }
        (Step::Item(_), Wanted::Angle(text)) if text == "<cached>" => true,
        (Step::Item(key) | Step::Attribute(key), Wanted::Angle(text)) => parse::address_in(text) == Some(key),
        (Step::Item(key), Wanted::Item(_)) => look.facts(key).is_some_and(|facts| facts.shape != Shape::Str),
        _ => true,
    }
}
