//! Reads pickles of plain data without ever unpickling them.
//!
//! A pickle is a program, and loading one runs whatever it names. This machine runs nothing: it knows the opcodes that
//! ints, texts, tuples, lists, dicts and instances need, and of classes only those that its caller lists. All else is
//! refused, with the opcode and its offset. Each opcode takes bytes off the input, so steps and memory are bounded by
//! its length.
//!
//! The opcodes are those of protocols 2 to 5 (`Lib/pickletools.py` of CPython v3.13.0).

mod machine;
mod opcode;
mod value;

pub(crate) use machine::{Pickle, Refusal, run};
pub(crate) use value::{Store, Value};
