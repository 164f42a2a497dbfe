//! `docker.build`: the backend's image, built from its directory and tried before anybody relies on it.
//!
//! Apply builds under a tag of the run's own, with labels that say which run, which sources and which
//! commit. Verify starts the image against a throw-away MySQL server that holds the snapshot's schema.

mod back;
mod pull;
mod recipe;
mod schema;
mod trial;

use std::collections::BTreeMap;

use serde_json::json;

use super::{Action, Checking, Effect, Outputs, Reading, Reality, Result, Working, objects};
use crate::domain::preview::Verb;
use crate::domain::runbook::inputs::Containerise;
use crate::domain::state::Stage;
use crate::domain::{Check, Failure, Preview, Resource};
use crate::services::docker::{BuildEvent, BuildOptions, Engine};
use crate::services::kubernetes::RUN;
use recipe::{CONTEXT, Recipe};

/// The effect that makes the image; numbered where the sources changed and it was made again.
const BUILD: &str = "build";

/// The Docker engine of the runbook.
pub(super) async fn engine(cx: &Reading) -> Result<Engine> {
    Ok(Engine::connect(cx.connections().docker.host.as_deref()).await?)
}

/// The name under which the run's image stands on the engine.
fn tag(cx: &Reading) -> String {
    format!("cutover/{}:{}", cx.connections().service.name, cx.run())
}

impl Action for Containerise {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let engine = engine(cx).await?;
        let identity = engine.identity().await?;
        let recipe = Recipe::read(self, cx, &engine).await?;
        let tag = tag(cx);
        let mut preview = Preview::undone_by(format!("removes the image {tag} that it built"));
        preview.identity("Docker engine", &identity.id);
        for image in recipe::base(self).into_iter().chain([self.scratch_image.as_str()]) {
            if engine.image(image).await?.is_none() {
                preview.change(Verb::Create, format!("image {image}"), vec!["pulled".to_owned()]);
            }
        }
        let there = engine.image(&tag).await?.filter(|image| recipe.made(image));
        let verb = if there.is_some() { Verb::Keep } else { Verb::Create };
        preview.change(verb, format!("image {tag}"), recipe.lines());
        preview.setting("context", &recipe.context_digest);
        preview.setting("platform", &self.platform);
        preview.figure("files in the context", recipe.files().to_string());
        preview.warnings.extend(recipe.warnings(self, &identity.architecture));
        if let Some(wrong) = nodes_of_another_kind(self, cx).await {
            preview.warnings.push(wrong);
        }
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        let engine = engine(cx).await?;
        cx.pin(back::SERVICE, &engine.identity().await?.id)?;
        if let Some(base) = recipe::base(self) {
            pull::ensure(cx, &engine, base, Some(&self.platform)).await?;
        }
        pull::ensure(cx, &engine, &self.scratch_image, None).await?;
        let recipe = Recipe::read(self, cx, &engine).await?;
        let tag = tag(cx);
        let there = engine.image(&tag).await?;
        if let Some(image) = there.as_ref().filter(|image| recipe.made(image) && has_built(cx, &image.id)) {
            return Ok(outputs(&tag, &image.id));
        }
        // Sources that changed make another image, and so does an image that somebody removed.
        let key = objects::fresh(cx, BUILD);
        let effect = Effect::new(key, format!("build the image {tag}"))
            .undo(json!({"image": tag, "replaced": there.map(|image| image.id)}))
            .touches(Resource::image(&tag));
        let options = BuildOptions {
            tag: Some(tag.clone()),
            dockerfile: recipe.dockerfile.clone(),
            args: recipe.args.clone(),
            labels: recipe.labels.clone(),
            platform: self.platform.clone(),
            ..BuildOptions::default()
        };
        let look = async {
            // The engine ends a build whose client is gone: the tag is there, or nothing is.
            let there = engine.image(&tag).await?.filter(|image| recipe.made(image));
            Ok(there.map_or(Reality::NotDone, |image| Reality::Done(image.id)))
        };
        let act = async {
            let building = engine.build(recipe.context.clone(), &options, |event| match event {
                BuildEvent::Step { number, total, instruction } => {
                    let label: String = instruction.chars().take(60).collect();
                    cx.progress(&label, u64::from(number), Some(u64::from(total)), "steps");
                }
                BuildEvent::Line(_) => {}
            });
            tokio::select! {
                id = building => Ok(id?),
                () = cx.cancel().cancelled() => Err(Failure::interrupted()),
            }
        };
        let id: String = cx.effect(effect, look, act).await?;
        Ok(outputs(&tag, &id))
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        let engine = engine(cx).await?;
        let tag = tag(cx);
        let Some(image) = engine.image(&tag).await? else {
            return Ok(vec![Check::failed(format!("the image {tag} is on the engine"), "it is not there")]);
        };
        let mut checks = vec![
            Check::of(
                image.labels.get(RUN).map(String::as_str) == Some(cx.run().as_str()),
                "the image carries this run's label",
                format!("{} of context {}", image.id, image.labels.get(CONTEXT).map_or("?", String::as_str)),
            ),
            Check::of(
                Some(image.architecture.as_str()) == architecture(&self.platform),
                format!("the image is for {}", self.platform),
                &image.architecture,
            ),
            Check::of(
                !matches!(image.user.split(':').next().unwrap_or_default(), "" | "0" | "root"),
                "the image does not run as root",
                if image.user.is_empty() { "no user: root".to_owned() } else { format!("user {}", image.user) },
            ),
        ];
        if let Some(wrong) = nodes_of_another_kind(self, cx).await {
            checks.push(Check::failed("the nodes are of the image's architecture", wrong));
        }
        let port = format!("{}/tcp", self.port);
        let declared = if image.ports.contains(&port) { Check::passed } else { Check::noted };
        let ports = image.ports.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        checks.push(declared(
            "the image declares its port".to_owned(),
            if ports.is_empty() { "none".to_owned() } else { ports },
        ));
        if !image.healthcheck {
            checks.push(Check::noted("the image has a health check", "none: the cluster's probes do without it"));
        }
        if let Some(build) = cx.connections().source.as_ref().and_then(|source| source.build.as_ref()) {
            checks.push(Check::noted("the source's own build", build));
        }
        checks.extend(trial::run(self, cx, &engine, &image.id).await?);
        Ok(checks)
    }

    async fn way_back(&self, cx: &Reading) -> Result<Preview> {
        back::way_back(cx).await
    }

    async fn rollback(&self, cx: &Working) -> Result<Vec<Check>> {
        back::rollback(cx).await
    }
}

fn outputs(tag: &str, id: &str) -> Outputs {
    BTreeMap::from([("image".to_owned(), json!(tag)), ("id".to_owned(), json!(id))])
}

/// Whether an effect of the step is on record that made the image.
fn has_built(cx: &Working, id: &str) -> bool {
    let effects = cx.state().step(cx.step_id()).effects;
    effects.values().any(|effect| matches!(&effect.stage, Stage::Happened(outcome) if *outcome == json!(id)))
}

/// `linux/arm64/v8` is for `arm64`.
fn architecture(platform: &str) -> Option<&str> {
    platform.split('/').nth(1)
}

/// What is wrong with the image's platform for the cluster's nodes; nothing while no cluster answers.
async fn nodes_of_another_kind(inputs: &Containerise, cx: &Reading) -> Option<String> {
    let cluster = super::cluster::connect(cx).await.ok()?;
    let nodes = tokio::time::timeout(std::time::Duration::from_secs(3), cluster.nodes()).await.ok()?.ok()?;
    let wanted = architecture(&inputs.platform);
    let others: Vec<String> = nodes
        .iter()
        .filter(|node| Some(node.architecture.as_str()) != wanted)
        .map(|node| format!("{} is {}", node.name, node.architecture))
        .collect();
    (!others.is_empty()).then(|| format!("the image is for {}, and node {}", inputs.platform, others.join(", node ")))
}
