//! Where a MySQL server is, and how to log in there.

use std::path::PathBuf;
use std::time::Duration;

use mysql_async::{Opts, OptsBuilder, SslOpts};
use secrecy::{ExposeSecret, SecretString};

use crate::services::error::{Error, Kind, Result};

/// A server, an account on it, and what a reader calls it. Its password shows in no output.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// In a reader's words: `source MySQL`.
    pub label: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Account name.
    pub user: String,
    /// Its password.
    pub password: SecretString,
    /// The default schema of its sessions.
    pub database: Option<String>,
    /// How the connection is protected.
    pub tls: Tls,
    /// The UUID that the server has to have, where it is known: no session is had of another one.
    pub identity: Option<String>,
}

/// How a connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// In clear.
    Off,
    /// Encrypted where the server offers it, unchecked.
    Preferred,
    /// Encrypted; with an authority's file (PEM) the certificate is checked, but not the name in it.
    Required {
        /// The authority.
        ca: Option<PathBuf>,
    },
    /// Encrypted, certificate and name checked against this authority, or the built-in ones.
    VerifyIdentity {
        /// The authority.
        ca: Option<PathBuf>,
    },
}

/// The client's limit for one packet: the protocol's own, since a row may be as large as the server lets it.
const LARGEST_PACKET: usize = 1 << 30;

impl Endpoint {
    /// Host and port, as errors show them.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// A fault of this server.
    #[must_use]
    pub fn error(&self, doing: impl Into<String>, kind: Kind) -> Error {
        Error::new(self.label.clone(), self.address(), doing, kind)
    }

    /// Refuses a server with this UUID, if another one is known to be here.
    pub(super) fn recognise(&self, uuid: &str) -> Result<()> {
        match &self.identity {
            Some(known) if !known.eq_ignore_ascii_case(uuid) => Err(self
                .error("recognise it as the server that this run began with", Kind::Conflict)
                .because(format!("it was {known}, and is {uuid} now"))
                .next("put the runbook's address back, or begin a new run")),
            _ => Ok(()),
        }
    }

    /// The driver's options; `encrypted` says whether TLS is asked for.
    pub(super) fn options(&self, encrypted: bool, purpose: &str) -> Opts {
        let builder = OptsBuilder::default()
            .ip_or_hostname(self.host.clone())
            .tcp_port(self.port)
            .user(Some(self.user.clone()))
            .pass(Some(self.password.expose_secret().to_owned()))
            .db_name(self.database.clone())
            .prefer_socket(false)
            .tcp_keepalive(Some(Duration::from_secs(20)))
            .stmt_cache_size(0)
            .max_allowed_packet(Some(LARGEST_PACKET))
            .connect_attribute("program_name", "cutover")
            .connect_attribute("cutover_purpose", purpose);
        builder.ssl_opts(if encrypted { self.ssl() } else { None }).into()
    }

    fn ssl(&self) -> Option<SslOpts> {
        let anything =
            || SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true);
        let roots =
            |ssl: SslOpts, ca: &PathBuf| ssl.with_root_certs(vec![ca.clone().into()]).with_disable_built_in_roots(true);
        match &self.tls {
            Tls::Off => None,
            Tls::Preferred | Tls::Required { ca: None } => Some(anything()),
            Tls::Required { ca: Some(ca) } => {
                Some(roots(SslOpts::default().with_danger_skip_domain_validation(true), ca))
            }
            Tls::VerifyIdentity { ca: Some(ca) } => Some(roots(SslOpts::default(), ca)),
            Tls::VerifyIdentity { ca: None } => Some(SslOpts::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_server_at_a_known_address_is_refused_and_named() {
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        let endpoint = |identity: Option<&str>| Endpoint {
            label: "source MySQL".to_owned(),
            host: "rev1".to_owned(),
            port: 3306,
            user: "admin".to_owned(),
            password: "pw".into(),
            database: None,
            tls: Tls::Off,
            identity: identity.map(str::to_owned),
        };
        assert!(endpoint(None).recognise(uuid).is_ok(), "first contact");
        assert!(endpoint(Some(&uuid.to_uppercase())).recognise(uuid).is_ok());
        let refused = endpoint(Some("another")).recognise(uuid).unwrap_err();
        assert_eq!(refused.kind, Kind::Conflict);
        assert!(refused.why.is_some_and(|why| why.to_string().contains(uuid)));
    }
}
