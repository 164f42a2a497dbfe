//! `registry.push`: the image in the registry, under a tag, known from then on by its digest.
//!
//! The digest is resolved again from the registry's own API, which is not the way the push went. A tag
//! that holds this image already is left alone, one that holds another is refused.

mod back;

use std::collections::BTreeMap;

use serde_json::json;

use super::containerise::engine;
use super::{Action, Checking, Effect, Outputs, Reading, Reality, Result, Working};
use crate::domain::preview::Verb;
use crate::domain::runbook::inputs::Push;
use crate::domain::{Check, Failure, Preview, Resource};
use crate::services::Error;
use crate::services::docker::Credentials;
use crate::services::kubernetes::RUN;
use crate::services::registry::{Registry, from_docker_config};

/// The runbook's credentials for the registry, or Docker's own for it.
pub(super) async fn credentials(cx: &Reading) -> Result<Option<Credentials>> {
    let registry = cx.registry()?;
    match &registry.account {
        Some(account) => {
            let password = cx.secret(&account.password).await?;
            Ok(Some(Credentials::Basic { username: account.user.clone(), password }))
        }
        None => Ok(from_docker_config(host_of(&registry.push)).await?),
    }
}

/// The credentials for pulling an image: the runbook's where it is in the runbook's registry.
pub(super) async fn credentials_for(cx: &Reading, image: &str) -> Result<Option<Credentials>> {
    // A name without a host in front is the hub's.
    let host = image.split_once('/').map_or("", |(host, _)| host);
    match cx.registry() {
        Ok(registry) if host_of(&registry.push) == host => credentials(cx).await,
        _ if host.contains(['.', ':']) => Ok(from_docker_config(host).await?),
        _ => Ok(from_docker_config("docker.io").await?),
    }
}

/// The service whose identity is pinned.
const SERVICE: &str = "registry";
/// The one effect.
const PUSH: &str = "push";

/// An address as images name it, without a scheme.
fn host_of(address: &str) -> &str {
    address.split_once("://").map_or(address, |(_, host)| host)
}

/// What a tag in the registry holds.
struct Held {
    digest: String,
    /// The id of the image, which is the digest of its configuration.
    id: Option<String>,
}

struct Place {
    registry: Registry,
    credentials: Option<Credentials>,
    repository: String,
    tag: String,
    /// `host/repository:tag`, for the engine.
    reference: String,
    /// `host/repository`, for the nodes.
    pull: String,
}

impl Place {
    async fn of(inputs: &Push, cx: &Reading) -> Result<Self> {
        let wanted = cx.registry()?;
        let credentials = credentials(cx).await?;
        let tag = inputs.tag.clone().unwrap_or_else(|| cx.run().to_string());
        let host = host_of(&wanted.push);
        Ok(Self {
            registry: Registry::new(&wanted.push, credentials.clone())?,
            credentials,
            repository: wanted.repository.clone(),
            reference: format!("{host}/{}:{tag}", wanted.repository),
            pull: format!("{}/{}", host_of(wanted.pull.as_ref().unwrap_or(&wanted.push)), wanted.repository),
            tag,
        })
    }

    async fn held(&self) -> Result<Option<Held>> {
        let Some(manifest) = self.registry.manifest(&self.repository, &self.tag).await? else { return Ok(None) };
        let id = manifest.config_digest().map(str::to_owned);
        Ok(Some(Held { digest: manifest.descriptor.digest, id }))
    }

    /// The digest that the tag holds, if it is this image; another image under it is refused.
    async fn held_already(&self, image: &str) -> Result<Option<String>> {
        match self.held().await? {
            None => Ok(None),
            Some(held) if held.id.as_deref() == Some(image) => Ok(Some(held.digest)),
            Some(held) => Err(Failure::refused(format!("the tag {} holds another image", self.reference))
                .because(format!("it stands for {}", held.digest))
                .next("give the step another `tag`: tags are never moved, and in many registries cannot be")),
        }
    }
}

impl Place {
    /// A push that the engine could not get rid of, with what can be done about it.
    fn refuses(&self, error: Error) -> Failure {
        let failure = Failure::from(error);
        let next = failure.next.clone().unwrap_or_else(|| {
            format!(
                "see that the runbook's registry account may push to {}, and that the registry takes pushes and has \
                 room; then run the step again: layers that arrived are not sent twice",
                self.repository
            )
        });
        failure.while_doing(format!("push to the registry at {}", self.registry.host())).next(next)
    }
}

impl Push {
    async fn image_id(&self, cx: &Reading) -> Result<String> {
        let image = cx.resolve(&self.image)?;
        let found = engine(cx).await?.image(&image).await?;
        let missing = || {
            Failure::permanent(format!("the engine has no image {image}")).next("drive the step that builds it again")
        };
        Ok(found.ok_or_else(missing)?.id)
    }
}

impl Action for Push {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let place = Place::of(self, cx).await?;
        place.registry.ping().await?;
        let id = self.image_id(cx).await?;
        let there = place.held_already(&id).await?;
        let mut preview = Preview::undone_by(format!(
            "takes the tag {} away again; by digest only where no other tag shares it and the registry allows it",
            place.reference
        ));
        preview.identity("registry", place.registry.host());
        let verb = if there.is_some() { Verb::Keep } else { Verb::Create };
        preview.change(verb, format!("tag {}", place.reference), vec![format!("image {id}")]);
        preview.setting("pulled by the nodes as", &place.pull);
        if place.credentials.is_none() {
            preview.warnings.push("no credentials for this registry: the push goes as nobody".to_owned());
        }
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        let engine = engine(cx).await?;
        let place = Place::of(self, cx).await?;
        cx.pin(SERVICE, place.registry.host())?;
        let id = self.image_id(cx).await?;
        let undo = back::Undo {
            tag: place.tag.clone(),
            image: id.clone(),
            held: place.held_already(&id).await?,
            reference: place.reference.clone(),
            named: engine.image(&place.reference).await?.map(|image| image.id),
        };
        let effect = Effect::new(PUSH, format!("push {}", place.reference))
            .undo(json!(undo))
            .touches(Resource::tag(&place.repository, &place.tag))
            .touches(Resource::image(&place.reference));
        // The engine's own name for it may be made already: what the first attempt found is to be kept.
        let look = async { Ok(place.held_already(&id).await?.map_or(Reality::Partly, Reality::Done)) };
        let act = async {
            if let Some(digest) = place.held_already(&id).await? {
                return Ok(digest);
            }
            engine.tag(&id, &place.reference).await?;
            let push = engine.push(&place.reference, place.credentials.as_ref(), |transfer| {
                cx.progress("push", transfer.done, Some(transfer.total), "layers");
            });
            let told = tokio::select! {
                pushed = push => pushed.map_err(|error| place.refuses(error))?,
                () = cx.cancel().cancelled() => return Err(Failure::interrupted()),
            };
            let resolved = place.held_already(&id).await?;
            if resolved.as_ref() == Some(&told) {
                return Ok(told);
            }
            Err(Failure::permanent(format!("{} did not arrive as it was sent", place.reference)).because(format!(
                "the engine pushed {told}, the registry has {}",
                resolved.as_deref().unwrap_or("nothing")
            )))
        };
        let digest: String = cx.effect(effect, look, act).await?;
        Ok(BTreeMap::from([
            ("image".to_owned(), json!(format!("{}@{digest}", place.pull))),
            ("digest".to_owned(), json!(digest)),
        ]))
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        let place = Place::of(self, cx).await?;
        let digest = cx.output(cx.step_id(), "digest").ok();
        let digest = digest.as_ref().and_then(|digest| digest.as_str());
        let Some(manifest) = place.registry.manifest(&place.repository, &place.tag).await? else {
            return Ok(vec![Check::failed(format!("the registry has the tag {}", place.reference), "it has not")]);
        };
        let found = &manifest.descriptor.digest;
        let config = place.registry.image_config(&place.repository, &manifest).await?;
        let run = config["config"]["Labels"][RUN].as_str().unwrap_or_default();
        let sharing = place.registry.tags_sharing(&place.repository, &place.tag, found).await?;
        Ok(vec![
            Check::of(
                digest.is_none_or(|digest| digest == found),
                "the registry's tag stands for the digest that was pushed",
                found,
            ),
            Check::of(
                run == cx.run().as_str(),
                "the registry's image carries this run's label",
                if run.is_empty() { "no run".to_owned() } else { format!("run {run}") },
            ),
            Check::noted(
                "other tags that share the digest",
                if sharing.is_empty() { "none".to_owned() } else { sharing.join(", ") },
            ),
        ])
    }

    async fn way_back(&self, cx: &Reading) -> Result<Preview> {
        back::way_back(cx, &Place::of(self, cx).await?).await
    }

    async fn rollback(&self, cx: &Working) -> Result<Vec<Check>> {
        if cx.standing().is_empty() {
            return Ok(Vec::new());
        }
        back::rollback(cx, &Place::of(self, cx).await?).await
    }
}
