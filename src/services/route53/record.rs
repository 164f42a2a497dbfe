//! A resource record set as a plain value.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::compare::canonical_name;

/// The type of a record. Types this program gives a meaning to are named; the others keep their word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum RecordKind {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Another name for this name; nothing else may stand beside it.
    Cname,
    /// The zone's name servers, or a delegation.
    Ns,
    /// The zone's start of authority.
    Soa,
    /// Text: ownership marks among others.
    Txt,
    /// Service binding for HTTPS; may carry address hints.
    Https,
    /// Any other type, by its word in capitals: `MX`, `CAA`, `SRV`.
    Other(String),
}

impl RecordKind {
    /// The type's word in capitals, as Route 53 and DNS spell it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Ns => "NS",
            Self::Soa => "SOA",
            Self::Txt => "TXT",
            Self::Https => "HTTPS",
            Self::Other(word) => word,
        }
    }

    /// Whether a set of this type says where a service is: A, AAAA or CNAME.
    pub fn is_address(&self) -> bool {
        matches!(self, Self::A | Self::Aaaa | Self::Cname)
    }
}

impl From<String> for RecordKind {
    fn from(word: String) -> Self {
        word.as_str().into()
    }
}

impl From<&str> for RecordKind {
    fn from(word: &str) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "A" => Self::A,
            "AAAA" => Self::Aaaa,
            "CNAME" => Self::Cname,
            "NS" => Self::Ns,
            "SOA" => Self::Soa,
            "TXT" => Self::Txt,
            "HTTPS" => Self::Https,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<RecordKind> for String {
    fn from(kind: RecordKind) -> Self {
        kind.as_str().to_owned()
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an alias set points: to a set or a load balancer that Route 53 itself resolves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The hosted zone of the target: the load balancer's own, or this zone's for a set in it.
    pub zone_id: String,
    /// The target's name.
    pub dns_name: String,
    /// Whether Route 53 looks at the target's health before answering.
    pub evaluate_health: bool,
}

/// What a set answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Values of its own.
    Values {
        /// How long a resolver may keep the answer, in seconds.
        ttl: u32,
        /// The values as Route 53 stores them.
        values: Vec<String>,
    },
    /// Whatever the target answers, with the target's TTL.
    Alias(Alias),
}

/// Why one of several sets of a name and type is chosen. Simple sets have none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// In proportion to a weight, 0 to 255.
    Weighted(i64),
    /// The region with the lowest latency to the client.
    Latency(String),
    /// `PRIMARY` or `SECONDARY`.
    Failover(String),
    /// By where the client is.
    Geolocation {
        /// Two letters, or none.
        continent: Option<String>,
        /// Two letters, or none.
        country: Option<String>,
        /// A state's code, or none.
        subdivision: Option<String>,
    },
    /// By the distance to the client.
    Geoproximity {
        /// An AWS region, or none.
        region: Option<String>,
        /// A local zone group, or none.
        local_zone_group: Option<String>,
        /// Latitude and longitude as given, or none.
        coordinates: Option<(String, String)>,
        /// From -99 to 99, or none.
        bias: Option<i32>,
    },
    /// By the client's network.
    Cidr {
        /// The collection's id.
        collection: String,
        /// The location's name in it.
        location: String,
    },
    /// Up to eight healthy sets at once.
    Multivalue(bool),
}

/// One resource record set, with everything that it may carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// Fully qualified, in lower case, with the dot at its end: `app.lab.example.`
    pub name: String,
    /// Its type.
    pub kind: RecordKind,
    /// What it answers with.
    pub body: Body,
    /// Tells sets of the same name and type apart; simple sets have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_identifier: Option<String>,
    /// Why this set is chosen among its siblings; simple sets have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// The health check that must pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<String>,
    /// The traffic policy instance that made this set and owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic_policy_instance: Option<String>,
}

impl RecordSet {
    /// A simple set with values of its own; `ttl` in seconds.
    pub fn simple<V: Into<String>>(
        name: &str,
        kind: RecordKind,
        ttl: u32,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self::with_body(name, kind, Body::Values { ttl, values })
    }

    /// A simple alias set.
    pub fn alias(name: &str, kind: RecordKind, alias: Alias) -> Self {
        Self::with_body(name, kind, Body::Alias(alias))
    }

    fn with_body(name: &str, kind: RecordKind, body: Body) -> Self {
        Self {
            name: canonical_name(name),
            kind,
            body,
            set_identifier: None,
            policy: None,
            health_check: None,
            traffic_policy_instance: None,
        }
    }

    /// Its own TTL in seconds; an alias has none.
    pub fn ttl(&self) -> Option<u32> {
        match &self.body {
            Body::Values { ttl, .. } => Some(*ttl),
            Body::Alias(_) => None,
        }
    }

    /// The longest that an answer with an address of these may be kept, in seconds; none where all are aliases.
    pub fn longest_ttl(sets: &[Self]) -> Option<u32> {
        sets.iter().filter(|set| set.kind.is_address()).filter_map(Self::ttl).max()
    }

    /// Whether it stands alone for its name and type, chosen by nothing but the question.
    pub fn is_simple(&self) -> bool {
        self.set_identifier.is_none() && self.policy.is_none()
    }

    /// What tells this set from every other set of its zone.
    pub fn key(&self) -> (String, RecordKind, Option<String>) {
        (canonical_name(&self.name), self.kind.clone(), self.set_identifier.clone())
    }
}

impl fmt::Display for RecordSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.kind)?;
        if let Some(identifier) = &self.set_identifier {
            write!(f, " [{identifier}]")?;
        }
        match &self.body {
            Body::Values { ttl, values } => write!(f, " {} (TTL {ttl} s)", values.join(" ")),
            Body::Alias(alias) => write!(f, " alias to {} in {}", alias.dns_name, alias.zone_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_survives_a_journal_with_all_it_carries() {
        let mut set = RecordSet::alias(
            "app.x",
            RecordKind::Aaaa,
            Alias { zone_id: "Z1".into(), dns_name: "lb.y.".into(), evaluate_health: true },
        );
        set.set_identifier = Some("blue".into());
        set.policy = Some(Policy::Geoproximity {
            region: None,
            local_zone_group: None,
            coordinates: Some(("1.5".into(), "2".into())),
            bias: Some(-3),
        });
        set.health_check = Some("hc".into());
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<RecordSet>(&text).unwrap(), set);
    }
}
