//! `repr()` of objects, without running any of their code.
//!
//! What CPython's C code and the standard library's Python code would print is printed exactly. A class with
//! a `__repr__` of its own reads `<module.Name object at 0x…; __repr__ not run>`; what could not be read
//! stands there as a mark such as `<not dumped at 0x…>`; what was left out as `…`.

mod builtin;
mod callable;
mod callee;
mod collections;
mod decimal;
mod form;
mod library;
mod moment;
mod numpy;
mod numpy_text;
mod pandas;
mod regex;
mod rule;
mod structure;
mod threads;

use std::cell::{OnceCell, RefCell};

use rustc_hash::FxHashMap;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, Object, TypeObject};
use crate::memory::FaultKind;
use crate::objects::types::{TypeName, TypeNames};
use crate::objects::{bytes, quoted, unicode};
use crate::runtime::python::Python;
pub(crate) use callee::{CCallable, c_callable, entered_by, python_function};
use form::{Form, Part};
use rule::{CycleMarker, Formatter, Rule};

/// Most characters of a `str`, or bytes of a `bytes`, that are looked at.
const MAX_UNITS: usize = 1 << 20;

/// How much of an object is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReprLimits {
    /// Levels of containers in containers.
    pub depth: usize,
    /// Elements of each container.
    pub items: usize,
    /// Bytes of text in all; a little more where a single value's text crosses the limit.
    pub bytes: usize,
}

impl Default for ReprLimits {
    fn default() -> Self {
        Self { depth: 24, items: 1000, bytes: 4096 }
    }
}

/// Text of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// As `repr()` would print it, or with marks.
    pub text: String,
    /// Whether something was left out because of a limit.
    pub truncated: bool,
    /// Whether it is what `repr()` would print, up to where it is truncated: no part was unreadable or
    /// needs code of the program to run.
    pub exact: bool,
}

/// Prints objects of one process; holds what it learned about their types.
#[derive(Debug)]
pub struct Objects<'a> {
    python: &'a Python<'a>,
    types: &'a TypeNames,
    rules: RefCell<FxHashMap<Ptr<TypeObject>, Rule>>,
    object_repr: OnceCell<Option<Address>>,
}

impl<'a> Objects<'a> {
    /// Reads with `python`, names types by `types`.
    pub fn new(python: &'a Python<'a>, types: &'a TypeNames) -> Self {
        Self { python, types, rules: RefCell::default(), object_repr: OnceCell::new() }
    }

    /// What it reads with.
    pub fn python(&self) -> &'a Python<'a> {
        self.python
    }

    /// The names of types.
    pub fn types(&self) -> &'a TypeNames {
        self.types
    }

    /// The name of a type.
    pub fn type_name(&self, of: Ptr<TypeObject>) -> TypeName {
        self.types.name_of(self.python, of)
    }

    /// The name of an object's type.
    ///
    /// # Errors
    /// When the object's header is not there.
    pub fn type_name_of(&self, object: Ptr<Object>) -> Result<TypeName, ReadError> {
        Ok(self.type_name(self.python.type_of(object)?))
    }

    /// What `repr()` would print for `object`, within `limits`.
    pub fn repr(&self, object: Ptr<Object>, limits: &ReprLimits) -> Text {
        let mut writer = Writer::new(self, *limits);
        writer.write(Part::Object(Some(object)));
        writer.finish()
    }

    fn rule(&self, of: Ptr<TypeObject>) -> Rule {
        if let Some(rule) = self.rules.borrow().get(&of) {
            return *rule;
        }
        let rule = rule::of(self, of);
        self.rules.borrow_mut().insert(of, rule);
        rule
    }

    /// `tp_repr` of `object`, which classes without a `__repr__` of their own inherit.
    fn object_repr(&self) -> Option<Address> {
        *self.object_repr.get_or_init(|| {
            let object = self.types.object_type(self.python)?;
            self.python.read(object, member::TYPE_REPR).ok()
        })
    }
}

/// What is still to be written.
enum Step {
    Part(Part),
    Leave,
}

/// Writes parts depth first, with a stack of its own: the objects decide how deep it gets, not our stack.
struct Writer<'w, 'a> {
    objects: &'w Objects<'a>,
    limits: ReprLimits,
    text: Text,
    steps: Vec<Step>,
    /// The objects that are being printed, outermost first; `None` for those that Python does not guard
    /// against cycles.
    active: Vec<Option<Ptr<Object>>>,
}

impl<'w, 'a> Writer<'w, 'a> {
    fn new(objects: &'w Objects<'a>, limits: ReprLimits) -> Self {
        let text = Text { text: String::new(), truncated: false, exact: true };
        Self { objects, limits, text, steps: Vec::new(), active: Vec::new() }
    }

    fn room(&self) -> usize {
        self.limits.bytes.saturating_sub(self.text.text.len())
    }

    fn write(&mut self, part: Part) {
        self.steps.push(Step::Part(part));
        while let Some(step) = self.steps.pop() {
            if self.room() == 0 {
                if matches!(step, Step::Leave) {
                    continue;
                }
                self.cut();
                return;
            }
            match step {
                Step::Leave => drop(self.active.pop()),
                Step::Part(part) => self.part(part),
            }
        }
    }

    fn finish(self) -> Text {
        self.text
    }

    fn cut(&mut self) {
        self.text.truncated = true;
        self.text.text.push('…');
    }

    fn part(&mut self, part: Part) {
        match part {
            Part::Text(text) => self.push(&text),
            Part::Object(None) => self.text.text.push_str("<NULL>"),
            Part::Object(Some(object)) => self.object(object),
            Part::As(object, formatter) => self.format(object, formatter),
            Part::Cut => self.cut(),
            Part::Inexact => self.text.exact = false,
            Part::Fault(error) => self.fault(error),
        }
    }

    fn push(&mut self, text: &str) {
        let room = self.room();
        if text.len() <= room {
            self.text.text.push_str(text);
        } else {
            let kept = text.char_indices().take_while(|&(at, _)| at < room).map(|(_, character)| character);
            self.text.text.extend(kept);
            self.cut();
            self.steps.clear();
        }
    }

    fn fault(&mut self, error: ReadError) {
        self.text.exact = false;
        self.text.text.push_str(&mark(&error));
    }

    fn object(&mut self, object: Ptr<Object>) {
        let of = match self.objects.python.type_of(object) {
            Ok(of) => of,
            Err(error) => return self.fault(error),
        };
        match self.objects.rule(of) {
            Rule::Known(formatter) => self.format(object, formatter),
            Rule::Unknown => {
                self.text.exact = false;
                let text = format!(
                    "<{} object at {:?}; __repr__ not run>",
                    self.objects.type_name(of).qualified(),
                    object
                );
                self.push(&text);
            }
            Rule::Unreadable(error) => self.fault(error),
        }
    }

    fn format(&mut self, object: Ptr<Object>, formatter: Formatter) {
        match formatter {
            Formatter::Str => return self.str(object),
            Formatter::Bytes => return self.bytes(object),
            Formatter::ByteArray => return self.bytearray(object),
            _ => {}
        }
        if let Some(marker) = formatter.cycle_marker()
            && self.active.contains(&Some(object))
        {
            return self.cycle(object, marker);
        }
        let items = self.limits.items.min(self.room());
        match formatter.form(self.objects, object, items) {
            Ok(form) => self.form(object, formatter, form),
            Err(error) => self.fault(error),
        }
    }

    fn cycle(&mut self, object: Ptr<Object>, marker: CycleMarker) {
        match (marker, self.objects.type_name_of(object)) {
            (CycleMarker::Text(text), _) => self.push(text),
            // `namespace_repr` calls this one by the name it had before it had a module.
            (CycleMarker::TypeName, Ok(name)) if name.qualified() == "types.SimpleNamespace" => {
                self.push("namespace(...)");
            }
            (CycleMarker::TypeName, Ok(name)) => self.push(&format!("{}(...)", name.name())),
            (CycleMarker::TypeName, Err(error)) => self.fault(error),
        }
    }

    fn form(&mut self, object: Ptr<Object>, formatter: Formatter, form: Form) {
        let nests = form.parts.iter().any(|part| matches!(part, Part::Object(Some(_)) | Part::As(..)));
        if nests {
            if self.active.len() >= self.limits.depth {
                return self.cut();
            }
            self.active.push(formatter.cycle_marker().map(|_| object));
            self.steps.push(Step::Leave);
        }
        self.steps.extend(form.parts.into_iter().rev().map(Step::Part));
    }

    fn str(&mut self, object: Ptr<Object>) {
        match unicode::read(self.objects.python, object.cast(), MAX_UNITS) {
            Ok(text) => {
                let room = self.room();
                let whole = quoted::push_str(&mut self.text.text, &text, room);
                self.end_of_text(whole, text.fault().map(ReadError::from));
            }
            Err(error) => self.fault(error),
        }
    }

    fn bytes(&mut self, object: Ptr<Object>) {
        match bytes::bytes(self.objects.python, object.cast(), MAX_UNITS) {
            Ok(bytes) => {
                self.text.text.push('b');
                self.quoted_bytes(&bytes);
            }
            Err(error) => self.fault(error),
        }
    }

    /// `bytearray_repr`: the name of the class, then as `bytes`.
    fn bytearray(&mut self, object: Ptr<Object>) {
        let python = self.objects.python;
        match (bytes::bytearray(python, object.cast(), MAX_UNITS), self.objects.type_name_of(object)) {
            (Ok(bytes), Ok(name)) => {
                self.push(&format!("{}(b", name.name()));
                self.steps.push(Step::Part(Part::Text(")".into())));
                self.quoted_bytes(&bytes);
            }
            (Err(error), _) | (_, Err(error)) => self.fault(error),
        }
    }

    fn quoted_bytes(&mut self, bytes: &bytes::Bytes<'_>) {
        let room = self.room();
        let whole = quoted::push_bytes(&mut self.text.text, &bytes.data, bytes.is_complete(), room);
        self.end_of_text(whole, bytes.fault.map(ReadError::from));
    }

    /// After quoted text: says why it ends early.
    fn end_of_text(&mut self, whole: bool, fault: Option<ReadError>) {
        match fault {
            _ if whole => {}
            Some(error) if self.room() > 0 => self.fault(error),
            _ => {
                self.cut();
                self.steps.clear();
            }
        }
    }
}

/// What stands in place of something that cannot be read.
pub fn mark(error: &ReadError) -> String {
    match error {
        ReadError::Fault(fault) => match fault.kind {
            FaultKind::Overflow => format!("<impossible address {}>", fault.address),
            kind => format!("<{kind} at {}>", fault.address),
        },
        ReadError::NoMember(path) => format!("<unknown layout: {path}>"),
        ReadError::Null(_) => "<NULL>".to_owned(),
        ReadError::Invalid { at, what } => format!("<invalid at {at}: {what}>"),
    }
}

/// Whether a text is the [`mark`] of memory that the core does not hold.
pub(crate) fn is_mark(text: &str) -> bool {
    [FaultKind::Truncated, FaultKind::NotDumped].iter().any(|kind| text.starts_with(&format!("<{kind} at ")))
}
