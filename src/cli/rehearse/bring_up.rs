//! The lab's bring-up on the screen that the rehearsal is driven from: each part a step, with what it is at.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::domain::state::{Direction, Status};
use crate::domain::{Plan, StepId};
use crate::lab::{Part, Progress};
use crate::protocol::view::{Gate, Mood, Origin, PartState, Sentence, Step, Undo, View};
use crate::protocol::{VERSION, view};

/// What the lab says last of a part: it is as new.
const FRESH: &str = "fresh";

/// What was said of the parts so far.
pub(super) struct BringUp {
    view: Mutex<View>,
    shown: watch::Sender<View>,
}

impl BringUp {
    /// Nothing was said yet; the other end shows it.
    pub(super) fn new(plan: &Plan) -> (Self, watch::Receiver<View>) {
        let service = &plan.runbook.connections.service;
        let mut view = View {
            protocol: VERSION,
            at: Timestamp::now(),
            run: "the lab".to_owned(),
            runbook: plan.file.display().to_string(),
            service: service.name.clone(),
            host: service.host.clone(),
            environment: plan.runbook.environment.clone(),
            steps: Part::ALL.iter().map(|part| pending(part.name())).collect(),
            ..View::default()
        };
        view.sentence = sentence(&view);
        let (shown, receiver) = watch::channel(view.clone());
        (Self { view: Mutex::new(view), shown }, receiver)
    }

    /// Takes in what the lab says.
    pub(super) fn say(&self, progress: &Progress) {
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        view.at = Timestamp::now();
        let now = view.at;
        if let Some(part) = progress.part
            && let Some(step) = view.steps.iter_mut().find(|step| step.id.as_str() == part.name())
        {
            told(step, progress, now);
            view.current = Some(StepId::from(part.name()));
        }
        view.sentence = sentence(&view);
        self.shown.send_replace(view.clone());
    }
}

fn told(step: &mut Step, progress: &Progress, now: Timestamp) {
    step.started.get_or_insert(now);
    for part in &mut step.parts {
        part.state = PartState::Done;
        let since = part.since.take();
        part.seconds = part.seconds.or_else(|| Some(now.duration_since(since?).as_secs_f64()));
    }
    let over = progress.text == FRESH;
    step.status = if over { Status::Done } else { Status::Running };
    step.took_s = step.started.map(|started| now.duration_since(started).as_secs_f64());
    step.fraction = progress.done.filter(|_| !over);
    step.left_s = progress.eta.filter(|_| !over).map(|eta| (eta.as_secs_f64(), Origin::Rate));
    if over {
        step.ended = Some(now);
        return;
    }
    step.parts.push(view::Part {
        key: progress.text.clone(),
        summary: progress.text.clone(),
        state: PartState::Doing,
        seconds: None,
        rehearsed_s: None,
        since: Some(now),
    });
}

fn sentence(view: &View) -> Sentence {
    let ready = view.steps.iter().filter(|step| step.status == Status::Done).count();
    let text = format!("bringing the lab up: {ready} of {} parts are fresh; nothing waits for you", view.steps.len());
    Sentence { mood: Mood::Running, text }
}

fn pending(part: &str) -> Step {
    Step {
        id: StepId::from(part),
        action: "lab".to_owned(),
        owner: String::new(),
        day: 0,
        status: Status::Pending,
        direction: Direction::Forward,
        attempt: 0,
        started: None,
        ended: None,
        took_s: None,
        planned_s: None,
        fraction: None,
        left_s: None,
        stands_since: None,
        gate: Gate::default(),
        parts: Vec::new(),
        meters: Vec::new(),
        checks: Vec::new(),
        failure: None,
        choices: Vec::new(),
        companion: None,
        undo: Undo::default(),
        point: None,
        outputs: Vec::new(),
    }
}
