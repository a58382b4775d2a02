//! How an interpreter was configured, as far as its structures depend on it.

/// How an interpreter was configured, as far as its structures depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Flavor {
    /// As distributed.
    Release,
    /// `--with-pydebug`.
    Debug,
    /// `--disable-gil` (3.13+).
    FreeThreaded,
}

impl std::fmt::Display for Flavor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Release => "release",
            Self::Debug => "debug",
            Self::FreeThreaded => "free-threaded",
        })
    }
}
