//! What the lab needs of this machine: a Docker engine that answers, and `mmdebstrap` where no hub does.
//!
//! What is missing is named. On Debian and Ubuntu it is installed when the driver consents, with or without
//! systemd; elsewhere the message says what to install.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::Progress;
use super::world::News;
use crate::services::docker::Engine;
use crate::services::{Error, Kind, Result};

/// The packages, by the program that each is for.
const PACKAGES: &[(&str, &str)] = &[("dockerd", "docker.io"), ("mmdebstrap", "mmdebstrap")];

/// How long a Docker engine may take to answer after its start.
const PATIENCE: Duration = Duration::from_mins(1);

/// A Docker engine that answers, with everything installed that the lab needs.
pub async fn ready(directory: &Path, may_install: bool, news: News<'_>) -> Result<Engine> {
    // An engine elsewhere (DOCKER_HOST) needs no daemon here.
    let answers = Engine::connect(None).await.is_ok();
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(program, _)| (!answers || *program != "dockerd") && !is_installed(program))
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        install(&missing, may_install, news).await?;
    }
    match Engine::connect(None).await {
        Ok(engine) => Ok(engine),
        Err(_) => start(directory, may_install, news).await,
    }
}

async fn install(missing: &[&str], may_install: bool, news: News<'_>) -> Result<()> {
    let names = missing.join(" ");
    let fault = || Error::new("this machine", "packages", format!("find {names}"), Kind::Permanent);
    if !is_installed("apt-get") {
        return Err(fault()
            .because("it is not Debian or Ubuntu")
            .next(format!("install what gives {names} here, and try again")));
    }
    if !may_install {
        return Err(fault()
            .because("not installed")
            .next(format!("apt-get install {names}, or the same command with --install")));
    }
    say(news, format!("installing {names}"));
    // With what they recommend: in later suites Docker's client is a package of its own.
    apt(&["update", "-qq"]).await?;
    apt(&[&["install", "-y", "-qq"], missing, &["iptables", "ca-certificates"]].concat()).await
}

async fn apt(arguments: &[&str]) -> Result<()> {
    let doing = format!("apt-get {}", arguments.join(" "));
    let fault = || Error::new("this machine", "packages", doing.clone(), Kind::Permanent);
    let output = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|why| fault().because(why))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned();
    Err(fault().because(said).next("run it by hand, as root"))
}

/// Starts the engine: by systemd where that runs, else as a process of its own.
async fn start(directory: &Path, may_start: bool, news: News<'_>) -> Result<Engine> {
    let fault = || Error::new("Docker engine", "this machine", "start it", Kind::Permanent);
    if !may_start {
        return Err(fault().because("it does not answer").next("start it, or run the same command with --install"));
    }
    say(news, "starting the Docker engine".to_owned());
    let log = directory.join("dockerd.log");
    if Path::new("/run/systemd/system").exists() {
        let status = Command::new("systemctl").args(["start", "docker"]).status().await;
        status.map_err(|why| fault().because(why))?;
    } else {
        let file = File::create(&log).map_err(|why| fault().because(why))?;
        let errors = file.try_clone().map_err(|why| fault().because(why))?;
        // In a process group of its own, so that a Ctrl-C at this terminal does not end it.
        let started = Command::new("dockerd").stdin(Stdio::null()).stdout(file).stderr(errors).process_group(0).spawn();
        started.map_err(|why| fault().because(why))?;
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Engine::connect(None).await {
            Ok(engine) => return Ok(engine),
            Err(error) if Instant::now() > deadline => {
                return Err(fault().because(error).next(format!("its log is {}", log.display())));
            }
            Err(_) => sleep(Duration::from_millis(250)).await,
        }
    }
}

fn is_installed(program: &str) -> bool {
    let places = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&places)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|place| place.join(program).is_file())
}

fn say(news: News<'_>, text: String) {
    news(Progress { part: None, text, done: None, eta: None });
}
