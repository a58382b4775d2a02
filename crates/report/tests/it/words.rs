//! The words of reports: they blame nobody, and claim no more than is known.

use std::fs;
use std::path::{Path, PathBuf};

const NOT_SAID: &[&str] = &[
    "should have",
    "could have prevented",
    "root cause",
    "to blame",
    "blamed",
    "negligen",
    "careless",
    "obviously",
    "clearly",
    "mistake",
    "definitely",
    "undoubtedly",
    "human error",
    "incompeten",
    "failed to notice",
    "forgot",
    "the culprit",
    "guilty",
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push(path);
        }
    }
    found
}

/// The string literals of a source, tests left out; of anything else, all of it.
fn said(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    if path.extension().is_none_or(|ending| ending != "rs") {
        return text;
    }
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_word_blames_or_claims_too_much() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut read = 0;
    for path in files(&root.join("src")).into_iter().chain(files(&root.join("tests/golden"))) {
        let text = said(&path).to_lowercase();
        for word in NOT_SAID {
            assert!(!text.contains(word), "{word:?} in {}", path.display());
        }
        read += 1;
    }
    assert!(read > 60, "{read} files");
}
