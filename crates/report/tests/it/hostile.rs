use pycoroner_findings::{Confidence, Event, Finding, Gap, GapKind, Severity, Source, SourceId};
use pycoroner_report::{Material, render_markdown};
use serde_json::{Value, json};

use crate::material::{incident, leak, segfault};

pub(crate) const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "a | b | c",
    "`code` ```` fence",
    "```\n# heading\n| a | b |\n</details>",
    "[x](javascript:alert(1)) ![y](http://evil/p.png)",
    "\u{1b}[2J\u{1b}]8;;http://evil\u{7}link",
    "\u{202e}desrever\u{2066}\u{200b}",
    "# heading\n\n- list\r\n> quote",
    "</code></summary></details><img src=x onerror=alert(1)>",
    "\0\u{7f}\u{85}\u{2028}",
    "\\` \\| \\",
    "@everyone #1 https://evil www.evil.example",
];

/// An incident with documents of every kind.
fn whole() -> Material {
    let mut material = segfault();
    material.documents.extend(leak().documents);
    for document in &mut material.documents {
        // Its times are times and nothing else.
        document.as_object_mut().map(|members| members.remove("exports"));
    }
    material
}

/// The incident with every string of its documents replaced, and hostile findings, events, gaps and sources.
pub(crate) fn poisoned(poison: &str) -> Material {
    let mut material = whole();
    for document in &mut material.documents {
        let mut left = vec![("", document)];
        while let Some((key, value)) = left.pop() {
            match value {
                Value::String(text)
                    if !matches!(
                        key,
                        "schema"
                            | "time"
                            | "severity"
                            | "code"
                            | "signal_name"
                            | "confidence"
                            | "basis"
                            | "kind"
                            | "time_basis"
                            | "points"
                            | "start"
                            | "end"
                            | "finished"
                    ) =>
                {
                    poison.clone_into(text);
                }
                Value::Array(items) => left.extend(items.iter_mut().map(|item| (key, item))),
                Value::Object(members) => {
                    left.extend(members.iter_mut().map(|(key, member)| (key.as_str(), member)));
                }
                _ => {}
            }
        }
    }
    material.sources.push(Source {
        id: SourceId(9),
        path: poison.into(),
        kind: poison.into(),
        bytes: 1,
        sha256: Some(poison.into()),
        shifted_ms: None,
    });
    material.findings.push(
        Finding::new(poison.to_owned(), Severity::Error, Confidence::Weak, poison)
            .about(poison)
            .refuted_if(poison),
    );
    material.events.push(Event::new(poison.to_owned(), Severity::Error, poison));
    material.gaps.push(Gap::new(GapKind::Unknown, poison, poison).remedy(poison.to_owned()));
    material
}

/// The text outside of fenced blocks and code spans.
fn outside_code(markdown: &str) -> String {
    let mut outside = String::new();
    let mut fence: Option<&str> = None;
    for line in markdown.lines() {
        let ticks = &line[..line.bytes().take_while(|byte| *byte == b'`').count()];
        match fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => {
                for (index, part) in line.replace("\\`", "").split('`').enumerate() {
                    outside.push_str(if index % 2 == 0 { part } else { "" });
                }
                outside.push('\n');
            }
        }
    }
    assert_eq!(fence, None, "a fence stays open");
    outside
}

#[test]
fn evidence_stays_text() {
    let clean = outside_code(&render_markdown(&incident(whole())));
    let tags = |text: &str| {
        let mut tags: Vec<String> =
            text.split('<').skip(1).map(|rest| rest.split('>').next().unwrap().to_owned()).collect();
        tags.sort();
        tags.dedup();
        tags
    };
    for poison in HOSTILE {
        let markdown = render_markdown(&incident(poisoned(poison)));
        let outside = outside_code(&markdown);
        assert_eq!(tags(&outside), tags(&clean), "{poison:?}");
        for link in ["](", "!["] {
            assert!(
                !outside.replace("\\]", "").replace("\\[", "").replace("\\!", "").contains(link),
                "{poison:?}"
            );
        }
        assert!(!outside.contains("://") && !outside.contains("www."), "{poison:?}");
        let invisible = |letter: char| {
            (letter.is_control() && letter != '\n')
                || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{2028}')
        };
        assert!(!markdown.contains(invisible), "{poison:?}");
        assert_eq!(outside.matches("<details>").count(), outside.matches("</details>").count(), "{poison:?}");
    }
}

#[test]
fn tables_keep_their_columns() {
    for poison in HOSTILE {
        let markdown = render_markdown(&incident(poisoned(poison)));
        let mut columns = None;
        for line in outside_code(&markdown).lines() {
            let pipes = line.matches('|').count();
            if line.starts_with('|') {
                assert_eq!(pipes, *columns.get_or_insert(pipes), "{poison:?}: {line}");
            } else {
                assert_eq!(pipes, 0, "{poison:?}: {line}");
                columns = None;
            }
        }
    }
}

#[test]
fn lengths_are_bounded() {
    let long = "x".repeat(100_000);
    let markdown = render_markdown(&incident(poisoned(&long)));
    assert!(markdown.len() < 200_000, "{}", markdown.len());
}

#[test]
fn deep_and_endless_chains_are_cut() {
    let mut exception = json!({"type": "E"});
    for _ in 0..50_000 {
        let mut outer = json!({"type": "E"});
        outer["cause"] = exception;
        exception = outer;
    }
    let mut core =
        json!({"schema": "pycoroner.core/1", "threads": [{"tid": 1, "crashed": true, "exceptions": [0]}]});
    core["threads"][0]["exceptions"][0] = exception;
    let incident = incident(Material { documents: vec![core], ..Material::default() });
    assert_eq!(incident.core.as_ref().unwrap().threads[0].exceptions.len(), 100);
    assert!(incident.gaps.iter().any(|gap| gap.kind == GapKind::Limit));
    render_markdown(&incident);
}
