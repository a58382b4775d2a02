//! Why an expression leads nowhere.

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {why}")]
pub struct ExpressionError {
    /// The column, counted in characters from one.
    pub column: usize,
    /// What is wrong there.
    pub why: String,
}
