//! Findings that several rules speak of, by their ids.

/// What several processes that ended alike said last has a value that others have seldom or never.
pub(super) const VALUE_OF_DEATHS: (&str, &str) =
    ("value-goes-with-deaths", "a value in what such processes said last goes with their ends");

/// Something in the process failed, and that ended it.
pub(super) const FAILURES: &[&str] = &[
    "crash-null-dereference",
    "crash-invalid-access",
    "crash-use-after-free",
    "crash-stack-overflow",
    "crash-abort",
    "crash-file-truncated",
    "crash-divide-by-zero",
    "crash-illegal-instruction",
    "crash-resource-limit",
    "fatal-python-error",
];

/// All that stops a process and is told by a rule of its own.
pub(super) const CRASHES: &[&str] =
    &joined::<13>(FAILURES, &["crash-own-signal", "crash-external-kill", "worker-timeout"]);

/// Two lists as one, of so many entries.
pub(super) const fn joined<const N: usize>(
    one: &[&'static str],
    other: &[&'static str],
) -> [&'static str; N] {
    assert!(one.len() + other.len() == N, "the number of entries is another one");
    let mut all = [""; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < one.len() { one[at] } else { other[at - one.len()] };
        at += 1;
    }
    all
}

/// What speaks against whatever needs no failure.
pub(super) const FAILED: &[(&str, &str)] = &[
    ("crash-null-dereference", "the core records an invalid access"),
    ("crash-invalid-access", "the core records an invalid access"),
    ("crash-use-after-free", "the core records the use of freed memory"),
    ("crash-stack-overflow", "the core records an exhausted stack"),
    ("crash-file-truncated", "the core records an access behind the end of a mapped file"),
    ("crash-divide-by-zero", "the core records a division by zero"),
    ("crash-illegal-instruction", "the core records an instruction that the processor does not know"),
];

/// How processes that hang come to their end.
pub(super) const HANGS: &[(&str, &str)] = &[
    ("no-crash", "nothing crashed: of processes that live, cores are mostly taken because they hang"),
    ("worker-timeout", "a supervisor reported that the worker did not answer"),
    ("crash-external-kill", "the signal came from outside, as it does when a process hangs"),
];

/// The causes by which a hang comes to its end.
pub(super) const HANG_ENDS: &[&str] =
    &["worker-timeout", "external-kill", "abort", "abort-called", "abort-in-handler"];

/// The causes by which a process ends that gets no more memory.
pub(super) const ALLOCATION_ENDS: &[&str] =
    &["allocation-failed", "abort-called", "abort-in-handler", "abort"];

/// The causes by which a kill for want of memory shows.
pub(super) const KILLS: &[&str] = &["external-kill", "allocation-failed"];

/// Somebody says that memory ran out: the kernel, or the runtime of a container.
pub(super) const OOM: &[&str] = &["oom-kill-logged", "container-oom-killed"];

/// Why a statement that memory ran out may not hold.
pub(super) const NOT_OOM: &[(&str, &str)] = &[
    ("oom-flag-contradicted", "the container's state and the kernel's log do not agree"),
    ("crash-null-dereference", "the core records an invalid access"),
    ("crash-invalid-access", "the core records an invalid access"),
    ("crash-use-after-free", "the core records the use of freed memory"),
    ("crash-stack-overflow", "the core records an exhausted stack"),
    ("crash-abort", "the core records an abort, and the kernel kills by SIGKILL"),
    ("crash-file-truncated", "the core records an access behind the end of a mapped file"),
];
