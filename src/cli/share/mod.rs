//! `cutover share`: a link to the run's page for each person, made, listed and taken back.

pub(super) mod window;

use clap::Args;
use serde_json::json;

use super::{Stop, Which, present};
use crate::services::stderr;
use crate::share::links;

#[derive(Debug, Args)]
pub(super) struct ShareArgs {
    #[command(flatten)]
    which: Which,
    /// Whose link: what they write on the page stands under this name. Their old link ends.
    #[arg(value_name = "NAME", required_unless_present_any = ["list", "revoke"])]
    name: Option<String>,
    /// Who has a link.
    #[arg(long, conflicts_with_all = ["name", "revoke"])]
    list: bool,
    /// Take a person's link back: their pages end within a second.
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    revoke: Option<String>,
    /// The page's address as others reach it, where a proxy or a tunnel stands before it.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Makes, lists or takes back.
pub(super) fn share(args: &ShareArgs) -> Result<(), Stop> {
    let directory = args.which.directory(&args.which.plan()?);
    if let Some(name) = &args.revoke {
        links::revoke(&directory, name)?;
        return say(args, &json!({ "event": "revoked", "name": name }), &format!("{name} has no link any more"));
    }
    let Some(name) = &args.name else {
        for link in links::all(&directory).map_err(|why| links::unreadable(&directory, &why))? {
            let line = format!("{:<24} since {}", link.name, link.since.strftime("%Y-%m-%d %H:%M"));
            say(args, &json!({ "event": "link", "name": link.name, "since": link.since }), &line)?;
        }
        return Ok(());
    };
    let token = links::create(&directory, name)?;
    let served = args.url.clone().or_else(|| window::url(&directory));
    if served.is_none() {
        stderr::line(
            "note: the page's address is not known here: give it with --url, once `cutover drive --share` serves it",
        );
    }
    let base = served.unwrap_or_default();
    let link = format!("{}/#{token}", base.trim_end_matches('/'));
    say(args, &json!({ "event": "shared", "name": name, "link": link }), &link)
}

#[expect(clippy::unnecessary_wraps, reason = "the last word of a command is its result")]
fn say(args: &ShareArgs, value: &serde_json::Value, line: &str) -> Result<(), Stop> {
    present::line(&if args.which.json { value.to_string() } else { line.to_owned() });
    Ok(())
}
