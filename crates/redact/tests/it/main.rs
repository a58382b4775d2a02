//! What is masked, what is not, and that masking is total, valid and idempotent.

mod document;
mod tables;
mod text;
