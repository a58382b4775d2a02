//! What the log commands of hosting platforms put in front of every line.

use super::Envelope;
use crate::ascii::{behind_blank, is_of_name, until, whole_number};
use crate::level::Level;
use crate::stated_time::{self, StatedTime};

/// A time with a `T`, and what stands behind it and a blank.
fn timed_text(line: &[u8]) -> Option<(StatedTime, &[u8])> {
    let (time, len) = stated_time::iso(line).filter(|_| line.get(10) == Some(&b'T'))?;
    Some((time, line.get(len..)?.strip_prefix(b" ")?))
}

/// `name[instance]`, the instance, and what stands behind.
fn instance(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let name_len = text
        .iter()
        .take(64)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        .count();
    let rest = text.get(name_len..)?.strip_prefix(b"[").filter(|_| name_len > 0)?;
    let inner = rest.get(..memchr::memchr(b']', rest.get(..rest.len().min(80))?)?)?;
    let is_name = !inner.is_empty() && inner.iter().all(|byte| is_of_name(*byte));
    let len = name_len + inner.len() + 2;
    is_name.then_some((text.get(..len)?, inner, text.get(len..)?))
}

/// `time app[web.1]: text`. A number in the brackets is a process of syslog's.
pub(super) fn heroku(line: &[u8]) -> Option<Envelope<'_>> {
    let (time, rest) = timed_text(line)?;
    let (producer, instance, behind) = instance(rest)?;
    let text = behind_blank(behind.strip_prefix(b":")?);
    whole_number(instance).is_none().then_some(Envelope::new(producer, Some(time), text))
}

/// `time app[machine] region [level]text`. What the platform says itself has a level; a service's lines have `info`.
pub(super) fn fly(line: &[u8]) -> Option<Envelope<'_>> {
    let (time, rest) = timed_text(line)?;
    let (producer, _, behind) = instance(rest)?;
    let behind = behind.strip_prefix(b" ")?;
    let region = until(behind, b' ');
    let behind = behind.get(region.len()..)?.strip_prefix(b" [")?;
    let word = until(behind, b']');
    let level = Level::from_any_case(word)?;
    let text = behind_blank(behind.get(word.len() + 1..)?);
    let is_region = (2..=5).contains(&region.len()) && region.iter().all(u8::is_ascii_lowercase);
    let level = (level >= Level::Warning).then_some(level);
    is_region.then_some(Envelope { level, ..Envelope::new(producer, Some(time), text) })
}

/// `time stream text`: the names of streams have slashes, as `ecs/web/0af1` and `2024/05/01/[$LATEST]0af1`.
pub(super) fn aws_tail(line: &[u8]) -> Option<Envelope<'_>> {
    let (time, rest) = timed_text(line)?;
    let StatedTime::Civil { offset: Some(0), .. } = time else { return None };
    let stream = until(rest, b' ');
    let is_name = |byte: &u8| is_of_name(*byte) || matches!(byte, b'/' | b'[' | b']' | b'$');
    let is_stream = stream.contains(&b'/') && stream.first() != Some(&b'/') && stream.iter().all(is_name);
    is_stream.then_some(Envelope::new(stream, Some(time), rest.get(stream.len() + 1..)?))
}

/// A time and any text.
pub(super) fn timed(line: &[u8]) -> Option<Envelope<'_>> {
    let (time, len) = stated_time::iso(line)?;
    Some(Envelope::new(b"", Some(time), line.get(len..)?.strip_prefix(b" ")?))
}

/// The same, when the text is an object.
pub(super) fn timed_object(line: &[u8]) -> Option<Envelope<'_>> {
    timed(line).filter(|envelope| {
        envelope.text.first() == Some(&b'{') && envelope.text.trim_ascii_end().ends_with(b"}")
    })
}
