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
use ssh_key::{Algorithm, EcdsaCurve, Fingerprint, HashAlg, PublicKey, SshSig};

use super::failure::Failure;
use super::ids::{RunId, StepId};
use super::plan::Plan;
use super::runbook::{Person, Step};

/// SSHSIG's namespace: a signature made for anything else is not an approval.
pub const NAMESPACE: &str = "cutover-approval";

/// The environment in which a driver needs no key.
const LAB: &str = "lab";

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
        let person = person(plan, &self.by);
        let person = person.ok_or_else(|| self.refused(format!("{} is not among the runbook's people", self.by)))?;
        let key = key(person)?;
        let signature: SshSig =
            self.signature.parse().map_err(|why| self.refused(format!("no SSH signature: {why}")))?;
        key.verify(NAMESPACE, self.statement.to_string().as_bytes(), &signature)
            .map_err(|_| self.refused(format!("the signature is not {}'s, or is of something else", self.by)))?;
        Ok(key.fingerprint(HashAlg::Sha256))
    }

    /// Whether the step asks for the approval of a person with this one's role.
    ///
    /// # Errors
    /// Refused: it asks for none, or for somebody else's.
    pub fn is_asked_for(&self, plan: &Plan, step: &Step) -> Result<(), Failure> {
        let Some(wanted) = &step.gate.approval else {
            return Err(self.refused("the step asks for no approval".to_owned()));
        };
        match person(plan, &self.by) {
            Some(person) if person.role == wanted.role => Ok(()),
            Some(person) => {
                let why =
                    format!("{} has the role `{}`, and the step asks for `{}`", self.by, person.role, wanted.role);
                Err(self.refused(why).next(format!("a person with the role `{}` approves it", wanted.role)))
            }
            None => Err(self.refused(format!("{} is not among the runbook's people", self.by))),
        }
    }

    /// Whether it is still good.
    ///
    /// # Errors
    /// Refused: it ran out.
    pub fn is_good_at(&self, now: Timestamp) -> Result<(), Failure> {
        let expires = self.statement.expires;
        if now < expires { Ok(()) } else { Err(self.refused(format!("it was good until {expires}, and it is {now}"))) }
    }

    fn refused(&self, why: String) -> Failure {
        Failure::refused(format!("the approval of `{}` by {} is not taken", self.statement.step, self.by))
            .because(why)
            .next("look at the preview again and sign it with the key that the runbook names: `cutover approve`")
    }
}

/// That person, as the runbook has them.
fn person<'a>(plan: &'a Plan, name: &str) -> Option<&'a Person> {
    plan.runbook.people.iter().find(|person| person.goes_by(name))
}

/// A person's key as the runbook has it.
fn key(person: &Person) -> Result<PublicKey, Failure> {
    let Some(key) = &person.key else {
        return Err(Failure::refused(format!("the runbook has no SSH public key of {}", person.name)));
    };
    readable_key(key).map_err(|why| Failure::refused(format!("the SSH public key of {}: {why}", person.name)))
}

/// An SSH public key whose signatures can be verified here.
///
/// # Errors
/// It is none, or of a kind that nothing here verifies.
pub fn readable_key(text: &str) -> Result<PublicKey, String> {
    let key: PublicKey = text.parse().map_err(|why| format!("it is not read as one: {why}"))?;
    match key.algorithm() {
        Algorithm::Ed25519
        | Algorithm::SkEd25519
        | Algorithm::SkEcdsaSha2NistP256
        | Algorithm::Rsa { .. }
        | Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 | EcdsaCurve::NistP384 } => Ok(key),
        other => Err(format!("signatures of the kind {other} cannot be verified here")),
    }
}

/// The driver's key. Approver and driver are told apart by it, so where a gate wants an approval the driver is one of
/// the runbook's people: a name alone is whatever its owner typed.
///
/// In the environment `lab` a driver without a key is let through, and only the names are compared: whoever rehearses
/// is in no runbook, the second person's key is public there, and nothing but the lab can be hit.
fn drivers_key(plan: &Plan, driver: &str) -> Result<Option<PublicKey>, Failure> {
    let found = person(plan, driver).map(key);
    if plan.runbook.environment == LAB {
        return Ok(found.and_then(Result::ok));
    }
    let why = match found {
        Some(Ok(key)) => return Ok(Some(key)),
        Some(Err(failure)) => failure.what,
        None => format!("{driver} is not among the runbook's people"),
    };
    let what = format!("nobody can tell whether {driver}, who drives, is also the approver");
    Err(Failure::refused(what).because(why).next(
        "drive under the name that the runbook has for you (`drive --as NAME`), or write a [[person]] with that name \
         and an SSH public key into it",
    ))
}

/// When, by whom, and for which attempt a step would start.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The attempt.
    pub attempt: u32,
    /// Who drives; nothing where nobody does, and nobody can be the approver too.
    pub driver: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
}

/// Whether a step has the approval that its gate wants, for this preview, now.
///
/// # Errors
/// Refused: nobody with the role approved it, only the driver did, the driver is unknown, the preview is another, or
/// it is too old.
pub fn given<'a>(
    plan: &Plan,
    step: &Step,
    approvals: impl IntoIterator<Item = &'a Approval>,
    digest: &str,
    asked: Asked<'_>,
) -> Result<(), Failure> {
    let Some(wanted) = &step.gate.approval else { return Ok(()) };
    let waits = format!("step `{}` waits for an approval", step.id);
    if let Some(driver) = asked.driver {
        drivers_key(plan, driver).map_err(|failure| failure.while_doing(&waits))?;
    }
    let mut why = format!("nobody with the role `{}` has approved attempt {}", wanted.role, asked.attempt);
    for approval in approvals.into_iter().filter(|approval| approval.statement.step == step.id) {
        match holds(plan, wanted, approval, asked).and_then(|()| is_of(approval, digest)) {
            Ok(()) => return Ok(()),
            Err(not) => why = not,
        }
    }
    Err(Failure::refused(waits).because(why).next(format!(
        "a person with the role `{}` runs `cutover approve {} {}`",
        wanted.role,
        plan.file.display(),
        step.id
    )))
}

/// Whether an approval would open its gate, should the preview be the one that was looked at.
///
/// # Errors
/// Why it would not.
pub fn holds(plan: &Plan, wanted: &Wanted, approval: &Approval, asked: Asked<'_>) -> Result<(), String> {
    let Approval { statement, by, .. } = approval;
    let person = person(plan, by).ok_or_else(|| format!("{by} is not among the runbook's people any more"))?;
    if person.role != wanted.role {
        return Err(format!("{by} has the role `{}`", person.role));
    }
    if let Some(driver) = asked.driver {
        is_another(plan, person, driver)?;
    }
    if statement.attempt != asked.attempt {
        return Err(format!("{by} approved attempt {}, and this is attempt {}", statement.attempt, asked.attempt));
    }
    if asked.now >= statement.expires {
        return Err(format!("the approval by {by} was good until {}", statement.expires));
    }
    approval.verify(plan).map(drop).map_err(|failure| failure.why.join("; "))
}

/// Whether the approver is somebody else than the driver, by person and by key.
fn is_another(plan: &Plan, approver: &Person, driver: &str) -> Result<(), String> {
    let name = &approver.name;
    if approver.goes_by(driver) {
        return Err(format!("{name} drives: the approver is somebody else"));
    }
    let drivers = drivers_key(plan, driver).map_err(|failure| failure.what)?;
    match (key(approver).ok(), drivers) {
        (Some(theirs), Some(drivers)) if theirs.key_data() == drivers.key_data() => {
            Err(format!("{name} signs with the driver's own key"))
        }
        _ => Ok(()),
    }
}

fn is_of(Approval { statement, by, .. }: &Approval, digest: &str) -> Result<(), String> {
    if statement.digest == digest {
        return Ok(());
    }
    Err(format!("{by} approved another preview: the world, or the runbook, changed since"))
}

#[cfg(test)]
mod tests;
