//! What must be masked, and what must not: one line each.

use pycoroner_redact::{Ledger, Policy, Redactor};

fn masked(text: &str, policy: Policy) -> String {
    Redactor::new(policy).text(text, &mut Ledger::default()).into_owned()
}

/// Wraps a text into a JSON string, as often as asked.
fn escaped(text: &str, times: usize) -> String {
    (0..times).fold(text.to_owned(), |text, _| serde_json::Value::String(text).to_string())
}

fn encoded(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(letter).collect()
}

/// A text, and the part of it that must not be shown. The secrets are made up.
const SECRET: [(&str, &str); 44] = [
    ("password=hunter2x", "hunter2x"),
    ("password: hunter2x", "hunter2x"),
    ("{\"password\": \"hunter2x\", \"user\": \"bob\"}", "hunter2x"),
    ("{\"db\":{\"passwd\":\"hunter2x\"}}", "hunter2x"),
    ("login {'password': 'hunter2x', 'n': 1}", "hunter2x"),
    ("PGPASSWORD=hunter2x psql", "hunter2x"),
    ("mysql --password=hunter2x -u root", "hunter2x"),
    ("Server=db;User Id=app;Password=hunter2x;", "hunter2x"),
    ("host=db user=app password=hunter2x sslmode=require", "hunter2x"),
    ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=aGVsbG8gd29ybGQ=;", "aGVsbG8gd29ybGQ="),
    ("postgresql://app:hunter2x@db:5432/shop", "hunter2x"),
    ("amqp://guest:hunter2x@mq//", "hunter2x"),
    ("redis://:hunter2x@cache:6379/0", "hunter2x"),
    ("mongodb+srv://u:hunter2x@cluster0.example/db", "hunter2x"),
    ("Authorization: Bearer abc.def-ghi123", "abc.def-ghi123"),
    ("Authorization: Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
    ("'Authorization': 'Token 0123456789abcdef'", "0123456789abcdef"),
    ("Proxy-Authorization: Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
    ("Set-Cookie: session=eyfgh123; HttpOnly", "eyfgh123"),
    ("x-api-key: 8f14e45fceea167a", "8f14e45fceea167a"),
    ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
    ("key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
    ("aws_session_token=FwoGZXIvYXdzEXAMPLE", "FwoGZXIvYXdzEXAMPLE"),
    ("GET /b?X-Amz-Signature=0123456789abcdef0123456789abcdef&x=1", "0123456789abcdef0123456789abcdef"),
    ("https://a.blob.example/c?sv=1&sig=Abc%2Fdef123456789ghi%3D", "Abc%2Fdef123456789ghi"),
    ("AIzaSyA0123456789012345678901234567890", "AIzaSyA0123456789012345678901234567890"),
    ("ya29.A0ARrdaM_0123456789abcdefghij", "A0ARrdaM_0123456789abcdefghij"),
    (
        "\"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBg\\n-----END PRIVATE KEY-----\\n\"",
        "MIIEvQIBADANBg",
    ),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH PRIVATE KEY-----", "b3BlbnNzaC1r"),
    ("ghp_0123456789012345678901234567890123456", "0123456789012345678901234567890123456"),
    ("github_pat_11ABCDEFG0123456789_abcdefghij", "11ABCDEFG0123456789_abcdefghij"),
    ("glpat-0123456789abcdefghij", "0123456789abcdefghij"),
    ("xoxb-1234567890-abcdefghijkl", "1234567890-abcdefghijkl"),
    ("xapp-1-A0123456789-abcdef", "A0123456789-abcdef"),
    ("https://hooks.slack.com/services/T000/B000/XXXXXXXX", "T000/B000/XXXXXXXX"),
    ("sk_live_0123456789abcdefghij", "0123456789abcdefghij"),
    ("whsec_0123456789abcdefghij", "0123456789abcdefghij"),
    ("sk-ant-api03-0123456789abcdefghij", "0123456789abcdefghij"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJzdWIiOiIxIn0"),
    ("hf_0123456789abcdefghijABCDEFGHIJ0123", "0123456789abcdefghijABCDEFGHIJ0123"),
    ("npm_0123456789abcdefghijABCDEFGHIJ0123", "0123456789abcdefghijABCDEFGHIJ0123"),
    ("SG.0123456789abcdefghij.0123456789abcdefghij", "0123456789abcdefghij"),
    ("card 4111-1111-1111-1111 declined", "1111-1111"),
    ("card_number=4111111111111111", "4111111111111111"),
];

#[test]
fn secrets_are_masked_however_often_they_are_escaped() {
    for (text, secret) in SECRET {
        for times in 0..3 {
            let text = escaped(text, times);
            let secret = escaped(secret, times);
            let secret = secret.trim_matches(|letter| matches!(letter, '"' | '\\'));
            let shown = masked(&text, Policy::On);
            assert!(text.contains(secret), "{text} has no {secret}");
            assert!(!shown.contains(secret), "{shown} shows {secret}");
            assert!(shown.contains("<redacted>"), "{shown}");
        }
    }
}

#[test]
fn secrets_are_masked_in_encoded_text() {
    for text in [
        "user=bob&password=hunter2x&page=2",
        "{\"password\": \"hunter2x\", \"page\": 2}",
        "{'token':'hunter2x','page':2}",
        "next=/a?api_key=hunter2x&page=2",
        "postgres://app:hunter2x@db/page",
    ] {
        for times in 1..3 {
            let text = (0..times).fold(text.to_owned(), |text, _| encoded(&text));
            let shown = masked(&text, Policy::On);
            assert!(text.contains("hunter2x") && !shown.contains("hunter2x"), "{shown}");
            assert!(shown.contains("page"), "{shown}");
        }
    }
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    for text in [
        "commit 3f8a10c9d2e4b5a697886756453423120f1e2d3c",
        "deploy 3f8a10c by bob",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "request_id=6f1c2b3a-4958-6776-8594-93a2b1c0df00 done",
        "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "[2024-05-01 12:00:00 +0000] [1234] [INFO] Booting worker with pid: 1234",
        "1714564800.123456 1714564800123 1714564800123456789",
        "2024-05-01T12:00:00.123456789Z 20240501120000",
        "python3[11515]: segfault at 0 ip 00007f02a647f110 sp 00007ffd5a3b1c20 error 4 in libcrash.so[7f02a647f000+1000]",
        "Thread 0x00007f02a8a4d740 (most recent call first):",
        "anon-rss:1048576kB, file-rss:0kB, pgtables:2048kB",
        "prompt_tokens=512 completion_tokens: 1024 {\"input_tokens\": 7}",
        "GET /login?next=%2Fcart HTTP/1.1 200",
        "File \"/srv/shop/auth/password_reset.py\", line 12, in send_token",
        "worker-7d4b9c6f5-x2x5z on node-10-0-0-12",
        "order 4111111111111112 and phone +49 30 1234567",
        "http://shop:8080/orders?page=2 and ssh://git@example.org/x",
        "ETag: \"33a64df551425fcc55e4d42a148795d9f25f89d4\"",
        "build-id 8b0c1d2e3f405162738495a6b7c8d9e0f1a2b3c4",
        "mail bob@shop.example",
        "100%25 done %3D",
    ] {
        for times in 0..3 {
            let text = escaped(text, times);
            assert_eq!(masked(&text, Policy::On), text);
        }
    }
}

#[test]
fn mail_addresses_when_asked_for() {
    let check = |text: &str, expected: &str| assert_eq!(masked(text, Policy::OnWithEmails), expected);
    check("mail bob.42+x@shop.example, x", "mail <redacted>, x");
    check("?to=bob%40shop.example&x=1", "?to=<redacted>&x=1");
    check("{\"to\": \"bob@shop.example\"}", "{\"to\": \"<redacted>\"}");
    check("@decorator a@b root@host password=x", "@decorator a@b root@host password=<redacted>");
}
