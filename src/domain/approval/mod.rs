//! Approvals: somebody other than the driver has seen a step's preview, and signed it with an SSH key.
//!
//! What is signed is a short text that names the run, the step, the attempt, the preview's digest and an end.
//! The signature is OpenSSH's own form (SSHSIG), so an agent, a hardware key and `ssh-keygen -Y sign` make it,
//! and anybody can verify it with `ssh-keygen -Y verify`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ssh_key::{Fingerprint, HashAlg, PublicKey, SshSig};

use super::failure::Failure;
use super::ids::{RunId, StepId};
use super::plan::Plan;
use super::runbook::{Person, Step};

/// SSHSIG's namespace: a signature made for anything else is not an approval.
pub const NAMESPACE: &str = "cutover-approval";

/// What an approver says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepId,
    /// The attempt that may start with it.
    pub attempt: u32,
    /// The digest of the preview that was looked at.
    pub digest: String,
    /// It is good until then.
    pub expires: Timestamp,
}

/// A statement with its signature, as sent and journalled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// What is approved.
    #[serde(flatten)]
    pub statement: Statement,
    /// Who approves: a name among the runbook's people.
    pub by: String,
    /// The signature, in OpenSSH's armour.
    pub signature: String,
}

/// What a gate wants of somebody other than the driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The role of the people who may give it.
    pub role: String,
}

impl fmt::Display for Statement {
    /// The text that is signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, step, attempt, digest, expires } = self;
        writeln!(
            f,
            "cutover approval 1\nrun: {run}\nstep: {step}\nattempt: {attempt}\ndigest: {digest}\nexpires: {expires}"
        )
    }
}

impl FromStr for Statement {
    type Err = Failure;

    /// Reads the text that is signed; nothing but exactly that.
    fn from_str(text: &str) -> Result<Self, Failure> {
        let read = || {
            let mut lines = text.lines().skip(1);
            let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(": ");
            let (run, step) = (RunId(field("run")?.to_owned()), StepId::from(field("step")?));
            let (attempt, digest) = (field("attempt")?.parse().ok()?, field("digest")?.to_owned());
            let statement = Self { run, step, attempt, digest, expires: field("expires")?.parse().ok()? };
            Some(statement).filter(|statement| statement.to_string() == text)
        };
        read().ok_or_else(|| {
            Failure::refused("this is not the text of an approval, to the letter")
                .next("`cutover approve RUNBOOK STEP --request FILE` writes it; what is signed is not edited")
        })
    }
}

impl Approval {
    /// Whether a person of this runbook signed exactly this; the fingerprint of the key.
    ///
    /// # Errors
    /// Refused: nobody of that name, not their key, or a signature of something else.
    pub fn verify(&self, plan: &Plan) -> Result<Fingerprint, Failure> {
        let person = plan.runbook.people.iter().find(|person| person.name == self.by);
        let person = person.ok_or_else(|| self.refused(format!("{} is not among the runbook's people", self.by)))?;
        let key = key(person)?;
        let signature: SshSig =
            self.signature.parse().map_err(|why| self.refused(format!("no SSH signature: {why}")))?;
        key.verify(NAMESPACE, self.statement.to_string().as_bytes(), &signature)
            .map_err(|_| self.refused(format!("the signature is not {}'s, or is of something else", self.by)))?;
        Ok(key.fingerprint(HashAlg::Sha256))
    }

    fn refused(&self, why: String) -> Failure {
        Failure::refused(format!("the approval of `{}` by {} is not taken", self.statement.step, self.by))
            .because(why)
            .next("look at the preview again and sign it with the key that the runbook names: `cutover approve`")
    }
}

/// A person's key as the runbook has it.
fn key(person: &Person) -> Result<PublicKey, Failure> {
    let Some(key) = &person.key else {
        return Err(Failure::refused(format!("the runbook has no SSH public key of {}", person.name)));
    };
    key.parse().map_err(|why| Failure::refused(format!("the SSH public key of {}: {why}", person.name)))
}

/// Whether a step has the approval that its gate wants, for this preview, now.
///
/// # Errors
/// Refused: nobody with the role approved it, only the driver did, the preview is another, or it is too old.
pub fn given<'a>(
    plan: &Plan,
    step: &Step,
    approvals: impl IntoIterator<Item = &'a Approval>,
    (attempt, digest, driver, now): (u32, &str, &str, Timestamp),
) -> Result<(), Failure> {
    let Some(wanted) = &step.gate.approval else { return Ok(()) };
    let mut why = format!("nobody with the role `{}` has approved attempt {attempt}", wanted.role);
    for approval in approvals.into_iter().filter(|approval| approval.statement.step == step.id) {
        match fits(plan, wanted, approval, (attempt, digest, driver, now)) {
            Ok(()) => return Ok(()),
            Err(not) => why = not,
        }
    }
    Err(Failure::refused(format!("step `{}` waits for an approval", step.id)).because(why).next(format!(
        "a person with the role `{}` runs `cutover approve {} {}`",
        wanted.role,
        plan.file.display(),
        step.id
    )))
}

fn fits(
    plan: &Plan,
    wanted: &Wanted,
    approval: &Approval,
    (attempt, digest, driver, now): (u32, &str, &str, Timestamp),
) -> Result<(), String> {
    let Approval { statement, by, .. } = approval;
    let person = plan.runbook.people.iter().find(|person| person.name == *by);
    let person = person.ok_or_else(|| format!("{by} is not among the runbook's people any more"))?;
    let key_of = |name: &str| plan.runbook.people.iter().find(|person| person.name == name).and_then(|p| key(p).ok());
    if person.role != wanted.role {
        return Err(format!("{by} has the role `{}`", person.role));
    }
    if by == driver {
        return Err(format!("{by} drives: the approver is somebody else"));
    }
    if let (Some(theirs), Some(drivers)) = (key_of(by), key_of(driver))
        && theirs.key_data() == drivers.key_data()
    {
        return Err(format!("{by} signs with the driver's own key"));
    }
    if statement.attempt != attempt {
        return Err(format!("{by} approved attempt {}, and this is attempt {attempt}", statement.attempt));
    }
    if statement.digest != digest {
        return Err(format!("{by} approved another preview: the world, or the runbook, changed since"));
    }
    if now >= statement.expires {
        return Err(format!("the approval by {by} was good until {}", statement.expires));
    }
    approval.verify(plan).map(drop).map_err(|failure| failure.why.join("; "))
}

#[cfg(test)]
mod tests;
