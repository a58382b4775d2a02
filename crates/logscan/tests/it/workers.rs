//! Life spans of worker processes.

use pycoroner_findings::SourceId;
use pycoroner_logscan::{Input, Options, Scan, scan};

use crate::shown::{assert_lines, scan_text, time};

/// `pid started ended end signal`, one line per worker.
fn shown(scan: &Scan) -> String {
    let clock = |time: Option<pycoroner_findings::UtcTime>| {
        time.map_or("-".to_owned(), |time| time.to_string()[11..19].to_owned())
    };
    scan.workers()
        .iter()
        .map(|worker| {
            let end = serde_json::to_value(worker.end).unwrap();
            let signal = worker.signal.map_or("-".to_owned(), |signal| signal.to_string());
            let (started, ended) = (clock(worker.started), clock(worker.ended));
            format!("{} {started} {ended} {} {signal}\n", worker.pid, end.as_str().unwrap())
        })
        .collect()
}

#[track_caller]
fn check(input: &str, expected: &str) {
    assert_lines(&shown(&scan_text(input, &Options::default())), expected, input);
}

#[test]
fn starts_and_ends_pair_by_process() {
    let line = |clock: &str, message: &str| format!("[2024-05-01 {clock} +0000] [7] [INFO] {message}\n");
    let log = [
        line("12:00:00", "Booting worker with pid: 8"),
        line("12:00:00", "Booting worker with pid: 9"),
        line("12:00:01", "Booting worker with pid: 10"),
        line("12:00:30", "WORKER TIMEOUT (pid:8)"),
        line("12:00:31", "Worker (pid:8) was sent SIGKILL! Perhaps out of memory?"),
        line("12:00:40", "Worker (pid:9) was sent SIGSEGV!"),
        line("12:00:41", "Worker (pid:10) exited with code 5"),
        // The number is given again.
        line("12:00:50", "Booting worker with pid: 9"),
        line("12:01:00", "Worker exiting (pid: 9)"),
        line("12:01:00", "Worker (pid:77) was sent SIGKILL! Perhaps out of memory?"),
        line("12:01:01", "Booting worker with pid: 11"),
    ];
    check(
        &log.concat(),
        "8 12:00:00 12:00:31 timed-out 9
         9 12:00:00 12:00:40 killed 11
         10 12:00:01 12:00:41 failed -
         9 12:00:50 12:01:00 exited -
         77 - 12:01:00 killed 9
         11 12:01:01 - not-stated -",
    );
    check(
        "spawned uWSGI worker 1 (pid: 30, cores: 1)
         spawned uWSGI worker 2 (pid: 31, cores: 1)
         Sun Nov 22 11:32:02 2023 - *** HARAKIRI ON WORKER 1 (pid: 30, try: 1) ***
         !!! uWSGI process 31 got Segmentation Fault !!!
         DAMN ! worker 1 (pid: 30) died, killed by signal 9 :( trying respawn ...
         DAMN ! worker 2 (pid: 31) died :( trying respawn ..."
            .replace("\n         ", "\n")
            .as_str(),
        "30 11:32:02 11:32:02 timed-out 9
         31 11:32:02 - killed 11",
    );
}

#[test]
fn processes_of_two_logs_are_told_apart() {
    let boot = "[2024-05-01 12:00:00 +0000] [7] [INFO] Booting worker with pid: 8\n";
    let exit = "[2024-05-01 12:00:09 +0000] [7] [INFO] Worker exiting (pid: 8)\n";
    let scan_two = |continues: bool| {
        let (mut first, mut second) = (boot.as_bytes(), exit.as_bytes());
        let modified = Some(time("2024-06-01T00:00:00Z"));
        let input =
            |id, continues, reader| Input { modified, continues, ..Input::new(SourceId(id), "a", reader) };
        shown(&scan([input(1, false, &mut first), input(2, continues, &mut second)], &Options::default()))
    };
    assert_eq!(scan_two(true), "8 12:00:00 12:00:09 exited -\n");
    assert_eq!(scan_two(false), "8 12:00:00 - not-stated -\n8 - 12:00:09 exited -\n");
}
