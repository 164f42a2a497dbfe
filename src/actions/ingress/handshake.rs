//! A TLS handshake in the service's name at the load balancer's address, as a tenant's client would make it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::actions::{Reading, Result};
use crate::domain::Check;
use crate::services::http::{Caller, Request, Scheme, Target};
use crate::services::resolver;

/// How long a new load balancer may take until it passes connections on.
const PATIENCE: Duration = Duration::from_mins(3);
/// How often it is tried.
const AGAIN: Duration = Duration::from_secs(1);
/// A load balancer that is there accepts a connection sooner than this.
const CONNECT: Duration = Duration::from_secs(3);
const HTTPS: u16 = 443;

/// Shakes hands for the service's host at `address` (a host name or an IP address), until that works or
/// the patience is over.
pub(super) async fn look(cx: &Reading, address: &str) -> Result<Check> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let check = once(cx, address).await?;
        if !check.is_failed() || Instant::now() >= deadline {
            return Ok(check);
        }
        cx.check_cancelled()?;
        sleep(AGAIN).await;
    }
}

/// Waits until nothing accepts a connection at `address` any more, or nothing has that name; whether it came to
/// that within the patience.
pub(super) async fn gone(cx: &Reading, address: &str) -> Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let Ok(ip) = resolve(cx, address).await else { return Ok(true) };
        let connected = timeout(CONNECT, TcpStream::connect((ip, HTTPS))).await;
        if !matches!(connected, Ok(Ok(_))) {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        cx.check_cancelled()?;
        sleep(AGAIN).await;
    }
}

async fn once(cx: &Reading, address: &str) -> Result<Check> {
    let host = &cx.connections().service.host;
    let fact = format!("a TLS handshake for {host} at {address} succeeds");
    let ip = match resolve(cx, address).await {
        Ok(ip) => ip,
        Err(why) => return Ok(Check::failed(fact, why)),
    };
    let roots = match cx.connections().probe.as_ref().and_then(|probe| probe.ca.as_ref()) {
        Some(ca) => {
            let path = cx.path(ca);
            match tokio::fs::read(&path).await {
                Ok(pem) => Some(pem),
                Err(why) => return Ok(Check::failed(fact, format!("{}: {why}", path.display()))),
            }
        }
        None => None,
    };
    let target = Target { scheme: Scheme::Https, host: host.clone(), address: SocketAddr::new(ip, HTTPS), roots };
    let answer = match Caller::new(target) {
        Ok(caller) => caller.send(&Request::get("/")).await,
        Err(why) => Err(why),
    };
    Ok(match answer {
        // The service is not there yet: whatever is answered, the certificate was good for the name.
        Ok(answer) => Check::passed(fact, format!("certificate and name checked at {ip}, status {}", answer.status)),
        Err(why) => {
            let reason = why.why.as_ref().map(ToString::to_string).unwrap_or_default();
            Check::failed(fact, format!("{why}: {reason}"))
        }
    })
}

/// The address itself, or what the runbook's resolvers (or this machine's) say.
async fn resolve(cx: &Reading, address: &str) -> std::result::Result<IpAddr, String> {
    if let Ok(ip) = address.parse() {
        return Ok(ip);
    }
    let named: Vec<SocketAddr> = cx
        .connections()
        .dns
        .iter()
        .flat_map(|dns| dns.resolvers.iter().chain(&dns.servers))
        .filter_map(|server| server.parse().ok())
        .collect();
    let servers =
        if named.is_empty() { resolver::resolvers_of_this_machine().map_err(|why| why.to_string())? } else { named };
    let mut said = Vec::new();
    for server in servers {
        match resolver::addresses_of(server, address).await {
            Ok(found) => match found.addresses.first() {
                Some(ip) => return Ok(*ip),
                None => said.push(format!("{server} knows no address of {address}")),
            },
            Err(why) => said.push(why.to_string()),
        }
    }
    Err(said.join("; "))
}
