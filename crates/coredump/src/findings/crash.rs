//! The end itself, as a finding.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity, signals};

use crate::findings::place;
use crate::snapshot::document::{ProcessSnapshot, ThreadSection};

/// The interpreter's own end: it found its state to be broken and called `abort`.
///
/// Handlers such as `faulthandler`'s write "Fatal Python error" for plain signals as well; those are told by the
/// signal.
pub(super) fn fatal_error(snapshot: &ProcessSnapshot) -> Option<Finding> {
    let crash = &snapshot.crash;
    crash.verdict.as_ref().filter(|verdict| verdict.id == "abort")?;
    let message = crash.fatal_message.as_deref()?;
    let found_by = crash.fatal_message_found_by.as_deref().unwrap_or("in memory");
    let title = format!("The interpreter stopped itself: {message}");
    let evidence =
        Evidence::new(Basis::Derived, format!("the text was found where a fatal error has it ({found_by})"));
    Some(
        Finding::new("fatal-python-error", Severity::Critical, Confidence::Moderate, title)
            .with_evidence(evidence.cite(crash.fatal_message_citation.clone()))
            .refuted_if("the text was left over from something else"),
    )
}

/// Functions that end the process they are called in, or can.
const ABORTS: [&str; 3] = ["posix.abort", "os.abort", "signal.raise_signal"];

/// The program ended itself: its innermost Python frame had called `os.abort`, so no check in native code failed. It may
/// have done so because a signal came, as supervisors send one to what does not answer.
pub(super) fn abort_called(snapshot: &ProcessSnapshot, crashed: Option<&ThreadSection>) -> Option<Finding> {
    snapshot.crash.verdict.as_ref().filter(|verdict| verdict.id == "abort")?;
    let thread = crashed?;
    let call = thread.c_call.as_ref().filter(|call| ABORTS.contains(&call.name.as_str()))?;
    let frame = thread.python_frames.first()?;
    let statement = format!("{} is what the innermost Python frame had called", call.name);
    let handler = thread.python_frames.iter().find_map(|frame| Some((frame, frame.handles_signal?)));
    let (id, title) = match handler {
        Some((_, signal)) => {
            let name = signals::name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned);
            let title =
                format!("The program's own handler of {name} called {}(): {}", call.name, place(frame));
            ("abort-in-handler", title)
        }
        None => ("abort-called", format!("The program called {}() itself: {}", call.name, place(frame))),
    };
    let finding = Finding::new(id, Severity::Error, Confidence::Strong, title)
        .about(place(frame))
        .with_evidence(Evidence::new(Basis::Derived, statement).cite(frame.citation.clone()))
        .refuted_if("the call had returned, and native code aborted later");
    let Some((handler, _)) = handler else { return Some(finding) };
    let statement =
        format!("{} was called with the signal and the frame that it interrupted", place(handler));
    Some(finding.with_evidence(Evidence::new(Basis::Derived, statement).cite(handler.citation.clone())))
}

/// The verdict with what it rests on.
pub(super) fn finding(snapshot: &ProcessSnapshot, crashed: Option<&ThreadSection>) -> Option<Finding> {
    let verdict = snapshot.crash.verdict.as_ref()?;
    let (id, severity) = match verdict.id {
        "null-dereference" => ("crash-null-dereference", Severity::Critical),
        "stack-overflow" => ("crash-stack-overflow", Severity::Critical),
        "invalid-access" => ("crash-invalid-access", Severity::Critical),
        "use-after-free" => ("crash-use-after-free", Severity::Critical),
        "file-truncated" => ("crash-file-truncated", Severity::Critical),
        "divide-by-zero" => ("crash-divide-by-zero", Severity::Critical),
        "illegal-instruction" => ("crash-illegal-instruction", Severity::Critical),
        "abort" => ("crash-abort", Severity::Critical),
        "resource-limit" => ("crash-resource-limit", Severity::Error),
        "own-signal" => ("crash-own-signal", Severity::Error),
        "external-signal" => ("crash-external-kill", Severity::Error),
        "no-crash" => ("no-crash", Severity::Info),
        _ => ("crash-signal", Severity::Critical),
    };
    let signal = snapshot.crash.signal_name.unwrap_or("no signal");
    let title = match verdict.id {
        "no-crash" => verdict.summary.clone(),
        _ => format!("{}: {}", signal, verdict.summary),
    };
    let mut finding = Finding::new(id, severity, verdict.confidence, title);
    let citations = &snapshot.crash.citations;
    for (index, because) in verdict.because.iter().enumerate() {
        let evidence =
            Evidence::new(if index == 0 { Basis::Observed } else { Basis::Derived }, because.clone());
        // What the process had mapped stands in the headers of the core, and not in the signal.
        let is_of_mappings = because.starts_with("no mapping") || because.starts_with("the mapping there");
        let mappings = snapshot.crash.mappings_citation.as_ref().filter(|_| is_of_mappings);
        finding = finding.with_evidence(evidence.cite(mappings.or(citations.first()).cloned()));
    }
    if let Some(message) = &snapshot.crash.abort_message {
        let statement = format!("before it aborted, the C library wrote: {message}");
        let citation = snapshot.crash.abort_message_citation.clone();
        finding = finding.with_evidence(Evidence::new(Basis::Observed, statement).cite(citation));
    }
    if let (Some(message), Some(found_by)) =
        (&snapshot.crash.fatal_message, &snapshot.crash.fatal_message_found_by)
    {
        let statement = format!("the interpreter stopped itself by a fatal error: {message} ({found_by})");
        let citation = snapshot.crash.fatal_message_citation.clone();
        finding = finding.with_evidence(Evidence::new(Basis::Derived, statement).cite(citation));
    }
    if let Some(frame) = crashed.and_then(|thread| thread.python_frames.first()) {
        finding = finding.about(place(frame)).with_evidence(
            Evidence::new(
                Basis::Observed,
                format!("the thread's innermost Python frame was {}", place(frame)),
            )
            .cite(frame.citation.clone()),
        );
    }
    for against in &verdict.against {
        finding = finding.with_against(Evidence::new(Basis::Derived, against.clone()));
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use pycoroner_findings::{Citation, SourceId, Span};

    use super::*;
    use crate::snapshot::document::{CCallSection, CrashSection, FrameSection, Verdict};

    #[test]
    fn what_was_not_mapped_is_cited_by_the_table_of_mappings() {
        let cited = |offset| Citation::new(SourceId(1), Span::Bytes { offset, len: 56, address: None });
        let because = ["the signal is SIGSEGV", "no mapping of the process covers that page"];
        let verdict = Verdict {
            id: "null-dereference",
            confidence: Confidence::Strong,
            summary: String::new(),
            because: because.map(str::to_owned).to_vec(),
            against: Vec::new(),
        };
        let crash = CrashSection {
            verdict: Some(verdict),
            citations: vec![cited(0x1000)],
            mappings_citation: Some(cited(0x40)),
            ..CrashSection::default()
        };
        let finding = finding(&ProcessSnapshot { crash, ..super::super::tests::nothing() }, None).unwrap();
        let cited: Vec<String> = finding.evidence.iter().map(|one| one.citations[0].to_string()).collect();
        assert_eq!(cited, ["[E1@0x1000+56]", "[E1@0x40+56]"]);
    }

    #[test]
    fn an_abort_in_a_handler_is_told_as_that() {
        let verdict = Verdict {
            id: "abort",
            confidence: Confidence::Strong,
            summary: String::new(),
            because: Vec::new(),
            against: Vec::new(),
        };
        let crash = CrashSection { verdict: Some(verdict), ..CrashSection::default() };
        let snapshot = ProcessSnapshot { crash, ..super::super::tests::nothing() };
        let check = |handles_signal: Option<u32>, expected: [&str; 2], evidence: usize| {
            let frame = |function: &str, handles_signal| FrameSection {
                function: function.into(),
                file: "conf.py".into(),
                line: Some(31),
                handles_signal,
                ..FrameSection::default()
            };
            let thread = ThreadSection {
                python_frames: vec![frame("worker_abort", None), frame("handle", handles_signal)],
                c_call: Some(CCallSection {
                    name: "posix.abort".into(),
                    kind: "function",
                    object: crate::Address(0x1000),
                    found_by: "evaluation-stack",
                    may_have_returned: false,
                }),
                ..ThreadSection::default()
            };
            let finding = abort_called(&snapshot, Some(&thread)).unwrap();
            assert_eq!([&*finding.id, &*finding.title], expected);
            assert_eq!(finding.evidence.len(), evidence);
        };
        let itself = "The program called posix.abort() itself: worker_abort at conf.py:31";
        check(None, ["abort-called", itself], 1);
        let handler = "The program's own handler of SIGABRT called posix.abort(): worker_abort at conf.py:31";
        check(Some(6), ["abort-in-handler", handler], 2);
    }

    #[test]
    fn each_verdict_has_a_finding_of_its_own() {
        let check = |verdict, expected| {
            let summary = String::new();
            let (because, against) = (vec!["because".to_owned()], Vec::new());
            let verdict = Verdict { id: verdict, confidence: Confidence::Strong, summary, because, against };
            let crash = CrashSection { verdict: Some(verdict), ..CrashSection::default() };
            let finding = finding(&ProcessSnapshot { crash, ..super::super::tests::nothing() }, None);
            assert_eq!(finding.map(|finding| finding.id.into_owned()).as_deref(), Some(expected));
        };
        check("null-dereference", "crash-null-dereference");
        check("invalid-access", "crash-invalid-access");
        check("use-after-free", "crash-use-after-free");
        check("stack-overflow", "crash-stack-overflow");
        check("file-truncated", "crash-file-truncated");
        check("divide-by-zero", "crash-divide-by-zero");
        check("illegal-instruction", "crash-illegal-instruction");
        check("resource-limit", "crash-resource-limit");
        check("own-signal", "crash-own-signal");
        check("external-signal", "crash-external-kill");
        check("abort", "crash-abort");
        check("fault", "crash-signal");
        check("no-crash", "no-crash");
    }
}
