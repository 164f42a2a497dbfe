//! An engine of a throw-away runbook, as a process of its own, and clients of it.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cutover::domain::StepId;
use cutover::domain::event::Holder;
use cutover::protocol::address;
use cutover::protocol::client::{Client, Me};
use cutover::protocol::order::{Given, Order, Verb};
use cutover::protocol::view::View;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A step that begins, and ends once there is a file `go`, or its directory is gone.
pub const LONG: &str = "[[step]]\nid = \"long\"\naction = \"command\"\nowner = \"lead\"\nday = 1\nretries = 0\n\
    with = { run = [\"sh\", \"-c\", \"touch began; until test -e go || ! test -e began; do sleep 0.05; done; echo line >> lines\"], \
    check = [\"test\", \"-e\", \"lines\"] }\n";

/// A step that people do.
pub const BY_HAND: &str = "[[step]]\nid = \"by-hand\"\naction = \"manual\"\nowner = \"ops\"\nday = 2\n\
    gate = { phrase = \"it is done\" }\nwith = { instructions = \"turn the key\" }\n";

/// A directory with a runbook, and its engine once it was started.
pub struct Bench {
    pub directory: tempfile::TempDir,
    state: PathBuf,
    engine: Option<Child>,
}

impl Bench {
    pub fn new(steps: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        Self::with_state(directory, state, steps)
    }

    pub fn with_state(directory: tempfile::TempDir, state: PathBuf, steps: &str) -> Self {
        let head = "name = \"bench\"\nenvironment = \"lab\"\n[service]\nname = \"shop\"\nhost = \"shop.example\"\n";
        fs::write(directory.path().join("runbook.toml"), format!("{head}{steps}")).unwrap();
        Self { directory, state, engine: None }
    }

    pub fn state(&self) -> &Path {
        &self.state
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A command of ours about this run.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.arg(name).arg(self.path("runbook.toml")).arg("--state").arg(&self.state);
        command.stdin(Stdio::null()).env_remove("CUTOVER_CRASH_AT");
        command
    }

    /// Starts the engine, and waits until it answers.
    pub async fn start(&mut self) -> Client {
        self.start_with(&[]).await
    }

    pub async fn start_with(&mut self, environment: &[(&str, &str)]) -> Client {
        let mut command = self.command("engine");
        command.envs(environment.iter().copied()).stderr(Stdio::null());
        self.started(command).await
    }

    /// Starts it, with its words in a file.
    pub async fn start_logging(&mut self, log: fs::File) -> Client {
        let mut command = self.command("engine");
        command.stderr(log);
        self.started(command).await
    }

    /// Starts it with more words.
    pub async fn start_saying(&mut self, words: &[&str]) -> Client {
        let mut command = self.command("engine");
        command.args(words).stderr(Stdio::null());
        self.started(command).await
    }

    async fn started(&mut self, mut command: Command) -> Client {
        self.engine = Some(command.stdout(Stdio::null()).spawn().unwrap());
        let began = Instant::now();
        loop {
            let client = self.client("anna");
            if client.view().await.is_ok() {
                return client;
            }
            assert!(began.elapsed() < PATIENCE, "the engine never answered");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A new client of that person.
    pub fn client(&self, name: &str) -> Client {
        Client::unix(&address::of(&self.state), Me::new(name)).unwrap()
    }

    /// The engine's own process, as its lock names it.
    pub fn engine_pid(&self) -> Option<Pid> {
        let holder: Holder = serde_json::from_str(&fs::read_to_string(self.state.join("lock")).ok()?).ok()?;
        Some(Pid::from_raw(i32::try_from(holder.pid).ok()?))
    }

    /// Kills the engine, and waits until its supervisor is gone too.
    pub fn kill_engine(&mut self) {
        kill(self.engine_pid().unwrap(), Signal::SIGKILL).unwrap();
        if let Some(mut supervisor) = self.engine.take() {
            supervisor.wait().unwrap();
        }
    }

    /// Kills the supervisor alone.
    pub fn kill_supervisor(&mut self) {
        let mut supervisor = self.engine.take().unwrap();
        supervisor.kill().unwrap();
        supervisor.wait().unwrap();
    }

    /// Waits for the engine's end.
    pub fn ended(&mut self) -> std::process::ExitStatus {
        self.engine.take().unwrap().wait().unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // The one that this bench started, or that a `drive` did: its lock names it.
        let alive = |pid: &Pid| {
            let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            words.contains(self.state.to_str().unwrap_or_default())
        };
        // The supervisor first: behind a fence that is shut it would start another engine.
        if let Some(mut supervisor) = self.engine.take() {
            let _ = supervisor.kill();
            let _ = supervisor.wait();
        }
        if let Some(pid) = self.engine_pid().filter(alive) {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

/// An order with a new id, drawn from that view.
pub fn order(view: &View, verb: Verb) -> Order {
    Order { command_id: format!("{:016x}", rand::random::<u64>()), seq: view.seq, verb }
}

/// The order that starts a step as that client sees it now.
pub async fn start(client: &Client, step: &str, given: Given) -> Order {
    let step = StepId::from(step);
    let (view, seen) = (client.view().await.unwrap(), client.preview(&step).await.unwrap());
    let attempt = view.step(&step).unwrap().attempt;
    order(&view, Verb::Start { step, attempt, digest: seen.digest, given })
}

/// Takes the wheel.
pub async fn take(client: &Client, current: &str) -> Result<(), cutover::domain::Failure> {
    let verb = Verb::TakeWheel { current: current.to_owned(), why: "a test".to_owned() };
    client.order(&order(&client.view().await.unwrap(), verb)).await.map(drop)
}

/// Waits for a view of that kind.
pub async fn until(client: &Client, wanted: impl Fn(&View) -> bool) -> View {
    let began = Instant::now();
    loop {
        let view = client.view().await.unwrap();
        if wanted(&view) {
            return view;
        }
        assert!(began.elapsed() < PATIENCE, "it never came: {view:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for a file.
pub async fn wait_for(path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed() < PATIENCE, "{} never came", path.display());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
