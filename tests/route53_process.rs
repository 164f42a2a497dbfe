//! The stand-in as the lab runs it: a process of its own, begun by one program and found by the next.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/standin.rs"]
mod standin;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use cutover::lab::route53::{Found, KEY_ID, KEY_SECRET, Place, Process, Seed, ZONE_ID};
use cutover::services::resolver::{RecordType, lookup};
use cutover::services::route53::{Access, RecordKind, RecordSet, Route53, Zone};
use standin::APP;

/// An address with a port that was free a moment ago, for both protocols.
fn free(ip: [u8; 4]) -> SocketAddr {
    let ip = IpAddr::V4(Ipv4Addr::from(ip));
    loop {
        let tcp = std::net::TcpListener::bind((ip, 0)).unwrap();
        let at = tcp.local_addr().unwrap();
        if std::net::UdpSocket::bind(at).is_ok() {
            return at;
        }
    }
}

fn process(directory: &Path) -> Process {
    // 127.0.0.2 stands for the gateway: another address than the first, with the same port for both.
    let place = Place { api: free([127, 0, 0, 1]), dns: free([127, 0, 0, 1]), gateway: Some(free([127, 0, 0, 2])) };
    Process { directory: directory.to_owned(), program: PathBuf::from(env!("CARGO_BIN_EXE_cutover")), place }
}

async fn zone(process: &Process) -> Zone {
    let secret = |name| std::fs::read_to_string(process.directory.join("secrets").join(name)).unwrap();
    let keys = Some((secret(KEY_ID), secret(KEY_SECRET).into()));
    let endpoint = Some(format!("http://{}", process.place.api));
    Route53::connect(Access { endpoint, region: None, keys }).await.zone(ZONE_ID, APP).await.unwrap()
}

fn pid(process: &Process) -> i64 {
    let text = std::fs::read(process.directory.join("route53/process.json")).unwrap();
    serde_json::from_slice::<serde_json::Value>(&text).unwrap()["pid"].as_i64().unwrap()
}

#[tokio::test]
async fn it_is_begun_once_found_again_and_ended_with_its_zone_kept() {
    let directory = tempfile::tempdir().unwrap();
    let process = process(directory.path());
    assert_eq!(process.found().await.unwrap(), Found::Absent);
    process.stop().await.unwrap();

    process.start().await.unwrap();
    assert_eq!(process.found().await.unwrap(), Found::Ready);
    let first = pid(&process);
    process.start().await.unwrap();
    assert_eq!(pid(&process), first, "what runs as it should is kept");
    for server in [process.place.dns, process.place.gateway.unwrap()] {
        assert_eq!(lookup(server, APP, RecordType::A).await.unwrap().ttl(), Some(15));
    }

    let name = "kept.lab.example.";
    let set = RecordSet::simple(name, RecordKind::A, 5, ["10.0.0.1"]);
    zone(&process).await.compare_and_swap(name, &[], std::slice::from_ref(&set), "").await.unwrap();
    process.stop().await.unwrap();
    assert_eq!(process.found().await.unwrap(), Found::Absent);
    process.start().await.unwrap();
    assert_ne!(pid(&process), first);
    assert_eq!(zone(&process).await.sets_at(name).await.unwrap(), [set]);

    process.reset(&Seed { ttl: 9, ..Seed::default() }).await.unwrap();
    assert_eq!(zone(&process).await.sets_at(name).await.unwrap(), []);
    assert_eq!(lookup(process.place.dns, APP, RecordType::A).await.unwrap().ttl(), Some(9));
    process.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_one_is_begun_again_and_another_place_replaces_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = process(directory.path());
    process.start().await.unwrap();
    // Not by `kill`: a bare machine has no such program.
    let pid_of = i32::try_from(pid(&process)).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid_of), nix::sys::signal::Signal::SIGKILL).unwrap();
    process.start().await.unwrap();
    let second = pid(&process);
    process.place.dns = free([127, 0, 0, 1]);
    process.start().await.unwrap();
    assert_ne!(pid(&process), second);
    assert_eq!(lookup(process.place.dns, APP, RecordType::A).await.unwrap().ttl(), Some(15));
    process.stop().await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let process = process(directory.path());
    let _taken = std::net::TcpListener::bind(process.place.api).unwrap();
    let error = process.start().await.unwrap_err();
    assert!(error.next.unwrap().contains(&process.place.api.to_string()));
    assert_eq!(process.found().await.unwrap(), Found::Absent);
}
