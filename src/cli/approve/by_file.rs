//! An approval without a network: text and preview go to the approver as files, the signature comes back as one.
//!
//! What is signed is what was drawn: the digest is computed here from the preview that came along, and compared with
//! the one in the text.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::present;
use crate::domain::approval::{NAMESPACE, Statement};
use crate::domain::{Failure, Preview, StepId};

/// Writes what is to be signed, and beside it the preview that it is about.
pub(super) fn write(request: &Path, statement: &Statement, preview: &Preview) -> Result<(), Failure> {
    let previewed = beside(request, ".preview.json");
    save(&previewed, &format!("{:#}\n", json!(preview)))?;
    save(request, &statement.to_string())?;
    let (request, previewed) = (request.display(), previewed.display());
    present::line(&format!("written: {request}, and the preview that it is about: {previewed}"));
    present::line(&format!(
        "to look at both there, and sign: cutover approve RUNBOOK STEP --request {request} --key KEY"
    ));
    present::line(&format!("or, by OpenSSH alone: ssh-keygen -Y sign -n {NAMESPACE} -f KEY {request}"));
    Ok(())
}

/// The text to be signed, with the preview that it is about.
pub(super) fn read(request: &Path, step: &StepId) -> Result<(Statement, Preview), Failure> {
    let statement = statement(request, step)?;
    let path = beside(request, ".preview.json");
    let preview: Preview = serde_json::from_str(&text(&path)?)
        .map_err(|why| Failure::refused(format!("{} is no preview", path.display())).because(why.to_string()))?;
    let digest = preview.digest();
    if digest != statement.digest {
        return Err(Failure::refused(format!("{} is not the preview that is to be signed", path.display()))
            .because(format!("its digest is {digest}, the text in {} names {}", request.display(), statement.digest))
            .next("let both be written again; sign nothing before they agree"));
    }
    Ok((statement, preview))
}

/// The text to be signed, or that was.
pub(super) fn statement(request: &Path, step: &StepId) -> Result<Statement, Failure> {
    let statement: Statement = text(request)?.parse()?;
    if statement.step == *step {
        return Ok(statement);
    }
    Err(Failure::refused(format!("the request is for step `{}`, not `{step}`", statement.step)))
}

/// Writes a signature beside its text, where `ssh-keygen` would.
pub(super) fn keep(request: &Path, signed: &str) -> Result<(), Failure> {
    let signature = beside(request, ".sig");
    save(&signature, signed)?;
    let (request, signature) = (request.display(), signature.display());
    present::line(&format!("signed: {signature}"));
    present::line(&format!("to hand it in: cutover approve RUNBOOK STEP --request {request} --signature {signature}"));
    Ok(())
}

/// A file's text.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|why| Failure::refused(format!("read {}", path.display())).because(why.to_string()))
}

fn save(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text)
        .map_err(|why| Failure::permanent(format!("write {}", path.display())).because(why.to_string()))
}

fn beside(request: &Path, ending: &str) -> PathBuf {
    let mut path = request.as_os_str().to_owned();
    path.push(ending);
    PathBuf::from(path)
}
