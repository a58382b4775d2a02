//! The margins of exception groups: `  | `, `  +-+---------------- 1 ----------------`.

use super::{Exception, Expect, Fed, Level, MAX_EXCEPTIONS, TracebackBuilder};
use crate::ascii::indent;
use crate::document::Relation;
use crate::traceback::Delivery;

impl TracebackBuilder {
    /// A line behind the margin of an exception group, such as `    | ValueError: a`.
    pub(super) fn feed_margin(&mut self, line: &[u8], delivery: Delivery) -> Option<Fed> {
        let margin = indent(line);
        let depth = margin.checked_sub(self.group_indent?)? / 2;
        let rest = line.get(margin..)?;
        if rest.starts_with(b"|") || rest.starts_with(b"+-") {
            // What stood without a margin was in the midst of the group.
            self.innermost().into_iter().for_each(Exception::take_trailing);
        }
        if let Some(content) = rest.strip_prefix(b"|") {
            if depth >= self.levels.len() {
                return Some(self.rejected());
            }
            self.levels.truncate(depth + 1);
            let content = content.strip_prefix(b" ").unwrap_or(content);
            return Some(self.feed_level(depth, content, 0, delivery));
        }
        let branch = rest.strip_prefix(b"+-")?;
        let (depth, dashes) = match branch.strip_prefix(b"+") {
            Some(dashes) => (depth + 1, dashes),
            None => (depth, branch),
        };
        if depth == 0 || depth > self.levels.len() || !dashes.starts_with(b"---") {
            return Some(self.rejected());
        }
        let label = dashes.iter().filter(|byte| !matches!(byte, b'-' | b' ')).count();
        if label == 0 {
            self.levels.truncate(depth);
            if depth == 1 {
                self.end_members();
            }
        } else {
            let fed = self.start_member(depth - 1);
            if dashes.windows(3).any(|window| window == b"...")
                && let Some(level) = self.levels.last_mut()
            {
                level.expect = Expect::Closed;
            }
            return Some(fed);
        }
        Some(Fed::Stack)
    }

    /// A member of the group at this depth begins.
    pub(super) fn start_member(&mut self, depth: usize) -> Fed {
        let Some(group) = self.levels.get(depth).map(|level| level.current) else { return self.rejected() };
        if self.exceptions.len() >= MAX_EXCEPTIONS || depth >= 63 {
            self.hit_limit = true;
            return Fed::Done;
        }
        self.levels.truncate(depth + 1);
        self.levels.push(Level::new(group));
        Fed::Stack
    }

    /// All members of the outermost group were read.
    pub(super) fn end_members(&mut self) {
        self.levels.truncate(1);
        if let Some(top) = self.levels.first_mut() {
            top.expect = Expect::Message;
        }
    }

    /// A line among those of a group that lacks their margin: the further lines of a message do in 3.11 and 3.12
    /// (`print_exception_message` in CPython's `Python/pythonrun.c` at v3.12.0). The next line tells whether it is one.
    pub(super) fn feed_without_margin(&mut self, line: &[u8], delivery: Delivery) -> Fed {
        let depth = self.levels.len() - 1;
        if self.expect(depth) != Expect::Message {
            return self.rejected();
        }
        self.push_trailing(depth, line, delivery)
    }

    /// An empty line without the margin, among those of a member.
    pub(super) fn pass_blank_of_member(&mut self) {
        let depth = self.levels.len() - 1;
        if self.expect(depth) == Expect::Message
            && let Some(exception) = self.current(depth)
        {
            exception.blank_lines += 1;
        }
    }

    /// The group's own message is being read: no member began.
    pub(super) fn lacks_members(&self) -> bool {
        let Some(Level { expect: Expect::Message, current: Some(group), .. }) = self.levels.first() else {
            return false;
        };
        !self
            .exceptions
            .iter()
            .any(|member| member.parent == Some(*group) && member.relation == Some(Relation::GroupMember))
    }

    /// The exception that was read last.
    fn innermost(&mut self) -> Option<&mut Exception> {
        self.current(self.levels.len().checked_sub(1)?)
    }
}
