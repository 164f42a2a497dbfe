//! An accepted change, and how the world stands to one that is in doubt.

use aws_sdk_route53::types::{ChangeInfo, ChangeStatus};
use serde::{Deserialize, Serialize};

use super::client::plain_id;
use super::record::RecordSet;

/// The id of an accepted change, by which its progress is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeId(pub String);

/// How far Route 53's own servers are with a change. Resolvers are not spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeState {
    /// Accepted, and not yet answered by all of Route 53's servers.
    Pending,
    /// Answered by all of them.
    Insync,
}

/// An accepted change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its id.
    pub id: ChangeId,
    /// How far it is.
    pub state: ChangeState,
}

/// How the world stands to a swap whose answer was lost, or which an earlier attempt began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// The sets are the old ones: it was not made.
    Old,
    /// The sets are the new ones: it was made.
    New,
    /// The sets are neither: somebody else changed them.
    Neither {
        /// The sets that stand there.
        found: Vec<RecordSet>,
        /// What they have otherwise than the old ones.
        differences: Vec<String>,
    },
}

/// Reads the service's description of a change.
pub(super) fn read_change(info: &ChangeInfo) -> Change {
    let state = if info.status == ChangeStatus::Insync { ChangeState::Insync } else { ChangeState::Pending };
    Change { id: ChangeId(plain_id(&info.id)), state }
}
