//! Names in front of the ids of requests.

/// Separators that may stand between a name and its value, and bytes of a name that are looked at.
const SEPARATORS: usize = 4;
const NAME_LIMIT: usize = 24;

/// What the text in front of a value says about it.
pub(in crate::template) enum Key {
    /// `request_id=`, `trace_id: `, `"X-Request-ID": "`: it is an id, whatever it looks like.
    Id,
    /// `req-`, `request `, `trace: `: it may be one.
    Request,
    /// Nothing stands in front of it, or only a bracket.
    Start,
}

impl Key {
    pub(in crate::template) fn before(before: &[u8]) -> Option<Self> {
        const IDS: [&[u8]; 10] = [
            b"requestid",
            b"reqid",
            b"rid",
            b"traceid",
            b"correlationid",
            b"xrequestid",
            b"xcorrelationid",
            b"traceparent",
            b"transactionid",
            b"oteltraceid",
        ];
        if matches!(before, b"" | b"[") {
            return Some(Self::Start);
        }
        if before.ends_with(b"req-") {
            return Some(Self::Request);
        }
        let separators = before.iter().rev().take(SEPARATORS).take_while(|byte| is_separator(**byte)).count();
        let head = before.get(..before.len() - separators).unwrap_or_default();
        if !may_end_name(head) {
            return None;
        }
        // The name without its separators, in lower case, at the end of the array.
        let mut name = [0_u8; 16];
        let mut start = name.len();
        for byte in head.iter().rev().take(NAME_LIMIT) {
            match byte {
                b'_' | b'-' => {}
                byte if byte.is_ascii_alphanumeric() => {
                    start = start.checked_sub(1)?;
                    *name.get_mut(start)? = byte.to_ascii_lowercase();
                }
                _ => break,
            }
        }
        let name = name.get(start..).unwrap_or_default();
        let assigns = before.iter().rev().take(separators).any(|byte| matches!(byte, b'=' | b':'));
        match name {
            name if assigns && IDS.contains(&name) => Some(Self::Id),
            b"request" | b"req" | b"trace" | b"correlation" if separators > 0 => Some(Self::Request),
            name if separators > 0 && IDS.contains(&name) => Some(Self::Request),
            _ => None,
        }
    }

    /// So many bytes at the end of a text say what [`Self::before`] finds; where it is shorter, its start does, too.
    pub(in crate::template) fn reach(before: &[u8]) -> usize {
        let separators = before.iter().rev().take(SEPARATORS).take_while(|byte| is_separator(**byte)).count();
        let belongs = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let name = before.iter().rev().skip(separators).take(NAME_LIMIT).take_while(belongs).count();
        separators + name + 1
    }
}

#[inline]
pub(in crate::template) fn is_separator(byte: u8) -> bool {
    matches!(byte, b'=' | b':' | b' ' | b'"' | b'\'' | b'[' | b'(')
}

/// Whether one of the names may end so; most words do not.
#[inline]
pub(super) fn may_end_name(head: &[u8]) -> bool {
    let [.., a, b] = head else { return false };
    let end = [a.to_ascii_lowercase(), b.to_ascii_lowercase()];
    matches!(&end, b"id" | b"nt" | b"st" | b"eq" | b"ce" | b"on")
        || matches!((a, b), (b'_' | b'-', _) | (_, b'_' | b'-'))
}
