//! What weights and colors mean.

use anstyle::{AnsiColor, Style};

/// Headings and what matters most of a line.
pub(super) const STRONG: Style = Style::new().bold();
/// What went wrong.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What asks for attention.
pub(super) const WARN: Style = AnsiColor::Yellow.on_default();
/// Names of functions and types.
pub(super) const NAME: Style = AnsiColor::Cyan.on_default();
/// What is needed only on a second look.
pub(super) const FAINT: Style = Style::new().dimmed();
