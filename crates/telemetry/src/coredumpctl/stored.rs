//! What is written down of the stored cores themselves, saved as text: their names, as `ls -l /var/lib/systemd/coredump`
//! lists them, and their extended attributes, as `getfattr -d -m -` prints them.
//!
//! Source: `src/coredump/coredump.c` of systemd v255: `core.COMM.UID.BOOT.PID.TIME`, where `TIME` counts microseconds;
//! attributes are called `user.coredump.*`.

use pycoroner_findings::{Citation, Gap, GapKind, SourceId, Span, TimeBasis, Timestamp, UtcTime};

use super::{MOST_CORES, add, signal};
use crate::document::{Export, ProcessRecord, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::place::cite_line;

/// The time is kept to the second, rounded down.
const ROUNDING_MS: u64 = 1000;

/// Whether a file lists stored cores by their names.
pub(crate) fn is_list(head: &Head<'_>) -> bool {
    let first = head.lines().map(entry).find(|entry| !matches!(entry, Entry::OfNoCore));
    matches!(first, Some(Entry::Core(..)))
}

/// Whether a file has attributes of stored cores.
pub(crate) fn is_attributes(head: &Head<'_>) -> bool {
    let is_about = |line: &&[u8]| line.is_empty() || line.starts_with(b"getfattr: ") || is_command(line);
    head.lines().find(|line| !is_about(line)).is_some_and(|line| line.starts_with(FILE.as_bytes()))
        && head.has_line(ATTRIBUTE)
}

const FILE: &str = "# file: ";
const ATTRIBUTE: &str = "user.coredump.";

/// What a line of a listing is.
enum Entry<'a> {
    /// A stored core: its path, and what that says.
    Core(&'a str, OfName),
    /// A line of a listing that is about something else.
    OfNoCore,
    /// No line of a listing.
    Other,
}

/// What the name of a stored core says.
struct OfName {
    pid: u64,
    at: Timestamp,
}

/// The line `$ ls -l` above what that printed.
fn is_command(line: &[u8]) -> bool {
    line.starts_with(b"$ ") || (line.starts_with(b"# ") && !line.starts_with(FILE.as_bytes()))
}

/// Reads `-rw-r----- 1 root root 93184 Nov 22 11:31 core.python3.0.BOOT.412.1795346956000000.zst`, or the name alone.
fn entry(line: &[u8]) -> Entry<'_> {
    let Ok(line) = std::str::from_utf8(line) else { return Entry::Other };
    let mut words = line.split_ascii_whitespace();
    let Some(last) = words.next_back() else { return Entry::OfNoCore };
    // `ls -i` and `ls -s` write numbers in front.
    let first = words.find(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
    let is_alone = first.is_none();
    let path = last.trim_matches('\'');
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    let is_listed = first.is_some_and(is_mode);
    if let Some(of_name) = of_name(name).filter(|_| is_alone || is_listed) {
        return Entry::Core(path, of_name);
    }
    let is_head = first == Some("total") || (is_alone && last.ends_with(':')) || is_command(line.as_bytes());
    if is_listed || is_head { Entry::OfNoCore } else { Entry::Other }
}

/// `-rw-r-----` and what may follow on it for access lists and security contexts.
fn is_mode(word: &str) -> bool {
    let mode = word.trim_end_matches(['+', '.', '@']);
    mode.len() == 10
        && mode.starts_with(['-', 'd', 'l', 'p', 's', 'b', 'c'])
        && mode.bytes().skip(1).all(|byte| b"rwxsStT-".contains(&byte))
}

fn of_name(name: &str) -> Option<OfName> {
    let name = [".zst", ".lz4", ".xz"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    let mut parts = name.strip_prefix("core.")?.rsplitn(5, '.');
    let (time, pid, boot, uid) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    parts.next()?;
    let is_boot_id = boot.len() == 32 && boot.bytes().all(|byte| byte.is_ascii_hexdigit());
    uid.parse::<u64>().ok().filter(|_| is_boot_id)?;
    Some(OfName { pid: pid.parse().ok()?, at: moment(time)? })
}

/// Microseconds of the years 2001 to 2286.
fn moment(micros: &str) -> Option<Timestamp> {
    let count: i64 = micros.parse().ok().filter(|_| micros.len() == 16)?;
    let time = UtcTime(count.checked_mul(1000).filter(|nanos| *nanos >= 0)?);
    Some(Timestamp { time, basis: TimeBasis::StoredWithCore, uncertainty_ms: ROUNDING_MS })
}

/// Lines of a file with their numbers and offsets.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (u64, usize, &[u8])> {
    let mut offset = 0;
    (1_u64..).zip(bytes.split_inclusive(|byte| *byte == b'\n')).map(move |(number, line)| {
        let start = offset;
        offset += line.len();
        (number, start, line)
    })
}

/// Reads the cores that are listed by name; what else there is in the folder is none.
pub(crate) fn read_list(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    for (number, offset, line) in lines(bytes) {
        let Entry::Core(path, of_name) = entry(line) else { continue };
        let citation = cite_line(source, number, offset, line);
        if is_full(&mut telemetry, &citation) {
            break;
        }
        let record = ProcessRecord {
            at: Some(of_name.at),
            pid: Some(of_name.pid),
            core_file: Some(path.to_owned()),
            ..ProcessRecord::new(citation)
        };
        add(&mut telemetry, record);
    }
    finish(telemetry, ExportFormat::StoredCoreList, source)
}

/// Reads the attributes of cores; those that are missing are taken from the name.
pub(crate) fn read_attributes(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let mut core: Option<Core> = None;
    for (number, offset, line) in lines(bytes) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        if let Some(path) = text.strip_prefix(FILE) {
            end(&mut telemetry, core.take());
            let citation = cite_line(source, number, offset, line);
            if is_full(&mut telemetry, &citation) {
                break;
            }
            core = Some(Core::new(unescaped(path), citation));
        } else if let Some((core, attribute)) = core.as_mut().zip(text.strip_prefix(ATTRIBUTE)) {
            core.take(attribute, number, offset + line.len());
        }
    }
    end(&mut telemetry, core);
    finish(telemetry, ExportFormat::StoredCoreAttributes, source)
}

/// One core under assembly.
struct Core {
    record: ProcessRecord,
    /// Whether it has an attribute that systemd-coredump gives.
    is_stored: bool,
}

impl Core {
    fn new(path: String, citation: Citation) -> Self {
        let name = path.rsplit_once('/').map_or(path.as_str(), |(_, name)| name);
        let of_name = of_name(name);
        let mut record = ProcessRecord::new(citation);
        record.at = of_name.as_ref().map(|of_name| of_name.at);
        record.pid = of_name.map(|of_name| of_name.pid);
        record.core_file = Some(path);
        Self { record, is_stored: false }
    }

    /// Takes `pid="412"`, which ends at an offset.
    fn take(&mut self, attribute: &str, number: u64, end: usize) {
        let Some((name, value)) = attribute.split_once('=') else { return };
        let Some(value) = value_of(value) else { return };
        let record = &mut self.record;
        match name {
            "pid" => record.pid = value.parse().ok().or(record.pid),
            "signal" => record.signal = signal(&value),
            "timestamp" => record.at = moment(&value).or(record.at),
            "exe" => record.executable = Some(value).filter(|path| !path.is_empty()),
            _ => {}
        }
        self.is_stored = true;
        if let Span::Lines { last, offset, len, .. } = &mut record.citation.span {
            (*last, *len) = (number, (end as u64).saturating_sub(*offset));
        }
    }
}

/// Adds a core; a file without attributes, and without such a name, is none.
fn end(telemetry: &mut Telemetry, core: Option<Core>) {
    if let Some(core) = core.filter(|core| core.is_stored || core.record.at.is_some()) {
        add(telemetry, core.record);
    }
}

fn is_full(telemetry: &mut Telemetry, citation: &Citation) -> bool {
    let is_full = telemetry.processes.len() >= MOST_CORES;
    if is_full {
        let why = format!("{MOST_CORES} are read of one file");
        let gap = Gap::new(GapKind::Limit, "the rest of the stored cores", why);
        telemetry.gaps.push(gap.at(citation.clone()));
    }
    is_full
}

fn finish(mut telemetry: Telemetry, format: ExportFormat, source: SourceId) -> Telemetry {
    telemetry.exports.push(Export::of(source, format, telemetry.processes.len(), &telemetry.events));
    telemetry
}

/// The value of an attribute: text in quotes, or, by `-e hex`, digits.
fn value_of(text: &str) -> Option<String> {
    if let Some(digits) = text.strip_prefix("0x") {
        let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
        let bytes: Option<Vec<u8>> = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect();
        return String::from_utf8(bytes?).ok();
    }
    Some(unescaped(text.strip_prefix('"')?.strip_suffix('"')?))
}

/// Undoes `\NNN`, octal, `\"` and `\\`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let octal = rest.split_first_chunk::<3>().and_then(|(digits, behind)| {
            Some((u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()?, behind))
        });
        if let Some((byte, behind)) = octal {
            bytes.push(byte);
            rest = behind;
        } else if let Some((byte, behind)) = rest.split_first() {
            bytes.push(*byte);
            rest = behind;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
