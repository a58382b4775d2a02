//! Looks for CPython's structures among the entries, and for members within them.

use std::collections::{BTreeMap, VecDeque};

use gimli::constants;

use crate::layout::column::{Column, Place};
use crate::layout::dwarf::DwarfError;
use crate::layout::dwarf::entries::{Entries, Entry};
use crate::layout::member;

/// More than any chain of `typedef` and `const`.
const MAX_CHAIN: usize = 32;
/// More than any structure has structures without a name in it.
const MAX_UNNAMED: usize = 1024;
/// More than any structure's bytes; keeps sums of offsets from overflowing.
const MAX_SIZE: u64 = 1 << 32;

/// Finds the places of all members.
///
/// The first complete definition counts, by structure tag or `typedef` name: in C all units of one program
/// have to agree on it.
pub(super) fn find(entries: &Entries<'_>) -> Result<Column, DwarfError> {
    let mut wanted = wanted_structures();
    let mut column = Column::default();
    for root in entries.unit_roots() {
        let mut types = entries.children(&root?);
        while let Some(entry) = types.next()? {
            if entry.tag == constants::DW_TAG_namespace
                && let Some(namespace) = entry.name.filter(|name| NAMESPACES.contains(name))
            {
                let mut inner = entries.children(&entry);
                while let Some(entry) = inner.next()? {
                    let Some(name) = entry.name else { continue };
                    let name = [namespace, b"::", name].concat();
                    take_structure(entries, &entry, &name, &mut wanted, &mut column)?;
                }
            } else if let Some(name) = entry.name {
                take_structure(entries, &entry, name, &mut wanted, &mut column)?;
            }
            if wanted.is_empty() {
                return Ok(column);
            }
        }
    }
    if column.place(member::OBJECT_TYPE.id.path()).is_none() {
        return Err(DwarfError::NoStructures);
    }
    Ok(column)
}

/// The namespaces of C++ in which structures are looked for.
const NAMESPACES: &[&[u8]] = &[b"greenlet"];

/// Takes the places of all wanted members of the structure that `entry` defines, if it is a wanted one.
fn take_structure<'d>(
    entries: &Entries<'d>,
    entry: &Entry<'d>,
    name: &[u8],
    wanted: &mut Wanted,
    column: &mut Column,
) -> Result<(), DwarfError> {
    if entry.tag != constants::DW_TAG_typedef && !is_structure(entry.tag) {
        return Ok(());
    }
    let Some(paths) = wanted.get(name) else { return Ok(()) };
    let Some(structure) = structure_of(entries, entry)? else { return Ok(()) };
    for path in paths {
        if let Some(place) = place_of(entries, &structure, path)? {
            column.insert(*path, place);
        }
    }
    wanted.remove(name);
    Ok(())
}

fn is_structure(tag: gimli::DwTag) -> bool {
    matches!(tag, constants::DW_TAG_structure_type | constants::DW_TAG_class_type)
}

/// Paths by the name of their structure.
type Wanted = BTreeMap<&'static [u8], Vec<&'static str>>;

/// The paths of all members by the name of their structure.
fn wanted_structures() -> Wanted {
    let mut wanted = Wanted::new();
    for id in member::Id::ALL {
        let path = id.path();
        let structure = path.split('.').next().unwrap_or(path);
        wanted.entry(structure.as_bytes()).or_default().push(path);
    }
    wanted
}

/// The structure or union that a type comes to, unless it is only declared, or described elsewhere.
fn structure_of<'d>(entries: &Entries<'d>, of: &Entry<'d>) -> Result<Option<Entry<'d>>, DwarfError> {
    let named = type_behind(entries, of)?;
    Ok(named.filter(|entry| {
        (is_structure(entry.tag) || entry.tag == constants::DW_TAG_union_type) && !entry.is_declaration
    }))
}

/// What is behind `typedef` and qualifiers.
fn type_behind<'d>(entries: &Entries<'d>, of: &Entry<'d>) -> Result<Option<Entry<'d>>, DwarfError> {
    let mut entry = of.clone();
    for _ in 0..MAX_CHAIN {
        match entry.tag {
            constants::DW_TAG_typedef
            | constants::DW_TAG_const_type
            | constants::DW_TAG_volatile_type
            | constants::DW_TAG_restrict_type
            | constants::DW_TAG_atomic_type
            | constants::DW_TAG_inheritance
            | constants::DW_TAG_member => match entry.type_at {
                Some(at) => entry = entries.entry_at(at)?,
                None => return Ok(None),
            },
            _ => return Ok(Some(entry)),
        }
    }
    Err(of.senseless("a type is defined by itself"))
}

/// Where the member at `path` lies within `structure`, if it has one; its size, for the path of a structure.
fn place_of<'d>(
    entries: &Entries<'d>,
    structure: &Entry<'d>,
    path: &str,
) -> Result<Option<Place>, DwarfError> {
    let mut members = path.split('.').skip(1).peekable();
    if members.peek().is_none() {
        return Ok(size_of(structure)?.map(|offset| Place { offset, bits: None }));
    }
    let mut structure = structure.clone();
    let mut start = 0;
    while let Some(name) = members.next() {
        let Some((member, within)) = find_member(entries, &structure, name)? else { return Ok(None) };
        let place = member_place(entries, &member)?;
        start += within + place.offset;
        if members.peek().is_none() {
            return Ok(Some(Place { offset: start, ..place }));
        }
        match structure_of(entries, &member)? {
            Some(inner) => structure = inner,
            None => return Ok(None),
        }
    }
    Ok(None)
}

fn size_of(entry: &Entry<'_>) -> Result<Option<u64>, DwarfError> {
    match entry.byte_size {
        None if entry.is_computed => Err(entry.senseless("a size is not a number")),
        Some(size) if size > MAX_SIZE => Err(entry.senseless("a type is larger than any real one")),
        size => Ok(size),
    }
}

/// The member `name`, and where the structure without a name, or the base class, begins that it stands in.
fn find_member<'d>(
    entries: &Entries<'d>,
    structure: &Entry<'d>,
    name: &str,
) -> Result<Option<(Entry<'d>, u64)>, DwarfError> {
    let mut unnamed = VecDeque::from([(structure.clone(), 0)]);
    for _ in 0..MAX_UNNAMED {
        let Some((structure, start)) = unnamed.pop_front() else { return Ok(None) };
        let mut members = entries.children(&structure);
        while let Some(member) = members.next()? {
            if !matches!(member.tag, constants::DW_TAG_member | constants::DW_TAG_inheritance) {
                continue;
            }
            if member.name == Some(name.as_bytes()) {
                check_within(&structure, &member)?;
                return Ok(Some((member, start)));
            }
            if member.name.is_none()
                && let Some(inner) = structure_of(entries, &member)?
            {
                let start = start + member_place(entries, &member)?.offset;
                unnamed.push_back((inner, start));
                if unnamed.len() > MAX_UNNAMED {
                    break;
                }
            }
        }
    }
    Err(structure.senseless("a structure has more members without a name than any real one"))
}

/// A member begins within its structure; an array of no fixed length may begin at its end.
fn check_within(structure: &Entry<'_>, member: &Entry<'_>) -> Result<(), DwarfError> {
    let end = size_of(structure)?.unwrap_or(MAX_SIZE);
    if member.location.is_some_and(|location| location > end) {
        return Err(member.senseless("a member lies outside its structure"));
    }
    Ok(())
}

/// Where a member lies within its own structure. In a union, no place is stated: it is the start.
fn member_place<'d>(entries: &Entries<'d>, member: &Entry<'d>) -> Result<Place, DwarfError> {
    if member.is_computed {
        return Err(member.senseless("the place of a member is not a number"));
    }
    let location = member.location.unwrap_or(0);
    let stated_bits = member.data_bit_offset.unwrap_or(0);
    if location > MAX_SIZE || stated_bits > MAX_SIZE * 8 {
        return Err(member.senseless("a member lies further out than in any real structure"));
    }
    let Some(width) = member.bit_size else {
        return Ok(Place { offset: location + stated_bits / 8, bits: None });
    };
    let senseless = || member.senseless("a bit field does not lie within its word");
    if width == 0 || width > 63 {
        return Err(senseless());
    }
    let first_bit = match member.bit_offset {
        None => location * 8 + stated_bits,
        Some(_) if !entries.little_endian() => location * 8 + member.bit_offset.unwrap_or(0),
        Some(from_top) => {
            let word = match size_of(member)? {
                Some(size) => Some(size),
                None => type_behind(entries, member)?.map(|entry| size_of(&entry)).transpose()?.flatten(),
            };
            let bits_above = from_top.checked_add(width).ok_or_else(senseless)?;
            (location + word.ok_or_else(senseless)?)
                .checked_mul(8)
                .and_then(|end| end.checked_sub(bits_above))
                .ok_or_else(senseless)?
        }
    };
    bit_place(first_bit, width, entries.little_endian()).ok_or_else(senseless)
}

/// The place of a bit field that begins `first_bit` bits from the start of the structure, in the target's order
/// of bits: little-endian machines count from the least significant bit, others from the most significant.
pub(super) fn bit_place(first_bit: u64, width: u64, little_endian: bool) -> Option<Place> {
    let within = first_bit % 8;
    let shift = if little_endian { within } else { (within + width).next_multiple_of(8) - within - width };
    let bits = (u8::try_from(shift).ok()?, u8::try_from(width).ok()?);
    (shift + width <= 64).then_some(Place { offset: first_bit / 8, bits: Some(bits) })
}
