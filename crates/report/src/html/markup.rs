//! What of a page is markup.

/// Text made so that HTML reads nothing into it.
pub(super) fn text(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => inert.push_str("&amp;"),
            '<' => inert.push_str("&lt;"),
            '>' => inert.push_str("&gt;"),
            '"' => inert.push_str("&quot;"),
            '\'' => inert.push_str("&#39;"),
            letter => inert.push(letter),
        }
    }
    inert
}

/// The tags that the Markdown report writes itself.
const TAGS: [&str; 7] = ["<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>", "<br>"];

/// Raw HTML of the Markdown report, with every tag but its own made text.
pub(super) fn own_tags(html: &str) -> String {
    let mut safe = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        safe.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(tag) = TAGS.iter().find(|tag| rest.starts_with(**tag)) {
            safe.push_str(tag);
            rest = &rest[tag.len()..];
        } else {
            safe.push_str("&lt;");
            rest = &rest[1..];
        }
    }
    safe.push_str(rest);
    safe
}

/// A title as the name of a place in the page: `what-crashed`.
pub(crate) fn slug(title: &str) -> String {
    let mut slug = String::with_capacity(title.len());
    for letter in title.chars().take(60) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_tags_stay() {
        let check = |html: &str, expected: &str| assert_eq!(own_tags(html), expected);
        check("<details><summary>a</summary>", "<details><summary>a</summary>");
        check("<script>x</script>", "&lt;script>x&lt;/script>");
        check("<details onclick=x>", "&lt;details onclick=x>");
        check("a < b &#60; <", "a &lt; b &#60; &lt;");
    }

    #[test]
    fn slugs() {
        let check = |title: &str, expected: &str| assert_eq!(slug(title), expected);
        check("What crashed", "what-crashed");
        check("F-01: it read 0x0", "f-01-it-read-0x0");
        check("\"><script>", "script");
        check("", "");
    }
}
