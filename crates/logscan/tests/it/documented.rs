//! The page for users says what is so.

use std::fs;
use std::path::Path;

use pycoroner_logscan::{FormatName, Options};

use crate::shown::scan_text;

#[test]
fn documented_lines_are_taken_for_what_the_page_says() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/logs.md")).unwrap();
    let layouts = page.split("## ").find(|section| section.starts_with("Layouts")).unwrap();
    let mut checked = 0;
    for row in layouts.lines().filter(|row| row.starts_with("| `")) {
        // A bar inside a cell is escaped.
        let row = row.replace("\\|", "\u{1}");
        let cells: Vec<String> = row.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect();
        let [_, name, line, _] = cells.as_slice() else { panic!("{row}") };
        let format: FormatName = serde_json::from_value(name.trim_matches('`').into()).unwrap();
        let Some(line) = line.strip_prefix('`').and_then(|rest| rest.split('`').next()) else { continue };
        let scan = scan_text(&format!("{line}\n"), &Options::default());
        assert_eq!(scan.sources[0].format, format, "{line}");
        checked += 1;
    }
    assert!(checked >= 14, "{checked}");
}
