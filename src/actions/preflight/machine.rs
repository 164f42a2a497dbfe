//! This machine: room for the snapshots, the secrets that the steps will ask for, the certificate.

use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use secrecy::ExposeSecret as _;

use super::book::{Book, ahead, mebibytes};
use crate::actions::{Reading, servers};
use crate::domain::finding::{Finding, Topic};
use crate::domain::runbook::{ActionSpec, Connections};
use crate::domain::{Failure, SecretRef};
use crate::services::mysql::Session;
use crate::services::mysql::table::read_tables;

/// Left free beside the snapshots, for the journal and everybody else.
pub(in crate::actions) const RESERVE: u64 = 512 << 20;

pub(super) async fn ask(cx: &Reading) -> Vec<Finding> {
    let mut book = Book::of("this machine");
    secrets(cx, &mut book).await;
    disk(cx, &mut book).await;
    certificate(cx, &mut book).await;
    book.close()
}

/// Each reference is followed now, so that none is found broken in the middle of the week.
async fn secrets(cx: &Reading, book: &mut Book) {
    let mut asked: Vec<SecretRef> = Vec::new();
    for reference in references(cx.connections()) {
        if !asked.contains(&reference) {
            asked.push(reference);
        }
    }
    let count = asked.len();
    let mut broken = 0;
    for reference in asked {
        if let Err(failure) = cx.secret(&reference).await {
            broken += 1;
            book.fault(Topic::Access, format!("the secret in {reference} can be read"), failure);
        }
    }
    if broken == 0 && count > 0 {
        book.fact(Topic::Access, "every secret of the runbook can be read")
            .seen(format!("{count} references"))
            .holds(true);
    }
}

fn references(connections: &Connections) -> Vec<SecretRef> {
    let mut found = Vec::new();
    if let Some(source) = &connections.source {
        found.extend([&source.application.password, &source.mysql.password, &source.mysql.replication.password]);
    }
    if let Some(target) = &connections.target {
        found.extend([&target.application.password, &target.mysql.password, &target.mysql.replication.password]);
    }
    found.extend(connections.registry.iter().filter_map(|registry| registry.account.as_ref()).map(|it| &it.password));
    if let Some(keys) = connections.dns.as_ref().and_then(|dns| dns.credentials.as_ref()) {
        found.extend([&keys.id, &keys.secret]);
    }
    found.into_iter().cloned().collect()
}

/// The snapshots that are still ahead, counted uncompressed: they are smaller, and nobody knows how much.
async fn disk(cx: &Reading, book: &mut Book) {
    let snapshots = [
        ahead(cx, |action| matches!(action, ActionSpec::Snapshot(_))),
        ahead(cx, |action| matches!(action, ActionSpec::Restore(_))),
    ];
    let ahead = snapshots.iter().flatten().count() as u64;
    if ahead == 0 {
        return;
    }
    let place = existing(&cx.directory());
    let fact = format!("{} has room for the snapshots that are still ahead", place.display());
    // A source that cannot be asked is a finding of its own, by whoever asks it.
    let Ok(size) = size_of_source(cx).await else { return };
    let wanted = size * ahead + RESERVE;
    match free(&place) {
        Ok(free) => book
            .fact(Topic::Disk, fact)
            .seen(format!("{} free", mebibytes(free)))
            .limit(format!(
                "{}: {ahead} x {} of rows before compression, and {} in reserve",
                mebibytes(wanted),
                mebibytes(size),
                mebibytes(RESERVE)
            ))
            .fix(format!(
                "free {} there, or keep the run elsewhere: --state DIR",
                mebibytes(wanted.saturating_sub(free))
            ))
            .holds(free >= wanted),
        Err(failure) => book.fault(Topic::Disk, fact, failure),
    }
}

async fn size_of_source(cx: &Reading) -> crate::actions::Result<u64> {
    let mut session = Session::open(&servers::source(cx).await?).await?;
    let tables = read_tables(&mut session, &cx.source()?.schemas).await?;
    Ok(tables.iter().map(|table| table.estimated_bytes).sum())
}

/// What an ordinary user may still write there, in bytes.
pub(in crate::actions) fn free(place: &Path) -> Result<u64, Failure> {
    let seen = statvfs(place).map_err(|why| {
        Failure::permanent(format!("ask for the free space at {}", place.display())).because(why.to_string())
    })?;
    Ok(seen.blocks_available().saturating_mul(seen.fragment_size()))
}

/// The nearest directory above that is there already.
pub(in crate::actions) fn existing(path: &Path) -> PathBuf {
    path.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

/// The ingress's certificate: for this host, and with its own key.
async fn certificate(cx: &Reading, book: &mut Book) {
    let ingress = cx.plan().runbook.steps.iter().find_map(|step| match &step.action {
        ActionSpec::Ingress(ingress) => Some(ingress),
        _ => None,
    });
    let Some(ingress) = ingress else { return };
    let host = cx.connections().service.host.clone();
    let fact = format!("the ingress's certificate is for {host}, and its key is its own");
    let (chain, key) = match (cx.secret(&ingress.certificate).await, cx.secret(&ingress.key).await) {
        (Ok(chain), Ok(key)) => (chain, key),
        (Err(failure), _) | (_, Err(failure)) => return book.fault(Topic::Access, fact, failure),
    };
    let fits = fits(chain.expose_secret().as_bytes(), key.expose_secret().as_bytes(), &host);
    let fact = book
        .fact(Topic::Access, fact)
        .fix("give `certificate` the chain in PEM, server first, and `key` its key in PEM");
    match fits {
        Ok(links) => fact.seen(format!("a chain of {links}")).holds(true),
        Err(why) => fact.seen(why).holds(false),
    }
}

fn fits(chain: &[u8], key: &[u8], host: &str) -> Result<usize, String> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|why| format!("the certificate is not PEM: {why}"))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| "the key is not PEM".to_owned())?;
    let first = chain.first().ok_or("the certificate file holds no certificate")?;
    let parsed = rustls::server::ParsedCertificate::try_from(first)
        .map_err(|why| format!("the certificate cannot be read: {why}"))?;
    let name = ServerName::try_from(host).map_err(|why| format!("{host} is not a host name: {why}"))?;
    rustls::client::verify_server_name(&parsed, &name).map_err(|why| why.to_string())?;
    let links = chain.len();
    let provider = rustls::crypto::ring::default_provider();
    rustls::sign::CertifiedKey::from_der(chain, key, &provider)
        .map_err(|why| format!("certificate and key do not belong together: {why}"))?;
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_certificate_for_another_name_or_with_another_key_does_not_fit() {
        let made = rcgen::generate_simple_self_signed(["app.example".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["app.example".to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        assert_eq!(fits(chain.as_bytes(), key.as_bytes(), "app.example"), Ok(1));
        assert!(fits(chain.as_bytes(), key.as_bytes(), "www.example").is_err());
        let stranger = other.signing_key.serialize_pem();
        assert!(fits(chain.as_bytes(), stranger.as_bytes(), "app.example").unwrap_err().contains("do not belong"));
    }
}
