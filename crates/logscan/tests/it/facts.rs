//! Typed facts, and what they do not prove.

use pycoroner_logscan::Options;

use crate::shown::scan_text;

/// `kind pid signal`
#[track_caller]
fn check(line: &str, expected: &str) {
    let scan = scan_text(&format!("{line}\n"), &Options::default());
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    let facts: Vec<String> = scan
        .events
        .iter()
        .map(|event| format!("{} {} {}", event.kind, number(event.pid), number(event.signal.map(u64::from))))
        .collect();
    assert_eq!(facts.join(", "), expected, "{line}");
}

#[test]
fn servers() {
    let gunicorn = |message: &str| format!("[2024-05-01 12:00:00 +0000] [7] [ERROR] {message}");
    check(&gunicorn("WORKER TIMEOUT (pid:8)"), "worker-timeout 8 -");
    check(&gunicorn("Worker (pid:8) was sent SIGKILL! Perhaps out of memory?"), "worker-killed 8 9");
    check(&gunicorn("Worker (pid:8) was sent SIGSEGV!"), "worker-killed 8 11");
    check(&gunicorn("Worker (pid:8) exited with code 3"), "worker-exit 8 -");
    check(&gunicorn("Booting worker with pid: 9"), "worker-boot 9 -");
    check(&gunicorn("Handling signal: term"), "signal - 15");
    check("*** HARAKIRI ON WORKER 1 (pid: 30, try: 1) ***", "worker-timeout 30 -");
    check("!!! uWSGI process 31 got Segmentation Fault !!!", "signal 31 11");
    check("DAMN ! worker 1 (pid: 30) died, killed by signal 9 :( trying respawn ...", "worker-killed 30 9");
    check("DAMN ! worker 2 (pid: 31) died :( trying respawn ...", "worker-exit 31 -");
    check("Respawned uWSGI worker 1 (new pid: 32)", "worker-boot 32 -");
    check(
        "billiard.exceptions.WorkerLostError: Worker exited prematurely: signal 9 (SIGKILL) Job: 3.",
        "worker-killed - 9",
    );
    check(
        "[2024-05-01 12:00:00,123: ERROR/MainProcess] Process 'ForkPoolWorker-1' pid:44 exited with 'signal 11 (SIGSEGV)'",
        "worker-killed 44 11",
    );
    check("INFO:     Started server process [51]", "worker-boot 51 -");
    check("INFO:     Child process [52] died", "worker-exit 52 -");
}

#[test]
fn systems() {
    check(
        "[  682.392401] python3[11581]: segfault at deadbeef ip 00007f02a647f110 sp 00007ffc11d03b18 error 4 in libcrash.so[7f02a647f000+1000]",
        "kernel-segfault 11581 11",
    );
    check(
        "[  682.392401] traps: python3[77] general protection fault ip:7f02 sp:7ffc error:0 in x.so[7f00+1000]",
        "kernel-segfault 77 11",
    );
    check(
        "[ 1230.521868] Memory cgroup out of memory: Killed process 25184 (python) total-vm:90896kB, anon-rss:81512kB, file-rss:0kB",
        "oom-kill 25184 9",
    );
    check(
        "[ 1230.521868] Out of memory: Killed process 25185 (python3) total-vm:1kB, anon-rss:2kB",
        "oom-kill 25185 9",
    );
    check(
        "May  1 12:00:00 h systemd[1]: shop.service: Main process exited, code=killed, status=11/SEGV",
        "main-process-exited - 11",
    );
    check(
        "May  1 12:00:00 h systemd[1]: shop.service: Main process exited, code=exited, status=1/FAILURE",
        "main-process-exited - -",
    );
    check("May  1 12:00:00 h systemd[1]: shop.service: Failed with result 'oom-kill'.", "unit-failed - -");
    check(
        "May  1 12:00:00 h systemd-coredump[9]: Process 29829 (python) of user 0 dumped core.",
        "core-dumped 29829 -",
    );
    for line in [
        "free(): invalid pointer",
        "double free or corruption (out)",
        "malloc(): corrupted top size",
        "malloc(): unsorted double linked list corrupted",
        "free(): double free detected in tcache 2",
        "double free or corruption (!prev)",
        "corrupted size vs. prev_size while consolidating",
        "corrupted double-linked list (not small)",
        "munmap_chunk(): invalid pointer",
        "realloc(): invalid next size",
        "terminate called without an active exception",
        "*** stack smashing detected ***: terminated",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "python3: x.c:7: f: Assertion `p != NULL' failed.",
    ] {
        check(line, "native-abort - 6");
    }
}

#[test]
fn words_that_state_no_fact() {
    for line in [
        "2024-05-01 12:00:00 WARNING shop: torch.OutOfMemoryError was handled",
        "2024-05-01 12:00:00 INFO shop: docs mention free(): invalid pointer",
        "2024-05-01 12:00:00 WARNING shop: free(): invalid pointer was reported by a customer",
        "malloc(): is what the library calls",
        "2024-05-01 12:00:00 INFO shop: check 'x' failed.",
        "2024-05-01 12:00:00 INFO shop: general protection is on",
    ] {
        check(line, "");
    }
}

#[test]
fn a_module_offset_is_computed() {
    let detail = |line: &str| scan_text(line, &Options::default()).events[0].detail.clone();
    let old =
        "[1.000000] p[1]: segfault at 0 ip 00007f02a647f110 sp 0 error 4 in libcrash.so[7f02a647f000+1000]\n";
    let new = "[1.000000] p[1]: segfault at 0 ip 00007f02a647f110 sp 0 error 4 in libcrash.so[1110,7f02a647f000+1000] likely on CPU 1\n";
    assert_eq!(detail(old).as_deref(), Some("libcrash.so+0x110"));
    assert_eq!(detail(new).as_deref(), Some("libcrash.so+0x1110"));
}

#[test]
fn sigkill_is_no_proof_of_memory() {
    let scan = scan_text(
        "[2024-05-01 12:00:00 +0000] [7] [ERROR] Worker (pid:8) was sent SIGKILL! Perhaps out of memory?\n",
        &Options::default(),
    );
    let finding = scan.findings().into_iter().find(|finding| finding.id == "worker-killed").unwrap();
    assert_eq!(finding.against.len(), 1);
    assert!(scan.events.iter().all(|event| event.kind != "oom-kill"));
    let harakiri = "*** HARAKIRI ON WORKER 1 (pid: 30, try: 1) ***\nDAMN ! worker 1 (pid: 30) died, killed by signal 9 :( trying respawn ...\n";
    let findings = scan_text(harakiri, &Options::default()).findings();
    let killed = findings.iter().find(|finding| finding.id == "worker-killed").unwrap();
    assert!(killed.title.contains("its own server killed it"), "{}", killed.title);
}
