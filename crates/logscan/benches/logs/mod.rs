//! Synthetic logs of a service, the same on every machine.

use std::fmt::Write as _;

/// What the log looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Json,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Plain, Self::Json];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Json => "json",
        }
    }
}

const TRACEBACK: &str = "Traceback (most recent call last):\n  File \"/srv/shop/app.py\", line 48, in app\n    charge(order)\n  File \"/srv/shop/pay.py\", line 34, in charge\n    raise ValueError(order)\nValueError: card declined";

/// Requests that are worked on at a time, and records that are written of each.
const OPEN_REQUESTS: u64 = 500;
const RECORDS_OF_A_REQUEST: u64 = 8;

/// xorshift64*.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
    }
}

/// At least `size` bytes: one record in a thousand is an error with its traceback.
pub(crate) fn log(kind: Kind, size: usize) -> Vec<u8> {
    let mut numbers = Numbers(42);
    let mut text = String::with_capacity(size + 4096);
    let mut millis = 0_u64;
    let mut records = 0_u64;
    while text.len() < size {
        millis += numbers.next(40);
        let (hour, minute, second) = (millis / 3_600_000 % 24, millis / 60_000 % 60, millis / 1000 % 60);
        let time = format!("2024-05-01 {hour:02}:{minute:02}:{second:02},{:03}", millis % 1000);
        let order = numbers.next(100_000);
        records += 1;
        let request = (records / RECORDS_OF_A_REQUEST + numbers.next(OPEN_REQUESTS))
            .wrapping_mul(0x2545_f491_4f6c_dd1d);
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
        let _ = match kind {
            Kind::Json => {
                let stack = if level == "ERROR" {
                    format!(", \"exc_info\": {}", serde_json::json!(TRACEBACK))
                } else {
                    String::new()
                };
                writeln!(
                    text,
                    "{{\"timestamp\": \"{time}\", \"level\": \"{level}\", \"name\": \"shop.orders\", \"process\": 77, \"threadName\": \"MainThread\", \"message\": \"{message}\"{stack}, \"trace_id\": \"{request:032x}\"}}"
                )
            }
            Kind::Plain if level == "ERROR" => {
                writeln!(text, "{time} {level} [MainThread] shop.orders: {message}\n{TRACEBACK}")
            }
            Kind::Plain => writeln!(text, "{time} {level} [MainThread] shop.orders: {message}"),
        };
    }
    text.into_bytes()
}
