//! The seat on a real terminal: every gate by keys, nothing by accident, and an engine that outlives its screen.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/attached.rs"]
mod attached;
#[path = "support/pty.rs"]
mod pty;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use attached::{BY_HAND, Bench, LONG};
use cutover::domain::Event;
use cutover::domain::event::ConsentKind;
use nix::sys::signal::{Signal, kill};
use pty::Pty;

const SIZE: (u16, u16) = (100, 32);
const SOON: Duration = Duration::from_secs(20);

/// Longer than a dialog is deaf after the last key.
const QUIET: Duration = Duration::from_millis(600);

/// A screen of `drive`, with its run on it.
fn drive(bench: &Bench) -> Pty {
    let mut command = bench.command("drive");
    command.args(["--as", "anna"]).env("XDG_CONFIG_HOME", bench.path("config"));
    let pty = Pty::run(&command, SIZE);
    pty.sees("1 week", SOON);
    pty
}

/// Opens the gate of the step that waits, and waits until it takes keys.
fn open_gate(pty: &mut Pty, step: &str) {
    pty.types("s");
    pty.sees(&format!("start {step}"), SOON);
    pty.sees("type it, then enter", SOON);
}

/// Opens the dialog of a key, and types this once it takes keys.
fn through_dialog(pty: &mut Pty, key: &str, answer: &str) {
    pty.types(key);
    pty.sees("type it, then enter", SOON);
    pty.types(answer);
}

fn events(bench: &Bench) -> Vec<Event> {
    let output = bench.command("journal").output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let recorded: Vec<cutover::domain::Recorded> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (at, recorded) in (1..).zip(&recorded) {
        assert_eq!(recorded.seq, at, "the journal has no gap");
    }
    recorded.into_iter().map(|recorded| recorded.event).collect()
}

fn started(bench: &Bench) -> usize {
    events(bench).iter().filter(|event| matches!(event, Event::StepStarted { .. })).count()
}

#[test]
fn a_run_is_driven_to_its_end_with_keys_only() {
    let bench = Bench::new(&format!("{LONG}{BY_HAND}"));
    let mut pty = drive(&bench);
    pty.sees("WAITING FOR YOU: confirm long", SOON);
    open_gate(&mut pty, "long");
    pty.types("long\r");
    pty.sees("running", SOON);
    fs::write(bench.path("go"), "").unwrap();
    pty.sees("WAITING FOR YOU: type the phrase of by-hand", SOON);
    open_gate(&mut pty, "by-hand");
    pty.types("it is done");
    pty.types("\r"); // To the field that is not met yet.
    pty.types("turned, and looked at twice\r");
    pty.sees("every step is over", SOON);
    pty.types("q");
    assert!(pty.ended().success());

    let consents: Vec<_> = events(&bench)
        .into_iter()
        .filter_map(|event| match event {
            Event::StepStarted { consent, .. } => Some(consent),
            _ => None,
        })
        .collect();
    assert_eq!(consents.len(), 2);
    assert!(consents.iter().all(|consent| consent.by == "anna" && consent.how == ConsentKind::Typed), "{consents:?}");
    assert_eq!(consents[1].evidence.as_deref(), Some("turned, and looked at twice"));
}

/// A gate of each kind, as the first step of a run.
const CONFIRM: &str = "gate = { confirm = true }";
const PHRASE: &str = "gate = { phrase = \"touch shop.example\" }";
const WINDOW: &str = "gate = { window = { from = \"2099-01-01T03:00:00Z\", to = \"2099-01-01T05:00:00Z\" } }";
const APPROVAL: &str = "gate = { approval = { role = \"dba\" } }";

fn gated(gate: &str) -> Bench {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    let ben = format!("[[person]]\nname = \"ben\"\nrole = \"dba\"\nkey = \"{key}\"\n");
    Bench::new(&format!("{ben}{}", LONG.replace("retries", &format!("{gate}\nretries"))))
}

/// Thirty Enters, keys that are held from before or from the gate's opening on, and pastes; the screen, at its gate.
fn nothing_by_accident(bench: &Bench, phrase: &str) -> Pty {
    let mut pty = drive(bench);
    let left = |pty: &mut Pty| {
        pty.types("\u{1b}");
        pty.until("the gate is left", SOON, |screen| !screen.contains("start long"));
        assert_eq!(started(bench), 0);
    };
    for keys in ["\r".repeat(30), "y".repeat(30), "s".repeat(30), "s\r".repeat(30), "sy".repeat(30)] {
        pty.types(&keys);
        std::thread::sleep(QUIET); // The dialog is deaf until then; what was typed into it is gone.
        pty.types(&"\r".repeat(3));
        left(&mut pty);
    }
    // A keyboard waits before it repeats: the gate takes keys by then.
    for held in ["s", "\r"] {
        pty.types(held);
        pty.sees("type it, then enter", SOON);
        pty.types(&held.repeat(30));
        pty.sees(&format!("type {phrase}: _"), SOON);
        left(&mut pty);
    }
    open_gate(&mut pty, "long");
    for paste in [phrase.to_owned(), format!("{phrase}\r")] {
        pty.pastes(&paste);
        pty.sees("a paste is not taken here", SOON);
        pty.types("\r\r\r");
        pty.sees(&format!("type {phrase}: _"), SOON);
    }
    assert_eq!(started(bench), 0);
    pty
}

#[test]
fn no_accident_confirms_and_by_hand_it_goes() {
    let bench = gated(CONFIRM);
    let mut pty = nothing_by_accident(&bench, "long");
    pty.types("long\r");
    pty.sees("running", SOON);
    assert_eq!(started(&bench), 1);
}

#[test]
fn no_accident_types_a_phrase_and_by_hand_it_goes() {
    let bench = gated(PHRASE);
    let mut pty = nothing_by_accident(&bench, "touch shop.example");
    pty.types("touch shop.example\r");
    pty.sees("running", SOON);
    assert_eq!(started(&bench), 1);
}

/// A gate that waits for something else says so, and opens for no word.
fn waits(gate: &str, shows: &str, why: &str) {
    let bench = gated(gate);
    let mut pty = nothing_by_accident(&bench, "long");
    pty.sees(shows, SOON);
    pty.types("long\r");
    pty.sees(why, SOON);
    pty.types(&"\r".repeat(30)); // The Enter that sent it, still held.
    pty.sees("type long: _", SOON);
    assert_eq!(started(&bench), 0);
}

#[test]
fn no_accident_opens_a_window() {
    waits(WINDOW, "opens in", "starts between 2099-01-01T03:00:00Z");
}

#[test]
fn no_accident_stands_for_an_approval() {
    waits(APPROVAL, "waits for an approval by dba", "step `long` waits for an approval");
}

/// The screen dies in the middle of a step; the step does not.
fn the_step_goes_on(kill: impl Fn(&mut Pty), place_is_kept: bool) {
    let bench = Bench::new(&format!("{LONG}{BY_HAND}"));
    let mut pty = drive(&bench);
    open_gate(&mut pty, "long");
    pty.types("long\r");
    pty.sees("running", SOON);
    let engine = bench.engine_pid().unwrap();
    kill(&mut pty);
    let ended = pty.ended();
    assert!(ended.signal().is_some() || ended.success(), "{ended:?}");
    drop(pty);

    let mut pty = drive(&bench);
    pty.sees("running", SOON);
    if place_is_kept {
        pty.sees("long: starts", SOON);
        pty.sees("any key closes this", SOON);
        pty.types("x");
        pty.until("it is closed", SOON, |screen| !screen.contains("long: starts"));
    }
    fs::write(bench.path("go"), "").unwrap();
    pty.sees("WAITING FOR YOU: type the phrase of by-hand", SOON);
    assert_eq!(bench.engine_pid().unwrap(), engine, "the same engine all the while");
    assert_eq!(started(&bench), 1);
    assert_eq!(fs::read_to_string(bench.path("lines")).unwrap(), "line\n", "it ran once");
    // The next gate waited, and the wheel is whose it was.
    open_gate(&mut pty, "by-hand");
    pty.types("it is done\rturned\r");
    pty.sees("every step is over", SOON);
}

#[test]
fn a_screen_that_is_killed_costs_nothing() {
    the_step_goes_on(|pty| pty.signal(Signal::SIGKILL), false);
}

#[test]
fn a_lost_connection_costs_nothing() {
    the_step_goes_on(Pty::hangs_up, true);
}

#[test]
fn ctrl_c_and_the_end_of_a_login_only_detach_and_say_so() {
    let bench = Bench::new(LONG);
    for leave in [None, Some(Signal::SIGHUP), Some(Signal::SIGTERM), Some(Signal::SIGINT)] {
        let mut pty = drive(&bench);
        match leave {
            None => pty.types("\u{3}"),
            Some(signal) => pty.signal(signal),
        }
        pty.sees("come back with: cutover drive", SOON);
        let screen = pty.screen();
        assert!(screen.contains("the engine goes on"), "{screen}");
        assert!(!screen.contains("1 week"), "the terminal is given back: {screen}");
        assert!(pty.ended().success());
    }
    assert!(bench.engine_pid().is_some());
}

#[test]
fn the_driver_lets_the_wheel_go_and_ends_the_engine_but_never_under_a_step() {
    let bench = Bench::new(LONG);
    let mut pty = drive(&bench);
    through_dialog(&mut pty, "W", "release\r");
    pty.sees("w take the wheel", SOON);
    through_dialog(&mut pty, "w", "long\t\r");
    pty.until("the wheel is taken", SOON, |screen| !screen.contains("take the wheel"));

    open_gate(&mut pty, "long");
    pty.types("long\r");
    pty.sees("running", SOON);
    pty.types("E");
    pty.sees("end: long is in flight", SOON);
    fs::write(bench.path("go"), "").unwrap();
    pty.sees("every step is over", SOON);

    let engine = bench.engine_pid().unwrap();
    through_dialog(&mut pty, "E", "end\r");
    pty.sees("the engine is ended, and nothing is lost", SOON);
    assert!(pty.ended().success());
    let began = Instant::now();
    while kill(engine, None).is_ok() {
        assert!(began.elapsed() < SOON, "the engine lives on");
        std::thread::sleep(Duration::from_millis(20));
    }
    let hands = |event: &&Event| matches!(event, Event::WheelReleased { .. } | Event::WheelTaken { .. });
    assert_eq!(events(&bench).iter().filter(hands).count(), 3, "taken, let go, taken");
}

#[test]
fn suspended_it_gives_the_terminal_to_the_shell_and_comes_back_with_fg() {
    let bench = Bench::new(LONG);
    let drive = bench.command("drive");
    let mut shell = Command::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]).envs(drive.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PS1", "shell> ");
    let mut pty = Pty::run(&shell, SIZE);
    pty.sees("shell> ", SOON);
    let words = std::iter::once(drive.get_program()).chain(drive.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    pty.types(&format!("{} --as anna\r", words.join(" ")));
    pty.sees("WAITING FOR YOU", SOON);

    pty.types("\u{1a}");
    let screen = pty.sees("Stopped", SOON);
    assert!(!screen.contains("WAITING FOR YOU"), "the shell has its screen back: {screen}");
    pty.types("echo $((40 + 2)) is heard\r");
    pty.sees("42 is heard", SOON);
    pty.types("fg\r");
    pty.sees("WAITING FOR YOU", SOON);
    pty.types("q");
    pty.sees("come back with: cutover drive", SOON);
    pty.types("exit\r");
    pty.ended();
}

#[test]
fn who_comes_back_reads_first_what_happened() {
    let bench = Bench::new(LONG);
    let mut pty = drive(&bench);
    open_gate(&mut pty, "long");
    pty.types("long\r");
    pty.sees("running", SOON);
    pty.types("q");
    pty.ended();
    fs::write(bench.path("go"), "").unwrap();
    let client = bench.client("anna");
    let done = async { attached::until(&client, |view| view.current.is_none()).await };
    tokio::runtime::Runtime::new().unwrap().block_on(done);

    let mut pty = drive(&bench);
    pty.sees("since ", SOON);
    pty.sees("long: done", SOON);
    pty.sees("any key closes this", SOON);
    // And does nothing else.
    pty.types("q");
    pty.until("it is closed", SOON, |screen| !screen.contains("since "));
    pty.sees("every step is over", SOON);
}

#[test]
fn a_second_person_looks_on_and_is_told_why_a_key_does_nothing() {
    let bench = Bench::new(LONG);
    let _anna = drive(&bench);
    let mut command = bench.command("drive");
    command.args(["--as", "ben"]).env("XDG_CONFIG_HOME", bench.path("config"));
    let mut ben = Pty::run(&command, SIZE);
    ben.sees("anna drives", SOON);
    ben.types("s");
    ben.sees("go: anna drives", SOON);
    assert_eq!(started(&bench), 0);
}
