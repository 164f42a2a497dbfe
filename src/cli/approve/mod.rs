//! `cutover approve`: somebody who does not drive looks at a step's preview, and signs exactly that.
//!
//! The preview comes from the engine and is drawn here; its digest is computed here too, and that one is signed.
//! Where there is no way to the engine, the text to sign travels as a file, and so does its signature.

mod sign;

use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Stop, Which, gate, output, present};
use crate::domain::approval::{Approval, NAMESPACE, Statement};
use crate::domain::runbook::Person;
use crate::domain::{Failure, Period, Plan, RunId, StepId, plain};
use crate::journal::lock;
use crate::protocol::client::{Client, Me};
use crate::protocol::{address, order::Previewed};

#[derive(Debug, Args)]
pub(super) struct ApproveArgs {
    #[command(flatten)]
    which: Which,
    /// The step.
    step: String,
    /// The SSH key to sign with: a private key, or the public half of one that an agent has.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["request", "signature"])]
    key: Option<PathBuf>,
    /// Who approves, a name among the runbook's people [default: the login name].
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// How long the approval is good.
    #[arg(long = "for", value_name = "TIME", default_value = "24h")]
    lasts: Period,
    /// Sign only if this is the preview's digest, and ask nothing: for somebody who has looked at it already.
    #[arg(long, value_name = "HEX")]
    digest: Option<String>,
    /// Write the text to be signed somewhere else, and the preview beside it; with --signature: what was signed.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    request: Option<PathBuf>,
    /// Hand in a signature that was made somewhere else, of the text in --request.
    #[arg(long, value_name = "FILE", requires = "request")]
    signature: Option<PathBuf>,
    /// The engine's socket, where it is not found by the runbook: one that SSH forwards, say.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// Fetches, draws, compares, signs, hands in.
pub(super) async fn approve(args: &ApproveArgs) -> Result<(), Stop> {
    let plan = args.which.plan()?;
    let step = super::session::known_step(&plan, &args.step)?;
    let by = args.name.clone().unwrap_or_else(|| lock::myself().who);
    let socket = args.socket.clone().unwrap_or_else(|| address::of(&args.which.directory(&plan)));
    let client = Client::unix(&socket, Me::new(by.clone()))?;
    let (statement, signature) = match (&args.request, &args.signature) {
        (Some(request), Some(signature)) => (read(request)?.parse::<Statement>()?, read(signature)?),
        (Some(request), None) => return Ok(write(request, &looked_at(&client, args, &step).await?)?),
        _ => {
            let person = may_approve(&plan, &step, &by)?;
            let (statement, previewed) = looked_at(&client, args, &step).await?;
            draw(&statement, &previewed, args, &client).await?;
            agreed(args, person, &statement)?;
            let key = args.key.as_deref().ok_or_else(|| Failure::refused("--key names the key to sign with"))?;
            let signature = sign::sign(&statement, key).await?;
            (statement, signature)
        }
    };
    if statement.step != step {
        let what = format!("the request is for step `{}`, not `{step}`", statement.step);
        return Err(Failure::refused(what).into());
    }
    let approval = Approval { statement, by, signature };
    let key = approval.verify(&plan)?;
    let seq = client.approve(&approval).await?.seq;
    let Approval { statement, by, .. } = &approval;
    present::line(&if args.which.json {
        json!({ "event": "approved", "approval": approval, "key": key.to_string(), "seq": seq }).to_string()
    } else {
        let Statement { step, attempt, expires, .. } = statement;
        format!("approved: {step}, attempt {attempt}, by {by} ({key}), good until {expires}")
    });
    Ok(())
}

/// Whether it is any use to ask that person: the engine decides, but only when the step starts.
fn may_approve<'a>(plan: &'a Plan, step: &StepId, by: &str) -> Result<&'a Person, Failure> {
    let wanted = plan.step(step).and_then(|step| step.gate.approval.as_ref());
    let wanted = wanted.ok_or_else(|| Failure::refused(format!("step `{step}` asks for no approval")))?;
    let people = &plan.runbook.people;
    let person = people.iter().find(|person| person.name == by && person.role == wanted.role);
    person.ok_or_else(|| {
        let names: Vec<_> = people.iter().filter(|one| one.role == wanted.role).map(|one| one.name.as_str()).collect();
        Failure::refused(format!("{by} cannot approve step `{step}`"))
            .because(format!("it wants a {}: {}", wanted.role, names.join(", ")))
            .next("say who you are with --as NAME")
    })
}

/// The preview with the statement about it; refused where the engine's digest is not that of the preview.
async fn looked_at(client: &Client, args: &ApproveArgs, step: &StepId) -> Result<(Statement, Previewed), Failure> {
    let view = client.view().await?;
    let previewed = client.preview(step).await?;
    let digest = previewed.preview.digest();
    if digest != previewed.digest {
        return Err(Failure::refused(format!("the preview of `{step}` is not the one that the engine named"))
            .because(format!("its digest is {digest}, the engine said {}", previewed.digest))
            .next("are this program and the engine of one version? do not approve before that is known"));
    }
    let attempt = view.step(step).map_or(0, |step| step.attempt) + 1;
    // Whole seconds: the text is read by people.
    let until = Timestamp::now().as_second();
    let expires = Timestamp::from_second(until).unwrap_or_default();
    let lasts = SignedDuration::try_from(args.lasts.duration()).unwrap_or(SignedDuration::MAX);
    let expires =
        expires.checked_add(lasts).map_err(|why| Failure::refused("--for is too long").because(why.to_string()))?;
    Ok((Statement { run: RunId(view.run), step: step.clone(), attempt, digest, expires }, previewed))
}

async fn draw(
    statement: &Statement,
    previewed: &Previewed,
    args: &ApproveArgs,
    client: &Client,
) -> Result<(), Failure> {
    if args.which.json {
        present::json(&json!({ "event": "preview", "step": statement.step, "previewed": previewed }));
        return Ok(());
    }
    let view = client.view().await?;
    let driver = view.driver.map_or_else(|| "nobody".to_owned(), |driver| driver.name);
    present::line(&plain::line(&format!("{} ({}), {} drives", view.runbook, view.environment, driver)));
    present::line(&format!("== {}, attempt {}", statement.step, statement.attempt));
    for line in output::preview(&previewed.preview).lines() {
        present::line(&plain::line(line));
    }
    present::line(&format!("    digest {}, good until {}", statement.digest, statement.expires));
    Ok(())
}

/// The approver agrees to what was drawn: by typing the step, or by the digest that they had looked at before.
fn agreed(args: &ApproveArgs, person: &Person, statement: &Statement) -> Result<(), Stop> {
    if let Some(digest) = &args.digest {
        if *digest == statement.digest {
            return Ok(());
        }
        let failure =
            Failure::refused(format!("the preview of `{}` is another than the one agreed to", statement.step))
                .because(format!("its digest is {}, not {digest}", statement.digest));
        return Err(failure.next("look at it again").into());
    }
    if args.which.json || !std::io::stdin().is_terminal() {
        let what = format!("the approval of `{}` asks for a person on a terminal, or --digest", statement.step);
        return Err(Stop::AtGate(what));
    }
    let answer = gate::ask(&format!("{} ({}): type `{}` to sign this: ", person.name, person.role, statement.step))?;
    if answer == statement.step.as_str() { Ok(()) } else { Err(Stop::AtGate("nothing was signed".to_owned())) }
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|why| Failure::refused(format!("read {}", path.display())).because(why.to_string()))
}

/// Writes what is to be signed, and beside it the preview that it is about.
fn write(request: &Path, (statement, previewed): &(Statement, Previewed)) -> Result<(), Failure> {
    let mut beside = request.as_os_str().to_owned();
    beside.push(".preview.json");
    let beside = PathBuf::from(beside);
    let fault =
        |why: std::io::Error| Failure::permanent(format!("write {}", request.display())).because(why.to_string());
    fs::write(&beside, format!("{:#}\n", json!(previewed.preview))).map_err(fault)?;
    fs::write(request, statement.to_string()).map_err(fault)?;
    let (request, beside) = (request.display(), beside.display());
    present::line(&format!("written: {request}, and the preview that it is about: {beside}"));
    present::line(&format!("to sign it: ssh-keygen -Y sign -n {NAMESPACE} -f KEY {request}"));
    Ok(())
}
