//! The report as one HTML file: its markup is its own, whatever the evidence holds.

use std::collections::BTreeSet;

use pycoroner_report::{Material, render_html};
use serde_json::json;

use crate::hostile::{HOSTILE, poisoned};
use crate::material::{incident, segfault};

/// Every tag of a page with the names of its attributes, as a browser's tokenizer takes them.
fn tags(html: &str) -> BTreeSet<String> {
    let mut tags = BTreeSet::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if rest.starts_with("style>") {
            rest = rest.split_once("</style>").expect("an open style sheet").1;
            continue;
        }
        let (tag, after) = rest.split_once('>').expect("an open tag");
        // Quoted values go; names stay.
        let names: Vec<&str> = tag.split('"').step_by(2).map(str::trim).collect();
        tags.insert(names.join(" "));
        rest = after;
    }
    tags
}

pub(crate) fn with_metrics(mut material: Material) -> Material {
    let times = (0..9).map(|minute| format!("2024-05-01T11:5{minute}:00Z"));
    let points: Vec<_> = times.enumerate().map(|(index, time)| json!([time, index * 1_000_000])).collect();
    material.documents.push(json!({
        "schema": "pycoroner.telemetry/1",
        "exports": [{"id": 2, "format": "prometheus", "first": "2024-05-01T11:50:00Z", "last": "2024-05-01T11:58:00Z"}],
        "series": [{"name": "process_resident_memory_bytes", "labels": [{"name": "job", "value": "shop"}], "points": points}],
    }));
    material
}

#[test]
fn evidence_stays_text_in_a_page() {
    let clean = tags(&render_html(&incident(with_metrics(segfault()))));
    for poison in HOSTILE {
        let html = render_html(&incident(with_metrics(poisoned(poison))));
        let extra: Vec<_> = tags(&html).difference(&clean).cloned().collect();
        assert_eq!(extra, Vec::<String>::new(), "{poison:?}");
        let invisible = |letter: char| {
            (letter.is_control() && letter != '\n')
                || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{2028}')
        };
        assert!(!html.contains(invisible), "{poison:?}");
    }
}

#[test]
fn a_page_needs_nothing_else() {
    let html = render_html(&incident(with_metrics(segfault())));
    for forbidden in
        ["src=", "<link", "<script", "url(", "@import", "style=\"", "href=\"http", " onload", "<iframe"]
    {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.contains("default-src 'none'; style-src 'sha256-"));
}

#[test]
fn every_figure_has_its_section() {
    let html = render_html(&incident(with_metrics(segfault())));
    let titles = [
        "Which time each source covers",
        "Key events by time from the end",
        "Python stacks of all threads",
        "Metrics over time",
        "What keeps how much of the heap alive",
        "Types of the heap by size",
        "Log records over time by level",
    ];
    for title in titles {
        assert_eq!(html.matches(&format!("role=\"img\"><title>{title}")).count(), 1, "{title}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let html = render_html(&incident(segfault()));
    let targets: BTreeSet<&str> =
        html.split("id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for link in html.split("href=\"#").skip(1) {
        let target = link.split('"').next().unwrap();
        assert!(targets.contains(target), "{target}");
    }
}
