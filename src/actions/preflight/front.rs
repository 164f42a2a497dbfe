//! What stands at the old address: whether its program keeps the contract, and which way is in force.

use std::time::Instant;

use super::book::{Book, milliseconds};
use crate::actions::Reading;
use crate::actions::dns::world::front;
use crate::domain::finding::{Finding, Topic};
use crate::domain::runbook::ActionSpec;
use crate::services::front::Mode;

/// The contract's limit for every one of its actions, in seconds.
const LIMIT: f64 = 2.0;

pub(super) async fn ask(cx: &Reading) -> Vec<Finding> {
    let mut book = Book::of("front");
    let front = match front(cx).await {
        Ok(Some(front)) => front,
        Ok(None) => {
            none(cx, &mut book);
            return book.close();
        }
        Err(failure) => {
            book.fault(Topic::Access, "front-switch is reached", failure);
            return book.close();
        }
    };
    let began = Instant::now();
    match front.status().await {
        Ok(status) => {
            let took = began.elapsed();
            book.fact(Topic::Reach, "front-switch answers within its contract")
                .seen(milliseconds(took))
                .limit(format!("{LIMIT} s"))
                .fix("see what holds it up: a slow ssh login, a busy box")
                .holds(took.as_secs_f64() < LIMIT);
            let switched = cx.state().switched;
            let wanted = if switched { Mode::Relay } else { Mode::Direct };
            book.fact(Topic::Version, "it keeps the contract: its answers say which way is in force")
                .seen(format!("{}, generation {}", status.mode.word(), status.generation.as_deref().unwrap_or("none")))
                .limit(format!("{}, with X-Front-Mode and X-Front-Gen", wanted.word()))
                .fix(format!(
                    "front-switch {}; a front without a generation is older than its contract: install it anew",
                    wanted.word()
                ))
                .holds(status.mode == wanted && status.generation.is_some());
        }
        Err(error) => book.fault(Topic::Access, "front-switch says which way is in force", error),
    }
    book.close()
}

/// Without a front the switch asks for a phrase, which the runbook has to name.
fn none(cx: &Reading, book: &mut Book) {
    let switch = cx.plan().runbook.steps.iter().find_map(|step| match &step.action {
        ActionSpec::Switch(switch) => Some((&step.id, switch)),
        _ => None,
    });
    let Some((step, switch)) = switch else { return };
    book.fact(Topic::Access, "something stands at the old address that can relay")
        .seen(match &switch.accept_without_front {
            Some(phrase) => format!("none, and step `{step}` accepts that by the phrase `{phrase}`"),
            None => "none: clients with the old answer would fail until they resolve the name again".to_owned(),
        })
        .fix(format!("give `front` under the runbook's connections, or `accept_without_front` to step `{step}`"))
        .made_by(switch.accept_without_front.is_some(), None);
}
