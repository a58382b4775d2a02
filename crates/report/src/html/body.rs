//! The Markdown report as HTML: sections that fold, a list of contents, links from citations to the register.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::markup::{own_tags, slug, text};
use crate::figures::Figure;

/// The parts of a page that come from the report.
pub(super) struct Body {
    /// The report's title, as plain text.
    pub(super) title: String,
    /// The list of contents.
    pub(super) contents: String,
    /// The sections.
    pub(super) main: String,
}

/// What a page has places for.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// The sources of the register.
    pub(super) sources: BTreeSet<String>,
    /// How many findings there are.
    pub(super) findings: usize,
}

/// Turns the Markdown report into HTML, with each figure behind the heading of its section.
pub(super) fn render(markdown: &str, figures: &[Figure], places: Places) -> Body {
    let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    let mut writer = Writer { figures, places, ..Writer::default() };
    for event in Parser::new_ext(markdown, options) {
        writer.take(event);
    }
    writer.finish()
}

#[derive(Default)]
struct Writer<'a> {
    figures: &'a [Figure],
    places: Places,
    title: String,
    sections: Vec<(String, String)>,
    main: String,
    pending: Vec<Event<'a>>,
    heading: Option<(HeadingLevel, String)>,
    is_skipping: bool,
    table: Option<Table>,
}

/// A table that is being written: pages on narrow screens name each cell by the head of its column.
#[derive(Default)]
struct Table {
    labels: Vec<String>,
    /// Where the head begins among the pending events, while it is written.
    head: Option<usize>,
    /// The cell that is written, counted from 0; none before the first of a row.
    cell: Option<usize>,
}

impl<'a> Writer<'a> {
    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) if &*language == "mermaid" => {
                // A drawing for sites that draw it; this page has figures of its own.
                self.is_skipping = true;
            }
            Event::End(TagEnd::CodeBlock) if self.is_skipping => self.is_skipping = false,
            _ if self.is_skipping => {}
            Event::Start(Tag::Heading { level, .. }) => {
                self.flush();
                self.heading = Some((level, String::new()));
            }
            Event::End(TagEnd::Heading(_)) => self.end_heading(),
            Event::Html(html) => self.pending.push(Event::Html(own_tags(&html).into())),
            Event::InlineHtml(html) => self.pending.push(Event::InlineHtml(own_tags(&html).into())),
            Event::Code(code) if self.is_citation(&code) => {
                let link = citation(&code);
                self.push_html(link);
            }
            Event::Code(code) if self.table.is_some() && is_whole(&code) => {
                self.push_html(format!("<code class=\"whole\">{}</code>", text(&code)));
            }
            Event::Start(Tag::Table(_)) => {
                self.push_html("<div class=\"wide\">".to_owned());
                self.table = Some(Table::default());
            }
            Event::Start(Tag::TableHead | Tag::TableRow | Tag::TableCell)
            | Event::End(TagEnd::Table | TagEnd::TableHead | TagEnd::TableRow | TagEnd::TableCell) => {
                self.take_table(&event);
            }
            Event::Text(words) if self.is_first_cell() && is_source(&words) => {
                self.push_html(format!("<span id=\"{words}\">{words}</span>"));
            }
            Event::Text(words) => {
                if let Some(label) = self.head_label() {
                    label.push_str(&words);
                }
                let words = if self.table.is_some() { held_together(&words).into() } else { words };
                let linked =
                    self.heading.is_none().then(|| link_findings(&words, self.places.findings)).flatten();
                match linked {
                    Some(html) => self.push_html(html),
                    None => self.push(Event::Text(words)),
                }
            }
            // Links and pictures of evidence do not exist: it is escaped. Should one get through, its text stays.
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) | Event::End(TagEnd::Link | TagEnd::Image) => {
            }
            other => self.push(other),
        }
    }

    /// The marks of a table; a head without words is left out.
    fn take_table(&mut self, event: &Event<'a>) {
        let Some(mut table) = self.table.take() else { return };
        match event {
            Event::Start(Tag::TableHead) => {
                table.head = Some(self.pending.len());
                self.push_html("<thead><tr>".to_owned());
            }
            Event::End(TagEnd::TableHead) => {
                let begin = table.head.take().unwrap_or_default();
                let is_empty = table.labels.iter().all(|label| label.trim().is_empty());
                if is_empty {
                    self.pending.truncate(begin);
                } else {
                    self.push_html("</tr></thead>\n".to_owned());
                }
                // What has no head is a list of names and values.
                let class = if is_empty { " class=\"facts\"" } else { "" };
                self.pending.insert(begin, Event::InlineHtml(format!("<table{class}>\n").into()));
                self.push_html("<tbody>\n".to_owned());
            }
            Event::Start(Tag::TableRow) => {
                table.cell = None;
                self.push_html("<tr>".to_owned());
            }
            Event::End(TagEnd::TableRow) => self.push_html("</tr>\n".to_owned()),
            Event::Start(Tag::TableCell) if table.head.is_some() => {
                table.labels.push(String::new());
                self.push_html("<th>".to_owned());
            }
            Event::Start(Tag::TableCell) => {
                let cell = table.cell.map_or(0, |cell| cell + 1);
                table.cell = Some(cell);
                let label = table.labels.get(cell).map_or("", |label| label.trim());
                let named =
                    if label.is_empty() { String::new() } else { format!(" data-label=\"{}\"", text(label)) };
                self.push_html(format!("<td{named}>"));
            }
            Event::End(TagEnd::TableCell) => {
                self.push_html(if table.head.is_some() { "</th>" } else { "</td>" }.to_owned());
            }
            _ => {
                self.push_html("</tbody></table></div>\n".to_owned());
                return;
            }
        }
        self.table = Some(table);
    }

    /// Whether this is the first cell of a row: there a register or an appendix names its source.
    fn is_first_cell(&self) -> bool {
        self.table.as_ref().is_some_and(|table| table.head.is_none() && table.cell == Some(0))
    }

    /// The head of a column while it is written.
    fn head_label(&mut self) -> Option<&mut String> {
        self.table.as_mut().filter(|table| table.head.is_some())?.labels.last_mut()
    }

    fn is_citation(&self, code: &str) -> bool {
        source_of(code).is_some_and(|source| self.places.sources.contains(source))
    }

    fn push(&mut self, event: Event<'a>) {
        match (&mut self.heading, &event) {
            (Some((_, title)), Event::Text(words) | Event::Code(words)) => title.push_str(words),
            (Some(_), _) => {}
            (None, _) => self.pending.push(event),
        }
    }

    fn push_html(&mut self, html: String) {
        if self.heading.is_none() {
            self.pending.push(Event::InlineHtml(html.into()));
        }
    }

    fn flush(&mut self) {
        html::push_html(&mut self.main, self.pending.drain(..));
    }

    /// A heading of the second level starts a section that folds; its figures follow it.
    fn end_heading(&mut self) {
        let Some((level, title)) = self.heading.take() else { return };
        let (id, shown) = (slug(&title), text(&title));
        match level {
            HeadingLevel::H1 => {
                let _ = writeln!(self.main, "<h1>{shown}</h1>");
                self.title = title;
            }
            HeadingLevel::H2 => {
                self.close_section();
                // What is looked up rather than read starts folded.
                let open = if id.starts_with("appendix") { "" } else { " open" };
                let _ = writeln!(
                    self.main,
                    "<section id=\"{id}\"><details{open}><summary><h2>{shown}</h2></summary>"
                );
                self.draw(&id);
                self.sections.push((id, shown));
            }
            _ => {
                let id = id.get(..4).filter(|start| is_finding(start)).unwrap_or(&id);
                let _ = writeln!(self.main, "<{level} id=\"{id}\">{shown}</{level}>");
                let id = id.to_owned();
                self.draw(&id);
            }
        }
    }

    /// The figures of a section.
    fn draw(&mut self, section: &str) {
        for figure in self.figures.iter().filter(|figure| figure.section == section) {
            let caption = text(&figure.caption);
            let _ = writeln!(
                self.main,
                "<figure><div class=\"drawing\">{}</div><figcaption>{caption}</figcaption></figure>",
                figure.svg
            );
        }
    }

    fn close_section(&mut self) {
        if !self.sections.is_empty() {
            self.main.push_str("</details></section>\n");
        }
    }

    fn finish(mut self) -> Body {
        self.flush();
        self.close_section();
        let mut contents = String::from("<nav aria-label=\"Contents\"><ol>\n");
        for (id, title) in &self.sections {
            let _ = writeln!(contents, "<li><a href=\"#{id}\">{title}</a></li>");
        }
        contents.push_str("</ol></nav>\n");
        Body { title: self.title, contents, main: self.main }
    }
}

/// Whether a code span of a table must not be broken: a curve, a short name.
fn is_whole(code: &str) -> bool {
    const LONGEST: usize = 32;
    let is_curve = || code.chars().all(|letter| matches!(letter, '▁'..='█' | '·' | '│'));
    is_curve() || !code.contains(' ') && code.chars().count() <= LONGEST
}

/// The words of a cell, with numbers held to their units, and dates to their clocks.
fn held_together(words: &str) -> String {
    const UNITS: [&str; 14] =
        ["s", "ms", "min", "h", "days", "%", "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "×"];
    let mut held = String::with_capacity(words.len() + 8);
    let mut left = words.split(' ').peekable();
    while let Some(word) = left.next() {
        held.push_str(word);
        let Some(next) = left.peek() else { break };
        let is_number = word.ends_with(|letter: char| letter.is_ascii_digit()) || word == "±";
        let unit = next.trim_end_matches([',', ';', '.', ')']);
        let is_clock = next.len() >= 8 && next.get(2..3) == Some(":");
        // `1 min 7 s`
        let goes_on = matches!(word, "min" | "h") && next.starts_with(|letter: char| letter.is_ascii_digit());
        let is_held = goes_on || is_number && (UNITS.contains(&unit) || is_clock || word == "±");
        held.push(if is_held { '\u{a0}' } else { ' ' });
    }
    held
}

/// `E3`.
fn is_source(text: &str) -> bool {
    text.strip_prefix('E').is_some_and(is_number)
}

fn is_number(text: &str) -> bool {
    (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `f-01`, the start of a finding's place in the page.
fn is_finding(start: &str) -> bool {
    start.strip_prefix("f-").is_some_and(is_number)
}

/// The source of `[E3:L1042]`, maybe with a hash behind it.
fn source_of(code: &str) -> Option<&str> {
    let inner = code.strip_prefix('[')?;
    let end = inner.find([':', '@', '#', ']'])?;
    inner.get(..end).filter(|source| is_source(source))
}

/// A citation as a link to its file's row in the register.
fn citation(code: &str) -> String {
    let (shown, source) = (text(code), source_of(code).unwrap_or_default());
    format!("<a class=\"cite\" href=\"#{source}\"><code>{shown}</code></a>")
}

/// Makes `F-01` lead to the finding; `None` where there is nothing of the kind.
fn link_findings(words: &str, findings: usize) -> Option<String> {
    let mut html = String::new();
    let mut rest = words;
    let mut has_link = false;
    while let Some(at) = rest.find("F-") {
        let digits = rest[at + 2..].bytes().take_while(u8::is_ascii_digit).count();
        let end = at + 2 + digits;
        html.push_str(&text(&rest[..at]));
        let number: usize = rest[at + 2..end].parse().unwrap_or(0);
        if digits == 2 && (1..=findings).contains(&number) {
            let name = &rest[at..end];
            let _ = write!(html, "<a href=\"#{}\">{name}</a>", name.to_ascii_lowercase());
            has_link = true;
        } else {
            html.push_str(&text(&rest[at..end]));
        }
        rest = &rest[end..];
    }
    html.push_str(&text(rest));
    has_link.then_some(html)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn main_of(markdown: &str) -> String {
        let places = Places { sources: ["E3".to_owned(), "E12".to_owned()].into(), findings: 2 };
        render(markdown, &[], places).main
    }

    #[test]
    fn sections_fold_and_are_listed() {
        let body = render("# T\n\n## At a glance\n\nx\n\n## Appendix: all\n\ny\n", &[], Places::default());
        assert!(body.contents.contains("<li><a href=\"#at-a-glance\">At a glance</a></li>"));
        assert!(
            body.main.contains("<section id=\"at-a-glance\"><details open><summary><h2>At a glance</h2>")
        );
        assert!(body.main.contains("<section id=\"appendix-all\"><details><summary>"));
        assert_eq!(body.main.matches("</details></section>").count(), 2);
    }

    #[test]
    fn citations_and_findings_are_links() {
        let check = |markdown: &str, expected: &str| {
            let html = main_of(markdown);
            assert!(html.contains(expected), "{html}");
        };
        check(
            "see `[E3:L7] 9f86d081884c`",
            "<a class=\"cite\" href=\"#E3\"><code>[E3:L7] 9f86d081884c</code></a>",
        );
        check("`[E12@0x40+8]`", "href=\"#E12\"");
        check("`[Ex]`", "<code>[Ex]</code>");
        check("`[E4:L1]`", "<code>[E4:L1]</code>");
        check("`▁▂·│█`", "<code>▁▂·│█</code>");
        check("| x |\n| --- |\n| `▁▂·│█` |", "<code class=\"whole\">▁▂·│█</code>");
        check("| x |\n| --- |\n| `a b` |", "<code>a b</code>");
        check("rests on F-01, F-03.", "rests on <a href=\"#f-01\">F-01</a>, F-03.");
        check("## x\n\n### F-01: it read 0", "<h3 id=\"f-01\">F-01: it read 0</h3>");
        check(
            "| No. | File |\n| --- | --- |\n| E1 | `core` |",
            "<td data-label=\"No.\"><span id=\"E1\">E1</span></td>",
        );
    }

    #[test]
    fn cells_are_named_by_their_heads() {
        let check = |markdown: &str, expected: &str| assert_eq!(main_of(markdown), expected);
        check(
            "| Time | `x` |\n| --- | --- |\n| 7 s | a\\|b |\n|  |  |\n",
            "<div class=\"wide\"><table>\n<thead><tr><th>Time</th><th><code class=\"whole\">x</code></th></tr></thead>\n<tbody>\n\
             <tr><td data-label=\"Time\">7\u{a0}s</td><td>a|b</td></tr>\n<tr><td data-label=\"Time\"></td><td></td></tr>\n\
             </tbody></table></div>\n",
        );
        check(
            "|  |  |\n| --- | --- |\n| **Where** | here |\n",
            "<div class=\"wide\"><table class=\"facts\">\n<tbody>\n\
             <tr><td><strong>Where</strong></td><td>here</td></tr>\n</tbody></table></div>\n",
        );
        check(
            "| \"><b> |\n| --- |\n| x |\n",
            "<div class=\"wide\"><table>\n<thead><tr><th>\"&gt;&lt;b></th></tr></thead>\n<tbody>\n\
             <tr><td data-label=\"&quot;&gt;\">x</td></tr>\n</tbody></table></div>\n",
        );
    }

    #[test]
    fn numbers_keep_their_units() {
        let check =
            |words: &str, expected: &str| assert_eq!(held_together(words).replace('\u{a0}', "~"), expected);
        check("157.0 MiB at 2024-05-01 12:00:03, ± 1 s", "157.0~MiB at 2024-05-01~12:00:03, ±~1~s");
        check("7 sheep of 9", "7 sheep of 9");
        check("", "");
        check("1 h 2 min", "1~h~2~min");
    }

    #[test]
    fn nothing_but_own_markup_passes() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[x](javascript:alert(1))",
            "![x](http://evil.example/p.png)",
            "<http://evil.example>",
            "<details open onclick=x>",
            "# <svg onload=x>",
        ] {
            let html = main_of(hostile);
            for tag in ["<script", "<img", "<svg", "javascript:\"", "href=\"http", "src=", "<details open on"]
            {
                assert!(!html.contains(tag) || html.contains("&lt;"), "{hostile}: {html}");
                assert!(!html.contains(&format!("{tag} ")), "{hostile}: {html}");
            }
        }
    }
}
