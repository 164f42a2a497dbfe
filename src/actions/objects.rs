//! Kubernetes objects of a step: previewed by a dry run, applied one effect each, taken back one by one.

mod back;

use std::future::Future;

use serde_json::{Value, json};

use super::{Effect, Reading, Result, Working, again};
use crate::domain::preview::Verb;
use crate::domain::state::Stage;
use crate::domain::{Preview, Resource};
use crate::services::kubernetes::{Cluster, Difference, Manifest, Name, Owner, Placeholders, What};

use crate::domain::Failure;
pub(super) use back::{no_pods, nothing_left, take_back, way_back};

/// What the key of an object's effect begins with.
const KEY: &str = "object:";

/// The run as the owner of objects.
pub(super) fn owner(cx: &Reading) -> Owner {
    Owner::new(cx.run().as_str())
}

/// The documents of one of our files, filled.
pub(super) fn parse(file: &str, text: &str, placeholders: &Placeholders) -> Result<Vec<Manifest>> {
    Manifest::parse(text, placeholders)
        .map_err(|why| Failure::permanent(format!("fill the manifests of {file}")).because(why))
}

/// The names of the objects in one of our files; of its placeholders only those of the names matter.
pub(super) fn names(file: &str, text: &str, known: &Placeholders) -> Result<Vec<Name>> {
    let mut placeholders = known.clone();
    for placeholder in text.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)) {
        placeholders.entry(placeholder.to_owned()).or_insert(Value::Null);
    }
    Ok(parse(file, text, &placeholders)?.iter().map(Manifest::name).collect())
}

/// Shows what applying `manifests` would do.
pub(super) async fn preview(
    cluster: &Cluster,
    manifests: &[Manifest],
    cx: &Reading,
    preview: &mut Preview,
) -> Result<()> {
    for Difference { name, what } in cluster.diff(manifests, &owner(cx)).await? {
        let secret = name.kind == "Secret";
        let (verb, detail) = match what {
            What::Created if secret => (Verb::Create, vec!["its content is not shown".to_owned()]),
            What::Created => (Verb::Create, Vec::new()),
            What::Changed(_) if secret => (Verb::Change, vec!["its content is not shown".to_owned()]),
            What::Changed(lines) => (Verb::Change, lines),
            What::Unchanged => (Verb::Keep, Vec::new()),
        };
        preview.change(verb, name.to_string(), detail);
    }
    Ok(())
}

/// Applies each object as an effect of its own. One that stands as wanted is not applied again; one whose
/// inputs changed since is applied again, as a new effect.
pub(super) async fn apply(cluster: &Cluster, manifests: &[Manifest], cx: &Working) -> Result<()> {
    let owner = owner(cx);
    for manifest in manifests {
        let name = manifest.name();
        let first = format!("{KEY}{name}");
        if happened(cx, &first) {
            let differences = cluster.diff(std::slice::from_ref(manifest), &owner).await?;
            if differences.iter().all(|difference| difference.what == What::Unchanged) {
                continue;
            }
        }
        let key = fresh(cx, &first);
        let undo = json!({
            "api_version": name.api_version, "kind": name.kind, "namespace": name.namespace, "name": name.name,
        });
        let act = applied(cluster, manifest, &owner);
        let touched = Resource::object(&name.api_version, &name.kind, name.namespace.as_deref(), &name.name);
        let effect = Effect::new(key, format!("apply {name}")).undo(undo).touches(touched);
        let _: Value = cx.effect(effect, again(), act).await?;
    }
    Ok(())
}

async fn applied(cluster: &Cluster, manifest: &Manifest, owner: &Owner) -> Result<Value> {
    let object = cluster.apply(manifest, owner).await?;
    Ok(json!({"uid": object["metadata"]["uid"]}))
}

fn happened(cx: &Working, key: &str) -> bool {
    let step = cx.state().step(cx.step_id());
    step.effects.get(key).is_some_and(|effect| matches!(effect.stage, Stage::Happened(_)))
}

/// The key, numbered if effects under it have happened before.
pub(super) fn fresh(cx: &Working, first: &str) -> String {
    let mut key = first.to_owned();
    let mut number = 1;
    while happened(cx, &key) {
        number += 1;
        key = format!("{first}#{number}");
    }
    key
}

/// Before a rollout is waited for once more: pods of an earlier attempt that failed to come up are made anew,
/// in case what kept them from it is mended.
pub(super) async fn renewed(cluster: &Cluster, cx: &Working, namespace: &str, selector: &str) -> Result<()> {
    let selector = format!("{selector},{}", owner(cx).selector());
    if cluster.pods(namespace, &selector).await?.iter().all(|pod| !pod.stumbled) {
        return Ok(());
    }
    let effect = Effect::new(fresh(cx, "renew-pods"), format!("make the pods {selector} anew that cannot come up"));
    let act = async { Ok(cluster.renew_stumbled(namespace, &selector).await?) };
    cx.effect(effect, again(), act).await.map(drop)
}

/// Something that the driver may stop.
pub(super) async fn stoppable<T>(cx: &Working, work: impl Future<Output = crate::services::Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => Ok(done?),
        () = cx.cancel().cancelled() => Err(Failure::interrupted()),
    }
}

/// Content for a Secret's `data`.
pub(super) fn encoded(content: &str) -> Value {
    use base64::Engine as _;
    Value::String(base64::prelude::BASE64_STANDARD.encode(content))
}

/// A registry's credentials as nodes take them; nothing where the registry has none.
pub(super) async fn docker_config(cx: &Reading) -> Result<Option<Value>> {
    use base64::Engine as _;
    use secrecy::ExposeSecret as _;

    use crate::services::docker::Credentials;

    let registry = cx.registry()?;
    let Some(Credentials::Basic { username, password }) = super::push::credentials(cx).await? else { return Ok(None) };
    let host = registry.pull.as_ref().unwrap_or(&registry.push);
    let auth = base64::prelude::BASE64_STANDARD.encode(format!("{username}:{}", password.expose_secret()));
    let config = json!({"auths": {host: {"auth": auth}}});
    Ok(Some(encoded(&config.to_string())))
}
