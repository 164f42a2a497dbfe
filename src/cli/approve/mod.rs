//! `cutover approve`: somebody who does not drive looks at a step's preview, and signs exactly that.
//!
//! The preview comes from the engine and is drawn here; its digest is computed here too, and that one is signed.
//! Where there is no way to the engine, text and preview travel as files, and so does the signature ([`by_file`]).

mod by_file;
mod sign;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Stop, Which, gate, output, present};
use crate::domain::approval::{Approval, Statement};
use crate::domain::runbook::Person;
use crate::domain::{Failure, Period, Plan, Preview, RunId, StepId, plain};
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
    /// By file, where there is no way to the engine. Alone: write the text to be signed, and the preview beside it;
    /// with --key: look at those and sign, without an engine; with --signature: hand in what was signed.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// A signature that was made somewhere else, of the text in --request.
    #[arg(long, value_name = "FILE", requires = "request", conflicts_with = "key")]
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
    if let (Some(request), Some(_)) = (&args.request, &args.key) {
        let person = may_approve(&plan, &step, &by)?;
        let (statement, preview) = by_file::read(request, &step)?;
        let seen = Seen { statement, preview, seq: None, from: format!("from {}", request.display()) };
        let signature = seen.signed_by(person, args).await?;
        let approval = Approval { statement: seen.statement, by, signature };
        approval.verify(&plan)?;
        return Ok(by_file::keep(request, &approval.signature)?);
    }
    let socket = args.socket.clone().unwrap_or_else(|| address::of(&args.which.directory(&plan)));
    let client = Client::unix(&socket, Me::new(by.clone()))?;
    let (statement, signature) = match (&args.request, &args.signature) {
        (Some(request), Some(signature)) => (by_file::statement(request, &step)?, by_file::text(signature)?),
        (Some(request), None) => {
            let seen = Seen::of_the_engine(&client, args, &step).await?;
            return Ok(by_file::write(request, &seen.statement, &seen.preview)?);
        }
        _ => {
            let person = may_approve(&plan, &step, &by)?;
            let seen = Seen::of_the_engine(&client, args, &step).await?;
            let signature = seen.signed_by(person, args).await?;
            (seen.statement, signature)
        }
    };
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
    let person = people.iter().find(|person| person.goes_by(by) && person.role == wanted.role);
    person.ok_or_else(|| {
        let names: Vec<_> = people.iter().filter(|one| one.role == wanted.role).map(|one| one.name.as_str()).collect();
        Failure::refused(format!("{by} cannot approve step `{step}`"))
            .because(format!("it wants a {}: {}", wanted.role, names.join(", ")))
            .next("say who you are with --as NAME")
    })
}

/// A preview with the statement about it.
struct Seen {
    statement: Statement,
    preview: Preview,
    /// The place in the journal that it was drawn at, where an engine said so.
    seq: Option<u64>,
    /// Where it is from, for who reads it.
    from: String,
}

impl Seen {
    /// As it is now; refused where the engine's digest is not that of the preview.
    async fn of_the_engine(client: &Client, args: &ApproveArgs, step: &StepId) -> Result<Self, Failure> {
        let view = client.view().await?;
        let Previewed { preview, digest: named, seq } = client.preview(step).await?;
        let digest = preview.digest();
        if digest != named {
            return Err(Failure::refused(format!("the preview of `{step}` is not the one that the engine named"))
                .because(format!("its digest is {digest}, the engine said {named}"))
                .next("are this program and the engine of one version? do not approve before that is known"));
        }
        let attempt = view.step(step).map_or(0, |step| step.attempt) + 1;
        // Whole seconds: the text is read by people.
        let until = Timestamp::now().as_second();
        let expires = Timestamp::from_second(until).unwrap_or_default();
        let lasts = SignedDuration::try_from(args.lasts.duration()).unwrap_or(SignedDuration::MAX);
        let expires =
            expires.checked_add(lasts).map_err(|why| Failure::refused("--for is too long").because(why.to_string()))?;
        let driver = view.driver.map_or_else(|| "nobody".to_owned(), |driver| driver.name);
        let from = format!("{} ({}), {driver} drives", view.runbook, view.environment);
        let statement = Statement { run: RunId(view.run), step: step.clone(), attempt, digest, expires };
        Ok(Self { statement, preview, seq: Some(seq), from })
    }

    /// Draws it, asks that person, signs.
    async fn signed_by(&self, person: &Person, args: &ApproveArgs) -> Result<String, Stop> {
        self.draw(args.which.json);
        agreed(args, person, &self.statement)?;
        let key = args.key.as_deref().ok_or_else(|| Failure::refused("--key names the key to sign with"))?;
        Ok(sign::sign(&self.statement, key).await?)
    }

    fn draw(&self, json: bool) {
        let Self { statement, preview, seq, from } = self;
        if json {
            let mut previewed = json!({ "preview": preview, "digest": statement.digest });
            if let Some(seq) = seq {
                previewed["seq"] = json!(seq);
            }
            present::json(&json!({ "event": "preview", "step": statement.step, "previewed": previewed }));
            return;
        }
        present::line(&plain::line(from));
        present::line(&format!("== {}, attempt {}", statement.step, statement.attempt));
        for line in output::preview(preview).lines() {
            present::line(&plain::line(line));
        }
        present::line(&format!("    digest {}, good until {}", statement.digest, statement.expires));
    }
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
