//! The page's listener without a browser: who is let in, what is written down, and what hostile clients get.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/attached.rs"]
mod attached;
#[path = "support/raw.rs"]
mod raw;
#[path = "support/shared.rs"]
mod shared;
#[path = "support/told.rs"]
mod told;

use std::fs;
use std::process::Command;
use std::time::Duration;

use attached::{BY_HAND, Bench, LONG, PATIENCE, take, until};
use cutover::domain::state::Status;
use cutover::protocol::client::Client;
use cutover::protocol::order::{Given, Message};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use told::HOSTILE;

/// A step that a DBA has to approve.
const CAREFUL: &str = "[[step]]\nid = \"careful\"\naction = \"command\"\nowner = \"lead\"\nday = 1\nretries = 0\n\
    gate = { approval = { role = \"dba\" } }\nwith = { run = [\"touch\", \"done\"], check = [\"test\", \"-e\", \"done\"] }\n";

/// So many connections the page takes at one time.
const CONNECTIONS: usize = 128;

/// Before connections without a request are closed by themselves.
const SOONER: Duration = Duration::from_secs(5);

/// A page, and somebody who asks it things.
struct Page {
    bench: Bench,
    anna: Client,
    port: u16,
    http: reqwest::Client,
}

impl Page {
    async fn of(mut bench: Bench) -> Self {
        let port = shared::free_port();
        let anna = shared::start(&mut bench, port).await;
        take(&anna, "").await.unwrap();
        // A connection for each request: the page closes one that is idle, whatever a pool still thinks of it.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { bench, anna, port, http }
    }

    async fn asks(&self, method: Method, path: &str, cookie: &str, body: &Value) -> Response {
        let request = self.http.request(method, format!("http://127.0.0.1:{}{path}", self.port));
        let request = request.header("cookie", cookie).header("content-type", "application/json");
        request.timeout(PATIENCE).body(body.to_string()).send().await.unwrap()
    }

    async fn posts(&self, path: &str, cookie: &str, body: &Value) -> Response {
        self.asks(Method::POST, path, cookie, body).await
    }

    /// What a token's exchange sets, if anything.
    async fn enters(&self, token: &str) -> Option<String> {
        let answer = self.posts("/session", "", &json!({ "token": token })).await;
        answer.headers().get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned())
    }

    /// A cookie of that person's own.
    async fn cookie(&self, name: &str) -> String {
        let link = shared::link(&self.bench, name);
        let set = self.enters(shared::token(&link)).await.unwrap();
        set.split(';').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_link_lets_in_every_device_and_nothing_else_does() {
    let page = Page::of(Bench::new(LONG)).await;
    let link = shared::link(&page.bench, "ben");
    let good = page.enters(shared::token(&link)).await.unwrap();
    assert!(good.contains("HttpOnly") && good.contains("SameSite=Strict") && !good.contains("Secure"), "{good}");
    assert_eq!(
        page.enters(shared::token(&link)).await.as_ref(),
        Some(&good),
        "a preview of the chat does not use it up"
    );
    for wrong in ["", "0", &"0".repeat(64), HOSTILE, &shared::token(&link)[1..], &"a".repeat(10_000)] {
        assert_eq!(page.enters(wrong).await, None, "{wrong:.40}");
    }
    let name = good.split_once('=').unwrap().0;
    let (empty, token) = (format!("{name}="), format!("{name}={}", shared::token(&link)));
    let hostile = format!("{name}=%00; {name}=../../links.json; =; ;;");
    for cookie in ["", &empty, &token, &hostile] {
        let answer = page.asks(Method::GET, "/events", cookie, &Value::Null).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{cookie}");
        let said: Value = answer.json().await.unwrap();
        assert!(said["next"].as_str().unwrap().contains("ask whoever drives"));
        let answer = page.posts("/messages", cookie, &json!({ "say": "note", "text": "hello" })).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    assert!(page.anna.view().await.unwrap().notes.is_empty());
}

#[tokio::test]
async fn there_is_nothing_to_command_with() {
    let page = Page::of(Bench::new(LONG)).await;
    let cookie = page.cookie("ben").await;
    let order = attached::start(&page.anna, "long", Given::default()).await;
    let before = page.anna.view().await.unwrap().seq;
    let paths =
        ["/", "/events", "/v1/orders", "/orders", "/v1/messages", "/v1/view", "/v1/preview/long", "/v1/approvals"];
    for path in paths {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = page.asks(method.clone(), path, &cookie, &serde_json::to_value(&order).unwrap()).await;
            assert!([404, 405].contains(&answer.status().as_u16()), "{method} {path}: {}", answer.status());
        }
    }
    // An order in a word's or an approval's place is no order either.
    for path in ["/messages", "/approvals", "/session"] {
        let answer = page.posts(path, &cookie, &serde_json::to_value(&order).unwrap()).await;
        assert!(answer.status().is_client_error(), "{path}");
    }
    assert_eq!(page.anna.view().await.unwrap().seq, before);
}

#[tokio::test]
async fn what_a_step_would_change_is_shown_to_who_has_a_link_and_not_beside_a_step() {
    let page = Page::of(Bench::new(&format!("{LONG}{BY_HAND}"))).await;
    let cookie = page.cookie("ben").await;
    let ask = |step: &str, cookie: &str| {
        let (path, cookie) = (format!("/previews/{step}"), cookie.to_owned());
        let page = &page;
        async move { page.asks(Method::GET, &path, &cookie, &Value::Null).await }
    };
    assert_eq!(ask("by-hand", "").await.status(), StatusCode::UNAUTHORIZED);
    for unknown in ["none", "by-hand%00", "..%2Fevents", &"x".repeat(4000)] {
        assert_eq!(ask(unknown, &cookie).await.status(), StatusCode::NOT_FOUND, "{unknown:.40}");
    }
    let answer: Value = ask("by-hand", &cookie).await.json().await.unwrap();
    let driver = page.anna.preview(&"by-hand".into()).await.unwrap();
    assert_eq!(answer["digest"], driver.digest, "{answer}");
    assert_eq!(answer["preview"]["undo"], driver.preview.undo);
    assert_eq!(page.anna.view().await.unwrap().seq, driver.seq, "nothing was recorded");

    page.anna.order(&attached::start(&page.anna, "long", Given::default()).await).await.unwrap();
    until(&page.anna, |view| view.steps[0].status == Status::Running).await;
    let deadline = std::time::Instant::now() + PATIENCE;
    // The page's own view may be a little older than the driver's.
    let refused = loop {
        let answer = ask("by-hand", &cookie).await;
        if answer.status() != StatusCode::OK {
            break answer;
        }
        assert!(std::time::Instant::now() < deadline, "it is looked at beside a step");
    };
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    let said: Value = refused.json().await.unwrap();
    assert!(said["what"].as_str().unwrap().contains("long is under way"), "{said}");
}

#[tokio::test]
async fn every_answer_says_that_nothing_may_be_kept_framed_or_fetched_from_elsewhere() {
    let page = Page::of(Bench::new(LONG)).await;
    let cookie = page.cookie("ben").await;
    for path in ["/", "/page.js", "/base.css", "/icon.svg", "/nothing", "/events"] {
        let answer = page.asks(Method::GET, path, &cookie, &Value::Null).await;
        let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap());
        assert_eq!(header("cache-control"), "no-store", "{path}");
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!((header("x-content-type-options"), header("referrer-policy")), ("nosniff", "no-referrer"));
    }
    let mut request = page.http.post(format!("http://127.0.0.1:{}/messages", page.port)).header("cookie", &cookie);
    request = request.header("sec-fetch-site", "cross-site").json(&json!({ "say": "note", "text": "from elsewhere" }));
    assert_eq!(request.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert!(page.anna.view().await.unwrap().notes.is_empty());
}

#[tokio::test]
async fn words_are_short_few_and_harmless() {
    let page = Page::of(Bench::new(LONG)).await;
    let cookie = page.cookie("ben\u{202e}").await;
    let says =
        async |text: &str| page.posts("/messages", &cookie, &json!({ "say": "note", "text": text })).await.status();
    assert_eq!(says(&"x".repeat(501)).await, StatusCode::BAD_REQUEST);
    assert_eq!(says(&"x".repeat(20_000)).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(says(HOSTILE).await, StatusCode::NO_CONTENT);
    let view = until(&page.anna, |view| !view.notes.is_empty()).await;
    let note = view.notes.last().unwrap();
    assert_eq!(note.by, "ben");
    assert!(note.text.contains("<script>") && !note.text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{}", note.text);
    let mut last = StatusCode::NO_CONTENT;
    for n in 0..20 {
        last = says(&format!("note {n}")).await;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let eve = page.cookie("eve").await;
    let answer = page.posts("/messages", &eve, &json!({ "say": "note", "text": "mine" })).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT, "one person's words do not silence another");
    let ben = page.anna.view().await.unwrap().notes.iter().filter(|note| note.by == "ben").count();
    assert!(ben <= 6, "{ben}");
}

#[tokio::test]
async fn an_approval_is_taken_by_its_signature_and_by_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("ben");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap();
    assert!(made.success());
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let person = format!("[[person]]\nname = \"ben\"\nrole = \"dba\"\nkey = \"{}\"\n", public.trim());
    let state = directory.path().join("state");
    let page = Page::of(Bench::with_state(directory, state, &format!("{person}{CAREFUL}"))).await;
    let cookie = page.cookie("cleo").await;
    let request = page.bench.path("request");
    let asked = page.bench.command("approve").arg("careful").arg("--request").arg(&request).output().unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let mut sign = Command::new("ssh-keygen");
    sign.args(["-q", "-Y", "sign", "-n", "cutover-approval", "-f"]).arg(&key).arg(&request);
    assert!(sign.output().unwrap().status.success());
    let statement = fs::read_to_string(&request).unwrap();
    let signature = fs::read_to_string(page.bench.path("request.sig")).unwrap();
    let hands_in = async |statement: &str, by: &str, signature: &str| {
        let body = json!({ "statement": statement, "by": by, "signature": signature });
        page.posts("/approvals", &cookie, &body).await
    };
    for (statement, by, signature) in [
        ("garbage", "ben", signature.as_str()),
        (&statement.replace("attempt: 1", "attempt: 2"), "ben", &signature),
        (&statement, "anna", &signature),
        (&statement, "ben", "garbage"),
    ] {
        let answer = hands_in(statement, by, signature).await;
        assert_eq!(answer.status(), StatusCode::CONFLICT, "{by}: {statement}");
    }
    let step = |view: &cutover::protocol::view::View| view.steps[0].gate.approved.len();
    assert_eq!(step(&page.anna.view().await.unwrap()), 0);
    assert_eq!(hands_in(&statement, " ben ", &signature).await.status(), StatusCode::NO_CONTENT);
    until(&page.anna, |view| step(view) == 1).await;
}

#[tokio::test]
async fn garbage_and_oversized_requests_are_answered_and_change_nothing() {
    let page = Page::of(Bench::new(LONG)).await;
    let cookie = page.cookie("ben").await;
    let before = page.anna.view().await.unwrap().seq;
    let long = "x".repeat(70_000);
    let post = |path: &str, length: usize, body: &str| {
        let head = format!("host: e\r\ncookie: {cookie}\r\ncontent-type: application/json\r\nconnection: close");
        format!("POST {path} HTTP/1.1\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
    };
    let whole = |path: &str, body: &str| post(path, body.len(), body);
    for (sent, wanted) in [
        (b"\0\xff\xfe garbage \r\n\r\n".to_vec(), "400"),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n".to_vec(), "400"),
        (format!("GET /{long} HTTP/1.1\r\n\r\n").into_bytes(), "4"),
        (format!("GET / HTTP/1.1\r\nhost: e\r\nx: {long}\r\n\r\n").into_bytes(), "431"),
        (b"GET /../../etc/passwd HTTP/1.1\r\nhost: e\r\nconnection: close\r\n\r\n".to_vec(), "404"),
        (whole("/session", "not json"), "4"),
        (whole("/messages", &"[".repeat(10_000)), "4"),
        (whole("/messages", &format!("{{\"say\":\"note\",\"text\":\"{long}\"}}")), "413"),
        (post("/messages", 1 << 40, "{"), "408"),
        (whole("/approvals", "{}"), "4"),
        (post("/messages", 1000, "{\"say\""), "408"),
    ] {
        let stream = TcpStream::connect(("127.0.0.1", page.port)).await.unwrap();
        raw::is_answered(stream, &sent, wanted, PATIENCE).await;
    }
    let after = page.anna.view().await.unwrap();
    assert_eq!((after.seq, after.notes.len()), (before, 0));
}

#[tokio::test]
async fn slow_and_many_connections_end_and_the_engine_goes_on() {
    let page = Page::of(Bench::new(LONG)).await;
    let mut slow = TcpStream::connect(("127.0.0.1", page.port)).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: e").await.unwrap();
    let mut crowd = Vec::new();
    for _ in 1..CONNECTIONS {
        crowd.push(TcpStream::connect(("127.0.0.1", page.port)).await.unwrap());
    }
    let late = page.asks(Method::GET, "/", "", &Value::Null).await;
    assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE, "one more than there is room for");
    let said: Value = late.json().await.unwrap();
    assert_eq!(said["what"], "the engine has no room for another client");
    page.anna.say(&Message::Note { text: "nobody waits".to_owned() }).await.unwrap();
    until(&page.anna, |view| !view.notes.is_empty()).await;
    drop(crowd);
    let asks = async || page.asks(Method::GET, "/", "", &Value::Null).await.status();
    let room = async { while asks().await == StatusCode::SERVICE_UNAVAILABLE {} };
    tokio::time::timeout(SOONER, room).await.expect("who goes makes room");
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, slow.read_to_end(&mut answer)).await.expect("it is closed in time").unwrap();
    let cookie = page.cookie("ben").await;
    let answer = page.asks(Method::GET, "/events", &cookie, &Value::Null).await;
    assert_eq!(answer.status(), StatusCode::OK, "there is room again");
}

#[tokio::test]
async fn streams_end_when_the_engine_does_and_when_a_link_is_taken_back() {
    let mut page = Page::of(Bench::new(LONG)).await;
    let (ben, eve) = (page.cookie("ben").await, page.cookie("eve").await);
    let open = async |cookie: &str| page.asks(Method::GET, "/events", cookie, &Value::Null).await;
    let (mut of_ben, mut of_eve) = (open(&ben).await, open(&eve).await);
    assert!(page.bench.command("share").args(["--revoke", "ben"]).output().unwrap().status.success());
    let ended = async |answer: &mut Response| while answer.chunk().await.is_ok_and(|chunk| chunk.is_some()) {};
    tokio::time::timeout(PATIENCE, ended(&mut of_ben)).await.expect("ben's ends");
    let first = tokio::time::timeout(PATIENCE, of_eve.chunk()).await.unwrap().unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).starts_with("event: "), "eve's goes on");

    let engine = page.bench.engine_pid().unwrap();
    nix::sys::signal::kill(engine, nix::sys::signal::Signal::SIGTERM).unwrap();
    tokio::time::timeout(PATIENCE, ended(&mut of_eve)).await.expect("it ends with the engine");
    page.bench.ended();
    page.anna = shared::start(&mut page.bench, page.port).await;
    let again = page.asks(Method::GET, "/events", &eve, &Value::Null).await;
    assert_eq!(again.status(), StatusCode::OK, "the session outlives the engine");
}

#[tokio::test]
async fn others_are_not_shown_the_page_in_clear_by_accident() {
    let bench = Bench::new(LONG);
    let port = shared::free_port();
    let output = bench.command("engine").args(["--share", &format!("0.0.0.0:{port}")]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("--insecure-share") && said.contains("--share-cert"), "{said}");
}

#[tokio::test]
async fn with_a_certificate_the_page_is_encrypted_and_its_cookie_stays_so() {
    let mut bench = Bench::new(LONG);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (bench.path("page.pem"), bench.path("page.key"));
    fs::write(&chain, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let port = shared::free_port();
    let address = format!("127.0.0.1:{port}");
    let words = ["--share", &address, "--share-cert", chain.to_str().unwrap(), "--share-key", key.to_str().unwrap()];
    let _anna = bench.start_saying(&words).await;
    let link = shared::link(&bench, "ben");
    assert!(link.starts_with("https://"), "{link}");
    let authority = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let http = reqwest::Client::builder().tls_certs_only([authority]).timeout(Duration::from_secs(10)).build().unwrap();
    let body = json!({ "token": shared::token(&link) });
    let answer = http.post(format!("https://localhost:{port}/session")).json(&body).send().await.unwrap();
    assert!(answer.headers()["set-cookie"].to_str().unwrap().ends_with("; Secure"));
    let plain = reqwest::Client::new().get(format!("http://127.0.0.1:{port}/")).send().await;
    assert!(plain.is_err(), "no word in clear");
}

#[tokio::test]
async fn a_file_of_links_that_cannot_be_read_takes_nobodys_link_away() {
    let page = Page::of(Bench::new(LONG)).await;
    let cookie = page.cookie("ben").await;
    let path = page.bench.state().join("links.json");
    let links = fs::read(&path).unwrap();
    fs::write(&path, "{").unwrap();
    let answer = page.asks(Method::GET, "/events", &cookie, &Value::Null).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(!page.bench.command("share").arg("eve").output().unwrap().status.success());
    assert_eq!(fs::read(&path).unwrap(), b"{", "what is there is not written over");
    fs::write(&path, links).unwrap();
    let answer = page.asks(Method::GET, "/events", &cookie, &Value::Null).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn behind_a_proxy_with_encryption_the_cookie_is_kept_to_it() {
    let page = Page::of(Bench::new(LONG)).await;
    let link = shared::link(&page.bench, "ben");
    let request = page.http.post(format!("http://127.0.0.1:{}/session", page.port));
    let request = request.header("origin", "https://cutover.example").json(&json!({ "token": shared::token(&link) }));
    let answer = request.send().await.unwrap();
    assert!(answer.headers()["set-cookie"].to_str().unwrap().ends_with("; Secure"));
}
