//! The causes that are named of evidence as real servers, kernels and interpreters write it, and of what looks like it
//! and shows less: one golden page.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use pycoroner_fixtures::{core_named, incident};
use serde_json::Value;

use crate::program::{args, run};

/// gunicorn's log around the end of a worker.
fn gunicorn(lines: &[&str]) -> String {
    let mut log = String::new();
    for second in 0..20 {
        let _ = writeln!(log, "[2026-11-22 11:28:{second:02} +0000] [15390] [DEBUG] 2 workers");
    }
    let at = |line: &&str| format!("[2026-11-22 11:28:{line}\n");
    log.extend(lines.iter().map(at));
    log
}

const ENDED_BY_KILL: &str =
    "47 +0000] [15390] [ERROR] Worker (pid:19555) was sent SIGKILL! Perhaps out of memory?";
const OOM: &str = "[Sun Nov 22 11:28:46 2026] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/shop,task_memcg=/shop,task=python,pid=19555,uid=0
[Sun Nov 22 11:28:46 2026] Memory cgroup out of memory: Killed process 19555 (python) total-vm:90896kB, anon-rss:81512kB, file-rss:5856kB, shmem-rss:0kB, UID:0 pgtables:212kB oom_score_adj:0
";

/// Memory over time as Prometheus answers it, in MiB, a sample every five seconds up to 11:28:45.
fn memory(values: &[u64]) -> String {
    let first = 1_795_346_925 - 5 * (values.len() as u64 - 1);
    let points: Vec<String> = values
        .iter()
        .zip(0..)
        .map(|(value, step)| format!("[{}, \"{}\"]", first + 5 * step, value << 20))
        .collect();
    format!(
        r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"__name__":"process_resident_memory_bytes","instance":"shop:8000","job":"shop"}},"values":[{}]}}]}}}}"#,
        points.join(",")
    )
}

fn raised(error: &str) -> String {
    format!(
        "2026-11-22 11:28:40,001 INFO [19555] shop.web: request started\n2026-11-22 11:28:40,120 ERROR [19555] shop.web: request failed\nTraceback (most recent call last):\n  File \"/srv/shop/web.py\", line 88, in handle\n    store(request)\n  File \"/srv/shop/store.py\", line 31, in store\n    with open(path, 'w') as out:\n{error}\n"
    )
}

/// What the interpreter prints of an exception that ends the program.
const UNHANDLED: &str = "2026-11-22 11:28:40,001 INFO [19555] shop.jobs: job 7 started
Traceback (most recent call last):
  File \"/srv/shop/jobs.py\", line 90, in <module>
    main()
  File \"/srv/shop/jobs.py\", line 71, in main
    job.run()
KeyError: 'amount'
";

fn dump(error: &str) -> String {
    format!(
        "2026-11-22 11:28:40,001 INFO [19555] shop.web: request started\nFatal Python error: {error}\nPython runtime state: initialized\n\nCurrent thread 0x00007f10a0dc1b80 (most recent call first):\n  File \"/srv/shop/price.py\", line 6 in price\n  File \"/srv/shop/web.py\", line 88 in handle\n"
    )
}

const RECURSION: &str = "2026-11-22 11:28:40,001 INFO [19555] shop.tree: walking
Traceback (most recent call last):
  File \"/srv/shop/tree.py\", line 13, in <module>
    walk(0)
  File \"/srv/shop/tree.py\", line 12, in walk
    return walk(n+1)
  File \"/srv/shop/tree.py\", line 12, in walk
    return walk(n+1)
  [Previous line repeated 996 more times]
RecursionError: maximum recursion depth exceeded
";

type Files = Vec<(&'static str, String)>;

/// Logs and exports without a core.
fn without_core() -> Vec<(&'static str, Files)> {
    let kernel = |lines: &str| ("kernel.log", lines.to_owned());
    let killed = || {
        ("error.log", gunicorn(&[ENDED_BY_KILL, "47 +0000] [20015] [INFO] Booting worker with pid: 20015"]))
    };
    let timed_out = || {
        let lines = [
            "46 +0000] [15390] [CRITICAL] WORKER TIMEOUT (pid:19555)",
            "47 +0000] [15390] [ERROR] Worker (pid:19555) was sent SIGKILL! Perhaps out of memory?",
        ];
        ("error.log", gunicorn(&lines))
    };
    let log = |text: String| ("app.log", text);
    let rising = || ("memory.json", memory(&[100, 140, 180, 220, 260, 300, 340, 380]));
    let jumped = || ("memory.json", memory(&[100, 101, 100, 102, 101, 100, 101, 800]));
    let level = || ("memory.json", memory(&[100, 101, 100, 102, 101, 100, 101, 100]));
    let errno =
        |number: u32, text: &str| log(raised(&format!("OSError: [Errno {number}] {text}: '/srv/data/a'")));
    let went_on = format!("{UNHANDLED}2026-11-22 11:28:59,001 INFO [19555] shop.jobs: job 8 started\n");
    let in_thread = UNHANDLED.replace("Traceback", "Exception in thread pool-1:\nTraceback");
    vec![
        ("out of memory by a leak", vec![killed(), kernel(OOM), rising()]),
        ("out of memory by a spike", vec![killed(), kernel(OOM), jumped()]),
        ("out of memory, and memory was level", vec![killed(), kernel(OOM), level()]),
        ("SIGKILL and memory that rose, but no kill by the kernel", vec![killed(), rising()]),
        ("out of memory, of another process", vec![kernel(&OOM.replace("19555", "77")), timed_out()]),
        ("a worker's timeout", vec![timed_out()]),
        ("a kill from outside", vec![killed()]),
        (
            "a worker that was asked to end",
            vec![(
                "error.log",
                gunicorn(&[
                    "46 +0000] [15390] [INFO] Handling signal: term",
                    "47 +0000] [15390] [ERROR] Worker (pid:19555) was sent SIGTERM!",
                ]),
            )],
        ),
        ("an exception that nothing handled", vec![log(UNHANDLED.to_owned())]),
        ("an exception, and the log goes on", vec![log(went_on)]),
        ("an exception that ended a thread", vec![log(in_thread)]),
        ("an exception that was logged", vec![log(raised("KeyError: 'amount'"))]),
        ("a recursion without end", vec![log(RECURSION.to_owned())]),
        (
            "damaged memory",
            vec![log(format!(
                "{}free(): invalid next size (fast)\n",
                dump("Aborted").replace("Fatal", "free(): invalid pointer\nFatal")
            ))],
        ),
        (
            "a failed check that is no damaged memory",
            vec![log(format!(
                "python3: price.c:33: lookup: Assertion `row < rows' failed.\n{}",
                dump("Aborted")
            ))],
        ),
        (
            "a fatal error of the interpreter",
            vec![log(dump("_PyThreadState_Attach: non-NULL old thread state"))],
        ),
        (
            "a signal that faulthandler dumped is no error of the interpreter",
            vec![log(dump("Segmentation fault"))],
        ),
        ("a full disk", vec![errno(28, "No space left on device")]),
        ("a disk that is another error", vec![errno(13, "Permission denied")]),
        ("no more files", vec![errno(24, "Too many open files")]),
        (
            "a fault that systemd's journal records",
            vec![(
                "journal.json",
                "{\"__REALTIME_TIMESTAMP\": \"1795347112282635\", \"PRIORITY\": \"2\", \"_PID\": \"29895\", \"COREDUMP_PID\": \"29829\", \"COREDUMP_SIGNAL\": \"11\", \"MESSAGE\": \"Process 29829 (python) of user 0 dumped core.\"}\n"
                    .to_owned(),
            )],
        ),
        (
            "a fault that only the kernel saw",
            vec![kernel(
                "[Sun Nov 22 11:28:46 2026] python[19555]: segfault at 0 ip 00007f02a647f110 sp 00007ffc11d03b18 error 4 in _price.so[1110,7f02a647f000+1000] likely on CPU 1 (core 1, socket 0)\n",
            )],
        ),
    ]
}

/// Times that are those of files differ from run to run.
fn without_times(command: &str) -> String {
    let quoted = command.split('\'').enumerate();
    quoted
        .map(|(index, part)| if index % 2 == 1 && part.ends_with(" UTC") { "TIME" } else { part })
        .collect::<Vec<_>>()
        .join("'")
}

fn told(files: &[PathBuf]) -> String {
    let format = ["--format", "json"].map(PathBuf::from);
    let run = run([PathBuf::from("analyze")].iter().chain(files).chain(&format));
    let incident: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut told = String::new();
    for cause in list(&incident["causes"]) {
        let (role, id) = (text(&cause["role"]), text(&cause["id"]));
        let _ =
            writeln!(told, "{role}: {id} ({}): {}", text(&cause["confidence"]), text(&cause["statement"]));
        for reason in list(&cause["raised_by"]) {
            let _ = writeln!(told, "  more likely: {}", text(&reason));
        }
        for reason in list(&cause["against"]) {
            let _ = writeln!(told, "  against: {}", text(&reason));
        }
        let _ =
            writeln!(told, "  refuted if: {}\n  next: {}", text(&cause["refuted_if"]), text(&cause["next"]));
        for command in list(&cause["commands"]) {
            let _ = writeln!(told, "  $ {}", without_times(&text(&command["command"])));
        }
    }
    told
}

fn page(folder: &Path) -> String {
    let mut page = String::new();
    let mut add = |name: &str, files: &[PathBuf]| {
        let _ = writeln!(page, "## {name}\n\n```text\n{}```\n", told(files));
    };
    let checkout = incident("checkout-segfault");
    add("a null pointer in an extension", &[checkout.core.clone(), checkout.file("app.log")]);
    add("a deadlock beside an abort", &[core_named("medley-3.12").core]);
    for (index, (name, files)) in without_core().into_iter().enumerate() {
        let folder = folder.join(index.to_string());
        fs::create_dir(&folder).unwrap();
        let write = |(name, content): (&str, String)| {
            let path = folder.join(name);
            fs::write(&path, content).unwrap();
            path
        };
        add(name, &files.into_iter().map(write).collect::<Vec<_>>());
    }
    page
}

#[test]
fn causes_of_real_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let page = page(folder.path());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots/causes.md");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    for (number, (is, should)) in page.lines().zip(expected.lines()).enumerate() {
        assert_eq!(is, should, "causes.md, line {}", number + 1);
    }
    assert_eq!(page.len(), expected.len(), "causes.md has another length");
}

/// Workers die of what one request asks for, and the report says of which values.
#[test]
fn a_value_that_goes_with_the_deaths_is_what_to_look_at_next() {
    let (mut app, mut errors, mut pid) = (String::new(), String::new(), 100);
    for turn in 0..200_u32 {
        let (minute, second) = (turn / 60, turn % 60);
        let clock = format!("2024-05-01 12:{minute:02}:{second:02}");
        // Neighbours of all sizes, in no order.
        let article = 900 + turn * 37 % 100;
        let said = format!("no price for SKU-{article}; asking the old table");
        writeln!(app, "{clock},000 WARNING [{pid}] shop.catalog: {said}").unwrap();
        if article > 950 && turn % 4 == 0 {
            writeln!(errors, "[{clock} +0000] [7] [ERROR] Worker (pid:{pid}) was sent SIGSEGV!").unwrap();
            pid += 1;
        } else if article > 950 {
            // Those that nobody waited for.
            app = app.replace(&said, "the old table is asked later");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let paths = [("app.log", app), ("error.log", errors)].map(|(name, text)| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    });
    let [app, errors] = &paths;
    let document = run(args!["logs", app, errors, "--format", "json"]).exits(0).json();
    let found = &document["separations"]["found"][0];
    assert_eq!(
        (found["what"].as_str(), found["by"].as_str()),
        (Some("SKU-<n>"), Some("at-least")),
        "{document}"
    );
    assert_eq!((found["others_with"].as_u64(), found["is_last"].as_bool()), (Some(0), Some(true)), "{found}");
    let report = run(args!["analyze", app, errors]).exits(0).stdout;
    let next = report.lines().find(|line| line.starts_with("| **Next** |")).unwrap();
    let value = found["value"].as_str().unwrap();
    assert!(
        next.contains(&format!("Those that ended so had SKU-&lt;n&gt; of {value} or more: look")),
        "{next}"
    );
    assert!(report.contains("### Values that go with the deaths"), "{report}");
    // In words of what goes together only.
    let title =
        report.lines().find(|line| line.contains("processes that died of SIGSEGV said last")).unwrap();
    assert!(!title.contains("cause"), "{title}");
}
