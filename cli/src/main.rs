//! The pycoroner command line.
fn main() {}
