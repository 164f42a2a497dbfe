//! The listener: where the page is served, with or without encryption.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::TcpUserTimeout;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use crate::domain::Failure;
use crate::protocol::serving::Door;

/// How long what was sent may wait to be taken, in milliseconds.
const UNREAD_MS: u32 = 15_000;

/// Files in PEM that prove an address to browsers.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate, and those up to its authority.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A bound listener.
pub(super) struct Listener {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

/// Binds the address; where it really is, should the port have been 0.
pub(super) async fn bind(at: SocketAddr, certificate: Option<&Certificate>) -> Result<(Listener, SocketAddr), Failure> {
    let tls = certificate.map(acceptor).transpose()?;
    let fault = |why: std::io::Error| {
        Failure::permanent(format!("listen on {at} for the page"))
            .because(why.to_string())
            .next("is something else listening there? give another port with --share")
    };
    let listener = TcpListener::bind(at).await.map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    Ok((Listener { listener, tls }, address))
}

fn acceptor(Certificate { chain, key }: &Certificate) -> Result<TlsAcceptor, Failure> {
    let fault = |why: String| {
        Failure::permanent(format!("use the certificate {} with the key {}", chain.display(), key.display()))
            .because(why)
            .next("both are PEM; the certificate of the address comes first, then those up to its authority")
    };
    let certificates = CertificateDer::pem_file_iter(chain).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = certificates.map_err(|why| fault(why.to_string()))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|why| fault(why.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|why| fault(why.to_string()))?.with_no_client_auth();
    let config = config.with_single_cert(certificates, private).map_err(|why| fault(why.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl Door for Listener {
    type Raw = TcpStream;
    type Stream = Either<Box<TlsStream<TcpStream>>, TcpStream>;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.listener.accept().await?;
        // A browser that is gone, or reads nothing, keeps no place.
        let _ = setsockopt(&stream, TcpUserTimeout, &UNREAD_MS);
        Ok(stream)
    }

    async fn greet(&self, raw: TcpStream) -> io::Result<Self::Stream> {
        match &self.tls {
            Some(tls) => Ok(Either::Left(Box::new(tls.accept(raw).await?))),
            None => Ok(Either::Right(raw)),
        }
    }
}
