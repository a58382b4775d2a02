use super::super::parse;
use super::*;

const HEADS: &[&str] = &[
    "2024-05-01 12:00:00,123 INFO [MainThread] shop.orders: ",
    "2024-05-01 12:00:00,124 INFO [MainThread] shop.orders: ",
    "2024-05-01 12:00:00,123 WARNING [MainThread] shop.cart: ",
    "2024-05-01 12:00:01,123 ERROR shop: ",
    "2024-05-01 12:00:01,123 - shop - ERROR - ",
    "2024-05-01T12:00:01.123456Z INFO shop.x ",
    "2024-05-01T12:00:01.123456789Z INFO shop.x ",
    "2024-05-01T12:00:01.5Z INFO shop.x ",
    "2024-05-01 12:00:01,5 INFO shop.x ",
    "2024-05-01, 12:00:01 INFO shop.x ",
    "2024-05-01 12:00:01 INFO ",
    "2024-05-01 12:00:01 INFO: ",
    "2024-05-01 12:00:01 [INFO]: ",
    "2024-05-01 12:00:01 [INFO] ",
    "[2024-05-01 12:00:00 +0000] [7] [INFO] ",
    "[2024-05-01 12:00:00 +0200] [7] [INFO] ",
    "[2024-05-01 12:00:00,123: INFO/MainProcess] ",
    "[2024-05-01 12:00:00,123] {a.py:1} INFO - ",
    "[2024-05-01 12:00:00,123 INFO a.py line 7 77] ",
    "[2024-05-01 12:00:00,123 INFO] ",
    "2024-05-01 12:00:00.123 | INFO     | mod:f:12 - ",
    "2024-05-01 12:00:00.123 | INFO     | mod: ",
    "2024-05-01 12:00:00.123 77 INFO nova.compute [-] ",
    "2024-05-01 12:00:00.123 77 INFO nova.compute [req-1 - -] ",
    "2024-05-01 12:00:00 ",
    "2024-13-01 12:00:00,123 INFO [MainThread] shop.orders: ",
    "INFO:shop:",
    "[I 240501 12:00:00 web:1] ",
    "127.0.0.1 - - [01/May/2024:12:00:00 +0000] ",
    "2024-05-01 12:00:00,123 INFO [a-thread-that-has-a-name-of-forty-bytes-a] shop.orders.checkout.payments: ",
];
const MESSAGES: &[&str] = &[
    "paid 7",
    "",
    " paid",
    "shop: x",
    "a.b.c paid",
    "Thread-1 paid",
    "[8] x",
    "(9) x",
    "- x",
    "| x",
    ": x",
    "INFO x",
    "x - y",
    "mod: x - y",
    "7 x",
    "7 MainThread x",
    "77 MainThread shop.views x",
    "Traceback (most recent call last):",
    "_x: y",
    "MainThread: x",
    "12:00:00 x",
    "a",
    "x [7] y",
    "été",
    "ERROR: x",
];

#[test]
fn what_is_remembered_is_what_is_read() {
    // Each line as the first, behind one with another message, and behind all the others.
    let lines: Vec<String> = HEADS
        .iter()
        .flat_map(|head| MESSAGES.iter().map(move |message| format!("{head}{message}")))
        .collect();
    let mut seen = Heads::default();
    for _ in 0..2 {
        for line in &lines {
            let expected = format!("{:?}", parse(line.as_bytes()));
            assert_eq!(format!("{:?}", Heads::default().parse(line.as_bytes())), expected, "{line}");
            for other in lines.iter().step_by(11) {
                let mut pair = Heads::default();
                pair.parse(other.as_bytes());
                assert_eq!(format!("{:?}", pair.parse(line.as_bytes())), expected, "{line} behind {other}");
            }
            assert_eq!(format!("{:?}", seen.parse(line.as_bytes())), expected, "{line} behind all");
        }
    }
}
