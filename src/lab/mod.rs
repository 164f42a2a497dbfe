//! (being built)

pub mod route53;
