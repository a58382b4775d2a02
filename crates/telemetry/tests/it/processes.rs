//! What psutil and systemd write down of processes.

use pycoroner_telemetry::ExportFormat;

use crate::summary::check;

#[test]
fn psutil() {
    check(
        include_bytes!("../data/psutil/snapshot.json"),
        "psutil",
        &[
            "process 15401 /opt/python/3.11.7/bin/python3.11, (/srv/shop/venv/bin/python3 ../v/bin/gunicorn app:app -w 1 -t 6 -b 127.0.0.1:18000 --access-logfile access.log --error-logfile error.log --capture-output --log-level info), rss 128176128, vms 291061760, threads 1, fds 17, cpu 8.19, /srv/shop/app/access.log /srv/shop/app/app.jsonlogger.jsonl /srv/shop/app/app.structlog.jsonl /srv/shop/app/error.log /srv/shop/app/faulthandler.log /srv/shop/app/otel_console.txt /srv/shop/app/otlp_traces.jsonl [E1#/process]",
            "2026-11-22T11:28:05.970Z Stated ±1000 process-started process 15401 was started, as psutil says",
            "2026-11-22T11:28:36.959505Z Stated ±0 process-state process 15401 had 128176128 bytes resident, 1 threads, 17 open descriptors",
        ],
    );
    check(
        include_bytes!("../data/psutil/as_dict.json"),
        "psutil",
        &[
            "process 31872 /opt/python/3.12.1/bin/python3.12, (/srv/shop/venv/bin/python mem.py --password hunter2), rss 16760832, vms 20332544, threads 1, fds 7, cpu 0.13, /srv/shop/app/opened.log /srv/shop/log/stderr /srv/shop/log/stdout [E1#]",
            "2026-11-26T10:02:45.420Z Stated ±1000 process-started process 31872 was started, as psutil says",
        ],
    );
    check(
        include_bytes!("../data/psutil/series.jsonl"),
        "psutil",
        &[
            "process 31872 rss 16764928, vms 20332544, threads 1, fds 8, cpu 0.14 [E1:L1]",
            "process 31872 rss 16764928, vms 20332544, threads 1, fds 8, cpu 0.14 [E1:L2]",
            "process 31872 rss 16764928, vms 20332544, threads 1, fds 8, cpu 0.14 [E1:L3]",
            "process_resident_memory_bytes pid=31872 3 points, to 16764928 [E1:L1]",
            "process_open_fds pid=31872 3 points, to 8 [E1:L1]",
            "2026-11-22T11:28:38.500Z Stated ±0 process-state process 31872 had 16764928 bytes resident, 1 threads, 8 open descriptors",
        ],
    );
}

#[test]
fn coredumpctl() {
    check(
        include_bytes!("../data/systemd/coredumpctl_list.txt"),
        "coredumpctl-list",
        &[
            "process 29829 signal 11, /opt/python/3.11.7/bin/python3.11, present [E1:L2]",
            "2026-11-22T11:31:52Z StoredWithCore ±60000 core-dumped systemd-coredump stored a core: process 29829 (/opt/python/3.11.7/bin/python3.11) died of signal 11; core file: present",
        ],
    );
    check(
        include_bytes!("../data/systemd/coredumpctl_list.json"),
        "coredumpctl-json",
        &[
            "process 29829 signal 11, /opt/python/3.11.7/bin/python3.11, present [E1#/0]",
            "2026-11-22T11:31:52.282635Z StoredWithCore ±60000 core-dumped systemd-coredump stored a core: process 29829 (/opt/python/3.11.7/bin/python3.11) died of signal 11; core file: present",
        ],
    );
    check(
        include_bytes!("../data/systemd/coredumpctl_info.txt"),
        "coredumpctl-info",
        &[
            "stacks of 29829 (/srv/shop/venv/bin/python -c $'import time,threading\\ndef worker(): time.sleep(60)\\nthreading.Thread(target=worker,name=\"w\").start(); time.sleep(60)') [E1:L1-L20]",
            "  thread 29829 -, 1 times: __GI___clock_nanosleep libc.so.6 + 0xcf545 < n/a libpython3.11.so.1.0 + 0x315ada",
            "process 29829 signal 11, /opt/python/3.11.7/bin/python3.11, (/srv/shop/venv/bin/python -c $'import time,threading\\ndef worker(): time.sleep(60)\\nthreading.Thread(target=worker,name=\"w\").start(); time.sleep(60)'), /var/lib/systemd/coredump/core.python.0.b007b00700000000000000000000b007.29829.1795347111000000.zst (present) [E1:L1-L20]",
            "2026-11-22T11:31:51Z StoredWithCore ±1000 core-dumped systemd-coredump stored a core: process 29829 (/opt/python/3.11.7/bin/python3.11) died of signal 11; core file: /var/lib/systemd/coredump/core.python.0.b007b00700000000000000000000b007.29829.1795347111000000.zst (present)",
        ],
    );
}

/// What coreutils 9.1 and attr 2.5 printed.
#[test]
fn stored_cores() {
    check(
        include_bytes!("../data/systemd/ls.txt"),
        "stored-core-list",
        &[
            "process 77 core.bash.0.b007b00700000000000000000000b007.77.1795340000000000.zst [E1:L2]",
            r"process 412 core.gunicorn:\x20worker.1000.b007b00700000000000000000000b007.412.1795346956000000.zst [E1:L3]",
            "process 29829 core.python3.0.b007b00700000000000000000000b007.29829.1795347111000000.zst [E1:L4]",
            "2026-11-22T09:33:20Z StoredWithCore ±1000 core-dumped systemd-coredump stored a core: process 77 died; core file: core.bash.0.b007b00700000000000000000000b007.77.1795340000000000.zst",
            r"2026-11-22T11:29:16Z StoredWithCore ±1000 core-dumped systemd-coredump stored a core: process 412 died; core file: core.gunicorn:\x20worker.1000.b007b00700000000000000000000b007.412.1795346956000000.zst",
            "2026-11-22T11:31:51Z StoredWithCore ±1000 core-dumped systemd-coredump stored a core: process 29829 died; core file: core.python3.0.b007b00700000000000000000000b007.29829.1795347111000000.zst",
        ],
    );
    check(
        include_bytes!("../data/systemd/getfattr.txt"),
        "stored-core-attributes",
        &[
            r#"process 412 signal 6, /opt/odd "dir"\x/python, var/lib/systemd/coredump/core.gunicorn:\x20worker.1000.b007b00700000000000000000000b007.412.1795346956000000.zst [E1:L1-L6]"#,
            "process 29829 signal 11, /opt/python/3.11.7/bin/python3.11, var/lib/systemd/coredump/core.python3.0.b007b00700000000000000000000b007.29829.1795347111000000.zst [E1:L8-L17]",
            r#"2026-11-22T11:29:16Z StoredWithCore ±1000 core-dumped systemd-coredump stored a core: process 412 (/opt/odd "dir"\x/python) died of signal 6; core file: var/lib/systemd/coredump/core.gunicorn:\x20worker.1000.b007b00700000000000000000000b007.412.1795346956000000.zst"#,
            "2026-11-22T11:31:51Z StoredWithCore ±1000 core-dumped systemd-coredump stored a core: process 29829 (/opt/python/3.11.7/bin/python3.11) died of signal 11; core file: var/lib/systemd/coredump/core.python3.0.b007b00700000000000000000000b007.29829.1795347111000000.zst",
        ],
    );
}

#[test]
fn odd_listings_of_stored_cores() {
    let name = "core.a.0.b007b00700000000000000000000b007.7.1795346956000000";
    let at = "2026-11-22T11:29:16Z StoredWithCore ±1000 core-dumped systemd-coredump stored a core: process";
    let path = format!("/var/lib/systemd/coredump/{name}.lz4");
    let listed = |line: &str, file: &str, number: u64| {
        let first = format!("process 7 {file} [E1:L{number}]");
        let last = format!("{at} 7 died; core file: {file}");
        check(line.as_bytes(), "stored-core-list", &[&first, &last]);
    };
    listed(&path, &path, 1);
    listed(
        &format!(
            "$ ls -lis /x\r\n/x:\r\ntotal 8\r\n 12 8 -rw-r-----. 1 root root 9 Nov 22 11:31 '{name}'\r\n"
        ),
        name,
        4,
    );
    // Digits by `-e hex`, the path as it is, and only one attribute.
    let attributes = format!(
        "getfattr: Removing leading '/' from absolute path names\n# file: x/other\nuser.x=\"1\"\n\n# file: {path}\nuser.coredump.signal=0x3131\n"
    );
    check(
        attributes.as_bytes(),
        "stored-core-attributes",
        &[
            &format!("process 7 signal 11, {path} [E1:L5-L6]"),
            &format!("{at} 7 died of signal 11; core file: {path}"),
        ],
    );
    for other in [
        "total 8\n-rw-r----- 1 root root 9 Nov 22 11:31 core.412\n".to_owned(),
        format!("2026-11-22 11:31:51 INFO wrote {name}\n"),
        format!("it is here:\nsaved {name}\n"),
        "# file: x\nuser.comment=\"y\"\n".to_owned(),
        "core.a.0.b007.7.1795346956000000\n".to_owned(),
        "core.a.0.b007b00700000000000000000000b007.7.1795346956\n".to_owned(),
    ] {
        assert_eq!(ExportFormat::sniff(other.as_bytes()), None, "{other}");
    }
}
