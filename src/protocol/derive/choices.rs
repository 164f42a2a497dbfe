//! What the driver may do about a step now: verb, effect, way back.

use super::Facts;
use crate::domain::FailureKind;
use crate::domain::machine;
use crate::domain::runbook::{ActionSpec, Step};
use crate::domain::state::{Direction, Stage, Status, StepState};
use crate::protocol::view::Choice;

/// The choices for a step; none where it is not its turn, or for a look back.
pub(super) fn of(facts: &Facts<'_>, step: &Step, was: &StepState) -> Vec<Choice> {
    if facts.past {
        return Vec::new();
    }
    let is_next = machine::next(facts.state, facts.plan).is_some_and(|next| next.id == step.id);
    let is_last = machine::next_back(facts.state, facts.plan, None).is_some_and(|last| last.id == step.id);
    let mut choices = Vec::new();
    match (was.status, was.direction) {
        (Status::Running, direction) => choices.push(stop(facts, step, direction)),
        (Status::InDoubt, direction) if is_next || direction == Direction::Back => choices.push(resume(direction)),
        (Status::Failed, Direction::Back) if was.stands_after_all() => {
            choices.push(choice("roll_back", "tries again to take it back", "it is put forward again if that fails"));
            let stands = "leaves it as it was before: nothing was taken back; its checks must pass";
            choices.push(choice("adopt", stands, "it can be taken back later"));
        }
        (Status::Failed, Direction::Back) => choices.push(Choice {
            verb: "roll_back".to_owned(),
            effect: "goes on taking it back: what was taken back stays so".to_owned(),
            way_back: None,
            recommended: Some("it is half taken back, and cannot be started from there".to_owned()),
        }),
        (Status::Pending | Status::RolledBack, _) if is_next => {
            choices.push(choice("start", "shows what would change, then asks", "taken back by its rollback"));
            choices.push(adopt());
        }
        (Status::Failed, Direction::Forward) if is_next => {
            choices.extend(look(facts, was));
            choices.push(retry(facts, was));
            choices.push(adopt());
        }
        _ => {}
    }
    let forward_failed = was.status == Status::Failed && was.direction == Direction::Forward;
    if is_last && (facts.state.is_over(&step.id) || forward_failed) && !matches!(step.action, ActionSpec::Settle(_)) {
        let back = "shows what it would change, take and lose, then asks";
        choices.push(choice("roll_back", back, "the step can be started again"));
    }
    choices
}

fn choice(verb: &str, effect: &str, way_back: &str) -> Choice {
    Choice { verb: verb.to_owned(), effect: effect.to_owned(), way_back: Some(way_back.to_owned()), recommended: None }
}

fn adopt() -> Choice {
    choice("adopt", "takes it as done by others; its checks must pass", "it is not: what others made is theirs")
}

fn stop(facts: &Facts<'_>, step: &Step, direction: Direction) -> Choice {
    let frozen = facts.state.barring().is_some();
    let effect = match step.action {
        ActionSpec::Switch(_) if direction == Direction::Back && facts.state.switched => {
            "leaves the tenants on the new side: it is open again, as before"
        }
        ActionSpec::Switch(_) if direction == Direction::Back => {
            "nothing any more: the source is being opened, and it goes on to its end"
        }
        ActionSpec::Switch(_) if facts.state.switched => {
            "nothing any more: past the point of switching it goes on to its end"
        }
        ActionSpec::Switch(_) if frozen => "aborts the switch: the source opens as it was, writes go on",
        _ => "stops at the next place from which it can go on; nothing is taken back",
    };
    choice("stop", effect, "start it again: it goes on where it was")
}

fn resume(direction: Direction) -> Choice {
    let effect = match direction {
        Direction::Forward => "looks at what the lost engine left, and goes on from there",
        Direction::Back => "looks at what is still there, and goes on taking it back",
    };
    Choice {
        verb: "resume".to_owned(),
        effect: effect.to_owned(),
        way_back: None,
        recommended: Some("nothing else can be said of a step in doubt before somebody looked".to_owned()),
    }
}

/// Before a failure that trying again does not mend; not while tenants cannot write.
fn look(facts: &Facts<'_>, was: &StepState) -> Option<Choice> {
    let kind = was.failure.as_ref()?.kind;
    let stays = matches!(kind, FailureKind::Permanent | FailureKind::Refused) && facts.state.barring().is_none();
    stays.then(|| Choice {
        verb: "preview".to_owned(),
        effect: "looks at the world, and shows what it would change now".to_owned(),
        way_back: None,
        recommended: Some("it fails again until it is mended; looking is safe".to_owned()),
    })
}

fn retry(facts: &Facts<'_>, was: &StepState) -> Choice {
    let count = |of: fn(&Stage) -> bool| was.effects.values().filter(|effect| of(&effect.stage)).count();
    let (done, doubt) =
        (count(|stage| matches!(stage, Stage::Happened(_))), count(|stage| matches!(stage, Stage::Intended)));
    let stand = if done > 0 { format!("{done} changes stand and are not made again") } else { String::new() };
    let effect = match (done, doubt) {
        (0, 0) => "starts again from its beginning: nothing had happened".to_owned(),
        (0, _) => "looks how much of its first change is there, and goes on from that".to_owned(),
        (_, 0) => format!("goes on where it was: {stand}"),
        (_, _) => format!("looks how much of the last change is there, and goes on; {stand}"),
    };
    let recommended = match was.failure.as_ref().map(|failure| failure.kind) {
        _ if facts.state.switched && facts.state.barring().is_some() => {
            Some("tenants cannot write until it went on".to_owned())
        }
        Some(FailureKind::Interrupted) => Some("nothing is wrong: it was stopped on request".to_owned()),
        Some(FailureKind::Transient) => Some("the cause may have passed; trying again is safe".to_owned()),
        _ => None,
    };
    Choice { verb: "retry".to_owned(), effect, way_back: Some("roll it back afterwards".to_owned()), recommended }
}
