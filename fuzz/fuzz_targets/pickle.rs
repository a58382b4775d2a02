#![no_main]

use pycoroner_telemetry::{ExportFormat, read};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    read(ExportFormat::Tracemalloc, bytes, pycoroner_findings::SourceId(1));
});
