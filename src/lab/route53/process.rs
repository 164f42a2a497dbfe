//! The stand-in as a process of its own: begun once, found again, ended by whoever brings the lab down.
//!
//! The process holds a lock on a file for as long as it lives, so a process id in the file beside it is never
//! somebody else's. It outlives whoever began it: the zone must answer while an engine is dead.

use std::fs::{File, OpenOptions, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::server::{Options, serve};
use super::service::Manners;
use super::world::{Seed, ZONE_NAME};
use crate::lab::{files, secrets};
use crate::services::resolver::{RecordType, lookup};
use crate::services::{Error, Kind, Result};

/// The secret with the access key id.
pub const KEY_ID: &str = "aws-id";
/// The secret with the secret key.
pub const KEY_SECRET: &str = "aws-secret";

const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

/// Where the stand-in answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The Route 53 API.
    pub api: SocketAddr,
    /// DNS, at once.
    pub dns: SocketAddr,
    /// DNS on an address that may not exist yet: the gateway of the lab's network.
    pub gateway: Option<SocketAddr>,
}

impl Default for Place {
    /// The lab's own addresses.
    fn default() -> Self {
        Self {
            api: SocketAddr::from(([127, 0, 0, 1], 10080)),
            dns: SocketAddr::from(([127, 0, 0, 1], 10053)),
            gateway: Some(SocketAddr::from(([172, 30, 77, 1], 53))),
        }
    }
}

/// The stand-in's process, running or not.
#[derive(Debug, Clone)]
pub struct Process {
    /// The lab directory: secrets are in `secrets`, the zone, the lock and the log in `route53`.
    pub directory: PathBuf,
    /// This program.
    pub program: PathBuf,
    /// Where it answers.
    pub place: Place,
}

/// How the process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It answers, by API and DNS, everywhere it should.
    Ready,
    /// It lives and does not answer as it should; the reason.
    Down(String),
    /// There is none.
    Absent,
}

/// What the process writes down about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Card {
    pid: i32,
    place: Place,
    build: String,
}

/// Runs the stand-in of the lab in `directory` until it is asked to end: `cutover lab serve-route53 DIR`.
pub async fn serve_lab(directory: &Path) -> Result<()> {
    // A session of its own, where it is not the head of a group already: a terminal that goes away must
    // not take the zone with it.
    let _ = nix::unistd::setsid();
    let process = Process::of_this_program(directory)?;
    let home = process.home();
    let text = std::fs::read(home.join("place.json")).map_err(|why| fault(&home, "read where to answer", why))?;
    let place: Place = serde_json::from_slice(&text).map_err(|why| fault(&home, "understand where to answer", why))?;
    let lock = process.lock_file()?;
    // Whoever looks whether it lives holds the lock for a moment: only a lasting refusal means another process.
    let deadline = Instant::now() + Duration::from_secs(2);
    while lock.try_lock().is_err() {
        if Instant::now() > deadline {
            return Err(Error::new("the lab's Route 53", home.display().to_string(), "start", Kind::Conflict)
                .because("another process serves this lab")
                .next("use that one, or end it with `cutover lab down`"));
        }
        tokio::time::sleep(LOOK / 10).await;
    }
    let pid = i32::try_from(std::process::id()).unwrap_or_default();
    let card = Card { pid, place: place.clone(), build: build_of(&process.program) };
    let text = serde_json::to_vec(&card).map_err(|why| fault(&home, "write down who serves", why))?;
    files::write(&home.join("process.json"), &text, 0o600).map_err(|why| fault(&home, "write down who serves", why))?;

    let secrets = directory.join("secrets");
    let keys = (secrets::ensure(&secrets, KEY_ID).await?, secrets::ensure(&secrets, KEY_SECRET).await?.into());
    serve(Options {
        api: place.api,
        dns: vec![place.dns],
        later: place.gateway.into_iter().collect(),
        directory: home,
        seed: Seed::default(),
        manners: Manners::default(),
        keys,
    })
    .await
}

impl Process {
    /// The lab's process, by this program and on the lab's own addresses.
    pub fn of_this_program(directory: &Path) -> Result<Self> {
        Ok(Self { directory: directory.to_owned(), program: this_program()?, place: Place::default() })
    }

    /// Begins it if it does not run as it should, and returns when it answers. The zone is kept.
    pub async fn start(&self) -> Result<()> {
        let home = self.home();
        std::fs::create_dir_all(&home).map_err(|why| fault(&home, "make the directory", why))?;
        let secrets = self.directory.join("secrets");
        for name in [KEY_ID, KEY_SECRET] {
            secrets::ensure(&secrets, name).await?;
        }
        let current = self.card().is_some_and(|card| card.place == self.place && card.build == build_of(&self.program));
        if current && self.found().await? == Found::Ready {
            return Ok(());
        }
        self.stop().await?;
        let text = serde_json::to_vec(&self.place).map_err(|why| fault(&home, "write where to answer", why))?;
        files::write(&home.join("place.json"), &text, 0o600)
            .map_err(|why| fault(&home, "write where to answer", why))?;
        let log = File::create(home.join("log")).map_err(|why| fault(&home, "open its log", why))?;
        let errors = log.try_clone().map_err(|why| fault(&home, "open its log", why))?;
        let mut child = Command::new(&self.program)
            .args(["lab", "serve-route53"])
            .arg(&self.directory)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|why| fault(&self.program, "start it", why))?;
        self.wait_ready(&mut child).await
    }

    async fn wait_ready(&self, child: &mut Child) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.found().await?;
            if found == Found::Ready {
                return Ok(());
            }
            let ended = child.try_wait().map_err(|why| fault(&self.program, "see whether it runs", why))?;
            if ended.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(self.home().join("log")).unwrap_or_default();
                let said = match (log.trim(), found) {
                    ("", Found::Down(reason)) => reason,
                    ("", _) => "it said nothing".to_owned(),
                    (log, _) => log.to_owned(),
                };
                return Err(Error::new("the lab's Route 53", self.place.api.to_string(), "start", Kind::Permanent)
                    .because(said)
                    .next(format!("see who else listens at {} and {}", self.place.api, self.place.dns)));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends it, and returns when it has ended. Safe where it does not run. The zone is kept.
    pub async fn stop(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut signal = Signal::SIGTERM;
        while self.lives()? {
            if let Some(card) = self.card() {
                // Gone in between is as good as ended.
                let _ = kill(Pid::from_raw(card.pid), signal);
            }
            if Instant::now() > deadline {
                signal = Signal::SIGKILL;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// How it is, by its lock, its API and its DNS.
    pub async fn found(&self) -> Result<Found> {
        if !self.lives()? {
            return Ok(Found::Absent);
        }
        let url = format!("http://{}/lab/status", self.place.api);
        let Ok(answer) = reqwest::get(url).await else {
            return Ok(Found::Down(format!("no API at {}", self.place.api)));
        };
        let status: serde_json::Value = answer.json().await.unwrap_or_default();
        let bound = |at: &SocketAddr| {
            status["dns"].as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == Some(&at.to_string())))
        };
        if let Some(gateway) = self.place.gateway.iter().find(|at| address_exists(at) && !bound(at)) {
            return Ok(Found::Down(format!("no DNS at {gateway} yet")));
        }
        Ok(match lookup(self.place.dns, ZONE_NAME, RecordType::SOA).await {
            Ok(answer) if answer.authoritative => Found::Ready,
            _ => Found::Down(format!("no DNS at {}", self.place.dns)),
        })
    }

    /// A fresh zone with this seed.
    pub async fn reset(&self, seed: &Seed) -> Result<()> {
        let url = format!("http://{}/lab/reset", self.place.api);
        let fault = |why: String| {
            Error::new("the lab's Route 53", self.place.api.to_string(), "reset the zone", Kind::Transient).because(why)
        };
        let answer = reqwest::Client::new().post(url).json(seed).send().await.map_err(|why| fault(why.to_string()))?;
        if answer.status().is_success() { Ok(()) } else { Err(fault(format!("it answered {}", answer.status()))) }
    }

    fn home(&self) -> PathBuf {
        self.directory.join("route53")
    }

    fn card(&self) -> Option<Card> {
        serde_json::from_slice(&std::fs::read(self.home().join("process.json")).ok()?).ok()
    }

    fn lock_file(&self) -> Result<File> {
        let path = self.home().join("lock");
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|why| fault(&path, "open the lock", why))
    }

    /// Whether a process holds the lock.
    fn lives(&self) -> Result<bool> {
        if !self.home().join("lock").exists() {
            return Ok(false);
        }
        match self.lock_file()?.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(why)) => Err(fault(&self.home().join("lock"), "look at the lock", why)),
        }
    }
}

/// Whether this machine has the address: a socket can be bound to it, on any port.
fn address_exists(at: &SocketAddr) -> bool {
    std::net::UdpSocket::bind(SocketAddr::new(at.ip(), 0)).is_ok()
}

/// This program: the one that runs, or beside it where a test runs.
fn this_program() -> Result<PathBuf> {
    let running = std::env::current_exe().map_err(|why| fault(Path::new("this program"), "find itself", why))?;
    if running.file_name().is_some_and(|name| name == "cutover") {
        return Ok(running);
    }
    let beside = running.ancestors().skip(1).take(2).map(|directory| directory.join("cutover"));
    beside.into_iter().find(|program| program.is_file()).ok_or_else(|| {
        Error::new("this program", running.display().to_string(), "find `cutover`", Kind::NotFound)
            .next("build it first: `cargo build`")
    })
}

/// Tells one build of the program from another: a lab must not go on with yesterday's.
fn build_of(program: &Path) -> String {
    let seen = std::fs::metadata(program).and_then(|file| Ok((file.len(), file.modified()?)));
    seen.map_or_else(
        |_| String::new(),
        |(length, at)| format!("{length}-{}", at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos()),
    )
}

fn fault(path: &Path, doing: &str, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new("the lab's Route 53", path.display().to_string(), doing, Kind::Permanent).because(why)
}
