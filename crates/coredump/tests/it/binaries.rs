//! Which files are taken for those of the dead process, and which never are.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pycoroner_coredump::{
    Address, BuildId, CaptureOptions, Core, DeadProcess, Download, FileKind, MatchedBy, Memory, ModuleFinder,
    PythonRuntime, capture,
};
use pycoroner_findings::SourceId;
use pycoroner_fixtures::{CoreBuilder, Endian, Machine, MappedFile, Permissions, Register, Segment, Thread};

const BASE: u64 = 0x7000_0000_0000;
const TEXT: u64 = BASE + 0x1000;
const RECORDED: &str = "/opt/shop/lib/libshop.so.1";
const OURS: [u8; 4] = [0xab, 0xcd, 0xef, 0x01];

/// A shared library of two pages with a build ID; the second page is its text.
fn library(build_id: &[u8], text: u8) -> Vec<u8> {
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0];
    file.resize(16, 0);
    file.extend([3, 0, 62, 0, 1, 0, 0, 0]); // ET_DYN, x86-64
    for word in [0u64, 64, 0] {
        file.extend(word.to_le_bytes()); // e_entry, e_phoff, e_shoff
    }
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 2, 0, 64, 0, 0, 0, 0, 0]);
    let mut header = |kind: u32, flags: u32, words: [u64; 6]| {
        file.extend(kind.to_le_bytes());
        file.extend(flags.to_le_bytes());
        file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    };
    let note_len = 16 + build_id.len() as u64;
    header(1, 5, [0, 0, 0, 0x2000, 0x2000, 0x1000]);
    header(4, 4, [0x200, 0x200, 0x200, note_len, note_len, 4]);
    file.resize(0x200, 0);
    for number in [4, build_id.len() as u32, 3] {
        file.extend(number.to_le_bytes());
    }
    file.extend(b"GNU\0");
    file.extend(build_id);
    file.resize(0x1000, 0);
    file.resize(0x2000, text);
    file
}

/// A core in which the library is mapped; only its first page was dumped.
fn core() -> Vec<u8> {
    let first = library(&OURS, 0)[..0x1000].to_vec();
    let row = |start: u64, page_offset: u64| MappedFile {
        start,
        end: start + 0x1000,
        page_offset,
        path: format!("{RECORDED} (deleted)").into_bytes(),
    };
    CoreBuilder::new(Machine::X86_64)
        .thread(Thread::new(7).signal(11))
        .file(row(BASE, 0))
        .file(row(TEXT, 1))
        .segment(Segment::new(BASE, first).permissions(Permissions::Read))
        .segment(Segment::not_dumped(TEXT, 0x1000).permissions(Permissions::ReadExecute))
        .build()
}

/// The byte of the text that is read through `finder`, and the findings and gaps that come of it.
fn read(finder: &ModuleFinder) -> (Option<u8>, Vec<String>) {
    let core = core();
    let process = DeadProcess::new(Core::parse(&core, SourceId(1)).unwrap(), finder);
    let byte = process.bytes(Address(TEXT + 5), 1).ok().map(|bytes| bytes[0]);
    let snapshot = capture(&process, PythonRuntime::attach(&process).as_ref(), &CaptureOptions::default());
    assert_eq!(snapshot.process.modules[0].binary_used, byte.is_some());
    let findings = snapshot.findings.iter().map(|finding| finding.id.to_string());
    let gaps = snapshot.gaps.iter().map(|gap| format!("{}: {}", gap.what, gap.why));
    (byte, findings.chain(gaps).collect())
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(self, path: &str, content: &[u8]) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

fn in_root(root: &Folder) -> ModuleFinder {
    ModuleFinder { sysroot: Some(root.path()), ..ModuleFinder::default() }
}

/// A mapping of one page of the library.
fn row(page: u64) -> MappedFile {
    MappedFile {
        start: BASE + page * 0x1000,
        end: BASE + (page + 1) * 0x1000,
        page_offset: page,
        path: RECORDED.into(),
    }
}

fn on_path(root: &Folder, folder: &Folder) -> ModuleFinder {
    ModuleFinder { module_path: vec![folder.path()], ..in_root(root) }
}

#[test]
fn files_of_the_same_build_are_found() {
    let empty = Folder::new();
    let ours = library(&OURS, 0x90);
    let found = |finder: &ModuleFinder| assert_eq!(read(finder).0, Some(0x90), "{finder:?}");
    found(&in_root(&Folder::new().with(&RECORDED[1..], &ours)));
    found(&in_root(&Folder::new().with("usr/lib/debug/.build-id/ab/cdef01", &ours)));
    found(&on_path(&empty, &Folder::new().with("libshop.so.1", &ours)));
    found(&on_path(&empty, &Folder::new().with("deep/below/libshop.so.1", &ours)));
    found(&on_path(&empty, &Folder::new().with("deep/below/another-name", &ours)));
    // One of another build that stands in front is passed over.
    let both = Folder::new().with("a/libshop.so.1", &library(&[1; 4], 0x11)).with("b/libshop.so.1", &ours);
    found(&on_path(&empty, &both));
    assert_eq!(read(&in_root(&empty)).0, None);
}

#[cfg(unix)]
#[test]
fn links_of_a_root_stay_in_it() {
    let outside = Folder::new().with("libshop.so.1", &library(&OURS, 0x90));
    let root = Folder::new().with("real/libshop.so.1", &library(&OURS, 0x91));
    fs::create_dir_all(root.path().join("opt")).unwrap();
    fs::create_dir_all(root.path().join("opt/shop")).unwrap();
    std::os::unix::fs::symlink("/real", root.path().join("opt/shop/lib")).unwrap();
    assert_eq!(read(&in_root(&root)).0, Some(0x91));
    fs::remove_file(root.path().join("opt/shop/lib")).unwrap();
    std::os::unix::fs::symlink(outside.path(), root.path().join("opt/shop/lib")).unwrap();
    assert_eq!(read(&in_root(&root)).0, None);
}

#[test]
fn other_builds_are_refused_by_name() {
    let root = Folder::new().with(&RECORDED[1..], &library(&[0x11; 4], 0x11));
    let (byte, said) = read(&in_root(&root));
    assert_eq!(byte, None);
    // The library was deleted while the process ran: that another stands in its place is evidence of it.
    assert!(said.contains(&"module-replaced".to_owned()), "{said:?}");
    let gap = said.iter().find(|text| text.starts_with("the file of libshop.so.1")).expect("a gap");
    assert!(gap.contains("has build ID 11111111, the core was made with abcdef01"), "{gap}");
    // What is no binary at all says nothing about the build.
    let root = Folder::new().with(&RECORDED[1..], b"#!/bin/sh\n");
    let (byte, said) = read(&in_root(&root));
    assert!(byte.is_none() && !said.iter().any(|text| text.contains("build ID")), "{said:?}");
}

#[derive(Debug)]
struct Server(Result<Option<PathBuf>, String>);

impl Download for Server {
    fn download(&self, build_id: &BuildId, kind: FileKind) -> Result<Option<PathBuf>, String> {
        assert_eq!((build_id.to_string().as_str(), kind), ("abcdef01", FileKind::Executable));
        self.0.clone()
    }
}

#[test]
fn downloads_are_checked_like_files() {
    let empty = Folder::new();
    let served = Folder::new().with("ours", &library(&OURS, 0x90)).with("theirs", &library(&[2; 4], 0x22));
    let ask = |answer: Result<Option<&Path>, &str>| {
        let answer = answer.map(|path| path.map(|path| served.path().join(path))).map_err(str::to_owned);
        read(&ModuleFinder { download: Some(Arc::new(Server(answer))), ..in_root(&empty) })
    };
    assert_eq!(ask(Ok(Some(Path::new("ours")))).0, Some(0x90));
    assert_eq!(ask(Ok(None)).0, None);
    for (answer, expected) in [
        (Ok(Some(Path::new("theirs"))), "the file that was downloaded has build ID 02020202"),
        (Err("http://example: timeout"), "http://example: timeout"),
    ] {
        let (byte, said) = ask(answer);
        assert_eq!(byte, None);
        assert!(said.iter().any(|text| text.contains(expected)), "{said:?}");
    }
}

/// A library without a build ID: text on its fourth page, and `count` relocated addresses on its second, which is
/// read-only once they are; the one with number `moved` differs from all other builds.
fn unmarked(count: u64, moved: Option<u64>) -> Vec<u8> {
    let mut file = library(&OURS, 0)[..0x40].to_vec();
    file[56] = 3; // e_phnum
    let mut header = |kind: u32, words: [u64; 6]| {
        file.extend(kind.to_le_bytes());
        file.extend(6u32.to_le_bytes());
        file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    };
    header(1, [0, 0, 0, 0x4000, 0x4000, 0x1000]);
    header(0x6474_e552, [0x1000, 0x1000, 0x1000, 0x1000, 0x1000, 1]); // PT_GNU_RELRO
    header(2, [0x2000, 0x2000, 0x2000, 48, 48, 8]); // PT_DYNAMIC
    file.resize(0x2000, 0);
    file.extend([7, 0x2100, 8, count * 24, 0, 0].iter().flat_map(|word: &u64| word.to_le_bytes()));
    file.resize(0x2100, 0);
    for number in 0..count {
        let addend = 0x3000 + number * 16 + u64::from(moved == Some(number));
        file.extend([0x1000 + number * 8, 8, addend].iter().flat_map(|word| word.to_le_bytes()));
    }
    file.resize(0x3000, 0);
    file.resize(0x4000, 0x90);
    file
}

#[test]
fn without_a_build_id_relocated_addresses_tell() {
    let check = |count: u64, moved: Option<u64>, expected: Option<u8>, said_so: &str| {
        let words: Vec<u8> =
            (0..count).flat_map(|number| (BASE + 0x3000 + number * 16).to_le_bytes()).collect();
        let mut relocated = words;
        relocated.resize(0x1000, 0);
        let first = unmarked(count, None)[..0x1000].to_vec();
        let core = CoreBuilder::new(Machine::X86_64)
            .thread(Thread::new(7).signal(11))
            .file(row(0))
            .file(row(1))
            .file(row(3))
            .segment(Segment::new(BASE, first).permissions(Permissions::Read))
            .segment(Segment::new(BASE + 0x1000, relocated).permissions(Permissions::Read))
            .segment(Segment::not_dumped(BASE + 0x3000, 0x1000).permissions(Permissions::ReadExecute))
            .build();
        let root = Folder::new().with(&RECORDED[1..], &unmarked(count, moved));
        let process = DeadProcess::new(Core::parse(&core, SourceId(1)).unwrap(), &in_root(&root));
        let byte = process.bytes(Address(BASE + 0x3005), 1).ok().map(|bytes| bytes[0]);
        let found = capture(&process, PythonRuntime::attach(&process).as_ref(), &CaptureOptions::default());
        assert_eq!(byte, expected, "{count} {moved:?}");
        let said = format!(
            "{:?} {:?}",
            found.findings.iter().map(|finding| &finding.id).collect::<Vec<_>>(),
            found.gaps
        );
        assert!(said.contains(said_so), "{count} {moved:?}: {said}");
        assert_eq!(said.contains("module-mismatch"), moved.is_some(), "{said}");
    };
    check(100, None, Some(0x90), "");
    check(100, Some(99), None, "has other addresses than the core shows");
    check(3, None, None, "shows too little");
}

const EXECUTABLE: u64 = 0x40_0000;

/// A library without a build ID: relocated addresses on its second page, its dynamic section on its third, text on its
/// fourth. `end` is a value of the dynamic section that differs among builds.
fn relocatable(count: u64, end: u64) -> (Vec<u8>, Vec<u64>) {
    let mut file = library(&OURS, 0)[..0x40].to_vec();
    file[56] = 5; // e_phnum
    let mut header = |kind: u32, flags: u32, words: [u64; 6]| {
        file.extend(kind.to_le_bytes());
        file.extend(flags.to_le_bytes());
        file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    };
    header(1, 4, [0, 0, 0, 0x1000, 0x1000, 0x1000]);
    header(1, 6, [0x1000, 0x1000, 0x1000, 0x2000, 0x2000, 0x1000]);
    header(1, 5, [0x3000, 0x3000, 0x3000, 0x1000, 0x1000, 0x1000]);
    header(0x6474_e552, 4, [0x1000, 0x1000, 0x1000, 0x2000, 0x2000, 1]); // PT_GNU_RELRO
    let dynamic: Vec<u64> =
        [(7, 0x2200), (8, count * 24), (9, 24), (5, 0x300), (6, 0x200), (10, 77), (11, 24)]
            .into_iter()
            .chain([(12, 0x3000), (13, end), (25, 0x1000), (27, 8), (0, 0)])
            .flat_map(|(tag, value)| [tag, value])
            .collect();
    let len = dynamic.len() as u64 * 8;
    header(2, 6, [0x2000, 0x2000, 0x2000, len, len, 8]); // PT_DYNAMIC
    file.resize(0x2000, 0);
    file.extend(dynamic.iter().flat_map(|word| word.to_le_bytes()));
    file.resize(0x2200, 0);
    for number in 0..count {
        let relocation = [0x1000 + number * 8, 8, 0x3000 + number * 16];
        file.extend(relocation.iter().flat_map(|word| word.to_le_bytes()));
    }
    file.resize(0x3000, 0);
    file.resize(0x4000, 0x90);
    (file, dynamic)
}

/// A core as emulators write it: no mapped files, no first pages, but the dynamic linker's list.
fn emulated(count: u64) -> Vec<u8> {
    let (_, dynamic) = relocatable(count, 0x3ff0);
    let addresses: Vec<u64> = (0..count).map(|number| BASE + 0x3000 + number * 16).collect();
    // Places are turned into addresses, sizes are not.
    let in_place = |pair: &[u64]| {
        let is_place = [5, 6, 7, 12, 13, 25].contains(&pair[0]);
        [pair[0], if is_place { BASE + pair[1] } else { pair[1] }]
    };
    let dynamic: Vec<u64> = dynamic.chunks(2).flat_map(in_place).collect();
    let little = Endian::Little;
    let names = EXECUTABLE + 0x500;
    let executable = Segment::zeroed(EXECUTABLE, 0x1000)
        .write_words(EXECUTABLE + 0x100, little, &[21, EXECUTABLE + 0x200, 0, 0])
        .write_words(EXECUTABLE + 0x200, little, &[1, EXECUTABLE + 0x300])
        .write_words(EXECUTABLE + 0x300, little, &[0, names, EXECUTABLE + 0x100, EXECUTABLE + 0x400, 0])
        .write_words(EXECUTABLE + 0x400, little, &[BASE, names + 8, BASE + 0x2000, 0, EXECUTABLE + 0x300])
        .write(names + 8, RECORDED.as_bytes());
    let relocated = Segment::zeroed(BASE + 0x1000, 0x2000)
        .write_words(BASE + 0x1000, little, &addresses)
        .write_words(BASE + 0x2000, little, &dynamic)
        .permissions(Permissions::Read);
    CoreBuilder::new(Machine::X86_64)
        .thread(Thread::new(7).signal(11))
        .auxv(9, EXECUTABLE + 0x800) // AT_ENTRY
        .segment(executable)
        .segment(Segment::not_dumped(BASE, 0x1000).permissions(Permissions::Read))
        .segment(relocated)
        .segment(Segment::not_dumped(BASE + 0x3000, 0x1000).permissions(Permissions::ReadExecute))
        .segment(Segment::zeroed(BASE + 0x4000, 0x1000))
        .build()
}

#[test]
fn without_a_first_page_the_dynamic_section_tells() {
    let check = |count: u64, end: u64, expected: Option<MatchedBy>| {
        let core = emulated(count);
        let root = Folder::new().with(&RECORDED[1..], &relocatable(count, end).0);
        let process = DeadProcess::new(Core::parse(&core, SourceId(1)).unwrap(), &in_root(&root));
        let byte = process.bytes(Address(BASE + 0x3005), 1).ok().map(|bytes| bytes[0]);
        assert_eq!(byte, expected.map(|_| 0x90), "{count} {end:#x}");
        let found = capture(&process, PythonRuntime::attach(&process).as_ref(), &CaptureOptions::default());
        let module = found.process.modules.iter().find(|module| module.path == RECORDED).unwrap();
        assert_eq!(module.binary_matched_by, expected, "{count} {end:#x}");
        let is_marked = found.gaps.iter().any(|gap| gap.what.starts_with("whether the file of libshop.so.1"));
        assert_eq!(is_marked, expected == Some(MatchedBy::DynamicSection), "{:?}", found.gaps);
        let refused = module.binary_mismatch.as_deref().unwrap_or_default();
        assert_eq!(refused.contains("another dynamic section"), expected.is_none(), "{refused}");
    };
    check(100, 0x3ff0, Some(MatchedBy::Addresses));
    check(3, 0x3ff0, Some(MatchedBy::DynamicSection));
    check(3, 0x3fe0, None);
    check(100, 0x3fe0, None);
}

/// Appends sections to a file: name, type, link and content. The first is the names' own.
fn with_sections(mut file: Vec<u8>, sections: &[(&str, u32, u32, Vec<u8>)]) -> Vec<u8> {
    let mut names = vec![0];
    let mut headers: Vec<[u64; 4]> = vec![[0; 4]]; // name and type, link, offset, size
    for (name, kind, link, content) in sections {
        file.resize(file.len().next_multiple_of(8), 0);
        headers.push([
            names.len() as u64 | u64::from(*kind) << 32,
            u64::from(*link),
            file.len() as u64,
            content.len() as u64,
        ]);
        names.extend(name.as_bytes());
        names.push(0);
        file.extend(content);
    }
    file.resize(file.len().next_multiple_of(8), 0);
    headers.push([names.len() as u64 | 3 << 32, 0, file.len() as u64, names.len() as u64 + 10]);
    names.extend(b".shstrtab\0");
    file.extend(&names);
    file.resize(file.len().next_multiple_of(8), 0);
    let table = file.len() as u64;
    for [named, link, offset, size] in &headers {
        let entry_size = if named >> 32 == 2 { 24 } else { 0 };
        let words = [*named, 0, 0, *offset, *size, *link, 1, entry_size];
        file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }
    file[40..48].copy_from_slice(&table.to_le_bytes());
    file[58..60].copy_from_slice(&64_u16.to_le_bytes());
    file[60..62].copy_from_slice(&(headers.len() as u16).to_le_bytes());
    file[62..64].copy_from_slice(&(headers.len() as u16 - 1).to_le_bytes());
    file
}

#[test]
fn separate_debug_files_are_found_by_their_link_and_checksum() {
    // Symbols: none, then a function at the library's text (st_name, st_info, st_shndx; st_value; st_size).
    let mut symbols = vec![0; 24];
    for word in [1 | 0x12 << 32 | 1 << 48, 0x1000_u64, 0x100] {
        symbols.extend(word.to_le_bytes());
    }
    let debug = with_sections(
        library(&OURS, 0)[..0x40].to_vec(),
        &[(".symtab", 2, 2, symbols), (".strtab", 3, 0, b"\0shop_settle\0".to_vec())],
    );
    let mut debug = debug;
    debug[56] = 0; // no segments, so no build ID either
    let mut checksum = flate2::Crc::new();
    checksum.update(&debug);
    let stripped = |checksum: u32| {
        let mut link = b"libshop.debug\0\0\0".to_vec();
        link.extend(checksum.to_le_bytes());
        with_sections(library(&OURS, 0x90), &[(".gnu_debuglink", 1, 0, link)])
    };
    let named = |place: &str, checksum: u32| {
        let root = Folder::new().with(&RECORDED[1..], &stripped(checksum)).with(place, &debug);
        let first = library(&OURS, 0)[..0x1000].to_vec();
        let core = CoreBuilder::new(Machine::X86_64)
            .thread(Thread::new(7).signal(11).register(Register::ProgramCounter, TEXT + 0x10))
            .file(row(0))
            .file(row(1))
            .segment(Segment::new(BASE, first).permissions(Permissions::Read))
            .segment(Segment::not_dumped(TEXT, 0x1000).permissions(Permissions::ReadExecute))
            .build();
        let process = DeadProcess::new(Core::parse(&core, SourceId(1)).unwrap(), &in_root(&root));
        let options = CaptureOptions { native: true, ..CaptureOptions::default() };
        let found = capture(&process, PythonRuntime::attach(&process).as_ref(), &options);
        found.threads[0].native_frames[0].function.clone()
    };
    let (right, settle) = (checksum.sum(), Some("shop_settle".to_owned()));
    for place in [
        "opt/shop/lib/libshop.debug",
        "opt/shop/lib/.debug/libshop.debug",
        "usr/lib/debug/opt/shop/lib/libshop.debug",
    ] {
        assert_eq!(named(place, right), settle, "{place}");
        assert_eq!(named(place, right ^ 1), None, "{place}");
    }
    assert_eq!(named("usr/lib/debug/libshop.debug", right), None);
}
