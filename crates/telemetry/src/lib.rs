//! Events out of exported metrics, traces and alerts.
//!
//! The caller provides the bytes of an export, as the tool wrote them. Whether they are one that is known is asked
//! by content ([`is_alerts`]), never by file name; reading gives events, each with the place in the document that
//! says so, and gaps for what could not be read.
//!
//! It reads alerts of Prometheus and Alertmanager so far. It queries nothing over a network, and it does not judge:
//! an alert says that a rule matched, not that it was right.
//!
//! ```
//! use pycoroner_findings::SourceId;
//! use pycoroner_telemetry::{is_alerts, read_alerts};
//!
//! let export = br#"[{"labels": {"alertname": "ShopDown"}, "startsAt": "2024-05-01T12:00:00Z"}]"#;
//! assert!(is_alerts(export));
//! let alerts = read_alerts(export, SourceId(3));
//! assert_eq!(alerts.events[0].message, "ShopDown");
//! assert_eq!(alerts.events[0].citation.as_ref().unwrap().to_string(), "[E3#/0/startsAt]");
//! ```

mod alerts;
mod time;

pub use alerts::{Alerts, is_alerts, read_alerts};
