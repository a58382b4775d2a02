#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pycoroner_logscan::fuzzing::logs(bytes));
