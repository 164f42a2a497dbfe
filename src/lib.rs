//! cutover drives the migration of a live, single-server web service to Kubernetes, a managed MySQL
//! and a new DNS answer: one journalled, resumable step at a time.
//!
//! # The map of the house
//!
//! ```text
//! runbook.toml -> loader -> Plan
//!                             |
//! driver -> Command -> decide(state, command) -> [intent] -> action -> [outcome] -> fold -> RunState
//!                                                   \__ journal __/                            |
//!              terminal, watchers, page, webhooks   <-   View   <-   server   <-   events   ---+
//!                                  JSON lines, journal, report   <-------------   events   ---+
//! ```
//!
//! | module | what lives there | may import |
//! |---|---|---|
//! | [`domain`] | pure: ids, runbook, events, state, the machine | nothing of ours |
//! | [`loader`] | TOML to a plan, with errors that point at the line | domain |
//! | [`journal`] | the run's SQLite file and its lock | domain |
//! | [`services`] | one module per outside service, knowing nothing of runbooks | domain |
//! | [`actions`] | what each step means: preview, apply, verify | domain, services |
//! | [`engine`] | the loop that carries out commands | domain, journal, actions |
//! | [`protocol`] | what every client of an engine speaks, and the one view that all of them draw | domain |
//! | [`server`] | the engine's listener: views, orders, logs over a Unix socket | domain, protocol, engine |
//! | [`notify`] | webhooks told what happened between two views | domain, protocol, services |
//! | [`tui`] | the driver's seat: a client of the protocol that draws its view | domain, protocol |
//! | [`share`] | the team's web page: views out, words and signed approvals in, no orders | domain, protocol |
//! | [`lab`] | real services on this machine to rehearse against | domain, services |
//! | [`cli`] | the command line: it wires everything | all |
//!
//! `tests/architecture.rs` holds this table against the `use crate::` lines.

// Both panic where nobody reads any more; `present::line` and `services::stderr` do not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod actions;
pub mod cli;
pub mod domain;
pub mod engine;
pub mod journal;
pub mod lab;
pub mod loader;
pub mod notify;
pub mod protocol;
pub mod server;
pub mod services;
pub mod share;
pub mod tui;
