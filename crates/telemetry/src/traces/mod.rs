//! Spans as exporters and trace stores write them: OTLP JSON, OpenTelemetry's console exporters, Jaeger, Zipkin.

mod attributes;
mod console;
mod jaeger;
mod otlp;
mod otlp_metrics;
mod span_book;
mod zipkin;

pub(crate) use self::console::{is_console, read_console};
pub(crate) use self::jaeger::{is_jaeger, read_jaeger};
pub(crate) use self::otlp::{is_otlp, read_otlp};
pub(crate) use self::zipkin::{is_zipkin, read_zipkin};
