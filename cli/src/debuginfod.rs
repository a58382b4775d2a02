//! Asks debuginfod servers for binaries and debug files, when `DEBUGINFOD_URLS` is set.
//!
//! Environment, cache and URLs are those of elfutils' own client (debuginfod-client-config(7), debuginfod(8), elfutils
//! 0.188): what one has fetched the other finds. Nothing is asked of anybody unless the variable is set.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pycoroner_coredump::{BuildId, Download, FileKind, MappedFile};
use tempfile::NamedTempFile;
use ureq::Agent;

/// `DEBUGINFOD_TIMEOUT`: seconds without an answer.
const TIMEOUT: Duration = Duration::from_secs(90);
/// `DEBUGINFOD_MAXTIME`: seconds that one file may take in all.
const MAX_TIME: Duration = Duration::from_mins(30);
/// `DEBUGINFOD_MAXSIZE`: bytes of one file.
const MAX_SIZE: u64 = 4 << 30;
/// An empty file in the cache says that nobody had it then (`cache_miss_s`).
const MISS_LASTS: Duration = Duration::from_mins(10);

/// A client with its servers and its cache.
#[derive(Debug)]
pub(crate) struct Debuginfod {
    servers: Vec<Server>,
    cache: PathBuf,
    max_size: u64,
    agent: Agent,
}

#[derive(Debug)]
struct Server {
    url: String,
    /// It did not answer; asking again for every module would take forever.
    is_down: AtomicBool,
}

impl Debuginfod {
    /// The client that an environment asks for, if it does.
    pub(crate) fn of_environment(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
        let number = |name: &str| text(name)?.trim().parse::<u64>().ok().filter(|&number| number > 0);
        let urls = text("DEBUGINFOD_URLS")?;
        // Words such as ima:enforcing are policies for the URLs behind them.
        let servers: Vec<Server> = urls
            .split_whitespace()
            .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
            .map(|url| Server { url: url.trim_end_matches('/').to_owned(), is_down: AtomicBool::new(false) })
            .collect();
        if servers.is_empty() {
            return None;
        }
        let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = folder("DEBUGINFOD_CACHE_PATH")
            .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("debuginfod_client")))
            .or_else(|| Some(folder("HOME")?.join(".cache/debuginfod_client")))?;
        let timeout = number("DEBUGINFOD_TIMEOUT").map_or(TIMEOUT, Duration::from_secs);
        let max_time = number("DEBUGINFOD_MAXTIME").map_or(MAX_TIME, Duration::from_secs);
        let agent = Agent::config_builder()
            .timeout_connect(Some(timeout))
            .timeout_recv_response(Some(timeout))
            .timeout_per_read(Some(timeout))
            .timeout_global(Some(max_time))
            .user_agent(concat!("pycoroner/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .build()
            .new_agent();
        Some(Self { servers, cache, max_size: number("DEBUGINFOD_MAXSIZE").unwrap_or(MAX_SIZE), agent })
    }

    fn cached(&self, build_id: &BuildId, kind: FileKind) -> PathBuf {
        self.cache.join(build_id.to_string()).join(name_of(kind))
    }

    /// Fetches one file into the cache; false when the server has none.
    fn fetch(&self, server: &Server, build_id: &BuildId, kind: FileKind, to: &Path) -> Result<bool, String> {
        let url = format!("{}/buildid/{build_id}/{}", server.url, name_of(kind));
        let failed = |what: &dyn std::fmt::Display| format!("{url}: {what}");
        let mut response = self.agent.get(&url).call().map_err(|error| {
            server.is_down.store(true, Ordering::Relaxed);
            failed(&error)
        })?;
        match response.status().as_u16() {
            200 => {}
            404 => return Ok(false),
            status => return Err(failed(&format!("the server answered with status {status}"))),
        }
        let too_large =
            || failed(&format!("the file is larger than {} bytes (DEBUGINFOD_MAXSIZE)", self.max_size));
        if response.body().content_length().is_some_and(|len| len > self.max_size) {
            return Err(too_large());
        }
        let cannot_write = |error: io::Error| {
            format!("{} cannot be written ({error}); set DEBUGINFOD_CACHE_PATH", to.display())
        };
        let folder = to.parent().unwrap_or(&self.cache);
        fs::create_dir_all(folder).map_err(cannot_write)?;
        let mut file = NamedTempFile::new_in(folder).map_err(cannot_write)?;
        let body = response.body_mut().with_config().limit(u64::MAX).reader();
        let count = io::copy(&mut body.take(self.max_size.saturating_add(1)), &mut file)
            .map_err(|error| failed(&error))?;
        if count > self.max_size {
            return Err(too_large());
        }
        let content = MappedFile::map(file.as_file()).map_err(|error| failed(&error))?;
        if BuildId::of_elf(&content).as_ref() != Some(build_id) {
            return Err(failed(&"what the server sent is of another build, and is not used"));
        }
        file.persist(to).map_err(|error| cannot_write(error.error))?;
        Ok(true)
    }
}

impl Download for Debuginfod {
    fn download(&self, build_id: &BuildId, kind: FileKind) -> Result<Option<PathBuf>, String> {
        let path = self.cached(build_id, kind);
        match fs::metadata(&path) {
            Ok(cached) if cached.len() > 0 => return Ok(Some(path)),
            Ok(missed) if is_recent(&missed) => return Ok(None),
            _ => {}
        }
        let mut first_error = None;
        let up = self.servers.iter().filter(|server| !server.is_down.load(Ordering::Relaxed));
        for server in up {
            match self.fetch(server, build_id, kind, &path) {
                Ok(true) => return Ok(Some(path)),
                Ok(false) => {}
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match first_error {
            Some(error) => Err(error),
            // A server that does not answer may have it.
            None if self.servers.iter().any(|server| server.is_down.load(Ordering::Relaxed)) => Ok(None),
            None => {
                // Where it cannot be written down, it is asked again.
                let _ = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, []));
                Ok(None)
            }
        }
    }
}

fn is_recent(file: &fs::Metadata) -> bool {
    file.modified().ok().and_then(|time| time.elapsed().ok()).is_some_and(|age| age < MISS_LASTS)
}

fn name_of(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Executable => "executable",
        FileKind::DebugInfo => "debuginfo",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(variables: &[(&str, &str)]) -> Option<Debuginfod> {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        Debuginfod::of_environment(|name| variables.get(name).map(OsString::from))
    }

    #[test]
    fn the_environment_decides() {
        assert!(of(&[("HOME", "/home/u")]).is_none());
        assert!(of(&[("HOME", "/home/u"), ("DEBUGINFOD_URLS", " ")]).is_none());
        assert!(of(&[("HOME", "/home/u"), ("DEBUGINFOD_URLS", "ima:enforcing ftp://x")]).is_none());
        let urls = ("DEBUGINFOD_URLS", "ima:enforcing https://a.example/ http://b.example:8002");
        let client = of(&[("HOME", "/home/u"), urls]).unwrap();
        let servers: Vec<&str> = client.servers.iter().map(|server| server.url.as_str()).collect();
        assert_eq!(servers, ["https://a.example", "http://b.example:8002"]);
        assert_eq!(client.cache, Path::new("/home/u/.cache/debuginfod_client"));
        assert_eq!(client.max_size, MAX_SIZE);
        let client = of(&[("XDG_CACHE_HOME", "/x"), urls, ("DEBUGINFOD_MAXSIZE", "1000")]).unwrap();
        assert_eq!((client.cache.as_path(), client.max_size), (Path::new("/x/debuginfod_client"), 1000));
        let client = of(&[("XDG_CACHE_HOME", "/x"), ("DEBUGINFOD_CACHE_PATH", "/c"), urls]).unwrap();
        assert_eq!(client.cache, Path::new("/c"));
    }
}
