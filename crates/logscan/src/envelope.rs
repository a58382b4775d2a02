//! What collectors put in front of every line: who said it, and when it arrived.

use crate::ascii::{indent, trim_start, until};
use crate::level::Level;
use crate::scanner::is_export;
use crate::stated_time::{self, StatedTime};
use crate::syslog::{self, SyslogLine};

/// The wrapping of a whole source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapping {
    /// `web_1  | text`
    Compose,
    /// `[pod/web-1/app] text`, from `kubectl logs --prefix`.
    Kubectl,
    /// `2024-05-01T12:00:00.123456789Z stdout F text`
    Cri,
    /// `Nov 22 11:31:49 host ident[pid]: text`, and the other forms of [`syslog`].
    Syslog,
    /// `2024-05-01T12:00:00.123456789Z text`, from `docker logs -t`.
    DockerTimes,
    /// `2024-05-01T12:00:00Z {app="shop"} text`, what `logcli` prints.
    /// Blanks make all labels this wide, so that what is further indented is so by itself.
    Logcli { width: usize },
    /// `journalctl -o export`: an entry is several lines, so that no line is peeled.
    Export,
}

/// A line without its wrapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) producer: &'a [u8],
    pub(crate) time: Option<StatedTime>,
    pub(crate) pid: Option<u64>,
    pub(crate) level: Option<Level>,
    pub(crate) text: &'a [u8],
    /// The text goes on in the producer's next line.
    pub(crate) is_partial: bool,
}

impl Wrapping {
    /// Decides by the first lines of a source: nearly all must be wrapped alike.
    pub(crate) fn detect(head: &[u8]) -> Option<Self> {
        if is_export(head) {
            return Some(Self::Export);
        }
        [Self::Cri, Self::Kubectl, LOGCLI, Self::Syslog, Self::Compose, Self::DockerTimes]
            .into_iter()
            .find(|wrapping| {
                let mut lines = 0_u32;
                let mut wrapped = 0_u32;
                for line in head.split(|byte| *byte == b'\n').take(60) {
                    // What is indented may be the rest of a wrapped record.
                    if line.trim_ascii().is_empty() || indent(line) > 8 {
                        continue;
                    }
                    lines += 1;
                    wrapped += u32::from(wrapping.peel(line).is_some());
                }
                lines > 0 && wrapped * 10 >= lines * 8
            })
            .map(|wrapping| match wrapping {
                Self::Logcli { .. } => Self::Logcli { width: width_of_labels(head) },
                other => other,
            })
    }

    pub(crate) fn peel(self, line: &[u8]) -> Option<Envelope<'_>> {
        match self {
            Self::Compose => compose(line),
            Self::Kubectl => {
                let rest = line.strip_prefix(b"[pod/")?;
                let producer = until(rest, b']');
                let text = rest.get(producer.len() + 1..)?;
                let text = text.strip_prefix(b" ").unwrap_or(text);
                // With `--timestamps`, too.
                let (time, text) = match docker_time(text) {
                    Some((time, text)) => (Some(time), text),
                    None => (None, text),
                };
                Some(Envelope { producer, time, pid: None, level: None, text, is_partial: false })
            }
            Self::Cri => cri(line),
            Self::Syslog => syslog(line),
            Self::Logcli { width } => logcli(line, width),
            Self::Export => None,
            Self::DockerTimes => {
                let (time, text) = docker_time(line)?;
                Some(Envelope {
                    producer: b"",
                    time: Some(time),
                    pid: None,
                    level: None,
                    text,
                    is_partial: false,
                })
            }
        }
    }
}

/// `2024-05-01T12:00:00.123456789Z text`: the container runtimes write nine digits, services' own times have six at
/// most.
fn docker_time(line: &[u8]) -> Option<(StatedTime, &[u8])> {
    if line.get(10) != Some(&b'T') {
        return None;
    }
    let (time, len) = stated_time::iso(line)?;
    let fraction = line.get(20..len)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = line.get(len..)?;
    let text = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
    (fraction == 9).then_some((time, text))
}

fn compose(line: &[u8]) -> Option<Envelope<'_>> {
    let name_len = line
        .iter()
        .take(80)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@'))
        .count();
    let rest = trim_start(line.get(name_len..)?);
    let text = rest.strip_prefix(b"|")?;
    if name_len == 0 || line.get(name_len) == Some(&b'|') {
        return None;
    }
    let text = text.strip_prefix(b" ").unwrap_or(text);
    // `docker compose logs --timestamps`
    if let Some((time, text)) = docker_time(text) {
        let producer = line.get(..name_len)?;
        return Some(Envelope {
            producer,
            time: Some(time),
            pid: None,
            level: None,
            text,
            is_partial: false,
        });
    }
    Some(Envelope {
        producer: line.get(..name_len)?,
        time: None,
        pid: None,
        level: None,
        text,
        is_partial: false,
    })
}

const LOGCLI: Wrapping = Wrapping::Logcli { width: usize::MAX };

/// A time, labels, and what stands behind these.
fn labelled(line: &[u8]) -> Option<(StatedTime, &[u8], &[u8])> {
    let (time, len) = stated_time::iso(line)?;
    let rest = line.get(len..)?.strip_prefix(b" ")?.strip_prefix(b"{")?;
    let end = memchr::memchr(b'}', rest.get(..rest.len().min(2048))?)?;
    Some((time, rest.get(..end)?, rest.get(end + 1..)?))
}

/// How wide `logcli` makes labels: as wide as they are where a text starts that is not indented itself.
fn width_of_labels(head: &[u8]) -> usize {
    let lines = head.split(|byte| *byte == b'\n').filter_map(labelled);
    let texts = lines.filter(|(_, _, behind)| !behind.trim_ascii().is_empty());
    texts.map(|(_, labels, behind)| labels.len() + indent(behind).saturating_sub(1)).min().unwrap_or(0)
}

/// Labels that all lines have in common stand at the top, or nowhere: `{}`.
fn logcli(line: &[u8], width: usize) -> Option<Envelope<'_>> {
    let (time, producer, behind) = labelled(line)?;
    let blanks = indent(behind).min(width.saturating_sub(producer.len()).saturating_add(1));
    let text = behind.get(blanks..)?;
    let has_labels = producer.is_empty() || memchr::memmem::find(producer, b"=\"").is_some();
    let envelope = Envelope { producer, time: Some(time), pid: None, level: None, text, is_partial: false };
    has_labels.then_some(envelope)
}

fn cri(line: &[u8]) -> Option<Envelope<'_>> {
    let (time, len) = stated_time::iso(line)?;
    let rest = line.get(len..)?.strip_prefix(b" ")?;
    let producer = rest.get(..6).filter(|stream| *stream == b"stdout" || *stream == b"stderr")?;
    let (tag, text) = match rest.get(6..)? {
        [b' ', tag @ (b'F' | b'P'), b' ', text @ ..] => (*tag, text),
        [b' ', tag @ (b'F' | b'P')] => (*tag, &[][..]),
        _ => return None,
    };
    Some(Envelope { producer, time: Some(time), pid: None, level: None, text, is_partial: tag == b'P' })
}

fn syslog(line: &[u8]) -> Option<Envelope<'_>> {
    let SyslogLine { time, level, producer, pid, text } = syslog::parse(line)?;
    Some(Envelope { producer, time: Some(time), pid, level, text, is_partial: false })
}
