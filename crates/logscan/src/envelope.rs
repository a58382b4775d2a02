//! What collectors put in front of every line: who said it, and when it arrived.

mod platforms;
mod tails;

use crate::ascii::{behind_blank, indent, is_of_name, trim_start, until};
use crate::format::FormatName;
use crate::header;
use crate::json_record::JsonRecord;
use crate::level::Level;
use crate::scanner::is_export;
use crate::stated_time::{self, StatedTime};
use crate::syslog::{self, SyslogLine};
use crate::traceback::is_header;
use tails::PodWords;

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
    /// `2024-05-01T12:00:00.123456+00:00 app[web.1]: text`, from `heroku logs` and dokku.
    Heroku,
    /// `2024-05-01T12:00:00Z app[148e272f7d1e89] ams [info]text`, from `fly logs`.
    Fly,
    /// `2024-05-01T12:00:00.123000+00:00 ecs/web/0af1 text`, from `aws logs tail`.
    AwsTail,
    /// `pod container text`, from stern; with the namespace in front, where it tails several.
    Stern(PodWords),
    /// `[pod] text` and `[pod container] text`, from kubetail.
    Kubetail,
    /// `12:00:00 web.1  | text`, from foreman, honcho and their like.
    Foreman,
    /// `2024-05-01T12:00:00Z {…}`: objects behind a time.
    TimedObjects,
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

/// What is told from other lines by its form alone.
const DISTINCT: [Wrapping; 9] = [
    Wrapping::Cri,
    Wrapping::Kubectl,
    LOGCLI,
    Wrapping::Heroku,
    Wrapping::Fly,
    Wrapping::Syslog,
    Wrapping::Foreman,
    Wrapping::Compose,
    Wrapping::DockerTimes,
];

/// What other lines may look like: records stand behind it, or it is none.
const PLAUSIBLE: [Wrapping; 5] = [
    Wrapping::AwsTail,
    Wrapping::Kubetail,
    Wrapping::Stern(PodWords::Two),
    Wrapping::Stern(PodWords::Three),
    Wrapping::Syslog,
];

impl Wrapping {
    /// Decides by the first lines of a source: nearly all must be wrapped alike.
    pub(crate) fn detect(head: &[u8]) -> Option<Self> {
        if is_export(head) {
            return Some(Self::Export);
        }
        let distinct = DISTINCT.into_iter().find(|wrapping| {
            wraps_most(head, |line| match wrapping {
                // Names without a process id are of no form.
                Self::Syslog => syslog::parse(line).is_some(),
                _ => wrapping.peel(line).is_some(),
            })
        });
        let plausible = || {
            PLAUSIBLE.into_iter().find(|wrapping| {
                let mut has_records = false;
                wraps_most(head, |line| {
                    let envelope = wrapping.peel(line);
                    has_records |= envelope.is_some_and(|envelope| starts_record(envelope.text));
                    envelope.is_some()
                }) && has_records
            })
        };
        match distinct.or_else(plausible) {
            Some(Self::Logcli { .. }) => Some(Self::Logcli { width: width_of_labels(head) }),
            None if wraps_most(head, |line| platforms::timed_object(line).is_some()) => {
                Some(Self::TimedObjects)
            }
            found => found,
        }
    }

    /// What a source of such lines is taken for.
    pub(crate) fn format(self) -> FormatName {
        match self {
            Self::Compose => FormatName::Compose,
            Self::Kubectl => FormatName::Kubectl,
            Self::Cri => FormatName::Cri,
            Self::Syslog => FormatName::Syslog,
            Self::Heroku => FormatName::Heroku,
            Self::Fly => FormatName::Fly,
            Self::AwsTail => FormatName::AwsTail,
            Self::Stern(_) => FormatName::Stern,
            Self::Kubetail => FormatName::Kubetail,
            Self::Foreman => FormatName::Foreman,
            Self::DockerTimes => FormatName::DockerTimes,
            Self::TimedObjects => FormatName::Timestamped,
            Self::Logcli { .. } => FormatName::Logcli,
            Self::Export => FormatName::Journal,
        }
    }

    pub(crate) fn peel(self, line: &[u8]) -> Option<Envelope<'_>> {
        match self {
            Self::Compose => compose(line),
            Self::Kubectl => kubectl(line),
            Self::Cri => cri(line),
            Self::Syslog => syslog(line),
            Self::Heroku => platforms::heroku(line),
            Self::Fly => platforms::fly(line),
            Self::AwsTail => platforms::aws_tail(line),
            Self::Stern(words) => tails::stern(line, words),
            Self::Kubetail => tails::kubetail(line),
            Self::Foreman => tails::foreman(line),
            Self::Logcli { width } => logcli(line, width),
            Self::Export => None,
            Self::DockerTimes => {
                let (time, text) = docker_time(line)?;
                Some(Envelope::new(b"", Some(time), text))
            }
            Self::TimedObjects => platforms::timed(line),
        }
    }
}

impl<'a> Envelope<'a> {
    fn new(producer: &'a [u8], time: Option<StatedTime>, text: &'a [u8]) -> Self {
        Self { producer, time, pid: None, level: None, text, is_partial: false }
    }

    /// The same for a text in front of which the collector may have been asked to print times.
    fn perhaps_timed(producer: &'a [u8], text: &'a [u8]) -> Self {
        match docker_time(text) {
            Some((time, text)) => Self::new(producer, Some(time), text),
            None => Self::new(producer, None, text),
        }
    }
}

/// Whether at least four of five lines are wrapped.
fn wraps_most(head: &[u8], mut is_wrapped: impl FnMut(&[u8]) -> bool) -> bool {
    let mut lines = 0_u32;
    let mut wrapped = 0_u32;
    for line in head.split(|byte| *byte == b'\n').take(60) {
        // What is indented may be the rest of a wrapped record.
        if line.trim_ascii().is_empty() || indent(line) > 8 {
            continue;
        }
        lines += 1;
        wrapped += u32::from(is_wrapped(line));
    }
    lines > 0 && wrapped * 10 >= lines * 8
}

/// Whether a text is what a service writes: an object, a record with a head, or a traceback's header.
fn starts_record(text: &[u8]) -> bool {
    if text.first() == Some(&b'{') {
        return text.trim_ascii_end().ends_with(b"}") && JsonRecord::parse(text).is_some();
    }
    header::parse(text).is_some() || is_header(text)
}

fn kubectl(line: &[u8]) -> Option<Envelope<'_>> {
    let rest = line.strip_prefix(b"[pod/")?;
    let producer = until(rest, b']');
    let text = rest.get(producer.len() + 1..)?;
    // With `--timestamps`, too.
    Some(Envelope::perhaps_timed(producer, behind_blank(text)))
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
    let name_len = line.iter().take(80).take_while(|byte| is_of_name(**byte) || **byte == b'@').count();
    let rest = trim_start(line.get(name_len..)?);
    let text = rest.strip_prefix(b"|")?;
    if name_len == 0 || line.get(name_len) == Some(&b'|') {
        return None;
    }
    // `docker compose logs --timestamps`
    Some(Envelope::perhaps_timed(line.get(..name_len)?, behind_blank(text)))
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
    has_labels.then_some(Envelope::new(producer, Some(time), text))
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
    Some(Envelope { is_partial: tag == b'P', ..Envelope::new(producer, Some(time), text) })
}

fn syslog(line: &[u8]) -> Option<Envelope<'_>> {
    let SyslogLine { time, level, producer, pid, text } =
        syslog::parse(line).or_else(|| syslog::parse_named(line))?;
    // rsyslog and others mark objects with a cookie.
    let text = text.strip_prefix(b"@cee:").map_or(text, trim_start);
    Some(Envelope { pid, level, ..Envelope::new(producer, Some(time), text) })
}
