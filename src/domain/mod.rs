//! What a migration is, in plain data: no clock, no I/O, no runtime.
//!
//! The loader makes a [`plan::Plan`] of these words, the machine decides and folds with them, the actions
//! speak in them, and the journal keeps them. Anything here can be tested without a service.

pub mod admission;
pub mod approval;
pub mod check;
pub mod condition;
pub mod event;
pub mod failure;
pub mod figure;
pub mod finding;
pub mod ids;
pub mod limit;
pub mod machine;
pub mod period;
pub mod plain;
pub mod plan;
pub mod preview;
pub mod resource;
pub mod risk;
pub mod runbook;
pub mod saying;
pub mod seat;
pub mod secret;
pub mod state;

pub use check::Check;
pub use condition::{Condition, Stands};
pub use event::{Event, Recorded};
pub use failure::{Failure, FailureKind};
pub use finding::Finding;
pub use ids::{RunId, StepId};
pub use period::Period;
pub use plan::Plan;
pub use preview::{Change, Preview};
pub use resource::Resource;
pub use risk::Risk;
pub use secret::SecretRef;
pub use state::RunState;
