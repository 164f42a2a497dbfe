//! What a step would change, for who reads the page: looked up in the world when somebody asks, once for everybody
//! who asks at about the same time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::Mutex;

use super::{Ear, stream};
use crate::domain::{Failure, Preview, StepId};
use crate::protocol::view::View;

/// A preview is given out again for so long.
const FRESH: Duration = Duration::from_secs(10);

/// And what kept it from being looked up: who asks without a pause is no load either.
const FAILED: Duration = Duration::from_secs(2);

/// What came of a look: as it is sent, or why there is nothing.
type Look = Result<Bytes, Failure>;

/// The newest looks.
#[derive(Default, Clone)]
pub(super) struct Previews(Arc<Mutex<HashMap<StepId, (Instant, Look)>>>);

impl Previews {
    /// The preview of a step that the run has. One look at a time: fifty readers are no load on what is looked at.
    ///
    /// # Errors
    /// What kept it from being looked up.
    pub(super) async fn of(&self, step: StepId, ear: Arc<dyn Ear>) -> Look {
        let kept = Arc::clone(&self.0);
        // A task of its own: who waits no longer finds it ready the next time.
        let look = tokio::spawn(async move {
            let mut kept = kept.lock().await;
            kept.retain(|_, (at, look)| at.elapsed() < if look.is_ok() { FRESH } else { FAILED });
            if let Some((_, look)) = kept.get(&step) {
                return look.clone();
            }
            // Who waited for another look finds the world as it is now.
            if let Some(running) = running(ear.views().borrow().as_deref()) {
                return Err(running);
            }
            let look = ear.preview(&step).await.map(|preview| ready(&step, &preview));
            kept.insert(step, (Instant::now(), look.clone()));
            look
        });
        let broken = || Failure::permanent("the engine broke over this question").next("`engine.log` has the reason");
        look.await.unwrap_or_else(|_| Err(broken()))
    }
}

/// Why nothing is looked at now: a step is under way, and a freeze has no look of ours beside it.
pub(super) fn running(view: Option<&View>) -> Option<Failure> {
    let running = view?.running()?;
    let failure = Failure::refused(format!("{} is under way, and nothing is looked at beside it", running.id));
    Some(failure.next("ask again when it has ended"))
}

/// A preview as it is sent: its digest is of what would be signed, its texts draw nothing.
fn ready(step: &StepId, preview: &Preview) -> Bytes {
    let mut answer = json!({ "step": step, "digest": preview.digest(), "at": Timestamp::now(), "preview": preview });
    stream::harmless(&mut answer);
    Bytes::from(answer.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::BoxFuture;
    use tokio::sync::watch;

    use super::super::Said;
    use super::*;
    use crate::domain::approval::Approval;

    /// Counts how often the world is looked at; what it finds may draw on a terminal.
    #[derive(Default)]
    struct World(AtomicUsize);

    impl Ear for World {
        fn views(&self) -> watch::Receiver<Option<Arc<View>>> {
            watch::channel(None).1
        }

        fn looks_on(&self, _: &str) -> Box<dyn Send + Sync> {
            Box::new(())
        }

        fn preview<'a>(&'a self, step: &'a StepId) -> BoxFuture<'a, Result<Preview, Failure>> {
            Box::pin(async move {
                self.0.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                match step.as_str() {
                    "none" => Err(Failure::refused("there is no step `none`")),
                    _ => Ok(Preview::undone_by("\u{1b}[2Jtaken back")),
                }
            })
        }

        fn say(&self, _: &str, _: Said) -> Result<(), Failure> {
            Ok(())
        }

        fn approve(&self, _: Approval) -> Result<(), Failure> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn many_who_ask_are_one_look_whatever_comes_of_it() {
        let (previews, world) = (Previews::default(), Arc::new(World::default()));
        let step = || StepId::from("long");
        let all = (0..50).map(|_| previews.of(step(), Arc::clone(&world) as Arc<dyn Ear>));
        let answers = futures_util::future::join_all(all).await;
        assert_eq!(world.0.load(Ordering::SeqCst), 1);
        for answer in answers {
            let answer: serde_json::Value = serde_json::from_slice(&answer.unwrap()).unwrap();
            assert_eq!(answer["preview"]["undo"], "taken back");
            let digest = Preview::undone_by("\u{1b}[2Jtaken back").digest();
            assert_eq!(answer["digest"], digest, "of what would be signed, not of what is shown");
        }
        for _ in 0..50 {
            let failed = previews.of(StepId::from("none"), Arc::clone(&world) as Arc<dyn Ear>).await;
            assert_eq!(failed.unwrap_err().what, "there is no step `none`");
        }
        assert_eq!(world.0.load(Ordering::SeqCst), 2);
    }
}
