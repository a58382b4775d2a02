//! What a browser makes of a report, where one is named: `PYCORONER_BROWSER=/usr/bin/chromium`.
//!
//! With `PYCORONER_TOOLS=DIR`, which holds `node_modules/mermaid`, the drawing of the Markdown report is drawn as well.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use pycoroner_report::{render_html, render_markdown};

use crate::hostile::{HOSTILE, poisoned};
use crate::material::{incident, segfault};
use crate::page::with_metrics;

/// The page as the browser has it once it is loaded, or `None` when no browser is named.
fn loaded(page: &str) -> Option<String> {
    let browser = std::env::var_os("PYCORONER_BROWSER")?;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("page.html");
    std::fs::write(&file, page).unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg("--allow-file-access-from-files")
        .arg(format!("--user-data-dir={}", directory.path().join("profile").display()))
        .args(["--virtual-time-budget=8000", "--dump-dom"])
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The names of the elements of a page.
fn elements(page: &str) -> BTreeSet<String> {
    let names = page.split('<').skip(1).filter_map(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric())?;
        (end > 0).then(|| rest[..end].to_owned())
    });
    names.collect()
}

#[test]
fn hostile_evidence_becomes_no_element() {
    let Some(clean) = loaded(&render_html(&incident(with_metrics(segfault())))) else { return };
    let clean = elements(&clean);
    assert!(clean.contains("svg") && clean.contains("table"), "{clean:?}");
    for poison in HOSTILE {
        let page = loaded(&render_html(&incident(with_metrics(poisoned(poison))))).unwrap();
        let extra: Vec<_> = elements(&page).difference(&clean).cloned().collect();
        assert_eq!(extra, Vec::<String>::new(), "{poison:?}");
    }
}

#[test]
fn the_policy_lets_nothing_run() {
    let page = render_html(&incident(segfault()));
    let attacked = page.replace(
        "<main>",
        "<main><img src=x onerror=\"document.title='ran'\"><script>document.title='ran'</script>",
    );
    let Some(dom) = loaded(&attacked) else { return };
    assert!(!dom.contains("<title>ran"), "a script ran");
}

#[test]
fn mermaid_draws_the_timeline() {
    let Some(tools) = std::env::var_os("PYCORONER_TOOLS").map(PathBuf::from) else { return };
    let mermaid = tools.join("node_modules/mermaid/dist/mermaid.min.js");
    for poison in ["an event", HOSTILE[0], HOSTILE[2], HOSTILE[3], HOSTILE[6]] {
        let markdown = render_markdown(&incident(poisoned(poison)));
        let drawing =
            markdown.split("```mermaid\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let Some(dom) = loaded(&drawing_page(drawing, &mermaid)) else { return };
        assert!(dom.contains("aria-roledescription=\"gantt\""), "{poison:?}: {drawing}");
        assert!(!dom.contains("Syntax error"), "{poison:?}: {drawing}");
    }
}

fn drawing_page(drawing: &str, mermaid: &Path) -> String {
    let text = drawing.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!DOCTYPE html><meta charset=utf-8><pre class=\"mermaid\">{text}</pre><script src=\"file://{}\"></script>\
         <script>mermaid.initialize({{startOnLoad: true}})</script>",
        mermaid.display()
    )
}
