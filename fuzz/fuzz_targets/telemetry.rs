#![no_main]

use pycoroner_findings::SourceId;
use pycoroner_telemetry::{ExportFormat, judge, read};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(format) = ExportFormat::sniff(bytes) {
        judge(read(format, bytes, SourceId(1)), &[], None);
    }
});
