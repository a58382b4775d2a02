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
        "billiard.exceptions.WorkerLostError: Worker exited prematurely: exitcode 155 Job: 3.",
        "worker-exit - -",
    );
    check(
        "[2024-05-01 12:00:00,123: ERROR/MainProcess] Process 'ForkPoolWorker-1' pid:44 exited with 'signal 11 (SIGSEGV)'",
        "worker-killed 44 11",
    );
    check("INFO:     Started server process [51]", "worker-boot 51 -");
    check("INFO:     Child process [52] died", "worker-exit 52 -");
    check("INFO:     Waiting for child process [52]", "");
    check("INFO:     Terminated child process [52]", "worker-exit 52 -");
    check(&gunicorn("Worker with pid 8 was terminated due to signal 9"), "worker-killed 8 9");
    check(&gunicorn("Worker (pid:8) was sent SIGTERM!"), "worker-killed 8 15");
    check(&gunicorn("Autorestarting worker after current request."), "worker-recycled 7 -");
    check(&gunicorn("Reason: Worker failed to boot."), "boot-failed - -");
    check(&gunicorn("Handling signal: ttin"), "signal - 21");
    check(
        "Sun Nov 22 11:32:02 2026 - HARAKIRI [core 0] 127.0.0.1 - GET /slow since 1795685225",
        "request-cut - -",
    );
    check("worker 1 killed successfully (pid: 30)", "worker-exit 30 -");
    check("...The work of process 30 is done. Seeya!", "worker-exit 30 -");
    check(
        "[2024-05-01 12:00:00 +0000] [9] [INFO] Running on http://127.0.0.1:80 (CTRL + C to quit)",
        "worker-boot 9 -",
    );
}

#[test]
fn runners_of_tasks() {
    let celery = |message: &str| format!("[2024-05-01 12:00:00,123: ERROR/MainProcess] {message}");
    check(&celery("Process 'ForkPoolWorker-2' pid:44 exited with 'exitcode 2'"), "worker-exit 44 -");
    check(&celery("Hard time limit (2s) exceeded for shop.hard[058d]"), "worker-timeout - -");
    check(&celery("Soft time limit (1s) exceeded for shop.soft[10ed]"), "task-timeout - -");
    check(&celery("celery@web-1 ready."), "restart - -");
    check(
        &celery("consumer: Connection to broker lost. Trying to re-establish the connection..."),
        "connection-lost - -",
    );
    check(&celery("missed heartbeat from celery@web-2"), "heartbeat-missed - -");
    check("worker: Warm shutdown (MainProcess)", "shutdown - -");
    let rq = |message: &str| format!("12:00:00 {message}");
    check(&rq("Worker 5f0c: started with PID 61, version 2.6"), "worker-boot 61 -");
    check(
        &rq(
            "Moving job to FailedJobRegistry (Work-horse terminated unexpectedly; waitpid returned 139 (signal 11); )",
        ),
        "worker-killed - 11",
    );
    check(
        &rq("Moving job to FailedJobRegistry (Work-horse terminated unexpectedly; waitpid returned 9)"),
        "worker-killed - 9",
    );
    check(&rq("Killed horse pid 62"), "worker-killed 62 9");
    check(
        "rq.timeouts.JobTimeoutException: Task exceeded maximum timeout value (180 seconds)",
        "task-timeout - -",
    );
    check(&rq("Worker 5f0c [PID 61]: warm shut down requested"), "shutdown - -");
    let airflow = |message: &str| {
        format!("[2024-05-01T12:00:00.123+0000] {{local_task_job_runner.py:1}} INFO - {message}")
    };
    check(&airflow("Task exited with return code 1"), "worker-exit - -");
    check(&airflow("Task exited with return code -9"), "worker-killed - 9");
    check(&airflow("Task exited with return code Negsignal.SIGKILL"), "worker-killed - 9");
    check(
        &airflow(
            "Process psutil.Process(pid=77, status='terminated', exitcode=-15, started='12:00:00') (77) terminated with exit code -15",
        ),
        "worker-killed 77 15",
    );
    check(
        &airflow("Job 7 was killed before it finished (likely due to running out of memory)"),
        "worker-killed - 9",
    );
    check(&airflow("Received SIGTERM. Terminating subprocesses."), "signal - 15");
}

#[test]
fn requests_that_failed() {
    for line in [
        "2024-05-01 12:00:00,123 ERROR django.request: Internal Server Error: /orders/7",
        "[2024-05-01 12:00:00,978] ERROR in app: Exception on /boom [GET]",
        "ERROR:    Exception in ASGI application",
        "[2024-05-01 12:00:00 +0000] [9] [ERROR] Error in ASGI Framework",
        "[2024-05-01 12:00:00 +0000] [9] [ERROR] Error handling request /boom",
        "2024-05-01 12:00:00,123 ERROR waitress: Exception while serving /boom",
    ] {
        let pid = if line.contains("[9]") { "9" } else { "-" };
        check(line, &format!("request-failed {pid} -"));
    }
    check("2024-05-01 12:00:00,123 INFO shop: docs on \"Internal Server Error: /x\"", "");
    let flood = "2024-05-01 12:00:00,123 ERROR django.request: Internal Server Error: /\n".repeat(5_000);
    let scan = scan_text(&format!("{flood}free(): invalid pointer\n"), &Options::default());
    assert!(scan.events.iter().any(|event| event.kind == "native-abort"));
    assert!(scan.gaps.iter().any(|gap| gap.what == "4500 failed requests"), "{:?}", scan.gaps);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
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
    check("[9.0] x", "");
    check(
        "[ 1230.521868] python3[77]: unhandled level 2 translation fault (11) at 0x00000000, esr 0x92000046, in libx.so[aaaa0000+1000]",
        "kernel-segfault 77 11",
    );
    // Before Linux 5.0 the choice and the kill are two lines.
    check(
        "[ 1230.521868] Out of memory: Kill process 77 (python3) score 900 or sacrifice child",
        "oom-constraint 77 -",
    );
    check(
        "[ 1230.521868] Killed process 77 (python3) total-vm:1kB, anon-rss:2kB, file-rss:0kB",
        "oom-kill 77 9",
    );
    check(
        "[ 1230.521868] Task in /docker/1f killed as a result of limit of /docker/1f",
        "oom-constraint - -",
    );
    check(
        "[ 1230.521868] python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
        "oom-invoked - -",
    );
    check("May  1 12:00:00 h systemd[1]: shop.service: Watchdog timeout (limit 30s)!", "worker-timeout - -");
    check(
        "May  1 12:00:00 h systemd[1]: shop.service: Killing process 77 (python3) with signal SIGKILL.",
        "signal 77 9",
    );
    check(
        "May  1 12:00:00 h systemd[1]: shop.service: State 'stop-sigterm' timed out. Killing.",
        "stop-timeout - -",
    );
    check(
        "May  1 12:00:00 h systemd[1]: shop.service: Start request repeated too quickly.",
        "restart-limit - -",
    );
    check(
        "May  1 12:00:00 h systemd-oomd[7]: Killed /system.slice/shop.service due to memory pressure for /system.slice being 60.1% > 50.0%",
        "oom-kill - 9",
    );
    check(
        "May  1 12:00:00 h systemd[1]: shop.service: A process of this unit has been killed by the OOM killer.",
        "oom-kill - 9",
    );
    check("web-1 exited with code 139", "container-exit - 11");
    check(
        "2024-05-01T12:00:00.123456789Z container die 1f2e (exitCode=137, image=shop, name=web)",
        "container-exit - 9",
    );
    check(
        "2024-05-01T12:00:00.123456789Z container oom 1f2e (image=shop, name=web)",
        "container-oom-killed - -",
    );
    check("      Exit Code:    134", "container-exit - 6");
    check("      Reason:       OOMKilled", "container-oom-killed - -");
    check("Warning  Unhealthy  2m  kubelet  Liveness probe failed: HTTP probe failed", "probe-failed - -");
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
        "2024-05-01 12:00:00 INFO shop: ffmpeg exited with code 1",
        "2024-05-01 12:00:00 INFO shop: Killed process group by hand",
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
    assert!(killed.title.contains("after its server had timed it out"), "{}", killed.title);
}

#[test]
fn uwsgi_names_the_signal_in_a_line_of_its_own() {
    let titles = |text: &str| {
        let findings = scan_text(text, &Options::default()).findings();
        findings.into_iter().map(|finding| finding.title).collect::<Vec<_>>()
    };
    let fault = "!!! uWSGI process 31 got Segmentation Fault !!!\n";
    let expected = ["A worker, process 31, was ended by signal 11"];
    assert_eq!(titles(&format!("{fault}DAMN ! worker 2 (pid: 31) died :( trying respawn ...\n")), expected);
    let killed = "DAMN ! worker 2 (pid: 31) died, killed by signal 11 :( trying respawn ...\n";
    assert_eq!(titles(&format!("{fault}{killed}")), expected);
    assert_eq!(titles("[2024-05-01 12:00:00 +0000] [7] [INFO] Handling signal: term\n"), [""; 0]);
}
