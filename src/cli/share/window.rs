//! The page beside an engine: `--share ADDR` of `drive` and `engine`.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::domain::approval::Approval;
use crate::domain::{Failure, Preview, StepId};
use crate::protocol::order::Message;
use crate::protocol::view::View;
use crate::server::{Outlook, Server};
use crate::services::stderr;
use crate::share::{self, Certificate, Ear, Said, Share};

/// The page's address, as the engine that serves it wrote it down.
const FILE: &str = "share.url";

/// Where the page is served.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct WindowArgs {
    /// Serve the run as a web page at this address; `cutover share` gives people their links.
    #[arg(long, value_name = "ADDRESS:PORT")]
    share: Option<SocketAddr>,
    /// The page's certificate, PEM; with --share-key.
    #[arg(long, value_name = "FILE", requires_all = ["share", "share_key"])]
    share_cert: Option<PathBuf>,
    /// The certificate's private key, PEM.
    #[arg(long, value_name = "FILE", requires = "share_cert")]
    share_key: Option<PathBuf>,
    /// Serve the page without encryption on an address that others reach.
    #[arg(long, requires = "share")]
    insecure_share: bool,
}

impl Ear for Outlook {
    fn views(&self) -> watch::Receiver<Option<Arc<View>>> {
        self.views()
    }

    fn looks_on(&self, name: &str) -> Box<dyn Send + Sync> {
        Box::new(self.looks_on(name))
    }

    fn preview<'a>(&'a self, step: &'a StepId) -> BoxFuture<'a, Result<Preview, Failure>> {
        Box::pin(self.preview(step))
    }

    fn say(&self, by: &str, said: Said) -> Result<(), Failure> {
        let message = match said {
            Said::Note(text) => Message::Note { text },
            Said::Hand(text) => Message::RaiseHand { text },
        };
        self.say(by, message)
    }

    fn approve(&self, approval: Approval) -> Result<(), Failure> {
        self.approve(approval)
    }
}

impl WindowArgs {
    /// The words that hand them on to an engine.
    pub(in crate::cli) fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(address) = self.share {
            words.extend(["--share".into(), address.to_string().into()]);
        }
        for (name, file) in [("--share-cert", &self.share_cert), ("--share-key", &self.share_key)] {
            words.extend(file.iter().flat_map(|file| [name.into(), file.into()]));
        }
        if self.insecure_share {
            words.push("--insecure-share".into());
        }
        words
    }

    /// What to tell where an engine runs already: that it serves something else than is asked for, or what that means.
    pub(in crate::cli) fn compare(&self, directory: &Path) -> Option<String> {
        let served = served(directory);
        if served.as_deref() == Some(&self.url(self.share?)) {
            return self.warning();
        }
        let where_it_is = served.map_or_else(|| "shares no page".to_owned(), |url| format!("shares its page at {url}"));
        Some(format!("the engine runs already and {where_it_is}: end it and start it again with --share"))
    }

    fn url(&self, address: SocketAddr) -> String {
        let scheme = if self.share_cert.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}/")
    }

    /// Opens the window onto an engine, where one is asked for.
    pub(in crate::cli) async fn open(&self, server: &Server, directory: &Path) -> Result<Option<Share>, Failure> {
        // An engine that was killed took its address away from nobody.
        let _ = fs::remove_file(directory.join(FILE));
        let Some(address) = self.share else { return Ok(None) };
        let certificate = self.share_cert.clone().zip(self.share_key.clone());
        let options = share::Options {
            directory: directory.to_path_buf(),
            address,
            certificate: certificate.map(|(chain, key)| Certificate { chain, key }),
            insecure: self.insecure_share,
        };
        let share = share::start(Arc::new(server.outlook()), options).await?;
        let url = self.url(share.address());
        // Only for `cutover share` to print whole links.
        let _ = fs::write(directory.join(FILE), format!("{url}\n"));
        self.announce();
        if let Some(warning) = self.warning() {
            stderr::line(&format!("WARNING: {warning}"));
        }
        Ok(Some(share))
    }

    /// Says on this terminal where the page will be: the engine has none.
    pub(in crate::cli) fn announce(&self) {
        if let Some(address) = self.share {
            stderr::line(&format!("sharing the page at {}", self.url(address)));
        }
    }

    /// What it means to share without encryption. The seat shows it too: it covers what stood on the terminal before.
    pub(in crate::cli) fn warning(&self) -> Option<String> {
        let address = self.share.filter(|address| self.share_cert.is_none() && !address.ip().is_loopback())?;
        let url = self.url(address);
        Some(format!(
            "THE PAGE IS SHARED WITHOUT ENCRYPTION at {url}: whoever is on the way reads it, and can use its links"
        ))
    }
}

/// Closes the window, if one is open.
pub(in crate::cli) async fn close(share: Option<Share>, directory: &Path) {
    if let Some(share) = share {
        let _ = fs::remove_file(directory.join(FILE));
        share.stop().await;
    }
}

/// Where the engine of that state directory serves its page, if it does.
fn served(directory: &Path) -> Option<String> {
    let text = fs::read_to_string(directory.join(FILE)).ok()?;
    Some(text.trim().to_owned()).filter(|url| !url.is_empty())
}

/// The same, where it is an address that somebody can go to: none that stands for all of a machine's.
pub(super) fn url(directory: &Path) -> Option<String> {
    served(directory).filter(|url| !url.contains("//0.0.0.0:") && !url.contains("//[::]:"))
}
