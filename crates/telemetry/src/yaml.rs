//! YAML into JSON values with the lines they stand on.
//!
//! `saphyr-parser` gives events: nothing is expanded and nothing recurses, so that a file of nested aliases ("billion
//! laughs") stays as small as it is. Aliases are not followed: no tool writes them, and each is a gap.

use std::collections::BTreeMap;

use pycoroner_findings::{Gap, GapKind};
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Larger files are not read.
const MOST_BYTES: usize = 16 << 20;
/// Most values that are read of one file.
const MOST_VALUES: usize = 400_000;
/// Deeper nesting is not read.
const MOST_DEPTH: usize = 64;

/// First and last line, counted from 1, of the values that JSON pointers lead to.
pub(crate) type LineMap = BTreeMap<String, (u64, u64)>;

/// A list or mapping that is open.
struct Level {
    value: Value,
    pointer: String,
    first_line: u64,
    /// The key whose value is next, with its line.
    key: Option<(String, u64)>,
}

/// Reads all documents of a text; what comes behind an error is not read.
pub(crate) fn parse(text: &str, gaps: &mut Vec<Gap>) -> Vec<(Value, LineMap)> {
    if text.len() > MOST_BYTES {
        let why = format!("YAML is read up to {} MiB", MOST_BYTES >> 20);
        gaps.push(Gap::new(GapKind::Limit, "all of the export", why));
        return Vec::new();
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let stop = match event {
            Ok((event, span)) => builder.take(event, span.start.line() as u64, span.end.line() as u64),
            Err(error) => {
                Err(Box::new(Gap::new(GapKind::Corrupt, "the rest of the export", error.to_string())))
            }
        };
        if let Err(gap) = stop {
            gaps.push(*gap);
            builder.close_all();
            break;
        }
    }
    if builder.aliases > 0 {
        let what = format!("{} values of the export", builder.aliases);
        gaps.push(Gap::new(GapKind::Unknown, what, "they are aliases, which are not followed"));
    }
    builder.documents
}

#[derive(Default)]
struct Builder {
    documents: Vec<(Value, LineMap)>,
    levels: Vec<Level>,
    lines: LineMap,
    values: usize,
    aliases: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, first: u64, last: u64) -> Result<(), Box<Gap>> {
        match event {
            Event::MappingStart(..) => self.open(Value::Object(Map::new()), first)?,
            Event::SequenceStart(..) => self.open(Value::Array(Vec::new()), first)?,
            Event::MappingEnd | Event::SequenceEnd => self.close(last),
            Event::Scalar(text, style, ..) => {
                let last = last.max(first);
                if let Some(Level { value: Value::Object(_), key: key @ None, .. }) = self.levels.last_mut() {
                    *key = Some((text.into_owned(), first));
                } else {
                    self.add(scalar(&text, style), first, last)?;
                }
            }
            Event::Alias(_) => {
                self.aliases += 1;
                self.add(Value::Null, first, last)?;
            }
            Event::DocumentEnd | Event::StreamEnd => self.close_all(),
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
        }
        Ok(())
    }

    fn open(&mut self, value: Value, line: u64) -> Result<(), Box<Gap>> {
        if self.levels.len() == MOST_DEPTH {
            let why = format!("it is nested more than {MOST_DEPTH} levels deep");
            return Err(Box::new(Gap::new(GapKind::Limit, "the rest of the export", why)));
        }
        let (pointer, first_line) = self.next_place(line);
        self.levels.push(Level { value, pointer, first_line, key: None });
        Ok(())
    }

    /// Pointer and first line of the value that comes next.
    fn next_place(&self, line: u64) -> (String, u64) {
        match self.levels.last() {
            None => (String::new(), line),
            Some(level) => match (&level.value, &level.key) {
                (Value::Array(items), _) => (format!("{}/{}", level.pointer, items.len()), line),
                (_, Some((key, key_line))) => {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    (format!("{}/{key}", level.pointer), *key_line)
                }
                // A list or mapping as a key has no name.
                (_, None) => (format!("{}/?", level.pointer), line),
            },
        }
    }

    fn add(&mut self, value: Value, first: u64, last: u64) -> Result<(), Box<Gap>> {
        self.values += 1;
        if self.values > MOST_VALUES {
            let why = format!("{MOST_VALUES} values are read of one export");
            return Err(Box::new(Gap::new(GapKind::Limit, "the rest of the export", why)));
        }
        let (pointer, first) = self.next_place(first);
        self.lines.insert(pointer, (first, last.max(first)));
        self.attach(value);
        Ok(())
    }

    /// Puts a value that is complete into what is around it.
    fn attach(&mut self, value: Value) {
        let Some(around) = self.levels.last_mut() else {
            self.documents.push((value, std::mem::take(&mut self.lines)));
            return;
        };
        match (&mut around.value, around.key.take()) {
            (Value::Array(items), _) => items.push(value),
            (Value::Object(members), Some((key, _))) => {
                members.insert(key, value);
            }
            // A list, mapping or alias stands where a key is due; it has no name in JSON.
            (_, None) => around.key = Some(("?".to_owned(), 0)),
            _ => {}
        }
    }

    /// Ends the innermost list or mapping, which is a value of the one around it.
    fn close(&mut self, line: u64) {
        let Some(level) = self.levels.pop() else { return };
        // The end of a block is noticed at the next token: the last value says better where it ended.
        let last_inside = self
            .lines
            .range(format!("{}/", level.pointer)..format!("{}0", level.pointer))
            .map(|(_, at)| at.1)
            .max();
        let last = last_inside.unwrap_or(line).max(level.first_line);
        self.lines.insert(level.pointer, (level.first_line, last));
        self.attach(level.value);
    }

    fn close_all(&mut self) {
        while !self.levels.is_empty() {
            self.close(0);
        }
    }
}

/// What a scalar without quotes means in YAML's core schema, as far as JSON has it.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::from(text);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => {
            if let Ok(number) = text.parse::<i64>() {
                return Value::from(number);
            }
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            let number = text.parse::<f64>().ok().filter(|number| is_number && number.is_finite());
            number.map_or_else(|| Value::from(text), Value::from)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str], gaps_expected: &[&str]) {
        let mut gaps = Vec::new();
        let documents = parse(text, &mut gaps);
        assert_eq!(
            documents.iter().map(|(value, _)| value.to_string()).collect::<Vec<_>>(),
            expected,
            "{text}"
        );
        assert_eq!(gaps.iter().map(|gap| gap.what.as_str()).collect::<Vec<_>>(), gaps_expected, "{text}");
    }

    #[test]
    fn values() {
        check(
            "a: 1\nb: [true, ~, '1', 1.5, 1e3, 0x10, nan]\nc: {d: x y}\n",
            &[r#"{"a":1,"b":[true,null,"1",1.5,1000.0,"0x10","nan"],"c":{"d":"x y"}}"#],
            &[],
        );
        check("a: |\n  x\n  y\n---\n- b\n", &[r#"{"a":"x\ny\n"}"#, r#"["b"]"#], &[]);
        check("a: 1\na: 2\n", &[r#"{"a":2}"#], &[]);
        check("? [x]\n: 1\n", &[r#"{"?":1}"#], &[]);
        check("", &[], &[]);
    }

    #[test]
    fn lines() {
        let (_, lines) = parse("a:\n- b: 1\n  c:\n    d: 2\n\n# no more\ne: 3\n", &mut Vec::new()).remove(0);
        let lines: Vec<String> =
            lines.iter().map(|(at, (first, last))| format!("{at} {first}-{last}")).collect();
        assert_eq!(
            lines,
            [" 1-7", "/a 1-4", "/a/0 2-4", "/a/0/b 2-2", "/a/0/c 3-4", "/a/0/c/d 4-4", "/e 7-7"]
        );
    }

    #[test]
    fn hostile_text_stays_small() {
        let bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n";
        check(bomb, &[r#"{"a":["x","x"],"b":[null,null],"c":[null,null]}"#], &["4 values of the export"]);
        let mut gaps = Vec::new();
        parse(&"[".repeat(1_000_000), &mut gaps);
        assert_eq!(gaps.len(), 1);
        check("a: [1, 2\nb: }", &[r#"{"a":[1]}"#], &["the rest of the export"]);
    }
}
