//! Variables and other objects of a snapshot, as text.

use std::cell::Cell;

use pycoroner_findings::{Gap, GapKind};

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::Object;
use crate::objects::attributes;
use crate::objects::kind::{self, Kind};
use crate::objects::repr::{self, Objects, ReprLimits, Text};
use crate::objects::types::FoundBy;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::{Binding, Frame};
use crate::snapshot::capture::CaptureOptions;
use crate::snapshot::document::{AttributeSection, VariableSection};

/// Most attributes of one instance that are listed.
const MAX_ATTRIBUTES: usize = 50;

/// Most entries of tracebacks that are kept. Exceptions are small and may share a long traceback, so what all of
/// them state can be far larger than the core.
const MAX_TRACEBACK_ENTRIES: usize = 60_000;
/// Most frames of all threads that are kept.
const MAX_FRAMES: usize = 100_000;
/// Bytes of the text of all variables and attributes.
const MAX_TEXT: usize = 48 << 20;
/// What a variable counts for besides its text.
const BYTES_OF_VARIABLE: usize = 128;

/// Turns objects into text within the limits of a capture.
pub(super) struct Values<'r, 'p> {
    runtime: &'r PythonRuntime<'p>,
    objects: Objects<'r>,
    limits: ReprLimits,
    traceback_entries: Cell<usize>,
    frames_left: Cell<usize>,
    text_left: Cell<usize>,
}

impl<'r, 'p> Values<'r, 'p> {
    pub(super) fn new(runtime: &'r PythonRuntime<'p>, options: &CaptureOptions) -> Self {
        let limits = ReprLimits { depth: options.depth, items: options.items, bytes: options.text_bytes };
        Self {
            runtime,
            objects: Objects::new(runtime.python(), runtime.types()),
            limits,
            traceback_entries: Cell::new(MAX_TRACEBACK_ENTRIES),
            frames_left: Cell::new(MAX_FRAMES),
            text_left: Cell::new(MAX_TEXT),
        }
    }

    /// How many entries of tracebacks may still be kept, of all exceptions that are read together.
    pub(super) fn traceback_entries(&self) -> &Cell<usize> {
        &self.traceback_entries
    }

    /// How many of the frames of a thread may still be kept; the rest is a gap.
    pub(super) fn take_frames(&self, wanted: usize, who: &str, gaps: &mut Vec<Gap>) -> usize {
        let left = self.frames_left.get();
        self.frames_left.set(left.saturating_sub(wanted));
        if wanted > left {
            let what = format!("{} outer frames of {who}", wanted - left);
            gaps.push(Gap::new(
                GapKind::Limit,
                what,
                format!("more than {MAX_FRAMES} frames in all threads"),
            ));
        }
        wanted.min(left)
    }

    /// Says so when variables were left out.
    pub(super) fn push_gap(&self, gaps: &mut Vec<Gap>) {
        if self.text_left.get() == 0 {
            let why = format!("the text of all of them is longer than {} MiB", MAX_TEXT >> 20);
            gaps.push(Gap::new(GapKind::Limit, "variables of further frames", why));
        }
    }

    /// What `repr()` of the object would print.
    pub(super) fn repr(&self, object: Ptr<Object>) -> Text {
        let text = self.objects.repr(object, &self.limits);
        self.text_left.set(self.text_left.get().saturating_sub(text.text.len() + BYTES_OF_VARIABLE));
        text
    }

    /// The variables of a frame; none when there was too much text already.
    pub(super) fn locals(&self, frame: &Frame) -> Vec<VariableSection> {
        if self.text_left.get() == 0 {
            return Vec::new();
        }
        self.runtime.bindings(frame).into_iter().map(|binding| self.variable(binding)).collect()
    }

    fn variable(&self, binding: Binding) -> VariableSection {
        let Binding { variable, object } = binding;
        match object {
            Ok(object) => {
                let text = self.repr(object);
                let of = self.objects.type_name_of(object).ok();
                let is_inferred = of.as_ref().is_some_and(|name| name.found_by == FoundBy::Inferred);
                VariableSection {
                    name: variable.name,
                    kind: variable.kind,
                    type_name: of.map(|name| name.display()),
                    found_by: is_inferred.then_some("inferred-type"),
                    repr: text.text,
                    truncated: text.truncated,
                    address: Some(object.address()),
                    attributes: self.attributes(object),
                }
            }
            Err(error) => VariableSection {
                name: variable.name,
                kind: variable.kind,
                type_name: None,
                found_by: None,
                repr: repr::mark(&error),
                truncated: false,
                address: None,
                attributes: Vec::new(),
            },
        }
    }

    /// Type with module; `None` where the object's header cannot be read.
    pub(super) fn type_name(&self, object: Ptr<Object>) -> Option<String> {
        self.objects.type_name_of(object).ok().map(|name| name.display())
    }

    /// Attributes of an instance of a class; none for values whose text says it all.
    fn attributes(&self, object: Ptr<Object>) -> Vec<AttributeSection> {
        let python = self.runtime.python();
        let is_instance = || -> Result<bool, ReadError> {
            let flags = kind::flags(python, python.type_of(object)?)?;
            let plain = matches!(flags.kind(), Kind::Other | Kind::Exception);
            Ok(flags.has(kind::TypeFlags::HEAP_TYPE) && plain)
        };
        if !is_instance().unwrap_or(false) {
            return Vec::new();
        }
        let found = attributes::attributes(python, object, MAX_ATTRIBUTES);
        let section = |attribute: attributes::Attribute| AttributeSection {
            name: attribute.name,
            type_name: self.type_name(attribute.value),
            repr: self.repr(attribute.value).text,
        };
        found.items.into_iter().map(section).collect()
    }
}
