//! What happened between two views of a run that somebody who does not look at it wants to know.

use std::time::Instant;

use jiff::Timestamp;

use crate::domain::StepId;
use crate::domain::runbook::Occasion;
use crate::domain::state::Status;
use crate::protocol::view::{Mood, Step, View};

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    pub occasion: Occasion,
    pub at: Timestamp,
    /// Since when it waits to be sent.
    pub queued: Instant,
    pub service: String,
    pub environment: String,
    pub run: String,
    /// The step that it is about.
    pub step: Option<StepId>,
    /// In a reader's words, who does not drive.
    pub text: String,
    /// What to do next, where something failed.
    pub next: Option<String>,
}

/// What is to be told of a view that comes after another one; after none, an engine has just begun.
pub(super) fn between(before: Option<&View>, view: &View) -> Vec<Notice> {
    let notice = |occasion, step: Option<&StepId>, text: String| Notice {
        occasion,
        at: view.at,
        queued: Instant::now(),
        service: view.service.clone(),
        environment: view.environment.clone(),
        run: view.run.clone(),
        step: step.cloned(),
        text,
        next: None,
    };
    let mut told = Vec::new();
    if before.is_none() {
        let engine = view.engine.as_ref();
        let host = engine.map_or("an unknown machine", |engine| &engine.host);
        let deaths = engine.map_or(0, |engine| engine.deaths);
        let again = if deaths > 0 { format!(", {deaths} of this run died before it") } else { String::new() };
        let sentence = view.sentence.to_others(view.driver.as_ref());
        told.push(notice(Occasion::Started, None, format!("an engine has the run on {host}{again}: {sentence}")));
    }
    // What a new engine finds failed, or waiting, is news as well; a freeze of before is not.
    let nothing = View { freeze: view.freeze.clone(), ..View::default() };
    let before = before.unwrap_or(&nothing);
    let was = before.freeze.as_ref();
    if let Some(freeze) = view.freeze.as_ref() {
        let began = was.is_none_or(|was| was.since != freeze.since);
        if began {
            let text = format!("tenants' writes wait, for {:.0} s at most", freeze.budget_s);
            told.push(notice(Occasion::Frozen, Some(&freeze.step), text));
        }
        if let Some(ended) = freeze.ended.filter(|_| began || was.is_none_or(|was| was.ended.is_none())) {
            let held = ended.duration_since(freeze.since).as_secs_f64();
            let side = if freeze.switched { "on the new side" } else { "on the old side" };
            let text = format!("tenants' writes are taken again {side}, after {held:.1} s");
            told.push(notice(Occasion::Thawed, Some(&freeze.step), text));
        }
    }
    for step in view.steps.iter().filter(|step| stands_still(step)) {
        if before.step(&step.id).is_none_or(|was| !stands_still(was) || was.attempt != step.attempt) {
            let what = step.failure.as_ref().map_or("its engine went away in the middle", |failure| &failure.what);
            let failed = notice(Occasion::Failed, Some(&step.id), format!("{} did not go on: {what}", step.id));
            let next = step.failure.as_ref().and_then(|failure| failure.next.clone());
            told.push(Notice { next, ..failed });
        }
    }
    if let Some(waits) = waits_for(view)
        && waits_for(before).is_none_or(|waited| waited != waits)
    {
        let sentence = view.sentence.to_others(view.driver.as_ref());
        told.push(notice(Occasion::Waiting, view.current.as_ref(), sentence));
    }
    if view.sentence.mood == Mood::Done && before.sentence.mood != Mood::Done {
        told.push(notice(Occasion::Done, None, view.sentence.to_others(view.driver.as_ref())));
    }
    told
}

fn stands_still(step: &Step) -> bool {
    matches!(step.status, Status::Failed | Status::InDoubt)
}

/// What somebody is waited for, without what moves by itself: a hand, who asks for the wheel, or a step's gate and
/// attempt.
#[derive(PartialEq)]
struct Waits<'a> {
    hand: Option<u64>,
    wheel: Option<&'a str>,
    step: Option<&'a StepId>,
    attempt: u32,
}

fn waits_for(view: &View) -> Option<Waits<'_>> {
    let attempt = view.current.as_ref().and_then(|id| view.step(id)).map_or(0, |step| step.attempt);
    let hand = view.hands.first().map(|hand| hand.hand);
    let wheel = view.asks_for_the_wheel().map(|asking| asking.by.as_str());
    // Told where the sentence says it: neither in a freeze nor behind a hand.
    let wheel = wheel.filter(|_| view.sentence.mood != Mood::Frozen && hand.is_none());
    let waits = view.sentence.mood == Mood::You || wheel.is_some() || wants_signature(view);
    waits.then_some(Waits { hand, wheel, step: view.current.as_ref(), attempt })
}

/// Whether somebody other than the driver is waited for.
fn wants_signature(view: &View) -> bool {
    let current = view.current.as_ref().and_then(|id| view.step(id));
    let held = |step: &Step| step.gate.approval.is_some() && step.gate.approved.is_empty();
    view.sentence.mood == Mood::Calm && current.is_some_and(held)
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::protocol::view::{Freeze, Sentence};

    fn view(mood: Mood, text: &str) -> View {
        View { sentence: Sentence { mood, text: text.into() }, service: "shop".into(), ..View::default() }
    }

    fn occasions(before: Option<&View>, view: &View) -> Vec<Occasion> {
        between(before, view).into_iter().map(|notice| notice.occasion).collect()
    }

    #[test]
    fn a_freeze_is_told_when_it_begins_and_when_it_ends_also_where_both_came_at_once() {
        let calm = view(Mood::Running, "dns");
        let since = Timestamp::UNIX_EPOCH;
        let freeze =
            Freeze { step: "dns".into(), since, ended: None, budget_s: 10.0, rehearsed_s: None, switched: false };
        let frozen = View { freeze: Some(freeze.clone()), ..view(Mood::Frozen, "FREEZE") };
        let over = Freeze { ended: Some(since + 360.milliseconds()), switched: true, ..freeze };
        let thawed = View { freeze: Some(over), ..calm.clone() };
        assert_eq!(occasions(Some(&calm), &frozen), [Occasion::Frozen]);
        assert_eq!(occasions(Some(&frozen), &frozen), []);
        assert_eq!(occasions(Some(&frozen), &thawed), [Occasion::Thawed]);
        assert_eq!(occasions(Some(&calm), &thawed), [Occasion::Frozen, Occasion::Thawed]);
        assert_eq!(occasions(Some(&thawed), &thawed), []);
        let told = between(Some(&frozen), &thawed);
        assert_eq!(told[0].text, "tenants' writes are taken again on the new side, after 0.4 s");
    }

    #[test]
    fn who_is_waited_for_is_told_once_however_often_the_words_change() {
        let calm = view(Mood::Running, "snapshot 3 %");
        let waits = view(Mood::You, "WAITING FOR YOU: confirm dns, window closes in 12 min");
        let still = view(Mood::You, "WAITING FOR YOU: confirm dns, window closes in 11 min");
        assert_eq!(occasions(Some(&calm), &waits), [Occasion::Waiting]);
        assert_eq!(occasions(Some(&waits), &still), []);
        assert!(between(Some(&calm), &waits)[0].text.starts_with("WAITING FOR A DRIVER: confirm dns"));
        assert_eq!(occasions(Some(&waits), &view(Mood::Done, "every step is over")), [Occasion::Done]);
        assert_eq!(occasions(None, &waits), [Occasion::Started, Occasion::Waiting]);
    }
}
