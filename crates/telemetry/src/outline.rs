use std::collections::BTreeMap;

/// Most members that are noted; what tells formats apart stands near the beginning.
const MOST_MEMBERS: usize = 4096;
/// Members that lie deeper are not noted.
const MOST_DEPTH: usize = 10;
/// Scalars are noted up to this many bytes.
const LONGEST_SCALAR: usize = 64;

/// Which members the first JSON document of a text has; the text may be cut anywhere.
///
/// A member is named by the keys that lead to it, with `*` for any item of a list: `data/*/spans`.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// Members with the first scalar that stands there; lists and objects have an empty one.
    members: BTreeMap<String, String>,
}

/// A list or object that is open.
enum Level {
    List,
    /// With the key whose value is next, if it was read.
    Object(Option<String>),
}

impl Outline {
    /// Reads the outline; empty for what is no JSON list or object.
    pub(crate) fn of(head: &[u8]) -> Self {
        let mut outline = Self::default();
        let mut levels: Vec<Level> = Vec::new();
        let mut rest = head.trim_ascii_start();
        if !matches!(rest.first(), Some(b'{' | b'[')) {
            return outline;
        }
        while let Some((first, behind)) = rest.split_first() {
            match first {
                b'{' | b'[' => {
                    outline.note(&levels, b"");
                    levels.push(if *first == b'{' { Level::Object(None) } else { Level::List });
                    rest = behind;
                }
                b'}' | b']' => {
                    levels.pop();
                    forget_key(&mut levels);
                    rest = behind;
                }
                b'"' => {
                    let (text, behind) = string(behind);
                    outline.take(&mut levels, text, true);
                    rest = behind;
                }
                b',' | b':' => rest = behind,
                byte if byte.is_ascii_whitespace() => rest = behind,
                _ => {
                    let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
                    let (text, behind) = rest.split_at(rest.iter().position(is_end).unwrap_or(rest.len()));
                    outline.take(&mut levels, text, false);
                    rest = behind;
                }
            }
            if levels.is_empty() || outline.members.len() >= MOST_MEMBERS {
                break;
            }
        }
        outline
    }

    /// Whether the member is there, whatever it is.
    pub(crate) fn has(&self, member: &str) -> bool {
        self.members.contains_key(member)
    }

    /// Whether all of the members are there.
    pub(crate) fn has_all(&self, members: &[&str]) -> bool {
        members.iter().all(|member| self.has(member))
    }

    /// All members, in order.
    pub(crate) fn members(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// The first scalar that stands at the member.
    pub(crate) fn scalar(&self, member: &str) -> Option<&str> {
        self.members.get(member).map(String::as_str)
    }

    /// Takes a string or other scalar: as a key, or as a value.
    fn take(&mut self, levels: &mut [Level], text: &[u8], is_string: bool) {
        if let Some(Level::Object(key @ None)) = levels.last_mut()
            && is_string
        {
            *key = Some(String::from_utf8_lossy(text).into_owned());
            return;
        }
        self.note(levels, text);
        forget_key(levels);
    }

    fn note(&mut self, levels: &[Level], scalar: &[u8]) {
        if levels.is_empty() || levels.len() > MOST_DEPTH {
            return;
        }
        let keys: Vec<&str> = levels
            .iter()
            .map(|level| match level {
                Level::List => "*",
                Level::Object(key) => key.as_deref().unwrap_or_default(),
            })
            .collect();
        let scalar = || String::from_utf8_lossy(scalar.get(..LONGEST_SCALAR).unwrap_or(scalar)).into_owned();
        self.members.entry(keys.join("/")).or_insert_with(scalar);
    }
}

fn forget_key(levels: &mut [Level]) {
    if let Some(Level::Object(key)) = levels.last_mut() {
        *key = None;
    }
}

/// Splits behind the end of a string whose quote was read.
fn string(text: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    while let Some(byte) = text.get(end) {
        match byte {
            b'"' => return (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default()),
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    (text, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_whole_cut_and_hostile_text() {
        let check = |text: &str, expected: &str| {
            let outline = Outline::of(text.as_bytes());
            let members: Vec<String> = outline
                .members
                .iter()
                .map(|(member, scalar)| match scalar.as_str() {
                    "" => member.clone(),
                    scalar => format!("{member}={scalar}"),
                })
                .collect();
            assert_eq!(members.join(" "), expected, "{text}");
        };
        check(r#"{"a": {"b": [1, {"c": "x"}]}, "d": null}"#, "a a/b a/b/*=1 a/b/*/c=x d=null");
        check(r#"[{"a": "1"}, {"a": "2", "b": true}] {"z": 1}"#, "* */a=1 */b=true");
        check(r#"{"a\"b": "c\\", "d": "e"#, r#"a\"b=c\\ d=e"#);
        check(r#"{"a": {"b"#, "a");
        for text in ["", "a: 1", "\"a\"", "}", "]"] {
            check(text, "");
        }
        check("{\x0c\"a\":\x0c1}", "a=1");
        check("{", "");
        check("{}}", "");
        check("[\"\\", "*=\\");
        check(
            &"[".repeat(20),
            "* */* */*/* */*/*/* */*/*/*/* */*/*/*/*/* */*/*/*/*/*/* */*/*/*/*/*/*/* */*/*/*/*/*/*/*/* */*/*/*/*/*/*/*/*/*",
        );
    }
}
