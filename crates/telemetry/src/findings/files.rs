use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use super::lives::{Lives, Restart};
use super::rise::{rises, trend_evidence};
use crate::document::{Series, Telemetry};

/// Open files that grew by less are left alone.
const LEAST_FILES: f64 = 10.0;
/// From this share of the limit on, they are near it.
const NEAR: f64 = 0.9;

/// Judges whether open files rose, and how near they came to their limit.
pub(super) fn judge(telemetry: &mut Telemetry, lives: &Lives) {
    let mut findings = Vec::new();
    for series in &telemetry.series {
        if matches!(series.name.as_str(), "process_open_fds" | "process.open_file_descriptor.count") {
            let restarts = lives.restarts_of(&series.target());
            let most = telemetry
                .series
                .iter()
                .find(|other| other.name == "process_max_fds" && other.target() == series.target());
            findings.extend(files(series, restarts, most));
        }
    }
    telemetry.findings.extend(findings);
}

/// Open files against how many may be open.
fn files(series: &Series, restarts: &[Restart], most: Option<&Series>) -> Option<Finding> {
    let rise = rises(series, restarts).pop().filter(|rise| rise.growth() >= LEAST_FILES);
    let highest = series.points.iter().enumerate().max_by(|(_, (_, a)), (_, (_, b))| a.total_cmp(b));
    let (index, time, open) = match highest {
        Some((index, (time, open))) => (index, format!(" at {time}"), *open),
        None => (0, String::new(), series.value?),
    };
    let limit = most.and_then(|most| {
        let value = most.points.last().map(|(_, value)| *value).or(most.value)?;
        Some((value, most.cite(most.points.len().saturating_sub(1)))).filter(|(value, _)| *value > 0.0)
    });
    let share = limit.as_ref().map(|(limit, _)| open / limit);
    let is_near = share.is_some_and(|share| share >= NEAR);
    if rise.is_none() && !is_near {
        return None;
    }
    let of_limit = limit.as_ref().zip(share).map_or_else(String::new, |((limit, _), share)| {
        format!(", {:.0} % of the {limit:.0} that may be", share * 100.0)
    });
    let title = format!("{open:.0} files of {} were open{time}{of_limit}", series.target());
    let (id, severity) = if is_near {
        ("files-near-limit", Severity::Error)
    } else {
        ("open-files-rising", Severity::Warning)
    };
    let mut finding = Finding::new(id, severity, Confidence::Moderate, title)
        .about(series.target())
        .refuted_if("the number falls again in the same process when load falls");
    if let Some(rise) = rise {
        finding = finding.with_evidence(trend_evidence(series, &rise, |count| format!("{count:.1}")));
    }
    if let Some((limit, citation)) = limit {
        let statement = format!("{open:.0} of at most {limit:.0}");
        finding = finding
            .with_evidence(Evidence::new(Basis::Observed, statement).cite(series.cite(index)).cite(citation));
    }
    Some(finding)
}
