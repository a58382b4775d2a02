//! CPU time of masking log messages against counting their lines, in one run over the same bytes.
//!
//! Run with `cargo bench -p pycoroner-redact --bench mask`. The messages are synthetic, made from a fixed seed.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use pycoroner_fixtures::{Sequence, cpu_time};
use pycoroner_redact::{Ledger, Policy, Redactor};

const SIZE: usize = 16 << 20;
const ROUNDS: usize = 7;

/// Messages of a service, one a line; one in `secrets` holds a secret, none when that is zero.
fn messages(secrets: usize) -> String {
    let mut sequence = Sequence::new(0x2545_f491_4f6c_dd1d);
    let mut number = |below: usize| sequence.below(below);
    let mut text = String::with_capacity(SIZE + 1024);
    while text.len() < SIZE {
        let (order, took) = (number(1_000_000), number(5000));
        let _ = match number(4) {
            _ if secrets > 0 && number(secrets) == 0 => {
                writeln!(text, "login of user{order} with password=hunter{took} from 10.0.0.{}", took % 250)
            }
            0 => writeln!(text, "order {order} placed by 10.0.{}.{} in {took}ms", order % 250, order % 13),
            1 => {
                writeln!(text, "GET /api/v1/orders/{order} HTTP/1.1 200 {took} \"Mozilla/5.0 (X11; Linux)\"")
            }
            2 => writeln!(text, "cache hit for key shop:{order:08x} shard={} ttl={took}", order % 16),
            _ => writeln!(
                text,
                "query on replica-{} took {took}ms: SELECT id, total FROM orders WHERE id = {order}",
                order % 4
            ),
        };
    }
    text
}

fn timed(work: impl FnOnce()) -> Duration {
    let before = cpu_time::of_thread();
    work();
    cpu_time::of_thread().saturating_sub(before)
}

fn main() {
    let redactor = Redactor::new(Policy::On);
    for (name, secrets) in [("no secrets", 0), ("a secret in a thousand lines", 1000)] {
        let text = messages(secrets);
        let [mut counted, mut masked] = [Duration::MAX; 2];
        for _ in 0..ROUNDS {
            // Many times: once is too short to be measured.
            counted = counted.min(
                timed(|| {
                    for _ in 0..16 {
                        black_box(memchr::memchr_iter(b'\n', text.as_bytes()).count());
                    }
                }) / 16,
            );
            masked = masked.min(timed(|| {
                let mut ledger = Ledger::default();
                for line in text.lines() {
                    black_box(redactor.text(line, &mut ledger));
                }
                assert_eq!(ledger.is_empty(), secrets == 0);
            }));
        }
        let per_gib = |time: Duration| time.as_secs_f64() * f64::from(1 << 30) / text.len() as f64;
        println!(
            "{name}: s/GiB: {:.3} newlines, {:.3} masking ({:.2} GB/s); times counting newlines: {:.1}",
            per_gib(counted),
            per_gib(masked),
            1.0737 / per_gib(masked),
            masked.as_secs_f64() / counted.as_secs_f64()
        );
    }
}
