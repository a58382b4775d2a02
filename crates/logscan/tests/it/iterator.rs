//! Records one by one: the same that a scan finds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use pycoroner_findings::{GapKind, SourceId};
use pycoroner_logscan::{
    Input, LogRecord, Options, PartialReading, Place, Reader, Record, Records, Scan, Traceback,
    TracebackKind, Window, scan,
};

use crate::shown::time;

fn records_of(bytes: &[u8], options: &Options) -> Vec<Record> {
    let mut reader = bytes;
    Records::new([input(&mut reader)], options).map(Result::unwrap).collect()
}

/// Files as rotation packs them, unpacked while they are read: the same records, in whatever pieces the bytes come.
#[test]
fn packed_files() {
    let mut log = String::new();
    for number in 0..4000 {
        let (minute, second) = (number / 60 % 60, number % 60);
        writeln!(
            log,
            "2024-05-01 12:{minute:02}:{second:02},123 INFO [MainThread] shop: order {number} done"
        )
        .unwrap();
        if number % 100 == 7 {
            log.push_str("Traceback (most recent call last):\n  File \"/srv/a.py\", line 3, in run\n    go()\nKeyError: 7\n");
        }
    }
    let expected = records_of(log.as_bytes(), &Options::default());
    assert!(expected.len() > 4000, "{}", expected.len());
    let folder = tempfile::tempdir().unwrap();
    // Two members one behind the other, as `cat a.gz b.gz` makes them.
    let (first, second) = log.as_bytes().split_at(log.len() / 3);
    let members = [first, second].map(|part| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap()
    });
    let path = folder.path().join("app.log.1.gz");
    fs::write(&path, members.concat()).unwrap();
    let mut unpacked = flate2::read::MultiGzDecoder::new(fs::File::open(&path).unwrap());
    let records: Vec<Record> =
        Records::new([input(&mut unpacked)], &Options::default()).map(Result::unwrap).collect();
    assert!(records == expected);

    let path = folder.path().join("app.log.2.zst");
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    fs::write(&path, ruzstd::encoding::compress_to_vec(log.as_bytes(), level)).unwrap();
    let file = fs::File::open(&path).unwrap();
    let mut unpacked = ruzstd::decoding::StreamingDecoder::new(file).unwrap();
    let records: Vec<Record> =
        Records::new([input(&mut unpacked)], &Options::default()).map(Result::unwrap).collect();
    assert!(records == expected);

    // One that is cut gives what it had, and then the error.
    let [_, whole] = &members;
    let mut unpacked = flate2::read::MultiGzDecoder::new(whole.get(..whole.len() / 2).unwrap());
    let results: Vec<_> = Records::new([input(&mut unpacked)], &Options::default()).collect();
    let (last, before) = results.split_last().unwrap();
    assert!(last.as_ref().is_err_and(|error| error.source.kind() == io::ErrorKind::UnexpectedEof));
    assert!(before.len() > 100 && before.iter().all(Result::is_ok));
}

fn input<'a>(reader: impl Into<Reader<'a>>) -> Input<'a> {
    Input { modified: Some(time("2024-06-01T00:00:00Z")), ..Input::new(SourceId(1), "app.log", reader) }
}

/// The stacks of records as a scan tells them: equal trees counted, dumps as they are, in the order of lines.
fn counted(records: &[Record]) -> Vec<Traceback> {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut stacks: Vec<Vec<Traceback>> = Vec::new();
    let mut trees: Vec<Vec<Traceback>> =
        records.iter().flat_map(|record| record.tracebacks.clone()).collect();
    trees.sort_by_key(|tree| (tree[0].place.source, tree[0].place.line));
    for tree in trees {
        let signature: Vec<_> = tree
            .iter()
            .map(|entry| (&entry.fingerprint, entry.relation, entry.parent, entry.truncated))
            .collect();
        let signature = format!("{signature:?}");
        let is_dump = tree[0].kind == TracebackKind::Faulthandler;
        if let Some(at) = known.get(&signature).filter(|_| !is_dump) {
            for entry in &mut stacks[*at] {
                entry.count += 1;
                entry.latest = Some(tree[0].place);
                if let Some(at) = tree[0].first {
                    entry.first = Some(entry.first.map_or(at, |first| first.min(at)));
                    entry.last = Some(entry.last.map_or(at, |last| last.max(at)));
                }
            }
        } else {
            known.insert(signature, stacks.len());
            stacks.push(tree);
        }
    }
    let mut flat: Vec<Traceback> = Vec::new();
    for stack in stacks {
        let start = flat.len();
        flat.extend(stack.into_iter().map(|mut entry| {
            entry.parent = entry.parent.map(|parent| parent + start);
            entry
        }));
    }
    flat
}

#[track_caller]
fn assert_same(scan: &Scan, records: &[Record], name: &str) {
    let heads: Vec<&Record> = records.iter().filter(|record| record.format.is_some()).collect();
    let count: u64 = scan.sources.iter().map(|source| source.records).sum();
    assert_eq!(heads.len() as u64, count, "{name}");
    let mut levels: BTreeMap<String, u64> = BTreeMap::new();
    for level in heads.iter().filter_map(|record| record.level) {
        *levels.entry(level.name().to_owned()).or_default() += 1;
    }
    assert_eq!(levels, scan.levels, "{name}");
    let times = || heads.iter().filter_map(|record| record.time.map(|time| time.time));
    let bound = |bounds: Vec<_>| bounds.into_iter().flatten().collect::<Vec<_>>();
    let (first, last) = (times().min(), times().max());
    assert_eq!(
        first,
        bound(scan.sources.iter().map(|source| source.first).collect()).into_iter().min(),
        "{name}"
    );
    assert_eq!(
        last,
        bound(scan.sources.iter().map(|source| source.last).collect()).into_iter().max(),
        "{name}"
    );
    for warning in &scan.warnings {
        assert!(heads.iter().any(|record| is_same(record, warning)), "{name}: {warning:#?}");
    }
    let mut stacks = counted(records);
    let mut expected = scan.tracebacks.clone();
    // Which of two dumps or trees on one line comes first is not stated.
    let key = |entry: &Traceback| (entry.place.source, entry.place.line, format!("{entry:?}"));
    for entries in [&mut stacks, &mut expected] {
        for (index, entry) in entries.iter_mut().enumerate() {
            entry.parent = entry.parent.map(|parent| parent.abs_diff(index));
        }
        entries.sort_by_key(key);
    }
    assert_eq!(stacks, expected, "{name}");
}

fn is_same(record: &Record, warning: &LogRecord) -> bool {
    let text = record.text();
    record.place == warning.place
        && record.time == warning.at
        && record.level == warning.level
        && record.pid == warning.pid
        && record.producer.as_deref() == warning.producer.as_deref()
        && record.logger.as_ref().map(ToString::to_string) == warning.logger
        && record.thread.as_ref().map(ToString::to_string) == warning.thread
        && record.request_id.as_ref().map(ToString::to_string) == warning.request_id
        && (text == warning.message || warning.message.len() >= 2048)
}

fn files_of(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder);
    let mut found: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.to_str().is_some_and(|path| path.ends_with(ending)))
        .collect();
    found.sort();
    found
}

#[test]
fn records_of_real_logs_are_those_of_a_scan() {
    let logs = [files_of("logs/corpus", ".log"), files_of("incidents/checkout-segfault", ".log")].concat();
    assert!(logs.len() > 150, "{}", logs.len());
    for path in logs {
        let bytes = fs::read(&path).unwrap();
        let mut reader = bytes.as_slice();
        let options = Options { templates: false, ..Options::default() };
        let scan = scan([input(&mut reader)], &options);
        let records = records_of(&bytes, &options);
        assert_same(&scan, &records, path.to_str().unwrap());
        for record in &records {
            let Place { offset, bytes: len, .. } = record.span();
            assert!(offset + len <= bytes.len() as u64, "{path:?}");
        }
    }
}

/// `line-line message [Type …]`, one line per record.
fn shown(records: &[Record]) -> String {
    let show = |record: &Record| {
        let Place { line, last_line, .. } = record.span();
        let types: Vec<&str> = record.exceptions().filter_map(|entry| entry.type_name.as_deref()).collect();
        format!("{line}-{last_line} {:?} {types:?}\n", record.text())
    };
    records.iter().map(show).collect()
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let records = records_of(text.as_bytes(), &Options::default());
    crate::shown::assert_lines(&shown(&records), expected, text);
}

#[test]
fn what_belongs_to_a_record() {
    check(
        "2024-05-01 12:00:00,123 ERROR shop: first\nsecond\n\nthird\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x\nKeyError: 1\n2024-05-01 12:00:01,000 INFO shop: n\n",
        r#"
        1-8 "first\nsecond\nthird" ["KeyError"]
        9-9 "n" []
        "#,
    );
    // Nothing says that a record of level INFO carries it.
    check(
        "2024-05-01 12:00:00,123 INFO shop: m\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x\nKeyError: 1\n2024-05-01 12:00:01,000 INFO shop: n\n",
        r#"
        1-1 "m" []
        2-5 "" ["KeyError"]
        6-6 "n" []
        "#,
    );
    check(
        "time=2024-05-01T12:00:00Z level=error msg=\"a \\\"b\\\"\"\n{\"level\":\"error\",\"message\":\"m\",\"exc_info\":\"Traceback (most recent call last):\\n  File \\\"a\\\", line 1, in f\\nE: m\"}\n",
        r#"
        1-1 "a \"b\"" []
        2-2 "m" ["E"]
        "#,
    );
}

#[test]
fn a_producer_keeps_its_order() {
    // The second thread's records stand within the first one's traceback, and wait for it.
    let lines = [
        "[1] ERROR failed",
        "[1] ERROR Traceback (most recent call last):",
        "[2] INFO other",
        "[1] ERROR   File \"a.py\", line 1, in f",
        "[2] INFO third",
        "[1] ERROR     x",
        "[1] ERROR KeyError: 1",
        "[2] INFO last",
    ];
    let text: String = lines.map(|line| format!("2024-05-01 12:00:00,123 {line}\n")).concat();
    check(
        &text,
        r#"
        1-1 "failed" []
        2-7 "Traceback (most recent call last):" ["KeyError"]
        3-3 "other" []
        5-5 "third" []
        8-8 "last" []
        "#,
    );
    let text: String =
        (0..60_000).map(|number| format!("web_{}  | INFO:shop:{number}\n", number % 7)).collect();
    let records = records_of(text.as_bytes(), &Options::default());
    assert_eq!(records.len(), 60_000);
    let mut last = BTreeMap::new();
    for record in records {
        let number: u64 = record.message.to_str().parse().unwrap();
        let producer = record.producer.unwrap();
        assert_eq!(producer.as_ref(), format!("web_{}", number % 7));
        assert!(last.insert(producer, number).is_none_or(|last| last + 7 == number), "{number}");
    }
}

#[test]
fn further_lines_are_those_of_their_producer() {
    let text = "web_1  | ERROR:shop:one\nweb_2  | ERROR:shop:two\nweb_1  |   more of one\n";
    let options = Options::default();
    let told = |records: Vec<String>| assert_eq!(records, ["one\n  more of one", "two"]);
    told(records_of(text.as_bytes(), &options).iter().map(|record| record.text().into_owned()).collect());
    let scan = crate::shown::scan_text(text, &options);
    told(scan.warnings.into_iter().map(|record| record.message).collect());
}

#[test]
fn a_traceback_goes_on_in_the_next_file() {
    let mut first = &b"2024-05-01 12:00:00,123 ERROR shop: m\nTraceback (most recent call last):\n"[..];
    let mut second =
        &b"  File \"a.py\", line 1, in f\n    x\nKeyError: 1\n2024-05-01 12:00:01,000 INFO shop: n\n"[..];
    let options = Options::default();
    let next = Input { continues: true, ..Input::new(SourceId(2), "app.log", &mut second) };
    let records = Records::new([Input::new(SourceId(1), "app.log.1", &mut first), next], &options);
    let records: Vec<Record> = records.map(Result::unwrap).collect();
    let exception = records[0].exceptions().next().unwrap();
    assert_eq!((exception.place.last_line, exception.rest.map(|rest| rest.last_line)), (2, Some(3)));
    assert_eq!((records[1].place.source, records[1].place.line), (1, 4));
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("disk is gone"))
    }
}

#[test]
fn an_input_that_fails_names_its_file_and_offset() {
    let line = "2024-05-01 12:00:00 INFO shop: m\n";
    let broken: Box<dyn Read + Send> = Box::new(line.as_bytes().chain(Broken));
    let mut whole = line.as_bytes();
    let options = Options::default();
    let inputs = [Input::new(SourceId(1), "a.log", broken), Input::new(SourceId(2), "b.log", &mut whole)];
    let told: Vec<String> = Records::new(inputs, &options)
        .map(|record| match record {
            Ok(record) => format!("{} {}", record.place.source, record.message),
            Err(error) => format!("{error}: {}", error.source),
        })
        .collect();
    assert_eq!(told, ["0 m", "a.log: reading stopped at byte 33: disk is gone", "1 m"]);
}

#[test]
fn what_waits_is_bounded() {
    // Lines that belong to one record, without an end.
    let endless = format!("2024-05-01 12:00:00 ERROR shop: m\n{}", "  further\n".repeat(400_000));
    let records = records_of(endless.as_bytes(), &Options::default());
    let record = &records[0];
    assert_eq!((records.len(), record.place.last_line), (1, 400_001));
    assert!(record.further.len() < 20_000, "{}", record.further.len());
    assert_eq!(record.omitted_bytes, (400_000 - record.further.len() as u64) * 9);
    // A traceback that is never done holds all that is behind it, up to the bound; nothing is lost.
    let line = format!("2024-05-01 12:00:00 INFO shop: {}\n", "x".repeat(400_000));
    let held = format!(
        "[rank0]: Traceback (most recent call last):\n{}[rank0]:   File \"a.py\", line 1, in f\n[rank0]: KeyError: 1\n{line}",
        line.repeat(100)
    );
    let records = records_of(held.as_bytes(), &Options::default());
    assert_eq!(records.iter().filter(|record| record.format.is_some()).count(), 101);
    assert_eq!(records.iter().flat_map(Record::exceptions).count(), 1);
    let at = records.iter().position(|record| record.format.is_none()).unwrap();
    assert!(at > 0, "it waited for its end");
}

#[test]
fn lines_that_do_not_fit_are_cut() {
    let text = format!("INFO:shop:{}\nINFO:shop:next\n", "x".repeat(100 << 20));
    let options = Options::default();
    let mut reader = text.as_bytes();
    let mut records = Records::new([input(&mut reader)], &options);
    let told: Vec<usize> = records.by_ref().map(|record| record.unwrap().message.as_bytes().len()).collect();
    assert_eq!(told, [(1 << 20) - 10, 4]);
    assert!(records.gaps().iter().any(|gap| gap.kind == GapKind::Limit && gap.what.contains("of line 1")));
    assert_eq!(records.sources()[0].lines, 2);
}

#[test]
fn records_of_a_part_have_no_line_numbers() {
    let mut text = String::new();
    for second in 0..36_000 {
        let (hour, minute) = (second / 3600, second / 60 % 60);
        writeln!(text, "2024-05-01 {hour:02}:{minute:02}:{:02} INFO shop: n", second % 60).unwrap();
    }
    let window = Window { since: Some(time("2024-05-01T08:00:00Z")), until: None };
    let partial = PartialReading { above: 64 << 10, least_before: 1 << 10, ..PartialReading::default() };
    let options = Options { window: Some(window), partial, ..Options::default() };
    let mut file = io::Cursor::new(text.as_bytes());
    let mut records = Records::new([input(Reader::File(&mut file))], &options);
    let first = records.next().unwrap().unwrap();
    assert!(first.place.line == 0 && first.place.offset > 0, "{:?}", first.place);
    assert!(records.sources()[0].part.is_some());
    assert_eq!(records.count() as u64 + 1, (text.len() as u64 - first.place.offset) / 33);
}

#[test]
fn texts_are_shared_until_they_are_detached() {
    let mut record = records_of(
        b"2024-05-01 12:00:00 INFO shop: m\n2024-05-01 12:00:01 INFO shop: n\n",
        &Options::default(),
    )
    .remove(0);
    let before = record.clone();
    record.detach();
    assert_eq!(record, before);
    assert!(record.message == "m" && !record.message.is_empty() && record.message.as_bytes() == b"m");
}
