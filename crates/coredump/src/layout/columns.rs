//! The columns that are compiled in, one per minor version; `pycoroner layout` generated each.

use crate::layout::column::Column;

/// A compiled-in column with the versions that it was generated for.
pub(crate) struct Shipped {
    /// Major and minor version.
    pub(crate) version: (u8, u8),
    text: &'static str,
}

/// All of them, newest first.
pub(crate) const SHIPPED: &[Shipped] = &[
    Shipped { version: (3, 13), text: include_str!("columns/cpython-3.13.layout") },
    Shipped { version: (3, 12), text: include_str!("columns/cpython-3.12.layout") },
    Shipped { version: (3, 11), text: include_str!("columns/cpython-3.11.layout") },
    Shipped { version: (3, 10), text: include_str!("columns/cpython-3.10.layout") },
    Shipped { version: (3, 9), text: include_str!("columns/cpython-3.9.layout") },
    Shipped { version: (3, 8), text: include_str!("columns/cpython-3.8.layout") },
];

impl Shipped {
    /// The column itself.
    pub(crate) fn column(&self) -> Column {
        // A test parses every shipped column; a broken one would read as empty and be refused by the anchors.
        Column::parse(self.text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_column_parses() {
        for shipped in SHIPPED {
            let column = Column::parse(shipped.text).unwrap();
            assert!(column.place("PyObject.ob_type").is_some(), "{:?}", shipped.version);
            assert!(!column.provenance.is_empty(), "{:?}", shipped.version);
        }
    }
}
