//! The margins of exception groups: `  | `, `  +-+---------------- 1 ----------------`.

use super::{Expect, Fed, Level, MAX_EXCEPTIONS, TracebackBuilder};
use crate::ascii::indent;
use crate::traceback::Delivery;

impl TracebackBuilder {
    /// A line behind the margin of an exception group, such as `    | ValueError: a`.
    pub(super) fn feed_margin(&mut self, line: &[u8], delivery: Delivery) -> Option<Fed> {
        let margin = indent(line);
        let depth = margin.checked_sub(self.group_indent?)? / 2;
        let rest = line.get(margin..)?;
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
        let group = self.levels.get(depth - 1)?.current;
        self.levels.truncate(depth);
        let label = dashes.iter().filter(|byte| !matches!(byte, b'-' | b' ')).count();
        if label == 0 {
            if depth == 1
                && let Some(top) = self.levels.first_mut()
            {
                top.expect = Expect::Message;
            }
        } else if self.exceptions.len() < MAX_EXCEPTIONS && depth < 64 {
            self.levels.push(Level::new(group));
            if dashes.windows(3).any(|window| window == b"...")
                && let Some(level) = self.levels.last_mut()
            {
                level.expect = Expect::Closed;
            }
        } else {
            self.hit_limit = true;
            return Some(Fed::Done);
        }
        Some(Fed::Stack)
    }
}
