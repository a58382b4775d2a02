//! Digests of whole files, computed while the files are analyzed.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use pycoroner_findings::Source;

use crate::evidence::{Evidence, Item, sha256_until};

/// The digests of all items, one after the other on a thread of their own.
#[derive(Debug)]
pub(crate) struct Digests {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<io::Result<String>>>>,
}

impl Digests {
    /// Starts to read the files; the analysis goes on meanwhile.
    pub(crate) fn start(evidence: &Evidence) -> Self {
        let paths: Vec<PathBuf> = evidence.files().map(ToOwned::to_owned).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let hash_all = move || paths.iter().map(|path| sha256_until(path, &stopped)).collect();
        Self { stop, thread: Some(std::thread::spawn(hash_all)) }
    }

    /// The register of the items that it was started with, when all digests are there.
    ///
    /// # Errors
    /// When a file can no longer be read.
    pub(crate) fn register(mut self, items: &[Item]) -> Result<Vec<Source>> {
        let digests = self.thread.take().map(JoinHandle::join);
        let digests =
            digests.and_then(Result::ok).context("the digests of the files could not be computed")?;
        let sources = items.iter().zip(digests).map(|(item, digest)| {
            Ok(item.source(digest.with_context(|| format!("cannot hash {}", item.shown))?))
        });
        sources.collect()
    }
}

impl Drop for Digests {
    /// An analysis that failed waits for no digest.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
