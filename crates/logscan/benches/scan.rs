//! CPU time of a scan against counting lines and counting a pattern, in one run over the same synthetic bytes.
//!
//! Run with `cargo bench -p pycoroner-logscan`. The inputs are made from a fixed seed.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use pycoroner_findings::SourceId;
use pycoroner_logscan::{Input, Options, scan};

const MIB: usize = 1 << 20;
const SIZE: usize = 64 * MIB;
const ROUNDS: usize = 9;

type Work = Box<dyn FnMut(&[u8])>;

/// xorshift64*: the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
    }
}

fn log(is_json: bool) -> Vec<u8> {
    let mut numbers = Numbers(42);
    let mut text = String::with_capacity(SIZE + 4096);
    let mut millis = 0_u64;
    while text.len() < SIZE {
        millis += numbers.next(40);
        let (hour, minute, second) = (millis / 3_600_000 % 24, millis / 60_000 % 60, millis / 1000 % 60);
        let time = format!("2024-05-01 {hour:02}:{minute:02}:{second:02},{:03}", millis % 1000);
        let order = numbers.next(100_000);
        let (level, message) = match numbers.next(1000) {
            0 => ("ERROR", format!("charge failed for order {order}")),
            1..20 => ("WARNING", format!("slow query took {}ms for user {order}", numbers.next(5000))),
            20..400 => (
                "INFO",
                format!("order {order} placed by 10.0.{}.{} in {}ms", order % 255, order % 13, order % 97),
            ),
            400..700 => ("INFO", format!("GET /api/v1/orders/{order} HTTP/1.1 200 {}", numbers.next(9000))),
            _ => ("DEBUG", format!("cache hit for key session:{order:08x} shard={}", order % 16)),
        };
        let traceback = "Traceback (most recent call last):\n  File \"/srv/shop/app.py\", line 48, in app\n    charge(order)\n  File \"/srv/shop/pay.py\", line 34, in charge\n    raise ValueError(order)\nValueError: card declined";
        if is_json {
            let stack = if level == "ERROR" {
                format!(", \"exc_info\": {}", serde_json::json!(traceback))
            } else {
                String::new()
            };
            let _ = writeln!(
                text,
                "{{\"timestamp\": \"{time}\", \"level\": \"{level}\", \"name\": \"shop.orders\", \"process\": 77, \"threadName\": \"MainThread\", \"message\": \"{message}\"{stack}, \"trace_id\": \"{order:032x}\"}}"
            );
        } else {
            let _ = writeln!(text, "{time} {level} [MainThread] shop.orders: {message}");
            if level == "ERROR" {
                text.push_str(traceback);
                text.push('\n');
            }
        }
    }
    text.into_bytes()
}

/// The least of some rounds of each work, in seconds per GiB; the works take turns, so that a busy machine slows all.
fn measure(bytes: &[u8], works: &mut [Work]) -> Vec<f64> {
    let mut best = vec![Duration::MAX; works.len()];
    for _ in 0..ROUNDS {
        for (work, best) in works.iter_mut().zip(&mut best) {
            let start = Instant::now();
            work(bytes);
            *best = start.elapsed().min(*best);
        }
    }
    best.iter().map(|best| best.as_secs_f64() * 1024.0 * MIB as f64 / bytes.len() as f64).collect()
}

fn scan_with(templates: bool) -> impl FnMut(&[u8]) {
    move |mut bytes| {
        let options = Options { templates, ..Options::default() };
        let input = Input {
            id: SourceId(1),
            path: "bench".into(),
            modified: None,
            continues: false,
            reader: &mut bytes,
        };
        black_box(scan([input], &options));
    }
}

fn main() {
    let pattern = regex::bytes::Regex::new("ERROR|CRITICAL|WARNING|Traceback").expect("a fixed pattern");
    for (name, bytes) in [("plain", log(false)), ("json", log(true))] {
        let pattern = pattern.clone();
        let mut works: [Work; 4] = [
            Box::new(|bytes| {
                black_box(memchr::memchr_iter(b'\n', bytes).count());
            }),
            Box::new(move |bytes| {
                black_box(pattern.find_iter(bytes).count());
            }),
            Box::new(scan_with(false)),
            Box::new(scan_with(true)),
        ];
        let seconds = measure(&bytes, &mut works);
        let [lines, matches, records, templates] = seconds[..] else { return };
        println!(
            "{name}: s/GiB: {lines:.3} lines, {matches:.3} pattern, {records:.3} scan, {templates:.3} with templates"
        );
        println!(
            "{name}: times the pattern: {:.1} scan, {:.1} with templates",
            records / matches,
            templates / matches
        );
    }
}
