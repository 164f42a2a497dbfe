//! The way back as a driver has it: the last step first, whatever dies in between, there and back again.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Two steps: each adds a line to a file and takes it out again, and notes that it was asked to.
struct Bench {
    directory: tempfile::TempDir,
}

const HEAD: &str = "name = \"bench\"\nenvironment = \"lab\"\n[service]\nname = \"shop\"\nhost = \"shop.example\"\n";

fn step(id: &str, with_undo: bool) -> String {
    let undo = format!("undo = [\"sh\", \"-c\", \"sed -i /{id}/d lines; echo {id} >> undone\"]\n");
    format!(
        "[[step]]\nid = \"{id}\"\naction = \"command\"\nowner = \"lead\"\nday = 1\nretries = 0\n[step.with]\n\
         run = [\"sh\", \"-c\", \"echo {id} >> lines\"]\ncheck = [\"grep\", \"-q\", \"{id}\", \"lines\"]\n{}",
        if with_undo { &undo } else { "" }
    )
}

impl Bench {
    fn new(steps: &str) -> Self {
        let bench = Self { directory: tempfile::tempdir().unwrap() };
        fs::write(bench.path("runbook.toml"), format!("{HEAD}{steps}")).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.args(arguments).arg(self.path("runbook.toml")).stdin(Stdio::null()).env_remove("CUTOVER_CRASH_AT");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

fn summary(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("no summary: {output:?}"))
}

fn states(summary: &Value) -> Vec<&str> {
    summary["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

#[test]
fn everything_after_the_step_is_taken_back_the_last_first_and_can_be_done_again() {
    let bench = Bench::new(&(step("one", true) + &step("two", true)));
    for round in 1..=2 {
        assert!(bench.run(&["run", "--yes"]).status.success());
        assert_eq!(bench.text("lines"), "one\ntwo\n");

        let back = bench.run(&["rollback", "--to", "one", "--yes", "--json"]);
        assert!(back.status.success(), "{back:?}");
        let said = summary(&back);
        assert_eq!((said["outcome"].as_str(), states(&said)), (Some("rolled_back"), vec!["done", "rolled_back"]));
        assert!(said["steps"][1]["undo_seconds"].as_f64().is_some(), "{said}");
        assert_eq!(bench.text("lines"), "one\n");

        let back = bench.run(&["rollback", "--all", "--yes", "--json"]);
        assert_eq!(states(&summary(&back)), ["rolled_back", "rolled_back"]);
        assert_eq!(bench.text("lines"), "");
        assert_eq!(bench.text("undone"), "two\none\n".repeat(round), "each once, the last first");
    }
    assert!(bench.run(&["rollback", "--all", "--yes"]).status.success(), "nothing left to take back is no fault");
    assert_eq!(bench.text("undone").lines().count(), 4);
}

#[test]
fn an_engine_that_dies_on_the_way_back_goes_on_with_it() {
    for (point, undone) in [("intent", 1), ("effect", 2), ("outcome", 1)] {
        let bench = Bench::new(&step("one", true));
        assert!(bench.run(&["run", "--yes"]).status.success());
        let mut back = bench.command(&["rollback", "--all", "--yes", "--json"]);
        let died = back.env("CUTOVER_CRASH_AT", format!("one:undo:run:{point}")).output().unwrap();
        assert_eq!(died.status.signal(), Some(9), "{point}");

        let forward = bench.run(&["run", "--yes", "--json"]);
        assert_eq!(forward.status.code(), Some(4), "{point}: a step half taken back does not go forward");
        assert_eq!(bench.text("lines"), if point == "intent" { "one\n" } else { "" }, "{point}");

        let again = bench.run(&["rollback", "--all", "--yes", "--json"]);
        assert_eq!(states(&summary(&again)), ["rolled_back"], "{point}");
        assert_eq!(bench.text("lines"), "");
        assert_eq!(bench.text("undone").lines().count(), undone, "{point}: taking back is repeated where in doubt");
    }
}

#[test]
fn a_step_that_died_half_way_is_taken_back_like_one_that_ended() {
    for point in ["intent", "effect"] {
        let bench = Bench::new(&step("one", true));
        let mut run = bench.command(&["run", "--yes", "--json"]);
        let died = run.env("CUTOVER_CRASH_AT", format!("one:run:{point}")).output().unwrap();
        assert_eq!(died.status.signal(), Some(9), "{point}");
        let back = bench.run(&["rollback", "--all", "--yes", "--json"]);
        assert_eq!(states(&summary(&back)), ["rolled_back"], "{point}: {back:?}");
        assert_eq!(bench.text("lines"), "", "{point}");
    }
}

#[test]
fn what_cannot_be_taken_back_is_refused_before_anything_is_touched() {
    let bench = Bench::new(&(step("one", false) + &step("two", true)));
    assert!(bench.run(&["run", "--yes"]).status.success());
    let back = bench.run(&["rollback", "--all", "--yes", "--json"]);
    assert_eq!(back.status.code(), Some(1));
    let said = summary(&back);
    assert!(said["error"]["what"].as_str().unwrap().contains("`one` cannot be taken back"), "{said}");
    assert_eq!(states(&said), ["done", "rolled_back"], "`one` stands as it was");
    assert_eq!(bench.text("lines"), "one\n");
}

#[test]
fn without_consent_nothing_is_taken_back() {
    let bench = Bench::new(&step("one", true));
    assert!(bench.run(&["run", "--yes"]).status.success());
    assert_eq!(bench.run(&["rollback", "--all"]).status.code(), Some(3));
    assert_eq!(bench.run(&["rollback", "--to", "nowhere", "--yes"]).status.code(), Some(4));
    assert_eq!(bench.text("lines"), "one\n");
}
