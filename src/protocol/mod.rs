//! What every client of an engine speaks: HTTP with JSON and server-sent events, versioned.
//!
//! The engine sends one thing, the [`view::View`]: where the run stands, ready to be drawn, made by one pure
//! function ([`derive::view`]) of the folded state and what is only known live. The terminal UI, the watchers
//! and the page draw it; none of them looks at the world or folds events itself. What a client sends
//! is an [`order::Order`], which says what it was drawn from. `assets/protocol.md` is the same for people.

pub mod address;
pub mod client;
pub mod derive;
pub mod live;
pub mod log;
pub mod order;
pub mod serving;
pub mod told;
pub mod view;

/// The version of the protocol; the path of every request begins with it: `/v1/view`.
pub const VERSION: u32 = 1;

#[cfg(test)]
mod tests;
