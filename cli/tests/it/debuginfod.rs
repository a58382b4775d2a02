//! Binaries from a debuginfod server: only when one is set, checked, kept, and told when they cannot be had.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use pycoroner_fixtures::core_named;
use serde_json::Value;

/// Serves fixed files by path, and keeps what was asked for.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let request = lines.next().and_then(Result::ok).unwrap_or_default();
                let _ = lines
                    .by_ref()
                    .take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()))
                    .count();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let (status, body) = match files.get(&path) {
                    Some(body) => ("200 OK", body.as_slice()),
                    None => ("404 Not Found", &[][..]),
                };
                log.lock().unwrap().push(path);
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// Runs `pycoroner core` on the core alone, with these variables.
fn core(variables: &[(&str, &str)]) -> Value {
    let fixture = core_named("medley-3.12");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pycoroner"));
    command.arg("core").arg(&fixture.core).args(["--sysroot", "/nonexistent", "--format", "json"]);
    command.env_remove("DEBUGINFOD_URLS").env_remove("http_proxy").env_remove("HTTP_PROXY");
    let output = command.envs(variables.iter().copied()).output().expect("pycoroner runs");
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// An ELF file of no content but a build ID.
fn stub(build_id: &str) -> Vec<u8> {
    let id: Vec<u8> = (0..build_id.len() / 2)
        .map(|at| u8::from_str_radix(&build_id[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0];
    file.resize(16, 0);
    file.extend([3, 0, 62, 0, 1, 0, 0, 0]);
    file.extend([0u64, 64, 0].iter().flat_map(|word| word.to_le_bytes()));
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0]);
    let len = 16 + id.len() as u64;
    file.extend([4u32, 4].iter().flat_map(|number| number.to_le_bytes()));
    file.extend([120, 120, 120, len, len, 4].iter().flat_map(|word: &u64| word.to_le_bytes()));
    file.extend([4, id.len() as u32, 3].iter().flat_map(|number| number.to_le_bytes()));
    file.extend(b"GNU\0");
    file.extend(id);
    file
}

fn build_ids(document: &Value) -> Vec<(String, String)> {
    let modules = document["process"]["modules"].as_array().unwrap();
    let row =
        |module: &Value| Some((module["path"].as_str()?.to_owned(), module["build_id"].as_str()?.to_owned()));
    modules.iter().filter_map(row).collect()
}

fn used(document: &Value) -> usize {
    let modules = document["process"]["modules"].as_array().unwrap();
    modules.iter().filter(|module| module["binary_used"] == true).count()
}

#[test]
fn binaries_come_from_a_server_once_and_only_when_one_is_set() {
    let alone = core(&[]);
    assert_eq!(used(&alone), 0);
    let ids = build_ids(&alone);
    assert!(ids.iter().any(|(path, _)| path.contains("libpython")), "{ids:?}");
    let files = ids.iter().map(|(_, id)| (format!("/buildid/{id}/executable"), stub(id))).collect();
    let server = Server::new(files);
    let cache = tempfile::tempdir().unwrap();
    let variables =
        [("DEBUGINFOD_URLS", server.url.as_str()), ("DEBUGINFOD_CACHE_PATH", cache.path().to_str().unwrap())];
    let found = core(&variables);
    assert!(used(&found) > 0);
    let asked = server.asked();
    assert!(asked > 0);
    let (_, id) = ids.iter().find(|(path, _)| path.contains("libpython")).unwrap();
    assert!(fs::metadata(cache.path().join(id).join("executable")).unwrap().len() > 0);
    assert_eq!(used(&core(&variables)), used(&found));
    assert_eq!(server.asked(), asked, "what is in the cache is not asked for again");
    assert_eq!(found["threads"], alone["threads"]);
}

#[test]
fn wrong_and_large_files_and_dead_servers_leave_gaps() {
    let ids = build_ids(&core(&[]));
    let wrong = ids.iter().map(|(_, id)| (format!("/buildid/{id}/executable"), stub("00112233"))).collect();
    let server = Server::new(wrong);
    let check = |url: &str, more: (&str, &str), expected: &str| {
        let cache = tempfile::tempdir().unwrap();
        let cache_path = cache.path().to_str().unwrap();
        let document = core(&[("DEBUGINFOD_URLS", url), ("DEBUGINFOD_CACHE_PATH", cache_path), more]);
        assert_eq!(used(&document), 0);
        let gaps = document["gaps"].as_array().unwrap();
        let told = gaps.iter().any(|gap| gap["why"].as_str().unwrap().contains(expected));
        assert!(told, "{expected}: {gaps:?}");
        assert_eq!(kept(cache.path()), 0, "{expected}");
    };
    check(&server.url, ("DEBUGINFOD_TIMEOUT", "10"), "of another build");
    check(&server.url, ("DEBUGINFOD_MAXSIZE", "16"), "larger than 16 bytes");
    check("http://127.0.0.1:9", ("DEBUGINFOD_TIMEOUT", "2"), "127.0.0.1:9");
}

/// Files below a folder that are more than the note that nobody had one.
fn kept(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(
            |path| {
                if path.is_dir() { kept(&path) } else { usize::from(fs::metadata(&path).unwrap().len() > 0) }
            },
        )
        .sum()
}

/// Against the real server, where `PYCORONER_DEBUGINFOD` names one that serves the files of this machine.
#[test]
fn a_real_server_gives_the_binaries_of_a_fresh_core() {
    let Some(url) = std::env::var_os("PYCORONER_DEBUGINFOD") else { return };
    let Some(interpreter) = pycoroner_fixtures::live::interpreters().into_iter().next() else { return };
    let made = pycoroner_fixtures::live::make_core(&interpreter, "checkout").expect("a core");
    let cache = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pycoroner"));
    command.arg("core").arg(&made.core).args(["--sysroot", "/nonexistent", "--format", "json"]);
    command.env("DEBUGINFOD_URLS", url).env("DEBUGINFOD_CACHE_PATH", cache.path());
    let output = command.output().expect("pycoroner runs");
    let document = serde_json::from_slice(&output.stdout).unwrap();
    assert!(used(&document) > 0, "{}", document["gaps"]);
}
