//! A Route 53 stand-in of a test's own, and the clients to talk to it.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::net::{Ipv4Addr, SocketAddr};

use aws_sdk_route53::config::retry::RetryConfig;
use aws_sdk_route53::config::{BehaviorVersion, Credentials, Region};
use cutover::lab::route53::{Manners, Options, Seed, Standin, ZONE_ID, launch};
use cutover::services::route53::{Access, Route53, Zone};
use secrecy::SecretString;

pub const ACCESS_KEY: &str = "AKIDOFTHETEST";
pub const SECRET: &str = "a-secret-of-the-test";
pub const APP: &str = "app.lab.example.";

pub struct Lab {
    pub standin: Standin,
    pub directory: tempfile::TempDir,
}

pub const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub fn options(directory: &std::path::Path, manners: Manners) -> Options {
    Options {
        api: ANY_PORT,
        dns: vec![ANY_PORT],
        later: vec![],
        directory: directory.to_owned(),
        seed: Seed::default(),
        manners,
        keys: (ACCESS_KEY.to_owned(), SECRET.into()),
    }
}

impl Lab {
    pub async fn start() -> Self {
        Self::with(Manners::default()).await
    }

    pub async fn with(manners: Manners) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let standin = launch(options(directory.path(), manners)).await.unwrap();
        Self { standin, directory }
    }

    pub fn dns(&self) -> SocketAddr {
        self.standin.dns[0]
    }

    /// The section of a runbook beside which its directory is, with the credentials that it refers to.
    pub fn section(&self) -> String {
        let beside = self.directory.path();
        std::fs::write(beside.join("id"), ACCESS_KEY).unwrap();
        std::fs::write(beside.join("secret"), SECRET).unwrap();
        let (dns, endpoint) = (self.dns(), self.standin.endpoint());
        format!(
            r#"[dns]
zone = "{ZONE_ID}"
record = "app.lab.example"
servers = ["{dns}"]
resolvers = ["{dns}"]
endpoint = "{endpoint}"
credentials = {{ id = {{ file = "id" }}, secret = {{ file = "secret" }} }}
"#
        )
    }

    /// The adapter under test.
    pub async fn route53(&self) -> Route53 {
        connect(&self.standin.endpoint(), SECRET).await
    }

    pub async fn zone(&self) -> Zone {
        self.route53().await.zone(ZONE_ID, APP).await.unwrap()
    }

    /// AWS's own client, for what the adapter never sends.
    pub fn raw(&self) -> aws_sdk_route53::Client {
        let config = aws_sdk_route53::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(self.standin.endpoint())
            .retry_config(RetryConfig::disabled())
            .credentials_provider(Credentials::new(ACCESS_KEY, SECRET, None, None, "test"))
            .build();
        aws_sdk_route53::Client::from_conf(config)
    }
}

pub async fn connect(endpoint: &str, secret: &str) -> Route53 {
    let keys = Some((ACCESS_KEY.to_owned(), SecretString::from(secret)));
    Route53::connect(Access { endpoint: Some(endpoint.to_owned()), region: None, keys }).await
}
