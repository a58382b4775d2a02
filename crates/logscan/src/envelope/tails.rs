//! What tools put in front of every line that follow several services at once.

use super::Envelope;
use crate::ascii::{behind_blank, is_of_name, trim_start, until};
use crate::stated_time::{self, StatedTime};

/// How many words stern puts in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PodWords {
    /// Pod and container.
    Two,
    /// Namespace, pod and container.
    Three,
}

pub(super) fn stern(line: &[u8], words: PodWords) -> Option<Envelope<'_>> {
    let after = |text: &[u8]| Some(name_len(text)?).filter(|len| text.get(*len) == Some(&b' '));
    let start = match words {
        PodWords::Two => 0,
        PodWords::Three => after(line)? + 1,
    };
    let pod = after(line.get(start..)?)?;
    let end = start + pod + 1 + after(line.get(start + pod + 1..)?)?;
    let is_pod = line.get(start..start + pod)?.contains(&b'-');
    let (producer, text) = (line.get(..end)?, line.get(end + 1..)?);
    // With `--timestamps`, and with `--timestamps=short`, too.
    let envelope = match stated_time::month_and_day(text) {
        Some((time, len)) => Envelope::new(producer, Some(time), behind_blank(text.get(len..)?)),
        None => Envelope::perhaps_timed(producer, text),
    };
    is_pod.then_some(envelope)
}

/// Pods that a controller started have a hyphen in their names.
pub(super) fn kubetail(line: &[u8]) -> Option<Envelope<'_>> {
    let inner = line.strip_prefix(b"[")?;
    let producer = inner.get(..memchr::memchr(b']', inner.get(..inner.len().min(320))?)?)?;
    let text = inner.get(producer.len() + 1..)?;
    let pod = name_len(producer)?;
    let is_pod = producer.get(..pod)?.contains(&b'-');
    let is_container = match producer.get(pod..)? {
        b"" => true,
        rest => rest.strip_prefix(b" ").is_some_and(|name| name_len(name) == Some(name.len())),
    };
    let text = if text.is_empty() { text } else { text.strip_prefix(b" ")? };
    (is_pod && is_container).then_some(Envelope::perhaps_timed(producer, text))
}

/// Length of a name as Kubernetes allows them (RFC 1123).
fn name_len(text: &[u8]) -> Option<usize> {
    let is_of_label =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let len = text.iter().take(253).take_while(|byte| is_of_label(byte)).count();
    let name = text.get(..len)?;
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    (ends(name.first()) && ends(name.last())).then_some(len)
}

/// `12:00:00 web.1  | text`: blanks make the names equally wide.
pub(super) fn foreman(line: &[u8]) -> Option<Envelope<'_>> {
    let (_, len) = stated_time::clock(line)?;
    let rest = line.get(len..)?.strip_prefix(b" ")?;
    let name = until(rest.get(..rest.len().min(80))?, b' ');
    let text = trim_start(rest.get(name.len()..)?).strip_prefix(b"|")?;
    let is_name = !name.is_empty() && name.iter().all(|byte| is_of_name(*byte));
    is_name.then_some(Envelope::new(name, Some(StatedTime::Undated), behind_blank(text)))
}
