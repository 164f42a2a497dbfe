//! (being built)

pub mod ledger;
pub mod route53;
pub mod traffic;
