//! Room where the run is kept: its journal cannot be written on a full disk, and then no step goes on.

use crate::actions::Reading;
use crate::actions::preflight::machine::{RESERVE, existing, free};
use crate::domain::figure;
use crate::domain::limit::Limit;

pub(super) fn look(cx: &Reading) -> Limit {
    let place = existing(&cx.directory());
    let what = "disk of this run";
    match free(&place) {
        Ok(free) => Limit::holds(what, format!("{} free at {}", figure::amount(free, "bytes"), place.display()))
            .against(figure::amount(RESERVE, "bytes"), free >= RESERVE)
            .fix("free some of it: what an old run keeps, `docker system df`"),
        Err(failure) => Limit::refused(what, &failure),
    }
}
