//! What is fuzzed: each function takes any bytes and must come back, soon, without a panic.
//!
//! `fuzz/` calls these with libFuzzer, and the test `mutated` with a seeded sequence of changes to the committed
//! cores. They are no part of the interface.

use std::io::Read;

use pycoroner_findings::SourceId;

use crate::elf::finder::ModuleFinder;
use crate::elf::parse::Core;
use crate::line_table;
use crate::packed::{Compression, Unpacker};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::dialect::LineTable;
use crate::runtime::process::DeadProcess;
use crate::snapshot::capture::{CaptureOptions, LocalsOf, capture};

/// How much is unpacked of one stream.
const MAX_UNPACKED: u64 = 16 << 20;
/// Size of the headers that [`notes`] puts in front.
const HEADERS: usize = 64 + 56;

/// Headers and segments of a core file.
pub fn elf(bytes: &[u8]) {
    if let Ok(core) = Core::parse(bytes, SourceId(1)) {
        for segment in core.segments() {
            let held: usize = core.pieces(segment).map(|(_, piece)| piece.len()).sum();
            assert!(held as u64 <= segment.len, "a segment holds more than it maps");
            let _ = core.cite(segment.address, 16);
        }
    }
}

/// The notes of a core file of which nothing else is there.
pub fn notes(bytes: &[u8]) {
    let mut file = vec![0; HEADERS];
    let mut put = |at: usize, value: &[u8]| {
        if let Some(place) = file.get_mut(at..at + value.len()) {
            place.copy_from_slice(value);
        }
    };
    // elf(5): 64 bits, little-endian, version 1; a core for x86-64 with one program header, which is PT_NOTE.
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &4_u16.to_le_bytes());
    put(18, &62_u16.to_le_bytes());
    put(20, &1_u32.to_le_bytes());
    put(32, &64_u64.to_le_bytes());
    put(54, &56_u16.to_le_bytes());
    put(56, &1_u16.to_le_bytes());
    put(64, &4_u32.to_le_bytes());
    put(72, &(HEADERS as u64).to_le_bytes());
    put(96, &(bytes.len() as u64).to_le_bytes());
    file.extend_from_slice(bytes);
    assert!(Core::parse(&file, SourceId(1)).is_ok(), "the headers are those of a core");
}

/// Line tables of all formats: the first eight bytes are the instruction, the rest is the table.
pub fn line_tables(bytes: &[u8]) {
    let (offset, table) = bytes
        .split_first_chunk::<8>()
        .map_or((0, bytes), |(offset, table)| (u64::from_le_bytes(*offset), table));
    for format in [LineTable::Lnotab, LineTable::Ranges, LineTable::Locations] {
        for first_line in [1, i64::from(i32::MAX), i64::from(i32::MIN)] {
            let _ = line_table::position(format, table, first_line, offset);
            let _ = line_table::position(format, table, first_line, offset % (table.len() as u64 + 1));
        }
    }
}

/// Packed streams, taken for each kind.
pub fn packed(bytes: &[u8]) {
    let _ = Compression::of(bytes);
    for compression in
        [Compression::Zstd, Compression::Gzip, Compression::Lz4, Compression::Xz, Compression::Bzip2]
    {
        let mut unpacked = Vec::new();
        let _ = Unpacker::new(bytes, compression).take(MAX_UNPACKED).read_to_end(&mut unpacked);
    }
}

/// A whole core: everything that can be read of it, without any binary.
pub fn core(bytes: &[u8]) {
    let Ok(core) = Core::parse(bytes, SourceId(1)) else { return };
    let nowhere = ModuleFinder { sysroot: Some("/nonexistent".into()), ..ModuleFinder::default() };
    let process = DeadProcess::new(core, &nowhere);
    let options = CaptureOptions { locals: LocalsOf::AllFrames, native: true, ..CaptureOptions::default() };
    let _ = capture(&process, PythonRuntime::attach(&process).as_ref(), &options);
}
