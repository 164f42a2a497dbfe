//! What the figures do to a view, second by second, on a clock of the test's own.

use jiff::{SignedDuration, Timestamp};

use super::figures::Figures;
use crate::domain::event::{Consent, ConsentKind, Holder};
use crate::domain::{Event, Plan, Recorded, RunState, StepId};
use crate::engine::{Notice, Progress};
use crate::protocol::derive::{self, Facts, History};
use crate::protocol::view::{Origin, View};

const RUNBOOK: &str = "name = \"bench\"\nenvironment = \"lab\"\ndeadline = \"1970-01-01T01:00:00Z\"\n\
    [service]\nname = \"shop\"\nhost = \"shop.example\"\n\
    [[step]]\nid = \"load\"\naction = \"command\"\nowner = \"lead\"\nday = 1\nexpected = \"1000s\"\n\
    with = { run = [\"true\"], check = [\"true\"] }\n\
    [[step]]\nid = \"after\"\naction = \"command\"\nowner = \"lead\"\nday = 1\nexpected = \"500s\"\n\
    with = { run = [\"true\"], check = [\"true\"] }\n";

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn rows(done: u64) -> Notice {
    let (step, label) = (StepId::from("load"), "rows".to_owned());
    Notice::Progress(Progress { step, label, done, total: Some(90_000), unit: "rows" })
}

#[test]
fn a_step_slowed_threefold_moves_forecast_and_slack_within_five_seconds() {
    let plan = Plan::new(toml::from_str(RUNBOOK).unwrap(), "runbook.toml".into());
    let consent =
        Consent { by: "anna".to_owned(), how: ConsentKind::Typed, phrase: None, accepted: Vec::new(), evidence: None };
    let (step, digest, inputs) = (StepId::from("load"), String::new(), String::new());
    let by = Holder { who: "anna".to_owned(), host: "here".to_owned(), pid: 1, since: at(0) };
    let engine = Event::EngineStarted { by, version: "1".to_owned() };
    let event = Event::StepStarted { step, attempt: 1, digest, inputs, consent };
    let state = RunState::of(&[Recorded { seq: 1, at: at(0), event: engine }, Recorded { seq: 2, at: at(0), event }]);
    let mut figures = Figures::default();
    let history = History::default();
    let mut second = |now: i64, done: u64| -> View {
        figures.hear(&rows(done), at(now));
        figures.tick(at(now));
        let (live, now) = (figures.live(), at(now));
        derive::view(&Facts {
            state: &state,
            plan: &plan,
            live: &live,
            history: &history,
            now,
            alive: true,
            past: false,
        })
    };
    let near = |found: f64, wanted: f64| (found - wanted).abs() < 0.01 * wanted;

    // 90 rows a second: 1,000 s for all of it, as planned.
    let before = (0..=100).map(|now: i64| second(now, 90 * now.unsigned_abs())).last().unwrap();
    let forecast = before.forecast.unwrap();
    let (left, slack) = (900.0 + 500.0, 3600.0 - 100.0 - 1400.0);
    assert!(near(forecast.left_s.1, left) && near(forecast.slack_s.unwrap(), slack), "{forecast:?}");
    assert_eq!(forecast.eaten_by, None);

    // Then 30: what is left of it takes three times as long, and the slack is gone.
    let after = (101..=105).map(|now: i64| second(now, 9000 + 30 * (now - 100).unsigned_abs())).last().unwrap();
    let forecast = after.forecast.unwrap();
    let left = (90_000.0 - 9150.0) / 30.0;
    assert!(near(forecast.left_s.0, left + 500.0) && near(forecast.left_s.1, left + 500.0), "{forecast:?}");
    assert!(near(forecast.slack_s.unwrap(), 3600.0 - 105.0 - left - 500.0), "{forecast:?}");
    let (eaten_by, over) = forecast.eaten_by.unwrap();
    assert!(eaten_by == StepId::from("load") && near(over, 105.0 + left - 1000.0), "{eaten_by} {over}");
    let (left_s, origin) = after.steps[0].left_s.clone().unwrap();
    assert!(near(left_s, left) && origin == Origin::Rate);
    let risk = after.risks.iter().find(|risk| risk.what == "slack to the deadline").unwrap();
    assert_eq!(risk.step, Some(StepId::from("load")));
    assert!(after.sentence.text.contains("44 min 55 s left"), "{}", after.sentence.text);
}

#[test]
fn a_window_is_waited_for_and_one_that_closes_first_is_missed() {
    let window = |from: &str, to: &str| {
        let gate = format!("gate = {{ confirm = true, window = {{ from = \"{from}\", to = \"{to}\" }} }}\nwith");
        let with = RUNBOOK.rfind("with").unwrap();
        let text = format!("{}{gate}{}", &RUNBOOK[..with], &RUNBOOK[with + "with".len()..]);
        let plan = Plan::new(toml::from_str(&text).unwrap(), "runbook.toml".into());
        let (state, live, history) = (RunState::default(), crate::protocol::live::Live::default(), History::default());
        let facts = Facts {
            state: &state,
            plan: &plan,
            live: &live,
            history: &history,
            now: at(100),
            alive: true,
            past: false,
        };
        derive::view(&facts)
    };
    // The load ends at 1,100 s; the step after it may begin at 1,800 s and takes 500 s.
    let waits = window("1970-01-01T00:30:00Z", "1970-01-01T00:50:00Z").forecast.unwrap();
    assert_eq!((waits.left_s.1, waits.slack_s, waits.misses), (1500.0, Some(3600.0 - 2300.0), None));
    // A window that is over by 1,000 s is missed by 100 s.
    let missed = window("1970-01-01T00:10:00Z", "1970-01-01T00:16:40Z");
    assert_eq!(missed.forecast.as_ref().unwrap().misses, Some((StepId::from("after"), 100.0)));
    let risk = missed.risks.iter().find(|risk| risk.what == "window of after").unwrap();
    assert!(risk.value.contains("missed by 1 min 40 s") && risk.fix.is_some(), "{risk:?}");
}
