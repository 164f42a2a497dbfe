//! Images of others that the step needs: pulled where the engine has none, which is a change of the engine
//! like any other.

use serde_json::json;

use crate::actions::{Effect, Reality, Result, Working, objects, push};
use crate::domain::Resource;
use crate::services::docker::Engine;

/// What the keys of these effects begin with.
pub(super) const PULL: &str = "pull:";

/// Pulls `image` if the engine has none; one that it has is taken as it is.
pub(super) async fn ensure(cx: &Working, engine: &Engine, image: &str, platform: Option<&str>) -> Result<()> {
    let key = format!("{PULL}{image}");
    if engine.image(image).await?.is_some() && cx.undo_of(&key).is_none() {
        return Ok(());
    }
    let effect = Effect::new(key, format!("pull {image}")).undo(json!({ "image": image }));
    let effect = effect.touches(Resource::image(image));
    let look = async { Ok(if engine.image(image).await?.is_some() { Reality::Done(()) } else { Reality::NotDone }) };
    let act = async {
        let credentials = push::credentials_for(cx, image).await?;
        let pull = engine.pull(image, platform, credentials.as_ref(), |transfer| {
            cx.progress(&format!("pull {image}"), transfer.done, Some(transfer.total), "layers");
        });
        objects::stoppable(cx, pull).await
    };
    cx.effect(effect, look, act).await
}
