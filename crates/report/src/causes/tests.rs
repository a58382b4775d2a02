//! What the rules make of findings by their ids.

use pycoroner_findings::{Finding, Severity};

use super::*;

/// Checks the ids and confidences of the causes of findings that are all strong.
fn check(ids: &[&'static str], expected: &[(&str, Confidence)]) {
    let findings: Vec<Finding> =
        ids.iter().map(|id| Finding::new(*id, Severity::Critical, Confidence::Strong, *id)).collect();
    let causes = rank(&Case::of_findings(&findings, None));
    let ranked: Vec<_> = causes.iter().map(|cause| (cause.id.as_str(), cause.confidence)).collect();
    assert_eq!(ranked, expected, "of {ids:?}");
}

#[test]
fn a_value_that_goes_with_deaths_is_looked_at_next() {
    let finding = |id: &'static str| Finding::new(id, Severity::Critical, Confidence::Moderate, id);
    let value = finding(signs::VALUE_OF_DEATHS.0).about("SKU-<n> of 951 or more");
    let cause = |first, findings: &[Finding]| {
        let findings: Vec<Finding> = [finding(first)].into_iter().chain(findings.iter().cloned()).collect();
        rank(&Case::of_findings(&findings, None)).remove(0)
    };
    let told = cause("crash-null-dereference", std::slice::from_ref(&value));
    assert!(
        told.next.starts_with(
            "Those that ended so had SKU-<n> of 951 or more: look at what is special there. Look"
        )
    );
    assert_eq!((told.raised_by.len(), told.findings), (1, vec![0, 1]));
    // It says nothing of a kill from outside.
    let told = cause("crash-external-kill", &[value]);
    assert!(told.raised_by.is_empty() && !told.next.contains("SKU"), "{told:?}");
    assert!(!cause("crash-null-dereference", &[]).next.contains("Those"));
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
    check(&["crash-signal", "exception-in-flight"], &[("signal", Moderate), ("exception-in-flight", Weak)]);
    check(&["oom-kill-logged", "heap-leak-suspect"], &[("oom-leak", Strong)]);
    // What would end a process otherwise did not end one that the kernel killed.
    check(
        &["oom-kill-logged", "oom-flag-contradicted", "disk-full", "unhandled-exception-logged"],
        &[("oom-kill", Moderate), ("disk-full", Strong), ("unhandled-exception", Strong)],
    );
    check(
        &["oom-kill-logged", "crash-null-dereference", "disk-full"],
        &[("null-dereference", Strong), ("oom-kill", Moderate), ("disk-full", Strong)],
    );
    check(&["unhandled-exception-logged"], &[("unhandled-exception", Strong)]);
    check(
        &["unhandled-exception-logged", "thread-exception-logged"],
        &[("unhandled-exception", Strong), ("thread-exception", Moderate)],
    );
    check(
        &["files-exhausted", "heap-open-descriptors", "crash-external-kill"],
        &[("files-exhausted", Moderate), ("external-kill", Moderate)],
    );
    check(
        &["files-exhausted", "crash-null-dereference"],
        &[("null-dereference", Strong), ("files-exhausted", Strong)],
    );
    check(&["no-crash", "exception-in-flight"], &[("no-crash", Strong)]);
    check(&["crash-use-after-free"], &[("use-after-free", Strong)]);
    check(&["crash-file-truncated"], &[("file-truncated", Strong)]);
    check(&["crash-divide-by-zero"], &[("divide-by-zero", Strong)]);
    check(&["crash-illegal-instruction"], &[("illegal-instruction", Strong)]);
    check(&["crash-own-signal"], &[("own-signal", Strong)]);
    check(&["crash-resource-limit"], &[("resource-limit", Strong)]);
    check(&["unhandled-exception", "exception-in-flight"], &[("unhandled-exception", Strong)]);
    check(&["no-crash", "deadlock"], &[("deadlock", Strong), ("no-crash", Moderate)]);
    check(&["no-crash", "gil-starvation"], &[("gil-starvation", Strong), ("no-crash", Moderate)]);
    check(&["no-crash", "lock-abandoned"], &[("lock-abandoned", Strong), ("no-crash", Moderate)]);
    check(&["no-crash", "await-circle"], &[("await-circle", Strong), ("no-crash", Moderate)]);
    check(&["no-crash", "all-idle"], &[("no-crash", Strong)]);
    check(
        &["crash-external-kill", "worker-timeout", "deadlock"],
        &[("deadlock", Strong), ("worker-timeout", Strong), ("external-kill", Moderate)],
    );
    check(
        &["abort-called", "allocation-failed", "heap-leak-suspect", "memory-rising"],
        &[("allocation-leak", Strong), ("allocation-failed", Strong), ("abort-called", Strong)],
    );
    check(
        &["abort-called", "allocation-failed", "heap-leak-suspect"],
        &[("allocation-pile", Moderate), ("allocation-failed", Strong), ("abort-called", Strong)],
    );
    check(&["allocation-failed", "heap-leak-suspect", "heap-level"], &[("allocation-failed", Strong)]);
    check(
        &["crash-external-kill", "worker-timeout", "all-idle"],
        &[("worker-timeout", Moderate), ("external-kill", Moderate)],
    );
    check(&["oom-kill-logged"], &[("oom-kill", Strong)]);
    check(&["container-oom-killed", "oom-flag-contradicted"], &[("oom-kill", Moderate)]);
    check(&["oom-kill-logged", "memory-jumped"], &[("oom-spike", Strong)]);
    check(&["memory-rising"], &[("memory-growth", Moderate)]);
    check(&["exit-code-137"], &[("external-kill", Strong)]);
    check(&["crash-abort", "heap-corrupted"], &[("heap-corruption", Strong)]);
    check(&["files-exhausted"], &[("files-exhausted", Strong)]);
    check(&["disk-full"], &[("disk-full", Strong)]);
    check(
        &["allocation-failed", "threads-exhausted"],
        &[("allocation-failed", Strong), ("threads-exhausted", Strong)],
    );
    check(&["change-before-symptom", "deadlock"], &[("deadlock", Strong), ("recent-change", Weak)]);
    check(
        &["no-crash", "task-exception-never-retrieved"],
        &[("no-crash", Strong), ("task-exception-never-retrieved", Weak)],
    );
    check(
        &["crash-illegal-instruction", "module-replaced"],
        &[("illegal-instruction", Strong), ("module-replaced", Weak)],
    );
}

#[test]
fn what_only_contributes() {
    let check = |ids: &[&'static str], id: &str, expected: Role| {
        let findings: Vec<Finding> =
            ids.iter().map(|id| Finding::new(*id, Severity::Error, Confidence::Strong, *id)).collect();
        let causes = rank(&Case::of_findings(&findings, None));
        let found = causes.iter().find(|cause| cause.id == id).map(|cause| cause.role);
        assert_eq!(found, Some(expected), "{id} of {ids:?}");
        assert_eq!(causes.first().map(|cause| cause.role), Some(Role::ProbableCause), "of {ids:?}");
    };
    check(&["no-crash", "deadlock"], "deadlock", Role::ProbableCause);
    check(&["crash-null-dereference", "deadlock"], "deadlock", Role::ContributingFactor);
    check(&["crash-abort", "fault-in-extension"], "fault-in-extension", Role::ContributingFactor);
    check(&["crash-use-after-free", "foreign-extension"], "foreign-extension", Role::ContributingFactor);
    check(&["crash-external-kill", "heap-leak-suspect"], "memory-growth", Role::ContributingFactor);
    check(&["crash-external-kill", "worker-timeout", "deadlock"], "worker-timeout", Role::Consequence);
    check(&["allocation-failed", "memory-rising"], "allocation-failed", Role::Consequence);
    check(&["allocation-failed"], "allocation-failed", Role::ProbableCause);
    check(
        &["crash-null-dereference", "allocation-failed", "heap-grown"],
        "allocation-leak",
        Role::ContributingFactor,
    );
}

#[test]
fn another_process_is_no_strong_cause() {
    let check = |pid, expected| {
        let finding = Finding::new("oom-kill-logged", Severity::Critical, Confidence::Certain, "x");
        assert_eq!(rank(&Case::of_findings(&[finding.about("process 8")], pid))[0].confidence, expected);
    };
    check(Some(8), Confidence::Strong);
    check(None, Confidence::Strong);
    check(Some(7), Confidence::Weak);
}

#[test]
fn nothing_is_certain() {
    let certain = Finding::new("crash-null-dereference", Severity::Critical, Confidence::Certain, "x");
    assert_eq!(rank(&Case::of_findings(&[certain], None))[0].confidence, Confidence::Strong);
}

/// Rules speak of findings by their ids; an id that no producer states is a rule that never applies.
#[test]
fn every_id_is_stated_by_a_producer() {
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut sources = String::new();
    let mut left: Vec<std::path::PathBuf> = ["coredump", "heap", "logscan", "telemetry"]
        .iter()
        .map(|name| crates.join(name).join("src"))
        .collect();
    left.push(crates.join("report/src/findings"));
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            sources.push_str(&std::fs::read_to_string(path).unwrap_or_default());
        }
    }
    for rule in RULES {
        let reasons = rule.raised_by.iter().chain(rule.against).map(|(id, _)| *id);
        let ids = rule.needs.iter().copied().flatten().chain(rule.yields_to).chain(rule.contributes_to);
        for id in ids.copied().chain(reasons) {
            assert!(sources.contains(&format!("\"{id}\"")), "{id}, of rule {}", rule.id);
        }
        assert!(
            !rule.needs.is_empty() && !rule.refuted_if.is_empty() && !rule.next.is_empty(),
            "{}",
            rule.id
        );
    }
}
