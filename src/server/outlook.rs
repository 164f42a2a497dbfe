//! What a window onto this engine gets: its views, and an ear for words and approvals. Orders do not go this way.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::shared::Shared;
use crate::domain::approval::Approval;
use crate::domain::{Failure, Preview, StepId};
use crate::protocol::client::Me;
use crate::protocol::order::Message;
use crate::protocol::view::View;

/// An engine, as far as those who only look on can reach it.
pub struct Outlook(pub(super) Arc<Shared>);

/// Somebody looks on, until this is dropped.
pub struct Present {
    shared: Arc<Shared>,
    me: Me,
}

impl Outlook {
    /// The newest view, and each one after it.
    pub fn views(&self) -> watch::Receiver<Option<Arc<View>>> {
        self.0.views.subscribe()
    }

    /// Counts somebody among those who look on.
    pub fn looks_on(&self, name: &str) -> Present {
        let (shared, me) = (Arc::clone(&self.0), Me::new(name));
        shared.people().opened(Some(&me), Timestamp::now());
        shared.changed.notify_one();
        Present { shared, me }
    }

    /// Looks up in the world what a step would change.
    ///
    /// # Errors
    /// What kept it from being looked up.
    pub async fn preview(&self, step: &StepId) -> Result<Preview, Failure> {
        self.0.handle.preview(step).await
    }

    /// Records what somebody says.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn say(&self, by: &str, message: Message) -> Result<(), Failure> {
        self.0.message(&Me::new(by), message).map(drop)
    }

    /// Records an approval, once its signature is verified.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn approve(&self, approval: Approval) -> Result<(), Failure> {
        self.0.approve(approval).map(drop)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.shared.people().closed(Some(&self.me), Timestamp::now());
        self.shared.changed.notify_one();
    }
}
