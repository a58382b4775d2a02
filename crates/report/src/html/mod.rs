//! The report as one HTML file that needs nothing else: no network, no scripts, no fonts.
//!
//! Its words are those of the Markdown report, turned into HTML; figures are added to its sections. A content security
//! policy in the page forbids scripts and requests, and names the style sheet by its hash, so that evidence that got
//! past all escaping could still do nothing.

mod body;
mod markup;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use body::Places;
use sha2::{Digest, Sha256};

use crate::{Incident, figures, render_markdown};

const STYLE: &str = include_str!("page.css");

/// Renders an incident as one self-contained HTML page.
///
/// It works without JavaScript, follows the reader's light or dark scheme, and can be printed.
pub fn render_html(incident: &Incident) -> String {
    let places = Places {
        sources: incident.sources.iter().map(|source| source.id.to_string()).collect(),
        findings: incident.findings.len(),
    };
    let body = body::render(&render_markdown(incident), &figures::of(incident), places);
    let title = markup::text(&body.title);
    let policy = policy();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{nav}<main>\n{main}</main>\n</body>\n</html>\n",
        nav = body.contents,
        main = body.main,
    )
}

/// Nothing may be loaded and nothing may run; the one style sheet is the one with this hash.
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}
