//! Hostile clients of an engine's socket: garbage, slow and oversized requests, more connections than there is room
//! for. The engine answers in its own words, goes on with its step, and stays small.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/attached.rs"]
mod attached;
#[path = "support/raw.rs"]
mod raw;
#[path = "support/told.rs"]
mod told;

use std::fs;
use std::time::{Duration, Instant};

use attached::{Bench, LONG, PATIENCE, start, take, until};
use cutover::domain::StepId;
use cutover::domain::state::Status;
use cutover::protocol::address;
use cutover::protocol::client::Client;
use cutover::protocol::log::Query;
use cutover::protocol::order::{Given, Message};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use told::HOSTILE;

async fn connect(bench: &Bench) -> UnixStream {
    UnixStream::connect(address::of(bench.state())).await.unwrap()
}

/// All that comes, up to the connection's end.
async fn read(stream: &mut UnixStream) -> String {
    raw::read(stream, PATIENCE).await
}

fn post(path: &str, length: usize, body: &str) -> Vec<u8> {
    let head = "host: engine\r\nx-cutover-name: eve\r\nx-cutover-client: e\r\nconnection: close\r\n";
    format!("POST /v1/{path} HTTP/1.1\r\n{head}content-length: {length}\r\n\r\n{body}").into_bytes()
}

fn whole(path: &str, body: &str) -> Vec<u8> {
    post(path, body.len(), body)
}

/// An engine with a step under way.
async fn at_work(bench: &mut Bench) -> Client {
    let client = bench.start().await;
    take(&client, "").await.unwrap();
    client.order(&start(&client, "long", Given::default()).await).await.unwrap();
    until(&client, |view| view.step(&StepId::from("long")).unwrap().status == Status::Running).await;
    client
}

/// The step goes on to its end.
async fn ends_well(bench: &Bench, client: &Client) {
    fs::write(bench.path("go"), "").unwrap();
    until(client, |view| view.step(&StepId::from("long")).unwrap().status == Status::Done).await;
}

#[tokio::test]
async fn garbage_and_oversized_requests_are_answered_and_change_nothing() {
    let mut bench = Bench::new(LONG);
    let client = at_work(&mut bench).await;
    let before = client.view().await.unwrap();
    let long = "x".repeat(70_000);
    for (sent, wanted) in [
        (b"\0\xff\xfe garbage \r\n\r\n".to_vec(), "400"),
        (b"GET /v1/view HTTP/9.9\r\n\r\n".to_vec(), "400"),
        (format!("GET /{long} HTTP/1.1\r\n\r\n").into_bytes(), "4"),
        (format!("GET /v1/view HTTP/1.1\r\nhost: e\r\nx: {long}\r\n\r\n").into_bytes(), "431"),
        (b"GET /v1/view?at=now HTTP/1.1\r\nhost: e\r\nconnection: close\r\n\r\n".to_vec(), "400"),
        (b"GET /v1/../../etc/passwd HTTP/1.1\r\nhost: e\r\nconnection: close\r\n\r\n".to_vec(), "404"),
        (b"PUT /v1/orders HTTP/1.1\r\nhost: e\r\nconnection: close\r\n\r\n".to_vec(), "404"),
        (whole("orders", "not json"), "400"),
        (whole("orders", &"[".repeat(60_000)), "400"),
        (whole("orders", "{\"command_id\":\"1\",\"seq\":1,\"verb\":\"explode\"}"), "400"),
        (whole("messages", &format!("{{\"word\":\"note\",\"text\":\"{long}\"}}")), "413"),
        (whole("approvals", "{}"), "400"),
        (b"POST /v1/orders HTTP/1.1\r\nhost: e\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}".to_vec(), "400"),
    ] {
        raw::is_answered(connect(&bench).await, &sent, wanted, PATIENCE).await;
    }
    let after = client.view().await.unwrap();
    assert_eq!((after.seq, after.engine.unwrap().pid), (before.seq, before.engine.unwrap().pid));
    ends_well(&bench, &client).await;
}

#[tokio::test]
async fn slow_requests_end_and_hold_up_nobody() {
    let mut bench = Bench::new(LONG);
    let client = at_work(&mut bench).await;
    let began = Instant::now();
    let mut head = connect(&bench).await;
    head.write_all(b"GET /v1/view HTTP/1.1\r\nhost: e").await.unwrap();
    let mut body = connect(&bench).await;
    body.write_all(&post("orders", 1000, "{\"command")).await.unwrap();
    let mut silent = connect(&bench).await;
    // One that keeps sending, a byte at a time, ends as well.
    let mut drops = connect(&bench).await;
    drops.write_all(b"GET /v1/view HTTP/1.1\r\nx: ").await.unwrap();
    let dripping = async {
        while drops.write_all(b"y").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let answers = async { (read(&mut head).await, read(&mut body).await, read(&mut silent).await) };
    let others = async {
        for _ in 0..20 {
            let asked = Instant::now();
            client.view().await.unwrap();
            assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let all = async { tokio::join!(answers, dripping, others) };
    let ((_, body, silent), (), ()) = tokio::time::timeout(PATIENCE, all).await.expect("all of them end");
    assert!(began.elapsed() > Duration::from_secs(5), "they had their time: {:?}", began.elapsed());
    assert!(body.starts_with("HTTP/1.1 408"), "{body}");
    assert_eq!(silent, "");
    ends_well(&bench, &client).await;
}

#[tokio::test]
async fn connections_above_the_cap_are_told_so_and_room_comes_back() {
    let mut bench = Bench::new(LONG);
    let client = at_work(&mut bench).await;
    let mut updates = client.updates();
    futures_util::StreamExt::next(&mut updates).await.unwrap();
    let mut open = Vec::new();
    let turned_away = loop {
        let mut stream = connect(&bench).await;
        // Those that are let in stay: they ask for the stream, and never read it.
        let _ = stream.write_all(b"GET /v1/events HTTP/1.1\r\nhost: e\r\n\r\n").await;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        if &first != b"HTTP/1.1 200" {
            break String::from_utf8_lossy(&first).into_owned() + &read(&mut stream).await;
        }
        open.push(stream);
        assert!(open.len() < 1000, "there is no cap");
    };
    assert!(turned_away.contains("503") && turned_away.contains("no room for another client"), "{turned_away}");
    assert!(open.len() > 150, "50 watchers have room: {}", open.len());
    // Who was in before is served on; the step goes on.
    futures_util::StreamExt::next(&mut updates).await.unwrap();
    let refused = bench.client("late").view().await.unwrap_err();
    assert_eq!(refused.what, "the engine has no room for another client");
    drop(open);
    until(&bench.client("late"), |view| view.clients <= 2).await;
    ends_well(&bench, &client).await;
}

#[tokio::test]
async fn ten_thousand_names_and_a_thousand_notes_leave_the_view_small() {
    let mut bench = Bench::new(LONG);
    let client = at_work(&mut bench).await;
    let memory = || {
        let status = fs::read_to_string(format!("/proc/{}/status", bench.engine_pid().unwrap())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let mut stream = connect(&bench).await;
    let mut answer = vec![0; 64 << 10];
    for n in 0..10_000 {
        let name = format!("x-cutover-name: {n}\r\nx-cutover-client: {n}-{}\r\n", "c".repeat(200));
        let asked = format!("GET /v1/logs?limit=1 HTTP/1.1\r\nhost: e\r\n{name}\r\n");
        stream.write_all(asked.as_bytes()).await.unwrap();
        assert!(stream.read(&mut answer).await.unwrap() > 0);
    }
    let before = memory();
    for n in 0..1_000 {
        client.say(&Message::Note { text: format!("{n} {}", "n".repeat(400)) }).await.unwrap();
    }
    let view = client.view().await.unwrap();
    assert!(view.notes.len() <= 200 && view.notes.last().unwrap().text.starts_with("999 "));
    assert!(serde_json::to_vec(&view).unwrap().len() < 200 << 10);
    assert!(memory() < before + (32 << 10), "{before} KiB grew to {} KiB", memory());
    assert!(client.journal(0, 1000).await.unwrap().len() == 1000, "all of them are in the journal");
    ends_well(&bench, &client).await;
}

#[tokio::test]
async fn what_people_and_programs_say_is_harmless_before_it_is_kept() {
    let noisy = "[[step]]\nid = \"noisy\"\naction = \"command\"\nowner = \"lead\"\nday = 1\nretries = 0\n\
        with = { run = [\"sh\", \"-c\", \"printf '\\\\033[31mred\\\\033[0m \\\\033]0;t\\\\007 \\\\342\\\\200\\\\256moc\\\\n'; exit 1\"], \
        check = [\"true\"] }\n";
    let mut bench = Bench::new(noisy);
    let client = bench.start().await;
    take(&client, "").await.unwrap();
    client.say(&Message::Note { text: HOSTILE.to_owned() }).await.unwrap();
    client.say(&Message::RaiseHand { text: HOSTILE.to_owned() }).await.unwrap();
    client.say(&Message::AskWheel { why: HOSTILE.to_owned() }).await.unwrap();
    let hand = client.view().await.unwrap().hands[0].hand;
    let answer = cutover::protocol::order::Verb::AnswerHand { hand, text: "go".to_owned() };
    client.order(&attached::order(&client.view().await.unwrap(), answer)).await.unwrap();
    client.order(&start(&client, "noisy", Given::default()).await).await.unwrap();
    let view = until(&client, |view| view.steps[0].status == Status::Failed).await;
    let live = |letter: char| {
        letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200f}')
    };
    let page = client.logs(&Query { limit: 1000, ..Query::default() }).await.unwrap();
    assert!(page.lines.iter().any(|line| line.text.contains("<script>")), "{page:?}");
    for text in page.lines.iter().map(|line| &line.text).chain(view.notes.iter().map(|note| &note.text)) {
        assert!(!text.chars().any(live), "{text:?}");
    }
    let failure = view.steps[0].failure.clone().unwrap();
    assert!(failure.what.contains("red") && !failure.what.chars().any(live), "{failure:?}");
    assert!(!view.sentence.text.chars().any(live), "{:?}", view.sentence);
    let asking = view.driver.unwrap().asking.unwrap();
    assert!(!asking.why.chars().any(live), "{asking:?}");
}
