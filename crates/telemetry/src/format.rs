use serde::{Deserialize, Serialize};

use crate::alerts::is_alerts;

/// What an export was taken for, by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// Alerts of Prometheus or Alertmanager.
    Alerts,
}

impl ExportFormat {
    /// Tells the format by the first bytes of a file, decompressed; 64 KiB are enough.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        is_alerts(head).then_some(Self::Alerts)
    }

    /// The word for it in a register of evidence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
        }
    }
}
