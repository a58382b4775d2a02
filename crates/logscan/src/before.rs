//! What stood in front of a traceback's header, on lines that nothing took.

use crate::ascii::lossy;
use crate::document::{Introduction, Relation};
use crate::exception_line::exception_line;
use crate::traceback::separator;

const LIMIT: usize = 512;

/// The last line that may introduce a traceback; empty lines in between do not count.
#[derive(Debug, Default)]
pub(crate) struct Before {
    line: Vec<u8>,
    /// The line names an exception, and this stood behind it.
    relation: Option<Relation>,
    /// The line was `"""`: what follows was carried over from another process.
    pub(crate) is_quote: bool,
}

/// An exception that was never raised has no header: its line and a separator are all that is printed.
pub(crate) struct NeverRaised<'a> {
    pub(crate) type_name: &'a [u8],
    pub(crate) message: &'a [u8],
    pub(crate) relation: Relation,
}

impl Before {
    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty() && !self.is_quote
    }

    pub(crate) fn clear(&mut self) {
        self.line.clear();
        self.relation = None;
        self.is_quote = false;
    }

    /// Remembers a line when it may matter.
    pub(crate) fn note(&mut self, line: &[u8]) {
        let content = line.trim_ascii();
        if content.is_empty() {
            return;
        }
        self.is_quote = content == b"\"\"\"";
        if let Some(relation) = separator(content)
            && self.relation.is_none()
            && exception_line(&self.line).is_some()
        {
            self.relation = Some(relation);
            return;
        }
        self.relation = None;
        self.line.clear();
        if content.len() <= LIMIT && (content.ends_with(b":") || exception_line(content).is_some()) {
            self.line.extend_from_slice(content);
        }
    }

    pub(crate) fn never_raised(&self) -> Option<NeverRaised<'_>> {
        let relation = self.relation?;
        let (type_name, message) = exception_line(&self.line)?;
        Some(NeverRaised { type_name, message, relation })
    }

    /// What the line says of the traceback behind it, and whose it is.
    pub(crate) fn introduction(&self) -> Option<(Introduction, Option<String>)> {
        let text = self.line.strip_suffix(b":")?;
        if let Some(name) = text.strip_prefix(b"Process ") {
            // `multiprocessing.Process._bootstrap`
            return Some((Introduction::ExceptionInProcess, Some(lossy(name, 128))));
        }
        match text {
            b"Error in atexit._run_exitfuncs" | b"Error in sys.exitfunc" => {
                Some((Introduction::ExitFunction, None))
            }
            b"Error in sys.excepthook" => Some((Introduction::ExceptHook, None)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered() {
        const CAUSE: &str = "The above exception was the direct cause of the following exception:";
        let check = |lines: &[&str], introduction: Option<Introduction>, relation: Option<Relation>| {
            let mut before = Before::default();
            for line in lines {
                before.note(line.as_bytes());
            }
            assert_eq!(before.introduction().map(|(kind, _)| kind), introduction, "{lines:?}");
            assert_eq!(before.never_raised().map(|one| one.relation), relation, "{lines:?}");
        };
        check(&["Process Worker-1:"], Some(Introduction::ExceptionInProcess), None);
        check(&["Process Worker-1:", "ready"], None, None);
        check(&["Error in sys.excepthook:", ""], Some(Introduction::ExceptHook), None);
        check(&["KeyError: 1", "", CAUSE, ""], None, Some(Relation::Cause));
        check(&["ready", "", CAUSE, ""], None, None);
        check(&["KeyError: 1", ""], None, None);
    }
}
