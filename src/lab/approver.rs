//! The second person of a rehearsal: `runbooks/rehearsal.toml` names one whose key the lab makes, so that the gate
//! which wants somebody else's signature is passed in a rehearsal as it is in production.
//!
//! The key comes from a seed that everybody can read here: it opens gates of the lab, and of nothing else.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{HashAlg, LineEnding, PrivateKey};

use super::files;
use super::site::fault;
use crate::domain::approval::{Approval, NAMESPACE, Statement};
use crate::domain::{Failure, RunId, StepId};
use crate::services::Result;

/// Their name in `runbooks/rehearsal.toml`.
pub const NAME: &str = "lab-dba";

/// The key's file among the lab's secrets, for `cutover approve --key`.
pub const KEY: &str = "approver";

/// How long one of their approvals is good.
const GOOD: SignedDuration = SignedDuration::from_mins(10);

/// Puts the key where `cutover approve` and `ssh-keygen` can use it.
pub(super) fn ensure(secrets: &Path) -> Result<()> {
    let path = secrets.join(KEY);
    let text = key().and_then(|key| key.to_openssh(LineEnding::LF));
    let text = text.map_err(|why| fault(&path, "make the approver's key").because(why))?;
    files::write(&path, text.as_bytes(), 0o600).map_err(|why| fault(&path, "keep it").because(why))
}

/// Their approval of a preview, good for a while from that moment on.
///
/// # Errors
/// Permanent: it could not be signed.
pub fn approves(
    run: RunId,
    step: StepId,
    attempt: u32,
    digest: String,
    now: Timestamp,
) -> std::result::Result<Approval, Failure> {
    let expires = now.saturating_add(GOOD).unwrap_or(now);
    // Whole seconds, as in its text.
    let expires = Timestamp::from_second(expires.as_second()).unwrap_or(expires);
    let statement = Statement { run, step, attempt, digest, expires };
    let signed = key().and_then(|key| key.sign(NAMESPACE, HashAlg::Sha512, statement.to_string().as_bytes()));
    let signature = signed.and_then(|signature| signature.to_pem(LineEnding::LF));
    let fault = |why: ssh_key::Error| Failure::permanent("sign as the lab's approver").because(why.to_string());
    Ok(Approval { statement, by: NAME.to_owned(), signature: signature.map_err(fault)? })
}

fn key() -> ssh_key::Result<PrivateKey> {
    let pair = Ed25519Keypair::from_seed(b"cutover: the lab's own approver.");
    PrivateKey::new(KeypairData::Ed25519(pair), NAME)
}
