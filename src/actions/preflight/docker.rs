//! The Docker engine: who answers, its release, room for images, what the build and the trials begin from.

use super::book::{Book, ahead, mebibytes};
use super::machine::free;
use crate::actions::Reading;
use crate::actions::containerise::engine;
use crate::domain::finding::{Finding, Topic};
use crate::domain::runbook::{ActionSpec, inputs};
use crate::services::docker::Engine;
use crate::services::mysql::Version;

/// The oldest release that this program was tried against.
const OLDEST: (u32, u32) = (20, 10);
/// For the backend's image, a scratch server and its data.
const ROOM: u64 = 3 << 30;

pub(super) async fn ask(cx: &Reading) -> Vec<Finding> {
    let mut book = Book::of("Docker engine");
    let login = "the engine answers, and lets us in";
    let engine = match engine(cx).await {
        Ok(engine) => engine,
        Err(failure) => {
            book.fault(Topic::Access, login, failure);
            return book.close();
        }
    };
    let facts = match engine.facts().await {
        Ok(facts) => facts,
        Err(error) => {
            book.fault(Topic::Access, login, error);
            return book.close();
        }
    };
    book.fact(Topic::Access, login).seen(engine.address()).holds(true);
    let release = Version::of(&facts.version);
    book.fact(Topic::Version, "the engine's release is one that this program was tried against")
        .seen(&facts.version)
        .limit(format!("{}.{:02} or newer", OLDEST.0, OLDEST.1))
        .fix("install a newer Docker engine, or name another one as `host` under [docker]")
        .holds(release.at_least(OLDEST.0, OLDEST.1, 0));
    // A remote engine's disk cannot be asked for.
    if let Ok(room) = free(&facts.data_root) {
        book.fact(Topic::Disk, format!("{} has room for images and a scratch server", facts.data_root.display()))
            .seen(format!("{} free", mebibytes(room)))
            .limit(mebibytes(ROOM))
            .fix("`docker system prune` removes what nobody uses; or a larger disk")
            .holds(room >= ROOM);
    }
    book.clock(facts.drift);
    for step in &cx.plan().runbook.steps {
        match &step.action {
            ActionSpec::Snapshot(snapshot) => {
                image(&engine, &mut book, &snapshot.scratch_image, "a scratch MySQL").await;
            }
            ActionSpec::Containerise(build) => {
                context(cx, &mut book, build);
                if let Some(base) = &build.base {
                    image(&engine, &mut book, base, "the backend's base").await;
                }
                let wanted = build.platform.split('/').nth(1).unwrap_or_default();
                let own = facts.architecture == wanted;
                let fact = book.fact(Topic::Version, "it builds for the nodes' platform").limit(&build.platform);
                let fact = fact.seen(format!("the engine is {}", facts.architecture));
                if own {
                    fact.holds(true);
                } else {
                    fact.fix("build on an engine of that platform, or give this one QEMU (binfmt) to emulate it")
                        .noted();
                }
            }
            _ => {}
        }
    }
    book.close()
}

async fn image(engine: &Engine, book: &mut Book, image: &str, what: &str) {
    let fact = format!("the image for {what} is there");
    match engine.image(image).await {
        Ok(Some(found)) => book.fact(Topic::Access, fact).seen(format!("{image}, {}", found.architecture)).holds(true),
        Ok(None) => book
            .fact(Topic::Access, fact)
            .seen(format!("{image} is not on the engine: pulled when it is needed"))
            .noted(),
        Err(error) => book.fault(Topic::Access, fact, error),
    }
}

/// The backend's directory, and its Dockerfile where it has one of its own.
fn context(cx: &Reading, book: &mut Book, build: &inputs::Containerise) {
    if ahead(cx, |action| matches!(action, ActionSpec::Containerise(_))).is_none() {
        return;
    }
    let directory = cx.path(&build.context);
    let wanted = match (&build.dockerfile, &build.template) {
        (Some(dockerfile), None) => directory.join(dockerfile),
        _ => directory,
    };
    let there = wanted.exists();
    book.fact(Topic::Access, "what the backend's image is built from is there")
        .seen(format!("{}{}", wanted.display(), if there { "" } else { " is not there" }))
        .fix("correct `context`, `dockerfile` or `template` of the step that builds the image")
        .holds(there);
}
