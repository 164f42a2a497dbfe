//! Asking DNS servers directly, one by one, so that each answer says who gave it and for how long.
//!
//! A verification of a DNS change asks the zone's authoritative servers, each for itself, and then the
//! resolvers that clients use. No cache lies in between: every call is a question on the wire, by UDP and
//! again by TCP where the answer was cut off. Addresses and ports are explicit; port 53 is nobody's default.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::tcp::TcpClientStream;
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::{DnsHandle, NetError};
use hickory_resolver::proto::op::{DnsRequestOptions, DnsResponse, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData};

pub use hickory_resolver::proto::rr::RecordType;

use crate::services::{Error, Kind, Result};

/// How long one server may take for one question.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longer chains of CNAMEs than this are a loop.
const LONGEST_CHAIN: usize = 8;

/// What a server said about the name itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The name exists; the records may still be none.
    Exists,
    /// No such name (NXDOMAIN).
    NoSuchName,
}

/// One record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whose record it is: further names of a CNAME chain stand in the same answer.
    pub name: String,
    /// Its type.
    pub kind: RecordType,
    /// How long it may be kept, in seconds.
    pub ttl: u32,
    /// Its value in the usual spelling.
    pub value: String,
}

/// One server's answer to one question, its CNAMEs followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who answered.
    pub server: SocketAddr,
    /// Whether the server spoke for the zone of the name that was asked for.
    pub authoritative: bool,
    /// Whether there is such a name.
    pub verdict: Verdict,
    /// The records, a chain's CNAMEs first.
    pub records: Vec<Record>,
    /// Where the chain ends in a name that this server does not know: somebody else must be asked for it.
    pub elsewhere: Option<String>,
}

impl Answer {
    /// How long the whole answer may be kept, in seconds: the shortest TTL in it.
    pub fn ttl(&self) -> Option<u32> {
        self.records.iter().map(|record| record.ttl).min()
    }

    /// The values of the records of one type.
    pub fn values(&self, kind: RecordType) -> BTreeSet<String> {
        self.records.iter().filter(|record| record.kind == kind).map(|record| record.value.clone()).collect()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.server)?;
        match (self.verdict, self.records.as_slice()) {
            (Verdict::NoSuchName, _) => write!(f, "no such name"),
            (Verdict::Exists, []) => write!(f, "no record of this type"),
            (Verdict::Exists, records) => {
                let told: Vec<String> = records
                    .iter()
                    .map(|record| format!("{} {} ({} s)", record.kind, record.value, record.ttl))
                    .collect();
                f.write_str(&told.join(", "))
            }
        }
    }
}

/// The addresses behind a name, as one server sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// All of both families.
    pub addresses: BTreeSet<IpAddr>,
    /// The shortest TTL on the way, in seconds; none where there is no address.
    pub ttl: Option<u32>,
    /// Whether the server spoke for the zone.
    pub authoritative: bool,
}

/// Asks `server` for the records of `kind` at `name`, following CNAMEs as far as this server knows them.
///
/// A refusal, a failure of the server or silence is an error ([`Kind::Transient`], refused:
/// [`Kind::Permanent`]); "no such name" and "no such record" are answers.
pub async fn lookup(server: SocketAddr, name: &str, kind: RecordType) -> Result<Answer> {
    let doing = format!("ask for {kind} {name}");
    let mut asked = parse(server, &doing, name)?;
    let mut answer =
        Answer { server, authoritative: false, verdict: Verdict::Exists, records: Vec::new(), elsewhere: None };
    for hop in 0..LONGEST_CHAIN {
        let reply = exchange(server, &asked, kind).await.map_err(|error| {
            fault(server, &doing, Kind::Transient)
                .because(error)
                .next("check that the server is up and reached from here")
        })?;
        match reply.response_code {
            ResponseCode::NoError => {}
            ResponseCode::NXDomain => answer.verdict = Verdict::NoSuchName,
            // Not its zone, and it does not ask others: what was gathered so far stands.
            ResponseCode::Refused if hop > 0 => {
                answer.elsewhere = Some(asked.to_string());
                return Ok(answer);
            }
            code => {
                let kind = if code == ResponseCode::Refused { Kind::Permanent } else { Kind::Transient };
                return Err(fault(server, &doing, kind)
                    .because(format!("it answered {code}"))
                    .next("check that this server answers for the zone, or for this machine"));
            }
        }
        if hop == 0 {
            answer.authoritative = reply.authoritative;
        }
        let mut end = asked.clone();
        for record in &reply.answers {
            if record.record_type() != kind && record.record_type() != RecordType::CNAME {
                continue;
            }
            if let RData::CNAME(target) = &record.data {
                end = target.0.clone();
            }
            answer.records.push(Record {
                name: record.name.to_string(),
                kind: record.record_type(),
                ttl: record.ttl,
                value: record.data.to_string(),
            });
        }
        let arrived = kind == RecordType::CNAME || reply.answers.iter().any(|record| record.record_type() == kind);
        if arrived || end == asked || answer.verdict == Verdict::NoSuchName {
            return Ok(answer);
        }
        asked = end;
    }
    Err(fault(server, &doing, Kind::Permanent)
        .because(format!("its chain of CNAMEs is longer than {LONGEST_CHAIN}"))
        .next("look for a loop in the zone"))
}

/// The addresses of both families behind `name`, as `server` answers now.
pub async fn addresses_of(server: SocketAddr, name: &str) -> Result<Addresses> {
    let (v4, v6) = tokio::try_join!(lookup(server, name, RecordType::A), lookup(server, name, RecordType::AAAA))?;
    let mut found =
        Addresses { addresses: BTreeSet::new(), ttl: None, authoritative: v4.authoritative && v6.authoritative };
    for answer in [&v4, &v6] {
        let addresses: Vec<IpAddr> = answer.records.iter().filter_map(|record| record.value.parse().ok()).collect();
        if !addresses.is_empty() {
            found.ttl = [found.ttl, answer.ttl()].into_iter().flatten().min();
        }
        found.addresses.extend(addresses);
    }
    Ok(found)
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.addresses.is_empty() {
            return f.write_str("no address");
        }
        let listed: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        f.write_str(&listed.join(", "))
    }
}

/// The addresses of a zone's name servers (`ns-1.example.`), found by asking the resolver `by`, each with
/// port 53. Every server of every name is given: each has to be asked for itself. One that has IPv4 is asked over that:
/// it is the same server, and not every machine reaches the other address.
pub async fn servers_named(names: &[String], by: SocketAddr) -> Result<Vec<SocketAddr>> {
    let mut servers = BTreeSet::new();
    for name in names {
        let addresses = reached_from_anywhere(addresses_of(by, name).await?.addresses);
        servers.extend(addresses.into_iter().map(|address| SocketAddr::new(address, 53)));
    }
    Ok(servers.into_iter().collect())
}

fn reached_from_anywhere(addresses: impl IntoIterator<Item = IpAddr>) -> Vec<IpAddr> {
    let (four, six): (Vec<IpAddr>, Vec<IpAddr>) = addresses.into_iter().partition(IpAddr::is_ipv4);
    if four.is_empty() { six } else { four }
}

/// The names of the servers that the rest of the world is told to ask for `zone`, found by asking `by`.
pub async fn name_servers_of(zone: &str, by: SocketAddr) -> Result<Vec<String>> {
    Ok(lookup(by, zone, RecordType::NS).await?.values(RecordType::NS).into_iter().collect())
}

/// The resolvers that this machine's programs ask.
pub fn resolvers_of_this_machine() -> Result<Vec<SocketAddr>> {
    let (config, _) = hickory_resolver::system_conf::read_system_conf().map_err(|error| {
        Error::new("DNS", "/etc/resolv.conf", "read this machine's resolvers", Kind::Permanent)
            .because(error)
            .next("name the resolvers to ask in the runbook")
    })?;
    let mut servers: Vec<SocketAddr> = Vec::new();
    for server in config.name_servers() {
        let port = server.connections.first().map_or(53, |connection| connection.port);
        let address = SocketAddr::new(server.ip, port);
        if !servers.contains(&address) {
            servers.push(address);
        }
    }
    Ok(servers)
}

fn parse(server: SocketAddr, doing: &str, name: &str) -> Result<Name> {
    let mut parsed = Name::from_utf8(name).map_err(|error| fault(server, doing, Kind::Permanent).because(error))?;
    // A search domain must never be tried: every name here is a whole one.
    parsed.set_fqdn(true);
    Ok(parsed)
}

async fn exchange(server: SocketAddr, name: &Name, kind: RecordType) -> std::result::Result<DnsResponse, NetError> {
    let query = Query::query(name.clone(), kind);
    let mut options = DnsRequestOptions::default();
    options.use_edns = true;
    let provider = TokioRuntimeProvider::default();
    let udp = UdpClientStream::builder(server, provider.clone()).with_timeout(Some(PATIENCE)).exchange();
    let reply = first(udp.lookup(query.clone(), options)).await?;
    if !reply.truncation {
        return Ok(reply);
    }
    let tcp = TcpClientStream::exchange(server, None, PATIENCE, None, provider).await?;
    first(tcp.lookup(query, options)).await
}

async fn first<S>(mut replies: S) -> std::result::Result<DnsResponse, NetError>
where
    S: futures_util::Stream<Item = std::result::Result<DnsResponse, NetError>> + Unpin,
{
    replies.next().await.unwrap_or(Err(NetError::Timeout))
}

fn fault(server: SocketAddr, doing: &str, kind: Kind) -> Error {
    Error::new("DNS server", server.to_string(), doing, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_with_both_is_asked_over_ipv4_and_one_without_over_what_it_has() {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        let both = addresses(&["2600:9000:5300::1", "205.251.192.1"]);
        assert_eq!(reached_from_anywhere(both), addresses(&["205.251.192.1"]));
        let six = addresses(&["2600:9000:5300::1"]);
        assert_eq!(reached_from_anywhere(six.clone()), six);
    }
}
