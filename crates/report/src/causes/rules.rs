//! The rules of the reasoner, as data.

use pycoroner_findings::Confidence;

use super::Role;

/// One rule. Findings are named by their ids.
pub(super) struct Rule {
    pub(super) id: &'static str,
    pub(super) statement: &'static str,
    /// Applies when one of these was found.
    pub(super) needs: &'static [&'static str],
    /// What it is where nothing else stopped the process.
    pub(super) role: Role,
    /// Only a contributing factor when one of these was found.
    pub(super) contributes_to: &'static [&'static str],
    /// However strong the findings are, the cause is no stronger than this.
    pub(super) at_most: Confidence,
    /// Does not apply when one of these was found: another rule explains more.
    pub(super) yields_to: &'static [&'static str],
    /// Makes it more likely, and why.
    pub(super) raised_by: &'static [(&'static str, &'static str)],
    /// Makes it less likely, and why.
    pub(super) against: &'static [(&'static str, &'static str)],
    pub(super) next: &'static str,
}

/// What a rule leaves unsaid.
const BASE: Rule = Rule {
    id: "",
    statement: "",
    needs: &[],
    role: Role::ProbableCause,
    contributes_to: &[],
    at_most: Confidence::Strong,
    yields_to: &[],
    raised_by: &[],
    against: &[],
    next: "",
};

/// Something in the process failed, and that ended it.
const FAILURES: &[&str] = &[
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
const CRASHES: &[&str] = &[
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
    "crash-own-signal",
    "crash-external-kill",
    "worker-timeout",
];

/// What speaks against whatever needs no failure.
const FAILED: &[(&str, &str)] = &[
    ("crash-null-dereference", "the core records an invalid access"),
    ("crash-invalid-access", "the core records an invalid access"),
    ("crash-use-after-free", "the core records the use of freed memory"),
    ("crash-stack-overflow", "the core records an exhausted stack"),
    ("crash-file-truncated", "the core records an access behind the end of a mapped file"),
    ("crash-divide-by-zero", "the core records a division by zero"),
    ("crash-illegal-instruction", "the core records an instruction that the processor does not know"),
];

/// How processes that hang come to their end.
const HANGS: &[(&str, &str)] = &[
    ("no-crash", "nothing crashed: the core was taken from a process that did not go on"),
    ("worker-timeout", "a supervisor reported that the worker did not answer"),
    ("crash-external-kill", "the signal came from outside, as it does when a process hangs"),
];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "null-dereference",
        statement: "Native code below the innermost Python frame followed a null pointer",
        needs: &["crash-null-dereference"],
        raised_by: &[
            ("foreign-extension", "an extension that was built for another Python was loaded"),
            ("extension-at-fault", "an extension was at work there"),
            ("fatal-error-logged", "the log reports the same fatal error"),
            ("kernel-segfault-logged", "the kernel logged the same kind of fault"),
        ],
        against: &[(
            "deep-recursion",
            "the stack was deep, which is also consistent with an exhausted stack",
        )],
        next: "Look at the native function that the innermost Python line calls, and at the arguments it was given.",
        ..BASE
    },
    Rule {
        id: "oom-kill",
        statement: "The kernel killed the process because memory ran out",
        needs: &["oom-kill-logged"],
        raised_by: &[("heap-leak-suspect", "one place of the heap holds much of it")],
        against: FAILED,
        next: "Look at what filled the heap, at the memory limit, and at what else used the same limit.",
        ..BASE
    },
    Rule {
        id: "stack-overflow",
        statement: "Recursion exhausted the thread's stack",
        needs: &["crash-stack-overflow"],
        raised_by: &[
            ("native-recursion", "the same native function repeats on the stack"),
            ("deep-recursion", "the same Python functions repeat on the stack"),
        ],
        next: "Look at the functions that repeat on the stack, and at what ends their recursion; compare the stack's size limit.",
        ..BASE
    },
    Rule {
        id: "recursion",
        statement: "Python functions called each other without an end in sight",
        needs: &["deep-recursion"],
        at_most: Confidence::Moderate,
        yields_to: &["crash-stack-overflow"],
        against: &[(
            "crash-null-dereference",
            "the fault was at a null pointer, which a deep stack alone does not explain",
        )],
        next: "Look at the functions that repeat on the stack, and at what ends their recursion.",
        ..BASE
    },
    Rule {
        id: "deadlock",
        statement: "Threads waited for each other in a circle, so none of them could go on",
        needs: &["deadlock"],
        contributes_to: FAILURES,
        raised_by: HANGS,
        against: FAILED,
        next: "Take the locks of the circle in one order everywhere, or give the waits a time limit.",
        ..BASE
    },
    Rule {
        id: "gil-starvation",
        statement: "One thread kept the GIL while others waited to run",
        needs: &["gil-starvation"],
        contributes_to: FAILURES,
        raised_by: HANGS,
        against: FAILED,
        next: "Look at the native code that the holder had called: it blocks without releasing the GIL.",
        ..BASE
    },
    Rule {
        id: "lock-abandoned",
        statement: "Threads waited for a lock whose owner had ended without releasing it",
        needs: &["lock-abandoned"],
        contributes_to: FAILURES,
        raised_by: HANGS,
        against: FAILED,
        next: "Find where the lock is taken without `with` or `finally`, or where the process forks while it is held.",
        ..BASE
    },
    Rule {
        id: "await-circle",
        statement: "Tasks awaited each other in a circle, so none of them could go on",
        needs: &["await-circle"],
        contributes_to: FAILURES,
        raised_by: HANGS,
        against: FAILED,
        next: "Break the circle: one of the tasks should not await another one of them.",
        ..BASE
    },
    Rule {
        id: "worker-timeout",
        statement: "The worker did not answer in time and its supervisor stopped it",
        needs: &["worker-timeout"],
        raised_by: &[
            ("crash-abort", "an abort signal is what a supervisor sends to a worker that timed out"),
            ("crash-external-kill", "the signal came from another process"),
            ("fatal-error-explained", "the logged abort is the one that the supervisor sends"),
            ("worker-killed", "the supervisor logged that it ended a worker"),
        ],
        against: &[
            ("all-idle", "every thread waited for work: none of them was slow when the core was taken"),
            ("crash-null-dereference", "the core records an invalid access, not a signal from outside"),
            ("crash-invalid-access", "the core records an invalid access, not a signal from outside"),
            ("crash-use-after-free", "the core records the use of freed memory, not a signal from outside"),
            ("crash-stack-overflow", "the core records an exhausted stack, not a signal from outside"),
        ],
        next: "Look at what the crash thread was doing: the timeout says that it was slow, the stack says where.",
        ..BASE
    },
    Rule {
        id: "use-after-free",
        statement: "Native code used memory that had been freed",
        needs: &["crash-use-after-free"],
        raised_by: &[
            ("extension-at-fault", "an extension was at work there"),
            ("fatal-error-logged", "the log reports the same fatal error"),
            ("kernel-segfault-logged", "the kernel logged the same kind of fault"),
        ],
        next: "Look for the object that native code kept without owning a reference to it; run the same input under an address sanitizer.",
        ..BASE
    },
    Rule {
        id: "file-truncated",
        statement: "A file was cut, or its disk failed, while the process had it mapped",
        needs: &["crash-file-truncated"],
        raised_by: &[("kernel-segfault-logged", "the kernel logged a fault")],
        next: "Find who writes to the file that the verdict names: replace files by renaming, never cut them in place; check the disk's space.",
        ..BASE
    },
    Rule {
        id: "divide-by-zero",
        statement: "Native code divided an integer by zero",
        needs: &["crash-divide-by-zero"],
        raised_by: &[("extension-at-fault", "an extension was at work there")],
        next: "Look at the arguments that the innermost Python line gave to native code.",
        ..BASE
    },
    Rule {
        id: "illegal-instruction",
        statement: "The processor came to an instruction that it does not know",
        needs: &["crash-illegal-instruction"],
        raised_by: &[
            ("extension-at-fault", "an extension was at work there"),
            ("foreign-extension", "an extension that was built for another Python was loaded"),
        ],
        next: "Compare the processor of the host with the one that the native library was built for; else look for a compiler's trap.",
        ..BASE
    },
    Rule {
        id: "own-signal",
        statement: "The process sent the signal to itself: its own code decided to stop it",
        needs: &["crash-own-signal"],
        next: "Look at the stack for os.kill, signal.raise_signal or a library's way to give up.",
        ..BASE
    },
    Rule {
        id: "resource-limit",
        statement: "The process went over a limit that was set for it",
        needs: &["crash-resource-limit"],
        next: "Compare the limit (ulimit, setrlimit, the unit file) with what the process needs.",
        ..BASE
    },
    Rule {
        id: "extension-at-fault",
        statement: "A native extension was at work where the process failed",
        needs: &["extension-at-fault"],
        role: Role::ContributingFactor,
        next: "Look for reports about this version of the extension; try another version with the same input.",
        ..BASE
    },
    Rule {
        id: "foreign-extension",
        statement: "An extension that was built for another Python was loaded into the process",
        needs: &["foreign-extension"],
        role: Role::ContributingFactor,
        at_most: Confidence::Moderate,
        raised_by: &[(
            "extension-at-fault",
            "native code of an extension was at work where the process failed",
        )],
        next: "Install the extension for the Python that runs it; look at PYTHONPATH and at copied site-packages.",
        ..BASE
    },
    Rule {
        id: "module-replaced",
        statement: "A library's file was replaced or deleted while the process ran",
        needs: &["module-replaced"],
        role: Role::ContributingFactor,
        at_most: Confidence::Weak,
        next: "Compare the time of the deployment or upgrade with the crash; restart processes after an upgrade.",
        ..BASE
    },
    Rule {
        id: "task-exception-never-retrieved",
        statement: "Tasks ended with exceptions that nobody asked for",
        needs: &["task-exception-never-retrieved"],
        role: Role::ContributingFactor,
        at_most: Confidence::Weak,
        next: "Read the exceptions; await the tasks, or gather them where their failure matters.",
        ..BASE
    },
    Rule {
        id: "fatal-interpreter-error",
        statement: "The interpreter found its own state to be broken and stopped",
        needs: &["fatal-python-error"],
        raised_by: &[
            ("fatal-error-logged", "the log reports the same fatal error"),
            ("crash-abort", "the interpreter stops by abort()"),
        ],
        next: "Read the fatal message; look for native extensions that run without the GIL or release objects twice.",
        ..BASE
    },
    Rule {
        id: "abort",
        statement: "The process aborted itself: a check in native code failed",
        needs: &["crash-abort"],
        yields_to: &["fatal-python-error"],
        raised_by: &[
            ("extension-at-fault", "an extension was at work there"),
            ("fatal-error-logged", "the log reports a fatal error"),
            ("native-abort-logged", "native code wrote why it gave up"),
        ],
        against: &[("worker-timeout", "a supervisor also sends the abort signal to a worker that timed out")],
        next: "Read the abort message and the native frames above abort().",
        ..BASE
    },
    Rule {
        id: "invalid-access",
        statement: "Native code used an address that was not valid: a stale or damaged pointer",
        needs: &["crash-invalid-access"],
        raised_by: &[
            ("foreign-extension", "an extension that was built for another Python was loaded"),
            ("extension-at-fault", "an extension was at work there"),
            ("fatal-error-logged", "the log reports the same fatal error"),
            ("kernel-segfault-logged", "the kernel logged the same kind of fault"),
        ],
        against: &[(
            "deep-recursion",
            "the stack was deep, which is also consistent with an exhausted stack",
        )],
        next: "Look at the native frames and their library; run the same input under an address sanitizer.",
        ..BASE
    },
    Rule {
        id: "external-kill",
        statement: "Another process sent the signal that stopped it",
        needs: &["crash-external-kill"],
        raised_by: &[("worker-timeout", "a supervisor reported a timeout")],
        against: &[
            ("deadlock", "that says who ended it, and not why: threads could not go on"),
            ("gil-starvation", "that says who ended it, and not why: threads could not go on"),
            ("lock-abandoned", "that says who ended it, and not why: threads could not go on"),
        ],
        next: "Find the sender: supervisor, orchestrator, kernel or a person; exit code 137 alone does not show lack of memory.",
        ..BASE
    },
    Rule {
        id: "unhandled-exception",
        statement: "An exception that nothing handled ended the process",
        needs: &["unhandled-exception", "unhandled-exception-logged"],
        raised_by: &[("exception-in-flight", "the core shows an exception being raised or handled")],
        against: &[
            ("crash-null-dereference", "a signal stopped the process, which an exception does not do"),
            ("crash-invalid-access", "a signal stopped the process, which an exception does not do"),
            ("crash-use-after-free", "a signal stopped the process, which an exception does not do"),
            ("crash-stack-overflow", "a signal stopped the process, which an exception does not do"),
            ("crash-external-kill", "a signal stopped the process, which an exception does not do"),
            ("no-crash", "the process was still there when the core was taken"),
        ],
        next: "Read the traceback, from its last line upwards.",
        ..BASE
    },
    Rule {
        id: "exception-in-flight",
        statement: "The process stopped while an exception was being raised or handled",
        role: Role::ContributingFactor,
        needs: &["exception-in-flight"],
        at_most: Confidence::Weak,
        yields_to: &["unhandled-exception", "unhandled-exception-logged", "no-crash"],
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
        ..BASE
    },
    Rule {
        id: "memory-growth",
        statement: "Memory piled up in one place of the heap and contributed",
        role: Role::ContributingFactor,
        needs: &["heap-leak-suspect"],
        at_most: Confidence::Moderate,
        raised_by: &[
            ("crash-external-kill", "the process was killed from outside, as happens when memory runs out"),
            ("oom-kill-logged", "the kernel reported that memory ran out"),
        ],
        against: &[
            ("crash-null-dereference", "the crash is explained without it"),
            ("crash-stack-overflow", "the crash is explained without it"),
        ],
        next: "Compare the suspect's size with an earlier core or with the metrics of resident memory.",
        ..BASE
    },
    Rule {
        id: "signal",
        statement: "A signal stopped the process, and the evidence does not say why it was raised",
        needs: &["crash-signal"],
        at_most: Confidence::Moderate,
        yields_to: CRASHES,
        next: "Look at the crash thread's stack, and at who may send this signal.",
        ..BASE
    },
    Rule {
        id: "no-crash",
        statement: "The process had not crashed: the core was taken while it ran",
        needs: &["no-crash"],
        yields_to: CRASHES,
        against: &[
            ("fatal-error-logged", "the log reports a fatal error"),
            ("deadlock", "some of its threads could not go on"),
            ("gil-starvation", "some of its threads could not go on"),
            ("lock-abandoned", "some of its threads could not go on"),
            ("await-circle", "some of its tasks could not go on"),
        ],
        raised_by: &[("all-idle", "every thread waited for work")],
        next: "Ask who took the core, and why; look at the threads that wait.",
        ..BASE
    },
];
