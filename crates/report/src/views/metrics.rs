//! Which metrics a report draws, in which order, and of what each is: those that the cause rests on come first, and
//! what a host, a container and a process measure is kept apart.

use std::collections::BTreeMap;

use pycoroner_findings::{Citation, Finding, Span, UtcTime};

use super::trend::{self, Trend};
use crate::Incident;
use crate::sections::{Label, Series};

/// Most curves of one scope.
const MOST_CURVES: usize = 8;
/// Most scopes.
const MOST_SCOPES: usize = 4;
/// Metrics besides memory that tell something of a process before its end, the most telling first.
const TELLING: [&str; 7] = [
    "process_virtual_memory_bytes",
    "process_open_fds",
    "process_threads",
    "python_gc_collections",
    "python_gc_objects",
    "process_cpu_seconds",
    "up",
];
/// Labels that say whose a metric is; all others say what of it was measured.
const TARGET: [&str; 9] =
    ["instance", "job", "service", "service_name", "namespace", "pod", "container", "node", "host"];

/// What one thing measured: a process, a container or a host.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scope<'a> {
    pub(crate) kind: &'static str,
    /// The labels that say which one it is.
    pub(crate) target: Vec<&'a Label>,
    pub(crate) curves: Vec<Curve<'a>>,
    /// Metrics that had one value all the time.
    pub(crate) level: Vec<Curve<'a>>,
    /// Metrics that are not drawn.
    pub(crate) left_out: usize,
    /// When it was started anew.
    pub(crate) restarts: Vec<UtcTime>,
    /// First and last sample of the curves.
    pub(crate) span: (UtcTime, UtcTime),
}

/// One metric of a scope.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Curve<'a> {
    pub(crate) trend: Trend<'a>,
    /// The labels that tell it from others of the same name.
    pub(crate) labels: Vec<&'a Label>,
    /// Whether the likeliest cause rests on it.
    pub(crate) is_of_cause: bool,
}

/// The curves worth drawing, by scope; the scope of the most telling one first.
pub(crate) fn scopes(incident: &Incident) -> Vec<Scope<'_>> {
    let Some(telemetry) = &incident.telemetry else { return Vec::new() };
    let ranks = Ranks::of(incident);
    let mut ranked: Vec<((usize, usize), &Series)> = telemetry
        .series
        .iter()
        .filter(|series| is_measure(series))
        .map(|series| (ranks.rank(series), series))
        .collect();
    ranked.sort_by_key(|(rank, series)| (*rank, std::cmp::Reverse(series.points.len())));
    let mut scopes: Vec<Scope> = Vec::new();
    let mut known: BTreeMap<_, usize> = BTreeMap::new();
    for (rank, series) in ranked {
        let Some(trend) = Trend::of(series) else { continue };
        let target = target(series);
        let labels: Vec<(&str, &str)> = target.iter().map(|label| (&*label.name, &*label.value)).collect();
        let key = (kind(series), labels);
        let index = *known.entry(key).or_insert(scopes.len());
        if index == scopes.len() {
            let restarts = series.restarts.clone();
            let (curves, level) = (Vec::new(), Vec::new());
            let span = (UtcTime(i64::MAX), UtcTime(i64::MIN));
            scopes.push(Scope { kind: kind(series), target, curves, level, left_out: 0, restarts, span });
        }
        if let Some(scope) = scopes.get_mut(index) {
            scope.take(Curve { trend, labels: own_labels(series), is_of_cause: rank.0 == 0 });
        }
    }
    scopes.retain(|scope| !scope.curves.is_empty() || !scope.level.is_empty());
    scopes.truncate(MOST_SCOPES);
    scopes
}

impl<'a> Scope<'a> {
    fn take(&mut self, curve: Curve<'a>) {
        let points = &curve.trend.series.points;
        // What reads the same from the first sample to the last has no curve.
        let shown = |value: f64| trend::value_text(curve.trend.series, value);
        let (least, most) =
            points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), (_, value)| {
                (least.min(*value), most.max(*value))
            });
        if shown(least) == shown(most) {
            self.level.push(curve);
            return;
        }
        if self.curves.len() == MOST_CURVES {
            self.left_out += 1;
            return;
        }
        if let (Some((from, _)), Some((to, _))) = (points.first(), points.last()) {
            self.span = (self.span.0.min(*from), self.span.1.max(*to));
        }
        self.curves.push(curve);
    }
}

/// Whether it is a measurement of something, and not what a monitoring system says of itself or of starts.
fn is_measure(series: &Series) -> bool {
    const OTHER: [&str; 4] = ["ALERTS", "scrape_", "process_start_time", "prometheus_"];
    !OTHER.iter().any(|name| series.name.starts_with(name)) && !series.name.ends_with("_created")
}

fn kind(series: &Series) -> &'static str {
    let starts = |names: &[&str]| names.iter().any(|name| series.name.starts_with(name));
    if starts(&["node_", "system."]) {
        "Host"
    } else if starts(&["container_", "kube_"]) {
        "Container"
    } else {
        "Process"
    }
}

fn target(series: &Series) -> Vec<&Label> {
    TARGET
        .iter()
        .filter_map(|name| series.labels.iter().find(|label| label.name == *name && !label.value.is_empty()))
        .collect()
}

fn own_labels(series: &Series) -> Vec<&Label> {
    series.labels.iter().filter(|label| label.name != "__name__" && !TARGET.contains(&&*label.name)).collect()
}

/// What makes a metric worth showing.
struct Ranks<'a> {
    /// Citations of the likeliest cause, and of the others.
    cause: Vec<&'a Citation>,
    causes: Vec<&'a Citation>,
    memory: Vec<&'a Series>,
}

impl<'a> Ranks<'a> {
    fn of(incident: &'a Incident) -> Self {
        let cited = |findings: &'a [usize]| {
            // That something was started anew is shown by every counter, and is told of the scope.
            let findings = findings.iter().filter_map(|index| incident.findings.get(*index));
            findings.filter(|finding| finding.id != "restart-seen").flat_map(citations)
        };
        let mut causes = incident.causes.iter();
        Self {
            cause: causes.next().into_iter().flat_map(|cause| cited(&cause.findings)).collect(),
            causes: causes.flat_map(|cause| cited(&cause.findings)).collect(),
            memory: incident.telemetry.as_ref().map(trend::memory).unwrap_or_default(),
        }
    }

    fn rank(&self, series: &Series) -> (usize, usize) {
        let place = |all: &[&Citation]| {
            let own = series.citation.as_ref()?;
            all.iter().position(|cited| is_within(cited, own))
        };
        if let Some(place) = place(&self.cause) {
            return (0, place);
        }
        if let Some(place) = place(&self.causes) {
            return (1, place);
        }
        if self.memory.iter().any(|memory| std::ptr::eq(*memory, series)) {
            return (2, 0);
        }
        if let Some(place) = TELLING.iter().position(|name| series.name.starts_with(name)) {
            return (4, place);
        }
        // What a team measures itself tells more of its service than what every process has; counters only ever rise.
        (3, usize::from(series.is_counter || series.name.ends_with("_total")))
    }
}

fn citations(finding: &Finding) -> impl Iterator<Item = &Citation> {
    finding.evidence.iter().flat_map(|evidence| &evidence.citations)
}

/// Whether a citation is of a series or of one of its samples.
fn is_within(cited: &Citation, series: &Citation) -> bool {
    match (&cited.span, &series.span) {
        (Span::Pointer { pointer: cited_at }, Span::Pointer { pointer }) => {
            let rest = cited_at.strip_prefix(pointer.as_str());
            cited.source == series.source && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        (own, other) => cited.source == series.source && own == other,
    }
}

#[cfg(test)]
mod tests {
    use pycoroner_findings::{Basis, Confidence, Evidence, Severity, SourceId};

    use super::*;
    use crate::sections::TelemetrySection;
    use crate::{Material, assemble};

    fn series(index: usize, name: &str, labels: &[(&str, &str)], values: &[f64]) -> Series {
        let points = values.iter().zip(0..).map(|(value, second)| (UtcTime(second * 1_000_000_000), *value));
        let labels =
            labels.iter().map(|(name, value)| Label { name: (*name).into(), value: (*value).into() });
        Series {
            name: name.into(),
            labels: labels.collect(),
            points: points.collect(),
            citation: Some(Citation::new(SourceId(1), Span::Pointer { pointer: format!("/{index}/values") })),
            ..Series::default()
        }
    }

    fn incident(series: Vec<Series>) -> Incident {
        let policy = pycoroner_redact::Redactor::new(pycoroner_redact::Policy::Off);
        let mut incident = assemble(Material::default(), &policy);
        incident.telemetry = Some(TelemetrySection { series, ..TelemetrySection::default() });
        incident
    }

    #[test]
    fn scopes_are_kept_apart_and_labels_tell_which() {
        let target: [(&str, &str); 2] = [("instance", "a:1"), ("job", "shop")];
        let with = |more: (&'static str, &'static str)| [target[0], target[1], more];
        let incident = incident(vec![
            series(0, "node_memory_MemFree_bytes", &[("instance", "host:9100")], &[1.0, 2.0]),
            series(1, "shop_requests_total", &with(("status", "200")), &[1.0, 2.0]),
            series(2, "process_open_fds", &target, &[7.0, 7.0]),
            Series {
                restarts: vec![UtcTime(1_000_000_000)],
                ..series(3, "process_resident_memory_bytes", &target, &[1.0, 2.0])
            },
            series(4, "ALERTS", &target, &[1.0, 1.0]),
            series(5, "process_start_time_seconds", &target, &[1.0, 9.0]),
        ]);
        let names = |curves: &[Curve]| -> Vec<String> {
            let text = |curve: &Curve| {
                let labels = curve.labels.iter().map(|label| format!(" {}={}", label.name, label.value));
                curve.trend.series.name.clone() + &labels.collect::<String>()
            };
            curves.iter().map(text).collect()
        };
        let scopes = scopes(&incident);
        let shown: Vec<_> =
            scopes.iter().map(|scope| (scope.kind, names(&scope.curves), names(&scope.level))).collect();
        let name = |name: &str| vec![name.to_owned()];
        let own =
            vec!["process_resident_memory_bytes".to_owned(), "shop_requests_total status=200".to_owned()];
        assert_eq!(
            shown,
            [
                ("Process", own, name("process_open_fds")),
                ("Host", name("node_memory_MemFree_bytes"), Vec::new())
            ]
        );
        assert_eq!(scopes[0].restarts.len(), 1);
        assert_eq!(scopes[0].target.iter().map(|label| &*label.value).collect::<Vec<_>>(), ["a:1", "shop"]);
    }

    #[test]
    fn what_the_cause_rests_on_comes_first() {
        let mut incident = incident(vec![
            series(0, "process_resident_memory_bytes", &[], &[1.0, 2.0]),
            series(1, "queue_length", &[], &[1.0, 2.0]),
        ]);
        let cited = Citation::new(SourceId(1), Span::Pointer { pointer: "/1/values/1".into() });
        let evidence = Evidence::new(Basis::Observed, "it rose").cite(cited);
        let finding =
            Finding::new("rising", Severity::Warning, Confidence::Strong, "it rose").with_evidence(evidence);
        incident.findings = vec![finding];
        incident.causes[0].findings = vec![0];
        let scopes = scopes(&incident);
        let names: Vec<_> =
            scopes[0].curves.iter().map(|curve| (&*curve.trend.series.name, curve.is_of_cause)).collect();
        assert_eq!(names, [("queue_length", true), ("process_resident_memory_bytes", false)]);
    }

    #[test]
    fn a_sample_is_within_its_series() {
        let at = |source, pointer: &str| {
            Citation::new(SourceId(source), Span::Pointer { pointer: pointer.into() })
        };
        let check = |cited, series, expected| assert_eq!(is_within(&cited, &series), expected);
        check(at(1, "/a/1"), at(1, "/a"), true);
        check(at(1, "/a"), at(1, "/a"), true);
        check(at(1, "/ab"), at(1, "/a"), false);
        check(at(2, "/a/1"), at(1, "/a"), false);
    }
}
