//! How things look as plain lines: previews, checks, failures.

use std::fmt::Write;

use crate::domain::check::Verdict;
use crate::domain::preview::Verb;
use crate::domain::state::Status;
use crate::domain::{Check, Condition, Failure, Preview, Stands, figure};

/// A failure as a person reads it: what, why, what next.
pub fn failure(failure: &Failure) -> String {
    let mut text = format!("error: {}\n", failure.what);
    for why in &failure.why {
        let _ = writeln!(text, "  because: {why}");
    }
    if let Some(next) = &failure.next {
        let _ = writeln!(text, "  next: {next}");
    }
    text
}

/// A preview as a person reads it.
pub fn preview(preview: &Preview) -> String {
    let mut text = String::new();
    for (service, identity) in &preview.identities {
        let _ = writeln!(text, "    at     {service}: {identity}");
    }
    for change in &preview.changes {
        let sign = match change.verb {
            Verb::Create => "+",
            Verb::Change => "~",
            Verb::Remove => "-",
            Verb::Keep => "=",
        };
        let _ = writeln!(text, "    {sign} {}", change.object);
        for line in &change.detail {
            let _ = writeln!(text, "        {line}");
        }
    }
    for (name, value) in &preview.settings {
        let _ = writeln!(text, "    with   {name}: {value}");
    }
    for (name, value) in &preview.figures {
        let _ = writeln!(text, "    now    {name}: {value}");
    }
    for condition in &preview.conditions {
        let _ = writeln!(text, "    {}", self::condition(condition));
    }
    for warning in &preview.warnings {
        let _ = writeln!(text, "    !      {warning}");
    }
    for risk in &preview.accepts {
        let _ = writeln!(text, "    RISK   {risk}");
    }
    if let Some(takes) = preview.takes {
        let _ = writeln!(text, "    takes  {}", figure::seconds(takes));
    }
    if let Some(loses) = preview.loses {
        let _ = writeln!(text, "    loses  {loses} writes");
    }
    let _ = writeln!(text, "    undo   {}", preview.undo);
    text
}

/// A line of a go/no-go board.
fn condition(condition: &Condition) -> String {
    let sign = match condition.stands {
        Stands::Holds => "go  ",
        Stands::Waits => "wait",
        Stands::Fails => "NO  ",
    };
    let limit = condition.limit.as_ref().map(|limit| format!(" (limit {limit})")).unwrap_or_default();
    let fix = condition.fix.as_ref().map(|fix| format!("; {fix}")).unwrap_or_default();
    format!("{sign}   {}: {}{limit}{fix}", condition.what, condition.value)
}

/// A check as one line.
pub fn check(check: &Check) -> String {
    let sign = match check.verdict {
        Verdict::Passed => "ok  ",
        Verdict::Failed => "FAIL",
        Verdict::Noted => "note",
    };
    if check.evidence.is_empty() {
        format!("    {sign}   {}", check.fact)
    } else {
        format!("    {sign}   {}: {}", check.fact, check.evidence)
    }
}

/// A status as one word.
pub const fn status(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Running => "running",
        Status::Done => "done",
        Status::Adopted => "adopted",
        Status::Failed => "failed",
        Status::RolledBack => "rolled_back",
        Status::InDoubt => "in_doubt",
    }
}

/// A preview, or why there is none yet.
pub fn preview_or_not_yet(seen: &Result<Preview, Failure>) -> String {
    match seen {
        Ok(seen) => preview(seen),
        Err(not_yet) => {
            let mut text = format!("    not there yet: {}\n", not_yet.what);
            for why in &not_yet.why {
                let _ = writeln!(text, "        because: {why}");
            }
            if let Some(next) = &not_yet.next {
                let _ = writeln!(text, "        next: {next}");
            }
            text
        }
    }
}
