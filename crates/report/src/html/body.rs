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
    /// The first cell of a row: there a register or an appendix names its source.
    in_first_cell: bool,
    is_after_row: bool,
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
            Event::Start(Tag::TableRow) => {
                self.is_after_row = true;
                self.pending.push(Event::Start(Tag::TableRow));
            }
            Event::Start(Tag::TableCell) => {
                self.in_first_cell = std::mem::take(&mut self.is_after_row);
                self.pending.push(Event::Start(Tag::TableCell));
            }
            Event::Text(words) if self.in_first_cell && is_source(&words) => {
                self.push_html(format!("<span id=\"{words}\">{words}</span>"));
            }
            Event::Text(words) => {
                let linked =
                    self.heading.is_none().then(|| link_findings(&words, self.places.findings)).flatten();
                match linked {
                    Some(html) => self.push_html(html),
                    None => self.push(Event::Text(words)),
                }
            }
            Event::Start(Tag::Table(alignment)) => {
                self.push_html("<div class=\"wide\">".to_owned());
                self.pending.push(Event::Start(Tag::Table(alignment)));
            }
            Event::End(TagEnd::Table) => {
                self.pending.push(Event::End(TagEnd::Table));
                self.push_html("</div>".to_owned());
            }
            // Links and pictures of evidence do not exist: it is escaped. Should one get through, its text stays.
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) | Event::End(TagEnd::Link | TagEnd::Image) => {
            }
            other => self.push(other),
        }
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
                for figure in self.figures.iter().filter(|figure| figure.section == id) {
                    let caption = text(&figure.caption);
                    let _ = writeln!(
                        self.main,
                        "<figure>{}<figcaption>{caption}</figcaption></figure>",
                        figure.svg
                    );
                }
                self.sections.push((id, shown));
            }
            _ => {
                let id = id.get(..4).filter(|start| is_finding(start)).unwrap_or(&id);
                let _ = writeln!(self.main, "<{level} id=\"{id}\">{shown}</{level}>");
            }
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
        check("rests on F-01, F-03.", "rests on <a href=\"#f-01\">F-01</a>, F-03.");
        check("## x\n\n### F-01: it read 0", "<h3 id=\"f-01\">F-01: it read 0</h3>");
        check("| No. | File |\n| --- | --- |\n| E1 | `core` |", "<td><span id=\"E1\">E1</span></td>");
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
