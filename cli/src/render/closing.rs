//! What stands at the end of every text: findings, gaps, redactions.

use std::fmt::Write as _;

use pycoroner_findings::{Confidence, Finding, Gap, GapKind, Severity};

use super::inert::inert;
use super::quantity::counted;
use super::style::{BAD, FAINT, STRONG, WARN};
use crate::redaction::Redaction;

/// Gaps that are shown; a damaged core can have thousands.
const MOST_GAPS: usize = 25;

/// Writes the sections that are not empty.
pub(super) fn write(out: &mut String, findings: &[Finding], gaps: &[Gap], redactions: &[Redaction]) {
    write_findings(out, findings);
    write_gaps(out, gaps);
    let masked: u64 = redactions.iter().fold(0, |sum, redaction| sum.saturating_add(redaction.count));
    if masked > 0 {
        let rules: Vec<&str> = redactions.iter().map(|redaction| redaction.rule.as_str()).collect();
        let times = counted(masked, "value");
        let _ = writeln!(out, "\n{FAINT}Masked as <redacted>: {times} ({}).", inert(&rules.join(", ")));
        let _ = writeln!(out, "Others may be secret too; --redact off shows all.{FAINT:#}");
    }
}

fn write_findings(out: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{STRONG}Findings{STRONG:#}");
    for finding in findings {
        let style = match finding.severity {
            Severity::Critical | Severity::Error => BAD,
            Severity::Warning => WARN,
            Severity::Info => STRONG,
        };
        let _ = writeln!(
            out,
            "  {style}{}{style:#} {FAINT}({}, {}){FAINT:#}",
            inert(&finding.title),
            finding.id,
            confidence(finding.confidence)
        );
        for (sign, evidence) in finding
            .evidence
            .iter()
            .map(|item| ('+', item))
            .chain(finding.against.iter().map(|item| ('-', item)))
        {
            let _ = write!(out, "    {sign} {}", inert(&evidence.statement));
            for citation in evidence.citations.iter().take(3) {
                let _ = write!(out, " {FAINT}{citation}{FAINT:#}");
            }
            out.push('\n');
        }
        if let Some(observation) = &finding.refuted_if {
            let _ = writeln!(out, "    {FAINT}refuted if: {}{FAINT:#}", inert(observation));
        }
    }
}

fn write_gaps(out: &mut String, gaps: &[Gap]) {
    if gaps.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{STRONG}Gaps: what could not be known{STRONG:#}");
    for gap in gaps.iter().take(MOST_GAPS) {
        let kind = gap_kind(gap.kind);
        let _ = writeln!(
            out,
            "  {WARN}{}{WARN:#}: {} {FAINT}({kind}){FAINT:#}",
            inert(&gap.what),
            inert(&gap.why)
        );
        if let Some(remedy) = &gap.remedy {
            let _ = writeln!(out, "    next time: {}", inert(remedy));
        }
    }
    if let Some(more) = gaps.len().checked_sub(MOST_GAPS).filter(|more| *more > 0) {
        let _ = writeln!(out, "  and {}; --format json lists all", counted(more as u64, "more gap"));
    }
}

pub(super) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Weak => "weak",
        Confidence::Moderate => "moderate",
        Confidence::Strong => "strong",
        Confidence::Certain => "certain",
    }
}

fn gap_kind(kind: GapKind) -> &'static str {
    match kind {
        GapKind::Truncated => "truncated",
        GapKind::NotDumped => "not dumped",
        GapKind::Unmapped => "unmapped",
        GapKind::Corrupt => "corrupt",
        GapKind::Unknown => "unknown",
        GapKind::Limit => "limit reached",
        GapKind::Missing => "missing",
    }
}
