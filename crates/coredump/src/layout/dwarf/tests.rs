//! Reads the binaries of `fixtures/dwarf`: structures with CPython's names and other layouts than CPython's.

use super::structures::bit_place;
use super::*;
use crate::layout::column::Place;

macro_rules! binary {
    ($name:literal) => {
        include_bytes!(concat!("../../../../../fixtures/dwarf/", $name)).as_slice()
    };
}

/// What the C compiler makes of `objects.c` and `frame.c` on `x86_64`.
const PLACES: &str = "\
PyASCIIObject 40
PyASCIIObject.length 24
PyASCIIObject.state.ascii 32 2:1
PyASCIIObject.state.compact 33 2:1
PyASCIIObject.state.kind 32 3:7
PyFrameObject 40
PyFrameObject.f_back 24
PyFrameObject.f_lineno 32
PyLongObject 48
PyLongObject.long_value.lv_tag 32
PyLongObject.long_value.ob_digit 40
PyObject 24
PyObject.ob_refcnt 8
PyObject.ob_type 16
_dictvalues.capacity 0
_dictvalues.valid 1
_dictvalues.values 8
";

fn check(binary: &[u8], version: &str) {
    let column = column_from_dwarf(binary).unwrap();
    let provenance = format!(
        "# CPython {version}\n# x86_64, 8-byte pointers\n# build ID 00112233445566778899aabbccddeeff\n"
    );
    assert_eq!(column.to_string(), provenance + PLACES);
}

fn check_refused(binary: &[u8], expected: &str) {
    let error = column_from_dwarf(binary).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

/// `dwarf5.so` with other bytes in place of the only occurrence of `old`.
fn patched(old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut binary = binary!("dwarf5.so").to_vec();
    let found: Vec<usize> = memchr::memmem::find_iter(&binary, old).collect();
    assert_eq!(found.len(), 1, "{old:x?}");
    binary[found[0]..found[0] + new.len()].copy_from_slice(new);
    binary
}

#[test]
fn all_versions_of_dwarf_say_the_same() {
    check(binary!("dwarf5.so"), "3.12.4");
    check(binary!("dwarf4.so"), "3.12.4");
    check(binary!("dwarf2.so"), "3.12.4");
}

#[test]
fn packed_sections_are_unpacked() {
    check(binary!("dwarf5_zstd.so"), "3.12.4");
    // This one has no `Py_Version`, so that the version is that of the library's name.
    check(binary!("dwarf5_zlib.so"), "3.8");
}

#[test]
fn a_separate_debug_file_does_not_tell_the_version() {
    check(binary!("separate.debug"), "(the file does not tell the version)");
}

#[test]
fn what_is_no_debug_information_of_cpython_is_refused() {
    check_refused(b"", "not a 64-bit ELF");
    check_refused(b"\x28\xb5\x2f\xfd of another kind altogether", "not a 64-bit ELF");
    check_refused(&patched(b".debug_info\0", b".debug_none\0"), "no .debug_info section");
    check_refused(&patched(b"ob_type\0", b"ob_tape\0"), "none of CPython's structures");
    check_refused(
        &patched(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04"),
        "e_type 4",
    );
}

#[test]
fn errors_name_the_offset_in_the_section() {
    let version_9 = {
        let mut binary = binary!("dwarf5.so").to_vec();
        // A unit header: length, version 5, DW_UT_compile, 8-byte addresses, abbreviations at 0.
        let at = memchr::memmem::find(&binary, &[5, 0, 1, 8, 0, 0, 0, 0]).unwrap();
        binary[at] = 9;
        binary
    };
    check_refused(&version_9, "offset 0x0 of .debug_info");
}

#[test]
fn bit_fields_are_counted_from_the_least_significant_bit() {
    let place = |offset, shift, width| Some(Place { offset, bits: Some((shift, width)) });
    assert_eq!(bit_place(258, 3, true), place(32, 2, 3));
    // Big-endian: three bits below the topmost two of the byte.
    assert_eq!(bit_place(258, 3, false), place(32, 3, 3));
    // Over a byte's edge: bits 6 to 9 from the top of two bytes.
    assert_eq!(bit_place(6, 4, false), place(0, 6, 4));
    assert_eq!(bit_place(7, 63, true), None);
}

/// Hostile input ends in a value or an error, soon. The budget keeps loops of references short.
#[test]
fn damage_never_panics() {
    for binary in [binary!("dwarf5.so"), binary!("dwarf2.so"), binary!("dwarf5_zlib.so")] {
        for cut in 0..binary.len() {
            let _ = column_from_dwarf(&binary[..cut]);
        }
        let mut damaged = binary.to_vec();
        for at in 0..binary.len() {
            for flip in [0x01, 0x10, 0x80, 0xff] {
                damaged[at] = binary[at] ^ flip;
                let _ = column_from_dwarf(&damaged);
            }
            damaged[at] = binary[at];
        }
    }
}

/// Abbreviations for hostile entries: by code, what an entry of it is.
const ABBREVIATIONS: &[u8] = &[
    1, 0x11, 1, 0, 0, // DW_TAG_compile_unit with children
    2, 0x16, 0, 0x03, 0x08, 0x49, 0x13, 0, 0, // DW_TAG_typedef: name, type
    3, 0x13, 1, 0x03, 0x08, 0x0b, 0x0b, 0, 0, // DW_TAG_structure_type with children: name, byte size
    4, 0x0d, 0, 0x49, 0x13, 0x38, 0x0b, 0, 0, // DW_TAG_member: type, location
    5, 0x0d, 0, 0x03, 0x08, 0x38, 0x0b, 0, 0, // DW_TAG_member: name, location
    6, 0x0d, 0, 0x03, 0x08, 0x38, 0x18, 0, 0, // DW_TAG_member: name, location as an expression
];

/// What is wrong with one unit of DWARF 4 whose entries are `entries`; the first one stands at offset 12.
fn refusal_of(entries: &[u8], abbreviations: &[u8]) -> String {
    let mut info = (entries.len() as u32 + 8).to_le_bytes().to_vec();
    info.extend([4, 0, 0, 0, 0, 0, 8, 1]);
    info.extend(entries);
    let sections =
        elf::DebugSections { info: info.into(), abbrev: abbreviations.into(), ..Default::default() };
    structures::find(&Entries::new(&sections, true).unwrap()).unwrap_err().to_string()
}

#[test]
fn hostile_entries_are_refused() {
    let abbreviations = [ABBREVIATIONS, &[0]].concat();
    let check = |entries: &[u8], expected| assert_eq!(refusal_of(entries, &abbreviations), expected);
    check(b"\x02PyObject\0\x0c\0\0\0\0", "offset 0xc of .debug_info: a type is defined by itself");
    check(
        b"\x02PyObject\0\xff\xff\xff\xff\0",
        "offset 0xffffffff of .debug_info: invalid offset: 0xffffffff",
    );
    check(
        b"\x03PyObject\0\x08\x04\x0c\0\0\0\0\x04\x0c\0\0\0\0\0\0",
        "offset 0xc of .debug_info: a structure has more members without a name than any real one",
    );
    check(
        b"\x03PyObject\0\x08\x05ob_type\0\x09\0\0",
        "offset 0x17 of .debug_info: a member lies outside its structure",
    );
    check(
        b"\x03PyObject\0\x08\x06ob_type\0\x01\x9c\0\0",
        "offset 0x17 of .debug_info: the place of a member is not a number",
    );
}

/// An entry of one byte whose thousand attributes take no bytes, a hundred thousand times.
#[test]
fn more_work_than_bytes_is_refused() {
    let attributes = [0x3f, 0x19].repeat(1000); // DW_AT_external, DW_FORM_flag_present
    let abbreviations = [ABBREVIATIONS, &[7, 0x0d, 0], &attributes, &[0, 0, 0]].concat();
    let entries = [b"\x03PyObject\0\x08".as_slice(), &vec![7; 100_000], &[0, 0]].concat();
    let error = refusal_of(&entries, &abbreviations);
    assert!(error.ends_with("takes more work than its size justifies"), "{error}");
}
