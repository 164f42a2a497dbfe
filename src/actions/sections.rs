//! The runbook's sections, as an action asks for them: one that is not written is a failure that says so.

use super::Result;
use super::context::Reading;
use crate::domain::Failure;
use crate::domain::runbook::{Connections, Dns, Kubernetes, Probe, Registry, Source, Target};

impl Reading {
    /// The runbook's connections.
    pub fn connections(&self) -> &Connections {
        &self.plan().runbook.connections
    }

    /// Where the service runs today.
    pub fn source(&self) -> Result<&Source> {
        needed(self.connections().source.as_ref(), "source")
    }

    /// Where the data goes.
    pub fn target(&self) -> Result<&Target> {
        needed(self.connections().target.as_ref(), "target")
    }

    /// The registry.
    pub fn registry(&self) -> Result<&Registry> {
        needed(self.connections().registry.as_ref(), "registry")
    }

    /// The cluster.
    pub fn kubernetes(&self) -> Result<&Kubernetes> {
        needed(self.connections().kubernetes.as_ref(), "kubernetes")
    }

    /// The hosted zone and the record.
    pub fn dns(&self) -> Result<&Dns> {
        needed(self.connections().dns.as_ref(), "dns")
    }

    /// The requests that prove the service.
    pub fn probe(&self) -> Result<&Probe> {
        needed(self.connections().probe.as_ref(), "probe")
    }
}

fn needed<'a, T>(section: Option<&'a T>, name: &str) -> Result<&'a T> {
    section.ok_or_else(|| {
        Failure::permanent(format!("the runbook has no [{name}]"))
            .next(format!("write a section [{name}]: `cutover schema`"))
    })
}
