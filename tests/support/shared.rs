//! An engine that shares its page: where, and a link to it for anybody.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::net::TcpListener;

use cutover::protocol::client::Client;
use serde_json::Value;

use crate::attached::Bench;

/// A port that nobody listens at now, the same after a restart.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts the engine with its page at that port of loopback.
pub async fn start(bench: &mut Bench, port: u16) -> Client {
    bench.start_saying(&["--share", &format!("127.0.0.1:{port}")]).await
}

/// A link for that person, as `cutover share` prints it.
pub fn link(bench: &Bench, name: &str) -> String {
    let output = bench.command("share").args([name, "--json"]).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    said["link"].as_str().unwrap().to_owned()
}

/// The token in a link's fragment.
pub fn token(link: &str) -> &str {
    link.split_once("/#").unwrap().1
}
