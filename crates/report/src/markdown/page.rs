use super::inert::{Inert, fenced};

/// A Markdown page under construction; it decides how things look, never what is shown.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
}

/// Most lines of a code block; the rest is counted.
const MOST_LINES: usize = 120;

impl Page {
    pub(crate) fn finish(self) -> String {
        self.text.trim_end().to_owned()
    }

    pub(crate) fn heading(&mut self, level: usize, title: impl Into<Inert>) {
        self.block(&format!("{} {}", "#".repeat(level), title.into().as_str()));
    }

    pub(crate) fn paragraph(&mut self, text: impl Into<Inert>) {
        self.block(text.into().as_str());
    }

    pub(crate) fn list(&mut self, items: impl IntoIterator<Item = Inert>) {
        let lines: Vec<String> = items.into_iter().map(|item| format!("- {}", item.as_str())).collect();
        if !lines.is_empty() {
            self.block(&lines.join("\n"));
        }
    }

    /// A list that is numbered from 1.
    pub(crate) fn numbered(&mut self, items: impl IntoIterator<Item = Inert>) {
        let lines: Vec<String> =
            items.into_iter().zip(1..).map(|(item, number)| format!("{number}. {}", item.as_str())).collect();
        if !lines.is_empty() {
            self.block(&lines.join("\n"));
        }
    }

    /// A diagram, in lines of ours.
    pub(crate) fn mermaid(&mut self, lines: &[String]) {
        if !lines.is_empty() {
            self.block(&format!("```mermaid\n{}\n```", lines.join("\n")));
        }
    }

    /// A table; nothing when it has no rows.
    pub(crate) fn table<const N: usize>(
        &mut self,
        head: [&'static str; N],
        rows: impl IntoIterator<Item = [Inert; N]>,
    ) {
        let mut lines = vec![format!("| {} |", head.join(" | ")), format!("|{}", " --- |".repeat(N))];
        lines.extend(rows.into_iter().map(|row| {
            let cells: Vec<&str> = row.iter().map(Inert::as_str).collect();
            format!("| {} |", cells.join(" | "))
        }));
        if lines.len() > 2 {
            self.block(&lines.join("\n"));
        }
    }

    /// A table whose rows from the `shown`th on are folded away, under their number and name.
    pub(crate) fn folded_table<const N: usize>(
        &mut self,
        head: [&'static str; N],
        rows: impl IntoIterator<Item = [Inert; N]>,
        shown: usize,
        [one, many]: [&'static str; 2],
    ) {
        let mut rows: Vec<_> = rows.into_iter().collect();
        // To fold one or two rows hides more than it saves.
        let rest = if rows.len() > shown + 2 { rows.split_off(shown) } else { Vec::new() };
        self.table(head, rows);
        if !rest.is_empty() {
            let summary =
                Inert::from(rest.len()).then(" more ").then(if rest.len() == 1 { one } else { many });
            self.details(summary, |page| page.table(head, rest));
        }
    }

    /// A code block of raw lines; they may be evidence.
    pub(crate) fn code(&mut self, lines: &[String]) {
        let mut shown: Vec<&str> = lines.iter().take(MOST_LINES).map(String::as_str).collect();
        let rest = format!("… {} more lines", lines.len().saturating_sub(MOST_LINES));
        if lines.len() > MOST_LINES {
            shown.push(&rest);
        }
        self.block(&fenced(&shown.join("\n")));
    }

    /// A folded part.
    pub(crate) fn details(&mut self, summary: impl Into<Inert>, content: impl FnOnce(&mut Self)) {
        self.block(&format!("<details><summary>{}</summary>", summary.into().as_str()));
        content(self);
        self.block("</details>");
    }

    fn block(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push_str("\n\n");
    }
}
