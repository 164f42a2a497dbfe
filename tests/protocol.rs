//! The protocol as clients have it: orders taken once or refused, one driver, and processes that may die.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/attached.rs"]
mod attached;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use attached::{BY_HAND, Bench, LONG, PATIENCE, order, start, take, until, wait_for};
use cutover::domain::event::Event;
use cutover::domain::seat::Taking;
use cutover::domain::state::Status;
use cutover::domain::{FailureKind, Recorded, StepId};
use cutover::protocol::address;
use cutover::protocol::client::{Client, Update};
use cutover::protocol::log;
use cutover::protocol::order::{Given, Message, Verb};
use cutover::protocol::view::{Mood, View};
use futures_util::StreamExt as _;

fn long() -> StepId {
    StepId::from("long")
}

fn is(view: &View, step: &str, status: Status) -> bool {
    view.step(&StepId::from(step)).is_some_and(|step| step.status == status)
}

#[tokio::test]
async fn an_order_is_taken_once_and_answered_before_the_step_is_over() {
    let mut bench = Bench::new(LONG);
    let client = bench.start().await;
    take(&client, "").await.unwrap();
    let order = start(&client, "long", Given::default()).await;
    let answered = client.order(&order).await.unwrap();
    wait_for(&bench.path("began")).await;
    let view = client.view().await.unwrap();
    assert!(is(&view, "long", Status::Running) && view.sentence.mood == Mood::Running, "{view:?}");
    assert!(answered.seq <= view.seq);

    assert_eq!(client.order(&order).await.unwrap(), answered, "the same order again is the same answer");
    let mut other = order.clone();
    other.verb = Verb::Note { text: "something else".to_owned() };
    assert_eq!(client.order(&other).await.unwrap_err().kind, FailureKind::Refused, "its id was used");

    fs::write(bench.path("go"), "").unwrap();
    let view = until(&client, |view| is(view, "long", Status::Done)).await;
    assert_eq!(client.order(&order).await.unwrap(), answered, "also when it is over");
    assert_eq!((view.step(&long()).unwrap().attempt, view.sentence.mood), (1, Mood::Done));
    assert_eq!(fs::read_to_string(bench.path("lines")).unwrap(), "line\n");
}

#[tokio::test]
async fn an_order_drawn_from_what_is_not_so_any_more_is_refused() {
    let mut bench = Bench::new(&format!("{LONG}{BY_HAND}"));
    let client = bench.start().await;
    let good = start(&client, "long", Given::default()).await;
    let refused = |order| {
        let client = client.clone();
        async move {
            let failure = client.order(&order).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Refused, "{failure:?}");
            failure.what
        }
    };
    assert_eq!(refused(good.clone()).await, "nobody drives");
    take(&client, "").await.unwrap();

    let with = |attempt, digest: &str, step: &str| {
        let verb = Verb::Start { step: step.into(), attempt, digest: digest.to_owned(), given: Given::default() };
        let mut order = start_like(&good);
        order.verb = verb;
        order
    };
    let Verb::Start { digest, .. } = &good.verb else { panic!("{good:?}") };
    assert!(refused(with(1, digest, "long")).await.contains("attempt"));
    assert!(refused(with(0, "abc", "long")).await.contains("not what was agreed to"));
    assert!(refused(with(0, digest, "nothing")).await.contains("no step"));
    let by_hand = client.preview(&"by-hand".into()).await.unwrap().digest;
    assert!(refused(with(0, &by_hand, "by-hand")).await.contains("not next"));

    // It was started, and stopped: an order drawn up before is of another attempt; one of that attempt but from
    // an older view is refused too.
    client.order(&start_like(&good)).await.unwrap();
    wait_for(&bench.path("began")).await;
    let running = client.view().await.unwrap();
    assert!(refused(start_like(&good)).await.contains("under way"));
    assert!(refused(order(&running, Verb::Shutdown)).await.contains("under way"));
    let wrong = Verb::Stop { step: long(), attempt: 2 };
    assert!(refused(order(&running, wrong)).await.contains("not under way"));
    let asked = Instant::now();
    client.order(&order(&running, Verb::Stop { step: long(), attempt: 1 })).await.unwrap();
    let view = until(&client, |view| is(view, "long", Status::Failed)).await;
    assert!(asked.elapsed() < Duration::from_secs(2), "a stop acts at once");
    assert_eq!(view.step(&long()).unwrap().failure.as_ref().unwrap().kind, FailureKind::Interrupted);
    assert!(refused(start_like(&good)).await.contains("attempt"));
    let mut again = start(&client, "long", Given::default()).await;
    again.seq = running.seq;
    assert!(refused(again).await.contains("since this order was drawn up"));

    // The engine stayed up: the next attempt goes on.
    fs::write(bench.path("go"), "").unwrap();
    client.order(&start(&client, "long", Given::default()).await).await.unwrap();
    until(&client, |view| is(view, "long", Status::Done)).await;

    // A gate's phrase is to the letter.
    let given = |phrase: &str| Given { phrase: Some(phrase.to_owned()), ..Given::default() };
    assert!(refused(start(&client, "by-hand", given("it is")).await).await.contains("typed phrase"));
    client.order(&start(&client, "by-hand", given("it is done")).await).await.unwrap();
    until(&client, |view| view.sentence.mood == Mood::Done).await;
    client.order(&order(&client.view().await.unwrap(), Verb::Shutdown)).await.unwrap();
    assert!(bench.ended().success());
    assert!(!bench.state().join("engine.sock").exists() && !bench.state().join("watch.sock").exists());
}

#[tokio::test]
async fn where_people_look_on_no_order_is_taken_not_even_in_the_drivers_name() {
    let mut bench = Bench::new(&format!("{LONG}{BY_HAND}"));
    let driver = bench.start().await;
    take(&driver, "").await.unwrap();
    let watcher = Client::unix(&address::of_watchers(bench.state()), driver.me().clone()).unwrap();
    let seen = watcher.view().await.unwrap();
    assert_eq!(watcher.preview(&long()).await.unwrap().digest, driver.preview(&long()).await.unwrap().digest);

    let verbs = [
        start(&driver, "long", Given::default()).await.verb,
        Verb::TakeWheel { current: "long".to_owned(), why: String::new() },
        Verb::ReleaseWheel,
        Verb::Note { text: "in another's name".to_owned() },
        Verb::Shutdown,
    ];
    for verb in verbs {
        let failure = watcher.order(&order(&seen, verb.clone())).await.unwrap_err();
        assert_eq!((failure.kind, failure.what.as_str()), (FailureKind::Refused, "no order is taken here"), "{verb:?}");
    }
    let ask = Message::AskWheel { why: "me".to_owned() };
    assert_eq!(watcher.say(&ask).await.unwrap_err().kind, FailureKind::Refused);
    let now = driver.view().await.unwrap();
    let asking = now.driver.as_ref().and_then(|driver| driver.asking.as_ref());
    assert_eq!((now.seq, asking), (seen.seq, None), "nothing came of it");

    let text = "look at the lag first".to_owned();
    watcher.say(&Message::RaiseHand { text: text.clone() }).await.unwrap();
    let hands = driver.view().await.unwrap().hands;
    assert!(hands.iter().any(|hand| hand.text == text), "{hands:?}");
}

/// The same order under a new id.
fn start_like(order: &cutover::protocol::order::Order) -> cutover::protocol::order::Order {
    let mut same = order.clone();
    same.command_id = format!("{:016x}", rand::random::<u64>());
    same
}

#[tokio::test]
async fn a_step_is_adopted_once_its_checks_pass_and_taken_back_by_its_way_back() {
    let mut bench = Bench::new(LONG);
    let client = bench.start().await;
    take(&client, "").await.unwrap();
    let adopt = |view: &View| order(view, Verb::Adopt { step: long(), attempt: 0 });
    let failure = client.order(&adopt(&client.view().await.unwrap())).await.unwrap_err();
    assert!(failure.what.contains("cannot be adopted"), "{failure:?}");
    fs::write(bench.path("lines"), "by others").unwrap();
    client.order(&adopt(&client.view().await.unwrap())).await.unwrap();
    let view = until(&client, |view| is(view, "long", Status::Adopted)).await;
    let back = client.way_back(&long()).await.unwrap();
    let verb = |digest: &str| Verb::RollBack {
        step: long(),
        attempt: 0,
        digest: digest.to_owned(),
        given: Given::default(),
        accepted_loss: 0,
    };
    assert_eq!(client.order(&order(&view, verb("abc"))).await.unwrap_err().kind, FailureKind::Refused);
    client.order(&order(&view, verb(&back.digest))).await.unwrap();
    until(&client, |view| is(view, "long", Status::RolledBack)).await;
}

#[tokio::test]
async fn there_is_one_driver_and_the_wheel_goes_to_who_was_offered_it_and_knows_the_step() {
    let mut bench = Bench::new(LONG);
    let anna = bench.start().await;
    let ben = bench.client("ben");
    take(&anna, "").await.unwrap();
    let _stream = opened(&anna).await;
    assert!(take(&ben, "long").await.unwrap_err().what.starts_with("anna is driving"));
    let note = |text: &str| Verb::Note { text: text.to_owned() };
    let refused = ben.order(&order(&ben.view().await.unwrap(), note("hm"))).await.unwrap_err();
    assert_eq!(refused.what, "anna drives");

    // Whoever looks on may leave a note, raise a hand, ask for the wheel.
    ben.say(&Message::Note { text: "lag \u{1b}[31mis up\u{202e}".to_owned() }).await.unwrap();
    let hand = ben.say(&Message::RaiseHand { text: "wait for me".to_owned() }).await.unwrap().seq;
    let failure = anna.order(&start(&anna, "long", Given::default()).await).await.unwrap_err();
    assert!(failure.what.contains("ben has a hand up"), "{failure:?}");
    let answer = Verb::AnswerHand { hand, text: "we wait".to_owned() };
    anna.order(&order(&anna.view().await.unwrap(), answer)).await.unwrap();
    let hand_over = |to: &str| Verb::HandOver { to: to.to_owned() };
    let view = anna.view().await.unwrap();
    assert!(anna.order(&order(&view, hand_over("ben"))).await.is_err(), "he did not ask");
    ben.say(&Message::AskWheel { why: "shift".to_owned() }).await.unwrap();
    let view = anna.view().await.unwrap();
    assert_eq!(view.notes[0].text, "lag is up");
    let asking = view.driver.as_ref().unwrap().asking.clone().unwrap();
    assert_eq!((asking.by.as_str(), asking.why.as_str(), asking.offered), ("ben", "shift", false));
    assert!(take(&ben, "long").await.is_err(), "it was not offered yet");
    anna.order(&order(&view, hand_over("ben"))).await.unwrap();
    assert_eq!(take(&ben, "wrong").await.unwrap_err().what, "`wrong` is not the current step");
    take(&ben, "long").await.unwrap();

    let view = ben.view().await.unwrap();
    assert_eq!(view.driver.as_ref().map(|driver| driver.name.as_str()), Some("ben"));
    assert_eq!(anna.order(&order(&view, note("mine"))).await.unwrap_err().what, "ben drives");
    ben.order(&order(&view, note("mine now"))).await.unwrap();
    let events = ben.journal(0, 1000).await.unwrap();
    let taken = events.iter().filter_map(|recorded| match &recorded.event {
        Event::WheelTaken { by, from, how, why } => Some((by.as_str(), from.as_deref(), *how, why.as_str())),
        _ => None,
    });
    let taken = taken.collect::<Vec<_>>();
    assert_eq!(taken, [("anna", None, Taking::Free, "a test"), ("ben", Some("anna"), Taking::HandedOver, "a test")]);
}

/// A client's open stream, once its first view came.
async fn opened(client: &cutover::protocol::client::Client) -> futures_util::stream::BoxStream<'static, Update> {
    let mut updates = client.updates();
    assert!(matches!(updates.next().await, Some(Update::View(_))));
    updates
}

#[tokio::test]
async fn a_second_terminal_of_the_driver_takes_over_only_knowingly_and_at_once_where_the_first_is_gone() {
    let mut bench = Bench::new(LONG);
    let first = bench.start().await;
    take(&first, "").await.unwrap();
    let stream = opened(&first).await;
    let second = bench.client("anna");
    let note = Verb::Note { text: "here".to_owned() };
    let refused = second.order(&order(&second.view().await.unwrap(), note.clone())).await.unwrap_err();
    assert_eq!(refused.what, "you drive from another terminal");
    assert!(take(&second, "").await.is_err());
    take(&second, "long").await.unwrap();
    assert!(first.order(&order(&first.view().await.unwrap(), note.clone())).await.is_err());
    drop(stream);

    let third = bench.client("anna");
    let began = Instant::now();
    while third.order(&order(&third.view().await.unwrap(), note.clone())).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(5), "the second one is gone, and the wheel is not free");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let events = third.journal(0, 1000).await.unwrap();
    let taken = events.iter().filter(|recorded| matches!(recorded.event, Event::WheelTaken { .. })).count();
    assert_eq!(taken, 1, "no change of hands");
}

#[tokio::test]
async fn a_second_terminal_of_the_driver_may_stop_a_step_and_nothing_else() {
    let mut bench = Bench::new(LONG);
    let first = bench.start().await;
    take(&first, "").await.unwrap();
    // It keeps the wheel: a connection that hangs looks the same.
    let _stream = opened(&first).await;
    first.order(&start(&first, "long", Given::default()).await).await.unwrap();
    wait_for(&bench.path("began")).await;
    let (second, ben) = (bench.client("anna"), bench.client("ben"));
    let view = second.view().await.unwrap();
    let stop = || order(&view, Verb::Stop { step: long(), attempt: 1 });
    assert_eq!(ben.order(&stop()).await.unwrap_err().what, "anna drives");
    let note = Verb::Note { text: "here".to_owned() };
    assert_eq!(second.order(&order(&view, note)).await.unwrap_err().what, "you drive from another terminal");
    second.order(&stop()).await.unwrap();
    until(&second, |view| is(view, "long", Status::Failed)).await;
    let again = start(&second, "long", Given::default()).await;
    assert_eq!(second.order(&again).await.unwrap_err().what, "you drive from another terminal");
}

#[tokio::test]
async fn killing_the_drivers_terminal_leaves_the_step_to_finish_and_the_next_attach_takes_less_than_a_second() {
    let mut bench = Bench::new(&format!("{LONG}{BY_HAND}"));
    let client = bench.start().await;
    let mut terminal = bench.command("drive").args(["--as", "anna"]).stdout(Stdio::null()).spawn().unwrap();
    until(&client, |view| view.clients == 1).await;
    client.order(&start(&client, "long", Given::default()).await).await.unwrap_err();
    // The terminal drives; its person goes on with another client of theirs.
    take(&client, "long").await.unwrap();
    client.order(&start(&client, "long", Given::default()).await).await.unwrap();
    wait_for(&bench.path("began")).await;
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    drop(client);
    fs::write(bench.path("go"), "").unwrap();

    let began = Instant::now();
    let again = bench.client("anna");
    let mut updates = again.updates();
    let Some(Update::View(view)) = updates.next().await else { panic!("no view") };
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(view.alive());
    let view = until(&again, |view| is(view, "long", Status::Done)).await;
    assert_eq!((view.sentence.mood, view.current.clone()), (Mood::You, Some("by-hand".into())), "the next gate waits");
    let events = again.journal(0, 1000).await.unwrap();
    assert!(events.iter().zip(1..).all(|(recorded, seq)| recorded.seq == seq), "no gap");
}

#[tokio::test]
async fn a_killed_engine_is_missed_at_once_and_the_next_one_goes_on() {
    let mut bench = Bench::new(LONG);
    let client = bench.start().await;
    take(&client, "").await.unwrap();
    let mut updates = client.updates();
    client.order(&start(&client, "long", Given::default()).await).await.unwrap();
    wait_for(&bench.path("began")).await;
    bench.kill_engine();
    let lost = tokio::time::timeout(Duration::from_secs(2), async {
        while !matches!(updates.next().await, Some(Update::Lost(_))) {}
    });
    lost.await.unwrap();
    let status = bench.command("status").arg("--oneline").output().unwrap();
    assert!(String::from_utf8_lossy(&status.stdout).contains("resume long"), "{status:?}");

    // The same stream comes back by itself; the same client drives.
    bench.start().await;
    let back = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(Update::View(view)) = updates.next().await {
                return view;
            }
        }
    });
    let view = back.await.unwrap();
    assert!(is(&view, "long", Status::InDoubt), "{view:?}");
    assert_eq!(view.engine.as_ref().map(|engine| engine.deaths), Some(1));

    // The dead engine's program still runs: it is waited for, and found to have done it.
    client.order(&order(&view, Verb::Resume { step: long(), attempt: 1 })).await.unwrap();
    let waits = |event: &Recorded| matches!(&event.event, Event::Log { line, .. } if line.contains("an earlier try"));
    let began = Instant::now();
    while !client.journal(0, 500).await.unwrap().iter().any(waits) {
        assert!(began.elapsed() < PATIENCE, "it never waited");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fs::write(bench.path("go"), "").unwrap();
    until(&client, |view| is(view, "long", Status::Done)).await;
    assert_eq!(fs::read_to_string(bench.path("lines")).unwrap(), "line\n", "once");
}

#[tokio::test]
async fn drive_starts_an_engine_in_a_session_of_its_own_and_detaches_on_a_hang_up() {
    let bench = Bench::new(LONG);
    let mut terminal = bench.command("drive").args(["--as", "anna"]).stdout(Stdio::piped()).spawn().unwrap();
    wait_for(&bench.state().join("engine.sock")).await;
    let client = bench.client("anna");
    until(&client, |view| view.clients == 1 && view.driver.is_some()).await;
    let engine = bench.engine_pid().unwrap();
    let session = nix::unistd::getsid(Some(engine)).unwrap();
    assert_ne!(session, nix::unistd::getsid(None).unwrap());
    let mode = |name: &str| fs::metadata(bench.state().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("engine.sock"), mode("watch.sock"), mode("engine.log")), (0o600, 0o600, 0o600));

    let pid = nix::unistd::Pid::from_raw(i32::try_from(terminal.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).unwrap();
    assert!(terminal.wait().unwrap().success());
    let mut said = String::new();
    std::io::Read::read_to_string(&mut terminal.stdout.take().unwrap(), &mut said).unwrap();
    assert!(said.contains("== WAITING FOR YOU: confirm long"), "{said}");
    assert!(said.contains("detached; the engine goes on") && said.contains("come back with: cutover drive"), "{said}");
    assert!(client.view().await.unwrap().alive());
    let status = bench.command("status").arg("--oneline").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&status.stdout).trim(), "WAITING FOR YOU: confirm long");
    let second = bench.command("run").arg("--yes").output().unwrap();
    assert_eq!(second.status.code(), Some(4), "the run has an engine");
}

#[tokio::test]
async fn an_engine_that_begins_behind_a_shut_fence_goes_on_by_itself() {
    let mut bench = Bench::new(LONG);
    let client = bench.start().await;
    take(&client, "").await.unwrap();
    client.order(&start(&client, "long", Given::default()).await).await.unwrap();
    wait_for(&bench.path("began")).await;
    bench.kill_engine();
    {
        // As the switch's journal would have it.
        let lock = cutover::journal::Lock::take(bench.state(), false).unwrap();
        let mut journal = cutover::journal::Journal::open(bench.state(), &lock).unwrap();
        let fence = Event::Fence { step: long(), service: "source MySQL".to_owned(), shut: true };
        journal.append(jiff::Timestamp::now(), fence).unwrap();
    }
    fs::write(bench.path("go"), "").unwrap();
    let client = bench.start().await;
    let view = until(&client, |view| is(view, "long", Status::Done)).await;
    assert_eq!(view.step(&long()).unwrap().attempt, 2);
}

#[tokio::test]
async fn a_socket_whose_path_would_be_too_long_is_found_by_the_file_beside_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("a-very-long-name-of-a-directory".repeat(5));
    let mut bench = Bench::with_state(directory, state, LONG);
    bench.start().await;
    let written = fs::read_to_string(bench.state().join("engine.addr")).unwrap();
    let socket = std::path::Path::new(written.trim());
    let private = socket.parent().unwrap().to_path_buf();
    assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o700);
    drop(bench);
    fs::remove_dir_all(private).unwrap();
}

#[tokio::test]
async fn the_past_is_a_view_of_the_first_events() {
    let mut bench = Bench::new(LONG);
    let client = bench.start().await;
    take(&client, "").await.unwrap();
    fs::write(bench.path("go"), "").unwrap();
    client.order(&start(&client, "long", Given::default()).await).await.unwrap();
    let now = until(&client, |view| is(view, "long", Status::Done)).await;
    let events = client.journal(0, 1000).await.unwrap();
    let started = events.iter().find(|recorded| matches!(recorded.event, Event::StepStarted { .. })).unwrap();
    let then = client.view_at(started.seq).await.unwrap();
    assert!(then.past && then.seq == started.seq && then.at == started.at && is(&then, "long", Status::Running));
    assert!(then.step(&long()).unwrap().choices.is_empty(), "nothing can be commanded from it");
    assert!(!now.past);
    assert_eq!(client.view_at(now.seq + 1000).await.unwrap_err().kind, FailureKind::Refused);
    assert_eq!(client.journal(started.seq, 1).await.unwrap()[0].seq, started.seq + 1);
    let page = client.logs(&log::Query { limit: 10, step: Some(long()), ..log::Query::default() }).await.unwrap();
    let texts: Vec<_> = page.lines.iter().map(|line| line.text.as_str()).collect();
    assert!(texts[0].starts_with("starts, attempt 1, by anna") && texts.last() == Some(&"done"), "{texts:?}");
}

#[tokio::test]
async fn a_run_driven_by_a_script_can_be_watched_and_by_nobody_commanded() {
    let bench = Bench::new(LONG);
    let mut script = bench.command("run").arg("--yes").stdout(Stdio::null()).spawn().unwrap();
    wait_for(&bench.path("began")).await;
    let client = bench.client("ben");
    let view = client.view().await.unwrap();
    assert!(is(&view, "long", Status::Running) && view.driver.is_none());
    let stop = order(&view, Verb::Stop { step: long(), attempt: 1 });
    for refused in [
        client.order(&stop).await.unwrap_err(),
        take(&client, "long").await.unwrap_err(),
        client.say(&Message::RaiseHand { text: "wait".to_owned() }).await.unwrap_err(),
    ] {
        assert!(refused.what.starts_with("this run is driven by a command without a seat"), "{refused:?}");
    }
    client.say(&Message::Note { text: "seen".to_owned() }).await.unwrap();

    let mut watcher = bench.command("watch").args(["--as", "carl"]).stdout(Stdio::piped()).spawn().unwrap();
    until(&client, |view| view.clients == 1).await;
    let pid = nix::unistd::Pid::from_raw(i32::try_from(watcher.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(watcher.wait().unwrap().success());
    let mut said = String::new();
    std::io::Read::read_to_string(&mut watcher.stdout.take().unwrap(), &mut said).unwrap();
    assert!(said.contains("come back with: cutover watch"), "{said}");
    fs::write(bench.path("go"), "").unwrap();
    assert!(script.wait().unwrap().success());
    let alone = bench.command("watch").output().unwrap();
    assert_eq!(alone.status.code(), Some(1), "{alone:?}");
}
