use proptest::prelude::*;
use pycoroner_redact::{Ledger, Policy, Redactor, rules};

/// Checks the masked text and the rules that masked, separated by blanks.
#[track_caller]
fn check(text: &str, expected: &str, by: &str) {
    let redactor = Redactor::new(Policy::On);
    let mut ledger = Ledger::default();
    assert_eq!(redactor.text(text, &mut ledger), expected, "of {text}");
    let ids: Vec<_> = ledger.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.join(" "), by, "of {text}");
    assert_eq!(redactor.text(expected, &mut Ledger::default()), expected, "masked twice");
}

#[track_caller]
fn clean(text: &str) {
    check(text, text, "");
}

#[test]
fn pairs_in_prose_and_logs() {
    check("login password=hunter2 user=bob", "login password=<redacted> user=bob", "password");
    check("password: hunter2, user: bob", "password: <redacted>, user: bob", "password");
    check("DB_PASS = x;next", "DB_PASS = <redacted>;next", "password");
    check("GET /?token=abc&page=2", "GET /?token=<redacted>&page=2", "token");
    check("os.environ['API_KEY'] = 'abc'", "os.environ['API_KEY'] = <redacted>", "api-key");
    check("token: str = 'abc'", "token: str = <redacted>", "token");
    check(r"password=ab\cd rest", "password=<redacted> rest", "password");
    check("worker --password hunter2 --port 80", "worker --password <redacted> --port 80", "password");
    check("password='never closed", "password=<redacted>", "password");
}

#[test]
fn headers() {
    check(
        "Authorization: Basic dXNlcjpwdw==\nHost: shop",
        "Authorization: <redacted>\nHost: shop",
        "authorization",
    );
    check(
        "curl -H 'Authorization: Bearer abc' /x",
        "curl -H 'Authorization: <redacted>' /x",
        "authorization",
    );
    check("authorization=Bearer abc status=200", "authorization=<redacted> status=200", "authorization");
    check("Cookie: a=1; b=\"2\"; c=3\nHost: shop", "Cookie: <redacted>\nHost: shop", "cookie");
    check(r#""Cookie: a=1\r\nHost: shop""#, r#""Cookie: <redacted>\r\nHost: shop""#, "cookie");
    check(
        "[(b'authorization', b'abc'), (b'host', b'shop')]",
        "[(b'authorization', <redacted>), (b'host', b'shop')]",
        "authorization",
    );
    check("said Bearer abc123def456 to it", "said Bearer <redacted> to it", "bearer");
}

#[test]
fn reprs() {
    check("{'password': 'x', 'user': 'bob'}", "{'password': <redacted>, 'user': 'bob'}", "password");
    check("Session(token='x', user='bob')", "Session(token=<redacted>, user='bob')", "token");
    check("Login(password=SecretStr('a, b'), n=1)", "Login(password=<redacted>, n=1)", "password");
    check("{'cookies': {'a': '}', 'b': [1]}, 'n': 1}", "{'cookies': <redacted>, 'n': 1}", "cookie");
    check(r"{'password': 'it\'s', 'n': 1}", "{'password': <redacted>, 'n': 1}", "password");
    check("{'password': b'x', 'n': 1}", "{'password': <redacted>, 'n': 1}", "password");
    check("<Login secret=<Key abc> n=1>", "<Login secret=<redacted> n=1>", "secret");
}

#[test]
fn escaped_json() {
    check(r#"{"password": "a\"b", "n": 1}"#, r#"{"password": <redacted>, "n": 1}"#, "password");
    check(r#"{\"password\": \"a\\\"b\", \"n\": 1}"#, r#"{\"password\": <redacted>, \"n\": 1}"#, "password");
    check(r#"{\\\"token\\\":\\\"x\\\",\\\"n\\\":1}"#, r#"{\\\"token\\\":<redacted>,\\\"n\\\":1}"#, "token");
    check(r#""body: {\"token\": \"cut of"; n=1"#, r#""body: {\"token\": <redacted>; n=1"#, "token");
}

#[test]
fn shapes() {
    check("postgres://app:s3cr@t@db:5432/shop", "postgres://app:<redacted>@db:5432/shop", "url-credentials");
    check("redis://:pw@cache", "redis://:<redacted>@cache", "url-credentials");
    check("https://0123456789abcdef@errors.example/4", "https://<redacted>@errors.example/4", "url-key");
    check("id AKIAIOSFODNN7EXAMPLE.", "id <redacted>.", "aws-key");
    check("ghp_0123456789012345678901234567890123456", "<redacted>", "github-token");
    check("in xoxb-1234567890-abc", "in <redacted>", "slack-token");
    check("sk_live_0123456789ab and tok_live_abcdefgh", "<redacted> and <redacted>", "stripe-key");
    check("AIzaSyA0123456789012345678901234567890", "<redacted>", "google-key");
    check("eyJhbGciOiJI.eyJzdWIiOiIx.c2ln rest", "<redacted> rest", "jwt");
    check("a -----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY----- b", "a <redacted> b", "pem");
    check("-----BEGIN PRIVATE KEY-----\ncut", "<redacted>", "pem");
    check("card 4111 1111 1111 1111.", "card <redacted>.", "card-number");
    check("5500005555555559,378282246310005", "<redacted>,<redacted>", "card-number");
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        "tokenize=1 author=bob passenger: 3 secretary=x passing=2",
        "max_tokens=4096 token_count: 7 has_password=True password_hashers=['x']",
        "token=None password='' secret=null cookies={}",
        "pass: 3 fail: 0",
        "session=<Session 7>",
        "File \"/app/token.py\", line 3, in token",
        "GET /api/token: 404",
        "if token == expected:",
        "4111 1111 1111 1112 and 0x4111111111111111 and 140234567890123 and 1.4111111111111111",
        "2024-05-01 12:00:03.123456 41111111111111111111111",
        "basic authentication and bearer authorizations",
        "task-aaaaaaaaaaaaaaaaaaaaaaaaa1 risk-bbbbbbbbbbbbbbbbbbbbbbbb2",
        "http://shop:8080/a@b",
    ] {
        clean(text);
    }
}

#[test]
fn names_mask_whole_values() {
    let check = |name: &str, repr: &str, expected: &str| {
        assert_eq!(Redactor::new(Policy::On).value(name, repr, &mut Ledger::default()), expected, "{name}");
    };
    check("token", "'abc'", "<redacted>");
    check("token", "None", "None");
    check("token", "12345", "<redacted>");
    check("user", "{'password': 'x'}", "{'password': <redacted>}");
    check("passenger", "'bob'", "'bob'");
}

#[test]
fn environment_and_command_line() {
    let redactor = Redactor::new(Policy::On);
    let mut ledger = Ledger::default();
    assert_eq!(redactor.env("/bin", &mut ledger), "<redacted>");
    let argv =
        ["web", "--token", "abc", "--password=x", "--port", "80", "--token", "--quiet"].map(String::from);
    let expected =
        ["web", "--token", "<redacted>", "--password=<redacted>", "--port", "80", "--token", "--quiet"];
    assert_eq!(redactor.argv(&argv, &mut ledger), expected);
    assert_eq!(serde_json::to_string(&ledger).unwrap(), r#"{"environment":1,"password":1,"token":1}"#);
}

#[test]
fn policy_off_shows_everything() {
    let redactor = Redactor::new(Policy::Off);
    let mut ledger = Ledger::default();
    assert_eq!(redactor.text("password=x", &mut ledger), "password=x");
    assert_eq!(redactor.value("token", "'x'", &mut ledger), "'x'");
    assert_eq!(redactor.env("x", &mut ledger), "x");
    assert_eq!(redactor.argv(&["--token".into(), "x".into()], &mut ledger), ["--token", "x"]);
    assert!(ledger.is_empty());
}

#[test]
fn every_rule_is_described() {
    assert!(rules().iter().all(|rule| !rule.description.is_empty()));
}

#[test]
fn hostile_lengths_take_linear_time() {
    for unit in [
        "token",
        "token=",
        "('token', '",
        "token=(",
        "\"token\": \"",
        "Cookie: ",
        "-----BEGIN PRIVATE KEY-----",
        "a://b:",
        "token=\\",
    ] {
        let text = unit.repeat((1 << 20) / unit.len());
        let started = std::time::Instant::now();
        Redactor::new(Policy::On).text(&text, &mut Ledger::default());
        assert!(started.elapsed().as_secs() < 20, "{unit}");
    }
}

/// Text made of the parts that the rules look at.
fn nasty() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("password"),
        Just("token"),
        Just("Authorization"),
        Just("Cookie"),
        Just("api_key"),
        Just("="),
        Just(": "),
        Just("'"),
        Just("\""),
        Just("\\"),
        Just("\\\""),
        Just("("),
        Just(")"),
        Just("{"),
        Just("}"),
        Just("<"),
        Just(">"),
        Just("["),
        Just("]"),
        Just(","),
        Just(" "),
        Just("\n"),
        Just("b'"),
        Just("--"),
        Just("://"),
        Just("a:b@"),
        Just("4111111111111111"),
        Just("ghp_01234567890123456789"),
        Just("Bearer "),
        Just("<redacted>"),
        Just("x1"),
        Just("é"),
        Just("-----BEGIN PRIVATE KEY-----"),
        Just("'''"),
        Just("None"),
        Just("\u{202e}"),
        Just("eyJaaaaaa.bbbbbb.c"),
    ];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn masking_twice_changes_nothing(text in nasty()) {
        let redactor = Redactor::new(Policy::On);
        let once = redactor.text(&text, &mut Ledger::default()).into_owned();
        let mut ledger = Ledger::default();
        prop_assert_eq!(redactor.text(&once, &mut ledger), once.as_str());
        prop_assert!(ledger.is_empty());
    }

    #[test]
    fn any_text_is_survived(text in "\\PC*", name in "\\PC*") {
        let redactor = Redactor::new(Policy::On);
        redactor.text(&text, &mut Ledger::default());
        redactor.value(&name, &text, &mut Ledger::default());
    }

    #[test]
    fn a_named_secret_never_survives(secret in "[a-zA-Z0-9]{6,20}", quote in "['\"]") {
        for text in [format!("{{{quote}password{quote}: {quote}{secret}{quote}}}"), format!("token={secret}")] {
            let masked = Redactor::new(Policy::On).text(&text, &mut Ledger::default()).into_owned();
            prop_assert!(["None", "null"].contains(&secret.as_str()) || !masked.contains(&secret));
        }
    }
}
