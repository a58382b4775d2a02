//! Layouts out of DWARF.
