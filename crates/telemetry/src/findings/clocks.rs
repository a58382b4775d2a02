use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::document::Telemetry;

/// Clocks that are this near to each other do not change the order of what is shown.
const LEAST_MS: u64 = 50;

/// States which sources have clocks that are apart by more than their pairs leave open.
pub(super) fn judge(telemetry: &mut Telemetry) {
    let apart =
        telemetry.skews.iter().filter(|skew| skew.offset_ms.unsigned_abs() > skew.spread_ms + LEAST_MS);
    let findings = apart.map(|skew| {
        let seconds = |millis: u64| format!("{}.{:03} s", millis / 1000, millis % 1000);
        let direction = if skew.offset_ms > 0 { "ahead of" } else { "behind" };
        let title = format!(
            "Times of {} are {} {direction} those of {}",
            skew.source,
            seconds(skew.offset_ms.unsigned_abs()),
            skew.against
        );
        let statement = format!(
            "by {} {} that both have, within {}; nothing was shifted for it",
            skew.pairs,
            skew.by,
            seconds(skew.spread_ms)
        );
        let sign = if skew.offset_ms > 0 { '-' } else { '+' };
        let remedy = seconds(skew.offset_ms.unsigned_abs()).replace(' ', "");
        let confidence = if skew.pairs >= 3 { Confidence::Strong } else { Confidence::Moderate };
        Finding::new("clock-skew", Severity::Warning, confidence, title)
            .about(skew.source.to_string())
            .with_evidence(Evidence::new(Basis::Derived, statement))
            .refuted_if(format!(
                "with --skew {}={sign}{remedy} the order of events makes less sense than without",
                skew.source
            ))
    });
    let findings: Vec<Finding> = findings.collect();
    telemetry.findings.extend(findings);
}
