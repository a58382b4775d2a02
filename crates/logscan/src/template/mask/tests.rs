use super::*;

#[test]
fn wildcards() {
    let check = |message: &str, expected: &str| {
        let mut out = Vec::new();
        mask(message.as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "of {message}");
    };
    check(
        "req-1234567d done, request_id=abc, request 7 of 9",
        "req-<id> done, request_id=<id>, request <n> of <n>",
    );
    check("order 499 failed: no-2", "order <n> failed: no-<n>");
    check("took 1.25s, 3 retries", "took <duration>, <n> retries");
    check("in 1h2m3.5s or 25ms or 7µs or 12 ms", "in <duration> or <duration> or <duration> or <n> ms");
    check("rss 512MiB of 2G, 80%", "rss <size> of <size>, <n>%");
    check("delta -5, ratio 1.5e-07, blk_-160899", "delta <n>, ratio <n>, blk_<n>");
    check("id=6f1c2b3a-4958-6776-8594-93a2b1c0df00 ok", "id=<uuid> ok");
    check("from 10.0.0.12:5432 to 10.0.0.13.", "from <ip> to <ip>.");
    check("client /10.10.34.11:50716; dropped", "client /<ip>; dropped");
    check("mounts /10.0.0.1/share", "mounts <path>");
    check("to [fe80::1]:80, ::1 and 2001:db8:0:0:0:0:0:1", "to [<ip>]:<n>, <ip> and <ip>");
    check("std::bad_alloc in a::b at 12:30", "std::bad_alloc in a::b at <n>:<n>");
    check("nic 00:1b:44:11:3a:b7 up", "nic <mac> up");
    check("at 0x7f2348907ff0 and deadbeef12", "at <hex> and <hex>");
    check("commit 3f8a10c by beef", "commit <hex> by beef");
    check("open '/srv/a b' failed, can't go on", "open <str> failed, can't go on");
    check("said 'it\\'s' and b'x' and \"y\"", "said <str> and b<str> and <str>");
    check("read /srv/shop/app.py, GET /order HTTP", "read <path>, GET /order HTTP");
    check("read C:\\srv\\app.py: gone", "read <path> gone");
    check("GET /orders?id=7&x=y ok", "GET <path> ok");
    check("call https://api.example/v1?x=1, then", "call <url>, then");
    check("mail to bob.42@shop.example.", "mail to <email>.");
    check("root@host and @decorator", "root@host and @decorator");
    check("worker2 done by order_17_item_3", "worker<n> done by order_<n>_item_<n>");
    check("token sk_live_a1b2c3d4e5f6a7b8", "token sk_live_<hex>");
    check("pod web-7d4b9c-x2x5 up", "pod web-<id>-<id> up");
    check("at 2024-05-01T12:00:00.123Z and 12:30:01,5", "at <time> and <time>");
    check("at Sun Dec 04 04:47:44 2005, Dec  4 04:47:44.5", "at <time>.<n>");
    check("[Sun Dec 4 04:47:44 UTC 2005] Sun, 04 Dec 2005 04:47:44 GMT", "[<time>] <time>");
    check("Dec 12 12:30:01 2005x", "<time> <n>x");
    check("on Sun Dec 04, in May 5 orders, Mon 12:30:01", "on Sun Dec <n>, in May <n> orders, Mon <time>");
    check("python 3.12.1 (1.5x)", "python <version> (<n>x)");
    check("\"GET /a/7 HTTP/1.1\" 500 1234", "\"GET <path> HTTP/<n>\" 500 <n>");
    check("\"HTTP/1.1 204 No Content\"", "\"HTTP/<n> 204 No Content\"");
    check("signal 11, [Errno 111], exit code: 137", "signal 11, [Errno 111], exit code: 137");
    check("returncode=-9 status=1234", "returncode=-9 status=<n>");
    check("ids [1, 2, 3], ['a','b']", "ids [<n>], [<str>]");
    check("it's \"unclosed", "it's \"unclosed");
    check("größe 7 übrig", "größe <n> übrig");
    check("", "");
}

#[test]
fn ids_of_requests() {
    let check = |message: &str, expected: Option<&str>| {
        let found = mask(message.as_bytes(), &mut Vec::new());
        assert_eq!(found.and_then(|range| message.get(range)), expected, "in {message}");
    };
    let uuid = "6f1c2b3a-4958-6776-8594-93a2b1c0df00";
    check(&format!("[req-{uuid} admin] GET /v2"), Some(&format!("req-{uuid}")));
    check(&format!("[{uuid}] charging"), Some(uuid));
    check(&format!("{uuid} charging"), Some(uuid));
    check(&format!("charging request {uuid}"), Some(uuid));
    check("done request_id=abc user=7", Some("abc"));
    check("done request_id=\"a-1\" user=7", Some("a-1"));
    check("X-Request-ID: 4bf92f3577b34da6a3ce929d0e0e4736", Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    check(
        "traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    );
    check(
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    );
    check("req-cfa291e9 order 7 accepted", Some("req-cfa291e9"));
    check("request body of 4096 bytes, req-body, request 7", None);
    check(&format!("order {uuid} placed"), None);
    check("commit 4bf92f3577b34da6a3ce929d0e0e4736", None);
    check("grid=77 user_id=7 request=checkout", None);
}

#[test]
fn any_bytes_are_survived() {
    let parts: [&[u8]; 12] =
        [b"0x", b"1", b"a", b":", b"/", b"'", b"-", b"@", b".", b"\xff", b"12:", b"2024-05-01"];
    let mut seed = 7_usize;
    for _ in 0..20_000 {
        let mut text = Vec::new();
        for _ in 0..seed % 9 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.extend_from_slice(parts.get((seed >> 33) % parts.len()).unwrap());
        }
        seed = seed.wrapping_add(1);
        mask(&text, &mut Vec::new());
    }
}
