#![expect(clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use pycoroner_fixtures::Sequence;

use super::*;
use crate::keyed::keyed_hash;
use crate::template::mask::mask;

/// What may stand in messages: values, what names them, and what may be misread.
const PARTS: &[&str] = &[
    " ",
    " ",
    " ",
    ", ",
    ",",
    ": ",
    ":",
    "=",
    " = ",
    "-",
    "- ",
    "_",
    ".",
    ". ",
    "/",
    "(",
    ")",
    "[",
    "]",
    "\"",
    "'",
    "\" ",
    "@",
    "%",
    "+",
    "<",
    "~",
    "?",
    "\\",
    "://",
    "::",
    "é",
    "µ",
    "µs",
    "#",
    "7",
    "42",
    "200",
    "404",
    "1234",
    "12345678",
    "0x7f23",
    "1.1",
    "2.0",
    "1.5",
    "1.2.3",
    "1e5",
    "1e-07",
    "12ms",
    "3s",
    "1h2m",
    "5d",
    "4KiB",
    "2B",
    "10.0.0.12",
    "10.0.0.12:5432",
    "::1",
    "fe80::1",
    "2001:db8::",
    "00:1b:44:11:3a:b7",
    "12:30",
    "12:30:01",
    "12:30:01,5",
    "2024-05-01",
    "2024-05-01 12:00:00.123Z",
    "2024-",
    "01/May/2024:12:00:00 +0000",
    "Sun",
    "Dec",
    "Sun ",
    "Dec 4 ",
    "Dec  4 04:47:44",
    "Sun Dec 04 04:47:44 2005",
    "Sun, 04 Dec 2005 04:47:44 GMT",
    "04:47:44",
    "UTC 2005",
    "deadbeef",
    "0000c1f3",
    "00001e23",
    "0000123d",
    "12d3d4d5",
    "3f8a10c",
    "cafe",
    "add",
    "a",
    "b",
    "r",
    "u",
    "f",
    "6f1c2b3a-4958-6776-8594-93a2b1c0df00",
    "6f1c2b3a-4958-",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "worker2",
    "order_17_item_3",
    "sk_live_a1b2c3d4e5f6a7b8",
    "x2x5",
    "7d4b9c",
    "abc",
    "request",
    "request_id",
    "request_id=",
    "request id",
    "X-Request-ID",
    "trace",
    "traceparent: ",
    "req-",
    "req",
    "rid",
    "id",
    "status",
    "status=",
    "status_code: ",
    "HTTP/1.1",
    "HTTP/",
    "http/2",
    "HTTP/1.1\" ",
    "signal ",
    "errno",
    "code",
    "exit code: ",
    "exited with ",
    "/srv/app.py",
    "/health",
    "/orders/7",
    "/a?x=",
    "/a?request_id=",
    "/10.0.0.1",
    "C:\\srv\\x",
    "https://api.example/v1?x=1",
    "bob.42@shop.example",
    "GET /a HTTP/1.1",
    "\"GET /a/7 HTTP/1.1\" 200 12",
    "'a b'",
    "\"y\"",
    "b'x'",
    "'req-7'",
    "it's",
    "order",
    "placed by",
    "worker",
    "took",
    "user",
    "word ",
    "line ",
];

/// Bytes on which decisions hang.
const BYTES: &[u8] = b" 0179aefdxzZ_.-:/=\"'@%,([+?B\\\xc2\xb5";

struct Maker(Sequence);

impl Maker {
    fn part(&mut self) -> &'static str {
        PARTS[self.0.below(PARTS.len())]
    }

    fn message(&mut self) -> Vec<u8> {
        (0..=self.0.below(7)).flat_map(|_| self.part().bytes()).collect()
    }

    fn byte(&mut self) -> u8 {
        BYTES[self.0.below(BYTES.len())]
    }

    /// Puts other values where there are some, or changes anything.
    fn changed(&mut self, message: &[u8]) -> Vec<u8> {
        let mut changed = Vec::new();
        let mut rest = message;
        while let Some(byte) = rest.first() {
            let word = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count().max(1);
            let (head, tail) = rest.split_at(word);
            rest = tail;
            match self.0.below(6) {
                0 if byte.is_ascii_alphanumeric() => changed.extend(self.part().bytes()),
                1 | 2 if head.iter().any(u8::is_ascii_digit) => {
                    for _ in 0..=self.0.below(9) {
                        changed.push(b"0123456789abcdef"[self.0.below(if head.len() > 6 { 16 } else { 10 })]);
                    }
                }
                _ => changed.extend_from_slice(head),
            }
        }
        for _ in 0..self.0.below(3).saturating_sub(1) {
            let at = self.0.below(changed.len());
            match self.0.below(3) {
                0 => changed.insert(at, self.byte()),
                1 if !changed.is_empty() => changed[at] = self.byte(),
                _ => changed.truncate(at),
            }
        }
        changed
    }
}

fn masked(message: &[u8]) -> (Vec<u8>, u64, Option<Range<usize>>) {
    let mut out = Vec::new();
    let request_id = mask(message, &mut out);
    let hash = keyed_hash(&out);
    (out, hash, request_id)
}

impl Memo {
    /// Remembers a message at once; whether that was possible.
    fn remembers(&mut self, message: &[u8]) -> bool {
        self.remember(message, masked(message).1).is_some()
    }

    /// Whether a message is recalled, with its mask.
    fn recalls(&mut self, message: &[u8], known: &[u8]) -> bool {
        let Some(recalled) = self.recall(message) else { return false };
        let (out, hash, request_id) = masked(message);
        let told = || {
            let texts = [message, &out, known].map(String::from_utf8_lossy);
            format!("{:?}, masked {:?}, behind {:?}", texts[0], texts[1], texts[2])
        };
        assert_eq!(recalled.mask, hash, "{}", told());
        assert_eq!(recalled.request_id, request_id, "{}", told());
        true
    }
}

/// What is recalled has the mask that it would get: of each message behind another one, and behind many.
fn check(messages: impl Iterator<Item = Vec<u8>>, seed: u64, changes: usize) -> [usize; 4] {
    let mut maker = Maker(Sequence::new(seed));
    let mut all = Memo::default();
    let mut counts = [0; 4];
    for message in messages {
        let mut alone = Memo::default();
        counts[0] += 1;
        if alone.remembers(&message) {
            counts[1] += 1;
            assert!(alone.recalls(&message, &message), "{}", String::from_utf8_lossy(&message));
        }
        all.remembers(&message);
        for _ in 0..changes {
            let changed = maker.changed(&message);
            counts[2] += 1;
            counts[3] += usize::from(alone.recalls(&changed, &message));
            all.recalls(&changed, b"many");
        }
    }
    counts
}

#[test]
fn what_is_recalled_has_its_mask() {
    let mut maker = Maker(Sequence::new(42));
    let [messages, known, changed, recalled] = check((0..5_000).map(|_| maker.message()), 7, 10);
    assert!(known * 10 > messages * 9, "{known} of {messages}");
    assert!(recalled * 8 > changed, "{recalled} of {changed}");
}

#[test]
fn what_is_recalled_of_logs_has_its_mask() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/corpus");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    let logs = paths.iter().map(|path| fs::read(path).unwrap());
    let lines = logs.flat_map(|log| log.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>());
    let lines = lines.map(|mut line| {
        line.truncate(256);
        line
    });
    let [lines, ..] = check(lines.step_by(7), 11, 2);
    assert!(lines > 500);
}

/// Values of the same kind are recalled, so that most messages need not be masked.
#[test]
fn other_values_are_recalled() {
    let check = |message: &str, other: &str| {
        let mut memo = Memo::default();
        assert!(memo.remembers(message.as_bytes()), "{message}");
        assert!(memo.recalls(other.as_bytes(), message.as_bytes()), "{other}");
    };
    check("order 7 placed by 10.0.0.1 in 5ms", "order 99999 placed by 10.0.212.11 in 512ms");
    check("GET /orders/7 HTTP/1.1 200 17", "GET /orders/8123?x=y HTTP/1.1 200 12345");
    check("key session:0000c1f3 shard=7", "key session:00d0e1f3 shard=15");
    check("key session:0000c1f3 shard=7", "key session:00d0e1d3 shard=15");
    check("worker_7 done by worker-8: 9%, 10.", "worker_12 done by worker-13: 10%, 8.");
    check("request_id=abc took 1.5s", "request_id=d-7 took 12.75s");
    check("[req-1234abcd] user 'bob' <bob@shop.example>", "[req-5678abcd] user '' <bob@cart.test.example>");
    check("delta -5 at 2024-05-01 12:00:00", "delta -51 at 2023-05-01 12:00:01.5Z");
    check("client 7 at Sun Dec 04 04:47:44 2005 left", "client 12 at Mon Jun  5 04:47:40 2006 left");
}

/// Values on which it depends what becomes of what stands around them.
#[test]
fn values_with_a_say_in_others_are_not_recalled() {
    let check = |message: &str, other: &str| {
        for [message, other] in [[message, other], [other, message]] {
            let mut memo = Memo::default();
            assert!(memo.remembers(message.as_bytes()), "{message}");
            assert!(!memo.recalls(other.as_bytes(), message.as_bytes()), "{other}");
        }
    };
    check("by http/3 200 x", "by http/2 200 x");
    check("by HTTP/1.2 200 x", "by HTTP/1.1 200 x");
    check("a\" 12 x", "a\" 200 x");
    check("status 12 x", "status 1234 x");
    check("'abc' 1234", "'request' 1234");
    check("'abc' 5ms", "'request' 1234ms");
    check("'abc'=x", "'request_id'=x");
    check("7:30:01 x", "12:30:01 x");
    check("in 12345678-4958-6776-8594-93a2b1c0df00", "in 1234567-4958-6776-8594-93a2b1c0df00");
    check("key 0000c1f3 x", "key 00001e23 x");
    check("key 0000c1f3 x", "key 0000123d x");
    check("key 0000c1f3 x", "key 00001234 x");
    check("at /a/b?x=1 word 5", "at /a?request_id= word 5");
    check("at /a/b?x=1 'word' 5", "at /a?request_id= 'word' 5");
    check("request 7 x", "request 1234 x");
    check("12345678901234567890123456789012 x", "123 x");
    check("x [a, b] y 7, 8", "x [a, b] y 7, 'z'");
    check("a 7-5 x", "a .-5 x");
    check("no::1234 x", "no ::1 x");
    check("5.5 x", "5.5.5 x");
    check("worker_2 x", "worker_2_3 x");
    check("at Sun Dec 04 04:47:44 2005", "at Sun Dec 04 04:47:4 2005");
    check("in Dec 12 12:30:01 x", "in Dec 12 order x");
}

/// All words of few different digits, which may be numbers with exponents and units.
#[test]
fn hexadecimal_words_that_are_numbers() {
    let mut memo = Memo::default();
    assert!(memo.remembers(b"key 0000c1f3 x"));
    let mut recalled = 0;
    for number in 0..4_u32.pow(7) {
        let digits = (0..7).map(|at| b"1deb"[number as usize >> (2 * at) & 3]);
        let message: Vec<u8> = b"key ".iter().copied().chain(digits).chain(*b" x").collect();
        let is_hex = masked(&message).0 == b"key <hex> x";
        assert_eq!(memo.recalls(&message, b""), is_hex, "{}", String::from_utf8_lossy(&message));
        recalled += usize::from(is_hex);
    }
    assert!(recalled > 10_000, "{recalled}");
}

/// Patterns are few, whatever the messages are, and what is seen once is not remembered.
#[test]
fn little_is_remembered() {
    let mut memo = Memo::default();
    let learn = |memo: &mut Memo, message: &str| {
        memo.learn(message.as_bytes(), masked(message.as_bytes()).1);
    };
    let word = |number: usize| -> String {
        number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
    };
    for number in 0..10_000 {
        learn(&mut memo, &word(number));
    }
    assert!(memo.patterns.is_empty());
    for number in 0..10_000 {
        learn(&mut memo, &word(number));
        learn(&mut memo, &word(number));
    }
    assert!((1..=MAX_PATTERNS).contains(&memo.patterns.len()));
}

/// Of patterns that start alike, those that ask the masker least are tried first, in whatever order they came.
#[test]
fn cheap_patterns_come_first() {
    let messages = ["key 1e5 b x", "key 0000c1f3 x", "key a1-/a/b x", "key 12 x", "key 0000123d x"];
    for shift in 0..messages.len() {
        let mut memo = Memo::default();
        for message in messages.iter().cycle().skip(shift).take(messages.len()) {
            assert!(memo.remembers(message.as_bytes()), "{message}");
        }
        let first = memo.slots[slot_of(b"key 1 x")];
        let questions: Vec<usize> = memo.alike(first).map(|(_, known)| known.questions).collect();
        assert!(questions.is_sorted() && questions.len() == messages.len(), "{questions:?}");
        for message in messages {
            assert!(memo.recalls(message.as_bytes(), b"all"), "{message}");
        }
    }
    // More of them than are tried begin anew.
    let mut memo = Memo::default();
    for number in 0..MAX_ALIKE as u8 + 3 {
        memo.remembers(&[b"key word".as_slice(), &[b'a' + number], b" 7"].concat());
    }
    assert!(memo.alike(memo.slots[slot_of(b"key worda 7")]).count() <= MAX_ALIKE);
    assert!(memo.recalls(b"key wordk 8", b"key wordk 7"));
}
