use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::head::Head;
use crate::{alerts, docker, kubernetes};

/// What an export was taken for, by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// Alerts of Prometheus or Alertmanager.
    Alerts,
    /// Containers as `docker inspect` writes them.
    DockerInspect,
    /// Pods and events as `kubectl get -o json` or `-o yaml` writes them.
    KubernetesObjects,
}

/// Tells by the beginning of a file whether it has a format.
type Test = fn(&Head<'_>) -> bool;

/// How each format is known. No two tests hold for one file, whatever their order; the first that holds counts.
const TABLE: &[(ExportFormat, Test)] = &[
    (ExportFormat::Alerts, alerts::is_alerts),
    (ExportFormat::DockerInspect, docker::is_inspect),
    (ExportFormat::KubernetesObjects, kubernetes::is_objects),
];

impl ExportFormat {
    /// Tells the format by the first bytes of a file, decompressed; 64 KiB are enough.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        let head = Head::new(head);
        TABLE.iter().find(|(_, fits)| fits(&head)).map(|(format, _)| *format)
    }

    /// The word for it in a register of evidence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::DockerInspect => "docker-inspect",
            Self::KubernetesObjects => "kubernetes-objects",
        }
    }
}
