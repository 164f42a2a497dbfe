//! Whole rehearsals from the seat, with keys only, on the lab's real services: screens that die on the way, a switch
//! that is aborted in its first phase, and a rehearsal as its README's command begins it.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/pty.rs"]
mod pty;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cutover::domain::event::{ConsentKind, Event};
use cutover::domain::{Recorded, RunState};
use cutover::services::mysql::{Endpoint, Session, Tls};
use nix::sys::signal::Signal;
use pty::Pty;

const SIZE: (u16, u16) = (130, 44);
const SOON: Duration = Duration::from_secs(30);
/// The longest step, and the lab's bring-up from what is cached.
const LONG: Duration = Duration::from_mins(5);
const SOURCE: &str = "172.30.77.10";

/// There is one lab.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes gates until the screen's sentence has that text, and returns which it passed; somebody else approves where
/// a gate waits for that.
fn drive_until(pty: &mut Pty, state: &Path, wanted: &str) -> Vec<String> {
    let mut passed: Vec<String> = Vec::new();
    loop {
        let waits =
            |screen: &str| sentence(screen).contains("WAITING FOR YOU") && step(screen) != passed.last().cloned();
        let is_there = |screen: &str| sentence(screen).contains(wanted);
        let is_held = |screen: &str| sentence(screen).contains(APPROVAL);
        let screen = pty.until(wanted, LONG, |screen| is_there(screen) || waits(screen) || is_held(screen));
        if is_there(&screen) {
            return passed;
        }
        if let Some((step, _)) = sentence(&screen).split_once(APPROVAL) {
            let step = step.split_whitespace().next_back().unwrap();
            assert!(opens_nothing(pty), "without the approval");
            approve(state, step);
            pty.until("it is approved", SOON, |screen| !is_held(screen));
            continue;
        }
        assert!(!sentence(&screen).contains("failed"), "{screen}\n{:#?}", failures(state));
        let step = step(&screen).unwrap();
        pass(pty);
        passed.push(step);
    }
}

/// What a sentence says of a gate that somebody else has to open.
const APPROVAL: &str = " waits for an approval by dba";

/// Whether the gate lets nobody in now, whatever its driver types.
fn opens_nothing(pty: &mut Pty) -> bool {
    pty.types("s");
    pty.until("its gate", SOON, |screen| has_dialog(screen) && !screen.contains("it takes keys once"));
    pty.types("restore\r");
    let screen = pty.until("it is held", SOON, |screen| !screen.contains("the engine decides"));
    pty.types("\u{1b}");
    pty.until("it is left", SOON, |screen| !has_dialog(screen));
    screen.contains("waits for an approval by dba: ") && !screen.contains("running")
}

/// The lab's second person looks at the preview and signs it, with the files alone.
fn approve(state: &Path, step: &str) {
    let directory = tempfile::tempdir().unwrap();
    let request = directory.path().join("request");
    let words = |more: &[&str]| {
        let mut command = cutover(&["approve", "runbooks/rehearsal.toml", step, "--as", "lab-dba", "--state"]);
        command.arg(state).arg("--request").arg(&request).args(more);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    words(&[]);
    let mut sign = Command::new("ssh-keygen");
    sign.args(["-q", "-Y", "sign", "-n", "cutover-approval", "-f"]).arg(lab().join("secrets/approver")).arg(&request);
    assert!(sign.status().unwrap().success());
    words(&["--signature", &format!("{}.sig", request.display())]);
}

/// The lab's directory.
fn lab() -> PathBuf {
    let home = || std::env::home_dir().unwrap().join(".cache/cutover/lab");
    std::env::var_os("CUTOVER_LAB_DIR").map_or_else(home, PathBuf::from)
}

/// The second line of the screen.
fn sentence(screen: &str) -> &str {
    screen.lines().nth(1).unwrap_or("")
}

/// The step that a sentence waits with: its last word but for a window.
fn step(screen: &str) -> Option<String> {
    let sentence = sentence(screen).trim_end();
    let (_, asked) = sentence.split_once("WAITING FOR YOU: ")?;
    asked.split([',', ':']).next()?.split(' ').next_back().map(str::to_owned)
}

/// Opens the gate of the step that waits; what it asks for is read from it, to be typed by hand.
fn open(pty: &mut Pty) -> String {
    pty.types("s");
    let screen = pty.until("the gate, or why not", SOON, |screen| {
        screen.contains("type it, then enter") || screen.contains(" go: ")
    });
    assert!(!screen.contains(" go: "), "{screen}");
    let (_, label) = screen.split_once("▸ type ").unwrap_or_else(|| panic!("no phrase is asked for:\n{screen}"));
    label.split_once(": ").unwrap().0.to_owned()
}

/// Whether a dialog is open, in whatever state.
fn has_dialog(screen: &str) -> bool {
    ["esc leaves", "the engine decides", "it takes keys once"].iter().any(|words| screen.contains(words))
}

fn pass(pty: &mut Pty) {
    let phrase = open(pty);
    pty.types(&phrase);
    pty.types("\r");
    let screen = pty.until("the gate is passed, or asks for more", SOON, |screen| {
        !has_dialog(screen) || screen.contains("what was done") && !screen.contains("enter does it")
    });
    if screen.contains("what was done") {
        pty.types("looked at with a colleague\r");
    }
    pty.until("the gate is passed", SOON, |screen| !has_dialog(screen));
}

/// Comes back to a screen: what happened meanwhile is over it, until a key is pressed.
fn read_what_happened(pty: &mut Pty) {
    let is_covered = |screen: &str| screen.contains(" since ") || screen.contains(" meanwhile ");
    // The last line of the first frame is there: so is what lies over the panels, if anything happened.
    if is_covered(&pty.sees("q leave", SOON)) {
        pty.sees("any key closes this", SOON);
        pty.types("x");
        pty.until("it is read", SOON, |screen| !is_covered(screen));
    }
}

fn cutover(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    command.args(words).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("CUTOVER_CRASH_AT");
    command
}

fn drive(state: &Path) -> Pty {
    let mut command = cutover(&["drive", "runbooks/rehearsal.toml", "--as", "anna", "--state"]);
    command.arg(state).env("XDG_CONFIG_HOME", state.with_extension("config"));
    let pty = Pty::run(&command, SIZE);
    pty.sees("1 week", SOON);
    pty
}

fn events(state: &Path) -> Vec<Recorded> {
    let output = cutover(&["journal", "runbooks/rehearsal.toml", "--state"]).arg(state).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let recorded: Vec<Recorded> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (at, recorded) in (1..).zip(&recorded) {
        assert_eq!(recorded.seq, at, "the journal has no gap");
    }
    recorded
}

/// What failed, in full: a screen has room for its beginning.
fn failures(state: &Path) -> Vec<Event> {
    let failed = |event: &Event| matches!(event, Event::StepFailed { .. } | Event::Retrying { .. });
    events(state).into_iter().map(|recorded| recorded.event).filter(failed).collect()
}

/// Every step was started by a person who typed.
fn all_was_typed(recorded: &[Recorded]) {
    for recorded in recorded {
        if let Event::StepStarted { consent, step, .. } = &recorded.event {
            assert_eq!(consent.how, ConsentKind::Typed, "{step}");
        }
    }
}

async fn source() -> Session {
    let password = std::fs::read_to_string(lab().join("secrets/rev1-admin")).unwrap();
    let endpoint = Endpoint {
        label: "source".into(),
        host: SOURCE.into(),
        port: 3306,
        user: "cutover_admin".into(),
        password: password.trim().into(),
        database: None,
        tls: Tls::Required { ca: None },
        identity: None,
    };
    Session::open(&endpoint).await.unwrap()
}

/// A tenant's write at the old address: its status.
async fn pay(id: u32) -> u16 {
    let client = reqwest::Client::builder()
        .danger_accept_invalid_certs(true)
        .resolve("app.lab.example", format!("{SOURCE}:443").parse().unwrap())
        .build()
        .unwrap();
    let body = format!("{{\"attempt\":\"5ea70000-0000-4000-8000-{id:012}\",\"amount\":1}}");
    let request = client.post("https://app.lab.example/t/1/payments").header("content-type", "application/json");
    request.body(body).send().await.unwrap().status().as_u16()
}

/// Opens the gate of the switch; then a write hangs in the backend, so that its first phase, in which those in
/// flight are waited for, lasts until its budget is over or somebody aborts.
async fn abort_in_the_first_phase(pty: &mut Pty, state: &Path) {
    let phrase = open(pty);
    assert_eq!(phrase, "switch app.lab.example", "the gate of production");
    let mut locking = source().await;
    locking.run("keep payments waiting", "LOCK TABLES shop.ledger READ").await.unwrap();
    let in_flight = tokio::spawn(pay(1));
    let hangs = "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'";
    let began = std::time::Instant::now();
    while locking.one::<u64>("see it hang", hangs).await.unwrap() == 0 {
        assert!(began.elapsed() < SOON, "the write never hung");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    pty.types(&phrase);
    pty.types("\r");
    pty.sees("A abort: the source opens as it was", SOON);
    pty.types("A");
    pty.sees("WAITING FOR YOU: dns failed", SOON);
    locking.run("let payments go on", "UNLOCK TABLES").await.unwrap();
    // It may have waited for longer than the backend does; then it was refused, and its client knows.
    let in_flight = in_flight.await.unwrap();
    assert!([201, 503].contains(&in_flight), "the write in flight: {in_flight}");
    assert_eq!(pay(2).await, 201, "the source is open");
    let read_only: u64 = locking.one("look", "SELECT @@global.read_only + @@global.super_read_only").await.unwrap();
    assert_eq!(read_only, 0);
    let folded = RunState::of(&events(state));
    assert!(folded.fences.is_empty() && !folded.switched);
    locking.close().await.unwrap();
}

#[test]
fn a_whole_rehearsal_is_driven_with_keys_while_screens_die_and_a_switch_is_aborted() {
    let _alone = alone();
    assert!(cutover(&["lab", "reset"]).status().unwrap().success());
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let _engine = EndsEngine(state.clone());
    let mut pty = drive(&state);
    drive_until(&mut pty, &state, "confirm containerise");

    // The screen is killed in the middle of a step; the step goes on.
    pass(&mut pty);
    pty.sees("running", SOON);
    pty.signal(Signal::SIGKILL);
    pty.ended();
    let mut pty = drive(&state);
    read_what_happened(&mut pty);
    drive_until(&mut pty, &state, "confirm push");

    // The connection is lost in the middle of another.
    pass(&mut pty);
    pty.sees("running", SOON);
    pty.hangs_up();
    pty.ended();
    let mut pty = drive(&state);
    read_what_happened(&mut pty);
    drive_until(&mut pty, &state, "type the phrase of dns");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(abort_in_the_first_phase(&mut pty, &state));
    drive_until_over(&mut pty, &state);
    pty.types("q");
    assert!(pty.ended().success());

    let recorded = events(&state);
    all_was_typed(&recorded);
    let engines = recorded.iter().filter(|recorded| matches!(recorded.event, Event::EngineStarted { .. })).count();
    assert_eq!(engines, 1, "one engine all the while");
    let folded = RunState::of(&recorded);
    assert!(folded.switched);
    for (step, attempts) in [("containerise", 1), ("push", 1), ("dns", 2)] {
        assert_eq!(folded.step(&step.into()).attempt, attempts, "{step}");
    }
}

/// From a failed switch to the end: tried again, and what comes after it.
fn drive_until_over(pty: &mut Pty, state: &Path) {
    pty.types("1"); // The keys are the week's again.
    pass(pty);
    pty.until("it is tried again", SOON, |screen| !sentence(screen).contains("failed"));
    drive_until(pty, state, "every step is over");
}

/// The engine of that state directory, which outlives every screen; it ends with the test, however that ends.
struct EndsEngine(PathBuf);

impl Drop for EndsEngine {
    fn drop(&mut self) {
        let lock = std::fs::read_to_string(self.0.join("lock")).unwrap_or_default();
        if let Ok(holder) = serde_json::from_str::<cutover::domain::event::Holder>(&lock) {
            let engine = nix::unistd::Pid::from_raw(i32::try_from(holder.pid).unwrap());
            let _ = nix::sys::signal::kill(engine, Signal::SIGTERM);
        }
    }
}

/// The directory of the rehearsal that began last: their names are times.
fn newest_rehearsal() -> PathBuf {
    let all = std::fs::read_dir(lab().join("rehearsals")).unwrap();
    all.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).max().unwrap()
}

#[test]
fn a_rehearsal_on_a_terminal_shows_the_lab_and_then_the_seat() {
    let _alone = alone();
    let mut pty = Pty::run(&cutover(&["rehearse", "--rows", "20000"]), SIZE);
    pty.sees("type rehearse to begin", SOON);
    pty.types("rehearse\r");
    pty.sees("bringing the lab up", LONG);
    pty.sees("WAITING FOR YOU: confirm snapshot", LONG);
    let state = newest_rehearsal().join("state");
    let _engine = EndsEngine(state.clone());
    let mut passed = drive_until(&mut pty, &state, "type the phrase of dns");
    pty.types("q");
    pty.sees("enter opens the seat again", SOON);
    pty.types("\r");
    read_what_happened(&mut pty);
    passed.extend(drive_until(&mut pty, &state, "every step is over"));
    assert_eq!(passed.len(), 17, "{passed:?}");
    pty.types("q");
    let table = pty.sees("acknowledged", LONG);
    assert!(pty.ended().success(), "{table}");
    let told = pty.screen();
    for count in ["LOST", "DUPLICATED", "left behind"] {
        let counted = told.lines().find(|line| line.trim_start().starts_with(count)).unwrap_or_default();
        assert_eq!(counted.split_whitespace().next_back(), Some("0"), "{told}");
    }
}
