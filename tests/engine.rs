//! The engine's process as a driver has it: it dies at every point of an effect, is started again, and the
//! effect has happened once; gates, locks and exit codes are what the command line promises.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};
use serde_json::Value;

struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    /// A runbook of one step that adds a line to a file, and whose check looks for that line.
    fn new(environment: &str, step: &str) -> Self {
        let bench = Self { directory: tempfile::tempdir().unwrap() };
        let head = format!(
            "name = \"bench\"\nenvironment = \"{environment}\"\n[service]\nname = \"shop\"\nhost = \"shop.example\"\n"
        );
        fs::write(bench.runbook(), format!("{head}{step}")).unwrap();
        bench
    }

    fn runbook(&self) -> PathBuf {
        self.directory.path().join("runbook.toml")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.args(arguments).arg(self.runbook()).stdin(Stdio::null()).env_remove("CUTOVER_CRASH_AT");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn summary(output: &Output) -> Value {
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("no summary in {text}"))
    }
}

fn adds_a_line(gate: &str) -> String {
    format!(
        "[[step]]\nid = \"line\"\naction = \"command\"\nowner = \"lead\"\nday = 1\nretries = 0\n{gate}\n\
         with = {{ run = [\"sh\", \"-c\", \"echo line >> lines\"], check = [\"grep\", \"-q\", \"line\", \"lines\"] }}\n"
    )
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap_or_default().lines().count()
}

#[test]
fn an_engine_that_dies_at_any_point_of_an_effect_has_done_it_once_in_the_end() {
    for point in ["intent", "effect", "outcome"] {
        let bench = Bench::new("lab", &adds_a_line(""));
        let died =
            bench.command(&["run", "--yes", "--json"]).env("CUTOVER_CRASH_AT", format!("line:run:{point}")).output();
        assert_eq!(died.unwrap().status.signal(), Some(9), "{point}");
        assert_eq!(lines(&bench.path("lines")), usize::from(point != "intent"), "{point}");

        let status = bench.run(&["status", "--json"]);
        assert_eq!(Bench::summary(&status)["state"]["steps"]["line"]["status"], "in_doubt", "{point}");

        let again = bench.run(&["run", "--yes", "--json"]);
        assert!(again.status.success(), "{point}: {again:?}");
        let summary = Bench::summary(&again);
        assert_eq!(summary["outcome"], "succeeded");
        assert_eq!(summary["steps"][0]["attempts"], 2);
        assert_eq!(lines(&bench.path("lines")), 1, "{point}");
    }
}

#[test]
fn a_crash_is_refused_in_production() {
    let bench = Bench::new("production", &adds_a_line(""));
    let output = bench.command(&["run", "--yes"]).env("CUTOVER_CRASH_AT", "line:run:intent").output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("environment is production"));
    assert_eq!(lines(&bench.path("lines")), 0);
}

#[test]
fn without_a_terminal_a_gate_waits_and_nothing_starts() {
    let phrase = "gate = { phrase = \"go on\" }";
    for (environment, gate, arguments, code) in [
        ("lab", "", vec!["run"], 3),
        ("production", "", vec!["run", "--yes"], 3),
        ("lab", phrase, vec!["run", "--yes"], 3),
        ("lab", phrase, vec!["run", "--phrase", "line=go off"], 4),
        ("lab", phrase, vec!["run", "--phrase", "line=go on"], 0),
        ("production", phrase, vec!["run", "--phrase", "line=go on"], 3),
        (
            "lab",
            "gate = { window = { from = \"2020-01-01T00:00:00Z\", to = \"2020-01-02T00:00:00Z\" } }",
            vec!["run", "--yes"],
            3,
        ),
        ("lab", "", vec!["run", "--yes", "--rehearsal"], 0),
        ("staging", "", vec!["run", "--yes", "--rehearsal"], 4),
    ] {
        let bench = Bench::new(environment, &adds_a_line(gate));
        let output = bench.run(&arguments);
        assert_eq!(output.status.code(), Some(code), "{environment} {gate} {arguments:?}: {output:?}");
        assert_eq!(lines(&bench.path("lines")), usize::from(code == 0), "{environment} {gate} {arguments:?}");
    }
}

#[test]
fn a_second_engine_is_refused_and_names_the_first() {
    let bench = Bench::new(
        "lab",
        "[[step]]\nid = \"long\"\naction = \"command\"\nowner = \"lead\"\nday = 1\n\
         with = { run = [\"sh\", \"-c\", \"touch began; until test -e go || ! test -e began; do sleep 0.05; done\"], check = [\"test\", \"-e\", \"go\"] }\n",
    );
    let mut first = bench.command(&["run", "--yes", "--json"]).stdout(Stdio::null()).spawn().unwrap();
    wait_for(&bench.path("began"));
    let second = bench.run(&["run", "--yes", "--json"]);
    assert_eq!(second.status.code(), Some(4));
    assert_eq!(Bench::summary(&second)["error"]["kind"], "refused", "the summary is last, on failure too");
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    // The engine is the child of the command, which supervises it.
    let named =
        said.split("process ").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_else(|| panic!("{said}"));
    let about = fs::read_to_string(format!("/proc/{named}/status")).unwrap();
    assert!(about.contains(&format!("PPid:\t{}\n", first.id())), "{said}\n{about}");
    fs::write(bench.path("go"), "").unwrap();
    assert!(first.wait().unwrap().success());
}

#[test]
fn a_hang_up_ends_nothing_and_an_interrupt_stops_where_it_can_go_on() {
    let bench = Bench::new(
        "lab",
        "[[step]]\nid = \"long\"\naction = \"command\"\nowner = \"lead\"\nday = 1\n\
         with = { run = [\"sh\", \"-c\", \"touch began; until test -e go || ! test -e began; do sleep 0.05; done; echo x >> lines\"], check = [\"test\", \"-e\", \"lines\"] }\n",
    );
    let mut engine = bench.command(&["run", "--yes", "--json"]).stdout(Stdio::null()).spawn().unwrap();
    wait_for(&bench.path("began"));
    let pid = nix::unistd::Pid::from_raw(i32::try_from(engine.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).unwrap();
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(engine.wait().unwrap().code(), Some(130));
    assert_eq!(lines(&bench.path("lines")), 0, "the interrupt came before the effect's end");

    fs::write(bench.path("go"), "").unwrap();
    let again = bench.run(&["run", "--yes", "--json"]);
    assert!(again.status.success(), "{again:?}");
    assert_eq!(Bench::summary(&again)["outcome"], "succeeded");
}

#[test]
fn an_engine_knows_the_runbook_as_its_supervisor_read_it_whatever_became_of_the_file() {
    let bench = Bench::new("lab", &adds_a_line(""));
    let plan = cutover::loader::load(&bench.runbook()).unwrap();
    let kept = memfd_create("runbook", MFdFlags::empty()).unwrap();
    fs::write(format!("/proc/self/fd/{}", kept.as_raw_fd()), serde_json::to_vec(&*plan.runbook).unwrap()).unwrap();
    fs::write(bench.runbook(), "name = \"half sav").unwrap();
    let started_by = |parent: u32| {
        let mut command = bench.command(&["run", "--yes", "--json"]);
        command.env("CUTOVER_SUPERVISED", "1").env("CUTOVER_RUNBOOK_FD", format!("{} {parent}", kept.as_raw_fd()));
        command.output().unwrap()
    };
    assert_eq!(started_by(1).status.code(), Some(2), "it was handed to somebody else");
    let output = started_by(std::process::id());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(Bench::summary(&output)["outcome"], "succeeded");
    assert_eq!(lines(&bench.path("lines")), 1);
}

#[test]
fn a_step_that_fails_says_why_and_can_be_run_again_or_adopted() {
    let step = "[[step]]\nid = \"file\"\naction = \"command\"\nowner = \"lead\"\nday = 1\nretries = 0\n\
                with = { run = [\"sh\", \"-c\", \"echo no luck >&2; exit 7\"], check = [\"test\", \"-e\", \"file\"] }\n";
    let bench = Bench::new("lab", step);
    let output = bench.run(&["run", "--yes", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let summary = Bench::summary(&output);
    assert_eq!(summary["outcome"], "failed");
    assert!(summary["error"]["what"].as_str().unwrap().contains("no luck"), "{summary}");
    assert_eq!(bench.run(&["status"]).status.code(), Some(1));

    let mut adopt = Command::new(env!("CARGO_BIN_EXE_cutover"));
    adopt.arg("adopt").arg(bench.runbook()).arg("file");
    assert_eq!(adopt.output().unwrap().status.code(), Some(4), "its check does not pass yet");
    fs::write(bench.path("file"), "").unwrap();
    assert!(adopt.output().unwrap().status.success());
    assert!(bench.run(&["run", "--yes"]).status.success());
    assert!(bench.run(&["status"]).status.success());
}

#[test]
fn a_runbook_with_faults_makes_nothing() {
    let bench = Bench::new("lab", "[[step]]\nid = \"x\"\n");
    for arguments in [["run"], ["check"], ["plan"]] {
        assert_eq!(bench.run(&arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert!(!bench.path(".cutover").exists());
}

/// Waits until a file is there; a deadline, not a guess at a time.
fn wait_for(path: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !path.exists() {
        assert!(Instant::now() < deadline, "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}
