//! Stacks and memory as profilers write them.

use crate::summary::check;

#[test]
fn py_spy_dumps() {
    check(
        include_bytes!("../data/pyspy/dump.txt"),
        "py-spy-dump",
        &[
            "stacks of 31435 (/srv/shop/venv/bin/python live.py) [E1:L1-L14]",
            "  thread 31435 MainThread, active, gil, 1 times: charge live.py:5 < main live.py:10 < <module> live.py:11",
            "  thread 31449 stock, idle, 1 times: Condition.wait threading.py:355 < Event.wait threading.py:655 < wait_for_stock live.py:2 < Thread.run threading.py:1010 < Thread._bootstrap_inner threading.py:1073 < Thread._bootstrap threading.py:1030",
        ],
    );
    check(
        include_bytes!("../data/pyspy/locals.txt"),
        "py-spy-dump",
        &[
            "stacks of 31435 (/srv/shop/venv/bin/python live.py) [E1:L1-L40]",
            "  thread 31435 MainThread, active, gil, 1 times: charge live.py:5 < main live.py:10 < <module> live.py:11",
            "  thread 31449 stock, idle, 1 times: Condition.wait threading.py:355 < Event.wait threading.py:655 < wait_for_stock live.py:2 < Thread.run threading.py:1010 < Thread._bootstrap_inner threading.py:1073 < Thread._bootstrap threading.py:1030",
        ],
    );
    check(
        include_bytes!("../data/pyspy/native.txt"),
        "py-spy-dump",
        &[
            "stacks of 15401 (/srv/shop/venv/bin/python3 ../v/bin/gunicorn app:app -w 1 -t 6 -b 127.0.0.1:18000 --access-logfile access.log --error-logfile error.log --capture-output --log-level info) [E1:L1-L19]",
            "  thread 15401 MainThread, idle, 1 times: select libc.so.6 < select_select_impl selectmodule.c:344 < SyncWorker.wait sync.py:35 < SyncWorker.run_for_one sync.py:83 < SyncWorker.run sync.py:132 < Worker.init_process base.py:146 < Arbiter.spawn_worker arbiter.py:752 < Arbiter.spawn_workers arbiter.py:787 < Arbiter.manage_workers arbiter.py:700 < Arbiter.run arbiter.py:247 < BaseApplication.run base.py:72 < Application.run base.py:236 < run wsgiapp.py:66 < <module> gunicorn:8 < 0x7fb3c584524a libc.so.6",
        ],
    );
    check(
        include_bytes!("../data/pyspy/dump.json"),
        "py-spy-json",
        &[
            "stacks of 31435 (-) [E1#]",
            "  thread 31449 = 0x7f8feffff6c0 stock, idle, 1 times: Condition.wait threading.py:355 < Event.wait threading.py:655 < wait_for_stock live.py:2 < Thread.run threading.py:1010 < Thread._bootstrap_inner threading.py:1073 < Thread._bootstrap threading.py:1030",
            "  thread 31435 = 0x7f8ff5b83b80 MainThread, active, gil, 1 times: charge live.py:5 < main live.py:10 < <module> live.py:11",
        ],
    );
}

#[test]
fn py_spy_samples() {
    check(
        include_bytes!("../data/pyspy/raw.txt"),
        "folded-stacks",
        &[
            "stacks of 809 (-) [E1:L1-L2]",
            "  thread 809 MainThread, 99 times: charge live.py:5 < main live.py:10 < <module> live.py:11",
            "  thread 812 stock, 1 times: Condition.wait threading.py:355 < Event.wait threading.py:655 < wait_for_stock live.py:2 < Thread.run threading.py:1010 < Thread._bootstrap_inner threading.py:1073 < Thread._bootstrap threading.py:1030",
        ],
    );
    check(
        include_bytes!("../data/pyspy/speedscope.json"),
        "speedscope",
        &[
            "stacks of 809 (-) [E1#/profiles]",
            "  thread 809 MainThread, 49 times: charge live.py:5 < main live.py:10 < <module> live.py:11",
        ],
    );
}

#[test]
fn memray() {
    check(
        include_bytes!("../data/memray/stats.json"),
        "memray-stats",
        &[
            "memray Allocated 3253405 bytes in 257, 3015371 at the peak [E1#/total_bytes_allocated]",
            "  fill leak.py:3: 3005942 bytes in 156 [E1#/top_allocations_by_size/0]",
            "  _get_code_from_file <frozen runpy>:259: 85807 bytes in 39 [E1#/top_allocations_by_size/1]",
            "  namedtuple __init__.py:441: 44284 bytes in - [E1#/top_allocations_by_size/2]",
            "allocation-site: 92.3 % of the memory that memray saw being allocated was allocated at leak.py:3",
            "  for: 3005942 of 3253405 bytes in 156 of 257 blocks",
        ],
    );
    check(
        include_bytes!("../data/memray/rows.csv"),
        "memray-csv",
        &[
            "memray Unknown 3015371 bytes in 167 [E1:L1]",
            "  fill leak.py:3: 3001526 bytes in 151, most by fill leak.py:3 < orders leak.py:4 < <module> leak.py:6 < _run_code <frozen runpy>:88 < _run_module_code <frozen runpy>:98 < run_path <frozen runpy>:286 < _run_tracker run.py:83 (2400120 in 120) [E1:L4]",
            "  _compile_bytecode <frozen importlib._bootstrap_external>:752 < get_code <frozen importlib._bootstrap_external>:1123 < exec_module <frozen importlib._bootstrap_external>:990 < _load_unlocked <frozen importlib._bootstrap>:935 < _find_and_load_unlocked <frozen importlib._bootstrap>:1331 < _find_and_load <frozen importlib._bootstrap>:1360 < run_path <frozen runpy>:280 < _run_tracker run.py:83: 12101 bytes in 14 [E1:L1]",
            "  namedtuple __init__.py:508 < <module> pkgutil.py:22 < _call_with_frames_removed <frozen importlib._bootstrap>:488 < exec_module <frozen importlib._bootstrap_external>:994 < _load_unlocked <frozen importlib._bootstrap>:935 < _find_and_load_unlocked <frozen importlib._bootstrap>:1331 < _find_and_load <frozen importlib._bootstrap>:1360 < run_path <frozen runpy>:280 < _run_tracker run.py:83: 976 bytes in 1 [E1:L2]",
            "  <module> pkgutil.py:130 < _call_with_frames_removed <frozen importlib._bootstrap>:488 < exec_module <frozen importlib._bootstrap_external>:994 < _load_unlocked <frozen importlib._bootstrap>:935 < _find_and_load_unlocked <frozen importlib._bootstrap>:1331 < _find_and_load <frozen importlib._bootstrap>:1360 < run_path <frozen runpy>:280 < _run_tracker run.py:83: 768 bytes in 1 [E1:L3]",
            "allocation-site: 99.5 % of the memory that memray saw was allocated at leak.py:3",
            "  for: 3001526 of 3015371 bytes in 151 of 167 blocks; 2400120 bytes of them by one stack of several",
        ],
    );
}

#[test]
fn objgraph() {
    check(
        include_bytes!("../data/objgraph/common.txt"),
        "objgraph-counts",
        &[
            "  function: - bytes in 2665 [E1:L1]",
            "  dict: - bytes in 1385 [E1:L2]",
            "  tuple: - bytes in 1325 [E1:L3]",
            "  wrapper_descriptor: - bytes in 1301 [E1:L4]",
            "  method_descriptor: - bytes in 917 [E1:L5]",
            "  builtin_function_or_method: - bytes in 916 [E1:L6]",
        ],
    );
    check(
        include_bytes!("../data/objgraph/growth.txt"),
        "objgraph-counts",
        &[
            "  list: - bytes in 852 +500 [E1:L1]",
            "  Session: - bytes in 500 +500 [E1:L2]",
            "  dict: - bytes in 1385 +1 [E1:L3]",
            "  builtin_function_or_method: - bytes in 916 +1 [E1:L4]",
            "  TextIOWrapper: - bytes in 4 +1 [E1:L5]",
            "  IncrementalEncoder: - bytes in 3 +1 [E1:L6]",
        ],
    );
    check(
        include_bytes!("../data/objgraph/backrefs.dot"),
        "objgraph-picture",
        &[
            "object-graph-chain: When objgraph looked, Session <__main__.Session object at 0x7f8f68e29c was held by module __main__",
            "  for: module __main__ -[__dict__]-> dict 18 items -[SESSIONS]-> dict 500 items -[int 3]-> Session <__main__.Session object at 0x7f8f68e29c",
        ],
    );
}
