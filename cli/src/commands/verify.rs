//! `pycoroner verify`: reads all evidence of a report again and compares it with what the report states.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pycoroner_findings::{Citation, SourceId};

use super::Session;
use crate::args::{VerifyArgs, Written};
use crate::cited::{self, StatedReport};
use crate::evidence::sha256;
use crate::exit::Outcome;
use crate::render::inert::inert;

/// Runs the command.
pub(crate) fn run(session: &Session, args: &VerifyArgs) -> Result<Outcome> {
    let report = read(&args.written.report)?;
    let mut faults = Vec::new();
    let mut files: BTreeMap<SourceId, PathBuf> = BTreeMap::new();
    for source in &report.sources {
        session.detail(&format!("hashing {}", source.path));
        match find(&args.written, &source.path, source.sha256.as_deref()) {
            None => faults.push(format!("missing: {} {} is not found", source.id, inert(&source.path))),
            Some(file) => {
                if let Some(found) = mismatch(&file, source.sha256.as_deref())? {
                    let path = file.display().to_string();
                    faults.push(format!(
                        "changed: {} {} has the SHA-256 {found}, not the one stated",
                        source.id,
                        inert(&path)
                    ));
                }
                files.insert(source.id, file);
            }
        }
    }
    let (checked, unchecked) = citations(&report, &files, &mut faults)?;
    let mut answer = String::new();
    for fault in &faults {
        let _ = writeln!(answer, "{fault}");
    }
    let verdict = if faults.is_empty() { "all as stated" } else { "not all as stated" };
    let unhashed = if unchecked == 0 { String::new() } else { format!(", {unchecked} without a hash") };
    let _ = writeln!(
        answer,
        "{} of {} files and {checked} citations read again{unhashed}: {verdict}",
        files.len(),
        report.sources.len()
    );
    session.output.write(&answer)?;
    Ok(if faults.is_empty() { Outcome::Complete } else { Outcome::Refuted })
}

/// Compares the citations of all files that are there; how many were compared, and how many state no hash.
fn citations(
    report: &StatedReport,
    files: &BTreeMap<SourceId, PathBuf>,
    faults: &mut Vec<String>,
) -> Result<(usize, usize)> {
    let (mut checked, mut unchecked) = (0, 0);
    let known: Vec<SourceId> = report.sources.iter().map(|source| source.id).collect();
    let mut by_source: BTreeMap<SourceId, Vec<&Citation>> = BTreeMap::new();
    for citation in &report.citations {
        if citation.digest.is_none() {
            unchecked += 1;
        } else if known.contains(&citation.source) {
            by_source.entry(citation.source).or_default().push(citation);
        } else {
            faults.push(format!(
                "unknown: {} is of a file that is not in the register",
                inert(&citation.to_string())
            ));
        }
    }
    for (source, cited) in by_source {
        let Some(file) = files.get(&source) else { continue };
        let digests =
            cited::digests(file, &cited).with_context(|| format!("cannot read {}", file.display()))?;
        for (citation, found) in cited.iter().zip(digests) {
            checked += 1;
            let stated = citation.digest.as_deref().unwrap_or_default();
            let text = citation.to_string();
            let text = inert(&text);
            match found {
                Some(found) if found == stated => {}
                Some(found) => faults.push(format!("changed: {text} is stated as {stated} and is {found}")),
                None => faults.push(format!("changed: {text} is stated as {stated} and is no longer there")),
            }
        }
    }
    Ok((checked, unchecked))
}

/// Reads a report, and what it states.
///
/// # Errors
/// When it cannot be read or is none.
pub(super) fn read(path: &Path) -> Result<StatedReport> {
    let text = std::fs::read(path)
        .with_context(|| format!("cannot read {}; check the path of the report", path.display()))?;
    let text = String::from_utf8_lossy(&text);
    cited::stated(&text).with_context(|| format!("{} is no report", path.display()))
}

/// The digest of a file that differs from the one stated.
fn mismatch(file: &Path, stated: Option<&str>) -> Result<Option<String>> {
    let Some(stated) = stated else { return Ok(None) };
    let found = sha256(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok((found != stated).then_some(found))
}

/// The file that a report names: where it was given, else next to the report, else in a folder that the user names.
///
/// Of several the one with the stated digest is taken.
pub(super) fn find(written: &Written, path: &str, stated: Option<&str>) -> Option<PathBuf> {
    let given = Path::new(path);
    let name = given.file_name();
    let places: Vec<PathBuf> = if let Some(folder) = &written.evidence_dir {
        let relative = given.strip_prefix("/").unwrap_or(given);
        [Some(folder.join(relative)), name.map(|name| folder.join(name))].into_iter().flatten().collect()
    } else {
        let folder = written.report.parent().unwrap_or(Path::new("."));
        [Some(given.to_owned()), Some(folder.join(given)), name.map(|name| folder.join(name))]
            .into_iter()
            .flatten()
            .collect()
    };
    let there: Vec<PathBuf> = places.into_iter().filter(|place| place.is_file()).collect();
    let same = |place: &&PathBuf| stated.is_none() || sha256(place).ok().as_deref() == stated;
    if there.len() < 2 {
        there.into_iter().next()
    } else {
        there.iter().find(same).or(there.first()).cloned()
    }
}
