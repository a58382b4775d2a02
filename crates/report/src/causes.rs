//! The reasoner: from findings to probable causes, by the rules in one table.
//!
//! A rule needs one of some findings, is raised by others and lowered by those that speak against it. No cause is
//! ever certain: the bytes can say what happened, and people agree on why.

use pycoroner_findings::{Confidence, Finding};
use serde::{Deserialize, Serialize};

/// Most causes of a report.
const MOST_CAUSES: usize = 5;

/// A probable cause, with the findings that it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Stable kebab-case name of the rule.
    pub id: String,
    /// One sentence that stands alone.
    pub statement: String,
    /// How well the findings carry it; at most strong.
    pub confidence: Confidence,
    /// The findings for it, as indexes into the incident's list.
    pub findings: Vec<usize>,
    /// What makes it more likely.
    pub raised_by: Vec<String>,
    /// What speaks against it.
    pub against: Vec<String>,
    /// What to look at next.
    pub next: String,
}

/// One rule. Findings are named by their ids.
struct Rule {
    id: &'static str,
    statement: &'static str,
    /// Applies when one of these was found.
    needs: &'static [&'static str],
    /// However strong the findings are, the cause is no stronger than this.
    at_most: Confidence,
    /// Does not apply when one of these was found: another rule explains more.
    yields_to: &'static [&'static str],
    /// Makes it more likely, and why.
    raised_by: &'static [(&'static str, &'static str)],
    /// Makes it less likely, and why.
    against: &'static [(&'static str, &'static str)],
    next: &'static str,
}

const CRASHES: &[&str] = &[
    "crash-null-dereference",
    "crash-invalid-access",
    "crash-stack-overflow",
    "crash-abort",
    "fatal-python-error",
    "crash-external-kill",
    "worker-timeout",
];

const RULES: &[Rule] = &[
    Rule {
        id: "null-dereference",
        statement: "Native code below the innermost Python frame followed a null pointer",
        needs: &["crash-null-dereference"],
        at_most: Confidence::Strong,
        yields_to: &[],
        raised_by: &[
            ("fatal-error-logged", "the log reports the same fatal error"),
            ("kernel-segfault-logged", "the kernel logged the same kind of fault"),
        ],
        against: &[(
            "deep-recursion",
            "the stack was deep, which is also consistent with an exhausted stack",
        )],
        next: "Look at the native function that the innermost Python line calls, and at the arguments it was given.",
    },
    Rule {
        id: "oom-kill",
        statement: "The kernel killed the process because memory ran out",
        needs: &["oom-kill-logged"],
        at_most: Confidence::Strong,
        yields_to: &[],
        raised_by: &[("heap-leak-suspect", "one place of the heap holds much of it")],
        against: &[
            ("crash-null-dereference", "the core records an invalid access, not a kill"),
            ("crash-invalid-access", "the core records an invalid access, not a kill"),
            ("crash-stack-overflow", "the core records an exhausted stack, not a kill"),
            ("crash-abort", "the core records an abort, not a kill"),
        ],
        next: "Look at what filled the heap, at the memory limit, and at what else used the same limit.",
    },
    Rule {
        id: "stack-overflow",
        statement: "Recursion exhausted the thread's stack",
        needs: &["crash-stack-overflow"],
        at_most: Confidence::Strong,
        yields_to: &[],
        raised_by: &[("deep-recursion", "the same Python functions repeat on the stack")],
        against: &[],
        next: "Look at the functions that repeat on the stack, and at what ends their recursion; compare the stack's size limit.",
    },
    Rule {
        id: "recursion",
        statement: "Python functions called each other without an end in sight",
        needs: &["deep-recursion"],
        at_most: Confidence::Moderate,
        yields_to: &["crash-stack-overflow"],
        raised_by: &[],
        against: &[(
            "crash-null-dereference",
            "the fault was at a null pointer, which a deep stack alone does not explain",
        )],
        next: "Look at the functions that repeat on the stack, and at what ends their recursion.",
    },
    Rule {
        id: "worker-timeout",
        statement: "The worker did not answer in time and its supervisor stopped it",
        needs: &["worker-timeout"],
        at_most: Confidence::Strong,
        yields_to: &[],
        raised_by: &[
            ("crash-abort", "an abort signal is what a supervisor sends to a worker that timed out"),
            ("crash-external-kill", "the signal came from another process"),
            ("fatal-error-explained", "the logged abort is the one that the supervisor sends"),
            ("worker-killed", "the supervisor logged that it ended a worker"),
        ],
        against: &[
            ("crash-null-dereference", "the core records an invalid access, not a signal from outside"),
            ("crash-invalid-access", "the core records an invalid access, not a signal from outside"),
            ("crash-stack-overflow", "the core records an exhausted stack, not a signal from outside"),
        ],
        next: "Look at what the crash thread was doing: the timeout says that it was slow, the stack says where.",
    },
    Rule {
        id: "fatal-interpreter-error",
        statement: "The interpreter found its own state to be broken and stopped",
        needs: &["fatal-python-error"],
        at_most: Confidence::Strong,
        yields_to: &[],
        raised_by: &[
            ("fatal-error-logged", "the log reports the same fatal error"),
            ("crash-abort", "the interpreter stops by abort()"),
        ],
        against: &[],
        next: "Read the fatal message; look for native extensions that run without the GIL or release objects twice.",
    },
    Rule {
        id: "abort",
        statement: "The process aborted itself: a check in native code failed",
        needs: &["crash-abort"],
        at_most: Confidence::Strong,
        yields_to: &["fatal-python-error"],
        raised_by: &[
            ("fatal-error-logged", "the log reports a fatal error"),
            ("native-abort-logged", "native code wrote why it gave up"),
        ],
        against: &[("worker-timeout", "a supervisor also sends the abort signal to a worker that timed out")],
        next: "Read the abort message and the native frames above abort().",
    },
    Rule {
        id: "invalid-access",
        statement: "Native code used an address that was not valid: a stale or damaged pointer",
        needs: &["crash-invalid-access"],
        at_most: Confidence::Strong,
        yields_to: &[],
        raised_by: &[
            ("fatal-error-logged", "the log reports the same fatal error"),
            ("kernel-segfault-logged", "the kernel logged the same kind of fault"),
        ],
        against: &[(
            "deep-recursion",
            "the stack was deep, which is also consistent with an exhausted stack",
        )],
        next: "Look at the native frames and their library; run the same input under an address sanitizer.",
    },
    Rule {
        id: "external-kill",
        statement: "Another process sent the signal that stopped it",
        needs: &["crash-external-kill"],
        at_most: Confidence::Strong,
        yields_to: &[],
        raised_by: &[("worker-timeout", "a supervisor reported a timeout")],
        against: &[],
        next: "Find the sender: supervisor, orchestrator, kernel or a person; exit code 137 alone does not show lack of memory.",
    },
    Rule {
        id: "unhandled-exception",
        statement: "An exception that nothing handled ended the process",
        needs: &["unhandled-exception-logged"],
        at_most: Confidence::Strong,
        yields_to: &[],
        raised_by: &[("exception-in-flight", "the core shows an exception being raised or handled")],
        against: &[
            ("crash-null-dereference", "a signal stopped the process, which an exception does not do"),
            ("crash-invalid-access", "a signal stopped the process, which an exception does not do"),
            ("crash-stack-overflow", "a signal stopped the process, which an exception does not do"),
            ("crash-external-kill", "a signal stopped the process, which an exception does not do"),
        ],
        next: "Read the traceback, from its last line upwards.",
    },
    Rule {
        id: "exception-in-flight",
        statement: "The process stopped while an exception was being raised or handled",
        needs: &["exception-in-flight"],
        at_most: Confidence::Weak,
        yields_to: &["unhandled-exception-logged", "no-crash"],
        raised_by: &[],
        against: &[
            ("crash-null-dereference", "the crash is explained without it"),
            ("crash-invalid-access", "the crash is explained without it"),
            (
                "crash-external-kill",
                "a signal from outside stopped the process; the exception may be unrelated",
            ),
            ("crash-signal", "a signal stopped the process; the exception may be unrelated"),
        ],
        next: "Read the exception chain of the crash thread and compare it with the log.",
    },
    Rule {
        id: "memory-growth",
        statement: "Memory piled up in one place of the heap and contributed",
        needs: &["heap-leak-suspect"],
        at_most: Confidence::Moderate,
        yields_to: &[],
        raised_by: &[
            ("crash-external-kill", "the process was killed from outside, as happens when memory runs out"),
            ("oom-kill-logged", "the kernel reported that memory ran out"),
        ],
        against: &[
            ("crash-null-dereference", "the crash is explained without it"),
            ("crash-stack-overflow", "the crash is explained without it"),
        ],
        next: "Compare the suspect's size with an earlier core or with the metrics of resident memory.",
    },
    Rule {
        id: "signal",
        statement: "A signal stopped the process, and the evidence does not say why it was raised",
        needs: &["crash-signal"],
        at_most: Confidence::Moderate,
        yields_to: CRASHES,
        raised_by: &[],
        against: &[],
        next: "Look at the crash thread's stack, and at who may send this signal.",
    },
    Rule {
        id: "no-crash",
        statement: "The process had not crashed: the core was taken while it ran",
        needs: &["no-crash"],
        at_most: Confidence::Strong,
        yields_to: CRASHES,
        raised_by: &[],
        against: &[("fatal-error-logged", "the log reports a fatal error")],
        next: "Ask who took the core, and why; look at the threads that wait.",
    },
];

/// The probable causes of what was found about the process `pid`, the likeliest first; never none.
pub(crate) fn rank(findings: &[Finding], pid: Option<u64>) -> Vec<Cause> {
    let mut causes: Vec<Cause> = RULES.iter().filter_map(|rule| rule.apply(findings, pid)).collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.confidence));
    causes.truncate(MOST_CAUSES);
    if causes.is_empty() {
        causes.push(unknown());
    }
    causes
}

impl Rule {
    fn apply(&self, findings: &[Finding], pid: Option<u64>) -> Option<Cause> {
        let found = |id: &str| findings.iter().any(|finding| finding.id == id);
        if self.yields_to.iter().any(|id| found(id)) {
            return None;
        }
        let needed: Vec<&Finding> =
            findings.iter().filter(|finding| self.needs.contains(&&*finding.id)).collect();
        let strongest = needed.iter().map(|finding| finding.confidence).max()?;
        let reasons = |table: &[(&str, &str)]| -> Vec<String> {
            table.iter().filter(|(id, _)| found(id)).map(|(_, why)| (*why).to_owned()).collect()
        };
        let raised_by = reasons(self.raised_by);
        let mut against = reasons(self.against);
        if needed.iter().all(|finding| names_another(finding, pid)) {
            against.push("it names another process than the one of the core".to_owned());
        }
        let mut confidence = strongest;
        if !raised_by.is_empty() {
            confidence = raised(confidence);
        }
        if !against.is_empty() {
            confidence = lowered(confidence);
        }
        confidence = confidence.min(self.at_most);
        against.extend(
            needed.iter().flat_map(|finding| &finding.against).map(|evidence| evidence.statement.clone()),
        );
        let raises = |finding: &Finding| self.raised_by.iter().any(|(id, _)| *id == finding.id);
        let indexes = findings
            .iter()
            .enumerate()
            .filter(|(_, finding)| self.needs.contains(&&*finding.id) || raises(finding));
        Some(Cause {
            id: self.id.to_owned(),
            statement: self.statement.to_owned(),
            confidence,
            findings: indexes.map(|(index, _)| index).collect(),
            raised_by,
            against,
            next: self.next.to_owned(),
        })
    }
}

/// Whether a finding is about a process, and not about this one.
fn names_another(finding: &Finding, pid: Option<u64>) -> bool {
    let subject =
        finding.subject.as_deref().and_then(|subject| subject.strip_prefix("process ")?.parse::<u64>().ok());
    subject.zip(pid).is_some_and(|(subject, pid)| subject != pid)
}

fn raised(confidence: Confidence) -> Confidence {
    match confidence {
        Confidence::Weak => Confidence::Moderate,
        Confidence::Moderate | Confidence::Strong | Confidence::Certain => Confidence::Strong,
    }
}

fn lowered(confidence: Confidence) -> Confidence {
    match confidence {
        Confidence::Weak | Confidence::Moderate => Confidence::Weak,
        Confidence::Strong | Confidence::Certain => Confidence::Moderate,
    }
}

fn unknown() -> Cause {
    Cause {
        id: "unknown".to_owned(),
        statement: "The evidence does not show why the process stopped".to_owned(),
        confidence: Confidence::Weak,
        findings: Vec::new(),
        raised_by: Vec::new(),
        against: Vec::new(),
        next: "Read the gaps: each names the evidence that is missing and how to get it.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use pycoroner_findings::Severity;

    use super::*;

    /// Checks the ids and confidences of the causes of findings that are all strong.
    fn check(ids: &[&'static str], expected: &[(&str, Confidence)]) {
        let findings: Vec<Finding> =
            ids.iter().map(|id| Finding::new(*id, Severity::Critical, Confidence::Strong, *id)).collect();
        let causes = rank(&findings, None);
        let ranked: Vec<_> = causes.iter().map(|cause| (cause.id.as_str(), cause.confidence)).collect();
        assert_eq!(ranked, expected, "of {ids:?}");
    }

    #[test]
    fn causes() {
        use Confidence::{Moderate, Strong, Weak};
        check(&[], &[("unknown", Weak)]);
        check(&["error-burst"], &[("unknown", Weak)]);
        check(&["crash-null-dereference"], &[("null-dereference", Strong)]);
        check(
            &["crash-null-dereference", "deep-recursion"],
            &[("null-dereference", Moderate), ("recursion", Moderate)],
        );
        check(&["crash-stack-overflow", "deep-recursion"], &[("stack-overflow", Strong)]);
        check(&["crash-abort", "fatal-python-error"], &[("fatal-interpreter-error", Strong)]);
        check(&["crash-abort", "worker-timeout"], &[("worker-timeout", Strong), ("abort", Moderate)]);
        check(
            &["crash-external-kill", "heap-leak-suspect"],
            &[("external-kill", Strong), ("memory-growth", Moderate)],
        );
        check(
            &["crash-signal", "exception-in-flight"],
            &[("signal", Moderate), ("exception-in-flight", Weak)],
        );
        check(
            &["oom-kill-logged", "heap-leak-suspect"],
            &[("oom-kill", Strong), ("memory-growth", Moderate)],
        );
        check(&["unhandled-exception-logged"], &[("unhandled-exception", Strong)]);
        check(&["no-crash", "exception-in-flight"], &[("no-crash", Strong)]);
    }

    #[test]
    fn another_process_is_no_strong_cause() {
        let check = |pid, expected| {
            let finding = Finding::new("oom-kill-logged", Severity::Critical, Confidence::Certain, "x");
            assert_eq!(rank(&[finding.about("process 8")], pid)[0].confidence, expected);
        };
        check(Some(8), Confidence::Strong);
        check(None, Confidence::Strong);
        check(Some(7), Confidence::Moderate);
    }

    #[test]
    fn nothing_is_certain() {
        let certain = Finding::new("crash-null-dereference", Severity::Critical, Confidence::Certain, "x");
        assert_eq!(rank(&[certain], None)[0].confidence, Confidence::Strong);
    }
}
