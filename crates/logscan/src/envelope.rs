//! What collectors put in front of every line: who said it, and when it arrived.

use crate::ascii::{leading_number, trim_start, until};
use crate::stated_time::{self, StatedTime};

/// The wrapping of a whole source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapping {
    /// `web_1  | text`
    Compose,
    /// `[pod/web-1/app] text`, from `kubectl logs --prefix`.
    Kubectl,
    /// `2024-05-01T12:00:00.123456789Z stdout F text`
    Cri,
    /// `Nov 22 11:31:49 host ident[pid]: text`, or with an ISO time.
    Syslog,
    /// `2024-05-01T12:00:00.123456789Z text`, from `docker logs -t`.
    DockerTimes,
}

/// A line without its wrapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) producer: &'a [u8],
    pub(crate) time: Option<StatedTime>,
    pub(crate) pid: Option<u64>,
    pub(crate) text: &'a [u8],
    /// The text goes on in the producer's next line.
    pub(crate) is_partial: bool,
}

impl Wrapping {
    /// Decides by the first lines of a source: nearly all must be wrapped alike.
    pub(crate) fn detect(head: &[u8]) -> Option<Self> {
        [Self::Cri, Self::Kubectl, Self::Syslog, Self::Compose, Self::DockerTimes].into_iter().find(
            |wrapping| {
                let mut lines = 0_u32;
                let mut wrapped = 0_u32;
                for line in head.split(|byte| *byte == b'\n').take(60) {
                    // What is indented may be the rest of a wrapped record.
                    if line.trim_ascii().is_empty() || crate::ascii::indent(line) > 8 {
                        continue;
                    }
                    lines += 1;
                    wrapped += u32::from(wrapping.peel(line).is_some());
                }
                lines > 0 && wrapped * 10 >= lines * 8
            },
        )
    }

    pub(crate) fn peel(self, line: &[u8]) -> Option<Envelope<'_>> {
        match self {
            Self::Compose => compose(line),
            Self::Kubectl => {
                let rest = line.strip_prefix(b"[pod/")?;
                let producer = until(rest, b']');
                let text = rest.get(producer.len() + 1..)?;
                let text = text.strip_prefix(b" ").unwrap_or(text);
                Some(Envelope { producer, time: None, pid: None, text, is_partial: false })
            }
            Self::Cri => cri(line),
            Self::Syslog => syslog(line),
            Self::DockerTimes => {
                if line.get(10) != Some(&b'T') {
                    return None;
                }
                let (time, len) = stated_time::iso(line)?;
                // Docker writes nine digits; the services' own times have six at most.
                let text = line
                    .get(len..)?
                    .strip_prefix(b" ")
                    .or_else(|| line.get(len..).filter(|t| t.is_empty()))?;
                (len == 30).then_some(Envelope {
                    producer: b"",
                    time: Some(time),
                    pid: None,
                    text,
                    is_partial: false,
                })
            }
        }
    }
}

fn compose(line: &[u8]) -> Option<Envelope<'_>> {
    let name_len = line
        .iter()
        .take(80)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        .count();
    let rest = trim_start(line.get(name_len..)?);
    let text = rest.strip_prefix(b"|")?;
    if name_len == 0 || line.get(name_len) == Some(&b'|') {
        return None;
    }
    let text = text.strip_prefix(b" ").unwrap_or(text);
    Some(Envelope { producer: line.get(..name_len)?, time: None, pid: None, text, is_partial: false })
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
    Some(Envelope { producer, time: Some(time), pid: None, text, is_partial: tag == b'P' })
}

fn syslog(line: &[u8]) -> Option<Envelope<'_>> {
    let (time, len) = stated_time::syslog(line)
        .or_else(|| stated_time::iso(line).filter(|_| line.get(10) == Some(&b'T')))?;
    let rest = line.get(len..)?.strip_prefix(b" ")?;
    let host = until(rest, b' ');
    let rest = rest.get(host.len() + 1..)?;
    let head = rest.get(..rest.len().min(120))?;
    let colon = memchr::memchr(b':', head)?;
    let producer = head.get(..colon)?;
    if host.is_empty() || producer.is_empty() || producer.contains(&b' ') {
        return None;
    }
    let pid = memchr::memchr(b'[', producer)
        .and_then(|at| leading_number(producer.get(at + 1..)?))
        .map(|(pid, _)| pid);
    if pid.is_none() && producer != b"kernel" && producer != b"systemd" {
        return None;
    }
    let text = rest.get(colon + 1..)?;
    let text = text.strip_prefix(b" ").unwrap_or(text);
    Some(Envelope { producer, time: Some(time), pid, text, is_partial: false })
}
