//! Callers for many addresses of one service: connections shared by all who go to the same place.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use super::{Caller, Limits, Scheme, Target};
use crate::services::Result;

/// Above this many addresses the pools are begun anew: a service has a handful, a fault may make thousands.
const MOST: usize = 64;

/// One [`Caller`] per scheme and address, made when first asked for.
#[derive(Debug)]
pub struct Pools {
    host: String,
    roots: Option<Vec<u8>>,
    limits: Limits,
    callers: Mutex<HashMap<(Scheme, SocketAddr), Caller>>,
}

impl Pools {
    /// Pools for one host, trusting only `roots` (PEM) where given.
    pub fn new(host: impl Into<String>, roots: Option<Vec<u8>>, limits: Limits) -> Self {
        Self { host: host.into(), roots, limits, callers: Mutex::default() }
    }

    /// The caller for one address. Callers already handed out stay usable.
    pub fn to(&self, scheme: Scheme, address: SocketAddr) -> Result<Caller> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(caller) = callers.get(&(scheme, address)) {
            return Ok(caller.clone());
        }
        let target = Target { scheme, host: self.host.clone(), address, roots: self.roots.clone() };
        let caller = Caller::with_limits(target, self.limits)?;
        if callers.len() >= MOST {
            callers.clear();
        }
        callers.insert((scheme, address), caller.clone());
        Ok(caller)
    }
}
