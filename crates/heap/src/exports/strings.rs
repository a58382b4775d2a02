//! Strings by number, each once.

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use crate::exports::Mask;

/// The strings of an export, numbered as they are met; the empty one is number 0.
pub(crate) struct Strings {
    numbers: FxHashMap<Box<str>, u32>,
}

impl Default for Strings {
    fn default() -> Self {
        Self { numbers: std::iter::once((Box::from(""), 0)).collect() }
    }
}

impl Strings {
    /// The number of a string.
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(text.into(), number);
        number
    }

    /// Writes all strings as the elements of a JSON array, by number.
    pub(crate) fn write(&self, to: &mut dyn Write, mask: Mask<'_>) -> io::Result<()> {
        let mut by_number: Vec<(&str, u32)> =
            self.numbers.iter().map(|(text, &number)| (&**text, number)).collect();
        by_number.sort_unstable_by_key(|&(_, number)| number);
        for (text, number) in by_number {
            if number > 0 {
                to.write_all(b",\n")?;
            }
            serde_json::to_writer(&mut *to, &mask(text))?;
        }
        Ok(())
    }
}
