//! The way back: the image that the run built, what an interrupted trial left, and what was pulled for it.
//!
//! The engine lets go of a name and of the layers that nothing else stands on; an image with another name,
//! or with a container, stays.

use std::time::Instant;

use serde_json::Value;

use super::pull::PULL;
use super::{engine, trial};
use crate::actions::undo::recorded;
use crate::actions::{Reading, Result, Working};
use crate::domain::preview::Verb;
use crate::domain::{Check, Failure, Preview};
use crate::services::docker::{Engine, ImageInfo};
use crate::services::kubernetes::RUN;

/// The service under which the engine is pinned.
pub(super) const SERVICE: &str = "Docker engine";

pub(super) async fn way_back(cx: &Reading) -> Result<Preview> {
    let began = Instant::now();
    let engine = engine(cx).await?;
    let identity = engine.identity().await?.id;
    cx.recognise(SERVICE, &identity)?;
    let mut preview = Preview::undone_by("building the image again");
    preview.identity(SERVICE, identity);
    preview.loses = Some(0);
    for (key, effect) in cx.standing() {
        let name: String = recorded(&effect.undo, "image")?;
        let Some(image) = engine.image(&name).await? else { continue };
        if key.starts_with(PULL) || ours(cx, &image) {
            preview.change(Verb::Remove, format!("image {name}"), vec![format!("id {}", image.id)]);
        } else {
            preview.change(Verb::Keep, format!("image {name}"), vec!["it is not this run's".to_owned()]);
        }
    }
    for (_, name) in cx.state().step(cx.step_id()).scratch {
        preview.change(Verb::Remove, format!("trial {name}"), vec!["left by an interrupted verify".to_owned()]);
    }
    // To look at each of them takes the engine about as long as to let it go.
    preview.takes = cx.measured(|_| false).or_else(|| Some(began.elapsed().as_secs_f64()));
    Ok(preview)
}

pub(super) async fn rollback(cx: &Working) -> Result<Vec<Check>> {
    let engine = engine(cx).await?;
    cx.recognise(SERVICE, &engine.identity().await?.id)?;
    cx.clear_scratch(trial::SCRATCH, || trial::remove(cx, &engine)).await?;
    for (key, _) in cx.standing() {
        let pulled = key.starts_with(PULL);
        let act = async |undo: Value| {
            if pulled {
                drop_pulled(cx, &engine, &recorded::<String>(&undo, "image")?).await
            } else {
                drop_built(cx, &engine, &undo).await
            }
        };
        cx.take_back(&key, act).await?;
    }
    look(cx, &engine).await
}

/// Takes the tag away from what the run built, and gives it back to what had it before.
async fn drop_built(cx: &Working, engine: &Engine, undo: &Value) -> Result<()> {
    let tag: String = recorded(undo, "image")?;
    let replaced: Option<String> = recorded(undo, "replaced")?;
    match engine.image(&tag).await? {
        Some(image) if Some(&image.id) == replaced.as_ref() => return Ok(()),
        Some(image) if ours(cx, &image) => removed(engine, &tag).await?,
        Some(image) => {
            let why = format!("somebody gave the name to {}, which is not this run's", image.id);
            return cx.keep(None, format!("image {tag}"), why);
        }
        None => {}
    }
    if let Some(replaced) = replaced
        && engine.image(&replaced).await?.is_some()
    {
        engine.tag(&replaced, &tag).await?;
    }
    Ok(())
}

/// What others build on, or run, by now stays.
async fn drop_pulled(cx: &Working, engine: &Engine, image: &str) -> Result<()> {
    match removed(engine, image).await {
        Err(failure) if failure.kind == crate::domain::FailureKind::Refused => {
            cx.keep(None, format!("image {image}"), format!("it is in use: {}", failure.why.join(": ")))
        }
        other => other,
    }
}

async fn removed(engine: &Engine, image: &str) -> Result<()> {
    engine.remove_image(image).await.map(drop).map_err(|error| {
        let failure = Failure::from(error);
        match failure.next {
            None => failure.next(format!(
                "remove what stands on it (docker ps -a --filter ancestor={image}), then take the step back again"
            )),
            Some(_) => failure,
        }
    })
}

/// By label, which is not the way it was removed.
async fn look(cx: &Reading, engine: &Engine) -> Result<Vec<Check>> {
    let label = [(RUN, cx.run().as_str())];
    let own = super::tag(cx);
    let images = engine.images_labelled(&label).await?;
    let (kept, others): (Vec<String>, Vec<String>) = images
        .into_iter()
        .flat_map(|(id, tags)| if tags.is_empty() { vec![id] } else { tags })
        .partition(|tag| *tag == own);
    let mut left = engine.containers_labelled(&label).await?;
    left.extend(engine.networks_labelled(&label).await?);
    let mut checks = vec![
        Check::of(kept.is_empty(), format!("the engine has no image {own}"), shown(&kept)),
        Check::of(left.is_empty(), "the engine has no container and no network of the trial", shown(&left)),
    ];
    if !others.is_empty() {
        checks.push(Check::noted("others gave the run's image a name of theirs: it stays", shown(&others)));
    }
    Ok(checks)
}

fn ours(cx: &Reading, image: &ImageInfo) -> bool {
    image.labels.get(RUN).map(String::as_str) == Some(cx.run().as_str())
}

fn shown(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
