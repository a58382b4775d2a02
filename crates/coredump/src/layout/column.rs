//! One build's numbers, as text that `pycoroner layout` writes and this crate reads.

use std::collections::BTreeMap;
use std::fmt;

/// Offsets and sizes of one interpreter build.
///
/// Text form, one line each: `Struct.member 16` for an offset in bytes, `Struct.member 32 2:3` for a bit field
/// (three bits wide, two above the least significant one of the byte at 32), `Struct 48` for a size. Lines
/// that begin with `#` say where the numbers come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Where the numbers come from, a line each.
    pub provenance: Vec<String>,
    places: BTreeMap<String, Place>,
}

/// Where a member lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Bytes from the start of the structure; the size, for a structure.
    pub offset: u64,
    /// Shift and width of a bit field within the word at `offset`.
    pub bits: Option<(u8, u8)>,
}

/// A line of a column that is not of its form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {text:?} is not `Struct.member OFFSET [SHIFT:WIDTH]`")]
pub struct ColumnError {
    line: usize,
    text: String,
}

impl Column {
    /// Reads the text form.
    ///
    /// # Errors
    /// Names the first line that is not of the form.
    pub fn parse(text: &str) -> Result<Self, ColumnError> {
        let mut column = Self::default();
        for (index, line) in text.lines().enumerate() {
            if let Some(comment) = line.strip_prefix('#') {
                column.provenance.push(comment.trim().to_owned());
            } else if !line.trim().is_empty() {
                let (path, place) =
                    parse_line(line).ok_or_else(|| ColumnError { line: index + 1, text: line.to_owned() })?;
                column.places.insert(path.to_owned(), place);
            }
        }
        Ok(column)
    }

    /// Where `path` lies: a member (`Struct.member`), or the size of a structure (`Struct`).
    pub fn place(&self, path: &str) -> Option<Place> {
        self.places.get(path).copied()
    }

    /// Takes over what `other`, a column of the module called `name`, states beyond this one.
    pub fn add(&mut self, other: Self, name: &str) {
        for (path, place) in other.places {
            self.places.entry(path).or_insert(place);
        }
        self.provenance.push(format!("with {name} of the same build"));
    }

    /// States where `path` lies.
    pub fn insert(&mut self, path: impl Into<String>, place: Place) {
        self.places.insert(path.into(), place);
    }
}

fn parse_line(line: &str) -> Option<(&str, Place)> {
    let mut words = line.split_ascii_whitespace();
    let path = words.next()?;
    let offset = words.next()?.parse().ok()?;
    let bits = match words.next() {
        None => None,
        Some(bits) => {
            let (shift, width) = bits.split_once(':')?;
            let (shift, width): (u8, u8) = (shift.parse().ok()?, width.parse().ok()?);
            Some((shift, width)).filter(|_| width > 0 && shift < 64 && width < 64 && shift + width <= 64)
        }
    };
    if line.split_ascii_whitespace().nth(2).is_some() && bits.is_none() {
        return None;
    }
    words.next().is_none().then_some((path, Place { offset, bits }))
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.provenance {
            writeln!(f, "# {line}")?;
        }
        for (path, place) in &self.places {
            match place.bits {
                None => writeln!(f, "{path} {}", place.offset)?,
                Some((shift, width)) => writeln!(f, "{path} {} {shift}:{width}", place.offset)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip() {
        let text = "# CPython 3.12\nPyASCIIObject 40\nPyASCIIObject.state.kind 32 2:3\nPyObject.ob_type 8\n";
        assert_eq!(Column::parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn wrong_lines_are_named() {
        for line in ["PyObject", "PyObject.ob_type x", "PyObject.x 1 2", "PyObject.x 1 2:99", "a 1 1:1 9"] {
            let error = Column::parse(&format!("# fine\n{line}\n")).unwrap_err();
            assert_eq!((error.line, error.text.as_str()), (2, line));
        }
    }
}
