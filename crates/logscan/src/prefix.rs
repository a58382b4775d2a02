//! What stands in front of every line of one traceback: a rank, a process, a time.

/// The bytes in front of a header, which the lines of the same writer have, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    bytes: Vec<u8>,
    /// Where other digits may stand: the digits of times.
    may_change: Vec<bool>,
}

const LIMIT: usize = 256;

impl Prefix {
    /// `None` when nothing but blanks stands there, or too much to be a prefix.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > LIMIT || bytes.trim_ascii().is_empty() {
            return None;
        }
        let mut may_change = vec![false; bytes.len()];
        let mut start = 0;
        while start < bytes.len() {
            let rest = bytes.get(start..)?;
            let len = rest.iter().take_while(|byte| is_of_time(**byte)).count();
            if rest.get(..len).is_some_and(is_time) {
                may_change.get_mut(start..start + len)?.fill(true);
            }
            start += len.max(1);
        }
        Some(Self { bytes: bytes.to_vec(), may_change })
    }

    /// The part of it that stands in front of a frame's line, where only the header's line has more.
    pub(crate) fn in_front_of_frame(&self, line: &[u8]) -> Option<Self> {
        if self.strip(line).is_some() {
            return None;
        }
        // The margin of a group stands between the prefix and its frames.
        let at = memchr::memmem::find(line, b"  |   File \"");
        let at = at.or_else(|| memchr::memmem::find(line, b"  File \""));
        let len = at.filter(|len| *len < self.bytes.len())?;
        let start =
            Self { bytes: self.bytes.get(..len)?.to_vec(), may_change: self.may_change.get(..len)?.to_vec() };
        let is_prefix = !start.bytes.trim_ascii().is_empty() && start.strip(line).is_some();
        is_prefix.then_some(start)
    }

    /// The line behind the prefix; `None` when it has another one.
    pub(crate) fn strip<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        if let Some(head) = line.get(..self.bytes.len()) {
            let is_alike =
                self.bytes.iter().zip(head).zip(&self.may_change).all(|((own, other), may_change)| {
                    own == other || *may_change && own.is_ascii_digit() && other.is_ascii_digit()
                });
            return is_alike.then(|| line.get(self.bytes.len()..).unwrap_or_default());
        }
        // An empty line's trailing blanks are often gone.
        let trimmed = self.bytes.trim_ascii_end();
        (line.len() >= trimmed.len() && trimmed.len() < self.bytes.len() && self.bytes.starts_with(line))
            .then_some(b"".as_slice())
    }
}

fn is_of_time(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b',' | b'-' | b'/' | b'T' | b'Z' | b'+')
}

/// A date, a time of day, or seconds with a fraction: digits in at least two groups, six or more in all.
fn is_time(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let groups = text.split(|byte| !byte.is_ascii_digit()).filter(|group| !group.is_empty()).count();
    digits >= 6 && groups >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_together() {
        let check = |prefix: &str, line: &str, expected: Option<&str>| {
            let prefix = Prefix::new(prefix.as_bytes()).unwrap();
            let rest = prefix.strip(line.as_bytes()).map(|rest| std::str::from_utf8(rest).unwrap());
            assert_eq!(rest, expected, "{line}");
        };
        check("[rank0]: ", "[rank0]:   File", Some("  File"));
        check("[rank0]: ", "[rank1]:   File", None);
        check("[rank0]: ", "[rank0]:", Some(""));
        check("(f pid=77) ", "(f pid=78) x", None);
        check("2024-05-01 12:00:00,123 7 E ", "2024-05-01 12:00:01,456 7 E x", Some("x"));
        check("2024-05-01 12:00:00,123 7 E ", "2024-05-01 12:00:01,456 8 E x", None);
        check("[  682.392401] app: ", "[  682.392533] app: x", Some("x"));
        check("12:00:00 web.1 | ", "12:00:01 web.1 | x", Some("x"));
        check("12:00:00 web.1 | ", "12:00:01 web.2 | x", None);
        assert_eq!(Prefix::new(b"    "), None);
        let start = |line: &str| {
            let prefix = Prefix::new(b"(worker pid=7) failed: ").unwrap();
            prefix.in_front_of_frame(line.as_bytes()).map(|start| String::from_utf8(start.bytes).unwrap())
        };
        assert_eq!(start("(worker pid=7)   File \"a.py\"").as_deref(), Some("(worker pid=7) "));
        assert_eq!(start("(worker pid=8)   File \"a.py\""), None);
        assert_eq!(start("  File \"a.py\""), None);
    }
}
