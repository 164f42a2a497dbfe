//! Whether anybody still comes to the old address: it goes when its front relayed nothing for one TTL of the old
//! answer, or when the driver gave up, by the runbook's phrase, whoever still came after a wait in vain.

use jiff::{SignedDuration, Timestamp};

use super::dns::open::{SWITCHED_AT, TTL, old_ttl};
use super::dns::world::{front, step_of};
use super::{Checking, Reading, Result, Working, quiet};
use crate::domain::risk::Risk;
use crate::domain::runbook::ActionSpec;
use crate::domain::runbook::inputs::Manual;
use crate::domain::{Check, Failure, Preview};
use crate::services::front::Front;

/// The checkpoint that says that clients came while it waited.
const WAITED: &str = "clients_came";

/// The old address after the switch.
struct Old {
    front: Front,
    /// How long the old answer may be kept.
    ttl: SignedDuration,
}

impl Old {
    /// Nothing where there is no front, and so nobody is relayed.
    async fn look(cx: &Reading) -> Result<Option<Self>> {
        let dns = step_of(cx.plan(), |action| matches!(action, ActionSpec::Switch(_)))?;
        let cx_of_dns = cx.as_step(dns);
        if !cx.state().switched || cx_of_dns.checkpointed::<Timestamp>(SWITCHED_AT)?.is_none() {
            return Err(Failure::refused("tenants are on the old side").next(format!("drive `{dns}` first")));
        }
        let ttl = SignedDuration::from_secs(i64::from(old_ttl(&cx_of_dns)?.unwrap_or(TTL).max(1)));
        Ok(front(cx).await?.map(|front| Self { front, ttl }))
    }

    /// How many were relayed in the last TTL.
    async fn hits(&self) -> Result<u64> {
        Ok(self.front.hits_since(Timestamp::now() - self.ttl).await?)
    }

    fn said(&self, hits: u64) -> String {
        format!("{hits} requests relayed in the last {} s", self.ttl.as_secs())
    }
}

/// Shows who still comes; once it was waited in vain, that they can be given up.
pub(super) async fn preview(inputs: &Manual, cx: &Reading, preview: &mut Preview) -> Result<()> {
    preview.setting("begins", "when the old address relayed nothing for one TTL");
    let Some(old) = Old::look(cx).await? else { return Ok(()) };
    let hits = old.hits().await?;
    preview.figure("the old address", old.said(hits));
    if hits > 0 && cx.checkpointed::<bool>(WAITED)?.is_some() && inputs.accept_relayed.is_some() {
        preview.accepts.push(Risk {
            what: "clients still come by the old address: they fail once it is off".to_owned(),
            accepted_by: "accept_relayed".to_owned(),
            phrase: inputs.accept_relayed.clone(),
        });
    }
    Ok(())
}

/// Waits until nobody comes any more, unless whoever does was given up.
pub(super) async fn wait(inputs: &Manual, cx: &Working) -> Result<()> {
    let Some(old) = Old::look(cx).await? else { return cx.log("there is no front: nobody is relayed") };
    let given_up = inputs.accept_relayed.as_ref().is_some_and(|phrase| {
        let state = cx.state();
        state.step(cx.step_id()).accepted.contains(phrase)
    });
    if given_up {
        let hits = old.hits().await?;
        return cx.log(format!("{}{}", old.said(hits), if hits == 0 { "" } else { ": given up" }));
    }
    let look = || async {
        let hits = old.hits().await?;
        if hits > 0 {
            cx.checkpoint(WAITED, &true)?;
        }
        Ok((hits, hits))
    };
    let in_vain = |hits| {
        Failure::permanent("clients still come by the old address").because(old.said(hits)).next(
            "the front's access log names them: let them resolve the name again, and run the step again; or give them up \
             by the phrase of `accept_relayed`, which its gate asks for then",
        )
    };
    quiet::wait(cx, "wait until nobody comes by the old address", old.ttl, look, in_vain).await?;
    cx.log(old.said(0))
}

/// Who came lately, for the record.
pub(super) async fn check(cx: &Checking) -> Result<Option<Check>> {
    let Some(old) = Old::look(cx).await? else { return Ok(None) };
    Ok(Some(Check::noted("the old address", old.said(old.hits().await?))))
}
