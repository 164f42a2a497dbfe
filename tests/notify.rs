//! Webhooks: a run's news arrive once each and in order, also after a receiver's bad hour, and hold up nobody.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/attached.rs"]
mod attached;

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use attached::{BY_HAND, Bench, PATIENCE, start, take, until};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::routing::any;
use cutover::domain::StepId;
use cutover::domain::state::Status;
use cutover::protocol::order::Given;
use serde_json::Value;

/// What nobody but the receiver may see.
const TOKEN: &str = "T0KEN-of-the-channel";

/// A step that fails until there is a file `ready`.
const PICKY: &str = "[[step]]\nid = \"picky\"\naction = \"command\"\nowner = \"lead\"\nday = 1\nretries = 0\n\
    with = { run = [\"test\", \"-e\", \"ready\"], check = [\"test\", \"-e\", \"ready\"] }\n";

/// A receiver that has answers ready, and keeps what it took with 200.
#[derive(Clone, Default)]
struct Receiver {
    /// What it answers first; 200 once there is nothing left.
    answers: Arc<Mutex<Vec<u16>>>,
    asked: Arc<Mutex<usize>>,
    taken: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    async fn listens(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let take = async |State(receiver): State<Self>, uri: Uri, body: String| {
            assert!(uri.path().ends_with(TOKEN));
            *receiver.asked.lock().unwrap() += 1;
            let answer = receiver.answers.lock().unwrap().pop().unwrap_or(200);
            if answer == 200 {
                receiver.taken.lock().unwrap().push(serde_json::from_str(&body).unwrap());
            }
            StatusCode::from_u16(answer).unwrap()
        };
        let router = Router::new().fallback(any(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/services/{TOKEN}")
    }

    /// Waits until it has taken so many.
    async fn took(&self, count: usize) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let taken = self.taken.lock().unwrap().clone();
            if taken.len() >= count {
                return taken;
            }
            assert!(began.elapsed() < PATIENCE, "never told: {taken:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn bench(url: &str, more: &str) -> Bench {
    let webhook = format!("[[webhook]]\nurl = {{ file = \"webhook\" }}\n{more}\n");
    let bench = Bench::new(&format!("{webhook}{PICKY}{BY_HAND}"));
    fs::write(bench.path("webhook"), format!("{url}\n")).unwrap();
    bench
}

#[tokio::test]
async fn a_runs_news_are_told_in_order_and_again_where_the_receiver_had_a_bad_hour() {
    let receiver = Receiver { answers: Arc::new(Mutex::new(vec![429, 503])), ..Receiver::default() };
    let mut bench = bench(&receiver.listens().await, "format = \"json\"");
    let anna = bench.start().await;
    take(&anna, "").await.unwrap();
    let picky = StepId::from("picky");
    anna.order(&start(&anna, "picky", Given::default()).await).await.unwrap();
    until(&anna, |view| view.step(&picky).unwrap().status == Status::Failed).await;
    receiver.took(3).await;
    fs::write(bench.path("ready"), "").unwrap();
    anna.order(&start(&anna, "picky", Given::default()).await).await.unwrap();
    let told = receiver.took(4).await;
    let events: Vec<_> = told.iter().map(|one| one["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["started", "waiting", "failed", "waiting"]);
    assert_eq!((&told[2]["step"], &told[2]["service"]), (&"picky".into(), &"shop".into()));
    assert!(told[3]["text"].as_str().unwrap().starts_with("WAITING FOR anna: "), "{}", told[3]);
    assert_eq!(*receiver.asked.lock().unwrap(), 6, "two tries were refused");
}

#[tokio::test]
async fn slack_gets_a_text_in_which_nothing_is_markup() {
    let receiver = Receiver::default();
    let mut bench = bench(&receiver.listens().await, "on = [\"failed\"]");
    let runbook = fs::read_to_string(bench.path("runbook.toml")).unwrap();
    fs::write(bench.path("runbook.toml"), runbook.replace("\"lab\"", "\"<!channel> & co\"")).unwrap();
    let anna = bench.start().await;
    take(&anna, "").await.unwrap();
    anna.order(&start(&anna, "picky", Given::default()).await).await.unwrap();
    let told = receiver.took(1).await;
    let text = told[0]["text"].as_str().unwrap();
    assert!(text.starts_with("✗ *shop (&lt;!channel&gt; &amp; co)*: picky did not go on: "), "{text}");
}

#[tokio::test]
async fn a_receiver_that_never_answers_holds_up_nothing_and_its_address_is_told_to_nobody() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refusing = Receiver { answers: Arc::new(Mutex::new(vec![403; 50])), ..Receiver::default() };
    let url = format!("http://{}/services/{TOKEN}", silent.local_addr().unwrap());
    let mut bench = bench(&url, "[[webhook]]\nurl = { file = \"other\" }");
    fs::write(bench.path("other"), refusing.listens().await).unwrap();
    fs::write(bench.path("ready"), "").unwrap();
    let log = fs::File::create(bench.path("log")).unwrap();
    let anna = bench.start_logging(log).await;
    take(&anna, "").await.unwrap();
    anna.order(&start(&anna, "picky", Given::default()).await).await.unwrap();
    until(&anna, |view| view.step(&StepId::from("picky")).unwrap().status == Status::Done).await;
    let engine = bench.engine_pid().unwrap();
    nix::sys::signal::kill(engine, nix::sys::signal::Signal::SIGTERM).unwrap();
    bench.ended();
    let said = fs::read_to_string(bench.path("log")).unwrap();
    assert!(said.contains("webhook 2: not told: an engine has the run") && said.contains("403"), "{said}");
    assert!(said.contains("a webhook was not told everything"), "{said}");
    let journal = bench.command("journal").output().unwrap().stdout;
    assert!(!said.contains(TOKEN) && !String::from_utf8(journal).unwrap().contains(TOKEN), "{said}");
}

#[tokio::test]
async fn the_last_word_of_a_command_is_told_as_well() {
    let receiver = Receiver::default();
    let bench = Bench::new("");
    let head = fs::read_to_string(bench.path("runbook.toml")).unwrap();
    let webhook = "[[webhook]]\nurl = { file = \"webhook\" }\nformat = \"json\"\non = [\"failed\", \"done\"]\n";
    fs::write(bench.path("runbook.toml"), format!("{head}{webhook}{PICKY}")).unwrap();
    fs::write(bench.path("webhook"), receiver.listens().await).unwrap();
    let run = || {
        tokio::task::spawn_blocking({
            let mut command = bench.command("run");
            move || command.arg("--yes").output().unwrap().status.success()
        })
    };
    assert!(!run().await.unwrap());
    fs::write(bench.path("ready"), "").unwrap();
    assert!(run().await.unwrap());
    let told = receiver.taken.lock().unwrap().clone();
    let events: Vec<_> = told.iter().map(|one| one["event"].as_str().unwrap()).collect();
    // The second engine finds what the first one left.
    assert_eq!(events, ["failed", "failed", "done"]);
}

#[tokio::test]
async fn a_gate_that_waits_for_a_signature_is_told() {
    let receiver = Receiver::default();
    let steps = PICKY.replace("retries = 0", "retries = 0\ngate = { approval = { role = \"dba\" } }");
    let people = "[[person]]\nname = \"ben\"\nrole = \"dba\"\nkey = \"ssh-ed25519 \
        AAAAC3NzaC1lZDI1NTE5AAAAII8z+iYr7uu8JH7rIx/oUARwbhqSba6sgQceswTFZg44\"\n";
    let webhook = "[[webhook]]\nurl = { file = \"webhook\" }\nformat = \"json\"\non = [\"waiting\"]\n";
    let mut bench = Bench::new(&format!("{webhook}{people}{steps}"));
    fs::write(bench.path("webhook"), receiver.listens().await).unwrap();
    let _anna = bench.start().await;
    let told = receiver.took(1).await;
    assert_eq!(told[0]["text"], "picky waits for an approval by dba");
}
