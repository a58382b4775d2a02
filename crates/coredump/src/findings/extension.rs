//! The extension in which, or on whose behalf, the process failed.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::snapshot::document::{ExtensionSection, FoundBy, ProcessSnapshot};

/// Names the extension, its function and its version.
pub(super) fn finding(snapshot: &ProcessSnapshot) -> Option<Finding> {
    let extension = snapshot.crash.extension.as_ref()?;
    let name = extension.module.rsplit('/').next().unwrap_or_default();
    let what = match (&extension.python_module, &extension.version) {
        (Some(module), Some(version)) => format!("{name} (Python module {module}, version {version})"),
        (Some(module), None) => format!("{name} (Python module {module})"),
        _ => name.to_owned(),
    };
    let function = extension.function.as_ref().map(|name| format!(", function {name},")).unwrap_or_default();
    let title = match extension.frames_within {
        0 => format!("the instruction that failed is the extension's: {what}{function}"),
        _ => format!("the extension {what}{function} had called what failed"),
    };
    let mut finding = Finding::new("fault-in-extension", Severity::Error, confidence(extension), title)
        .about(name)
        .with_evidence(
            Evidence::new(Basis::Derived, place(extension)).cite(snapshot.crash.citations.first().cloned()),
        );
    if extension.frames_within > 0 {
        let statement =
            format!("{} frames of the C library and the interpreter lie within it", extension.frames_within);
        finding = finding.with_evidence(Evidence::new(Basis::Derived, statement));
    }
    Some(finding.refuted_if("the extension was given bad data, or memory that others had overwritten"))
}

fn confidence(extension: &ExtensionSection) -> Confidence {
    match (extension.frames_within, extension.found_by) {
        (0, _) => Confidence::Strong,
        (_, FoundBy::Scan) => Confidence::Weak,
        _ => Confidence::Moderate,
    }
}

fn place(extension: &ExtensionSection) -> String {
    let offset = extension.offset.map(|offset| format!("+{offset}")).unwrap_or_default();
    let build = extension.build_id.as_ref().map(|id| format!(" (build ID {id})")).unwrap_or_default();
    let found = match extension.found_by {
        FoundBy::Registers => "the instruction pointer stands",
        FoundBy::Scan => "a word on the stack that looks like a return address leads",
        _ => "a frame of the stack stands",
    };
    format!("{found} in {}{offset}{build}", extension.module)
}
