//! The way back: the tag that the push added, and the name that the engine gave the image for it.
//!
//! Where a registry removes tags only with the manifest and every other tag of it, and there is another, or
//! where it removes nothing at all, the tag is kept, and listed with the reason.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{PUSH, Place, SERVICE};
use crate::actions::containerise::engine;
use crate::actions::{Reading, Result, Working};
use crate::domain::preview::Verb;
use crate::domain::{Check, Failure, Preview};
use crate::services::docker::Engine;
use crate::services::{Error, Kind};

/// What the effect records before anything is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Undo {
    /// The tag.
    pub tag: String,
    /// The image's id, which is its configuration's digest: by it the run's own is told from another's.
    pub image: String,
    /// The digest that the tag held of this very image before; another image's tag is never taken.
    pub held: Option<String>,
    /// The engine's name for it.
    pub reference: String,
    /// The id of the image that had this name before.
    pub named: Option<String>,
}

/// What has to be done about the tag.
enum Stands {
    /// It is not there, or was there before.
    AsBefore,
    /// It stands for what the run pushed.
    Pushed { digest: String, sharing: Vec<String> },
    /// Somebody moved it since.
    Moved { digest: String },
}

impl Undo {
    fn of(value: &Value) -> Result<Self> {
        serde_json::from_value(value.clone()).map_err(|why| {
            Failure::permanent("the journal's record of the push is not readable")
                .because(why.to_string())
                .next("go on with the version of cutover that began the step")
        })
    }

    async fn stands(&self, place: &Place) -> Result<Stands> {
        let registry = &place.registry;
        let Some(manifest) = registry.manifest(&place.repository, &self.tag).await? else {
            return Ok(Stands::AsBefore);
        };
        let id = manifest.config_digest().map(str::to_owned);
        let digest = manifest.descriptor.digest;
        if self.held.as_ref() == Some(&digest) {
            return Ok(Stands::AsBefore);
        }
        if id.as_ref() != Some(&self.image) {
            return Ok(Stands::Moved { digest });
        }
        let sharing = registry.tags_sharing(&place.repository, &self.tag, &digest).await?;
        Ok(Stands::Pushed { digest, sharing })
    }
}

pub(super) async fn way_back(cx: &Reading, place: &Place) -> Result<Preview> {
    let began = Instant::now();
    cx.recognise(SERVICE, place.registry.host())?;
    let mut preview = Preview::undone_by("pushing the image again; the registry has its layers until it collects them");
    preview.identity(SERVICE, place.registry.host());
    preview.loses = Some(0);
    if let Some((_, effect)) = cx.standing().into_iter().next() {
        let undo = Undo::of(&effect.undo)?;
        let tag = format!("tag {}", undo.reference);
        match undo.stands(place).await? {
            Stands::AsBefore => preview.change(Verb::Keep, tag, vec!["as it was before the push".to_owned()]),
            Stands::Moved { digest } => preview.change(Verb::Keep, tag, vec![format!("somebody moved it to {digest}")]),
            Stands::Pushed { digest, sharing } => {
                if !sharing.is_empty() {
                    preview.warnings.push(format!(
                        "{} stand for the same digest: the tag is kept if this registry cannot remove it alone",
                        sharing.join(", ")
                    ));
                }
                preview.change(Verb::Remove, tag, vec![digest])
            }
        };
        if undo.named.is_none() && engine(cx).await?.image(&undo.reference).await?.is_some() {
            preview.change(Verb::Remove, format!("the engine's name {}", undo.reference), Vec::new());
        }
    }
    preview.takes = cx.measured(|_| false).or_else(|| Some(began.elapsed().as_secs_f64()));
    Ok(preview)
}

pub(super) async fn rollback(cx: &Working, place: &Place) -> Result<Vec<Check>> {
    cx.recognise(SERVICE, place.registry.host())?;
    let Some((_, effect)) = cx.standing().into_iter().next() else { return Ok(Vec::new()) };
    let undo = Undo::of(&effect.undo)?;
    let act = async |_| {
        unname(&engine(cx).await?, &undo).await?;
        remove(cx, place, &undo).await
    };
    cx.take_back(PUSH, act).await?;
    let tags = place.registry.tags(&place.repository).await?;
    let listed = tags.contains(&undo.tag);
    let evidence = if tags.is_empty() { "no tags".to_owned() } else { tags.join(", ") };
    Ok(vec![if listed && (undo.held.is_some() || kept(cx, &undo)) {
        Check::noted(format!("the tag {} stays", undo.tag), evidence)
    } else {
        Check::of(!listed, format!("{} does not list the tag {}", place.registry.host(), undo.tag), evidence)
    }])
}

/// Gives the engine's name for the image back to what had it before.
async fn unname(engine: &Engine, undo: &Undo) -> Result<()> {
    let now = engine.image(&undo.reference).await?.map(|image| image.id);
    if now == undo.named || now.as_ref() != Some(&undo.image) {
        return Ok(());
    }
    engine.remove_image(&undo.reference).await?;
    match &undo.named {
        Some(named) if engine.image(named).await?.is_some() => Ok(engine.tag(named, &undo.reference).await?),
        _ => Ok(()),
    }
}

async fn remove(cx: &Working, place: &Place, undo: &Undo) -> Result<()> {
    let (registry, repository) = (&place.registry, place.repository.as_str());
    if let Stands::Moved { digest } = undo.stands(place).await? {
        return keep(cx, undo, format!("somebody moved it to {digest}, which is not this run's"));
    }
    if !matches!(undo.stands(place).await?, Stands::Pushed { .. }) {
        return Ok(());
    }
    let refused = refusal(registry.untag(repository, &undo.tag).await)?;
    let Stands::Pushed { digest, sharing } = undo.stands(place).await? else { return Ok(()) };
    if !sharing.is_empty() {
        let why = refused.unwrap_or_else(|| "it removes tags only with their manifest".to_owned());
        return keep(cx, undo, format!("{} stand for the same digest, and the registry: {why}", sharing.join(", ")));
    }
    match refusal(registry.delete(repository, &digest).await)? {
        None => Ok(()),
        Some(why) => keep(cx, undo, format!("the registry lets nobody delete it: {why}")),
    }
}

/// In its own words, that a registry does not do this: it answered the reads before with the same
/// credentials.
fn refusal<T>(answer: std::result::Result<T, Error>) -> Result<Option<String>> {
    match answer {
        Ok(_) => Ok(None),
        Err(error) if error.kind == Kind::Permanent => {
            Ok(Some(error.why.as_ref().map(ToString::to_string).unwrap_or_default()))
        }
        Err(error) => Err(error.into()),
    }
}

fn keep(cx: &Working, undo: &Undo, why: String) -> Result<()> {
    cx.keep(None, name(undo), why)
}

fn kept(cx: &Reading, undo: &Undo) -> bool {
    cx.state().kept.iter().any(|kept| kept.what == name(undo))
}

fn name(undo: &Undo) -> String {
    format!("tag {}", undo.reference)
}
