//! References of frames and generators.

use crate::memory::image::{Bytes, WORD};
use crate::objects::types::TypeFacts;
use crate::references::reader::Reader;
use crate::references::visit::{Sink, Step};

/// More slots than any function has.
const MAX_SLOTS: u64 = 1 << 20;

impl Reader<'_> {
    /// A frame object; from 3.11 on, a view of a frame that is mostly kept elsewhere.
    pub(crate) fn visit_frame(
        &self,
        address: u64,
        object: Bytes<'_>,
        facts: &TypeFacts,
        sink: &mut impl Sink,
    ) -> Option<()> {
        let places = &self.places;
        if let Some(own) = places.frame_own_frame {
            sink.edge(object.word(places.frame_back?)?, Step::Named("f_back"));
            sink.edge(object.word(places.frame_trace?)?, Step::Named("f_trace"));
            if object.word(places.frame_frame?)? == address.wrapping_add(own) {
                self.visit_interpreter_frame(address.wrapping_add(own), object.skip(own)?, sink)?;
            }
            return Some(());
        }
        let slots = places.frame_localsplus?;
        // Other words hold numbers and what nobody wrote; the generator owns its frame, not the other way round.
        for offset in [
            places.frame_back,
            places.frame_code,
            places.frame_builtins,
            places.frame_globals,
            places.frame_locals,
            places.frame_trace,
        ] {
            sink.edge(object.word(offset?)?, Step::Word(offset?));
        }
        let first_temporary = object.word(places.frame_valuestack?)?;
        let locals = first_temporary.checked_sub(address.wrapping_add(slots))? / WORD;
        let end = self.temporaries_end(object, first_temporary);
        let all = end.checked_sub(address.wrapping_add(slots))? / WORD;
        let room = facts.item_size / WORD * object.word(places.var_len)?.min(MAX_SLOTS);
        self.visit_slots(object, slots, locals.min(room), all.min(room), sink);
        Some(())
    }

    /// Where the stack of a suspended frame ends (up to 3.10); that of a running one is not known.
    fn temporaries_end(&self, object: Bytes<'_>, first: u64) -> u64 {
        let end = match (self.places.frame_stacktop, self.places.frame_stackdepth) {
            (Some(top), _) => object.word(top).filter(|&top| top != 0),
            (None, Some(depth)) => {
                let depth = object.half(depth).and_then(|depth| u64::try_from(depth as i32).ok());
                depth.map(|depth| first.saturating_add(depth.saturating_mul(WORD)))
            }
            (None, None) => None,
        };
        end.filter(|&end| end >= first).unwrap_or(first)
    }

    /// A generator, coroutine or asynchronous generator; from 3.11 on its frame lies in it.
    pub(crate) fn visit_generator(
        &self,
        address: u64,
        object: Bytes<'_>,
        facts: &TypeFacts,
        sink: &mut impl Sink,
    ) -> Option<()> {
        let places = &self.places;
        let fixed = places.gen_iframe.unwrap_or(facts.shape_size).min(facts.shape_size);
        let words = object.words(places.object_size, Self::word_count(places.object_size, fixed));
        for (offset, target) in (places.object_size..).step_by(WORD as usize).zip(words) {
            if target != 0 && offset != facts.weak_list_offset && !self.is_flags_of_generator(offset) {
                sink.edge(target, Step::Word(offset));
            }
        }
        let state = object.byte(places.gen_frame_state?)? as i8;
        if state < self.finished_from {
            let at = places.gen_iframe?;
            self.visit_interpreter_frame(address.wrapping_add(at), object.skip(at)?, sink)?;
        } else if places.iframe_stackpointer.is_some() && places.iframe_executable.is_some() {
            // What is cleared keeps its code (`gen_traverse`, Objects/genobject.c at v3.14.0).
            let code = self.code_of(object.skip(places.gen_iframe?)?)?;
            sink.edge(code, Step::Named("f_code"));
        }
        Some(())
    }

    /// Whether a word of a generator holds bytes that are flags, and bytes that nobody wrote: these can look like a reference.
    fn is_flags_of_generator(&self, offset: u64) -> bool {
        let places = &self.places;
        match (places.gen_frame, places.gen_code, places.gen_frame_state) {
            // `gi_running` stands between the two.
            (Some(frame), Some(code), _) => frame < offset && offset < code,
            (_, _, Some(state)) => offset == state - state % WORD,
            _ => false,
        }
    }

    /// `_PyInterpreterFrame` (3.11+); globals and builtins are borrowed from the function.
    fn visit_interpreter_frame(&self, address: u64, frame: Bytes<'_>, sink: &mut impl Sink) -> Option<()> {
        let places = &self.places;
        for (place, name) in [
            (places.iframe_code.or(places.iframe_executable), "f_code"),
            (places.iframe_func.or(places.iframe_funcobj), "<function>"),
            (places.iframe_locals, "f_locals"),
            (places.iframe_frame_obj, "<frame-object>"),
        ] {
            sink.edge(self.references.address(frame.word(place?)?).unwrap_or(0), Step::Named(name));
        }
        let locals = self.local_count(frame)?;
        let all = match (places.iframe_stacktop, places.iframe_stackpointer) {
            (Some(top), _) => u64::try_from(frame.half(top)? as i32).unwrap_or(locals),
            // Kept by frames that are suspended, null or older than the last call in others (3.14+).
            (None, Some(pointer)) => {
                let first = address.wrapping_add(places.iframe_localsplus?);
                frame.word(pointer)?.checked_sub(first).map_or(locals, |bytes| bytes / WORD)
            }
            (None, None) => locals,
        };
        let all = all.max(locals);
        self.visit_slots(frame, places.iframe_localsplus?, locals, all.min(self.frame_slots(frame)?), sink);
        Some(())
    }

    /// Local variables, then the stack.
    fn visit_slots(&self, frame: Bytes<'_>, offset: u64, locals: u64, all: u64, sink: &mut impl Sink) {
        for (slot, word) in (0..).zip(frame.words(offset, all.min(MAX_SLOTS))) {
            let target = self.references.address(word).unwrap_or(0);
            if target != 0 {
                sink.edge(target, if slot < locals { Step::Local(slot) } else { Step::Temporary(slot) });
            }
        }
    }

    /// The code object of an interpreter frame.
    pub(crate) fn code_of(&self, frame: Bytes<'_>) -> Option<u64> {
        let place = self.places.iframe_code.or(self.places.iframe_executable)?;
        self.references.address(frame.word(place)?)
    }

    /// Number of local variables, cells and free variables of an interpreter frame.
    pub(crate) fn local_count(&self, frame: Bytes<'_>) -> Option<u64> {
        let code = self.image.from(self.code_of(frame)?)?;
        Some(u64::from(code.half(self.places.code_nlocalsplus?)?).min(MAX_SLOTS))
    }

    /// Number of all slots of an interpreter frame.
    pub(crate) fn frame_slots(&self, frame: Bytes<'_>) -> Option<u64> {
        let code = self.image.from(self.code_of(frame)?)?;
        let stack = u64::from(code.half(self.places.code_stacksize?)?).min(MAX_SLOTS);
        Some(self.local_count(frame)? + stack)
    }
}
