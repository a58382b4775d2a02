//! What psutil and systemd write down of processes.

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
