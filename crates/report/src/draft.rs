use std::collections::{BTreeMap, BTreeSet};

use pycoroner_findings::{
    Citation, Event, Finding, Gap, GapKind, Severity, Source, SourceId, Span, Timestamp,
};
use pycoroner_redact::{Ledger, Redactor, rules};
use serde::Serialize;
use serde_json::Value;

use crate::causes::{Case, rank};
use crate::sections::{LogsSection, flatten_exceptions, list_levels, name_last_record, remove_nulls};
use crate::timeline::merge;
use crate::views::end;
use crate::{Incident, Redaction, SCHEMA, citations, findings, last_sign};

/// What producers hand in, as they have it: not merged, not redacted.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// The register of evidence.
    pub sources: Vec<Source>,
    /// Documents `pycoroner.core/1`, `…heap/1`, `…logs/1` and `…telemetry/1`; their findings, gaps and events are
    /// taken as well.
    pub documents: Vec<Value>,
    /// Findings that stand in no document.
    pub findings: Vec<Finding>,
    /// Events that stand in no document.
    pub events: Vec<Event>,
    /// Gaps that stand in no document.
    pub gaps: Vec<Gap>,
    /// When the process died, where it is known from elsewhere than an event `process-died`.
    pub died_at: Option<Timestamp>,
}

/// Merges material into an incident, ranks its causes and masks its secrets; no citation is hashed.
pub fn assemble(material: Material, redactor: &Redactor) -> Incident {
    Draft::of(material).redacted(*redactor)
}

/// An incident that is merged and judged, and whose secrets are still there.
///
/// This is the moment to hash what it cites: masking may change what a citation says, never what it is a hash of.
#[derive(Clone, Debug)]
pub struct Draft {
    incident: Incident,
}

impl Draft {
    /// Merges material and ranks its causes.
    ///
    /// What stands both in a document and beside it counts once. A document that cannot be read becomes a gap.
    pub fn of(material: Material) -> Self {
        Self { incident: merged(material) }
    }

    /// All that is cited, each place once.
    pub fn citations(&self) -> Vec<Citation> {
        citations::of(&self.incident)
    }

    /// What could not be known.
    pub fn gaps(&self) -> &[Gap] {
        &self.incident.gaps
    }

    /// States the digests of cited bytes, by the text of the citation (`[E3:L1042]`).
    pub fn add_digests(&mut self, digests: &BTreeMap<String, String>) {
        citations::add_digests(&mut self.incident, digests);
    }

    /// Masks all secrets.
    pub fn redacted(self, redactor: Redactor) -> Incident {
        self.incident.masked(redactor)
    }
}

fn merged(material: Material) -> Incident {
    let Material { sources, documents, findings, events, gaps, died_at } = material;
    let mut incident = Incident {
        schema: SCHEMA.into(),
        generated_at: None,
        died_at: None,
        last_sign: None,
        sources,
        core: None,
        heap: None,
        logs: None,
        telemetry: None,
        timeline: events,
        findings,
        causes: Vec::new(),
        gaps,
        redactions: Vec::new(),
    };
    for document in documents {
        incident.take_document(document);
    }
    incident.died_at = died_at.or_else(|| incident.stated_death());
    incident.add_death();
    last_sign::narrow(&mut incident);
    // What is shown of them stands elsewhere.
    if let Some(process) = incident.logs.as_mut().and_then(|logs| logs.process.as_mut()) {
        process.last_records.clear();
    }
    incident.timeline = merge(std::mem::take(&mut incident.timeline));
    findings::add(&mut incident);
    remove_doubles(&mut incident.findings);
    remove_doubles(&mut incident.gaps);
    incident.findings.sort_by(|a, b| {
        (b.severity, b.confidence)
            .cmp(&(a.severity, a.confidence))
            .then_with(|| (&a.id, &a.title).cmp(&(&b.id, &b.title)))
    });
    incident.gaps.sort_by(|a, b| (a.kind, &a.what, &a.why).cmp(&(b.kind, &b.what, &b.why)));
    incident.causes = rank(&Case::of(&incident));
    incident
}

impl Incident {
    fn take_document(&mut self, mut document: Value) {
        remove_nulls(&mut document);
        let schema = document.get("schema").and_then(Value::as_str).unwrap_or_default().to_owned();
        let findings = self.items(&mut document, &schema, "findings");
        self.findings.extend(findings);
        let gaps = self.items(&mut document, &schema, "gaps");
        self.gaps.extend(gaps);
        let read = match schema.as_str() {
            "pycoroner.core/1" => self.take_core(document),
            "pycoroner.heap/1" => serde_json::from_value(document).map(|heap| self.heap = Some(heap)),
            "pycoroner.logs/1" => self.take_logs(document),
            "pycoroner.telemetry/1" => self.take_telemetry(document),
            _ => {
                self.gaps.push(Gap::new(GapKind::Unknown, "a document", format!("its schema is {schema:?}")));
                Ok(())
            }
        };
        if let Err(error) = read {
            self.gaps.push(Gap::new(GapKind::Unknown, format!("the document {schema}"), error.to_string()));
        }
    }

    /// Takes a list out of a document; items that cannot be read become one gap.
    fn items<T: serde::de::DeserializeOwned>(
        &mut self,
        document: &mut Value,
        schema: &str,
        key: &str,
    ) -> Vec<T> {
        let Some(Value::Array(items)) = document.get_mut(key).map(Value::take) else { return Vec::new() };
        let total = items.len();
        let read: Vec<T> = items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect();
        if read.len() < total {
            let what = format!("{} of the {key} of {schema}", total - read.len());
            self.gaps.push(Gap::new(GapKind::Unknown, what, "they do not have the form of the contract"));
        }
        read
    }

    fn take_core(&mut self, mut document: Value) -> serde_json::Result<()> {
        if flatten_exceptions(&mut document) {
            self.gaps.push(Gap::new(
                GapKind::Limit,
                "the rest of an exception chain",
                "it has more than 100 links",
            ));
        }
        self.core = Some(serde_json::from_value(document)?);
        Ok(())
    }

    fn take_logs(&mut self, mut document: Value) -> serde_json::Result<()> {
        list_levels(&mut document);
        name_last_record(&mut document);
        let mut logs: LogsSection = serde_json::from_value(document)?;
        logs.cite();
        let events = std::mem::take(&mut logs.events);
        self.timeline.extend(events.into_iter().map(|event| event.into_event(&logs.sources)));
        // Lines that an event or traceback states already are not said again as a mere record.
        let stated: BTreeSet<_> = self.timeline.iter().filter_map(first_line).collect();
        let records = logs.warnings.iter().map(|record| record.to_event().into_event(&logs.sources));
        self.timeline
            .extend(records.filter(|event| first_line(event).is_none_or(|line| !stated.contains(&line))));
        self.timeline.extend(logs.first_silence());
        self.logs = Some(logs);
        Ok(())
    }

    fn take_telemetry(&mut self, mut document: Value) -> serde_json::Result<()> {
        let events = self.items(&mut document, "pycoroner.telemetry/1", "events");
        keep_pairs(&mut document);
        self.timeline.extend::<Vec<Event>>(events);
        self.telemetry = Some(serde_json::from_value(document)?);
        Ok(())
    }

    /// The time of the event that says that this process died.
    fn stated_death(&self) -> Option<Timestamp> {
        let pid = self.core.as_ref().and_then(|core| core.process.pid);
        end::event_among(&self.timeline, pid)?.at
    }

    /// Adds the death to the timeline unless an event says it already.
    fn add_death(&mut self) {
        let (Some(at), Some(core)) = (self.died_at, &self.core) else { return };
        let is_death =
            |event: &Event| matches!(&*event.kind, "process-died" | "core-taken") || event.at == Some(at);
        if self.timeline.iter().any(is_death) {
            return;
        }
        let signal = core.crash.as_ref().and_then(|crash| crash.signal_name.clone());
        let message = signal
            .map_or("the process stopped".to_owned(), |signal| format!("the process stopped: {signal}"));
        let mut event = if core.is_alive() {
            Event::new("core-taken", Severity::Info, "the core was taken of a living process")
        } else {
            Event::new("process-died", Severity::Critical, message)
        };
        event.at = Some(at);
        event.pid = core.process.pid;
        event.signal = core.crash.as_ref().and_then(|crash| crash.signal);
        self.timeline.push(event);
    }

    /// Masks the secrets of every string; as a whole document, so that no member is forgotten.
    ///
    /// Of an incident that was masked before, only what was left is masked and counted.
    #[must_use]
    pub fn masked(self, redactor: Redactor) -> Self {
        let mut ledger = Ledger::default();
        let masked = serde_json::to_value(&self).and_then(|mut document| {
            redactor.json(&mut document, &mut ledger);
            serde_json::from_value(document)
        });
        let mut incident: Self = masked.unwrap_or_else(|error| Self {
            // Showing nothing is safe, showing what could not be masked is not.
            core: None,
            heap: None,
            logs: None,
            telemetry: None,
            sources: Vec::new(),
            timeline: Vec::new(),
            findings: Vec::new(),
            causes: Vec::new(),
            gaps: vec![Gap::new(
                GapKind::Unknown,
                "the whole incident",
                format!("it could not be redacted: {error}"),
            )],
            redactions: Vec::new(),
            ..self
        });
        for (rule, count) in ledger.iter() {
            match incident.redactions.iter_mut().find(|known| known.rule == rule) {
                Some(known) => known.count = known.count.saturating_add(count),
                None => incident.redactions.push(redaction(rule, count)),
            }
        }
        incident
    }
}

/// The source and where in it an event's citation begins: its line, or its byte where lines are not known.
fn first_line(event: &Event) -> Option<(SourceId, u64)> {
    let citation = event.citation.as_ref()?;
    match citation.span {
        Span::Lines { first, .. } => Some((citation.source, first)),
        Span::Bytes { offset, .. } => Some((citation.source, offset)),
        Span::Pointer { .. } => None,
    }
}

fn redaction(id: &str, count: u64) -> Redaction {
    let description = rules().iter().find(|rule| rule.id == id).map_or("", |rule| rule.description);
    Redaction { rule: id.to_owned(), description: description.to_owned(), count }
}

/// Keeps the first of equal items, in order.
fn remove_doubles<T: Serialize>(items: &mut Vec<T>) {
    let mut seen = BTreeSet::new();
    items.retain(|item| serde_json::to_string(item).map_or(true, |text| seen.insert(text)));
}

/// Drops points of series that are no pair of a time and a number, such as those whose value was not a number.
fn keep_pairs(document: &mut Value) {
    let series = document.get_mut("series").and_then(Value::as_array_mut);
    for points in series.into_iter().flatten().filter_map(|series| series.get_mut("points")?.as_array_mut()) {
        let is_pair = |pair: &Vec<Value>| pair.len() == 2 && pair.iter().all(|part| !part.is_null());
        points.retain(|point| point.as_array().is_some_and(is_pair));
    }
}
