//! Debugging information entries, read one at a time within a budget of work.
//!
//! Debug information is a tree that refers to itself by offset, so a few hostile bytes can describe endless
//! work. Whatever is read is charged to one budget that is proportional to the size of the section.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gimli::{
    Abbreviations, AttributeValue, DebugAbbrev, DebugAbbrevOffset, DebugInfo, DebugInfoOffset,
    DebugStrOffsets, DebugStrOffsetsBase, EndianSlice, Reader as _, RunTimeEndian, UnitHeader, UnitOffset,
    constants,
};

use crate::layout::dwarf::DwarfError;
use crate::layout::dwarf::elf::DebugSections;

type Slice<'d> = EndianSlice<'d, RunTimeEndian>;

/// All entries of a binary.
pub(super) struct Entries<'d> {
    info: DebugInfo<Slice<'d>>,
    abbrev: Slice<'d>,
    str: &'d [u8],
    line_str: &'d [u8],
    str_offsets: DebugStrOffsets<Slice<'d>>,
    little_endian: bool,
    /// Offsets of the units, rising.
    units: Vec<usize>,
    /// The unit that was asked for last; most references stay within it.
    last_unit: RefCell<Option<Rc<Unit<'d>>>>,
    /// What may still be read, in bytes and attributes.
    budget: Cell<u64>,
}

/// One compilation's entries, and how they are encoded.
pub(super) struct Unit<'d> {
    start: usize,
    header: UnitHeader<Slice<'d>>,
    abbreviations: Rc<Abbreviations>,
    abbreviations_at: usize,
    str_offsets_base: DebugStrOffsetsBase<usize>,
}

/// What an entry says about a type or a member. Offsets are those in `.debug_info`.
#[derive(Clone)]
pub(super) struct Entry<'d> {
    /// The unit that it belongs to.
    pub(super) unit: Rc<Unit<'d>>,
    /// Where it begins.
    pub(super) at: usize,
    /// Where the next one begins: its first child, if it has any.
    next: usize,
    pub(super) tag: gimli::DwTag,
    has_children: bool,
    sibling: Option<usize>,
    pub(super) name: Option<&'d [u8]>,
    pub(super) is_declaration: bool,
    pub(super) type_at: Option<usize>,
    pub(super) byte_size: Option<u64>,
    /// A size or place is stated, but is no number: it has to be computed at run time.
    pub(super) is_computed: bool,
    /// Bytes from the start of the structure.
    pub(super) location: Option<u64>,
    pub(super) bit_size: Option<u64>,
    /// From the start of the structure (DWARF 4 and later).
    pub(super) data_bit_offset: Option<u64>,
    /// From the most significant bit of the word at `location` (up to DWARF 3).
    pub(super) bit_offset: Option<u64>,
}

/// Entries with the same parent, in order.
pub(super) struct Siblings<'i, 'd> {
    entries: &'i Entries<'d>,
    unit: Rc<Unit<'d>>,
    /// Where the next one begins, or the last one whose children are still to be passed.
    next: Option<usize>,
    passed: Option<Entry<'d>>,
}

/// More than any name that is looked for.
const MAX_NAME: usize = 128;
/// Most tables of abbreviations are shorter; a longer one is read again, whole.
const ABBREVIATIONS_WINDOW: usize = 1 << 14;
/// Work per byte of debug information; an interpreter's takes less than 2.
const BUDGET_PER_BYTE: u64 = 16;
const MIN_BUDGET: u64 = 1 << 22;

impl<'d> Entries<'d> {
    /// Lists the units.
    pub(super) fn new(sections: &'d DebugSections<'_>, little_endian: bool) -> Result<Self, DwarfError> {
        let endian = if little_endian { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let info = DebugInfo::new(&sections.info, endian);
        let mut units = Vec::new();
        let mut headers = info.units();
        let mut at = 0;
        while let Some(header) = headers.next().map_err(|source| malformed(at, source))? {
            units.push(at);
            at += header.length_including_self();
        }
        Ok(Self {
            info,
            abbrev: EndianSlice::new(&sections.abbrev, endian),
            str: &sections.str,
            line_str: &sections.line_str,
            str_offsets: DebugStrOffsets::from(EndianSlice::new(&sections.str_offsets, endian)),
            little_endian,
            units,
            last_unit: RefCell::new(None),
            budget: Cell::new((sections.info.len() as u64).saturating_mul(BUDGET_PER_BYTE).max(MIN_BUDGET)),
        })
    }

    /// Whether the least significant byte comes first.
    pub(super) fn little_endian(&self) -> bool {
        self.little_endian
    }

    /// The outermost entry of each unit.
    pub(super) fn unit_roots(&self) -> impl Iterator<Item = Result<Entry<'d>, DwarfError>> + '_ {
        self.units.iter().filter_map(|&start| self.unit_root(start).transpose())
    }

    fn unit_root(&self, start: usize) -> Result<Option<Entry<'d>>, DwarfError> {
        let unit = self.unit_at(start)?;
        let at = start + unit.header.header_size();
        self.entry_in(&unit, at)
    }

    /// The entry at an offset of `.debug_info`.
    pub(super) fn entry_at(&self, at: usize) -> Result<Entry<'d>, DwarfError> {
        let senseless =
            DwarfError::Senseless { offset: at as u64, what: "no entry stands where one is referred to" };
        let after = self.units.partition_point(|&start| start <= at);
        let Some(&start) = after.checked_sub(1).and_then(|index| self.units.get(index)) else {
            return Err(senseless);
        };
        let unit = self.unit_at(start)?;
        self.entry_in(&unit, at)?.ok_or(senseless)
    }

    /// The children of an entry.
    pub(super) fn children(&self, entry: &Entry<'d>) -> Siblings<'_, 'd> {
        let next = entry.has_children.then_some(entry.next);
        Siblings { entries: self, unit: Rc::clone(&entry.unit), next, passed: None }
    }

    fn charge(&self, at: usize, work: usize) -> Result<(), DwarfError> {
        let what = "following the debug information takes more work than its size justifies";
        let rest = self.budget.get().checked_sub(work as u64);
        self.budget.set(rest.ok_or(DwarfError::Senseless { offset: at as u64, what })?);
        Ok(())
    }

    fn unit_at(&self, start: usize) -> Result<Rc<Unit<'d>>, DwarfError> {
        let last = self.last_unit.borrow().clone();
        if let Some(last) = last.as_ref().filter(|last| last.start == start) {
            return Ok(Rc::clone(last));
        }
        let header = self
            .info
            .header_from_offset(DebugInfoOffset(start))
            .map_err(|source| malformed(start, source))?;
        let abbreviations_at = header.debug_abbrev_offset().0;
        let abbreviations = match last.filter(|last| last.abbreviations_at == abbreviations_at) {
            Some(last) => Rc::clone(&last.abbreviations),
            None => Rc::new(self.abbreviations(start, abbreviations_at)?),
        };
        let mut unit =
            Unit { start, header, abbreviations, abbreviations_at, str_offsets_base: DebugStrOffsetsBase(0) };
        unit.str_offsets_base = self.str_offsets_base(&unit)?;
        let unit = Rc::new(unit);
        *self.last_unit.borrow_mut() = Some(Rc::clone(&unit));
        Ok(unit)
    }

    fn abbreviations(&self, unit: usize, at: usize) -> Result<Abbreviations, DwarfError> {
        let fail = |source| malformed(unit, source);
        let mut table = self.abbrev;
        table.skip(at).map_err(fail)?;
        let window = table.len().min(ABBREVIATIONS_WINDOW);
        self.charge(unit, window)?;
        let read = |table: Slice<'d>| DebugAbbrev::from(table).abbreviations(DebugAbbrevOffset(0));
        match read(table.range_to(..window)) {
            Err(gimli::Error::UnexpectedEof(_)) if window < table.len() => {
                self.charge(unit, table.len())?;
                read(table).map_err(fail)
            }
            read => read.map_err(fail),
        }
    }

    /// Names are referred to by index from a base that the unit's outermost entry states.
    fn str_offsets_base(&self, unit: &Unit<'d>) -> Result<DebugStrOffsetsBase<usize>, DwarfError> {
        let fail = |source| malformed(unit.start, source);
        let mut raw = unit.header.entries_raw(&unit.abbreviations, None).map_err(fail)?;
        let mut base = DebugStrOffsetsBase(0);
        let Some(abbreviation) = raw.read_abbreviation().map_err(fail)? else { return Ok(base) };
        for &specification in abbreviation.attributes() {
            let attribute = raw.read_attribute(specification).map_err(fail)?;
            if let AttributeValue::DebugStrOffsetsBase(stated) = attribute.value() {
                base = stated;
            }
        }
        self.charge(unit.start, raw.next_offset().0 + abbreviation.attributes().len())?;
        Ok(base)
    }

    /// The entry of `unit` at an offset of `.debug_info`; `None` for the mark that ends a list of children.
    fn entry_in(&self, unit: &Rc<Unit<'d>>, at: usize) -> Result<Option<Entry<'d>>, DwarfError> {
        let fail = |source| malformed(at, source);
        let offset = UnitOffset(at.wrapping_sub(unit.start));
        let mut raw = unit.header.entries_raw(&unit.abbreviations, Some(offset)).map_err(fail)?;
        let Some(abbreviation) = raw.read_abbreviation().map_err(fail)? else {
            self.charge(at, 1)?;
            return Ok(None);
        };
        let mut entry = Entry::new(unit, at, abbreviation);
        for &specification in abbreviation.attributes() {
            let attribute = raw.read_attribute_inline(specification).map_err(fail)?;
            self.take(&mut entry, attribute.name(), attribute.value());
        }
        entry.next = unit.start + raw.next_offset().0;
        self.charge(at, entry.next - at + abbreviation.attributes().len())?;
        Ok(Some(entry))
    }

    fn take(&self, entry: &mut Entry<'d>, name: gimli::DwAt, value: AttributeValue<Slice<'d>>) {
        let number = match name {
            constants::DW_AT_byte_size => &mut entry.byte_size,
            constants::DW_AT_data_member_location => &mut entry.location,
            constants::DW_AT_bit_size => &mut entry.bit_size,
            constants::DW_AT_data_bit_offset => &mut entry.data_bit_offset,
            constants::DW_AT_bit_offset => &mut entry.bit_offset,
            _ => return self.take_reference(entry, name, value),
        };
        *number = constant(value);
        entry.is_computed |= number.is_none();
    }

    fn take_reference(&self, entry: &mut Entry<'d>, name: gimli::DwAt, value: AttributeValue<Slice<'d>>) {
        match name {
            constants::DW_AT_name => entry.name = self.name(&entry.unit, value),
            constants::DW_AT_sibling => entry.sibling = referred(&entry.unit, value),
            constants::DW_AT_type => entry.type_at = referred(&entry.unit, value),
            constants::DW_AT_declaration => entry.is_declaration = value == AttributeValue::Flag(true),
            _ => {}
        }
    }

    /// Names that are longer than any wanted one, or unreadable, are as good as none.
    fn name(&self, unit: &Unit<'d>, value: AttributeValue<Slice<'d>>) -> Option<&'d [u8]> {
        let (strings, offset) = match value {
            AttributeValue::String(name) => return Some(name.slice()),
            AttributeValue::DebugStrRef(offset) => (self.str, offset.0),
            AttributeValue::DebugLineStrRef(offset) => (self.line_str, offset.0),
            AttributeValue::DebugStrOffsetsIndex(index) => {
                let format = unit.header.format();
                (self.str, self.str_offsets.get_str_offset(format, unit.str_offsets_base, index).ok()?.0)
            }
            _ => return None,
        };
        let rest = strings.get(offset..)?;
        let window = rest.get(..rest.len().min(MAX_NAME))?;
        window.get(..memchr::memchr(0, window)?)
    }
}

impl<'d> Entry<'d> {
    fn new(unit: &Rc<Unit<'d>>, at: usize, abbreviation: &gimli::Abbreviation) -> Self {
        Self {
            unit: Rc::clone(unit),
            at,
            next: at,
            tag: abbreviation.tag(),
            has_children: abbreviation.has_children(),
            sibling: None,
            name: None,
            is_declaration: false,
            type_at: None,
            byte_size: None,
            is_computed: false,
            location: None,
            bit_size: None,
            data_bit_offset: None,
            bit_offset: None,
        }
    }

    /// That this entry makes no sense.
    pub(super) fn senseless(&self, what: &'static str) -> DwarfError {
        DwarfError::Senseless { offset: self.at as u64, what }
    }
}

impl<'d> Siblings<'_, 'd> {
    /// The next one.
    pub(super) fn next(&mut self) -> Result<Option<Entry<'d>>, DwarfError> {
        if let Some(passed) = self.passed.take() {
            self.next = self.behind(&passed)?;
        }
        let Some(at) = self.next.take().filter(|&at| at < self.end()) else {
            return Ok(None);
        };
        let entry = self.entries.entry_in(&self.unit, at)?;
        self.passed.clone_from(&entry);
        Ok(entry)
    }

    fn end(&self) -> usize {
        self.unit.start + self.unit.header.length_including_self()
    }

    /// Where the entry behind `entry` and all below it begins.
    fn behind(&self, entry: &Entry<'d>) -> Result<Option<usize>, DwarfError> {
        if !entry.has_children {
            return Ok(Some(entry.next));
        }
        if let Some(sibling) = entry.sibling.filter(|&sibling| sibling > entry.next) {
            return Ok(Some(sibling));
        }
        let fail = |source| malformed(entry.at, source);
        let start = UnitOffset(entry.next - self.unit.start);
        let mut raw = self.unit.header.entries_raw(&self.unit.abbreviations, Some(start)).map_err(fail)?;
        // Depth 0 is that of the children; their end mark leads out of it.
        while raw.next_depth() >= 0 && !raw.is_empty() {
            let before = raw.next_offset().0;
            let mut attributes = 0;
            if let Some(abbreviation) = raw.read_abbreviation().map_err(fail)? {
                attributes = abbreviation.attributes().len();
                raw.skip_attributes(abbreviation.attributes()).map_err(fail)?;
            }
            self.entries.charge(entry.at, raw.next_offset().0 - before + attributes)?;
        }
        Ok(Some(self.unit.start + raw.next_offset().0))
    }
}

fn malformed(offset: usize, source: gimli::Error) -> DwarfError {
    DwarfError::Malformed { offset: offset as u64, source }
}

/// The offset in `.debug_info` that a reference leads to, if it leads into this file's `.debug_info` at all.
fn referred(unit: &Unit<'_>, value: AttributeValue<Slice<'_>>) -> Option<usize> {
    match value {
        AttributeValue::UnitRef(offset) => unit.start.checked_add(offset.0),
        AttributeValue::DebugInfoRef(offset) => Some(offset.0),
        _ => None,
    }
}

/// A number; up to DWARF 3, a member's offset is the expression "that many bytes further".
fn constant(value: AttributeValue<Slice<'_>>) -> Option<u64> {
    let Some(expression) = value.exprloc_value() else {
        return value.udata_value();
    };
    let mut bytes = expression.0;
    let operation = bytes.read_u8().ok().map(gimli::DwOp)?;
    let offset = bytes.read_uleb128().ok()?;
    (operation == constants::DW_OP_plus_uconst && bytes.is_empty()).then_some(offset)
}
