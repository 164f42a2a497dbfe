//! Objects taken back: what the run made, as long as it is still that.
//!
//! An object that somebody else changed since is refused, one that somebody else made in its place stays,
//! and a namespace with anything of others in it stays, with what is in it named.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{KEY, owner};
use crate::actions::undo::recorded;
use crate::actions::{Reading, Result, Working};
use crate::domain::preview::Verb;
use crate::domain::state::Stage;
use crate::domain::{Check, Failure, Preview};
use crate::services::kubernetes::{Cluster, Name, Stands};

/// The checkpoint with the uid of each object, by the effect that made it.
const UIDS: &str = "uids";
/// How long an object may take to be gone, its pods' time to end and a cloud's load balancer included.
const GONE: Duration = Duration::from_mins(10);

/// One object that an effect of the step may have made.
struct Made {
    key: String,
    name: Name,
    /// As the server gave it; nothing where the effect is in doubt.
    uid: Option<String>,
}

/// What becomes of it.
enum Fate {
    Gone,
    Removed,
    Kept { why: String },
}

/// What the step's effects may have made, the last first.
fn made(cx: &Reading) -> Result<Vec<Made>> {
    let mut uids: BTreeMap<String, String> = cx.checkpointed(UIDS)?.unwrap_or_default();
    let objects = cx.standing().into_iter().filter(|(key, _)| key.starts_with(KEY));
    let made = objects.map(|(key, effect)| {
        let name = Name {
            api_version: recorded(&effect.undo, "api_version")?,
            kind: recorded(&effect.undo, "kind")?,
            namespace: recorded(&effect.undo, "namespace")?,
            name: recorded(&effect.undo, "name")?,
        };
        let uid = match &effect.stage {
            Stage::Happened(outcome) => outcome["uid"].as_str().map(str::to_owned),
            Stage::Undoing => uids.remove(&key),
            _ => None,
        };
        Ok(Made { key, name, uid })
    });
    made.collect()
}

/// Shows what taking the step's objects back would do.
pub(in crate::actions) async fn way_back(cluster: &Cluster, cx: &Reading, preview: &mut Preview) -> Result<()> {
    let mut shown: Vec<Name> = Vec::new();
    for object in made(cx)? {
        if shown.contains(&object.name) {
            continue;
        }
        match object.fate(cluster, cx).await? {
            Fate::Gone => preview.change(Verb::Keep, object.name.to_string(), vec!["it is not there".to_owned()]),
            Fate::Removed => preview.change(Verb::Remove, object.name.to_string(), Vec::new()),
            Fate::Kept { why } => preview.change(Verb::Keep, object.name.to_string(), vec![why]),
        };
        shown.push(object.name);
    }
    Ok(())
}

/// Takes back those of the step's objects that `wanted` wants, the last first; each is gone, with all that
/// it owned, before the next.
pub(in crate::actions) async fn take_back(
    cluster: &Cluster,
    cx: &Working,
    wanted: impl Fn(&Name) -> bool,
) -> Result<()> {
    let made = made(cx)?;
    // An effect that is being taken back has lost its outcome: what is known is noted first.
    let uids: BTreeMap<&str, &str> =
        made.iter().filter_map(|made| Some((made.key.as_str(), made.uid.as_deref()?))).collect();
    cx.checkpoint(UIDS, &uids)?;
    for object in made.into_iter().filter(|made| wanted(&made.name)) {
        cx.progress(&format!("remove {}", object.name), 0, None, "");
        // A namespace that stays is still this run's, and goes when the step is taken back once more.
        if object.name.kind == "Namespace"
            && let Fate::Kept { why } = object.fate(cluster, cx).await?
        {
            cx.keep(Some(&object.key), object.name.to_string(), why)?;
            continue;
        }
        cx.take_back(&object.key, async |_| object.remove(cluster, cx).await).await?;
    }
    Ok(())
}

/// That none of `names` is the run's any more, but for what was kept: read one by one, which is not the way
/// they were removed.
pub(in crate::actions) async fn nothing_left(cluster: &Cluster, cx: &Reading, names: &[Name]) -> Result<Check> {
    let kept: Vec<String> = cx.state().kept.into_iter().map(|kept| kept.what).collect();
    let (mut left, mut stays) = (Vec::new(), Vec::new());
    for name in names {
        let list = if kept.contains(&name.to_string()) { &mut stays } else { &mut left };
        if let Stands::Ours { .. } = cluster.stands(name, &owner(cx)).await? {
            list.push(name.to_string());
        }
    }
    let evidence = match (left.is_empty(), stays.is_empty()) {
        (false, _) => format!("still there: {}", left.join(", ")),
        (true, false) => format!("kept: {}", stays.join(", ")),
        (true, true) => format!("{} objects looked for", names.len()),
    };
    Ok(Check::of(left.is_empty(), "the cluster has none of the step's objects", evidence))
}

/// That no pod of a selector is there any more.
pub(in crate::actions) async fn no_pods(
    cluster: &Cluster,
    cx: &Reading,
    namespace: &str,
    selector: &str,
) -> Result<Check> {
    let run = owner(cx).selector();
    let pods = cluster.pods(namespace, &format!("{selector},{run}")).await?;
    let evidence = pods.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>().join(", ");
    let evidence = if evidence.is_empty() { "none".to_owned() } else { evidence };
    Ok(Check::of(pods.is_empty(), format!("no pod {selector} is left in {namespace}"), evidence))
}

impl Made {
    async fn fate(&self, cluster: &Cluster, cx: &Reading) -> Result<Fate> {
        let (uid, changed_by) = match cluster.stands(&self.name, &owner(cx)).await? {
            Stands::Gone => return Ok(Fate::Gone),
            Stands::Theirs => {
                return Ok(Fate::Kept { why: "somebody else made it, or took it over, since".to_owned() });
            }
            Stands::Ours { uid, changed_by } => (uid, changed_by),
        };
        if let Some(made) = self.uid.as_ref().filter(|made| **made != uid) {
            return Err(self.refused(cluster, format!("it was made anew since: its uid was {made}, and is {uid}")));
        }
        if !changed_by.is_empty() {
            return Err(self.refused(cluster, format!("it was changed by {}", changed_by.join(", "))));
        }
        if self.name.kind == "Namespace" {
            let foreign = cluster.foreign_in(&self.name.name, &owner(cx)).await?;
            if !foreign.is_empty() {
                let named: Vec<String> = foreign.iter().map(ToString::to_string).collect();
                return Ok(Fate::Kept { why: format!("others have something in it: {}", named.join(", ")) });
            }
        }
        Ok(Fate::Removed)
    }

    async fn remove(&self, cluster: &Cluster, cx: &Working) -> Result<()> {
        match self.fate(cluster, cx).await? {
            Fate::Gone => Ok(()),
            Fate::Kept { why } => cx.keep(None, self.name.to_string(), why),
            Fate::Removed => super::stoppable(cx, cluster.delete(&self.name, &owner(cx), GONE)).await.map(drop),
        }
    }

    fn refused(&self, cluster: &Cluster, why: String) -> Failure {
        let Name { kind, namespace, name, .. } = &self.name;
        let place = namespace.as_ref().map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
        let what = format!("{} at {} is not as this run made it", self.name, cluster.address());
        Failure::refused(what).because(why).next(format!(
            "find out who needs it (kubectl get {kind} {name}{place} -o yaml --show-managed-fields); if nobody does, delete \
             it; if it shall stay, take the label off: kubectl label {kind} {name}{place} {}-",
            crate::services::kubernetes::RUN
        ))
    }
}
