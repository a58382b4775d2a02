use std::fs;
use std::path::Path;

use pycoroner_report::{Material, render_markdown, render_template};

use crate::golden::check;
use crate::material::{incident, segfault};

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

#[test]
fn the_documented_example_renders() {
    let documentation = file("docs/templates.md");
    let example =
        documentation.split("```jinja\n").nth(1).and_then(|rest| rest.split("```\n").next()).unwrap();
    check("template.md", &render_template(&incident(segfault()), example).unwrap());
    // Nothing of an incident needs to be there.
    render_template(&incident(Material::default()), example).unwrap();
}

#[test]
fn every_part_is_documented_and_in_the_report() {
    let documentation = file("docs/templates.md");
    let built_in = file("crates/report/src/report.md.jinja");
    let parts = built_in.split("parts.").skip(1).map(|rest| {
        rest.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next().unwrap()
    });
    let mut seen = 0;
    for part in parts {
        assert!(documentation.contains(&format!("`{part}`")), "{part} is not documented");
        seen += 1;
    }
    assert!(seen >= 20, "{seen} parts");
}

/// A service that writes markup into its argv, and a template that tries to let it through.
#[test]
fn evidence_is_inert_whatever_the_template_does() {
    let core = serde_json::json!({"schema": "pycoroner.core/1", "process": {"pid": 7, "argv": ["<script>|`x`[a](b)"]}});
    let incident = incident(Material { documents: vec![core], ..Material::default() });
    for way in [
        "{{ ARG }}",
        "{% autoescape false %}{{ ARG }}{% endautoescape %}",
        "{{ [ARG, ARG]|join(parts.title) }}",
        "{{ [parts.title, ARG]|join('<b>') }}",
        "{{ parts.title ~ ARG }}",
        "{{ ARG|replace('x', parts.title) }}",
        "{{ parts.title|replace('I', ARG) }}",
        "{{ {'a': ARG} }}",
        "{% set x %}{{ ARG }}{% endset %}{{ x }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(ARG) }}",
        "{% filter upper %}{{ ARG }}{% endfilter %}",
        "{{ ARG|upper }}{{ ARG|indent }}{{ ARG|default('x') }}{{ ARG|code }}",
        "{{ '%s'|format(ARG) }}",
    ] {
        let template = way.replace("ARG", "incident.core.process.argv[0]");
        let Ok(page) = render_template(&incident, &template) else { continue };
        let lower = page.to_lowercase();
        assert!(!lower.contains("<script>") || lower.contains("`<script>"), "{way}: {page}");
        assert!(!page.contains("|`x`"), "{way}: {page}");
    }
    for refused in [
        "{{ x|safe }}",
        "{{ x|escape }}",
        "{% include 'a' %}",
        "{{ x",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    ] {
        assert!(render_template(&incident, refused).is_err(), "{refused}");
    }
}

#[test]
fn the_report_states_its_time_when_it_is_stamped() {
    let mut stamped = incident(segfault());
    assert!(!render_markdown(&stamped).contains("Written at"));
    stamped.generated_at = Some(pycoroner_findings::UtcTime(0));
    assert!(render_markdown(&stamped).contains("Written at 1970-01-01 00:00:00 UTC."));
}
